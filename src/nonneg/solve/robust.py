"""The squared error with outliers held down: residuals beyond some standard errors count by their size alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nonneg.data import Array, WeightedDense
from nonneg.solve.bounds import FREE, Pair
from nonneg.solve.penalty import Shrink
from nonneg.solve.problem import Step
from nonneg.solve.weighted_error import WeightedSquaredError

# Weights and rows settle each other in turn; always as often, so that no row depends on the rows beside it.
SETTLING_ROUNDS = 30
BLOCK = 2**20


class RobustSquaredError(WeightedSquaredError):
    """The `Problem` of a sum over scaled residuals r: ``1/2 r^2`` up to `alpha`, ``alpha |r| - 1/2 alpha^2`` beyond.

    Huber (1964), doi:10.1214/aoms/1177703732, by reweighting: each half-step lowers a weighted squared error that
    touches the loss where it begins, with an outlier's weight times ``alpha / |r|`` - as in robust positive matrix
    factorization (Paatero 1997, doi:10.1016/S0169-7439(96)00044-5).
    """

    given: WeightedDense

    def __init__(
        self, source: WeightedDense, shrinks: tuple[Shrink, Shrink], bounds: Pair = FREE, *, alpha: float
    ) -> None:
        super().__init__(source, shrinks, bounds)
        self.given = source
        # In the scaled units of the data and of the weights.
        self.alpha = alpha * source.scale.whole / float(np.sqrt(source.scale.weights))
        m, n = source.shape
        self.total = self.value(np.zeros((1, m), source.dtype), np.zeros((1, n), source.dtype))

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Weigh by the residuals at hand, then sweep."""
        self._weigh(*((F, partner) if side == "W" else (partner, F)))
        return super().improve(side, F, partner)

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective at any pair: the sweeps know only the one that touches it where they began."""
        return self.value(W, H) + self.penalty(W, H)

    def value(self, W: Array, H: Array) -> float:
        """Return the loss, outliers held down."""
        loss = 0.0
        a = self.given.sample_weight
        for rows, r in self._residuals(W, H):
            size = np.abs(r)
            each = np.where(size > self.alpha, self.alpha * size - 0.5 * self.alpha**2, 0.5 * r**2)
            loss += float(np.nansum(each if a is None else each * a[rows, None], dtype=np.float64))
        return self._settle(loss)

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the loss and the distance from an optimum."""
        self._weigh(W, H)
        return super().measure(W, H)

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner: each row by itself, from zero."""
        self.source = self.given
        F = super().solve(side, partner, accuracy=accuracy)
        for _ in range(2 if accuracy == "rough" else SETTLING_ROUNDS):
            self._weigh(*((F, partner) if side == "W" else (partner, F)))
            F = super().solve(side, partner, accuracy=accuracy)
        return F

    def _weigh(self, W: Array, H: Array) -> None:
        """Set the source's weights by the residuals."""
        observed = self.given.observed
        weights = np.ones_like(observed.X) if observed.weights is None else observed.weights.copy(order="K")
        for rows, r in self._residuals(W, H):
            size = np.abs(r)
            with np.errstate(invalid="ignore", divide="ignore"):
                weights[rows] *= np.where(size > self.alpha, self.alpha / size, 1)
        self.source = WeightedDense(replace(observed, weights=weights), self.given.scale)

    def _residuals(self, W: Array, H: Array) -> Iterator[tuple[slice, Array]]:
        """Yield blocks of rows and their residuals over the standard errors, in scaled units; NaN where missing."""
        observed, scale = self.given.observed, self.given.scale
        X, weights = observed.X, observed.weights
        height = max(1, BLOCK // X.shape[1])
        for top in range(0, len(X), height):
            rows = slice(top, top + height)
            r = scale.up(X[rows]) - W[:, rows].T @ H
            yield rows, r if weights is None else r * np.sqrt(weights[rows])
