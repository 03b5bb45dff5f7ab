"""Half-steps of a factor whose parts are smooth: whole parts in turn, each by block principal pivoting."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from nonneg.data import Array
from nonneg.solve.shape import roughness
from nonneg.solve.sweeps import PIVOT, Sweep

# Most changes of the set of zeros at a time; it changes little from one sweep to the next. After so many without
# progress only one zero changes (Kim & Park 2011, doi:10.1137/110821172).
MOST_CHANGES, PATIENCE = 30, 10


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

    By block principal pivoting: banded solves for what is not zero, then what is on the wrong side changes sides.
    Where that does not end in time it has at least shown a direction, and where that does not lead down the gradient
    does, for a step as short as the largest curvature asks: roughness has none above 16.
    """
    bands = curvature_bands(len(f), weight, stiffness)
    free, fewest, patience = f > 0, len(f) + 1, PATIENCE
    for _ in range(MOST_CHANGES):
        new = _solve_free(bands, pull, free)
        wrong = np.where(free, new, weight * new + stiffness * bend(new) - pull) < 0
        count = int(wrong.sum())
        if count == 0:
            return new
        if count < fewest:
            fewest, patience = count, PATIENCE
        elif patience:
            patience -= 1
        else:
            wrong[: np.flatnonzero(wrong)[-1]] = False
        free = free ^ wrong
    slope = weight * f + stiffness * bend(f) - pull
    way = np.maximum(new, 0) - f
    descent = -float(slope @ way)
    if descent > 0:
        return f + min(1.0, descent / float(weight * (way @ way) + stiffness * roughness(way[None])[0])) * way
    return np.maximum(f - slope / (weight + 16 * stiffness), 0)


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
