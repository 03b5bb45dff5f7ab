"""The squared error, 1/2 ||X - W H||^2: products with X, then coordinate sweeps on small matrices."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from nonneg.data import Array, Source, counted, gram, mix
from nonneg.solve.bounds import FREE, Pair, within
from nonneg.solve.penalty import Shrink, shrunk
from nonneg.solve.problem import NOISE, Step, residual_noise
from nonneg.solve.rows import ROUGH, SETTLED, near_one, solve_rows
from nonneg.solve.sweeps import sweep

# Below this share of 1/2 ||X||^2 the free formula of the loss is mostly rounding: evaluate the residual.
CANCELS = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-11}
# Relative size of a residual that is nothing but rounding: the run is over.
FLOOR = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}

# Most sweeps for each product, and the step at which a row stops earlier (relative to its first). Measured on nine
# real sets: 4 sweeps need up to six times the iterations on dense data, and where products are cheap the rows stop
# early by themselves. The same numbers for every kind of data, so that the loop takes the same path on dense and
# sparse X.
MOST_SWEEPS, SWEEP_STEP = 20, 0.1


class SquaredError:
    """The `Problem` of the squared error, solved by coordinate sweeps (E-A-HALS)."""

    beta, solver, balances = 2.0, "e-a-hals", True
    cancels = CANCELS

    def __init__(self, source: Source, shrinks: tuple[Shrink, Shrink], bounds: Pair = FREE) -> None:
        self.source, self.shrinks, self.bounds = source, shrinks, bounds
        self.noise, self.exact = 0.0, False
        self._product, self._gram = 0.0, np.zeros((0, 0))

    @cached_property
    def total(self) -> float:
        """Half the squared norm of X; new rows for known parts do without this pass over X."""
        return 0.5 * self.source.squared_norm

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the start: sweeps move parts away from zero."""
        return within(self.bounds, start)

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor; <B, F> and the Gram matrix are kept for `objective`."""
        B, self._gram = self._product_with(side, partner), self._gram_of(side, partner)
        done = sweep(
            F, B, self._gram, self.shrinks[side == "H"], MOST_SWEEPS, SWEEP_STEP, bounds=self.bounds[side == "H"]
        )
        self._product = done.product
        return Step(done.kkt, done.dead)

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective from what the half-step has computed anyway."""
        return self._value(W, H, self._product, self._gram, gram(H)) + self.penalty(W, H)

    def penalty(self, W: Array, H: Array) -> float:
        """Return the L1 and L2 penalties."""
        return shrunk(self.shrinks, W, H, self.source.sample_weight)

    def value(self, W: Array, H: Array) -> float:
        """Return ``1/2 ||X - W H||^2``."""
        product = float(np.einsum("pj,pj->", self._product_with("H", W), H, dtype=np.float64))
        return self._value(W, H, product, self._gram_of("H", W), gram(H))

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return ``1/2 ||X - W H||^2`` and the distance from an optimum."""
        A, gram_W, gram_H = self._product_with("H", W), self._gram_of("H", W), gram(H)
        product = float(np.einsum("pj,pj->", A, H, dtype=np.float64))
        steps = (
            sweep(F.copy(), B, G, shrink, 1, 0.0, bounds=side).kkt
            for F, B, G, shrink, side in zip(
                (W, H), (self.source.dot(H), A), (gram_H, gram_W), self.shrinks, self.bounds, strict=True
            )
        )
        return self._value(W, H, product, gram_W, gram_H), max(steps)

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner."""
        shrink = self.shrinks[side == "H"]
        partner, size, bounds = near_one(partner, shrink, self.bounds[side == "H"])
        tol = ROUGH if accuracy == "rough" else SETTLED[self.source.dtype]
        B, exact = self._product_with(side, partner), accuracy == "exact"
        F = solve_rows(B, self._gram_of(side, partner), shrink, tol, exact=exact, bounds=bounds)
        with np.errstate(over="ignore", under="ignore"):
            return F * size

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W that `transform` returns for X, whatever the path has left."""
        return self.solve("W", H)

    def _product_with(self, side: str, partner: Array) -> Array:
        return self.source.dot(partner) if side == "W" else self.source.tdot(counted(self.source, side, partner))

    def _gram_of(self, side: str, partner: Array) -> Array:
        return gram(partner, counted(self.source, side, partner))

    def _value(self, W: Array, H: Array, product: float, gram_W: Array, gram_H: Array) -> float:
        """Return ``1/2 ||X - W H||^2``, and settle what counts as rounding beside it; ``product`` is <W' X, H>."""
        data = self.total - product + 0.5 * float((gram_W * gram_H).sum())
        self.noise = NOISE[self.source.dtype] * self.total
        if data < self.cancels[self.source.dtype] * self.total:
            data = self.source.loss(W, H)
            self.noise = residual_noise(self.source.dtype, self.total, data)
        self.exact = data <= FLOOR[self.source.dtype] ** 2 * self.total
        return data


class MultipliedSquaredError(SquaredError):
    """The same by plain multiplicative updates (Lee & Seung 2001), as scikit-learn's solver "mu" does them."""

    solver, balances = "mu", False

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Multiply each entry by what pulls it up over what pulls it down."""
        B, self._gram = self._product_with(side, partner), self._gram_of(side, partner)
        shrink = self.shrinks[side == "H"]
        below = mix((self._gram + shrink.l2 * np.eye(len(F))).astype(F.dtype), F) + F.dtype.type(shrink.l1)
        scale = self.source.scale.H if side == "W" else self.source.scale.W
        below[below == 0] = np.finfo(np.float32).eps * scale * scale
        bounds = self.bounds[side == "H"]
        kkt = sweep(F.copy(), B, self._gram, shrink, 1, 0.0, bounds=bounds).kkt
        F *= np.maximum(B, 0) / below
        if bounds is not None:
            bounds.restrict(F)
        self._product = float(np.einsum("pj,pj->", B, F, dtype=np.float64))
        return Step(kkt, np.zeros(len(F), bool))

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W of the path, as scikit-learn does."""
        return W
