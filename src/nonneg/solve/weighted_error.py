"""The squared error where entries were not observed or do not all count the same."""

from __future__ import annotations

import numpy as np

from nonneg._core import WeightedRule
from nonneg.data import Array, Entries, Filled, WeightedDense, WeightedSparse
from nonneg.solve.divergence import dead
from nonneg.solve.penalty import Shrink
from nonneg.solve.problem import Problem, Step
from nonneg.solve.rows import MOST_SWEEPS as SETTLING_SWEEPS
from nonneg.solve.rows import ROUGH, SETTLED, unit_rows
from nonneg.solve.squared_error import FLOOR, MOST_SWEEPS, SWEEP_STEP, SquaredError


def squared_error(source: Entries, shrinks: tuple[Shrink, Shrink]) -> Problem:
    """Return the `Problem` of the squared error for the kind of data."""
    if not isinstance(source, (WeightedDense, WeightedSparse)) or source.observed.complete:
        return SquaredError(source, shrinks)
    if isinstance(source, WeightedDense) and source.observed.weights is None:
        return FilledSquaredError(source, shrinks)
    return WeightedSquaredError(source, shrinks)


class WeightedSquaredError:
    """The `Problem` of ``1/2 sum of weight (X - W H)^2`` by coordinate sweeps, each row with its own Gram matrix."""

    beta, solver, balances = 2.0, "e-a-hals", True

    def __init__(self, source: WeightedDense | WeightedSparse, shrinks: tuple[Shrink, Shrink]) -> None:
        self.source, self.shrinks = source, shrinks
        self.total = 0.5 * source.squared_norm
        self.noise, self.exact = 0.0, False

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the start in the size that fits what was observed."""
        W, H = start
        # The loss of t W H is a parabola in t: three points know it.
        zero, one, two = self.total, self.source.loss(W, H), self.source.loss(W * W.dtype.type(2), H)
        curvature = two - 2 * one + zero
        best = (zero - one) / curvature + 0.5 if curvature > 0 else 1.0
        return W * W.dtype.type(best if best > 0 else 1.0), H

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor in place."""
        step = self._sweep(side, F, partner, MOST_SWEEPS, SWEEP_STEP)
        return Step(step, dead(self.source, side, partner))

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective at any pair."""
        return self.value(W, H) + self.penalty(W, H)

    def penalty(self, W: Array, H: Array) -> float:
        """Return the L1 and L2 penalties."""
        return self.shrinks[0].value(W, self.source.sample_weight) + self.shrinks[1].value(H)

    def value(self, W: Array, H: Array) -> float:
        """Return the loss from the residual, and settle what counts as rounding beside it."""
        loss = self.source.loss(W, H)
        # Each entry of the residual carries an error of about eps |X|, of either sign.
        self.noise = 0.25 * float(np.finfo(self.source.dtype).eps) * float(np.sqrt(self.total * loss))
        self.exact = loss <= FLOOR[self.source.dtype] ** 2 * self.total
        return loss

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the loss and the distance from an optimum."""
        kkt = max(self._sweep(side, F.copy(), partner, 1, 0.0) for side, F, partner in (("W", W, H), ("H", H, W)))
        return self.value(W, H), kkt

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner: each row by itself, from zero."""
        size = np.ones((len(partner), 1), partner.dtype)
        if not any(self.shrinks[side == "H"]):
            partner, size = unit_rows(partner)
        F = np.zeros((len(partner), self.source.shape[side == "H"]), partner.dtype)
        tol = ROUGH if accuracy == "rough" else SETTLED[self.source.dtype]
        finish = {"rough": "none", "settled": "moving", "exact": "all"}[accuracy]
        self._sweep(side, F, partner, SETTLING_SWEEPS, tol, finish)
        with np.errstate(over="ignore", under="ignore"):
            return F * size

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W that `transform` returns for X, whatever the path has left."""
        return self.solve("W", H)

    def _sweep(self, side: str, F: Array, partner: Array, most: int, tol: float, finish: str = "none") -> float:
        l1, l2 = self.shrinks[side == "H"]
        step, size = self.source.sweep(side, F, partner, WeightedRule(l1, l2, most, tol, finish))
        return float(np.sqrt(step / size)) if size > 0 else (float("inf") if step > 0 else 0.0)


class FilledSquaredError(SquaredError):
    """The same where few entries of a dense X are missing: they follow the model, and the sweeps see a whole X.

    Each half-step fills the missing entries with W H and goes on as with a complete X: it lowers an upper bound of
    the loss that touches it where the step begins, so the loss falls (expectation-maximisation).
    """

    source: Filled

    def __init__(self, source: WeightedDense, shrinks: tuple[Shrink, Shrink]) -> None:
        super().__init__(Filled(source), shrinks)
        self._observed = WeightedSquaredError(source, shrinks)
        self._observed_total = self.total

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Fill, then sweep."""
        squares = self.source.fill(F, partner) if side == "W" else self.source.fill(partner, F)
        self.total = self._observed_total + 0.5 * squares
        return super().improve(side, F, partner)

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective over what was observed: that of the filled X, less what the fill is off the model."""
        return super().objective(W, H) - 0.5 * self.source.gap(W, H)

    def value(self, W: Array, H: Array) -> float:
        """Return the loss over what was observed."""
        return self._observed.value(W, H)

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the loss over what was observed, and the distance from an optimum."""
        self.total = self._observed_total
        return self._observed.measure(W, H)

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner, by what was observed of each row."""
        return self._observed.solve(side, partner, accuracy=accuracy)
