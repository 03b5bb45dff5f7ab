"""One factor for a given partner under the squared error, to convergence; each row by itself."""

from __future__ import annotations

import numpy as np

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data import Array
from nonneg.solve.bounds import Bounds
from nonneg.solve.penalty import Shrink
from nonneg.solve.sweeps import sweep

# Rows settle in some tens of sweeps unless H is ill-conditioned; then pivoting is the cheaper way to the end.
MOST_SWEEPS = 300
SETTLED = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}
# Where a factor is only the beginning of the next iteration.
ROUGH = 1e-2


def solve_rows(
    B: Array, G: Array, shrink: Shrink, tol: float, *, exact: bool = False, bounds: Bounds | None = None
) -> Array:
    """Solve ``min 1/2 <G F, F> - <B, F> + penalty(F)``, F >= 0 and within bounds, from zero; k x rows, as B.

    Each row from the same start, so its result depends neither on the other rows nor on what was known of it before.

    Sweeps first; rows that still move after many of them (a G of high condition number), or all rows if `exact`, are
    finished by block principal pivoting (Kim & Park 2011, doi:10.1137/110821172) from the support they have; within
    bounds by an active-set method.
    """
    F = np.zeros_like(B)
    if bounds is not None:
        bounds.restrict(F)
    k, rows = F.shape
    left = np.ones(rows, np.uint8)
    pivots = G + shrink.l2 * np.eye(k)
    # Some rows at a time, a fraction of a second each: an interrupt is heard between two calls.
    height = max(192, int(1e10 / (MOST_SWEEPS * 2 * k**2)) // 192 * 192)
    for top in range(0, rows, height):
        part = top, min(top + height, rows)
        sweep(F, B, G, shrink, MOST_SWEEPS, tol, part, None if exact else left, bounds)
        if tol > SETTLED[F.dtype]:
            continue
        if bounds is not None:
            low, high, total = bounds
            total = -1.0 if total is None else total
            _core.active_set(F, B, pivots, shrink.l1, total, *part, thread_count(), left, low, high)
        else:
            _core.nnls(F, B, pivots, shrink.l1, *part, thread_count(), left)
    return F


def near_one(partner: Array, shrink: Shrink, bounds: Bounds | None) -> tuple[Array, Array, Bounds | None]:
    """Return a partner whose rows are near 1, what to multiply the factor solved for it with, and its bounds.

    Whatever the size of a given partner; but a penalty knows sizes, and with one all stays as it is.
    """
    if any(shrink):
        return partner, np.ones((len(partner), 1), partner.dtype), bounds
    partner, size = unit_rows(partner, together=bounds is not None and bounds.total is not None)
    return partner, size, None if bounds is None else bounds.times(1 / size)


def unit_rows(F: Array, *, together: bool = False) -> tuple[Array, Array]:
    """Return F with the largest entry of each row in [1/2, 1), and the powers of two that did it; zeros stay.

    `together` takes one power of two for all rows.
    """
    largest = np.where(F.any(axis=1), F.max(axis=1, initial=0), 1)
    if together:
        largest = np.full_like(largest, F.max() if F.any() else 1)
    size = np.exp2(-np.frexp(largest)[1].astype(np.float64)).astype(F.dtype)[:, None]
    return F * size, size
