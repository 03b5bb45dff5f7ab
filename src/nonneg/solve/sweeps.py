"""One half of an iteration: better rows of one factor, given the other. The same code serves W and H."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data import Array, gram
from nonneg.solve.bounds import Bounds
from nonneg.solve.penalty import Shrink

# Squared size (X is near 1) below which a part counts as empty: its reciprocal must stay a number.
PIVOT = {np.dtype(np.float32): 1e-30, np.dtype(np.float64): 1e-200}


@dataclass
class Sweep:
    """Sums over the rows of one half-step, float64."""

    product: float  # <B, F> after it
    kkt: float  # length of the first sweep's step relative to F, each part weighed by its curvature
    dead: Array  # parts whose partner is empty: they were left alone


def sweep(
    F: Array,
    B: Array,
    G: Array,
    shrink: Shrink,
    most: int,
    tol: float,
    rows: tuple[int, int] | None = None,
    left: Array | None = None,
    bounds: Bounds | None = None,
) -> Sweep:
    """Improve F (k x rows) in place for ``1/2 <G F, F> - <B, F> + penalty(F)``, F >= 0 and within `bounds`.

    Cyclic coordinate descent, on the simplex projected gradients; each row stops after ``most`` sweeps, or once a
    sweep lowers the objective by less than ``tol**2`` times what its first sweep did. `rows` limits the work to a
    range of rows; `left` (uint8, one a row) is set where a row was still moving at the end.
    """
    k = len(F)
    start, stop = rows or (0, F.shape[1])
    G = G + shrink.l2 * np.eye(k)
    low, high, total = Bounds() if bounds is None else bounds
    if total is not None:
        # L1 is a constant there, and a part whose partner is empty still takes its share.
        product, step, size = _core.simplex(
            F,
            B,
            G.astype(F.dtype),
            step_lengths(G).astype(F.dtype),
            total,
            most,
            tol,
            start,
            stop,
            thread_count(),
            left,
            low,
            high,
        )
        return Sweep(product, _relative(step, size), np.zeros(k, bool))
    G = G.astype(F.dtype)
    # A zero pivot leaves its part alone, so that a part that is empty for a while can come back.
    dead = np.diag(G) <= PIVOT[F.dtype]
    G[dead, dead] = 0
    product, step, size = _core.sweeps(F, B, G, shrink.l1, most, tol, start, stop, thread_count(), left, low, high)
    return Sweep(product, _relative(step, size), dead)


def _relative(step: float, size: float) -> float:
    return float(np.sqrt(step / size)) if size > 0 else (float("inf") if step > 0 else 0.0)


def step_lengths(G: Array) -> Array:
    """Return how far, times its slope, each part may go along directions that sum to zero; G is k x k.

    The inverse of each part's own curvature, and of a bound, close from above, on the largest curvature in these
    units: the largest eigenvalue of a matrix is at most the eighth root of the norm of its eighth power.
    """
    own = np.diag(G)
    alive = own > 1e-24 * own.max()
    own = np.where(alive, own, own[alive].min(initial=own.max()) or 1.0)
    root = 1 / np.sqrt(own)
    across = root / np.sqrt(np.square(root).sum())
    scaled = G * root[:, None] * root
    along = (scaled * across).sum(axis=1)
    scaled = (
        scaled - along[:, None] * across - across[:, None] * along + across[:, None] * across * (along * across).sum()
    )
    size = float(np.trace(scaled))
    if not size > 1e-14:
        return np.asarray(1 / own)
    power = np.ascontiguousarray(scaled / size)
    for _ in range(3):
        power = gram(power)
    return np.asarray(1 / own / (size * np.square(power).sum() ** (1 / 16) * (1 + 1e-6)))


def extrapolate(now: Array, before: Array, beta: float, keep: float, out: Array) -> None:
    """Set ``out = max(keep now, now + beta (now - before))``."""
    _core.extrapolate(now, before, beta, out, 0, now.size, thread_count())
    if keep > 0:
        np.maximum(out, now.dtype.type(keep) * now, out=out)
