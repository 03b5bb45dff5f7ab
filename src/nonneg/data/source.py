"""What a solver may ask of the data, and the choice of the class that answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from nonneg import _core
from nonneg._threads import thread_count

Array = np.ndarray[Any, np.dtype[Any]]


class Source(Protocol):
    """Data matrix X (m x n) as the Frobenius solver sees it: two products, a norm and a few rows.

    Everything a source returns is in scaled units, ``scale * X``: ``scale`` is an even power of two that
    brings the largest entry near 1, so that squares neither overflow nor vanish and X is not copied.
    Factors are passed k x rows: H as it is, W transposed.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    scale: float
    squared_norm: float
    mean: float
    stored: int  # numbers that one product reads

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


def even_scale(largest: float) -> float:
    """Even power of two that brings ``largest`` into [1, 4); 1 for zero."""
    if largest == 0:
        return 1.0
    exponent = max(-1000, int(np.frexp(largest)[1]) - 1)
    return float(np.ldexp(1.0, -2 * (exponent // 2)))


def rescaled_product(product: Callable[[Array], Array], F: Array, scale: float) -> Array:
    """Return ``scale * product(F)``, half of the scale on each side of it: no step overflows or vanishes."""
    if scale == 1:
        return product(F)
    root = F.dtype.type(np.sqrt(scale))
    out = product(F * root)
    out *= root
    return out


def scaled(F: Array, factor: float) -> Array:
    """Return ``F * factor`` in F's type; F itself where the factor is 1."""
    return F if factor == 1 else F * F.dtype.type(factor)


def gram(A: Array, B: Array | None = None) -> Array:
    """Inner products of the rows of A (ka x n) with those of B (kb x n; A itself if None), float64.

    Summed in an order that depends on n alone: the same bits on any number of threads.
    """
    B = A if B is None else B
    out = np.zeros((len(A), len(B)))
    _core.gram(A, B, out, 0, A.shape[1], thread_count())
    return out
