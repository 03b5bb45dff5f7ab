"""Dense X with what a model says where it was not observed."""

from __future__ import annotations

import numpy as np

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data.dense import Dense
from nonneg.data.source import Array, Thinned
from nonneg.data.sparse import pack
from nonneg.data.weighted import WeightedDense


class Filled(Dense):
    """A dense source in a copy of X, whose missing entries follow the model.

    Its plain products are those that the next step of an expectation-maximisation needs (Zhang, Wang, Ford &
    Makedon 2006, doi:10.1137/1.9781611972764.58): entries that follow the model neither push nor pull.
    """

    def __init__(self, source: WeightedDense) -> None:
        X = source.observed.X
        super().__init__(source.completed, source.scale)
        self.source, self.sample_weight = source, source.sample_weight
        height = max(1, 2**22 // X.shape[1])
        places = [np.nonzero(np.isnan(X[top : top + height])) for top in range(0, len(X), height)]
        counts = [np.bincount(i, minlength=min(height, len(X) - b * height)) for b, (i, _) in enumerate(places)]
        self._indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
        self._indices = np.concatenate([j for _, j in places]).astype(np.int32)

    @property
    def squared_norm(self) -> float:
        """Weighted sum of the squares of what was observed."""
        return self.source.squared_norm

    def fill(self, W: Array, H: Array) -> float:
        """Bring the missing entries to the model; returns the weighted sum of their squares."""
        return self._follow(W, H, keep=False)[1]

    def gap(self, W: Array, H: Array) -> float:
        """Return the weighted sum of squares by which the missing entries are off the model."""
        return self._follow(W, H, keep=True)[0]

    def _follow(self, W: Array, H: Array, *, keep: bool) -> tuple[float, float]:
        sums = np.empty((self.shape[0], 2))
        # Filled entries are in the units of X.
        Wt = W if self.scale[:2] == (1, 1) else self.scale.down(W)
        _core.fill_missing(self._indptr, self._indices, self._data, pack(Wt), pack(H), keep, sums, thread_count())
        if self.sample_weight is not None:
            sums *= self.sample_weight[:, None]
        changes, squares = (float(x) * self.scale.whole**2 for x in sums.sum(axis=0))
        return changes, squares

    def thinned(self) -> Thinned | None:
        """Return every eleventh row or column of what was observed."""
        return self.source.thinned()
