"""The squared error where entries were not observed or do not all count the same."""

from __future__ import annotations

import numpy as np

from nonneg._core import WeightedRule
from nonneg.data import Array, Entries, WeightedDense, WeightedSparse, counted, gram, mix
from nonneg.solve.bounds import FREE, Bounds, Pair, held_parts, within
from nonneg.solve.divergence import dead
from nonneg.solve.penalty import Shrink, shrunk
from nonneg.solve.problem import NOISE, Problem, Step, residual_noise
from nonneg.solve.rows import MOST_SWEEPS as SETTLING_SWEEPS
from nonneg.solve.rows import ROUGH, SETTLED, near_one
from nonneg.solve.squared_error import CANCELS, FLOOR, MOST_SWEEPS, SWEEP_STEP, SquaredError
from nonneg.solve.sweeps import sweep

# Mean weight from which on the expectation is sooner there than a Gram matrix for each row. Measured at k = 5 and 20:
# its iterations cost a half and a fifth; at 0.3 it needs a third more of them, at 0.15 twice, at 0.05 three times.
LEAST_KNOWN = 0.25


def squared_error(source: Entries, shrinks: tuple[Shrink, Shrink], bounds: Pair = FREE) -> Problem:
    """Return the `Problem` of the squared error for the kind of data."""
    if not isinstance(source, (WeightedDense, WeightedSparse)) or source.observed.complete:
        return SquaredError(source, shrinks, bounds)
    if isinstance(source, WeightedDense) and source.known_share >= LEAST_KNOWN:
        filled = ImputedSquaredError if source.imputes else ExpectedSquaredError
        return filled(source, shrinks, bounds)
    return WeightedSquaredError(source, shrinks, bounds)


class WeightedSquaredError:
    """The `Problem` of ``1/2 sum of weight (X - W H)^2`` by coordinate sweeps, each row with its own Gram matrix."""

    beta, solver, balances = 2.0, "e-a-hals", True

    def __init__(
        self, source: WeightedDense | WeightedSparse, shrinks: tuple[Shrink, Shrink], bounds: Pair = FREE
    ) -> None:
        self.source, self.shrinks, self.bounds = source, shrinks, bounds
        self.total = 0.5 * source.squared_norm
        self.noise, self.exact, self._last = NOISE[source.dtype] * self.total, False, float("inf")
        self._size = self.total  # of the numbers whose difference the last loss is

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the start in the size that fits what was observed, unless constraints give it one."""
        W, H = within(self.bounds, start)
        if held_parts(self.bounds, len(W)).any():
            return W, H
        # The loss of t W H is a parabola in t: three points know it.
        zero, one, two = self.total, self.source.loss(W, H), self.source.loss(W * W.dtype.type(2), H)
        curvature = two - 2 * one + zero
        best = (zero - one) / curvature + 0.5 if curvature > 0 else 1.0
        return W * W.dtype.type(best if best > 0 else 1.0), H

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor in place."""
        kkt, change = self._sweep(side, F, partner, MOST_SWEEPS, SWEEP_STEP, bounds=self.bounds[side == "H"])
        self._last = max(0.0, self.total + change)
        return Step(kkt, dead(self.source, side, partner))

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective from what the half-step has computed anyway."""
        if self._last < CANCELS[self.source.dtype] * self._size:
            return self.value(W, H) + self.penalty(W, H)
        self.noise, self.exact = NOISE[self.source.dtype] * self._size, False
        return self._last + self.penalty(W, H)

    def penalty(self, W: Array, H: Array) -> float:
        """Return the L1 and L2 penalties."""
        return shrunk(self.shrinks, W, H, self.source.sample_weight)

    def value(self, W: Array, H: Array) -> float:
        """Return the loss from the residual, and settle what counts as rounding beside it."""
        return self._settle(self.source.loss(W, H))

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the loss and the distance from an optimum."""
        kkt = max(
            self._sweep(side, F.copy(), partner, 1, 0.0, bounds=self.bounds[side == "H"])[0]
            for side, F, partner in (("W", W, H), ("H", H, W))
        )
        return self.value(W, H), kkt

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner: each row by itself, from zero."""
        partner, size, bounds = near_one(partner, self.shrinks[side == "H"], self.bounds[side == "H"])
        F = np.zeros((len(partner), self.source.shape[side == "H"]), partner.dtype)
        if bounds is not None:
            bounds.restrict(F)
        tol = ROUGH if accuracy == "rough" else SETTLED[self.source.dtype]
        finish = {"rough": "none", "settled": "moving", "exact": "all"}[accuracy]
        self._sweep(side, F, partner, SETTLING_SWEEPS, tol, finish, bounds)
        with np.errstate(over="ignore", under="ignore"):
            return F * size

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W that `transform` returns for X, whatever the path has left."""
        return self.solve("W", H)

    def _settle(self, loss: float) -> float:
        """Take note of the last loss."""
        self._last = max(0.0, loss)
        self.noise = residual_noise(self.source.dtype, self.total, self._last)
        self.exact = self._last <= FLOOR[self.source.dtype] ** 2 * self.total
        return self._last

    def _sweep(
        self,
        side: str,
        F: Array,
        partner: Array,
        most: int,
        tol: float,
        finish: str = "none",
        bounds: Bounds | None = None,
    ) -> tuple[float, float]:
        """Return the relative size of the first step, and how far the loss is from that of zeros."""
        (l1, l2), (low, high, total) = self.shrinks[side == "H"], bounds or Bounds()
        rule = WeightedRule(l1, l2, most, tol, finish, low, high, total or 0.0)
        step, size, change = self.source.sweep(side, F, partner, rule, self._ridge(side, partner))
        return float(np.sqrt(step / size)) if size > 0 else (float("inf") if step > 0 else 0.0), change

    def _ridge(self, side: str, partner: Array) -> Array:
        """Return what is added to the Gram matrix of every row, beside what the entries of the row bring."""
        return np.zeros((len(partner), len(partner)))


class ImputedSquaredError(WeightedSquaredError):
    """The same where nearly all of a dense X was observed: the sweeps see a whole X, filled by the model.

    Each half-step puts w h in the place of a missing x and goes on as with a complete X: it lowers an upper bound of
    the loss that touches it where the step begins, so the loss falls (expectation-maximisation; Zhang, Wang, Ford &
    Makedon 2006, doi:10.1137/1.9781611972764.58). The filled X is never formed, and w h only where it is needed.
    """

    source: WeightedDense

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor of the filled X."""
        B, filled = self.source.imputed(side, F, partner)
        G = gram(partner)
        done = sweep(F, B, G, self.shrinks[side == "H"], MOST_SWEEPS, SWEEP_STEP, bounds=self.bounds[side == "H"])
        if side == "H":
            # The bound, close by the square of the step: the loss against the filled X.
            self._size = self.total + 0.5 * filled
            self._last = max(0.0, self._size - done.product + 0.5 * float((G * gram(F)).sum()))
        return Step(done.kkt, dead(self.source, side, partner))


class ExpectedSquaredError(WeightedSquaredError):
    """The same with weights of entries or rows, or many gaps: weight x + (1 - weight) w h takes the place of x."""

    source: WeightedDense

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor of the expected X."""
        B, loss = self.source.expected(side, F, partner)
        G = gram(partner, counted(self.source, side, partner))
        before = F.copy()
        done = sweep(F, B, G, self.shrinks[side == "H"], MOST_SWEEPS, SWEEP_STEP, bounds=self.bounds[side == "H"])
        if side == "H":
            self._settle(after_step(loss, before, F, B, G))
        return Step(done.kkt, dead(self.source, side, partner))

    def objective(self, W: Array, H: Array) -> float:
        """Return a bound of the objective, close by the square of the last step: see `after_step`."""
        return self._last + self.penalty(W, H)


def after_step(loss: float, before: Array, after: Array, B: Array, G: Array) -> float:
    """Return the most that the loss can be after a step, from that before it; another pass over X is saved.

    Slope and loss before it are those of what was observed, the curvature is that of the filled X.
    """
    step = after - before
    uphill = mix(G.astype(before.dtype), before) - B
    slope = float(np.einsum("pj,pj->", uphill, step, dtype=np.float64))
    return loss + slope + 0.5 * float((G * gram(step)).sum())
