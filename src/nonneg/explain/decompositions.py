"""Five ways to write a row as a weighted sum of parts: ours, and four of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from nonneg.data import Array
from nonneg.solve import factorize

# What a weight costs, as a fraction of a typical row's length; passes over the data, and rows that are read at once.
DICTIONARY = {"alpha": 0.02, "max_iter": 20, "batch_size": 64}


class Fitted(NamedTuple):
    """Parts (k x n), what is taken off each row first (n), and how a row's weights are found."""

    components: Array
    offset: Array
    weights: Callable[[Any], Array]
    converged: bool


def nmf(X: Any, k: int, seed: int, *, first: bool, **settings: Any) -> Fitted:
    """Fit from the default start, and from random ones where the luck of a start is asked for."""
    result = factorize(
        X, k, seed=seed, start=None if first else "random", missing_values=None, name="compare (input X)", **settings
    )
    return Fitted(result.H, np.zeros(X.shape[1]), result.transform, result.converged)


def pca(X: Any, k: int, seed: int, **_: Any) -> Fitted:
    """Fit exactly."""
    model, converged = _exact_pca(X, k, seed)
    return Fitted(model.components_, model.mean_, model.transform, converged)


def ica(X: Any, k: int, seed: int, **_: Any) -> Fitted:
    """Fit to white scores of the PCA: its own whitening drops components if the first feature is constant."""
    white, white_converged = _exact_pca(X, k, seed, whiten=True)
    spread = np.sqrt(white.explained_variance_)
    if spread[-1] <= np.finfo(X.dtype).eps * max(X.shape) * spread[0]:
        raise np.linalg.LinAlgError("scores without variance cannot be made white")
    model, converged = _fitted(FastICA(whiten=False, max_iter=1000, random_state=seed), white.transform(X))
    return Fitted(
        model.mixing_.T @ (spread[:, None] * white.components_),
        white.mean_,
        lambda new: model.transform(white.transform(new)),
        converged and white_converged,
    )


def fa(X: Any, k: int, seed: int, **_: Any) -> Fitted:
    """Fit; the weights are what the factors are expected to be, given the row."""
    if not np.ptp(X, axis=0).any():
        raise np.linalg.LinAlgError("rows that are all the same have no factors")
    model, converged = _fitted(FactorAnalysis(k, random_state=seed), X)
    return Fitted(model.components_, model.mean_, model.transform, converged)


def dictionary(X: Array, k: int, seed: int, *, first: bool, **_: Any) -> Fitted:
    """Fit to rows of length near one, as the penalty has their unit; from the SVD first, then from random rows."""
    length = np.sqrt(np.mean(np.sum(np.square(X, dtype=np.float64), axis=1))) or 1.0
    rows = (X / length).astype(X.dtype, copy=False)
    start = None if first else rows[np.random.default_rng(seed).choice(len(rows), k, replace=k > len(rows))]
    model, converged = _fitted(
        MiniBatchDictionaryLearning(
            k,
            fit_algorithm="lars",
            transform_algorithm="lasso_lars",
            dict_init=start,
            random_state=seed,
            **DICTIONARY,
        ),
        rows,
    )
    return Fitted(
        model.components_,
        np.zeros(X.shape[1]),
        lambda new: model.transform((new / length).astype(X.dtype, copy=False)) * length,
        converged and model.n_iter_ < DICTIONARY["max_iter"],
    )


METHODS: dict[str, Callable[..., Fitted]] = {"nmf": nmf, "pca": pca, "ica": ica, "fa": fa, "dictionary": dictionary}
TITLES = {"nmf": "NMF", "pca": "PCA", "ica": "ICA", "fa": "factor analysis", "dictionary": "dictionary learning"}
NEED_DENSE = ("fa", "dictionary")
# What describes deviations from a mean has no more directions than they have.
WITHIN_RANK = ("pca", "ica", "fa")


def _exact_pca(X: Any, k: int, seed: int, *, whiten: bool = False) -> tuple[Any, bool]:
    """Fit without random sketches, which would blur the later parts of wide data."""
    beyond = "covariance_eigh" if scipy.sparse.issparse(X) else "full"
    solver = "arpack" if k < min(X.shape) else beyond
    model, converged = _fitted(PCA(k, svd_solver=solver, whiten=whiten, random_state=seed), X)
    if not model.explained_variance_[0] > 0:
        raise np.linalg.LinAlgError("rows that are all alike have no components")
    return model, converged


def _fitted(model: Any, X: Any) -> tuple[Any, bool]:
    """Fit, and return whether it converged in place of scikit-learn's warnings of it."""
    # Of rows that are all alike, scikit-learn's PCA divides no variance by none.
    with warnings.catch_warnings(record=True) as caught, np.errstate(invalid="ignore"):
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(X)
    for other in caught:
        if not issubclass(other.category, ConvergenceWarning):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    return model, not any(issubclass(one.category, ConvergenceWarning) for one in caught)
