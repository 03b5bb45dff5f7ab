"""The low-rank sketch of X: a small matrix that stands for X in the first iterations."""

from __future__ import annotations

import numpy as np

from nonneg._threads import one_blas_thread
from nonneg.data.dense import mix
from nonneg.data.source import THINNING, Array, Scale, Source, Thinned, gram


class LowRank:
    """X ~ Q B: Q (m x r) is stored transposed, B is r x n. Of a whole sketch Q is orthonormal and B = Q' X.

    ``mean`` is that of X.
    """

    sample_weight: Array | None = None

    def __init__(self, Qt: Array, B: Array, scale: Scale, mean: float) -> None:
        self.shape, self.dtype = (Qt.shape[1], B.shape[1]), B.dtype
        self.scale, self.mean = scale, mean
        self.squared_norm = float((gram(Qt) * gram(B)).sum())
        self.Qt, self.B = Qt, B

    def dot(self, H: Array) -> Array:
        """Return ``(X H')'``, k x m."""
        return mix(gram(H, self.B).astype(self.dtype), self.Qt)

    def tdot(self, Wt: Array) -> Array:
        """Return ``W' X``, k x n."""
        return mix(gram(Wt, self.Qt).astype(self.dtype), self.B)

    def loss(self, Wt: Array, H: Array) -> float:
        """Return ``1/2 ||Q B - W H||^2`` by its three terms."""
        cross = float((gram(Wt, self.Qt) * gram(H, self.B)).sum())
        return 0.5 * max(0.0, self.squared_norm - 2 * cross + float((gram(Wt) * gram(H)).sum()))

    def thinned(self) -> Thinned[LowRank]:
        """Return every eleventh row or column, along the longer side."""
        m, n = self.shape
        side, Qt, B = ("W", self.Qt[:, ::THINNING], self.B) if m > n else ("H", self.Qt, self.B[:, ::THINNING])
        return Thinned(side, LowRank(np.ascontiguousarray(Qt), np.ascontiguousarray(B), self.scale, self.mean))

    def rows(self, indices: Array) -> Array:
        """Return some rows of Q B."""
        return mix(np.ascontiguousarray(self.Qt[:, indices].T), self.B)

    def row_norms(self) -> Array:
        """Return the squared norm of every row of Q B, float64."""
        inner = mix(gram(self.B).astype(self.dtype), self.Qt)
        norms: Array = np.einsum("ri,ri->i", inner, self.Qt, dtype=np.float64)
        return norms

    def singular(self, k: int) -> tuple[Array, Array, Array]:
        """Return the k leading singular triplets: U' (k x m), s (k), V' (k x n)."""
        with one_blas_thread():
            values, vectors = np.linalg.eigh(gram(self.B))
        order = np.argsort(values)[::-1][:k]
        s = np.sqrt(np.maximum(values[order], 0))
        rotate = np.ascontiguousarray(vectors[:, order].T)
        inverse = np.where(s > 0, 1 / np.where(s > 0, s, 1), 0)
        Ut = mix(rotate.astype(self.dtype), self.Qt)
        Vt = mix((inverse[:, None] * rotate).astype(self.dtype), self.B)
        return Ut, s, Vt


def sketch(source: Source, rank: int, power: int, seed: int) -> LowRank:
    """Sketch a source by a randomised range finder.

    Parameters
    ----------
    source : Source
        The data, m x n.
    rank : int
        Width r of the sketch; cut to min(m, n).
    power : int
        Power iterations, each two products of width r.
    seed : int
        Seed of the random test matrix, which depends on n, r and the seed only.

    References
    ----------
    Halko, Martinsson & Tropp (2011), doi:10.1137/090771806.
    """
    m, n = source.shape
    rng = np.random.default_rng(seed)
    test = rng.standard_normal((min(rank, m, n), n), dtype=np.float32).astype(source.dtype)
    Qt = orthonormal_rows(source.dot(test))
    for _ in range(power):
        Qt = orthonormal_rows(source.dot(orthonormal_rows(source.tdot(Qt))))
    return LowRank(Qt, source.tdot(Qt), source.scale, source.mean)


def orthonormal_rows(Y: Array) -> Array:
    """Return orthonormal rows that span those of Y; directions at rounding level are dropped.

    By the eigenvectors of the Gram matrix, twice: the second pass repairs what the squared condition
    number of the first has cost.
    """
    for _ in range(2):
        with one_blas_thread():
            values, vectors = np.linalg.eigh(gram(Y))
        keep = values > (values[-1] if len(values) else 0) * 10 * np.finfo(Y.dtype).eps
        if not keep.any():
            return Y[:1] * 0
        Y = mix(np.ascontiguousarray((vectors[:, keep] / np.sqrt(values[keep])).T.astype(Y.dtype)), Y)
    return Y
