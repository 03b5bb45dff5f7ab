"""Dense X in C or Fortran order, never copied."""

from __future__ import annotations

import numpy as np

from nonneg import _core
from nonneg._threads import ranges, run, thread_count
from nonneg.data.source import Array, Scale


class Dense:
    """Dense source; a Fortran-ordered X is the transposed problem of a C-ordered one."""

    def __init__(self, X: Array) -> None:
        self.shape = (X.shape[0], X.shape[1])
        self.dtype = X.dtype
        self.stored = X.size
        self._by_rows = X.flags.c_contiguous
        self._data = X if self._by_rows else X.T
        m, n = self._data.shape
        parts = ranges(m, 64, 1)
        extent = run(lambda a, b: float(np.abs(self._data[a:b]).max(initial=0)), parts, 8.0 * m * n)
        self.scale = Scale.of(max(extent, default=0.0))
        sums = run(self._sums, parts, 8.0 * m * n)
        self.squared_norm = sum(square for square, _ in sums)
        self.mean = sum(total for _, total in sums) / max(1, X.size)

    def _sums(self, start: int, stop: int) -> tuple[float, float]:
        block = self.scale.up(self._data[start:stop]).reshape(1, -1)
        square = np.zeros((1, 1))
        _core.gram(block, block, square, 0, block.shape[1])
        return float(square[0, 0]), float(block.sum(dtype=np.float64))

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
        height = max(1, 2**20 // max(1, n))

        def part(start: int, stop: int) -> float:
            fitted = np.empty((stop - start, n), self.dtype)
            rows = np.ascontiguousarray(left[:, start:stop].T)
            _core.mix(rows, right, fitted, 0, len(right), 0, n)
            residual = self.scale.up(self._data[start:stop]) - fitted
            return float(np.square(residual, dtype=np.float64).sum())

        return 0.5 * sum(run(part, ranges(m, -(-m // height), 1), 2.0 * m * n * len(H)))

    def rows(self, indices: Array) -> Array:
        """Return some rows."""
        picked = self._data[indices] if self._by_rows else self._data[:, indices].T
        return np.ascontiguousarray(self.scale.up(picked))

    def row_norms(self) -> Array:
        """Return the squared norm of every row, float64."""
        X = self._data if self._by_rows else self._data.T
        parts = ranges(len(X), 64, 1)

        def part(a: int, b: int) -> Array:
            norms: Array = np.square(self.scale.up(X[a:b]), dtype=np.float64).sum(axis=1)
            return norms

        return np.concatenate(run(part, parts, 8.0 * X.size)) if parts else np.zeros(0)


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
