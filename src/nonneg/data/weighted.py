"""X of which some entries were not observed (NaN), or count more than others."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from nonneg import _core
from nonneg._core import DivergenceRule, WeightedRule
from nonneg._threads import thread_count
from nonneg.data.dense import Dense
from nonneg.data.observed import Observed
from nonneg.data.source import THINNING, Array, Divergence, Scale, Thinned, gram, padded, row_sums, worth_thinning
from nonneg.data.sparse import Layout, Sparse, pack


class WeightedDense(Dense):
    """Dense source with weights; products and rows are those of X itself."""

    def __init__(self, observed: Observed, scale: Scale | None = None) -> None:
        super().__init__(observed.X, scale)
        self.observed = observed
        self.sample_weight = observed.sample_weight
        self.scale = self.scale._replace(weights=observed.largest)
        weights = observed.weights
        self._weights = weights if weights is None or self._by_rows else weights.T

    @property
    def known_share(self) -> float:
        """Mean weight, missing entries included: 1 where all of X was observed alike."""
        if self.observed.weights is None:
            return 1 - self.observed.n_missing / self._data.size
        return self._sums[3] / self._data.size

    @cached_property
    def _moments(self) -> tuple[float, float]:
        total, squares, counts, _ = self._sums
        # The mean comes as a sum over all entries.
        return (total / counts * self._data.size if counts else 0.0), squares

    @cached_property
    def _sums(self) -> tuple[float, float, float, float]:
        """Weighted sums of X and of its squares, of the weights as often as rows count, and of the weights."""
        sums = np.zeros(4)
        X = self._data if self._by_rows else self._data.T
        weights = self.observed.weights
        height = max(1, 2**20 // X.shape[1])
        for top in range(0, len(X), height):
            rows = slice(top, top + height)
            block = self.scale.up(X[rows]).astype(np.float64)
            counts = np.ones_like(block) if weights is None else weights[rows].astype(np.float64)
            counts[np.isnan(block)] = 0
            known = counts.sum()
            if self.sample_weight is not None:
                counts = counts * self.sample_weight[rows, None]
            block = np.nan_to_num(block)
            sums += (counts * block).sum(), (counts * block**2).sum(), counts.sum(), known
        total, squares, counted, known = sums.tolist()
        return total, squares, counted, known

    def background(self, side: str, partner: Array) -> Array:
        """Return zeros: every entry is looked at."""
        return np.zeros(len(partner))

    def sweep(self, side: str, F: Array, partner: Array, rule: WeightedRule) -> tuple[float, float]:
        """Sweep over the rows of a factor in place; returns first step and size, as in `Divergence`."""
        H, G = padded(partner), np.zeros((len(F), len(F)), F.dtype)
        a, b, _ = self.scale
        counts = self._counts(side)
        del counts["weighted"]
        done: tuple[float, float] = _core.weighted_dense(
            self._along_side(side), a, b, H, F, G, rule, 0, F.shape[1], thread_count(), **counts
        )
        return done

    def loss(self, Wt: Array, H: Array) -> float:
        """Return the weighted ``1/2 ||X - W H||^2`` from the residual itself."""
        return self._expect(Wt, H, None, across=False)

    def expected(self, side: str, F: Array, partner: Array) -> tuple[Array, float]:
        """Return the product of the partner with what is to be expected of X, given what was observed and W H.

        And the loss of W H, in the same pass.
        """
        out = np.empty_like(F)
        W, H = (F, partner) if side == "W" else (partner, F)
        return out, self._expect(W, H, out, across=side == "H")

    def _expect(self, W: Array, H: Array, out: Array | None, *, across: bool) -> float:
        X, weights = self._by_row
        a, b, _ = self.scale
        loss: float = _core.expected(
            X, a, b, W, padded(H), out, across, thread_count(), weights=weights, counts=self.sample_weight
        )
        return loss

    @cached_property
    def _by_row(self) -> tuple[Array, Array | None]:
        """X and its weights, row by row."""
        if self._by_rows:
            return self._data, self._weights
        return self._turned, None if self._weights is None else self._turned_weights

    def means(self, side: str) -> Array:
        """Return the weighted mean of each row or column of X; 0 where nothing was observed."""
        return weighted_means(self, side)

    def complete(self) -> Dense:
        """Return X with a product of its row and column means where it was not observed, times `root_counts`."""
        X = filled(self.observed.X) if self.observed.n_missing else self.observed.X
        if self.sample_weight is not None:
            X = X * np.sqrt(self.sample_weight)[:, None]
        return Dense(X, self.scale)

    def thinned(self) -> Thinned | None:
        """Return every eleventh row of a tall X (column of a wide one in Fortran order)."""
        if not worth_thinning(*self._data.shape):
            return None
        side = "W" if self._by_rows else "H"
        return Thinned(side, WeightedDense(thin(self.observed, side), self.scale))

    def _counts(self, side: str) -> dict[str, Any]:
        weights = self._weights
        if weights is not None and (side == "W") != self._by_rows:
            weights = self._turned_weights
        return {"weights": weights, "along": self.sample_weight if side == "H" else None, "weighted": True}

    @cached_property
    def _turned_weights(self) -> Array:
        assert self._weights is not None
        return np.ascontiguousarray(self._weights.T)


class WeightedSparse(Sparse):
    """Sparse source of which the stored entries have weights, or are all that was observed."""

    def __init__(self, observed: Observed, scale: Scale | None = None) -> None:
        self.observed, self.sample_weight = observed, observed.sample_weight
        self._given_weights = observed.weights
        super().__init__(observed.X, scale)
        self.scale = self.scale._replace(weights=observed.largest)

    def _moments(self, data: Array) -> tuple[float, float]:
        m, n = self.shape
        counts = np.ones(len(data)) if self._given_weights is None else self._given_weights.astype(np.float64)
        counts = np.where(np.isnan(data), 0, counts)
        everywhere, stored = float(m * n), float(len(data))
        if self.sample_weight is not None:
            a = self.sample_weight.astype(np.float64)
            along = self._along_stored(a)
            counts, everywhere, stored = counts * along, n * a.sum(), along.sum()
        x = np.nan_to_num(self.scale.up(data).astype(np.float64))
        total = counts.sum() + (everywhere - stored if self.observed.elsewhere else 0.0)
        return float((counts * x).sum() / total) if total > 0 else 0.0, float((counts * x**2).sum())

    def _along_stored(self, rows: Array) -> Array:
        """Return the number of its row for each stored entry."""
        indptr, indices, _ = self._layouts[self._given]
        return np.repeat(rows, np.diff(indptr)) if self._given == "csr" else rows[indices]

    def background(self, side: str, partner: Array) -> Array:
        """Return the sums of the partner's parts where entries that are not stored were observed, else zeros."""
        if not self.observed.elsewhere:
            return np.zeros(len(partner))
        return row_sums(self._seen(side, partner))

    def sweep(self, side: str, F: Array, partner: Array, rule: WeightedRule) -> tuple[float, float]:
        """Sweep over the rows of a factor in place; returns first step and size, as in `Divergence`."""
        k = len(F)
        G = gram(self._seen(side, partner), partner) if self.observed.elsewhere else np.zeros((k, k))
        (layout, counts), (a, b, _) = self._stored(side), self.scale
        del counts["weighted"]
        threads, elsewhere = thread_count(), self.observed.elsewhere
        packed, G = pack(partner), G.astype(F.dtype)
        done: tuple[float, float] = _core.weighted_stored(
            *layout, a, b, packed, F, G, rule, 0, F.shape[1], threads, elsewhere=elsewhere, **counts
        )
        return done

    def loss(self, Wt: Array, H: Array) -> float:
        """Return the weighted ``1/2 ||X - W H||^2``."""
        residual, stored = self._sample(Wt, H)
        if not self.observed.elsewhere:
            return 0.5 * residual
        # In float64 throughout: what is not stored is a difference of two large numbers.
        rows, columns = Wt.astype(np.float64), H.astype(np.float64)
        model = float((gram(self._seen("H", rows), rows) * gram(columns)).sum())
        return 0.5 * (residual + max(0.0, model - stored))

    def _sample(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the weighted squares of the residual at the stored entries, and those of the model there."""
        (layout, counts), (a, b, _) = self._stored("H"), self.scale
        elsewhere, packed, threads = self.observed.elsewhere, pack(W), thread_count()
        del counts["weighted"]
        sums: tuple[float, float] = _core.sampled(
            *layout, a, b, packed, H, 0, H.shape[1], threads, elsewhere=elsewhere, **counts
        )
        return sums

    def divergence(
        self,
        side: str,
        F: Array,
        partner: Array,
        slopes: Array,
        rule: DivergenceRule,
        under: Array | None = None,
    ) -> Divergence:
        """Update the factor of a side in place under a beta-divergence, by the stored entries where they suffice."""
        elsewhere, (a, b, _) = self.observed.elsewhere, self.scale
        if elsewhere and rule.beta != 1:
            return super().divergence(side, F, partner, slopes, rule, under)
        layout, counts = self._stored(side)
        counts["elsewhere"], packed, threads = elsewhere, pack(partner), thread_count()
        first_step, size, stored, model = _core.divergence_stored(
            *layout, a, b, packed, F, slopes, rule, 0, F.shape[1], threads, under, **counts
        )
        if not elsewhere:
            return Divergence(first_step, size, stored)
        everywhere = float(row_sums(F) @ self.background(side, partner))
        return Divergence(first_step, size, stored + max(0.0, everywhere - model))

    def means(self, side: str) -> Array:
        """Return the weighted mean of each row or column of X; 0 where nothing was observed."""
        return weighted_means(self, side)

    def complete(self) -> Sparse:
        """Return X, zero where not stored, the mean where stored but not observed; times `root_counts`."""
        X = self.observed.X
        missing = np.isnan(X.data)
        data = np.where(missing, X.data[~missing].mean(), X.data) if missing.any() else X.data
        if self.sample_weight is not None:
            data = data * np.sqrt(self._along_stored(self.sample_weight))
        return Sparse(type(X)((data, X.indices, X.indptr), shape=X.shape), self.scale)

    def thinned(self) -> Thinned | None:
        """Return every eleventh row of a tall X or column of a wide one."""
        m, n = self.shape
        if not (worth_thinning(m, n) or worth_thinning(n, m)):
            return None
        side = "W" if m > n else "H"
        return Thinned(side, WeightedSparse(thin(self.observed, side), self.scale))

    def _seen(self, side: str, partner: Array) -> Array:
        """Return the partner, each of its rows as often as it counts."""
        a = self.sample_weight
        return partner if a is None or side == "W" else partner * a

    def _stored(self, side: str) -> tuple[Layout, dict[str, Any]]:
        name = "csr" if side == "W" else "csc"
        along = self.sample_weight if side == "H" else None
        counts = {"weights": self._weights_of(name), "along": along, "weighted": True}
        return self._layout(name), counts

    def _weights_of(self, name: str) -> Array | None:
        if self._given_weights is None or name == self._given:
            return self._given_weights
        return self._turned_weights

    @cached_property
    def _turned_weights(self) -> Array:
        assert self._given_weights is not None
        indptr, indices, _ = self._layouts[self._given]
        kind = scipy.sparse.csr_array if self._given == "csr" else scipy.sparse.csc_array
        W = kind((self._given_weights, indices, indptr), shape=self.shape)
        turned: Array = (W.tocsc() if self._given == "csr" else W.tocsr()).data
        return turned


def weighted_means(source: WeightedDense | WeightedSparse, side: str) -> Array:
    """Return the weighted mean of each row or column: numerator and denominator of an update of a single part."""
    length, other = source.shape if side == "W" else source.shape[::-1]
    sums, counts = np.ones((1, length), source.dtype), np.ones((1, length), source.dtype)
    ones, slopes = np.ones((1, other), source.dtype), np.zeros(1, source.dtype)
    source.divergence(side, sums, ones, slopes, DivergenceRule("split", 2.0), counts)
    sums /= np.where(counts > 0, counts, 1)
    return sums


def filled(X: Array) -> Array:
    """Return a copy of a dense X with the product of its row and column means, over that of all, where it is NaN."""
    height = max(1, 2**20 // X.shape[1])
    blocks = [slice(top, top + height) for top in range(0, len(X), height)]
    sums = [np.zeros(X.shape[0]), np.zeros(X.shape[1])]
    counts = [np.zeros(X.shape[0]), np.zeros(X.shape[1])]
    for rows in blocks:
        seen = ~np.isnan(X[rows])
        block = np.where(seen, X[rows], 0)
        counts[0][rows], sums[0][rows] = seen.sum(axis=1), block.sum(axis=1, dtype=np.float64)
        counts[1] += seen.sum(axis=0)
        sums[1] += block.sum(axis=0, dtype=np.float64)
    mean = sums[0].sum() / counts[0].sum()
    of_rows, of_columns = (
        np.where(count > 0, total / np.maximum(count, 1), mean) for total, count in zip(sums, counts, strict=True)
    )
    # Means of data that may be negative do not multiply.
    share = of_rows / mean if mean > 0 and min(of_rows.min(), of_columns.min()) >= 0 else np.ones(len(X))
    out = X.copy(order="C")
    for rows in blocks:
        i, j = np.nonzero(np.isnan(X[rows]))
        out[i + rows.start, j] = share[rows][i] * of_columns[j]
    return out


def thin(observed: Observed, side: str) -> Observed:
    """Return every eleventh row ("W") or column ("H")."""
    cut = np.s_[::THINNING] if side == "W" else np.s_[:, ::THINNING]
    X, weights, sample_weight = observed.X, observed.weights, observed.sample_weight
    if weights is None or not scipy.sparse.issparse(X):
        kept = X[cut], None if weights is None else weights[cut]
    else:
        # Positions of the stored entries, to cut the weights as X is cut.
        positions = type(X)((np.arange(1, X.nnz + 1), X.indices, X.indptr), shape=X.shape)
        kept = X[cut], weights[positions[cut].data - 1]
    if sample_weight is not None and side == "W":
        sample_weight = np.ascontiguousarray(sample_weight[::THINNING])
    return Observed(*kept, sample_weight, observed.elsewhere, observed.largest, observed.n_missing)
