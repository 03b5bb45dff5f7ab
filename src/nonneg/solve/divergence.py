"""Beta-divergences: Kullback-Leibler by coordinate descent, every one by multiplicative updates."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from nonneg._core import DivergenceRule
from nonneg.data import Array, Entries
from nonneg.data.source import Divergence
from nonneg.solve.bounds import FREE, Bounds, Pair, within
from nonneg.solve.penalty import Shrink, shrunk
from nonneg.solve.problem import NOISE, Step
from nonneg.solve.rows import near_one

# A loss below this share of the total is nothing but rounding.
FLOOR = {np.dtype(np.float32): 1e-12, np.dtype(np.float64): 1e-24}
# W H counts as no less than this (X is near 1): the squares of its reciprocals must stay numbers.
SMALLEST = {np.dtype(np.float32): 1e-12, np.dtype(np.float64): 1e-60}

# Most sweeps of coordinate descent in a half-step, and the promise at which a row stops earlier.
MOST_SWEEPS, SWEEP_STEP = 3, 0.1
# Multiplicative updates of each factor before the first descent.
UPDATES_FIRST = 1
# Sweeps until a row is settled, and the promise at which it is.
SETTLING_SWEEPS, SETTLED = 500, {np.dtype(np.float32): 1e-10, np.dtype(np.float64): 1e-18}
ROUGH_SWEEPS, ROUGH = 10, 1e-3
# At the end of a fit W is near its optimum; multiplication takes longer over the rest than descent.
LAST_UPDATES, LAST_PROMISE = 100, 1e-6
# Zeros of a start become this share of the mean of their factor: multiplication cannot move a zero.
LIFT = 1e-3


def live(F: Array) -> Array:
    """Return which parts of a factor are not empty."""
    return np.asarray(F.any(axis=1))


def dead(source: Entries, side: str, partner: Array) -> Array:
    """Return which parts of a side nothing pulls at: no row of the partner that counts holds any of it."""
    a = source.sample_weight
    return ~live(partner if side == "W" or a is None else partner[:, a > 0])


class BetaDivergence:
    """The `Problem` of a beta-divergence by multiplicative updates (majorisation-minimisation)."""

    solver, balances = "mm", True
    last = LAST_UPDATES, LAST_PROMISE

    def __init__(
        self,
        source: Entries,
        shrinks: tuple[Shrink, Shrink],
        beta: float,
        least: float | None = None,
        bounds: Pair = FREE,
    ) -> None:
        self.source, self.shrinks, self.beta, self.bounds = source, shrinks, beta, bounds
        # What X counts as where it is less, in scaled units.
        self.least = 0.0 if least is None else least * source.scale.whole
        self.exact = False
        self._value = float("inf")

    @cached_property
    def noise(self) -> float:
        """What differences of objectives are rounding."""
        return NOISE[self.source.dtype] * self.total

    @cached_property
    def total(self) -> float:
        """Divergence of X from its mean; under the squared error from zero, as in `SquaredError`."""
        if self.beta == 2:
            return 0.5 * self.source.squared_norm
        m, n = self.source.shape
        mean = np.full((1, m), self.source.mean or 1.0, self.source.dtype)
        rule = DivergenceRule("keep", self.beta, least=self.least, measure=True)
        return self._update("H", np.ones((1, n), self.source.dtype), mean, rule).value

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the start without zeros."""
        W, H = (np.where(F > 0, F, LIFT * F.mean(axis=1, keepdims=True)).astype(F.dtype) for F in start)
        return within(self.bounds, (W, H))

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Update the factor of a side in place; H's update measures the pair that it leaves."""
        return self._step(side, F, partner, self._rule("multiply", side, measure=side == "H"))

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective at the pair that the last half-step has left."""
        return self._value + self.penalty(W, H)

    def penalty(self, W: Array, H: Array) -> float:
        """Return the L1 and L2 penalties."""
        return shrunk(self.shrinks, W, H, self.source.sample_weight)

    def value(self, W: Array, H: Array) -> float:
        """Return the divergence of X from W H."""
        return self._update("H", H, W, self._rule("keep", "H", measure=True)).value

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the divergence and the distance from an optimum."""
        kkt = max(
            self._settle(side, F.copy(), partner, 1, 0.0).kkt for side, F, partner in (("W", W, H), ("H", H, W))
        )
        return self.value(W, H), kkt

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner: each row by itself."""
        partner, size, bounds = near_one(partner, self.shrinks[side == "H"], self.bounds[side == "H"])
        # Each row begins at its own mean: what it ends at depends on no other row.
        means = np.maximum(self.source.means(side), self.least).astype(partner.dtype)
        F: Array = np.where(live(partner)[:, None], means, means.dtype.type(0))
        if bounds is not None:
            F = F if bounds.total is None else np.zeros_like(F)
            bounds.restrict(F)
        if self._sums_of(side) is None:
            self._step(side, F, partner, self._rule("multiply", side, bounds=bounds))
        most, tol = (ROUGH_SWEEPS, ROUGH) if accuracy == "rough" else (SETTLING_SWEEPS, SETTLED[self.source.dtype])
        self._settle(side, F, partner, most * (20 if accuracy == "exact" else 1), tol, bounds)
        with np.errstate(over="ignore", under="ignore"):
            F *= size
        return F

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the path's W after more updates with H as it is."""
        W = W.copy()
        self._settle("W", W, H, *self.last)
        return W

    def _settle(
        self, side: str, F: Array, partner: Array, most: int, tol: float, bounds: Bounds | None = None
    ) -> Step:
        """Bring the rows of a factor to their optimum, in place; within the problem's bounds if none are given."""
        return self._step(side, F, partner, self._rule("multiply", side, most=most, tol=tol, bounds=bounds))

    def _rule(
        self,
        update: str,
        side: str,
        *,
        most: int = 1,
        tol: float = 0.0,
        measure: bool = False,
        bounds: Bounds | None = None,
    ) -> DivergenceRule:
        floor, zero = self._floors(side)
        l2 = self.shrinks[side == "H"].l2
        low, high, total = bounds or self.bounds[side == "H"] or Bounds()
        return DivergenceRule(
            update, self.beta, l2, floor, zero, self.least, most, tol, measure, low, high, total or 0.0
        )

    def _sums_of(self, side: str) -> float | None:
        """Return what the rows of a factor sum to, where that is prescribed."""
        bounds = self.bounds[side == "H"]
        return None if bounds is None else bounds.total

    def _floors(self, side: str) -> tuple[float, float]:
        """Return what takes the place of a smaller W H, and of a denominator of zero."""
        smallest = SMALLEST[self.source.dtype]
        return smallest, smallest

    def _step(self, side: str, F: Array, partner: Array, rule: DivergenceRule) -> Step:
        done = self._update(side, F, partner, rule)
        if rule.measure:
            self._value = done.value
            self.exact = done.value <= FLOOR[self.source.dtype] * self.total
        kkt = float(np.sqrt(done.first_step / done.size)) if done.size > 0 else 0.0
        # On the simplex a part whose partner is empty still takes its share.
        return Step(kkt, dead(self.source, side, partner) & (self._sums_of(side) is None))

    def _update(self, side: str, F: Array, partner: Array, rule: DivergenceRule) -> Divergence:
        slopes = np.full(len(F), self.shrinks[side == "H"].l1)
        if self.beta == 1:
            slopes += self.source.background(side, partner)
        done = self.source.divergence(side, F, partner, slopes.astype(F.dtype), rule)
        return done._replace(value=max(0.0, done.value))  # rounding may take a sum of terms >= 0 below zero


class KullbackLeibler(BetaDivergence):
    """The `Problem` of Kullback and Leibler by coordinate descent, begun with a multiplicative update."""

    solver = "e-ccd"
    last = ROUGH_SWEEPS, ROUGH

    def __init__(self, source: Entries, shrinks: tuple[Shrink, Shrink], bounds: Pair = FREE) -> None:
        super().__init__(source, shrinks, 1.0, bounds=bounds)

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the start without zeros, after multiplicative updates: descent from far off goes astray."""
        W, H = super().begin(start)
        on_W = self.bounds[0]
        simplex = on_W is not None and on_W.total is not None
        if on_W is not None and simplex:
            # The nearest point may be a corner, where W H vanishes under a positive X.
            middle = np.zeros_like(W)
            on_W.restrict(middle)
            W += W.dtype.type(LIFT) * (middle - W)
        for _ in range(UPDATES_FIRST):
            if simplex:
                self.improve("W", W, H)
            else:
                super().improve("W", W, H)
            super().improve("H", H, W)
        return W, H

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Descend along each coordinate in turn; H's update measures the pair that it leaves."""
        rule = self._rule("descend", side, most=MOST_SWEEPS, tol=SWEEP_STEP, measure=side == "H")
        return self._step(side, F, partner, rule)

    def _settle(
        self, side: str, F: Array, partner: Array, most: int, tol: float, bounds: Bounds | None = None
    ) -> Step:
        step = self._step(side, F, partner, self._rule("descend", side, most=most, tol=tol, bounds=bounds))
        if not any(self.shrinks[side == "H"]) and self.bounds[side == "H"] is None:
            # At the optimum a row of W H has the sum of its row of X; a multiplicative update makes it so exactly.
            self._step(side, F, partner, self._rule("multiply", side))
        return step


class MultipliedDivergence(BetaDivergence):
    """The same updates with scikit-learn's floors: its iterates are those of scikit-learn's solver "mu"."""

    solver, balances = "mu", False  # the floors are sizes in scikit-learn's factors

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the start as it is."""
        return within(self.bounds, start)

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Multiply, and clear what is below rounding where scikit-learn does."""
        step = super().improve(side, F, partner)
        if self.beta < 1 or (self.beta == 1 and side == "H"):
            F[np.finfo(np.float64).eps * self.source.scale[side == "H"] > F] = 0
            bounds = self.bounds[side == "H"]
            if bounds is not None:
                bounds.restrict(F)
        return step

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W of the path, as scikit-learn does."""
        return W

    def _floors(self, side: str) -> tuple[float, float]:
        scale, eps = self.source.scale, float(np.finfo(np.float32).eps)
        partner = scale.H if side == "W" else scale.W
        return eps * scale.whole, eps * partner * scale.whole ** (self.beta - 1)
