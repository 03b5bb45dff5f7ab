"""The swimmer: pictures whose parts are limbs."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn.utils import Bunch

DESCR = """\
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
        data : float64 array of shape (256, 1024), W @ H
        W : float64 array of shape (256, 17), 1 where the part is in the picture, else 0
        H : float64 array of shape (17, 1024), limb by limb its four positions, then the torso
        positions : int array of shape (256, 4), the position (0 to 3) of each limb in each picture
        image_shape : (32, 32)
        DESCR : str

    Examples
    --------
    >>> from nonneg.datasets import make_swimmer
    >>> swimmer = make_swimmer()
    >>> swimmer.data.shape, swimmer.H.shape
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
    H = pictures.reshape(17, -1)
    positions = np.array(list(itertools.product(range(4), repeat=4)))
    W = np.ones((256, 17))
    W[:, :16] = np.eye(4)[positions].reshape(256, 16)
    return Bunch(data=W @ H, W=W, H=H, positions=positions, image_shape=(32, 32), DESCR=DESCR)
