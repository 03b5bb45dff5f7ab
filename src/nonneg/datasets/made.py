"""Matrices made from known parts."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn.utils import Bunch

from nonneg.data import Array

SWIMMER_DESCR = """\
The swimmer: 256 stick figures of 32 x 32 pixels, each a torso and four limbs in one of four positions (drawn anew).

D. Donoho, V. Stodden (2003). When does non-negative matrix factorization give a correct decomposition into parts?
Advances in Neural Information Processing Systems 16.
"""


def make_swimmer() -> Bunch:
    """Return the swimmer: 256 pictures of 32 x 32 whose parts are known.

    Every combination of four limbs in four positions occurs once; pixels are 0 or 1. The torso is in every picture,
    so the four positions of one limb can absorb it: 16 parts are enough. The ordinary rank is 13.

    Returns
    -------
    Bunch
        data : float64 array of shape (256, 1024)
        truth : float64 array of shape (17, 1024), limb by limb its four positions, then the torso
        positions : int array of shape (256, 4), the position (0 to 3) of each limb in each picture
        image_shape : (32, 32)
        DESCR : str

    Examples
    --------
    >>> from nonneg.datasets import make_swimmer
    >>> swimmer = make_swimmer()
    >>> swimmer.data.shape, swimmer.truth.shape
    ((256, 1024), (17, 1024))
    """
    top, bottom, left, right = 9, 22, 14, 17
    limbs = (
        (top, left, ((-1, 0), (-1, -1), (0, -1), (1, -1))),
        (top, right, ((-1, 0), (-1, 1), (0, 1), (1, 1))),
        (bottom, left, ((-1, -1), (0, -1), (1, -1), (1, 0))),
        (bottom, right, ((-1, 1), (0, 1), (1, 1), (1, 0))),
    )
    pictures = np.zeros((17, 32, 32))
    steps = np.arange(1, 7)
    for limb, (y, x, directions) in enumerate(limbs):
        for position, (down, across) in enumerate(directions):
            pictures[4 * limb + position, y + down * steps, x + across * steps] = 1
    pictures[16, top : bottom + 1, left : right + 1] = 1
    truth = pictures.reshape(17, -1)
    positions = np.array(list(itertools.product(range(4), repeat=4)))
    data = truth[16] + truth[positions + 4 * np.arange(4)].sum(axis=1)
    return Bunch(data=data, truth=truth, positions=positions, image_shape=(32, 32), DESCR=SWIMMER_DESCR)


def make_planted(
    m: int = 200,
    n: int = 100,
    k: int = 5,
    *,
    noise: float = 0.0,
    density: float = 0.3,
    separable: bool = False,
    seed: int = 0,
) -> Bunch:
    """Return X = W H of random sparse factors, with or without noise.

    Parameters
    ----------
    m, n, k : int
        Rows, features and parts, each at least 1.
    noise : float
        Standard deviation of the Gaussian noise, relative to the root mean square of W H; at least 0. What it makes
        negative becomes 0.
    density : float
        Share of the factors' entries that are not zero, above 0 and at most 1. No part is ever empty.
    separable : bool
        Give each part one row of its own that holds nothing else. Then (without noise) the parts can be found
        exactly, up to order and scale.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Bunch
        data : float64 array of shape (m, n)
        W : float64 array of shape (m, k)
        H : float64 array of shape (k, n), entries of both from a gamma distribution of shape 1

    Raises
    ------
    ValueError
        If an argument is out of range, or `separable` is asked of fewer rows than parts.

    Examples
    --------
    >>> from nonneg.datasets import make_planted
    >>> planted = make_planted(30, 20, 3, separable=True)
    >>> bool((planted.data == planted.W @ planted.H).all())
    True
    """
    for name, size in (("m", m), ("n", n), ("k", k)):
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size!r}.")
    if not 0 < density <= 1:
        raise ValueError(f"density must be above 0 and at most 1, got {density!r}.")
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise must be finite and at least 0, got {noise!r}.")
    if separable and m < k:
        raise ValueError(f"separable=True needs a row of its own for each of k={k} parts, but there are m={m} rows.")
    random = np.random.default_rng(seed)
    H = _sparse_gamma(random, (k, n), density)
    W = np.ascontiguousarray(_sparse_gamma(random, (k, m), density).T)
    if separable:
        pure = random.choice(m, k, replace=False)
        W[pure] = np.diag(random.gamma(1, 1, k))
    data = W @ H
    if noise:
        data += noise * np.sqrt(np.mean(data**2)) * random.standard_normal((m, n))
        np.maximum(data, 0, out=data)
    return Bunch(data=data, W=W, H=H)


def _sparse_gamma(random: np.random.Generator, shape: tuple[int, int], density: float) -> Array:
    """Return a random matrix with at least one entry above zero in each row."""
    present = random.random(shape) < density
    present[np.arange(shape[0]), random.integers(shape[1], size=shape[0])] = True
    return random.gamma(1, 1, shape) * present
