"""W for given H: one product with X, then sweeps to convergence. `fit` ends with it, `transform` is it."""

from __future__ import annotations

import numpy as np

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data import Array, Source, gram
from nonneg.solve.penalty import Shrink
from nonneg.solve.sweeps import sweep

# Rows settle in some tens of sweeps unless H is ill-conditioned; then pivoting is the cheaper way to the end.
MOST_SWEEPS = 300
SETTLED = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}


def solve_W(source: Source, H: Array, shrink: Shrink, *, exact: bool = False) -> Array:
    """Solve ``min 1/2 ||X - W H||^2 + penalty(W)``, W >= 0, from zero; k x m.

    Each row is solved by itself and from the same start, so its result depends neither on the other rows nor on
    what was known of W before. ``exact=True`` finishes every row by block principal pivoting.
    """
    if any(shrink):
        return solve_rows(source.dot(H), gram(H), shrink, SETTLED[source.dtype], exact=exact)
    # Whatever the size of a given H, solve for rows near 1: powers of two, so that nothing is rounded.
    size = np.exp2(-np.frexp(np.where(H.any(axis=1), H.max(axis=1, initial=0), 1))[1].astype(np.float64))
    size = size.astype(H.dtype)[:, None]
    H = H * size
    W = solve_rows(source.dot(H), gram(H), shrink, SETTLED[source.dtype], exact=exact)
    with np.errstate(over="ignore", under="ignore"):
        return W * size


def solve_rows(B: Array, G: Array, shrink: Shrink, tol: float, *, exact: bool = False) -> Array:
    """Solve ``min 1/2 <G F, F> - <B, F> + penalty(F)``, F >= 0, from zero; k x rows, as B.

    Sweeps first; rows that still move after many of them (a G of high condition number), or all rows if `exact`, are
    finished by block principal pivoting (Kim & Park 2011, doi:10.1137/110821172) from the support they have.
    """
    F = np.zeros_like(B)
    k, rows = F.shape
    left = np.ones(rows, np.uint8)
    pivots = G + shrink.l2 * np.eye(k)
    # Some rows at a time, a fraction of a second each: an interrupt is heard between two calls.
    height = max(192, int(1e10 / (MOST_SWEEPS * 2 * k**2)) // 192 * 192)
    for top in range(0, rows, height):
        part = top, min(top + height, rows)
        sweep(F, B, G, shrink, MOST_SWEEPS, tol, part, None if exact else left)
        if tol <= SETTLED[F.dtype]:
            _core.nnls(F, B, pivots, shrink.l1, *part, thread_count(), left)
    return F


def kkt_residual(F: Array, B: Array, G: Array, shrink: Shrink) -> float:
    """How far F (k x rows) is from solving its half of the problem: 0 where the KKT conditions hold.

    The length of the step that one coordinate sweep would take, relative to F, parts weighed by their curvature.
    """
    return sweep(F.copy(), B, G, shrink, 1, 0.0).kkt
