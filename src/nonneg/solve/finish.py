"""From the end of a path to the result: canonical scale and order, W as `transform` gives it, what was reached."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonneg.data import Array
from nonneg.solve.bounds import FREE, Pair, filled, held_parts, idle_parts
from nonneg.solve.constraints import Constraints
from nonneg.solve.loop import Path
from nonneg.solve.losses import name_of
from nonneg.solve.problem import Problem
from nonneg.solve.result import Factorization, Trace
from nonneg.solve.stop import CONVERGED


def finish(
    problem: Problem,
    path: Path,
    seed: int,
    settings: dict[str, Any],
    constraints: Constraints,
    keep_order: bool,
) -> tuple[float, Factorization]:
    """Bring the best pair to canonical scale and order, settle W, and measure.

    Returns the objective, in scaled units, with the result.
    """
    source, (on_W, on_H) = problem.source, problem.shrinks
    W, H = path.W, path.H
    bare = not any(on_W) and not any(on_H)
    free = bare and problem.bounds == FREE
    if bare and not free:
        W, H = canonical_within(problem.bounds, W, H, source.scale.H)
    if free:
        sums = H.sum(axis=1, dtype=np.float64, keepdims=True)
        H = (H / np.where(sums > 0, sums, 1)).astype(H.dtype)
        H[np.finfo(H.dtype).tiny > H] = 0  # numbers that are not normal make each product with them slow
        W = W * sums.astype(W.dtype)
    W, H = settle_in_order(problem, W, H, keep_order)
    value, kkt = problem.measure(W, H)
    objective = value + problem.penalty(W, H)
    loss = source.scale.down_loss(value, problem.beta)
    if free:  # H sums to one, W carries the whole scale of X
        W = source.scale.down(W)
    else:
        W, H = W / W.dtype.type(source.scale.W), H / H.dtype.type(source.scale.H)
        constraints.restore(W, H)
    W, H = np.ascontiguousarray(W.T), np.ascontiguousarray(H)
    if not (np.isfinite(W).all() and np.isfinite(H).all()):
        raise ValueError(
            f"X is too large: the sum of one of its rows leaves the range of {source.dtype}; divide X first."
        )
    for F in (W, H):
        F.setflags(write=False)
    share = value / problem.total if problem.total > 0 else 0.0
    return objective, Factorization(
        W=W,
        H=H,
        loss_name=name_of(problem.beta),
        loss_value=loss,
        error=source.scale.down_error(value, problem.beta),
        relative_error=float(np.sqrt(share)) if problem.beta == 2 else share,
        trace=Trace(np.array([path.state.unscaled(x) for x in path.state.losses]), np.array(path.state.seconds)),
        converged=path.reason in CONVERGED,
        reason=path.reason,
        kkt=kkt,
        seed=seed,
        settings=settings,
    )


def canonical_within(bounds: Pair, W: Array, H: Array, unit: float) -> tuple[Array, Array]:
    """Return parts of H that sum to one unit, where something else does not fix their scale, or as bounds allow."""
    idle_W, idle_H = idle_parts(bounds, len(H))
    sums = H.sum(axis=1, dtype=np.float64) / unit
    sums[held_parts(bounds, len(H)) & ~idle_W & ~idle_H | ~(sums > 0)] = 1
    sums = np.where(idle_H, np.maximum(sums, filled(bounds[1], H)), sums)
    full = filled(bounds[0], W)
    sums = np.where(idle_W & (full * sums > 1), 1 / np.where(full > 0, full, 1), sums)[:, None]
    W, H = (W * sums).astype(W.dtype), (H / sums).astype(H.dtype)
    for F, idle, side in ((W, idle_W, bounds[0]), (H, idle_H, bounds[1])):
        if idle.any() and side is not None:
            side.restrict(F)  # scaling rounds
    return W, H


def settle_in_order(problem: Problem, W: Array, H: Array, keep_order: bool) -> tuple[Array, Array]:
    """Settle W for H with the parts in their final order, which is part of the arithmetic of `transform`."""
    for _ in range(3):
        if not keep_order:
            # Nearly always the order of the path's W is the final one.
            order = np.argsort(-amounts(W, H), kind="stable")
            W, H = np.ascontiguousarray(W[order]), np.ascontiguousarray(H[order])
        W = problem.settle_W(W, H)
        # A part that no row uses is empty: its H is arbitrary, or zero under a penalty.
        H = np.where(W.any(axis=1, keepdims=True), H, 0).astype(H.dtype)
        if keep_order or (np.diff(amounts(W, H)) <= 0).all():
            return W, H
    # H is rank-deficient: W is one of many and changes with the order. Sort, with this W.
    order = np.argsort(-amounts(W, H), kind="stable")
    return np.ascontiguousarray(W[order]), np.ascontiguousarray(H[order])


def amounts(W: Array, H: Array) -> Array:
    """Return the total of each part in W H; factors are k x rows."""
    total: Array = W.sum(axis=1, dtype=np.float64) * H.sum(axis=1, dtype=np.float64)
    return total
