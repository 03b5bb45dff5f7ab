"""The squared error with penalties on the shape of the parts: smooth along an axis, or of least volume."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nonneg.data import Array, Source, WeightedDense, gram
from nonneg.solve.divergence import dead
from nonneg.solve.penalty import Penalty, Shrink
from nonneg.solve.problem import Problem, Step
from nonneg.solve.rows import ROUGH, SETTLED, near_one, solve_rows
from nonneg.solve.shape import LEAST_NOISE, Volume, roughness, smoothing, volume
from nonneg.solve.smooth import smooth_sweep
from nonneg.solve.squared_error import CANCELS, MOST_SWEEPS, SWEEP_STEP, SquaredError
from nonneg.solve.sweeps import Sweep, sweep
from nonneg.solve.weighted_error import ExpectedSquaredError, after_step


class Shapes:
    """The penalties on shape: what they cost, and what they add to a half-step.

    None changes when scale moves between W and H, so none needs a constraint on the other factor. Smoothness is
    quadratic in each factor; the volume is majorised by its tangent, ``trace(metric F F')``, a change of the Gram
    matrix (Leplat, Ang & Gillis 2019, doi:10.1109/ICASSP.2019.8682280).

    Parameters
    ----------
    penalty : Penalty
        In the units of the weights of X.
    source : Source
    seen : float
        Share of the entries of X that were observed: noise is known from those.
    """

    def __init__(self, penalty: Penalty, source: Source, seen: float = 1.0) -> None:
        lengths, unit = {"W": penalty.smooth_W, "H": penalty.smooth_H}, source.scale.weights
        self.smoothing = {side: smoothing(length) / unit for side, length in lengths.items()}
        self.small, self.strength = penalty.min_volume, penalty.min_volume_strength
        self.least = LEAST_NOISE * 0.5 * source.squared_norm
        small = int(penalty.min_volume == "H")
        self.rows = seen * source.shape[small]
        # A line that nobody observed would bring the parts together for nothing.
        self.known = np.ones(source.shape[small])
        if isinstance(source, WeightedDense):
            self.known[source.observed.unknown_lines[small]] = 0
        self.volume_weight = float("inf")

    def weigh_start(self, problem: Problem, start: tuple[Array, Array]) -> None:
        """Weigh the volume, if there is a say in it, by what a start leaves over."""
        if self.small:
            self.weigh_volume(min(problem.value(*start), problem.total))

    def weigh_volume(self, loss: float) -> None:
        """Weigh the volume by what a pair leaves over, and never more than before."""
        if self.small:
            self.volume_weight = min(self.volume_weight, self.strength * 2 * (loss + self.least) / self.rows)

    def value(self, W: Array, H: Array) -> float:
        """Return the penalties at any pair."""
        rough = sum(
            0.5 * s * float(roughness(F) @ np.diag(gram(partner)))
            for s, F, partner in ((self.smoothing["W"], W, H), (self.smoothing["H"], H, W))
            if s
        )
        return rough + (self.volume_weight * volume(W if self.small == "W" else H).value if self.small else 0.0)

    def sweep(
        self, side: str, F: Array, B: Array, G: Array, partner: Array, shrink: Shrink, most: int, tol: float
    ) -> Sweep:
        """Improve F for the whole objective; B and G are those of the data."""
        stiffness = self.smoothing[side] * np.diag(G)
        G = G + self.ridge(side, partner)
        if side == self.small:
            room: Volume = volume(F)
            G = G + self.volume_weight * room.metric
            B = B + (self.volume_weight * np.outer(room.push, self.known)).astype(B.dtype)
        if not self.smoothing[side]:
            return sweep(F, B, G, shrink, most, tol)
        return smooth_sweep(F, B - B.dtype.type(shrink.l1), G + shrink.l2 * np.eye(len(F)), stiffness, most, tol)

    def kkt(
        self, W: Array, H: Array, shrinks: tuple[Shrink, Shrink], product: Callable[[str, Array, Array], Array]
    ) -> float:
        """Return the distance from an optimum of the whole objective.

        `product` returns what X makes with the partner of a side: of the side's name, its factor and its partner.
        """
        steps = (
            self.sweep(side, F.copy(), product(side, F, partner), gram(partner), partner, shrink, 1, 0.0).kkt
            for side, F, partner, shrink in (("W", W, H, shrinks[0]), ("H", H, W, shrinks[1]))
        )
        return max(steps)

    def ridge(self, side: str, partner: Array) -> Array:
        """Return what the roughness of the partner's parts adds to a Gram matrix: the more there is of them."""
        s = self.smoothing["H" if side == "W" else "W"]
        return np.diag(s * roughness(partner)) if s else np.zeros((len(partner), len(partner)))

    def couples(self, side: str) -> bool:
        """Whether the rows of a factor depend on each other."""
        return self.smoothing[side] > 0 or self.small == side


class ShapedSquaredError(SquaredError):
    """The `Problem` of the squared error with smooth parts, parts of least volume, or both; see `Penalty`."""

    cancels = CANCELS | {np.dtype(np.float32): 1e-2}  # the volume is worth less than the loss: it needs more digits

    def __init__(self, source: Source, shrinks: tuple[Shrink, Shrink], penalty: Penalty) -> None:
        super().__init__(source, shrinks)
        self.shapes = Shapes(penalty, source)

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Weigh the volume by what the start leaves over."""
        self.shapes.weigh_start(self, start)
        return start

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor, or over its smooth parts."""
        B, self._gram = self._product_with(side, partner), gram(partner)
        done = self.shapes.sweep(side, F, B, self._gram, partner, self.shrinks[side == "H"], MOST_SWEEPS, SWEEP_STEP)
        self._product = float(np.einsum("pj,pj->", B, F, dtype=np.float64))
        return Step(done.kkt, done.dead)

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective; later ones weigh the volume by what this pair leaves over, and never more."""
        data = self._value(W, H, self._product, self._gram, gram(H))
        objective = data + self.penalty(W, H)
        self.shapes.weigh_volume(data)
        return objective

    def penalty(self, W: Array, H: Array) -> float:
        """Return the penalties at any pair."""
        return super().penalty(W, H) + self.shapes.value(W, H)

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return ``1/2 ||X - W H||^2`` and the distance from an optimum of the whole objective."""
        return self.value(W, H), self.shapes.kkt(W, H, self.shrinks, lambda side, _, F: self._product_with(side, F))

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner, each row by itself.

        What couples rows is left out: smoothness along this side, and its volume.
        """
        shrink = self.shrinks[side == "H"]
        partner, size, _ = near_one(partner, shrink, None)
        tol = ROUGH if accuracy == "rough" else SETTLED[self.source.dtype]
        G = gram(partner) + self.shapes.ridge(side, partner)
        return solve_rows(self._product_with(side, partner), G, shrink, tol, exact=accuracy == "exact") * size

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W of the path where its rows are coupled, else what `transform` returns."""
        return W if self.shapes.couples("W") else self.solve("W", H)


class ExpectedShapedSquaredError(ExpectedSquaredError):
    """The same where entries of a dense X were not observed or do not all count the same."""

    def __init__(self, source: WeightedDense, shrinks: tuple[Shrink, Shrink], penalty: Penalty) -> None:
        super().__init__(source, shrinks)
        self.shapes = Shapes(penalty, source, source.seen_share)

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the start in the size that fits, and weigh the volume by what it leaves over."""
        start = super().begin(start)
        self.shapes.weigh_start(self, start)
        return start

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor of the filled X, or over its smooth parts."""
        B, loss = self.source.expected(side, F, partner)
        before, G = F.copy(), gram(partner)
        done = self.shapes.sweep(side, F, B, G, partner, self.shrinks[side == "H"], MOST_SWEEPS, SWEEP_STEP)
        if side == "H":
            self._settle(after_step(loss, before, F, B, G))
        return Step(done.kkt, dead(self.source, side, partner))

    def objective(self, W: Array, H: Array) -> float:
        """Return a bound of the objective; later ones weigh the volume by what this pair leaves over."""
        objective = super().objective(W, H)
        self.shapes.weigh_volume(self._last)
        return objective

    def penalty(self, W: Array, H: Array) -> float:
        """Return the penalties at any pair."""
        return super().penalty(W, H) + self.shapes.value(W, H)

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the loss and the distance from an optimum of the whole objective, of which a step sees a bound."""
        return self.value(W, H), self.shapes.kkt(W, H, self.shrinks, lambda *at: self.source.expected(*at)[0])

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W of the path where its rows are coupled, else what `transform` returns."""
        return W if self.shapes.couples("W") else self.solve("W", H)

    def _ridge(self, side: str, partner: Array) -> Array:
        return self.shapes.ridge(side, partner)
