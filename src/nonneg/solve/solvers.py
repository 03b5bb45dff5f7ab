"""Which solver serves which loss: the registry, one line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from nonneg.data import Dense, Entries, Observed, WeightedDense, WeightedSparse
from nonneg.solve.bounds import FREE, Pair
from nonneg.solve.divergence import BetaDivergence, KullbackLeibler, MultipliedDivergence
from nonneg.solve.momentum import Growing, Momentum, Plain, Restarting
from nonneg.solve.penalty import Penalty, Shrink
from nonneg.solve.problem import Problem
from nonneg.solve.robust import RobustSquaredError
from nonneg.solve.shaped import ExpectedShapedSquaredError, ShapedSquaredError
from nonneg.solve.squared_error import MultipliedSquaredError
from nonneg.solve.weighted_error import squared_error

SOLVERS = ("auto", "cd", "mu")


class Solver(NamedTuple):
    """How a loss is solved."""

    problem: Callable[[Entries, tuple[Shrink, Shrink], Pair], Problem]
    momentum: Callable[[], Momentum]
    warms_up: bool = True  # whether less data may stand for X at first
    locks: bool = False  # whether zeros of a start stay for ever


def solver_for(
    beta: float, solver: str, floor: float | None = None, penalty: Penalty | None = None, robust: float | None = None
) -> Solver:
    """Return what `solver` means for the loss of this beta.

    X counts as `floor` where it is less; residuals beyond `robust` standard errors are held down.
    """
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {SOLVERS}, got {solver!r}.")
    if solver == "cd" and beta != 2:
        raise ValueError(
            f"Invalid beta_loss parameter: solver {solver!r} does not handle beta_loss = {beta!r}; use 'auto'."
        )
    shapes = penalty is not None and penalty.shapes
    for used, names in ((shapes, "smooth_W, smooth_H and min_volume go"), (robust is not None, "robust goes")):
        if used and (beta != 2 or solver == "mu"):
            raise ValueError(
                f"{names} with the squared error and solver 'auto' or 'cd' only, got beta_loss = {beta!r} and solver "
                f"{solver!r}."
            )
    if beta != 2:
        return _divergence_solver(beta, solver, floor)
    if solver == "mu":
        return Solver(multiplied_squared_error, Plain, warms_up=False, locks=True)
    if shapes and robust is not None:
        raise ValueError("robust does not go with smooth_W, smooth_H and min_volume; leave one of them out.")
    if penalty is not None and shapes:
        # Thinned rows would lose the order of a smooth axis, and a sketch of plain parts has nothing to say here.
        return Solver(partial(shaped_squared_error, penalty=penalty), Restarting, warms_up=False)
    return Solver(squared_error if robust is None else partial(robust_squared_error, alpha=robust), Restarting)


def _divergence_solver(beta: float, solver: str, floor: float | None) -> Solver:
    if solver == "mu":
        return Solver(
            lambda source, shrinks, bounds: MultipliedDivergence(source, shrinks, beta, floor, bounds),
            Plain,
            warms_up=False,
            locks=True,
        )
    if beta == 1:
        return Solver(KullbackLeibler, partial(Restarting, keep=0.1))
    # Extrapolation is proved for a convex divergence only.
    return Solver(
        lambda source, shrinks, bounds: BetaDivergence(source, shrinks, beta, floor, bounds),
        Growing if 1 < beta < 2 else Plain,
    )


def shaped_squared_error(
    source: Entries, shrinks: tuple[Shrink, Shrink], bounds: Pair, *, penalty: Penalty
) -> Problem:
    """Return the `Problem` of the squared error with smooth parts or parts of least volume."""
    if isinstance(source, WeightedSparse) or source.sample_weight is not None or bounds != FREE:
        raise ValueError(
            "smooth_W, smooth_H and min_volume go with missing entries, weights and uncertainties of a dense X, but "
            "not of a sparse one, nor with sample_weight, fixed, upper or simplex; leave out one or the other."
        )
    if isinstance(source, WeightedDense) and not source.observed.complete:
        return ExpectedShapedSquaredError(source, shrinks, penalty)
    return ShapedSquaredError(source, shrinks, penalty)


def robust_squared_error(source: Entries, shrinks: tuple[Shrink, Shrink], bounds: Pair, *, alpha: float) -> Problem:
    """Return the `Problem` of the squared error with outliers held down."""
    if isinstance(source, Dense):
        counted = (
            source if isinstance(source, WeightedDense) else WeightedDense(Observed(source.matrix), source.scale)
        )
        return RobustSquaredError(counted, shrinks, bounds, alpha=alpha)
    raise ValueError("robust needs a dense X of which at least 60 % was observed; leave it out.")


def multiplied_squared_error(source: Entries, shrinks: tuple[Shrink, Shrink], bounds: Pair) -> Problem:
    """Return the `Problem` of the squared error by plain multiplicative updates."""
    if isinstance(source, (WeightedDense, WeightedSparse)) and not source.observed.complete:
        return MultipliedDivergence(source, shrinks, 2.0, bounds=bounds)
    return MultipliedSquaredError(source, shrinks, bounds)
