"""The one loop: extrapolated alternating coordinate descent with restarts (E-A-HALS).

Several coordinate sweeps for each product with X (Gillis & Glineur 2012, doi:10.1162/NECO_a_00256), and an
extrapolation step between the half-steps whose length adapts, with restarts (Ang & Gillis 2019,
doi:10.1162/neco_a_01157). The best pair seen is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nonneg.data import Array, Source, gram
from nonneg.solve.penalty import Shrink, balance
from nonneg.solve.stop import Rule, State
from nonneg.solve.sweeps import extrapolate, sweep

# Below this share of 1/2 ||X||^2 the free formula of the loss is mostly rounding: evaluate the residual.
CANCELS = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-11}
# Losses closer than this share of 1/2 ||X||^2 are equal: a restart must not answer to rounding.
NOISE = {np.dtype(np.float32): 2e-7, np.dtype(np.float64): 1e-14}
# Relative size of a residual that is nothing but rounding: the run is over.
FLOOR = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}


# Most sweeps for each product, and the step at which a row stops earlier (relative to its first). Measured on nine
# real sets: 4 sweeps need up to six times the iterations on dense data, and where products are cheap the rows stop
# early by themselves. The same numbers for every kind of data, so that dense and sparse X take the same path.
MOST_SWEEPS, SWEEP_STEP = 20, 0.1


class Side:
    """One factor during the loop: the last plain iterate, the extrapolated point, and the best one seen."""

    def __init__(self, F: Array, shrink: Shrink) -> None:
        self.point, self.plain, self.next, self.best = F.copy(), F.copy(), F.copy(), F.copy()
        self.shrink = shrink
        self.kkt = float("inf")
        self.product = 0.0

    def improve(self, B: Array, G: Array) -> None:
        """Sweep from the extrapolated point to the next plain iterate."""
        np.copyto(self.next, self.point)
        done = sweep(self.next, B, G, self.shrink, MOST_SWEEPS, SWEEP_STEP)
        if done.dead.any():
            # Nothing pulls at the partner of an empty part: it waits, or the extrapolation would carry it away.
            self.next[done.dead] = self.plain[done.dead]
        self.kkt, self.product = done.kkt, done.product

    def extrapolate(self, beta: float) -> None:
        """Move the point beyond the next iterate, along the last step."""
        extrapolate(self.next, self.plain, beta, self.point)

    def restart(self) -> None:
        """Go back from the extrapolated point to the plain iterate."""
        np.copyto(self.point, self.next)

    def advance(self) -> None:
        """Make the next iterate the present one."""
        self.plain, self.next = self.next, self.plain

    def scale(self, factor: Array) -> None:
        """Multiply each part, in every iterate alike."""
        column = factor[:, None].astype(self.point.dtype)
        for F in (self.point, self.plain, self.next):
            np.multiply(F, column, out=F)


@dataclass
class Objective:
    """Value of the objective at (W, H), from what an iteration has computed anyway."""

    source: Source
    on_W: Shrink
    on_H: Shrink

    def __post_init__(self) -> None:
        self.total = 0.5 * self.source.squared_norm
        self.noise, self.exact = NOISE[self.source.dtype] * self.total, False

    def __call__(self, W: Array, H: Array, product: float, gram_W: Array, gram_H: Array) -> float:
        """Return the objective; ``product`` is ``<W' X, H>``."""
        data = self.data(W, H, product, gram_W, gram_H)
        return data + self.on_W.value(W, gram_W) + self.on_H.value(H, gram_H)

    def data(self, W: Array, H: Array, product: float, gram_W: Array, gram_H: Array) -> float:
        """Return ``1/2 ||X - W H||^2``, and settle what counts as rounding beside it."""
        data = self.total - product + 0.5 * float((gram_W * gram_H).sum())
        self.noise = NOISE[self.source.dtype] * self.total
        if data < CANCELS[self.source.dtype] * self.total:
            data = self.source.loss(W, H)
            # Each entry of the residual carries an error of about eps |X|, of either sign.
            self.noise = 0.25 * float(np.finfo(self.source.dtype).eps) * float(np.sqrt(self.total * data))
        self.exact = data <= FLOOR[self.source.dtype] ** 2 * self.total
        return data


def objective_of(source: Source, pair: tuple[Array, Array], shrinks: tuple[Shrink, Shrink]) -> float:
    """Return the objective at a pair (W, H), k x rows, in scaled units."""
    W, H = pair
    product = float(np.einsum("pj,pj->", source.tdot(W), H, dtype=np.float64))
    return Objective(source, *shrinks)(W, H, product, gram(W), gram(H))


@dataclass
class Path:
    """How a run went: the best pair, the state at the end and why it ended."""

    W: Array
    H: Array
    state: State
    reason: str
    cancelled: bool = False  # the callback asked to stop, whatever else fired


def iterate(
    source: Source,
    start: tuple[Array, Array],
    shrinks: tuple[Shrink, Shrink],
    rules: Sequence[Rule],
    callback: Callable[[State], object] | None = None,
    state: State | None = None,
) -> Path:
    """Factorize from a start until a rule fires; factors are k x rows, in the source's scaled units."""
    state = state or State()
    on_W, on_H = shrinks
    objective = Objective(source, on_W, on_H)
    W, H = (Side(F, shrink) for F, shrink in zip(start, shrinks, strict=True))
    rebalance(W, H)
    beta, last_good, ceiling = 0.5, 0.5, 1.0
    previous = best = float("inf")
    gram_H = gram(H.point)
    restarts_in_a_row = 0
    while True:
        W.improve(source.dot(H.point), gram_H)
        W.extrapolate(beta if restarts_in_a_row < 2 else 0.0)
        gram_W = gram(W.point)
        H.improve(source.tdot(W.point), gram_W)
        gram_H = gram(H.next)
        loss = objective(W.point, H.next, H.product, gram_W, gram_H)
        if loss < best:
            best = loss
            np.copyto(W.best, W.point)
            np.copyto(H.best, H.next)
        state.kkt, state.noise = max(W.kkt, H.kkt), objective.noise
        state.record(loss)
        if loss > previous + objective.noise:
            W.restart()
            H.restart()
            ceiling, beta = last_good, beta / 1.5
            state.since_restart = 0
            restarts_in_a_row += 1
        else:
            H.extrapolate(beta if restarts_in_a_row < 2 else 0.0)
            last_good, beta, ceiling = beta, min(ceiling, 1.05 * beta), min(1.0, 1.01 * ceiling)
            gram_H = gram(H.point)
            state.since_restart += 1
            restarts_in_a_row = 0
        previous = loss
        W.advance()
        H.advance()
        reason = "exact" if objective.exact else first_reason(rules, state)
        cancelled = callback is not None and bool(callback(state))
        if cancelled or reason is not None:
            return Path(W.best, H.best, state, reason or "callback", cancelled)
        if state.iteration % 10 == 0:
            gram_H = rebalance(W, H)


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


def rebalance(W: Side, H: Side) -> Array:
    """Share scale and penalties between the factors; every iterate is scaled alike, so the extrapolation goes on."""
    factor = balance(W.plain, H.plain, W.shrink, H.shrink)
    W.scale(factor)
    H.scale(1 / factor)
    return gram(H.point)
