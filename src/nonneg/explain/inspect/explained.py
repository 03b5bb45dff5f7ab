"""How much of X is explained as parts are added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect.tables import series
from nonneg.explain.inspect.vectors import check_result
from nonneg.explain.labels import part_labels
from nonneg.solve import Factorization, beta_of_name, explained_shares, read_data


def explained(
    result: Factorization,
    X: Any,
    *,
    weights: Any = None,
    uncertainty: Any = None,
    sample_weight: Any = None,
    as_frame: bool = False,
) -> Any:
    """Return the share of X that is explained by the first part, the first two, and so on; W and H as they are.

    Under the squared error ``1 - ||X - W_j H_j||^2 / ||X||^2`` with the first j parts, over what was observed.

    A divergence may be infinite where a part is missing. There the parts still to come are spread evenly: ``1 -
    D(X | W_j H_j + c_j) / D(X | mean of X)`` with c_j the mean of their product over all entries. So a
    Kullback-Leibler fit begins at 0 with no part at all.

    The last value is that of the whole fit: ``1 - relative_error**2`` under the squared error, else ``1 -
    relative_error``, to the rounding of X's dtype. Values may fall from one to the next, and below zero: W was found
    for all parts together. They say how parts add up in this fit, not how a fit of fewer parts would do.

    Parameters
    ----------
    result : Factorization
    X : array-like or sparse matrix of shape (m, n)
        The data of the fit, with what was not observed marked as there.
    weights, uncertainty, sample_weight : array-like, optional
        As in the fit (see `factorize`).
    as_frame : bool
        Return a pandas Series, named by the part added.

    Returns
    -------
    ndarray of shape (k,), or Series
        At most 1.

    Raises
    ------
    ValueError
        If X has not the shape of the fit, or holds what its loss cannot take.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> X = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]])
    >>> result = nonneg.factorize(X, 2, seed=0)
    >>> np.round(nonneg.inspect.explained(result, X), 3)
    array([0.762, 1. ])
    """
    result, settings = check_result(result), result.settings
    observed = read_data(
        result, X, "explained", weights=weights, uncertainty=uncertainty, sample_weight=sample_weight
    )
    beta = beta_of_name(result.loss_name)
    shares = explained_shares(
        observed,
        _growing(result.W, result.H) if beta == 2 else _spread(result.W, result.H),
        beta=beta,
        solver="mu" if settings.get("solver") == "mu" else "auto",
        floor=settings.get("floor"),
        robust=settings.get("robust"),
    )
    values = np.array(shares)
    return series(values, part_labels(result.k), "explained") if as_frame else values


def _growing(W: Array, H: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the models of the first part, the first two, ..., all."""
    for j in range(1, len(H) + 1):
        yield W[:, :j], H[:j]


def _spread(W: Array, H: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the same, with the mean of the parts still to come as a part of its own, equal everywhere."""
    means = W.mean(axis=0, dtype=np.float64) * H.mean(axis=1, dtype=np.float64)
    for j, (first, parts) in enumerate(_growing(W, H), 1):
        if j < len(H):
            constant = np.full((len(W), 1), means[j:].sum())
            yield np.hstack([first, constant]), np.vstack([parts, np.ones((1, H.shape[1]))])
        else:
            yield first, parts
