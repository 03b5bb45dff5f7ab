"""Sparse X: products over the stored entries only, nothing of size m x n."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from nonneg import _core
from nonneg._core import DivergenceRule
from nonneg._threads import thread_count
from nonneg.data.source import (
    THINNING,
    Array,
    Divergence,
    Scale,
    Thinned,
    gram,
    on_lines,
    padded,
    plain_means,
    row_sums,
    worth_thinning,
)

Layout = tuple[Array, Array, Array]  # indptr, indices, data

# A product summed in place must fit the second-level cache, numbers of all its parts together.
SCATTER_BYTES = 2**20


class Sparse:
    """CSR or CSC source.

    X H' gathers rows of H along the rows of X (CSR), W' X rows of W along its columns (CSC). The layout that X
    does not come in is the one copy a fit makes; where the product is small it is summed in place instead.
    """

    sample_weight: Array | None = None
    elsewhere = True  # whether what is not stored is an observed zero

    def __init__(self, X: Any, scale: Scale | None = None) -> None:
        self.shape = (int(X.shape[0]), int(X.shape[1]))
        self.dtype = X.dtype
        self._given = X.format
        self._layouts: dict[str, Layout] = {X.format: _same_index(X)}
        if scale is None:
            low, high, _ = _core.extent(X.data, thread_count())
            scale = Scale.of(max(-low, high))
        self.scale = scale
        self.mean, self.squared_norm = self._moments(X.data)

    def _moments(self, data: Array) -> tuple[float, float]:
        """Return the mean of all entries and the sum of their squares."""
        total, squares = _core.moments(data, self.scale.W, self.scale.H, thread_count())
        return total / (self.shape[0] * self.shape[1]), squares

    def dot(self, H: Array) -> Array:
        """Return ``(X H')'``, k x m."""
        return self.scale.product(lambda F: self._times(F, "csr", self.shape[0]), H)

    def tdot(self, Wt: Array) -> Array:
        """Return ``W' X``, k x n."""
        return self.scale.product(lambda F: self._times(F, "csc", self.shape[1]), Wt)

    def _times(self, F: Array, layout: str, length: int) -> Array:
        packed = pack(F)
        out = np.empty((len(F), length), F.dtype)
        small = length * packed.shape[1] * F.itemsize <= SCATTER_BYTES and 4 * length <= F.shape[1]
        if small and layout != self._given:
            _core.scatter(*self._layouts[self._given], packed, out, thread_count())
        else:
            _core.gather(*self._layout(layout), packed, out, 0, length, thread_count())
        return out

    def _layout(self, name: str) -> Layout:
        if name not in self._layouts:
            X = self._matrix(self._given)
            self._layouts[name] = _same_index(X.tocsc() if name == "csc" else X.tocsr())
        return self._layouts[name]

    def _matrix(self, name: str) -> Any:
        indptr, indices, data = self._layout(name)
        kind = scipy.sparse.csr_array if name == "csr" else scipy.sparse.csc_array
        return kind((data, indices, indptr), shape=self.shape)

    def loss(self, Wt: Array, H: Array) -> float:
        """Return ``1/2 ||X - W H||^2``: the residual where X is stored, the model's norm elsewhere."""
        rows, columns = (Wt, H) if self._given == "csr" else (H, Wt)
        indptr, indices, data = self._layouts[self._given]
        sums = np.zeros(2)
        data = self.scale.up(data)
        _core.residual(indptr, indices, data, pack(rows), pack(columns), sums, 0, rows.shape[1], thread_count())
        residual, stored = sums
        # In float64 throughout: what is not stored is a difference of two large numbers.
        model = float((gram(Wt.astype(np.float64)) * gram(H.astype(np.float64))).sum())
        return float(0.5 * (residual + max(0.0, model - stored)))

    def divergence(
        self,
        side: str,
        F: Array,
        partner: Array,
        slopes: Array,
        rule: DivergenceRule,
        under: Array | None = None,
    ) -> Divergence:
        """Update the factor of a side in place under a beta-divergence, as the rule says.

        By the stored entries alone under Kullback-Leibler, and where no others were observed; else other divergences
        look at every entry, a row at a time.
        """
        (layout, counts), (a, b, _), threads = self._stored(side), self.scale, thread_count()
        if self.elsewhere and rule.beta != 1:
            H, n = padded(partner), partner.shape[1]
            done = _core.divergence_expanded(
                *layout, n, a, b, H, F, slopes, rule, 0, F.shape[1], threads, under, weighted=bool(counts), **counts
            )
            return Divergence(*done[:3])
        packed, counts = pack(partner), {"weighted": bool(counts), "elsewhere": self.elsewhere, **counts}
        first_step, size, stored, model = _core.divergence_stored(
            *layout, a, b, packed, F, slopes, rule, 0, F.shape[1], threads, under, **counts
        )
        # Where nothing is stored but zeros were observed, the divergence is what the model puts there.
        everywhere = float(row_sums(F) @ self.background(side, partner))
        return Divergence(first_step, size, stored + max(0.0, everywhere - model))

    def background(self, side: str, partner: Array) -> Array:
        """Return the sum of each part of the partner."""
        return row_sums(partner)

    def means(self, side: str) -> Array:
        """Return the mean of each row or column of X."""
        return plain_means(self, side)

    def complete(self) -> Sparse:
        """Return the data."""
        return self

    def _stored(self, side: str) -> tuple[Layout, dict[str, Any]]:
        """Return X by the rows of a side's factor, and what the kernels need to know of weights: nothing."""
        return self._layout("csr" if side == "W" else "csc"), {}

    def thinned(self) -> Thinned[Sparse] | None:
        """Return every eleventh row of a tall X or column of a wide one."""
        m, n = self.shape
        if worth_thinning(m, n):
            return Thinned("W", Sparse(self._matrix("csr")[::THINNING], self.scale))
        if worth_thinning(n, m):
            return Thinned("H", Sparse(self._matrix("csc")[:, ::THINNING], self.scale))
        return None

    def rows(self, indices: Array) -> Array:
        """Return some rows, dense."""
        return np.ascontiguousarray(self.scale.up(self._matrix("csr")[indices].toarray()))

    def row_norms(self) -> Array:
        """Return the squared norm of every row, float64."""
        X = self._matrix(self._given)
        squares = type(X)((np.square(self.scale.up(X.data), dtype=np.float64), X.indices, X.indptr), self.shape)
        return np.asarray(squares.sum(axis=1)).ravel()


def _same_index(X: Any) -> Layout:
    """Row pointers, indices and data as the kernels need them: side by side, 64-bit indices only where one has 64."""
    wide = np.int64 if np.int64 in (X.indptr.dtype, X.indices.dtype) else np.int32
    return np.ascontiguousarray(X.indptr, wide), np.ascontiguousarray(X.indices, wide), np.ascontiguousarray(X.data)


def pack(F: Array) -> Array:
    """Copy k x n to n x k, rows padded to 32 bytes."""
    per_vector = 32 // F.dtype.itemsize
    packed = on_lines((F.shape[1], -(-len(F) // per_vector) * per_vector), F.dtype)
    _core.pack(F, packed, 0, F.shape[1], thread_count())
    return packed
