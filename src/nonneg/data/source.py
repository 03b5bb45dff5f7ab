"""What a solver may ask of the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from nonneg import _core
from nonneg._core import DivergenceRule
from nonneg._threads import thread_count

Array = np.ndarray[Any, np.dtype[Any]]


# Every eleventh row stands for all of them, if there are far more rows than columns. A prime that divides neither
# weeks nor days nor common widths of pictures, so as not to fall into step with the data.
THINNING = 11


S_co = TypeVar("S_co", bound="Source", covariant=True)


class Thinned(NamedTuple, Generic[S_co]):
    """Every eleventh row or column, along the long side, of X or of its sketch."""

    side: str  # "W": rows are left out; "H": columns are
    source: S_co

    def of(self, W: Array, H: Array) -> tuple[Array, Array]:
        """Return the factors without what is left out; one that fits as it is stays as it is."""
        pair = zip((W, H), self.source.shape, strict=True)
        W, H = (F if F.shape[1] == size else F[:, ::THINNING].copy() for F, size in pair)
        return W, H


def worth_thinning(long: int, short: int) -> bool:
    """Whether an eleventh of the long side still holds what the short side needs."""
    return long >= 8 * short and long >= 4096


class Divergence(NamedTuple):
    """Sums over the rows of one half-step, float64."""

    first_step: float  # what the first update promised to gain
    size: float  # the factor's size, each part weighed by what pulls it down
    value: float  # the divergence after it, where the rule asked for it


class Source(Protocol):
    """Data matrix X (m x n) as a solver sees it: two products, a norm and a few rows.

    Everything a source returns is in scaled units, ``scale * X``: ``scale`` is a power of two that brings
    the largest entry near 1, so that squares neither overflow nor vanish and X is not copied.
    Factors are passed k x rows: H as it is, W transposed.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    scale: Scale
    sample_weight: Array | None  # how often each row counts; None: once

    @property
    def squared_norm(self) -> float:
        """Sum of all squared entries, float64."""
        ...

    @property
    def mean(self) -> float:
        """Mean of all entries."""
        ...

    def dot(self, H: Array) -> Array:
        """Return ``(X H')'``, k x m."""
        ...

    def tdot(self, Wt: Array) -> Array:
        """Return ``W' X``, k x n."""
        ...

    def loss(self, Wt: Array, H: Array) -> float:
        """Return ``1/2 ||X - W H||^2`` from the residual itself, without cancellation."""
        ...

    def rows(self, indices: Array) -> Array:
        """Return some rows, dense."""
        ...

    def row_norms(self) -> Array:
        """Return the squared norm of every row, float64."""
        ...


class Entries(Source, Protocol):
    """A source whose entries can be read one by one, as divergences need them."""

    def thinned(self) -> Thinned[Entries] | None:
        """Return every eleventh row (or column) of a long X, in the same scale; None where that is of no use."""
        ...

    def divergence(
        self,
        side: str,
        F: Array,
        partner: Array,
        slopes: Array,
        rule: DivergenceRule,
        under: Array | None = None,
    ) -> Divergence:
        """Update the factor of a side ("W" or "H") in place under a beta-divergence, as the rule says.

        With the rule "split" F becomes the numerators of its multiplicative update and ``under`` the denominators.
        ``slopes`` is what is linear in each part, with that of `background`.
        """
        ...

    def background(self, side: str, partner: Array) -> Array:
        """Return the sum of each part of the partner over the entries that are not looked at one by one, float64."""
        ...

    def means(self, side: str) -> Array:
        """Return the mean of each row ("W") or column ("H") of X, 1 x rows."""
        ...

    def complete(self) -> Source:
        """Return the data as if all of them had been observed, each row times `root_counts`: for a start."""
        ...


class Scale(NamedTuple):
    """Power of two that brings the largest entry of X into [1, 2), in two halves: one for W, one for H.

    Two halves, because the whole may leave float32's range, and each alone is exact.
    """

    W: float = 1.0
    H: float = 1.0
    weights: float = 1.0  # what the weights of entries were divided by, and with them the loss

    @classmethod
    def of(cls, largest: float) -> Scale:
        """Return the scale for data whose largest absolute entry is given."""
        exponent = 1 - int(np.frexp(largest)[1]) if largest > 0 else 0
        half = exponent // 2
        return cls(float(np.ldexp(1.0, exponent - half)), float(np.ldexp(1.0, half)))

    @property
    def whole(self) -> float:
        """The power of two itself."""
        return self.W * self.H

    def up(self, F: Array) -> Array:
        """Return F in scaled units; F itself where the scale is 1."""
        return F if self[:2] == (1, 1) else F * F.dtype.type(self.W) * F.dtype.type(self.H)

    def down(self, F: Array) -> Array:
        """Return F, which is in scaled units, in the units of X."""
        with np.errstate(over="ignore", under="ignore"):
            return F if self[:2] == (1, 1) else F / F.dtype.type(self.W) / F.dtype.type(self.H)

    def times(self, x: float, power_W: float, power_H: float) -> float:
        """Return x times these powers of the two halves, rounded once; inf or 0 outside float64's range."""
        exponent = power_W * math.log2(self.W) + power_H * math.log2(self.H)
        whole = math.floor(exponent)
        with np.errstate(over="ignore", under="ignore"):
            return float(np.ldexp(x * 2 ** (exponent - whole), whole))

    def down_loss(self, x: float, degree: float) -> float:
        """Return a loss of scaled data in the units of X; it grows like this power of the scale."""
        return self.times(x * self.weights, -degree, -degree)

    def down_error(self, x: float, degree: float) -> float:
        """Return the root of twice a loss of scaled data in the units of X.

        Brought down by itself: the loss may have left the range of numbers.
        """
        return self.times(math.sqrt(2 * x) * math.sqrt(self.weights), -degree / 2, -degree / 2)

    def product(self, product: Callable[[Array], Array], F: Array) -> Array:
        """Return a product of X with F in scaled units; half of the scale on each side, so nothing overflows."""
        if self[:2] == (1, 1):
            return product(F)
        out = product(F * F.dtype.type(self.W))
        out *= F.dtype.type(self.H)
        return out


def gram(A: Array, B: Array | None = None) -> Array:
    """Inner products of the rows of A (ka x n) with those of B (kb x n; A itself if None), float64.

    Summed in an order that depends on n alone: the same bits on any number of threads.
    """
    B = A if B is None else B
    out = np.zeros((len(A), len(B)))
    _core.gram(A, B, out, 0, A.shape[1], thread_count())
    return out


def root_counts(source: Source) -> Array | None:
    """Return the root of how often each row counts: rows of X and W times that count as often in a plain loss."""
    a = source.sample_weight
    return None if a is None else np.sqrt(a)


def counted(source: Source, side: str, partner: Array) -> Array:
    """Return the partner of a side as its half-step sees it: for H, each row of W as often as it counts."""
    a = source.sample_weight
    return partner if a is None or side == "W" else partner * a


def row_sums(F: Array) -> Array:
    """Return the sum of each row, float64."""
    sums: Array = F.sum(axis=1, dtype=np.float64)
    return sums


def plain_means(source: Source, side: str) -> Array:
    """Return the mean of each row ("W") or column ("H") of X where every entry counts the same, 1 x rows."""
    length = source.shape[side == "W"]
    ones = np.ones((1, length), source.dtype)
    return (source.dot(ones) if side == "W" else source.tdot(ones)) / length


def weighted_means(source: Entries, side: str) -> Array:
    """Return the weighted mean of each row or column: numerator and denominator of an update of a single part."""
    length, other = source.shape if side == "W" else source.shape[::-1]
    sums, counts = np.ones((1, length), source.dtype), np.ones((1, length), source.dtype)
    ones, slopes = np.ones((1, other), source.dtype), np.zeros(1, source.dtype)
    source.divergence(side, sums, ones, slopes, DivergenceRule("split", 2.0), counts)
    sums /= np.where(counts > 0, counts, 1)
    return sums


def padded(F: Array) -> Array:
    """Return a copy of F (k x n) whose rows end in zeros: whole cache lines, on cache lines."""
    per_line = 64 // F.dtype.itemsize
    wide = on_lines((len(F), -(-F.shape[1] // per_line) * per_line), F.dtype)
    wide[:, : F.shape[1]], wide[:, F.shape[1] :] = F, 0
    return wide


def on_lines(shape: tuple[int, int], dtype: np.dtype[Any]) -> Array:
    """Return an array that begins on a cache line, not set: reading what straddles two takes half as long again."""
    room = np.empty(shape[0] * shape[1] * dtype.itemsize + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + len(room) - 64].view(dtype).reshape(shape)
