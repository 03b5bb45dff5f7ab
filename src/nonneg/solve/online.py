"""H from one batch of rows; of past batches only what H needs to know is kept.

Each batch is met as if for the first time: its W is solved for the H at hand, adds to the memory, and is forgotten.
So X need not be there at once, and the path depends on the batches and their order alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nonneg._core import DivergenceRule
from nonneg._threads import same_threads
from nonneg.data import Array, Entries, Scale, as_source, gram, mix
from nonneg.solve.begin import StartArgument, make_start
from nonneg.solve.bounds import FREE
from nonneg.solve.divergence import LIFT, ROUGH, SMALLEST, live
from nonneg.solve.penalty import Penalty, Shrink, scaled_shrinks
from nonneg.solve.problem import Problem
from nonneg.solve.solvers import solver_for
from nonneg.solve.squared_error import MOST_SWEEPS, SWEEP_STEP
from nonneg.solve.sweeps import sweep
from nonneg.solve.warmup import WarmUp

# After a rough W come so many multiplicative updates more, where there is nothing better: of a W far from its optimum
# H learns the wrong thing. Measured on five problems: with the ten updates of the rough W alone the loss ends up to
# 70 % higher, with 20 in all mostly, with 30 always as low as with 100.
MORE_UPDATES = 20
# H is never less than this share of the largest entry of its part: what has not occurred for long may come back.
LEAST = 1e-12


@dataclass(frozen=True)
class Task:
    """What is minimised, and how.

    Attributes
    ----------
    beta : float
        The loss as a beta-divergence.
    penalty : Penalty
        Penalties on W and H; that on H is shared among the batches by their rows.
    floor : float or None
        What X counts as where it is less.
    accuracy : {"rough", "settled"}
        Of each batch's W.
    remembers : bool
        Whether past batches count. Without memory a solved H would fit the last batch alone. W, which is then kept
        from one pass to the next, and H take one plain multiplicative update each: with a single batch solver "mu".
    """

    beta: float
    penalty: Penalty
    floor: float | None = None
    accuracy: str = "rough"
    remembers: bool = True

    @property
    def free(self) -> bool:
        """Whether nothing but convention fixes the scale of W and H."""
        return not any(any(shrink) for shrink in self.penalty.shrinks((1, 1)))

    @property
    def gamma(self) -> float:
        """Exponent of the multiplicative update (majorisation-minimisation)."""
        return 1 / (2 - self.beta) if self.beta < 1 else 1 / (self.beta - 1) if self.beta > 2 else 1.0

    def batch(self, X: Any, scale: Scale | None = None) -> Batch:
        """Return some rows of a checked matrix, and their problem, in a given scale."""
        source = as_source(X, scale)
        solver = solver_for(self.beta, "auto" if self.remembers else "mu", self.floor)
        return Batch(source, solver.problem(source, scaled_shrinks(self.penalty, source, self.beta), FREE))

    def start(self, source: Entries, k: int, start: StartArgument, seed: int) -> tuple[Array, Array]:
        """Return W and H to begin with, k x rows, in scaled units."""
        solver = solver_for(self.beta, "mu", self.floor)  # for nothing but that it does without a warm-up
        whole = WarmUp(source, k, self.penalty, self.beta, solver, seed)
        W, H = make_start(source, whole, k, start, seed)[1]
        if self.remembers and self.beta != 2:
            # Multiplication cannot move a zero.
            H = np.where(H > 0, H, LIFT * H.mean(axis=1, keepdims=True)).astype(H.dtype)
        return W, H


class Batch(NamedTuple):
    """Some rows of X."""

    source: Entries
    problem: Problem


class Memory(NamedTuple):
    """What past batches say about H, older ones less.

    Under the squared error ``pull`` is the sum of W' X and ``weight`` that of W' W: for these W all that H depends
    on. Mairal, Bach, Ponce & Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html. Under other losses they are
    the numerators, times a power of H, and the denominators of H's multiplicative updates. Lefevre, Bach & Fevotte
    (2011), doi:10.1109/ASPAA.2011.6082314.
    """

    pull: Array  # k x n
    weight: Array  # k x k under the squared error, else k x n
    shrink: Shrink
    seen: Array  # which features have occurred

    def plus(self, news: Memory, keep: float) -> Memory:
        """Return ``keep`` times this memory, with news added."""
        shrink = Shrink(*(keep * old + new for old, new in zip(self.shrink, news.shrink, strict=True)))
        pull, weight = keep * self.pull + news.pull, keep * self.weight + news.weight
        return Memory(pull, weight, shrink, self.seen | news.seen)


class Learnt(NamedTuple):
    """H so far and what it rests on, in units scaled as the first batch was. A value: learning returns a new one."""

    scale: Scale
    H: Array
    memory: Memory | None = None

    def reordered(self, task: Task, order: Array) -> Learnt:
        """Return it with the parts in another order."""
        H, memory = np.ascontiguousarray(self.H[order]), self.memory
        if memory is not None:
            weight = memory.weight[np.ix_(order, order)] if task.beta == 2 else memory.weight[order]
            memory = memory._replace(pull=memory.pull[order], weight=weight)
        return Learnt(self.scale, H, memory)


def begin(task: Task, X: Any, k: int, start: StartArgument, seed: int) -> Learnt:
    """Return H to begin with, from the first batch, a checked X."""
    with same_threads():
        source = as_source(X)
        return Learnt(source.scale, task.start(source, k, start, seed)[1])


def learn_batch(task: Task, X: Any, learnt: Learnt, keep: float) -> Learnt:
    """Learn from one more batch, a checked X."""
    with same_threads():
        return learn(task, task.batch(X, learnt.scale), learnt, keep)[0]


def learn(task: Task, batch: Batch, learnt: Learnt, keep: float, W: Array | None = None) -> tuple[Learnt, float]:
    """Learn from one batch: the past counts ``keep`` times as much as before.

    Returns the objective of the batch as well, in scaled units, before H has learnt from it. A W given is improved in
    place instead of solved.
    """
    H, memory, problem = learnt.H, learnt.memory, batch.problem
    if W is None:
        W = solve_W(task, batch, H)
    else:
        problem.improve("W", W, H)
    penalties = sum(shrink.value(F) for shrink, F in zip(problem.shrinks, (W, H), strict=True))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if task.remembers:
            news, loss = news_of(task, batch, W, H)
            # The start counts as much as the first batch.
            memory = (memory or prior(task, news, H)).plus(news, keep)
            H = recall(task, memory, H, live(W))
        else:
            loss, H = problem.value(W, H), H.copy()
            problem.improve("H", H, W)
    if not np.isfinite(H).all():
        raise ValueError("This batch is too large beside those before it: divide all of them by a common number.")
    return Learnt(learnt.scale, H, memory), loss + penalties


def solve_W(task: Task, batch: Batch, H: Array) -> Array:
    """Return the W of a batch for the H at hand."""
    W = batch.problem.solve("W", H, accuracy=task.accuracy)
    if task.accuracy == "rough" and task.beta not in (1, 2):
        divergence(task, batch, "W", W, H, "multiply", MORE_UPDATES)
    return W


def news_of(task: Task, batch: Batch, W: Array, H: Array) -> tuple[Memory, float]:
    """Return what a batch says about H, and the loss of W H on it."""
    source, problem = batch
    shrink = problem.shrinks[1]
    if task.beta == 2:
        pull, weight = source.tdot(W), gram(W)
        product = float(np.einsum("pj,pj->", pull, H, dtype=np.float64))
        loss = problem.total - product + 0.5 * float((weight * gram(H)).sum())
        return Memory(pull, weight, shrink, live(pull.T)), loss
    pull, weight = H.copy(), np.empty_like(H)
    divergence(task, batch, "H", pull, W, "split", under=weight)
    return Memory(pull * H ** (1 / task.gamma), weight, shrink, live(pull.T)), problem.value(W, H)


def divergence(
    task: Task,
    batch: Batch,
    side: str,
    F: Array,
    partner: Array,
    update: str,
    most: int = 1,
    under: Array | None = None,
) -> None:
    """Update F in place under a beta-divergence, or split its update into numerators, F, and denominators."""
    l1, l2 = batch.problem.shrinks[side == "H"]
    slopes = np.full(len(F), l1)
    if task.beta == 1:
        slopes += partner.sum(axis=1, dtype=np.float64)
    smallest = SMALLEST[F.dtype]
    least = 0.0 if task.floor is None else task.floor * batch.source.scale.whole
    rule = DivergenceRule(update, task.beta, l2, smallest, smallest, least, most, ROUGH)
    batch.source.divergence(side, F, partner, slopes.astype(F.dtype), rule, under)


def prior(task: Task, news: Memory, H: Array) -> Memory:
    """Return a memory that weighs as much as the news, and from which H follows as it is."""
    pull = mix(news.weight.astype(H.dtype), H) if task.beta == 2 else news.weight * H ** (1 / task.gamma)
    return news._replace(pull=pull, seen=np.zeros_like(news.seen))


def recall(task: Task, memory: Memory, H: Array, used: Array) -> Array:
    """Return the H that follows from the memory; parts that the batch has not used stay as they are."""
    before, H = H, H.copy()
    if task.beta == 2:
        sweep(H, memory.pull, memory.weight, memory.shrink, MOST_SWEEPS, SWEEP_STEP)
        # Of a part that nothing pulls at but a penalty rounding is left, to which a huge W would give weight.
        H[before * np.finfo(H.dtype).eps >= H] = 0
        return H
    ratio = memory.pull[used] / np.maximum(memory.weight[used], np.finfo(H.dtype).tiny)
    H[used] = above_least(ratio**task.gamma)
    return H


def above_least(H: Array) -> Array:
    """Return H without zeros."""
    return np.asarray(np.maximum(H, LEAST * H.max(axis=1, keepdims=True, initial=0)))


def parts(task: Task, learnt: Learnt) -> Array:
    """Return H in the units of X; rows sum to one where nothing else fixes the scale."""
    scale, H, memory = learnt
    if memory is not None:
        # The least stands for nothing.
        H = np.where(memory.seen & (LEAST * H.max(axis=1, keepdims=True, initial=0) < H), H, 0)
    sums = H.sum(axis=1, dtype=np.float64, keepdims=True)
    H = H / (np.where(sums > 0, sums, 1) if task.free else scale.H)
    # Numbers that are not normal make each product with them slow.
    return np.ascontiguousarray(np.where(np.finfo(learnt.H.dtype).tiny > H, 0, H).astype(learnt.H.dtype))
