"""A fit in batches: pass by pass through X until a pass teaches too little, then W for all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from nonneg._threads import same_threads
from nonneg.data import Array, as_source
from nonneg.solve.begin import StartArgument
from nonneg.solve.divergence import live
from nonneg.solve.finish import amounts
from nonneg.solve.given import given_H
from nonneg.solve.online import Learnt, Task, learn, parts


class Patience:
    """When a pass through the batches teaches too little: H hardly changes, or the objective hardly falls.

    Each batch is compared with itself, one pass ago: batches differ more than one pass changes.
    """

    def __init__(self, tol: float, most: int | None) -> None:
        self.tol, self.most = tol, most
        self.costs: dict[int, float] = {}
        self.best, self.waited = float("inf"), 0
        self.H: Array | None = None

    def ends(self, at: int, n_batches: int, cost: float, H: Array) -> bool:
        """Say whether to stop after a batch, given its objective and the H that followed."""
        self.costs[at] = cost
        if len(self.costs) < n_batches:
            return False
        total = sum(self.costs.values())
        fell = total < self.best - self.tol / n_batches * abs(total)
        self.best, self.waited = min(self.best, total), 0 if fell else self.waited + 1
        if at == n_batches - 1:
            before, self.H = self.H, H
            if self.tol > 0 and before is not None and size(H - before) <= self.tol * size(H):
                return True
        return self.most is not None and self.waited >= self.most


def size(F: Array) -> float:
    """Return the Frobenius norm: no BLAS, so that the number of its threads decides nothing."""
    return float(np.sqrt(np.einsum("pj,pj->", F, F, dtype=np.float64)))


class Fitted(NamedTuple):
    """The end of a fit, in the units of X."""

    W: Array  # m x k
    H: Array
    error: float  # square root of twice the loss
    learnt: Learnt
    n_steps: int
    n_iter: int
    converged: bool


def learn_all(
    task: Task,
    X: Any,
    k: int,
    start: StartArgument,
    seed: int,
    *,
    batch_size: int,
    forget_factor: float,
    max_iter: int,
    patience: Patience,
    report: Callable[[int, float], object],
) -> Fitted:
    """Learn H from a checked X, batch by batch and pass by pass; one pass makes the past count ``forget_factor``."""
    with same_threads():
        source, m = as_source(X), X.shape[0]
        scale = source.scale
        cuts = [slice(top, min(top + batch_size, m)) for top in range(0, m, batch_size)]
        batches = [task.batch(rows, scale) for rows in split(X, cuts)]
        W, H = task.start(source, k, start, seed)
        learnt = Learnt(scale, H)
        # Without memory each batch keeps its W.
        own = [] if task.remembers else [np.ascontiguousarray(W[:, cut]) for cut in cuts]
        step, converged = 0, False
        while not converged and step < max_iter * len(cuts):
            at = step % len(cuts)
            height = cuts[at].stop - cuts[at].start
            keep = forget_factor ** (height / m)
            learnt, cost = learn(task, batches[at], learnt, keep, own[at] if own else None)
            step += 1
            converged = patience.ends(at, len(cuts), cost, learnt.H)
            report(step, scale.down_loss(cost / height, task.beta))
        keep_order = not isinstance(start, str | None)
        if task.remembers:
            learnt, W, H = settle(task, X, learnt, keep_order)
        else:
            learnt, W, H = as_it_is(task, np.concatenate(own, axis=1), learnt, keep_order)
        value = sum(
            batch.problem.value(scale.up(np.ascontiguousarray(W[cut].T)), H)
            for cut, batch in zip(cuts, batches, strict=True)
        )
        error = scale.down_error(value, task.beta)
        return Fitted(W, H, error, learnt, step, -(-step // len(cuts)), converged)


def split(X: Any, cuts: list[slice]) -> list[Any]:
    """Return blocks of rows: views where the rows of X are whole in memory, copies else."""
    if scipy.sparse.issparse(X):
        X = X.tocsr()
        return [X[cut] for cut in cuts]
    return [np.ascontiguousarray(X[cut]) for cut in cuts]


def settle(task: Task, X: Any, learnt: Learnt, keep_order: bool) -> tuple[Learnt, Array, Array]:
    """Return W as `transform` solves it, and H, by falling amount; the order is part of the arithmetic."""
    used = np.ones(len(learnt.H), bool)
    for last in (False, False, True):
        H = np.where(used[:, None], parts(task, learnt), 0)
        W = given_H(X, H, task.penalty, beta=task.beta, floor=task.floor)
        order = order_of(W.T, H, keep_order)
        # A part that no row uses is empty.
        empty = ~live(W.T)
        if last or not (H[empty].any() or (np.diff(order) < 0).any()):
            break
        learnt, used = learnt.reordered(task, order), ~empty[order]
    return learnt, W, H


def as_it_is(task: Task, W: Array, learnt: Learnt, keep_order: bool) -> tuple[Learnt, Array, Array]:
    """Return the path's own W and H, by falling amount."""
    order = order_of(W, learnt.H, keep_order)
    learnt, W = learnt.reordered(task, order), W[order]
    H = np.where(live(W)[:, None], parts(task, learnt), 0)
    if task.free:
        W = learnt.scale.down(W * learnt.H.sum(axis=1, dtype=np.float64, keepdims=True).astype(W.dtype))
    else:
        W = W / W.dtype.type(learnt.scale.W)
    return learnt, np.ascontiguousarray(W.T), H


def order_of(W: Array, H: Array, keep: bool) -> Array:
    """Return the order of parts by falling amount, or the order that they have; factors are k x rows."""
    return np.arange(len(W)) if keep else np.argsort(-amounts(W, H), kind="stable")
