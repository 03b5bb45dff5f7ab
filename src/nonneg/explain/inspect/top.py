"""The features that make a part, and the rows that hold most of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nonneg.data import Array, check_counts
from nonneg.explain.inspect.tables import table
from nonneg.explain.inspect.vectors import amounts_of, divided, near_one, vectors_of
from nonneg.explain.labels import feature_labels, part_labels, row_labels
from nonneg.solve import Factorization

SCORES = ("weight", "lift", "exclusivity")


@dataclass(frozen=True, eq=False)
class Top:
    """The best of each part, a part in a row, best first: arrays of shape (k, count).

    Attributes
    ----------
    index : ndarray of int
        Numbers of the features or rows, from 0.
    names : ndarray
        Their names; "feature 17" or "row 17" where the result knows none.
    score : ndarray
        What they were ordered by.
    amount : ndarray
        What each holds of the part's total, from 0 to 1.
    """

    index: Array
    names: Array
    score: Array
    amount: Array


def top_features(result: Factorization, count: int = 10, *, by: str = "weight", as_frame: bool = False) -> Any:
    """Return the features that stand for each part.

    With p the share of a feature in its part (``H[j] / sum(H[j])``) and q its share in the whole W H, scores are

    * "weight": p, what the part is made of. Features that are large everywhere come first in every part.
    * "lift": p / q, how many times its share of the whole; above 1 where the part has more than its due. Features
      that are rare may come first.
    * "exclusivity": frequent in the part and found in few others, as one wants names of topics and marker genes to
      be. The harmonic mean of two ranks among the features that the part holds at all: that of p, and that of the
      part of the feature's total that lies in this part. 1 for a feature that is first in both, 0 for one that is
      not held (FREX with equal weights; Bischof & Airoldi 2012, doi:10.48550/arXiv.1206.4631). A rank here is the
      fraction of values that are no larger.

    None depends on how scale is divided between W and H.

    Parameters
    ----------
    result : Factorization
    count : int
        How many features of each part, at least 1; all n if there are fewer.
    by : {"weight", "lift", "exclusivity"}
        The score.
    as_frame : bool
        Return a pandas DataFrame, a line for each part and rank.

    Returns
    -------
    Top, or DataFrame
        ``index``, ``names``, ``score`` and ``amount`` (p), each of shape (k, count). Equal scores keep the order of
        the features; all scores of a part of zeros are 0.

    Raises
    ------
    ValueError
        If there is no such score, or count is not an integer of at least 1.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]], 2, seed=0)
    >>> result = result.named(features=["red", "green", "blue"])
    >>> top = nonneg.inspect.top_features(result, 1)
    >>> top.names.tolist()
    [['blue'], ['red']]
    >>> np.round(top.amount, 3).tolist()
    [[1.0], [0.5]]
    """
    H = vectors_of(result, "H")
    return _top(result, H, _portions(H), feature_labels(result), "feature", count, by, as_frame)


def top_rows(result: Factorization, count: int = 10, *, by: str = "weight", as_frame: bool = False) -> Any:
    """Return the rows that stand for each part.

    Scores are those of `top_features`, with p the share of a row in the part's total (``W[:, j] / sum(W[:, j])``) and
    q its share in the whole W H, but for the first:

    * "weight": ``W[i, j] sum(H[j])``, the amount of row i that part j explains, in the units of X; W itself where
      rows of H sum to one.
    * "lift": p / q. It orders rows by the share of the row that the part explains.
    * "exclusivity": rows that hold much of the part and little else.

    Parameters
    ----------
    result : Factorization
    count : int
        How many rows for each part, at least 1; all m if there are fewer.
    by : {"weight", "lift", "exclusivity"}
        The score.
    as_frame : bool
        Return a pandas DataFrame, a line for each part and rank.

    Returns
    -------
    Top, or DataFrame
        ``index``, ``names``, ``score`` and ``amount`` (p), each of shape (k, count). Equal scores keep the order of
        the rows; all scores of a part of zeros are 0.

    Raises
    ------
    ValueError
        If there is no such score, or count is not an integer of at least 1.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 5.0]], 2, seed=0)
    >>> nonneg.inspect.top_rows(result, 2).index
    array([[2, 1],
           [2, 0]])
    >>> nonneg.inspect.top_rows(result, 1, by="lift").index
    array([[1],
           [0]])
    """
    Wt = vectors_of(result, "W")
    return _top(result, Wt, amounts_of(result).T, row_labels(result), "row", count, by, as_frame)


def _top(
    result: Factorization, F: Array, weight: Array, names: Array, what: str, count: int, by: str, as_frame: bool
) -> Any:
    if by not in SCORES:
        raise ValueError(f"by must be one of {SCORES}, got {by!r}.")
    check_counts(count=count)
    portions = _portions(F)
    score = weight if by == "weight" else _score(portions, result.share, by)
    index = np.argsort(-score, axis=1, kind="stable")[:, :count]
    score, amount = (np.take_along_axis(values, index, axis=1) for values in (score, portions))
    top = Top(index, names[index], score, amount)
    if not as_frame:
        return top
    k, count = index.shape
    columns = {
        "part": np.repeat(part_labels(k), count),
        "rank": np.tile(np.arange(1, count + 1), k),
        what: top.names.ravel(),
        "score": score.ravel(),
        "amount": amount.ravel(),
    }
    return table(columns)


def _score(portions: Array, share: Array, by: str) -> Array:
    amounts = share[:, None] * portions
    whole = amounts.sum(axis=0)
    return divided(portions, whole) if by == "lift" else _frex(portions, divided(amounts, whole))


def _frex(portions: Array, exclusivity: Array) -> Array:
    """Return the harmonic mean of the ranks of both, among what each part holds."""
    from scipy.stats import rankdata

    score = np.zeros_like(portions)
    for j, held in enumerate(portions > 0):
        if held.any():
            ranks = [rankdata(values[j, held], method="max") / held.sum() for values in (portions, exclusivity)]
            score[j, held] = 2 / (1 / ranks[0] + 1 / ranks[1])
    return score


def _portions(F: Array) -> Array:
    """Return the share of each entry in its row."""
    F = near_one(F)
    return divided(F, F.sum(axis=1, keepdims=True))
