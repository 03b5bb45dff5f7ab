"""Weights and uncertainties: from what the user says of each entry to what a source needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from nonneg.data.check import check_form, first_of
from nonneg.data.source import Array


def _numbers(values: Any, label: str) -> Array:
    try:
        given: Array = np.asarray(values)
        if given.dtype.kind == "c":
            raise TypeError("complex")
        return given.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{label} must hold real numbers.") from error


def _check_weights(values: Any, label: str) -> Array:
    """Return weights, float64, from weights or uncertainties; NaN where an uncertainty is NaN.

    Of a sparse matrix, what it stores.
    """
    weights = _numbers(values.data if scipy.sparse.issparse(values) else values, label)
    if label == "uncertainty":
        if (weights <= 0).any():
            raise ValueError(
                f"uncertainty must be above 0, got {_first(values, lambda u: u <= 0)}; an entry that was not "
                "observed is NaN in X, or has the weight 0."
            )
        with np.errstate(over="ignore", divide="ignore"):
            weights = 1 / weights**2
        if np.isinf(weights).any():
            raise ValueError("uncertainty must be above 1e-150: its square leaves the range of numbers.")
        return weights
    if not _counts(weights).all():
        raise ValueError(f"weights must be finite and at least 0, got {_first(values, lambda w: ~_counts(w))}.")
    return weights


def _counts(weights: Array) -> Array:
    """Say which of them are weights."""
    return np.isfinite(weights) & (weights >= 0)


def _first(values: Any, wrong: Callable[[Array], Array]) -> str:
    """Return the first wrong number and, unless there is but one, where it stands."""
    if not scipy.sparse.issparse(values):
        values = np.asarray(values, np.float64)
        if values.ndim == 0:
            return f"{values:g}"
        values = values.reshape(-1, values.shape[-1])
    row, column, value = first_of(values, wrong)
    return f"{value:g} at row {row}, column {column}"


def weigh(X: Array, values: Any, label: str) -> tuple[Array, Array | None, float]:
    """Return a dense X with NaN where the weight is 0, the weights by the largest of them, and that one."""
    if scipy.sparse.issparse(values):
        values = values.toarray()
    if label == "uncertainty" and np.shape(values) == X.shape:
        # Where nothing was observed, tables hold any number: 0, -999.
        values = np.where(np.isnan(X), np.nan, _numbers(values, label))
    weights = _spread(_check_weights(values, label), values, X.shape, label)
    unknown = np.isnan(weights)
    if (unknown & ~np.isnan(X)).any():
        row, column = np.argwhere(unknown & ~np.isnan(X))[0]
        raise ValueError(f"uncertainty is NaN where X was observed: row {row}, column {column}.")
    ignored = unknown | (weights == 0)
    if ignored.any():
        X, weights = X.copy(order="K"), np.where(ignored, 0, weights)
        X[ignored] = np.nan
    return X, *_by_largest(weights, ~np.isnan(X), X)


def _spread(weights: Array, values: Any, shape: tuple[int, int], label: str) -> Array:
    """Return weights in the shape of X, as numpy broadcasts them; `values` is what the user gave."""
    try:
        return np.broadcast_to(weights, shape)
    except ValueError as error:
        advice = "."
        if weights.shape == shape[:1]:
            column = "u.to_frame()" if hasattr(values, "to_frame") else "u[:, None]"
            advice = f"; one for each row has the shape {(shape[0], 1)}, e.g. {column}."
        raise ValueError(f"{label} must have the shape {shape} of X, got {weights.shape}{advice}") from error


def _by_largest(weights: Array, seen: Array, X: Any) -> tuple[Array | None, float]:
    """Return weights divided by the largest that counts, in the order of X; None where all are that one."""
    largest = float(weights[seen].max(initial=0))
    if largest == 0:
        return None, 1.0
    scaled = (weights / largest).astype(X.dtype)
    if (scaled[seen] == 1).all():
        return None, largest
    return (np.ascontiguousarray(scaled) if X.flags.c_contiguous else np.asfortranarray(scaled)), largest


def weigh_sparse(X: Any, values: Any, label: str, *, zeros_count: bool) -> tuple[Any, Array | None, float]:
    """Return X at the entries that the weights store, in that pattern, the weights, and the largest of them."""
    if np.ndim(values) == 0 and not scipy.sparse.issparse(values):
        constant = float(_check_weights(values, label))
        if not constant > 0:
            raise ValueError(f"{label} of one number for all entries must be above 0, got {values!r}.")
        return X, None, constant
    if not scipy.sparse.issparse(values):
        values = _as_sparse(X, values, label, zeros_count)
    if values.shape != X.shape:
        raise ValueError(f"{label} must have the shape {X.shape} of X, got {values.shape}.")
    pattern = check_form(values).asformat(X.format)
    weights = _check_weights(pattern, label)
    if not (weights > 0).all():
        pattern, kept = pattern.copy(), weights > 0  # its indices may be the caller's
        pattern.data = np.where(kept, 1.0, 0.0)
        pattern.eliminate_zeros()
        weights = weights[kept]
    data = _sample(X, pattern)
    sampled = type(pattern)((data, pattern.indices, pattern.indptr), shape=X.shape)
    seen = ~np.isnan(data)
    if not seen.any():
        return sampled, None, 1.0
    largest = float(weights[seen].max())
    scaled = (weights / largest).astype(X.dtype)
    return sampled, (None if (scaled[seen] == 1).all() else scaled), largest


def _as_sparse(X: Any, given: Any, label: str, zeros_count: bool) -> Any:
    """Return weights of whole rows, whole columns or all entries, in the pattern of the entries that count."""
    values = _numbers(given, label)
    _check_weights(values, label)  # a sparse matrix would lose its zeros
    if zeros_count:
        if values.shape == X.shape:
            return scipy.sparse.csr_array(values)
        raise ValueError(
            f"{label} of a sparse X whose zeros count must have its shape, {X.shape}, got {values.shape}: they would "
            "fill it. sample_weight weighs whole rows; with missing_values=0 only what X stores counts."
        )
    values = _spread(values, given, X.shape, label)
    coo = X.tocoo()
    return type(X)((values[coo.row, coo.col], X.indices, X.indptr), shape=X.shape)


def _sample(X: Any, pattern: Any) -> Array:
    """Return the entries of X where a pattern of the same layout stores one; zero where X stores none."""
    lines = [np.repeat(np.arange(len(A.indptr) - 1, dtype=np.int64), np.diff(A.indptr)) for A in (X, pattern)]
    width = max(X.shape)
    own, wanted = (line * width + A.indices for line, A in zip(lines, (X, pattern), strict=True))
    at = np.searchsorted(own, wanted)
    found = at < len(own)
    found[found] = own[at[found]] == wanted[found]
    data = np.zeros(len(wanted), X.dtype)
    data[found] = X.data[at[found]]
    return data


def check_sample_weight(sample_weight: Any, X: Any) -> Array | None:
    """Return how often each row of X counts, in its dtype; None where every row counts once."""
    if sample_weight is None:
        return None
    weights = _numbers(sample_weight, "sample_weight")
    if weights.shape != (X.shape[0],):
        raise ValueError(
            f"sample_weight must hold one number for each of the {X.shape[0]} rows of X, got {weights.shape}."
        )
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any() or not weights.any():
        given = f"{weights[wrong][0]:g}" if wrong.any() else "only zeros"
        raise ValueError(f"sample_weight must be finite, at least 0 and not all 0, got {given}.")
    return None if (weights == 1).all() else weights.astype(X.dtype)
