"""When to stop: small callables of the state, each returning its reason or None."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real

from nonneg.data import Scale

# Reasons that mean "this is a solution", as opposed to "time was up".
CONVERGED = frozenset({"tolerance", "kkt", "exact"})
WINDOW = 10

# What each reason of stopping means to a reader.
REASONS = {
    "tolerance": "the loss had all but stopped falling",
    "kkt": "the conditions of an optimum held to the tolerance asked for",
    "exact": "W H equals X to rounding",
    "max_iter": "the limit of iterations was reached; raise it, or accept a larger tolerance",
    "max_seconds": "the limit of seconds was reached",
    "callback": "the callback asked to stop",
}


def why(reason: str) -> str:
    """Return what a reason of stopping means, in words."""
    return REASONS.get(reason, f"the rule {reason!r} fired")


@dataclass
class State:
    """What a stop rule or a callback may look at after each iteration.

    Attributes
    ----------
    scale : Scale
        Power of two by which X was multiplied; the lists below hold the objective of the scaled data.
    degree : float
        The power of the scale that the objective grows like: 2 for squares, beta for a beta-divergence.
    losses : list of float
        Objective after each iteration, in scaled units.
    best : list of float
        Smallest objective so far, after each iteration, in scaled units; never rises.
    seconds : list of float
        Time since the call, after each iteration.
    kkt : float
        Length of the step that the first sweep of this iteration took, relative to the factors: zero where
        the conditions of an optimum hold.
    since_restart : int
        Iterations since the extrapolation was last restarted.
    noise : float
        Differences of losses below this are rounding, in scaled units.
    """

    scale: Scale = field(default_factory=Scale)
    degree: float = 2.0
    losses: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    kkt: float = float("inf")
    since_restart: int = 0
    noise: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    @property
    def loss(self) -> float:
        """Smallest objective so far, in the units of X."""
        return self.unscaled(self.best[-1])

    def unscaled(self, loss: float) -> float:
        """Return an objective of the scaled data in the units of X; inf or 0 outside float64's range."""
        return self.scale.down_loss(loss, self.degree)

    @property
    def iteration(self) -> int:
        """Iterations done on X, from 1."""
        return len(self.losses)

    def record(self, loss: float) -> None:
        """Add one iteration, in scaled units."""
        self.losses.append(loss)
        self.best.append(min(loss, self.best[-1]) if self.best else loss)
        self.seconds.append(time.perf_counter() - self.began)


Rule = Callable[[State], str | None]


@dataclass(frozen=True)
class RelativeDecrease:
    """Stop once the best objective fell by less than ``tol`` (a fraction) over the last ten iterations together.

    Ten, because one iteration without progress is normal: every restart of the extrapolation makes one. A run that
    is still on its way back from an overshoot does not stop. ``tol=0`` never stops.
    """

    tol: float = 1e-4

    def __post_init__(self) -> None:
        _check_number("RelativeDecrease", self.tol)

    def __call__(self, state: State) -> str | None:
        """Return "tolerance" or None."""
        if self.tol <= 0 or state.iteration <= WINDOW or state.since_restart < 3:
            return None
        before, now = state.best[-1 - WINDOW], state.best[-1]
        # What is below the rounding of the loss is neither a decrease nor an overshoot.
        margin = max(self.tol * abs(before), state.noise)
        return "tolerance" if before - now < margin and state.losses[-1] < before + margin else None


@dataclass(frozen=True)
class KKTBelow:
    """Stop once the step that a sweep still wants to take is below ``tol`` of the factors' size."""

    tol: float

    def __post_init__(self) -> None:
        _check_number("KKTBelow", self.tol)

    def __call__(self, state: State) -> str | None:
        """Return "kkt" or None."""
        return "kkt" if state.kkt < self.tol else None


@dataclass(frozen=True)
class Iterations:
    """Stop after so many iterations."""

    limit: int = 200

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, Integral) or self.limit < 1:
            raise ValueError(f"Iterations takes an integer >= 1, got {self.limit!r}.")

    def __call__(self, state: State) -> str | None:
        """Return "max_iter" or None."""
        return "max_iter" if state.iteration >= self.limit else None


@dataclass(frozen=True)
class Seconds:
    """Stop after so many seconds, at the end of the iteration that passes them."""

    limit: float

    def __post_init__(self) -> None:
        _check_number("Seconds", self.limit)

    def __call__(self, state: State) -> str | None:
        """Return "max_seconds" or None."""
        return "max_seconds" if state.seconds[-1] >= self.limit else None


def _check_number(rule: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not float(value) >= 0:
        raise ValueError(f"{rule} takes a number >= 0, got {value!r}.")


def stop_rules(stop: Rule | Sequence[Rule] | None) -> tuple[Rule, ...]:
    """Return the rules of a run; one without a limit of iterations or seconds gets the default limit."""
    if stop is None:
        return (RelativeDecrease(), Iterations())
    rules = tuple(stop) if isinstance(stop, (list, tuple)) else (stop,)
    for rule in rules:
        if not callable(rule) or isinstance(rule, type):
            raise TypeError(f"stop takes rules such as RelativeDecrease(1e-5) or Seconds(60), got {rule!r}.")
    if not any(isinstance(rule, (Iterations, Seconds)) for rule in rules):
        rules += (Iterations(),)
    return rules
