"""Rows and columns that no part describes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from nonneg.data import Array, Observed, Scale
from nonneg.explain.inspect.tables import series
from nonneg.explain.inspect.vectors import check_result
from nonneg.solve import Factorization, read_data

BLOCK = 2**20  # numbers that are looked at together
ROUNDING = 1e-13  # a difference of two sums of squares below this share of them is nothing


class Residuals(NamedTuple):
    """The relative error of each row, shape (m,), and of each column, shape (n,)."""

    rows: Any
    columns: Any


def residuals(
    result: Factorization,
    X: Any,
    *,
    weights: Any = None,
    uncertainty: Any = None,
    sample_weight: Any = None,
    as_frame: bool = False,
) -> Residuals:
    """Return the relative error of each row and each column: who is described by no part.

    ``||x - w H|| / ||x||`` for a row x of X and its row w of W, whatever the loss; the same for columns, over what
    was observed and, where weights are given, with each square times its weight. A sparse X is not expanded; what
    the model puts where nothing is stored is then a difference, so that errors below 1e-6 are rounding.

    Counts are measured the same way, by squares: not by their divergence, and not in units of their noise. That
    noise is the larger part of a row the fewer counts it holds, so short documents stand out, however well the parts
    describe them: compare a row with others that sum to about as much.

    Parameters
    ----------
    result : Factorization
    X : array-like or sparse matrix of shape (m, n)
        The data of the fit, with what was not observed marked as there.
    weights, uncertainty : array-like or sparse matrix of shape (m, n), or broadcastable to it, optional
        As in the fit (see `factorize`).
    sample_weight : array-like of shape (m,), optional
        As in the fit: a column's error counts each row so often.
    as_frame : bool
        Return two pandas Series with the names of rows and features, the largest error first.

    Returns
    -------
    Residuals
        ``rows`` (m,) and ``columns`` (n,), each from 0 (exact) to 1 (nothing described) or above; 0 for an empty row
        that is met to rounding (of the largest entry of X), else infinite.

    Raises
    ------
    ValueError
        If X has not the shape of the fit, or holds what its loss cannot take.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> X = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    >>> result = nonneg.factorize(X, 1, seed=0)
    >>> rows, columns = nonneg.inspect.residuals(result, X)
    >>> np.round(rows, 3)
    array([0., 0., 1.])
    """
    result = check_result(result)
    observed = read_data(
        result, X, "residuals", weights=weights, uncertainty=uncertainty, sample_weight=sample_weight
    )
    values = observed.X.data if scipy.sparse.issparse(observed.X) else observed.X
    scale = Scale.of(float(np.nanmax(np.abs(values), initial=0)))
    W, H = scale.up(result.W.astype(np.float64)), result.H.astype(np.float64)
    squares = _sparse_squares if scipy.sparse.issparse(observed.X) else _dense_squares
    left, size = squares(observed, scale, W, H)
    # In scaled units the largest entry of X is near one.
    least = float(np.finfo(observed.X.dtype).eps)
    errors = [relative_errors(np.sqrt(a), np.sqrt(b), least) for a, b in zip(left, size, strict=True)]
    if as_frame:
        labels = result.row_names, result.feature_names
        errors = [
            series(error, names, "relative error").sort_values(ascending=False, kind="stable")
            for error, names in zip(errors, labels, strict=True)
        ]
    return Residuals(*errors)


def relative_errors(left: Array, size: Array, least: float = 0.0) -> Array:
    """Return what is left over as a fraction; of nothing 0 if no more than `least` is left, else infinite."""
    errors: Array = np.divide(left, size, out=np.where(left > least, np.inf, 0.0), where=size > 0)
    return errors


Squares = tuple[Array, Array]  # sums over each row, and over each column


def _dense_squares(observed: Observed, scale: Scale, W: Array, H: Array) -> tuple[Squares, Squares]:
    """Return the squares of X - W H, and those of X, in scaled units."""
    (m, n), X, weights, often = observed.shape, observed.X, observed.weights, _often(observed)
    left, size = (np.zeros(m), np.zeros(n)), (np.zeros(m), np.zeros(n))
    height = max(1, BLOCK // n)
    for top in range(0, m, height):
        rows = slice(top, top + height)
        x = scale.up(X[rows].astype(np.float64))
        counts = ~np.isnan(x) if weights is None else np.where(np.isnan(x), 0, weights[rows])
        x = np.nan_to_num(x)
        for sums, values in ((left, x - W[rows] @ H), (size, x)):
            squares = counts * values**2
            sums[0][rows] = squares.sum(axis=1)
            sums[1][:] += often[rows] @ squares
    return left, size


def _sparse_squares(observed: Observed, scale: Scale, W: Array, H: Array) -> tuple[Squares, Squares]:
    """Return the same from the stored entries, and the model's squares where zeros were observed but not stored."""
    coo, weights, often = observed.X.tocoo(), observed.weights, _often(observed)
    x, model = scale.up(coo.data.astype(np.float64)), np.empty(coo.nnz)
    height = max(1, BLOCK // len(H))
    for top in range(0, coo.nnz, height):
        part = slice(top, top + height)
        model[part] = np.einsum("ip,ip->i", W[coo.row[part]], H.T[coo.col[part]])
    counts = ~np.isnan(x) if weights is None else np.where(np.isnan(x), 0, weights)
    x = np.nan_to_num(x)

    def along_both(squares: Array) -> Squares:
        m, n = observed.shape
        return np.bincount(coo.row, squares, m), np.bincount(coo.col, often[coo.row] * squares, n)

    left, size = along_both(counts * (x - model) ** 2), along_both(counts * x**2)
    if observed.elsewhere:
        whole = _quadratic(W, H @ H.T), _quadratic(H.T, W.T @ (often[:, None] * W))
        for sums, everywhere, stored in zip(left, whole, along_both(model**2), strict=True):
            sums[:] += np.where(everywhere - stored > ROUNDING * everywhere, everywhere - stored, 0)
    return left, size


def _often(observed: Observed) -> Array:
    """Return how often each row counts."""
    return np.ones(observed.shape[0]) if observed.sample_weight is None else observed.sample_weight


def _quadratic(F: Array, G: Array) -> Array:
    """Return f' G f for each row f of F."""
    values: Array = np.einsum("ip,ip->i", F @ G, F)
    return values
