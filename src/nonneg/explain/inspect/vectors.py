"""The parts of a result as vectors, and the angles between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

from nonneg.data import Array
from nonneg.solve import Factorization


def check_result(result: Any) -> Factorization:
    """Return the result, or say what was needed."""
    if isinstance(result, Factorization):
        return result
    raise TypeError(
        "result must be a Factorization, as nonneg.factorize returns it (of a fitted NMF: model.result_), got "
        f"{type(result).__name__}."
    )


def vectors_of(result: Any, side: str) -> Array:
    """Return the parts of a side as rows, float64: H, or W transposed."""
    result = check_result(result)
    if side not in ("H", "W"):
        raise ValueError(f'side must be "H" or "W", got {side!r}.')
    return np.asarray(result.H if side == "H" else result.W.T, np.float64)


def amounts_of(result: Factorization) -> Array:
    """Return what each part explains of each row, in the units of X: W where rows of H sum to one; float64, m x k."""
    amounts: Array = result.W * result.H.sum(axis=1, dtype=np.float64)
    return amounts


def near_one(F: Array) -> Array:
    """Return rows divided by their largest entry in size, so that no sum or square leaves the range of numbers."""
    return divided(F, np.abs(F).max(axis=1, keepdims=True, initial=0))


def unit(F: Array) -> Array:
    """Return rows of length one; a row of zeros stays."""
    F = near_one(F)
    return divided(F, np.linalg.norm(F, axis=1, keepdims=True))


def cosines(A: Array, B: Array) -> Array:
    """Return the cosine of the angle between each row of A and each of B; 0 for a row of zeros."""
    cosine: Array = np.clip(unit(A) @ unit(B).T, -1, 1)
    return cosine


def paired(likeness: Array) -> Array:
    """Return the column that goes with each row, such that the sum over pairs is largest; -1 where none is left.

    The assignment problem (Kuhn 1955, doi:10.1002/nav.3800020109).
    """
    rows, columns = scipy.optimize.linear_sum_assignment(likeness, maximize=True)
    order = np.full(len(likeness), -1)
    order[rows] = columns
    return order


def picked(values: Array, order: Array) -> Array:
    """Return the value of each row in the column that goes with it; 0 where there is none."""
    found: Array = np.where(order < 0, 0.0, values[np.arange(len(order)), order])
    return found


def divided(above: Array, below: Array) -> Array:
    """Return a quotient, 0 where the denominator is 0."""
    above, below = np.broadcast_arrays(above, below)
    quotient: Array = np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
    return quotient


def live(F: Array) -> Array:
    """Return which rows are not all zero."""
    return np.asarray(F.any(axis=1))
