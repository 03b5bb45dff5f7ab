"""How X is read: one protocol, `Source`, and one short file for each kind of data."""

from typing import Any

import scipy.sparse

from nonneg.data.check import check_counts, check_given, check_loss_domain, check_matrix, check_seed, fill_masked
from nonneg.data.dense import Dense, mix
from nonneg.data.low_rank import LowRank, sketch
from nonneg.data.names import as_names, check_names, names_of
from nonneg.data.observed import Observed, observe, warn_of_unobserved
from nonneg.data.source import THINNING, Array, Entries, Scale, Source, Thinned, counted, gram, root_counts
from nonneg.data.sparse import Sparse
from nonneg.data.weighted_dense import WeightedDense
from nonneg.data.weighted_sparse import WeightedSparse

__all__ = [
    "THINNING",
    "Array",
    "Dense",
    "Entries",
    "LowRank",
    "Observed",
    "Scale",
    "Source",
    "Sparse",
    "Thinned",
    "WeightedDense",
    "WeightedSparse",
    "as_names",
    "as_source",
    "check_counts",
    "check_given",
    "check_loss_domain",
    "check_matrix",
    "check_names",
    "check_seed",
    "counted",
    "fill_masked",
    "gram",
    "mix",
    "names_of",
    "observe",
    "root_counts",
    "sketch",
    "warn_of_unobserved",
]

# Beyond this share of missing entries a dense X is read by those that were observed.
MOST_FILLED = 0.4


def as_source(X: Any, scale: Scale | None = None, *, filled: bool = False) -> Entries:
    """Wrap what `observe` or `check_matrix` has returned; in a given scale, or in that of its largest entry.

    `filled` reads a dense X as a whole, however much of it is missing.
    """
    if isinstance(X, Observed):
        if scale is None and X.largest_entry is not None:
            scale = Scale.of(X.largest_entry)
        if not X.plain:
            return _weighted(X, scale, filled)
        X, largest = X.X, X.largest
    else:
        largest = 1.0
    source = Sparse(X, scale) if scipy.sparse.issparse(X) else Dense(X, scale)
    source.scale = source.scale._replace(weights=largest)
    return source


def _weighted(observed: Observed, scale: Scale | None, filled: bool) -> Entries:
    X = observed.X
    if scipy.sparse.issparse(X):
        return WeightedSparse(observed, scale)
    if filled or observed.n_missing <= MOST_FILLED * X.size:
        return WeightedDense(observed, scale)
    return WeightedSparse(observed.stored(), scale)
