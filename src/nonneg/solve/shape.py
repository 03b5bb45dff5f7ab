"""What shape penalties measure: how rough each part is, and how much room the parts take up together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nonneg.data import Array, gram

# Directions in which parts of mean one differ by less than a tenth (squared: this) count as no volume; without a
# limit two parts that meet once would never part.
RIDGE = 1e-2
# Least noise that data are taken to have, as a share of ||X||^2: the volume must still pull where the fit is exact.
LEAST_NOISE = 1e-4


def smoothing(period: float) -> float:
    """Return the strength under which a sine of this period, in steps of the axis, is halved."""
    return float((period / (2 * np.pi)) ** 4)


def roughness(F: Array) -> Array:
    """Return the sum of the squared second differences of each part (row), float64."""
    bends = np.diff(F.astype(np.float64), 2, axis=1)
    squares: Array = np.einsum("pj,pj->p", bends, bends)
    return squares


class Volume(NamedTuple):
    """The log-volume of parts and its gradient, ``metric @ F - push[:, None]``."""

    value: float  # 1/2 log det(I + C / RIDGE), never negative; C is the Gram matrix of parts of mean one
    metric: Array  # k x k, positive semi-definite
    push: Array  # k; keeps the size of a part out of it


def volume(F: Array) -> Volume:
    """Measure the volume of the parts (rows of F, k x rows), each brought to mean one first.

    Parameters
    ----------
    F : ndarray of shape (k, rows)
        Parts, not negative. One that is zero takes up no room.

    Returns
    -------
    Volume
        With s the sums of the rows of F, S = diag(sqrt(rows) / s) and C = S F F' S, the value is
        ``1/2 log det(I + C / RIDGE)``, its gradient ``S (C + RIDGE I)^-1 S F - a / s``, where a are the diagonal
        entries of ``(C + RIDGE I)^-1 C``. Its first term is also the gradient of a quadratic function of F that
        touches log det from above.

    Examples
    --------
    >>> import numpy as np
    >>> apart, alike = np.eye(2), np.array([[1.0, 0.9], [0.9, 1.0]])
    >>> bool(volume(apart).value > volume(alike).value)
    True
    >>> bool(np.isclose(volume(apart).value, volume(100 * apart).value))
    True
    """
    k, rows = F.shape
    sums = F.sum(axis=1, dtype=np.float64)
    inverse = np.divide(1, sums, out=np.zeros(k), where=sums > 0)
    scale = np.sqrt(rows) * inverse
    C = scale[:, None] * gram(F) * scale
    solved = np.linalg.inv(C + RIDGE * np.eye(k))
    value = 0.5 * float(np.linalg.slogdet(np.eye(k) + C / RIDGE)[1])
    return Volume(value, scale[:, None] * solved * scale, (1 - RIDGE * np.diag(solved)) * inverse)
