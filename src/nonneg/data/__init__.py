"""How X is read: one protocol, `Source`, and one short file for each kind of data."""

from typing import Any

import scipy.sparse

from nonneg.data.check import check_loss_domain, check_matrix
from nonneg.data.dense import Dense, mix
from nonneg.data.low_rank import LowRank, sketch
from nonneg.data.source import THINNING, Array, Entries, Scale, Source, gram
from nonneg.data.sparse import Sparse

__all__ = [
    "THINNING",
    "Array",
    "Dense",
    "Entries",
    "LowRank",
    "Scale",
    "Source",
    "Sparse",
    "as_source",
    "check_loss_domain",
    "check_matrix",
    "gram",
    "mix",
    "sketch",
]


def as_source(X: Any, scale: Scale | None = None) -> Entries:
    """Wrap a matrix that `check_matrix` has returned; in a given scale, or in that of its largest entry."""
    return Sparse(X, scale) if scipy.sparse.issparse(X) else Dense(X, scale)
