"""How X is read: one protocol, `Source`, and one short file for each kind of data."""

from typing import Any

import scipy.sparse

from nonneg.data.check import check_matrix
from nonneg.data.dense import Dense
from nonneg.data.low_rank import LowRank, sketch
from nonneg.data.source import THINNING, Array, Scale, Source, gram
from nonneg.data.sparse import Sparse

__all__ = [
    "THINNING",
    "Array",
    "Dense",
    "LowRank",
    "Scale",
    "Source",
    "Sparse",
    "as_source",
    "check_matrix",
    "gram",
    "sketch",
]


def as_source(X: Any) -> Source:
    """Wrap a matrix that `check_matrix` has returned."""
    return Sparse(X) if scipy.sparse.issparse(X) else Dense(X)
