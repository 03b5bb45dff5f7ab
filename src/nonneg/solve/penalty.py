"""L1 and L2 penalties on W and H, with scikit-learn's meaning and scaling."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np

from nonneg.data import Array, Source


class Shrink(NamedTuple):
    """The penalty on one factor F as the solver sees it: ``l1 sum(F) + 1/2 l2 ||F||^2``."""

    l1: float = 0.0
    l2: float = 0.0

    def value(self, F: Array, counts: Array | None = None) -> float:
        """Return the penalty of F (k x rows), each row as often as it counts."""
        if not any(self):
            return 0.0
        each = F if counts is None else F * counts
        linear = self.l1 * float(each.sum(dtype=np.float64)) if self.l1 else 0.0
        square = 0.5 * self.l2 * float(np.einsum("pj,pj->", each, F, dtype=np.float64)) if self.l2 else 0.0
        return linear + square


@dataclass(frozen=True)
class Penalty:
    """Strength of the penalties, in the units of the objective below.

    Parameters
    ----------
    alpha_W : float
        Strength on W, at least 0.
    alpha_H : float or "same"
        Strength on H, at least 0; "same" takes ``alpha_W``.
    l1_ratio : float
        Share of L1 in the mix, from 0 (L2 only) to 1 (L1 only).

    Notes
    -----
    For X of shape (m, n) the objective is ::

        1/2 ||X - W H||^2
            + alpha_W n l1_ratio sum(W) + 1/2 alpha_W n (1 - l1_ratio) ||W||^2
            + alpha_H m l1_ratio sum(H) + 1/2 alpha_H m (1 - l1_ratio) ||H||^2

    as in `sklearn.decomposition.NMF`. With sample weights m is their sum, and each row of W is penalised as often as
    its row of X counts.

    Examples
    --------
    >>> Penalty(alpha_W=0.1, l1_ratio=0.5).shrinks((20, 10))
    (Shrink(l1=0.5, l2=0.5), Shrink(l1=1.0, l2=1.0))
    """

    alpha_W: float = 0.0
    alpha_H: float | str = "same"
    l1_ratio: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("alpha_W", np.inf), ("alpha_H", np.inf), ("l1_ratio", 1)):
            value = getattr(self, name)
            if name == "alpha_H" and isinstance(value, str) and value == "same":
                continue
            if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= float(value) <= min(most, 1e300):
                other = ' or "same"' if name == "alpha_H" else ""
                limit = "between 0 and 1" if most == 1 else ">= 0"
                raise ValueError(f"{name} must be a number {limit}{other}, got {value!r}.")
            object.__setattr__(self, name, float(value))

    def shrinks(self, shape: tuple[float, int]) -> tuple[Shrink, Shrink]:
        """Return the penalties on W and on H for data of this shape."""
        m, n = shape
        alpha_H = self.alpha_W if self.alpha_H == "same" else float(self.alpha_H)
        return (
            Shrink(n * self.alpha_W * self.l1_ratio, n * self.alpha_W * (1 - self.l1_ratio)),
            Shrink(m * alpha_H * self.l1_ratio, m * alpha_H * (1 - self.l1_ratio)),
        )


def scaled_shrinks(penalty: Penalty, source: Source, degree: float = 2.0) -> tuple[Shrink, Shrink]:
    """Return the penalties on the scaled factors: the objective grows like this power of the scale."""
    on_W, on_H = penalty.shrinks(counted(source))

    def scaled(strength: float, power_W: float, power_H: float) -> float:
        # What is far above anything that scaled data can pull is as good as infinite.
        return min(source.scale.times(strength / source.scale.weights, power_W, power_H), 1e30) if strength else 0.0

    return (
        Shrink(scaled(on_W.l1, degree - 1, degree), scaled(on_W.l2, degree - 2, degree)),
        Shrink(scaled(on_H.l1, degree, degree - 1), scaled(on_H.l2, degree, degree - 2)),
    )


def counted(source: Source) -> tuple[float, int]:
    """Return the numbers of rows, each as often as it counts, and of columns."""
    m, n = source.shape
    return (m if source.sample_weight is None else float(source.sample_weight.sum(dtype=np.float64))), n


def balance(W: Array, H: Array, on_W: Shrink, on_H: Shrink, counts: Array | None = None) -> Array:
    """Return the factor s of each part for which ``s W, H / s`` has the smallest penalty; W, H are k x rows.

    Along this direction the data term is constant, so alternating updates crawl; the minimum is exact here:
    a s + b s^2 / 2 + c / s + d / (2 s^2) is convex in log s, and Newton's steps in log s find it.
    Without penalties s brings W and H to equal size, against overflow; a power of two, so that nothing is rounded.
    """
    if not any(on_W) and not any(on_H):
        sizes = [np.abs(F).max(axis=1, initial=0).astype(np.float64) for F in (W, H)]
        live = (sizes[0] > 0) & (sizes[1] > 0)
        ratio = np.where(live, sizes[1], 1) / np.where(live, sizes[0], 1)
        return np.exp2(np.round(0.5 * np.log2(ratio)))
    rows = W if counts is None else W * counts
    a, c = (shrink.l1 * F.sum(axis=1, dtype=np.float64) for shrink, F in ((on_W, rows), (on_H, H)))
    b, d = (
        shrink.l2 * np.multiply(each, F, dtype=np.float64).sum(axis=1)
        for shrink, each, F in ((on_W, rows, W), (on_H, H, H))
    )
    t = np.zeros(len(W))
    used = (a + b > 0) & (c + d > 0)
    for _ in range(30):
        s = np.exp(t)
        slope = a * s + b * s**2 - c / s - d / s**2
        curve = a * s + 2 * b * s**2 + c / s + 2 * d / s**2
        t = t - np.where(used, np.clip(slope / np.where(used, curve, 1), -1, 1), 0)
    return np.exp(t)
