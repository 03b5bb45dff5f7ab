"""Sparse X of which stored entries were not observed (NaN), count more than others, or are all that was observed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from nonneg import _core
from nonneg._core import WeightedRule
from nonneg._threads import thread_count
from nonneg.data.observed import Observed, thin
from nonneg.data.source import Array, Scale, Thinned, counted, gram, row_sums, weighted_means, worth_thinning
from nonneg.data.sparse import Layout, Sparse, pack


class WeightedSparse(Sparse):
    """Sparse source of which the stored entries have weights, or are all that was observed."""

    def __init__(self, observed: Observed, scale: Scale | None = None) -> None:
        self.observed, self.sample_weight, self.elsewhere = observed, observed.sample_weight, observed.elsewhere
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
            counts, everywhere, stored = counts * along, n * float(a.sum()), float(along.sum())
        x = np.nan_to_num(self.scale.up(data).astype(np.float64))
        total = counts.sum() + (everywhere - stored if self.elsewhere else 0.0)
        return float((counts * x).sum() / total) if total > 0 else 0.0, float((counts * x**2).sum())

    def _along_stored(self, rows: Array) -> Array:
        """Return the number of its row for each stored entry."""
        indptr, indices, _ = self._layouts[self._given]
        return np.repeat(rows, np.diff(indptr)) if self._given == "csr" else rows[indices]

    def background(self, side: str, partner: Array) -> Array:
        """Return the sums of the partner's parts where entries that are not stored were observed, else zeros."""
        if not self.elsewhere:
            return np.zeros(len(partner))
        return row_sums(counted(self, side, partner))

    def sweep(
        self, side: str, F: Array, partner: Array, rule: WeightedRule, ridge: Array
    ) -> tuple[float, float, float]:
        """Sweep over the rows of a factor in place; returns first step, size, and how far the loss is from zeros'.

        First step and size are as in `Divergence`. The loss counts rows once for W and as often as they count for H;
        what `ridge` adds to the Gram matrix of every row is in it.
        """
        G = ridge + gram(counted(self, side, partner), partner) if self.elsewhere else ridge
        (layout, counts), (a, b, _) = self._stored(side), self.scale
        packed, G, threads = pack(partner), G.astype(F.dtype), thread_count()
        done: tuple[float, float, float] = _core.weighted_stored(
            *layout, a, b, packed, F, G, rule, 0, F.shape[1], threads, elsewhere=self.elsewhere, **counts
        )
        return done

    def loss(self, Wt: Array, H: Array) -> float:
        """Return the weighted ``1/2 ||X - W H||^2``."""
        residual, stored = self._sample(Wt, H)
        if not self.elsewhere:
            return 0.5 * residual
        # In float64 throughout: what is not stored is a difference of two large numbers.
        rows, columns = Wt.astype(np.float64), H.astype(np.float64)
        model = float((gram(counted(self, "H", rows), rows) * gram(columns)).sum())
        return 0.5 * (residual + max(0.0, model - stored))

    def _sample(self, W: Array, H: Array) -> tuple[float, float]:
        """Return the weighted squares of the residual at the stored entries, and those of the model there."""
        (layout, counts), (a, b, _) = self._stored("H"), self.scale
        packed, threads = pack(W), thread_count()
        sums: tuple[float, float] = _core.sampled(
            *layout, a, b, packed, H, 0, H.shape[1], threads, elsewhere=self.elsewhere, **counts
        )
        return sums

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

    def thinned(self) -> Thinned[WeightedSparse] | None:
        """Return every eleventh row of a tall X or column of a wide one."""
        m, n = self.shape
        if not (worth_thinning(m, n) or worth_thinning(n, m)):
            return None
        side = "W" if m > n else "H"
        return Thinned(side, WeightedSparse(thin(self.observed, side), self.scale))

    def _stored(self, side: str) -> tuple[Layout, dict[str, Any]]:
        name = "csr" if side == "W" else "csc"
        along = self.sample_weight if side == "H" else None
        counts = {"weights": self._weights_of(name), "along": along}
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
