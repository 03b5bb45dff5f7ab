"""Half-steps of a factor whose parts are smooth: whole parts in turn, each by projected Newton steps."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from nonneg.data import Array
from nonneg.solve.shape import roughness
from nonneg.solve.sweeps import PIVOT, Sweep

# Newton steps for each part and sweep: to end a hard one before the other parts have moved does not pay.
NEWTON_STEPS = 4
# How often a step that leads up is halved.
HALVINGS = 30


def smooth_sweep(F: Array, B: Array, G: Array, stiffness: Array, most: int, tol: float) -> Sweep:
    """Improve F (k x rows) in place for ``1/2 <G F, F> - <B, F> + 1/2 sum_j stiffness_j roughness_j(F)``, F >= 0.

    Smoothness couples the rows of a part, so a whole part is what moves at a time, given the others; sweeps end as
    those of `sweep` do.
    """
    dead = np.diag(G) <= PIVOT[F.dtype]
    live = np.flatnonzero(~dead)
    weights = np.diag(G)[live]
    first = 0.0
    for turn in range(most):
        before = F.copy()
        for j in live:
            # What the other parts leave to this one.
            pull = B[j].astype(np.float64) - G[j] @ F + G[j, j] * F[j]
            F[j] = smooth_part(F[j].astype(np.float64), pull, float(G[j, j]), float(stiffness[j]))
        moved = np.square(F[live] - before[live], dtype=np.float64).sum(axis=1)
        step = float(weights @ moved)
        if turn == 0:
            first = step
        if step <= tol**2 * first:
            break
    size = float(weights @ np.square(F[live], dtype=np.float64).sum(axis=1))
    kkt = float(np.sqrt(first / size)) if size > 0 else (float("inf") if first > 0 else 0.0)
    return Sweep(float(np.einsum("pj,pj->", B, F, dtype=np.float64)), kkt, dead)


def smooth_part(f: Array, pull: Array, weight: float, stiffness: float) -> Array:
    """Lower ``1/2 weight ||f||^2 - pull' f + 1/2 stiffness roughness(f)`` over f >= 0; float64.

    Projected Newton steps (Bertsekas 1982, doi:10.1137/0320018): a banded solve for all but the zeros that want to
    fall further, then as much of the way there, clipped at zero, as lowers the objective.
    """
    bands = curvature_bands(len(f), weight, stiffness)
    now, solved = _value(f, pull, weight, stiffness), None
    for _ in range(NEWTON_STEPS):
        free = (f > 0) | (weight * f + stiffness * bend(f) < pull)
        if solved is not None and np.array_equal(free, solved):
            break
        step = _solve_free(bands, pull, free) - f
        solved = free if (f + step >= 0).all() else None
        for halved in range(HALVINGS):
            new = np.maximum(f + step / 2**halved, 0)
            value = _value(new, pull, weight, stiffness)
            if value < now:
                break
        else:
            break
        f, now = new, value
    return f


def bend(f: Array) -> Array:
    """Return D'D f, half the gradient of the roughness; D takes second differences."""
    second = np.diff(f, 2)
    out = np.zeros_like(f)
    out[:-2] += second
    out[1:-1] -= 2 * second
    out[2:] += second
    return out


def curvature_bands(rows: int, weight: float, stiffness: float) -> Array:
    """Return ``weight I + stiffness D'D`` in the upper banded form of LAPACK: 3 x rows, the diagonal last."""
    bands = np.zeros((3, rows))
    bands[2] = weight
    if rows > 2:
        inner = rows - 2
        bands[2, :inner] += stiffness
        bands[2, 1 : inner + 1] += 4 * stiffness
        bands[2, 2:] += stiffness
        bands[1, 1 : inner + 1] -= 2 * stiffness
        bands[1, 2:] -= 2 * stiffness
        bands[0, 2:] += stiffness
    return bands


def _solve_free(bands: Array, pull: Array, free: Array) -> Array:
    """Solve for the free entries, the others zero: their rows and columns become those of the identity."""
    cut = bands.copy()
    cut[2, ~free] = 1
    cut[1, 1:] *= free[1:] & free[:-1]
    cut[0, 2:] *= free[2:] & free[:-2]
    solution: Array = solveh_banded(cut, np.where(free, pull, 0), overwrite_ab=True, check_finite=False)
    return solution


def _value(f: Array, pull: Array, weight: float, stiffness: float) -> float:
    return float(0.5 * weight * (f @ f) - pull @ f + 0.5 * stiffness * roughness(f[None])[0])
