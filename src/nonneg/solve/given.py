"""With the parts given: W for new rows, and how much of them the parts explain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nonneg._threads import same_threads
from nonneg.data import Array, Observed, Source, as_source
from nonneg.solve.bounds import FREE, Bounds
from nonneg.solve.constraints import Constraints
from nonneg.solve.penalty import Penalty, Shrink
from nonneg.solve.solvers import solver_for


def given_H(
    X: Any,
    H: Array,
    penalty: Penalty,
    *,
    beta: float = 2.0,
    solver: str = "auto",
    floor: float | None = None,
    robust: float | None = None,
    exact: bool = False,
    bounds: Bounds | None = None,
    shape_weight: float = 1.0,
) -> Array:
    """Return W (m x k) for a checked or observed X and a given H in the units of X, within bounds on W (k x m).

    Smoothness counts `shape_weight`, as the entries of the fit did on average; one, if those of X have no weights.
    """
    with same_threads():
        source = as_source(X, filled=penalty.shapes)
        if isinstance(X, Observed) and X.weighed:
            penalty = penalty.against(shape_weight)
        shrinks = shrink_given_H(penalty, source, beta), Shrink()
        scaled = None if bounds is None else bounds.times(source.scale.W).times(source.scale.H)
        problem = solver_for(beta, solver, floor, penalty, robust).problem(source, shrinks, (scaled, None))
        W = source.scale.down(problem.solve("W", H, accuracy="exact" if exact else "settled"))
    Constraints(bounds).restore(W, H)
    return np.ascontiguousarray(W.T)


def explained_share(
    X: Any, W: Array, H: Array, *, beta: float = 2.0, solver: str = "auto", floor: float | None = None
) -> float:
    """Return 1 - loss / loss of a model that says nothing, for a checked or observed X; 1 where both are zero."""
    return explained_shares(X, [(W, H)], beta=beta, solver=solver, floor=floor)[0]


def explained_shares(
    X: Any,
    models: Iterable[tuple[Array, Array]],
    *,
    beta: float = 2.0,
    solver: str = "auto",
    floor: float | None = None,
    robust: float | None = None,
) -> list[float]:
    """Return the same for several models (W, H) of one X, which is read once."""
    with same_threads():
        source = as_source(X)
        problem = solver_for(beta, solver, floor, robust=robust).problem(source, (Shrink(), Shrink()), FREE)
        losses = [
            problem.value(source.scale.up(np.ascontiguousarray(W.T, source.dtype)), H.astype(source.dtype, order="C"))
            for W, H in models
        ]
    total = problem.total
    return [1 - loss / total if total > 0 else 1 - float(loss > 0) for loss in losses]


def shrink_given_H(penalty: Penalty, source: Source, beta: float) -> Shrink:
    """Return the penalty on W in scaled units in which W carries the whole scale of X and H none."""
    on_W, _ = penalty.shrinks(source.shape)
    l1, l2 = (
        min(source.scale.times(strength / source.scale.weights, beta - degree, beta - degree), 1e30)
        if strength
        else 0.0
        for degree, strength in enumerate(on_W, 1)
    )
    return Shrink(l1, l2)
