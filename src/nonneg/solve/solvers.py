"""Which solver serves which loss: the registry, one line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from nonneg.data import Entries, WeightedDense, WeightedSparse
from nonneg.solve.bounds import FREE, Pair
from nonneg.solve.divergence import BetaDivergence, KullbackLeibler, MultipliedDivergence
from nonneg.solve.momentum import Growing, Momentum, Plain, Restarting
from nonneg.solve.penalty import Penalty, Shrink
from nonneg.solve.problem import Problem
from nonneg.solve.shaped import ShapedSquaredError
from nonneg.solve.squared_error import MultipliedSquaredError
from nonneg.solve.weighted_error import squared_error

SOLVERS = ("auto", "cd", "mu")


class Solver(NamedTuple):
    """How a loss is solved."""

    problem: Callable[[Entries, tuple[Shrink, Shrink], Pair], Problem]
    momentum: Callable[[], Momentum]
    warms_up: bool = True


def solver_for(beta: float, solver: str, floor: float | None = None, penalty: Penalty | None = None) -> Solver:
    """Return what `solver` means for the loss of this beta; X counts as `floor` where it is less."""
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {SOLVERS}, got {solver!r}.")
    if solver == "cd" and beta != 2:
        raise ValueError(
            f"Invalid beta_loss parameter: solver {solver!r} does not handle beta_loss = {beta!r}; use 'auto'."
        )
    if penalty is not None and penalty.shapes:
        if beta != 2 or solver == "mu":
            raise ValueError(
                "smooth_W, smooth_H and min_volume go with the squared error and solver 'auto' or 'cd' only, got "
                f"beta_loss = {beta!r} and solver {solver!r}."
            )
        # Thinned rows would lose the order of a smooth axis, and a sketch of plain parts has nothing to say here.
        return Solver(partial(shaped_squared_error, penalty=penalty), Restarting, warms_up=False)
    if solver == "mu":
        if beta == 2:
            return Solver(multiplied_squared_error, Plain, warms_up=False)
        return Solver(
            lambda source, shrinks, bounds: MultipliedDivergence(source, shrinks, beta, floor, bounds),
            Plain,
            warms_up=False,
        )
    if beta == 2:
        return Solver(squared_error, Restarting)
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
    if isinstance(source, (WeightedDense, WeightedSparse)) or bounds != FREE:
        raise ValueError(
            "smooth_W, smooth_H and min_volume need an X of which every entry was observed and counts the same, and "
            "no known parts; leave out the weights, missing entries or constraints, or these penalties."
        )
    return ShapedSquaredError(source, shrinks, penalty)


def multiplied_squared_error(source: Entries, shrinks: tuple[Shrink, Shrink], bounds: Pair) -> Problem:
    """Return the `Problem` of the squared error by plain multiplicative updates."""
    if isinstance(source, (WeightedDense, WeightedSparse)) and not source.observed.complete:
        return MultipliedDivergence(source, shrinks, 2.0, bounds=bounds)
    return MultipliedSquaredError(source, shrinks, bounds)
