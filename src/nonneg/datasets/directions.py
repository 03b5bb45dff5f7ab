"""A cloud of points in the plane, between two directions."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from nonneg.datasets.check import check_sizes

DESCR = "Points in the plane, each a sum of two directions from the origin with random amounts; no noise."


def make_directions(m: int = 300, *, seed: int = 0) -> Bunch:
    """Return a cloud of points in the plane that lies between two directions from the origin.

    A point is W H: some amount, from a gamma distribution of shape 3, of which a share, evenly distributed from 0
    to 1, goes along the first direction and the rest along the second. There is no noise, so two parts describe the
    cloud exactly: these two, and any two that lie further outside.

    Parameters
    ----------
    m : int
        Points, at least 1.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Bunch
        data : float64 array of shape (m, 2), W @ H
        W : float64 array of shape (m, 2), the amounts
        H : float64 array of shape (2, 2), the directions, one a row, each of sum 1: (0.8, 0.2) and (0.3, 0.7)
        feature_names : str array of shape (2,)
        DESCR : str

    Raises
    ------
    ValueError
        If `m` is no whole number, or below 1.

    Examples
    --------
    >>> from nonneg.datasets import make_directions
    >>> cloud = make_directions(50)
    >>> cloud.data.shape, bool((cloud.data == cloud.W @ cloud.H).all())
    ((50, 2), True)
    """
    check_sizes(m=m)
    random = np.random.default_rng(seed)
    share = random.random(m)
    W = random.gamma(3, 1, (m, 1)) * np.stack([share, 1 - share], axis=1)
    H = np.array([[0.8, 0.2], [0.3, 0.7]])
    return Bunch(data=W @ H, W=W, H=H, feature_names=np.array(["feature 1", "feature 2"]), DESCR=DESCR)
