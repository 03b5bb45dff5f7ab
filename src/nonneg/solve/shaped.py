"""The squared error with penalties on the shape of the parts: smooth along an axis, or of least volume."""

from __future__ import annotations

import numpy as np

from nonneg.data import Array, Source, gram
from nonneg.solve.penalty import Penalty, Shrink
from nonneg.solve.problem import Step
from nonneg.solve.rows import ROUGH, SETTLED, near_one, solve_rows
from nonneg.solve.shape import LEAST_NOISE, Volume, roughness, smoothing, volume
from nonneg.solve.smooth import smooth_sweep
from nonneg.solve.squared_error import CANCELS, MOST_SWEEPS, SWEEP_STEP, SquaredError
from nonneg.solve.sweeps import Sweep, sweep


class ShapedSquaredError(SquaredError):
    """The `Problem` of the squared error with smooth parts, parts of least volume, or both; see `Penalty`.

    No shape penalty changes when scale moves between W and H, so none needs a constraint on the other factor.
    Smoothness is quadratic in each factor; the volume is majorised by its tangent, ``trace(metric F F')``, a change
    of the Gram matrix (Leplat, Ang & Gillis 2019, doi:10.1109/ICASSP.2019.8682280).
    """

    cancels = CANCELS | {np.dtype(np.float32): 1e-2}  # the volume is worth less than the loss: it needs more digits

    def __init__(self, source: Source, shrinks: tuple[Shrink, Shrink], penalty: Penalty) -> None:
        super().__init__(source, shrinks)
        self.smoothing = {"W": smoothing(penalty.smooth_W), "H": smoothing(penalty.smooth_H)}
        self.small, self.strength = penalty.min_volume, penalty.min_volume_strength
        self.volume_weight = float("inf")

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Weigh the volume by what the start leaves over."""
        if self.small:
            self._weigh_volume(min(self.value(*start), self.total))
        return start

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Sweep over the rows of a factor, or over its smooth parts."""
        B, self._gram = self._product_with(side, partner), gram(partner)
        done = self._sweep(side, F, B, self._gram, partner, MOST_SWEEPS, SWEEP_STEP)
        self._product = float(np.einsum("pj,pj->", B, F, dtype=np.float64))
        return Step(done.kkt, done.dead)

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective; later ones weigh the volume by what this pair leaves over, and never more."""
        data = self._value(W, H, self._product, self._gram, gram(H))
        objective = data + self.penalty(W, H)
        if self.small:
            self._weigh_volume(data)
        return objective

    def penalty(self, W: Array, H: Array) -> float:
        """Return the penalties at any pair."""
        rough = sum(
            0.5 * s * float(roughness(F) @ np.diag(gram(partner)))
            for s, F, partner in ((self.smoothing["W"], W, H), (self.smoothing["H"], H, W))
            if s
        )
        room = self.volume_weight * volume(W if self.small == "W" else H).value if self.small else 0.0
        return super().penalty(W, H) + rough + room

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return ``1/2 ||X - W H||^2`` and the distance from an optimum of the whole objective."""
        steps = (
            self._sweep(side, F.copy(), self._product_with(side, partner), gram(partner), partner, 1, 0.0).kkt
            for side, F, partner in (("W", W, H), ("H", H, W))
        )
        return self.value(W, H), max(steps)

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner, each row by itself.

        What couples rows is left out: smoothness along this side, and its volume.
        """
        shrink = self.shrinks[side == "H"]
        partner, size, _ = near_one(partner, shrink, None)
        tol = ROUGH if accuracy == "rough" else SETTLED[self.source.dtype]
        G = self._with_roughness(side, gram(partner), partner)
        return solve_rows(self._product_with(side, partner), G, shrink, tol, exact=accuracy == "exact") * size

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W of the path where its rows are coupled, else what `transform` returns."""
        return W if self.smoothing["W"] or self.small == "W" else self.solve("W", H)

    def _sweep(self, side: str, F: Array, B: Array, G: Array, partner: Array, most: int, tol: float) -> Sweep:
        """Improve F for the whole objective; B and G are those of the data."""
        shrink, stiffness = self.shrinks[side == "H"], self.smoothing[side] * np.diag(G)
        G = self._with_roughness(side, G, partner)
        if side == self.small:
            room: Volume = volume(F)
            G = G + self.volume_weight * room.metric
            B = B + (self.volume_weight * room.push[:, None]).astype(B.dtype)
        if not self.smoothing[side]:
            return sweep(F, B, G, shrink, most, tol)
        return smooth_sweep(F, B - B.dtype.type(shrink.l1), G + shrink.l2 * np.eye(len(F)), stiffness, most, tol)

    def _with_roughness(self, side: str, G: Array, partner: Array) -> Array:
        """Add what the roughness of the partner's parts costs: more, the more of them there is."""
        s = self.smoothing["H" if side == "W" else "W"]
        return G + np.diag(s * roughness(partner)) if s else G

    def _weigh_volume(self, data: float) -> None:
        noise = 2 * (data + LEAST_NOISE * self.total) / self.source.shape[self.small == "H"]
        self.volume_weight = min(self.volume_weight, self.strength * noise)
