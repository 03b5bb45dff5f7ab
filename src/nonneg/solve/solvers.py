"""Which solver serves which loss: the registry, one line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from nonneg.data import Entries
from nonneg.solve.divergence import BetaDivergence, KullbackLeibler, MultipliedDivergence
from nonneg.solve.momentum import Growing, Momentum, Plain, Restarting
from nonneg.solve.penalty import Penalty, Shrink
from nonneg.solve.problem import Problem
from nonneg.solve.shaped import ShapedSquaredError
from nonneg.solve.squared_error import MultipliedSquaredError, SquaredError

SOLVERS = ("auto", "cd", "mu")


class Solver(NamedTuple):
    """How a loss is solved."""

    problem: Callable[[Entries, tuple[Shrink, Shrink]], Problem]
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
        return Solver(partial(ShapedSquaredError, penalty=penalty), Restarting, warms_up=False)
    if solver == "mu":
        if beta == 2:
            return Solver(MultipliedSquaredError, Plain, warms_up=False)
        return Solver(
            lambda source, shrinks: MultipliedDivergence(source, shrinks, beta, floor), Plain, warms_up=False
        )
    if beta == 2:
        return Solver(SquaredError, Restarting)
    if beta == 1:
        return Solver(KullbackLeibler, partial(Restarting, keep=0.1))
    # Extrapolation is proved for a convex divergence only.
    return Solver(
        lambda source, shrinks: BetaDivergence(source, shrinks, beta, floor), Growing if 1 < beta < 2 else Plain
    )
