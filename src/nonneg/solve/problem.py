"""What the loop needs to know of a loss: one half-step, and the value of the objective."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from nonneg.data import Array, Source
from nonneg.solve.bounds import Pair
from nonneg.solve.penalty import Shrink

# Losses closer than this share of the total are equal: a restart must not answer to rounding.
NOISE = {np.dtype(np.float32): 2e-7, np.dtype(np.float64): 1e-14}


def residual_noise(dtype: np.dtype[Any], total: float, loss: float) -> float:
    """Return what is rounding in a loss of residuals: each carries an error of about eps |X|, of either sign."""
    return 0.25 * float(np.finfo(dtype).eps) * float(np.sqrt(total * loss))


class Step(NamedTuple):
    """How a half-step went."""

    kkt: float  # length of its first step relative to the factor, each part weighed by its curvature
    dead: Array  # parts whose partner is empty: they were left alone


class Problem(Protocol):
    """X under one loss and its penalties. Factors are k x rows, in the source's scaled units.

    Attributes
    ----------
    shrinks : (Shrink, Shrink)
        Penalties on W and on H, in scaled units.
    bounds : (Bounds or None, Bounds or None)
        Constraints on W and on H, in scaled units.
    beta : float
        The loss as a beta-divergence; its value grows like this power of the scale.
    solver : str
        What the result says that it was.
    balances : bool
        Whether the loop may move scale between W and H.
    exact : bool
        Whether the last value was nothing but rounding.
    """

    shrinks: tuple[Shrink, Shrink]
    bounds: Pair
    beta: float
    solver: str
    balances: bool
    exact: bool

    @property
    def source(self) -> Source:
        """The data."""
        ...

    @property
    def noise(self) -> float:
        """Differences of objectives below this are rounding."""
        ...

    @property
    def total(self) -> float:
        """Loss of a model that says nothing; the unit in which losses are small."""
        ...

    def begin(self, start: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return a start that keeps to the bounds and from which every part can move."""
        ...

    def improve(self, side: str, F: Array, partner: Array) -> Step:
        """Lower the objective over the factor of a side ("W" or "H"), in place."""
        ...

    def objective(self, W: Array, H: Array) -> float:
        """Return the objective at the pair that the last call, ``improve("H", H, W)``, has left."""
        ...

    def value(self, W: Array, H: Array) -> float:
        """Return the loss, without penalties, at any pair."""
        ...

    def penalty(self, W: Array, H: Array) -> float:
        """Return the penalties, without the loss, at any pair."""
        ...

    def measure(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the loss, without penalties, and the distance from an optimum (kkt) at any pair."""
        ...

    def solve(self, side: str, partner: Array, *, accuracy: str = "settled") -> Array:
        """Return the factor of a side for a given partner, from nothing.

        "rough" is a beginning, "settled" what `transform` returns, "exact" ends at rounding.
        """
        ...

    def settle_W(self, W: Array, H: Array) -> Array:
        """Return the W that a fit ends with, given the W and H of its path."""
        ...
