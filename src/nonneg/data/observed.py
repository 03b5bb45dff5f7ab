"""What was observed of X, and how much each entry counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse

from nonneg._warnings import warn_caller
from nonneg.data.check import check_form, check_values
from nonneg.data.source import THINNING, Array
from nonneg.data.weights import check_sample_weight, weigh, weigh_sparse

# Names of rows or columns in a message, at most.
MOST_NAMED = 5


@dataclass(frozen=True)
class Observed:
    """A checked matrix and what its entries count.

    Attributes
    ----------
    X : ndarray or CSR/CSC matrix
        NaN where X was not observed.
    weights : ndarray or None
        From 0 to 1, in the shape and memory order of a dense X, or one for each stored entry of a sparse X; or None.
    sample_weight : ndarray of shape (m,) or None
        How often each row counts; None: once.
    elsewhere : bool
        Whether the entries that a sparse X does not store are observed zeros.
    largest : float
        What weights were divided by.
    n_missing : int
        Entries that were not observed.
    weighed : bool
        Whether the user gave weights or uncertainties, be they all alike.
    largest_entry : float or None
        Its absolute value, if it is known.
    """

    X: Any
    weights: Array | None = None
    sample_weight: Array | None = None
    elsewhere: bool = True
    largest: float = 1.0
    n_missing: int = 0
    weighed: bool = False
    largest_entry: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.X.shape[0]), int(self.X.shape[1])

    @property
    def plain(self) -> bool:
        """Whether every entry counts one, and every row once."""
        return self.complete and self.sample_weight is None

    @property
    def complete(self) -> bool:
        """Whether all entries of a row count the same."""
        return self.weights is None and self.n_missing == 0

    @cached_property
    def unknown_lines(self) -> tuple[Array, Array]:
        """The rows and the columns of which no entry was observed."""
        X, shape = self.X, self.shape
        if self.n_missing < min(shape):
            return np.zeros(0, int), np.zeros(0, int)
        if scipy.sparse.issparse(X):
            coo, seen = X.tocoo(), ~np.isnan(X.data)
            lines = []
            for index, length, other in ((coo.row, *shape), (coo.col, *shape[::-1])):
                counts = np.bincount(index, weights=seen, minlength=length)
                if self.elsewhere:
                    counts += other - np.bincount(index, minlength=length)
                lines.append(np.flatnonzero(counts == 0))
            return lines[0], lines[1]
        height = max(1, 2**22 // shape[1])
        rows, columns = np.zeros(shape[0], bool), np.zeros(shape[1], bool)
        for top in range(0, shape[0], height):
            seen = ~np.isnan(X[top : top + height])
            rows[top : top + height] = seen.any(axis=1)
            columns |= seen.any(axis=0)
        return np.flatnonzero(~rows), np.flatnonzero(~columns)

    def or_else(self, model: Array) -> Array:
        """Return a dense copy of X with a model's entries where it was not observed."""
        X = self.X
        if not scipy.sparse.issparse(X):
            return np.where(np.isnan(X), model, X)
        out = model if not self.elsewhere else np.zeros_like(model)
        coo = X.tocoo()
        out[coo.row, coo.col] = np.where(np.isnan(coo.data), model[coo.row, coo.col], coo.data)
        return out

    def stored(self) -> Observed:
        """Return a dense X as a sparse one that stores what was observed, and nothing else was."""
        seen = ~np.isnan(self.X)
        rows, columns = np.nonzero(seen)
        indptr = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
        wide = np.int64 if len(rows) > np.iinfo(np.int32).max else np.int32
        pattern = columns.astype(wide), indptr.astype(wide)
        X = scipy.sparse.csr_array((self.X[rows, columns], *pattern), shape=self.shape)
        weights = None if self.weights is None else self.weights[rows, columns]
        return replace(self, X=X, weights=weights, elsewhere=False)


def observe(
    X: Any,
    *,
    weights: Any = None,
    uncertainty: Any = None,
    sample_weight: Any = None,
    missing_values: float | None = float("nan"),
    negative: str = "error",
    name: str = "factorize (input X)",
    new_rows: bool = False,
) -> Observed:
    """Check X and what is said of its entries; the caller's arrays are never changed.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (m, n)
        The data.
    weights : array-like or sparse matrix of shape (m, n), or broadcastable to it, optional
        What each entry counts, at least 0; an entry of weight 0 may hold anything finite. Entries that a sparse
        matrix of weights does not store count 0; whole rows or columns for a sparse X need ``missing_values=0``.
    uncertainty : array-like or sparse matrix of shape (m, n), or broadcastable to it, optional
        Standard error of each entry, above 0: weights of ``1 / uncertainty^2``; infinite: not observed.
    sample_weight : array-like of shape (m,), optional
        How often each row counts.
    missing_values : nan, 0 or None
        What stands for an entry that was not observed. nan; 0: zeros, too, or what a sparse X does not store; None:
        nothing does, and NaN is an error.
    negative : {"error", "allow"}
        Whether negative entries are refused.
    name : str
        What messages call the input.
    new_rows : bool
        Whether these are rows for parts that are known: all of them, or none of their entries, may be observed.

    Raises
    ------
    TypeError, ValueError
        One sentence: what was given, what was needed, what to do.
    """
    zeros = _zeros_are_missing(missing_values)
    if weights is not None and uncertainty is not None:
        raise ValueError("Give weights or uncertainty, not both: an uncertainty u is a weight of 1 / u^2.")
    X = check_form(X, missing=missing_values is not None)
    if missing_values is None:
        check_values(X, negative, name)
    counts, largest, elsewhere = None, 1.0, not (zeros and scipy.sparse.issparse(X))
    weighed = weights is not None or uncertainty is not None
    if weighed:
        label, values = ("weights", weights) if uncertainty is None else ("uncertainty", uncertainty)
        if scipy.sparse.issparse(X):
            X, counts, largest = weigh_sparse(X, values, label, zeros_count=elsewhere)
            elsewhere = elsewhere and np.ndim(values) == 0 and not scipy.sparse.issparse(values)
        else:
            X, counts, largest = weigh(X, values, label)
    if zeros and not scipy.sparse.issparse(X):
        X = _without_zeros(X, new_rows)
    m, n = X.shape
    n_missing, largest_entry = check_values(X, negative, name, missing=True)
    n_missing += _not_stored(X, elsewhere)
    if n_missing == m * n and not new_rows:
        raise ValueError(f"X is entirely missing: none of its {m} x {n} entries was observed.")
    return Observed(
        X, counts, check_sample_weight(sample_weight, X), elsewhere, largest, n_missing, weighed, largest_entry
    )


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
    X, weights = kept
    n_missing = int(np.isnan(X.data if scipy.sparse.issparse(X) else X).sum()) if observed.n_missing else 0
    n_missing += _not_stored(X, observed.elsewhere)
    return replace(observed, X=X, weights=weights, sample_weight=sample_weight, n_missing=n_missing)


def _not_stored(X: Any, elsewhere: bool) -> int:
    """Return how many entries were not observed because X does not store them."""
    return 0 if elsewhere else X.shape[0] * X.shape[1] - int(X.nnz)


def warn_of_unobserved(observed: Observed, which: str = "row and column") -> None:
    """Name the rows ("row"), the columns ("column") or both of which nothing is known."""
    for label, lines in zip(("row", "column"), observed.unknown_lines, strict=True):
        if len(lines) and label in which:
            named = ", ".join(str(line) for line in lines[:MOST_NAMED]) + (", ..." if len(lines) > MOST_NAMED else "")
            s, number = ("s", f" ({len(lines)} {label}s)") if len(lines) > 1 else ("", "")
            warn_caller(
                f"Nothing was observed of {label}{s} {named} of X{number}: zeros in the result, unless constraints "
                "or penalties forbid.",
                UserWarning,
            )


def _zeros_are_missing(missing_values: Any) -> bool:
    if missing_values is None:
        return False
    if isinstance(missing_values, Real) and not isinstance(missing_values, bool):
        if np.isnan(float(missing_values)):
            return False
        if missing_values == 0:
            return True
    raise ValueError(f"missing_values must be nan, 0 or None, got {missing_values!r}.")


def _without_zeros(X: Array, new_rows: bool) -> Array:
    zero = X == 0
    if not zero.any() and not new_rows:
        raise ValueError("missing_values=0, but X is dense and holds no zero; leave missing_values out.")
    X = X.copy(order="K")
    X[zero] = np.nan
    return X
