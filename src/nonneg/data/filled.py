"""Dense X with few missing entries: plain products, and what is to be expected of the entries that are missing."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse

from nonneg.data.dense import Dense
from nonneg.data.observed import Observed
from nonneg.data.source import Array
from nonneg.data.weighted import WeightedDense, WeightedSparse


class Filled(Dense):
    """A dense source of a copy of X that is zero where X is missing; `missing` stores those entries as NaN."""

    def __init__(self, source: WeightedDense) -> None:
        X = source.observed.X
        super().__init__(np.nan_to_num(X, copy=True, nan=0.0), source.scale)
        self.source, self.sample_weight = source, source.sample_weight

    @cached_property
    def missing(self) -> WeightedSparse:
        """The pattern of the missing entries."""
        X = self.source.observed.X
        height = max(1, 2**22 // X.shape[1])
        places = [np.nonzero(np.isnan(X[top : top + height])) for top in range(0, len(X), height)]
        counts = [np.bincount(i, minlength=min(height, len(X) - b * height)) for b, (i, _) in enumerate(places)]
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        wide = np.int64 if indptr[-1] > np.iinfo(np.int32).max else np.int32
        pattern = np.concatenate([j for _, j in places]).astype(wide), indptr.astype(wide)
        nothing = np.full(indptr[-1], np.nan, X.dtype)
        holes = scipy.sparse.csr_array((nothing, *pattern), shape=X.shape)
        return WeightedSparse(Observed(holes, sample_weight=self.sample_weight), self.scale)

    @property
    def squared_norm(self) -> float:
        """Weighted sum of the squares of what was observed."""
        return self.source.squared_norm

    def loss(self, Wt: Array, H: Array) -> float:
        """Return the weighted ``1/2 ||X - W H||^2`` over what was observed."""
        return self.source.loss(Wt, H)
