"""Penalties: L1 and L2 with scikit-learn's meaning and scaling, and two on the shape of the parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
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


# The most that a number of a Penalty can be.
MOST = dict.fromkeys(("alpha_W", "alpha_H", "smooth_W", "smooth_H", "min_volume_strength"), np.inf)
MOST["l1_ratio"] = 1


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
    smooth_W, smooth_H : float
        Make the columns of W smooth along the rows of X (time), or the rows of H along its columns (wavelength): a
        length, in steps of that axis, from 0 (off). A wave of this length is halved where its part stands alone,
        shorter ones vanish, those of twice the length or more stay (94 %).
    min_volume : {"W", "H"} or None
        Of all the parts that fit, take those that lie closest together: the rows of H, where the rows of X are
        mixtures of them; the columns of W, where the columns of X are mixtures of sources in W.
    min_volume_strength : float
        Factor on the strength of `min_volume`, at least 0; 1 is what maximum likelihood asks for.

    Notes
    -----
    For X of shape (m, n) the objective is ::

        1/2 ||X - W H||^2
            + alpha_W n l1_ratio sum(W) + 1/2 alpha_W n (1 - l1_ratio) ||W||^2
            + alpha_H m l1_ratio sum(H) + 1/2 alpha_H m (1 - l1_ratio) ||H||^2

    as in `sklearn.decomposition.NMF`. With sample weights m is their sum, and each row of W is penalised as often as
    its row of X counts.

    Smoothness and volume, under the squared error only, add ::

        1/2 (smooth_W / 2 pi)^4 sum_j ||D W_j||^2 ||H_j||^2
            + 1/2 (smooth_H / 2 pi)^4 sum_j ||W_j||^2 ||D H_j||^2
            + lambda 1/2 log det(I + 100 C)

    D takes second differences; W_j is column j of W, H_j row j of H. C holds the inner products of the penalised
    parts, each first brought to mean one, divided by their length, so 1/2 log det is the logarithm of their volume
    where it is not tiny. All three terms stay the same when scale moves between W and H. A penalty on
    ||D W||^2 alone would not, and would be evaded: W small and H large. So would a volume that knows scale, unless
    the other factor is held to sum one.

    The volume's strength is lambda = strength s m, with m points (rows of X for H, columns for W) and
    s the variance of the noise. That is the density of points spread evenly over the simplex of the parts, so
    strength 1 is maximum likelihood. The variance is not known: lambda falls with the squared error during the run,
    ``s = 2 loss / (rows columns)``, plus 1e-4 of the mean square of X, so that the volume still pulls where the fit
    is exact. The trace holds the objective with the lambda of its time.

    Both go with missing entries and weights of a dense X. Smoothness then counts times the mean weight of what was
    observed, and s is the mean over that. A row or column of which nothing was observed takes the values that its
    smooth parts have there.

    The least volume is unique, and is the truth, where the points are sufficiently scattered in the simplex of the
    parts, which asks for no pure row or column: some rows of W near every facet (min_volume="H"), or some
    columns of H (min_volume="W").

    References
    ----------
    Fu, Huang, Sidiropoulos & Ma (2019), doi:10.1109/MSP.2018.2877582; Leplat, Ang & Gillis (2019),
    doi:10.1109/ICASSP.2019.8682280; Ang & Gillis (2019), doi:10.1109/JSTARS.2019.2925098; for the normalisation of
    the penalised parts Leplat, Gillis & Ang (2020), doi:10.48550/arXiv.1907.02404.

    Examples
    --------
    >>> Penalty(alpha_W=0.1, l1_ratio=0.5).shrinks((20, 10))
    (Shrink(l1=0.5, l2=0.5), Shrink(l1=1.0, l2=1.0))
    """

    alpha_W: float = 0.0
    alpha_H: float | str = "same"
    l1_ratio: float = 0.0
    smooth_W: float = 0.0
    smooth_H: float = 0.0
    min_volume: str | None = None
    min_volume_strength: float = 1.0

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            value = getattr(self, name)
            if name == "alpha_H" and isinstance(value, str) and value == "same":
                continue
            if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= float(value) <= min(most, 1e300):
                other = ' or "same"' if name == "alpha_H" else ""
                limit = "between 0 and 1" if most == 1 else ">= 0"
                raise ValueError(f"{name} must be a number {limit}{other}, got {value!r}.")
            object.__setattr__(self, name, float(value))
        if self.min_volume not in (None, "W", "H"):
            raise ValueError(f'min_volume must be None, "W" or "H", got {self.min_volume!r}.')

    @property
    def shapes(self) -> bool:
        """Whether it has a say in the shape of the parts."""
        return self.smooth_W > 0 or self.smooth_H > 0 or self.min_volume is not None

    def against(self, weight: float) -> Penalty:
        """Return it for entries that count so much on average, against which smoothness means the same."""
        longer = weight**0.25
        return replace(self, smooth_W=longer * self.smooth_W, smooth_H=longer * self.smooth_H)

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


def shrunk(shrinks: tuple[Shrink, Shrink], W: Array, H: Array, counts: Array | None) -> float:
    """Return the L1 and L2 penalties on W and H, each row of W as often as it counts."""
    return shrinks[0].value(W, counts) + shrinks[1].value(H)


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
