"""Begin with more parts than were asked for, and leave out those that the others miss least."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nonneg._threads import one_blas_thread
from nonneg.data import Array, gram
from nonneg.solve.loop import iterate
from nonneg.solve.momentum import Momentum
from nonneg.solve.problem import Problem
from nonneg.solve.starts import Start
from nonneg.solve.stop import Iterations, Rule, State

# Parts at first for each one that was asked for; then iterations, and parts for each one that are left after them.
# Measured on sparse data (benchmarks/warm_ups.py): all at once, twice as many, or more stages do no better; dense
# data and other losses do not gain.
AT_FIRST = 1.5
STAGES = ((8, 1.25), (4, 1.0))
# Added to a Gram matrix, relative to its mean pivot, so that parts that are equal, but for rounding, have an inverse.
RIDGE = 1e-6


def surplus(k: int) -> int:
    """Return how many parts too many there are at first."""
    return round(AT_FIRST * k) - k


def chosen_parts(
    problem: Problem,
    momentum: Callable[[], Momentum],
    start: Start,
    limits: Sequence[Rule],
    state: State,
    seed: int,
) -> Start:
    """Return a better start: its parts and random ones, after some iterations, the best k of them.

    Where one part stands for two in the data while two others share one, no small step leads on. With parts to spare
    the two find one each, and of those that share the others miss one least.
    """
    k, rng = len(start[0]), np.random.default_rng(seed)
    W, H = (np.concatenate([F, random_rows(F, surplus(k), rng)]) for F in start)
    for iterations, share in STAGES:
        path = iterate(problem, momentum(), (W, H), [*limits, Iterations(iterations)], state=State(began=state.began))
        W, H = least_missed_left_out(path.W, path.H, round(share * k))
    return W, H


def random_rows(F: Array, count: int, rng: np.random.Generator) -> Array:
    """Return random rows of the size of those of F."""
    rows: Array = np.abs(F.mean() * rng.standard_normal((count, F.shape[1]))).astype(F.dtype)
    return rows


def least_missed_left_out(W: Array, H: Array, k: int) -> Start:
    """Return k of the parts: one after another goes, the one without which the squared error rises least.

    With the best W for the parts that are left, but for its bound at zero, it rises by 1/2 |w_p|^2 / (G^-1)_pp, where
    G = H H'. Likewise with the best H; the smaller of the two counts. Parts are rated as they stand: what the others
    take over from one that has gone is left to the iterations that follow.
    """
    grams = gram(W), gram(H)
    squares, inverses = [np.diag(G) for G in grams], [inverse(G) for G in grams]
    left = np.arange(len(W))
    while len(left) > k:
        of_H, of_W = (np.diag(each) for each in inverses)
        p = int(np.argmin(np.minimum(squares[0][left] / of_W, squares[1][left] / of_H)))
        left = np.delete(left, p)
        inverses = [inverse_without(p, each) for each in inverses]
    return np.ascontiguousarray(W[left]), np.ascontiguousarray(H[left])


def inverse(G: Array) -> Array:
    """Return the inverse of a Gram matrix, or of one close by."""
    ridge = RIDGE * float(np.trace(G)) / len(G) or 1.0
    with one_blas_thread():
        return np.asarray(np.linalg.inv(G + ridge * np.eye(len(G))))


def inverse_without(p: int, whole: Array) -> Array:
    """Return the inverse of a matrix without its row and column p, from the inverse of all of it."""
    rest = np.arange(len(whole)) != p
    return np.asarray(whole[np.ix_(rest, rest)] - np.outer(whole[rest, p], whole[p, rest]) / whole[p, p])
