"""Signals over time as numbers: which one is which, and all of one size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from nonneg.data import Array
from nonneg.explain import decompositions
from nonneg.explain.inspect.vectors import live, paired, picked

# What varies less than this fraction of the largest signal is rounding, such as components beyond the rank of X.
CONSTANT = 1e-12
# The fraction of moments at which a band may be cut off.
PEAKS = 0.02


def standardized(signals: Array) -> Array:
    """Return columns with mean 0 and standard deviation 1; one that is constant beside the others is 0."""
    centred = signals.astype(np.float64) - signals.mean(axis=0, dtype=np.float64)
    size = centred.std(axis=0)
    result: Array = np.divide(centred, size, out=np.zeros_like(centred), where=size > CONSTANT * np.max(size))
    return result


def fit_to(signals: Array, truth: Array, *, signed: bool) -> tuple[Array, Array]:
    """Match columns one to one with those of `truth`: (order, correlation), both of shape (columns of truth,).

    `order[i]` is the column that is most like column i of the truth when all are matched together; -1 where none is
    left. `signed` looks for large correlations, else for large absolute ones, either sign.
    """
    correlation = standardized(truth).T @ standardized(signals) / len(truth)
    order = paired(correlation if signed else np.abs(correlation))
    return order, picked(correlation, order)


def range_of_runs(runs: Sequence[Array]) -> tuple[Array, Array]:
    """Return the smallest and the largest value over runs, whose columns are matched with the first one's.

    Every signal has mean 0 and standard deviation 1, so that what is left is their shape.
    """
    first = standardized(runs[0])
    low, high = first.copy(), first.copy()
    for run in runs[1:]:
        order, _ = fit_to(run, runs[0], signed=True)
        matched = standardized(run)[:, order]
        np.minimum(low, matched, out=low)
        np.maximum(high, matched, out=high)
    return low, high


def extent_of(line: Array, edges: Sequence[Array]) -> tuple[float, float]:
    """Return the range to show of a line and the edges of its band: not of the band's rarest peaks."""
    low, high = float(line.min()), float(line.max())
    if edges:
        low, high = min(low, np.quantile(edges[0], PEAKS)), max(high, np.quantile(edges[1], 1 - PEAKS))
    return low, high


def check_components(method: str, k: int, X: Any) -> None:
    """Refuse data in which PCA, and ICA after it, find no k components."""
    if X is None:
        raise ValueError(f"{method!r} is computed from X: give X, or only the method 'nmf'.")
    values = X.data if scipy.sparse.issparse(X) else X
    if np.isnan(values).any():
        raise ValueError(f"{method!r} cannot read missing entries; methods=('nmf',) draws what NMF finds.")
    if k > min(X.shape):
        raise ValueError(f"{method!r} finds at most {min(X.shape)} components of this X, the result has {k} parts.")
    if not (X.max(axis=0) - X.min(axis=0)).max() > 0:
        raise ValueError(f"{method!r} finds nothing where all rows of X are alike; methods=('nmf',) leaves it out.")


def principal_components(X: Any, k: int) -> Array:
    """Return the scores of the first k principal components of rows that differ; zeros beyond the rank of X."""
    scores = decompositions.pca(_as_floats(X), k, 0).weights(X)
    size = scores.std(axis=0)
    scores[:, size <= np.finfo(scores.dtype).eps * max(X.shape) * np.max(size)] = 0
    return scores


def independent_components(X: Any, k: int) -> Array:
    """Return k independent components within the first k principal ones; zeros for those that X has no rank for."""
    scores = principal_components(X, k)
    found = int(np.count_nonzero(live(scores.T)))
    components = np.zeros_like(scores)
    components[:, :found] = decompositions.ica(_as_floats(X), found, 0).weights(X)
    return components


def _as_floats(X: Any) -> Any:
    return X if X.dtype.kind == "f" else X.astype(np.float64)
