"""How much of each row each part explains."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect.tables import series, table
from nonneg.explain.inspect.vectors import check_result, divided, near_one
from nonneg.explain.labels import part_labels
from nonneg.solve import Factorization


def shares(result: Factorization, *, as_frame: bool = False) -> Any:
    """Return the share of each part in the total: ``sum(W[:, j]) sum(H[j])`` over the sum of W H.

    Parameters
    ----------
    result : Factorization
    as_frame : bool
        Return a pandas Series with the names of the parts.

    Returns
    -------
    ndarray of shape (k,), or Series
        Fractions that sum to one; zeros where the parts explain nothing. The same as ``result.share``.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]], 2, seed=0)
    >>> np.round(nonneg.inspect.shares(result), 3)
    array([0.571, 0.429])
    """
    share = check_result(result).share
    return series(share, part_labels(result.k), "share") if as_frame else share


class Dominant(NamedTuple):
    """The part that explains most of each row: arrays of shape (m,).

    Attributes
    ----------
    part : ndarray of int
        Number of the part, from 0; of several that explain as much the first; -1 for an empty row.
    share : ndarray
        What it explains of the row's total, from 0 to 1.
    margin : ndarray
        By how much its share exceeds that of the second part; the share itself where there is no other part.
    """

    part: Array
    share: Array
    margin: Array


def row_shares(result: Factorization, *, as_frame: bool = False) -> Any:
    """Return the share of each part in each row: ``W[i, j] sum(H[j])`` over the sum of row i of W H.

    Like the `shares` in the total it does not depend on how scale is divided between W and H.

    Parameters
    ----------
    result : Factorization
    as_frame : bool
        Return a pandas DataFrame, rows by parts.

    Returns
    -------
    ndarray of shape (m, k), or DataFrame
        Fractions that sum to one in each row; zeros for a row of which the parts explain nothing.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]], 2, seed=0)
    >>> np.round(nonneg.inspect.row_shares(result), 3)
    array([[0. , 1. ],
           [1. , 0. ],
           [0.5, 0.5]])
    """
    result = check_result(result)
    # W is brought near one in each row and H in the whole, which changes no share: nothing overflows.
    H = result.H.astype(np.float64)
    sums = divided(H, np.max(H, initial=0, keepdims=True)).sum(axis=1)
    amounts = near_one(near_one(result.W.astype(np.float64)) * sums)
    shares = divided(amounts, amounts.sum(axis=1, keepdims=True))
    return table(shares, index=result.row_names, columns=part_labels(result.k)) if as_frame else shares


def dominant(result: Factorization, *, as_frame: bool = False) -> Any:
    """Return the part that explains most of each row, its share, and its margin over the second.

    Parameters
    ----------
    result : Factorization
    as_frame : bool
        Return a pandas DataFrame, a line for each row; its parts have names, that of an empty row is missing.

    Returns
    -------
    Dominant, or DataFrame
        ``part``, ``share`` and ``margin``, each of shape (m,).

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [3.0, 3.0, 2.0]], 2, seed=0)
    >>> most = nonneg.inspect.dominant(result)
    >>> most.part
    array([0, 1, 0])
    >>> np.round(most.margin, 3)
    array([1. , 1. , 0.5])
    """
    shares = row_shares(result)
    part, first = shares.argmax(axis=1), shares.max(axis=1)
    second = np.partition(shares, -2, axis=1)[:, -2] if result.k > 1 else np.zeros_like(first)
    found = Dominant(np.where(first > 0, part, -1), first, first - second)
    if not as_frame:
        return found
    names = np.array([*part_labels(result.k), None], object)  # -1 picks the last: no name
    return table(found._replace(part=names[found.part])._asdict(), index=result.row_names)
