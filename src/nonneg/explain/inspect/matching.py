"""Which part of one result is which part of another."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect.tables import table
from nonneg.explain.inspect.vectors import check_result, cosines, paired, picked, vectors_of
from nonneg.explain.labels import part_labels
from nonneg.solve import Factorization


class Match(NamedTuple):
    """The partner of each part of the first result: arrays of shape (k,).

    Attributes
    ----------
    order : ndarray of int
        Number of the partner in the second result, from 0; -1 for a part that is left without one.
    similarity : ndarray
        Cosine between the two, 1 where they are proportional; 0 where there is no partner.
    """

    order: Array
    similarity: Array


def match(first: Any, second: Any, *, side: str = "H", as_frame: bool = False) -> Match | Any:
    """Pair the parts of two results so that the sum of their cosines is largest.

    Each part has one partner at most: the assignment problem (Kuhn 1955, doi:10.1002/nav.3800020109). Where as many
    parts are on both sides, ``second.H[order]`` lines up with ``first.H``.

    Parameters
    ----------
    first, second : Factorization or array-like of shape (parts, n)
        Two results, or parts that are known, one in a row. The numbers of parts may differ.
    side : {"H", "W"}
        Compare rows of H, or columns of W (recovered signals). Arrays are taken as they are.
    as_frame : bool
        Return a pandas DataFrame, a line for each part of the first.

    Returns
    -------
    Match, or DataFrame
        ``order`` and ``similarity``, each of shape (parts of first,).

    Raises
    ------
    ValueError
        If the parts differ in length, an array is not two-dimensional and finite, or side is neither "H" nor "W".

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> truth = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]], 2, seed=0)
    >>> order, similarity = nonneg.inspect.match(truth, result)
    >>> order
    array([1, 0])
    >>> np.round(similarity, 3)
    array([1., 1.])
    """
    A, B = _parts(first, side), _parts(second, side)
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"The parts of both must be equally long to be compared by {side}, got {A.shape[1]} and {B.shape[1]}."
        )
    cosine = cosines(A, B)
    order = paired(cosine)
    similarity = picked(cosine, order)
    if not as_frame:
        return Match(order, similarity)
    names = np.array([*part_labels(len(B)), None], object)  # -1 picks the last: no partner
    return table({"partner": names[order], "similarity": similarity}, index=part_labels(len(A)))


def _parts(given: Any, side: str) -> Array:
    if isinstance(given, Factorization):
        return vectors_of(given, side)
    if hasattr(given, "result_"):
        check_result(given)  # says how to come by its result
    parts = np.asarray(given, np.float64)
    if parts.ndim != 2 or not parts.size or not np.isfinite(parts).all():
        raise ValueError(
            f"Parts must be a Factorization, or an array of finite numbers of shape (parts, n), got {parts.shape}."
        )
    return parts
