"""Sparse X: products over the stored entries only, nothing of size m x n."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data.source import Array, even_scale, gram, rescaled_product, scaled


class Sparse:
    """CSR or CSC source. The other layout is the one copy that a fit makes of X.

    W' X gathers rows of W by the columns of X (CSC), X H' rows of H by the rows of X (CSR).
    """

    def __init__(self, X: Any) -> None:
        self.shape = (int(X.shape[0]), int(X.shape[1]))
        self.dtype = X.dtype
        self.stored = max(1, int(X.nnz))
        self._csr = _same_index(X if X.format == "csr" else X.tocsr())
        self._csc: tuple[Array, Array, Array] | None = _same_index(X) if X.format == "csc" else None
        data = self._csr[2]
        self.scale = even_scale(float(np.abs(data).max(initial=0)))
        values = scaled(data, self.scale)
        self.squared_norm = float(np.square(values, dtype=np.float64).sum())
        self.mean = float(values.sum(dtype=np.float64)) / max(1, self.shape[0] * self.shape[1])

    def dot(self, H: Array) -> Array:
        """Return ``(X H')'``, k x m."""
        return rescaled_product(lambda F: _gather(self._csr, F, self.shape[0]), H, self.scale)

    def tdot(self, Wt: Array) -> Array:
        """Return ``W' X``, k x n."""
        if self._csc is None:
            indptr, indices, data = self._csr
            X = scipy.sparse.csr_array((data, indices, indptr), shape=self.shape)
            self._csc = _same_index(X.tocsc())
        csc = self._csc
        return rescaled_product(lambda F: _gather(csc, F, self.shape[1]), Wt, self.scale)

    def loss(self, Wt: Array, H: Array) -> float:
        """Return ``1/2 ||X - W H||^2``: the residual where X is stored, the model's norm elsewhere."""
        indptr, indices, data = self._csr
        W, packed = _pack(Wt), _pack(H)
        data = scaled(data, self.scale)
        sums = np.zeros(2)
        _core.residual(indptr, indices, data, W, packed, sums, 0, self.shape[0], thread_count())
        residual, stored = sums
        model = float((gram(Wt) * gram(H)).sum())
        return float(0.5 * (residual + max(0.0, model - stored)))

    def rows(self, indices: Array) -> Array:
        """Return some rows, dense."""
        indptr, columns, data = self._csr
        X = scipy.sparse.csr_array((data, columns, indptr), shape=self.shape)
        return np.ascontiguousarray(scaled(X[indices].toarray(), self.scale))

    def row_norms(self) -> Array:
        """Return the squared norm of every row, float64."""
        indptr, _, data = self._csr
        squares = np.square(scaled(data, self.scale), dtype=np.float64)
        total = np.concatenate([[0.0], np.cumsum(squares)])
        norms: Array = total[indptr[1:]] - total[indptr[:-1]]
        return norms


def _same_index(X: Any) -> tuple[Array, Array, Array]:
    """Row pointers and indices of one width, as the kernels need them: 64 bits only where one has 64."""
    wide = np.int64 if np.int64 in (X.indptr.dtype, X.indices.dtype) else np.int32
    return X.indptr.astype(wide, copy=False), X.indices.astype(wide, copy=False), X.data


def _pack(F: Array) -> Array:
    """Copy k x n to n x k, rows padded to 32 bytes."""
    per_vector = 32 // F.dtype.itemsize
    packed = np.empty((F.shape[1], -(-len(F) // per_vector) * per_vector), F.dtype)
    _core.pack(F, packed, 0, F.shape[1], thread_count())
    return packed


def _gather(layout: tuple[Array, Array, Array], F: Array, length: int) -> Array:
    indptr, indices, data = layout
    out = np.empty((len(F), length), F.dtype)
    _core.gather(indptr, indices, data, _pack(F), out, 0, length, thread_count())
    return out
