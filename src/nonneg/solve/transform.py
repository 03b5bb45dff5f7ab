"""W for given H: one product with X, then sweeps to convergence. `fit` ends with it, `transform` is it."""

from __future__ import annotations

import numpy as np

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data import Array, Source, gram
from nonneg.solve.penalty import Shrink
from nonneg.solve.sweeps import sweep

MOST_SWEEPS = 2000
STEP = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}


def solve_W(source: Source, H: Array, shrink: Shrink, *, exact: bool = False) -> Array:
    """Solve ``min 1/2 ||X - W H||^2 + penalty(W)``, W >= 0, from zero; k x m.

    Each row is solved by itself and from the same start, so its result depends neither on the other rows nor on
    what was known of W before. ``exact=True`` finishes by block principal pivoting.
    """
    return solve_given(source.dot(H), gram(H), shrink, STEP[source.dtype], exact=exact)


def solve_given(B: Array, G: Array, shrink: Shrink, step: float, *, exact: bool = False) -> Array:
    """Solve ``min 1/2 <G F, F> - <B, F> + penalty(F)``, F >= 0, from zero; k x rows, as B."""
    F = np.zeros_like(B)
    k, rows = F.shape
    # Some rows at a time, a fraction of a second each: an interrupt is heard between two calls.
    height = max(192, int(1e10 / (200 * 2 * k**2)) // 192 * 192)
    for top in range(0, rows, height):
        sweep(F, B, G, shrink, MOST_SWEEPS, step, (top, min(top + height, rows)))
    if exact:
        pivot(F, B, G, shrink)
    return F


def pivot(W: Array, B: Array, G: Array, shrink: Shrink) -> None:
    """Finish W in place by block principal pivoting (Kim & Park 2011, doi:10.1137/110821172).

    A row whose exchanges do not settle, possible only where H is almost rank-deficient, keeps its sweeps' result.
    """
    k, rows = W.shape
    G = G + shrink.l2 * np.eye(k)
    height = max(64, int(2e9 / k**3))
    for top in range(0, rows, height):
        _core.nnls(W, B, G, shrink.l1, top, min(top + height, rows), thread_count())


def kkt_residual(F: Array, B: Array, G: Array, shrink: Shrink) -> float:
    """How far F (k x rows) is from solving its half of the problem: 0 where the KKT conditions hold.

    The length of the step that one coordinate sweep would take, relative to F, parts weighed by their curvature.
    """
    return sweep(F.copy(), B, G, shrink, 1, 0.0).kkt
