"""Dense X in C or Fortran order, never copied."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from nonneg import _core
from nonneg._core import DivergenceRule
from nonneg._threads import thread_count
from nonneg.data.source import (
    THINNING,
    Array,
    Divergence,
    Scale,
    Thinned,
    padded,
    plain_means,
    row_sums,
    worth_thinning,
)


class Dense:
    """Dense source; a Fortran-ordered X is the transposed problem of a C-ordered one."""

    sample_weight: Array | None = None

    def __init__(self, X: Array, scale: Scale | None = None) -> None:
        self.shape = (X.shape[0], X.shape[1])
        self.dtype = X.dtype
        self._by_rows = X.strides[1] == X.itemsize or X.shape[1] == 1
        self._data = X if self._by_rows else X.T
        if scale is None:
            low, high, _ = _core.extent(self._data.reshape(-1), thread_count())
            scale = Scale.of(max(-low, high))
        self.scale = scale

    @property
    def matrix(self) -> Array:
        """X as it was given."""
        return self._data if self._by_rows else self._data.T

    @cached_property
    def _moments(self) -> tuple[float, float]:
        # Two more numbers cost another pass over X, which transform does not need.
        # A block at a time: rows that lie apart are copied to be read.
        height = max(1, 2**24 // self._data.shape[1])
        blocks = [self._data[start : start + height] for start in range(0, len(self._data), height)]
        flat = (np.ascontiguousarray(block).reshape(-1) for block in blocks)
        sums = [_core.moments(block, self.scale.W, self.scale.H, thread_count()) for block in flat]
        return sum(total for total, _ in sums), sum(square for _, square in sums)

    @property
    def mean(self) -> float:
        """Mean of all entries."""
        return self._moments[0] / self._data.size

    @property
    def squared_norm(self) -> float:
        """Sum of all squared entries."""
        return self._moments[1]

    def dot(self, H: Array) -> Array:
        """Return ``(X H')'``, k x m."""
        return self.scale.product(self._along if self._by_rows else self._across, H)

    def tdot(self, Wt: Array) -> Array:
        """Return ``W' X``, k x n."""
        return self.scale.product(self._across if self._by_rows else self._along, Wt)

    def _along(self, F: Array) -> Array:
        return dots(self._data, F)

    def _across(self, F: Array) -> Array:
        return mix(F, self._data)

    def loss(self, Wt: Array, H: Array) -> float:
        """Return ``1/2 ||X - W H||^2`` from blocks of the residual."""
        left, right = (Wt, H) if self._by_rows else (H, Wt)
        m, n = self._data.shape
        height = min(1024, max(1, 2**20 // n))  # the rows of a block are the parts of a product

        total = 0.0
        for start in range(0, m, height):
            rows = np.ascontiguousarray(left[:, start : start + height].T)
            residual = self.scale.up(self._data[start : start + height]) - mix(rows, right)
            total += float(np.square(residual, dtype=np.float64).sum())
        return 0.5 * total

    @cached_property
    def _turned(self) -> Array:
        # Divergences read X along its columns, too: the one copy that they make.
        return np.ascontiguousarray(self._data.T)

    def divergence(
        self,
        side: str,
        F: Array,
        partner: Array,
        slopes: Array,
        rule: DivergenceRule,
        under: Array | None = None,
    ) -> Divergence:
        """Update the factor of a side in place under a beta-divergence, as the rule says."""
        data, (a, b, _), threads = self._along_side(side), self.scale, thread_count()
        counts = self._counts(side)
        done = _core.divergence_dense(
            data,
            a,
            b,
            padded(partner),
            F,
            slopes,
            rule,
            0,
            F.shape[1],
            threads,
            under,
            weighted=bool(counts),
            **counts,
        )
        return Divergence(*done[:3])

    def background(self, side: str, partner: Array) -> Array:
        """Return the sum of each part of the partner."""
        return row_sums(partner)

    def means(self, side: str) -> Array:
        """Return the mean of each row or column of X."""
        return plain_means(self, side)

    def complete(self) -> Dense:
        """Return the data."""
        return self

    def _along_side(self, side: str) -> Array:
        """Return X, or its transpose, with the rows of a side's factor as rows."""
        return self._data if (side == "W") == self._by_rows else self._turned

    def _counts(self, side: str) -> dict[str, Any]:
        """Return what the kernels need to know of weights: nothing."""
        return {}

    def thinned(self) -> Thinned[Dense] | None:
        """Return every eleventh row of a tall X (column of a wide one in Fortran order), by a view."""
        if not worth_thinning(*self._data.shape):
            return None
        kept = self._data[::THINNING]
        return Thinned("W", Dense(kept, self.scale)) if self._by_rows else Thinned("H", Dense(kept.T, self.scale))

    def rows(self, indices: Array) -> Array:
        """Return some rows."""
        picked = self._data[indices] if self._by_rows else self._data[:, indices].T
        return np.ascontiguousarray(self.scale.up(picked))

    def row_norms(self) -> Array:
        """Return the squared norm of every row, float64."""
        X = self._data if self._by_rows else self._data.T
        height = max(1, 2**20 // X.shape[1])
        blocks = [X[start : start + height] for start in range(0, len(X), height)]
        return np.concatenate([np.square(self.scale.up(block), dtype=np.float64).sum(axis=1) for block in blocks])


def dots(A: Array, B: Array) -> Array:
    """Inner products of the rows of B (k x n) with those of A (m x n): k x m."""
    out = np.empty((len(B), len(A)), A.dtype)
    _core.dots(A, B, out, 0, len(A), thread_count())
    return out


def mix(M: Array, R: Array) -> Array:
    """Return the product of M (k x q) and R (q x n): k x n."""
    out = np.empty((len(M), R.shape[1]), R.dtype)
    _core.mix(M, R, out, 0, len(R), 0, R.shape[1], thread_count())
    return out
