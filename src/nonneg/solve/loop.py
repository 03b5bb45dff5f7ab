"""The one loop: half-steps of W and H in turn, extrapolation between them, the best pair kept.

Under the squared error this is E-A-HALS: several coordinate sweeps for each product with X (Gillis & Glineur 2012,
doi:10.1162/NECO_a_00256), extrapolated with restarts (Ang & Gillis 2019, doi:10.1162/neco_a_01157).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nonneg.data import Array
from nonneg.solve.bounds import FREE, held_parts
from nonneg.solve.momentum import Momentum, Side
from nonneg.solve.penalty import balance
from nonneg.solve.problem import Problem
from nonneg.solve.stop import Rule, State


@dataclass
class Path:
    """How a run went: the best pair, the state at the end and why it ended."""

    W: Array
    H: Array
    state: State
    reason: str
    cancelled: bool = False  # the callback asked to stop, whatever else fired


def iterate(
    problem: Problem,
    momentum: Momentum,
    start: tuple[Array, Array],
    rules: Sequence[Rule],
    callback: Callable[[State], object] | None = None,
    state: State | None = None,
) -> Path:
    """Factorize from a start until a rule fires; factors are k x rows, in the source's scaled units."""
    state = state or State()
    W, H = (Side(*side) for side in zip("WH", problem.begin(start), problem.bounds, strict=True))
    rebalance(problem, W, H)
    previous = best = float("inf")
    while True:
        W.improve(problem, H.seen)
        momentum.after_W(W)
        H.improve(problem, W.seen)
        loss = problem.objective(W.seen, H.next)
        if loss < best:
            best, W.best, H.best = loss, W.seen, H.next
        state.kkt, state.noise = max(W.kkt, H.kkt), problem.noise
        state.record(loss)
        restarted = momentum.after_H(W, H, loss > previous + problem.noise)
        state.since_restart = 0 if restarted else state.since_restart + 1
        previous = loss
        W.advance()
        H.advance()
        reason = "exact" if problem.exact else first_reason(rules, state)
        cancelled = callback is not None and bool(callback(state))
        if cancelled or reason is not None:
            return Path(W.best, H.best, state, reason or "callback", cancelled)
        if state.iteration % 10 == 0:
            rebalance(problem, W, H)


def first_reason(rules: Sequence[Rule], state: State) -> str | None:
    """Return what the first rule that fires says."""
    for rule in rules:
        reason = rule(state)
        if reason is not None:
            if not isinstance(reason, str):
                raise TypeError(
                    f"A stop rule must return its reason, a string, or None; {rule!r} returned {reason!r}."
                )
            return reason
    return None


def rebalance(problem: Problem, W: Side, H: Side) -> None:
    """Share scale and penalties between the factors; every iterate is scaled alike, so the extrapolation goes on."""
    if not problem.balances:
        return
    factor = balance(W.plain, H.plain, *problem.shrinks, problem.source.sample_weight)
    if problem.bounds != FREE:
        factor[held_parts(problem.bounds, len(factor))] = 1
    W.scale(factor)
    H.scale(1 / factor)
