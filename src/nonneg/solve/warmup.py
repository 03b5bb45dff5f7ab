"""Before the first iteration on X: the same problem on far less data, or an easier one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nonneg.data import THINNING, Array, Dense, Entries, LowRank, Source, Sparse, Thinned, root_counts, sketch
from nonneg.solve.bounds import FREE, Pair
from nonneg.solve.loop import iterate
from nonneg.solve.momentum import Momentum, Restarting
from nonneg.solve.penalty import Penalty, Shrink, scaled_shrinks
from nonneg.solve.problem import Problem
from nonneg.solve.solvers import Solver
from nonneg.solve.squared_error import SquaredError
from nonneg.solve.starts import Start
from nonneg.solve.stop import Iterations, RelativeDecrease, Rule, Seconds, State
from nonneg.solve.surplus import chosen_parts, surplus


class WarmUp:
    """Easier problems that stand for X, the easiest first; prepared once for all runs.

    An eleventh of the rows stands for a tall X: its parts are nearly those of all rows, and W follows from them.
    For large dense data the squared error stands for any other loss: its products cost far less than passes over each
    entry, and it has fewer poor minima. Under the squared error a random sketch stands for dense data of low rank
    (Tepper & Sapiro 2016, doi:10.1109/TSP.2016.2516971), an eleventh of it for the sketch, and the parts of large
    sparse data are chosen from more.
    """

    def __init__(
        self,
        source: Entries,
        k: int,
        penalty: Penalty,
        beta: float,
        solver: Solver,
        seed: int,
        bounds: Pair = FREE,
    ) -> None:
        self.penalty, self.beta, self.solver = penalty, beta, solver
        self.thinned = source.thinned() if solver.warms_up else None
        few = self.thinned.source if self.thinned else source
        self.roots = [root_counts(each) for each in (source, few)]
        kept = few.complete()
        large = solver.warms_up and min(kept.shape) >= 4 * width(k)
        # Rows of W that count often are longer in the squared error; bounds on them would be others there.
        same = bounds[0] is None or self.roots[1] is None
        dense = large and same and isinstance(kept, Dense)
        self.sketch = sketch_if_worth(kept, k, seed) if dense else None
        self.energy = self.sketch.squared_norm / kept.squared_norm if self.sketch else None
        long = self.thinned is None and max(kept.shape) >= LONG * width(k)
        self.thinned_sketch = self.sketch.thinned() if self.sketch and long else None
        self.squared: Source | None = self.sketch or (kept if dense and beta != 2 else None)
        # Nothing is missing or weighed if what was kept is complete as it is.
        plain = beta == 2 and kept is few and bounds == FREE
        self.surplus = surplus(k) if large and isinstance(kept, Sparse) and plain and k > 1 else 0
        self.smallest: Source = self.sketch or kept
        self.bounds = thinned_bounds(bounds, self.thinned)

    @property
    def settings(self) -> dict[str, Any]:
        """What was used, as plain values."""
        return {
            "thinned": described(self.thinned),
            "squared_error_first": self.squared is not None and self.beta != 2,
            "sketch": None
            if self.sketch is None
            else {"rank": len(self.sketch.B), "energy": self.energy, "thinned": described(self.thinned_sketch)},
        }

    def counted_once(self, W: Array) -> Array:
        """Return a W of X or of `smallest` whose rows count once, from one whose rows count as often as X's."""
        root = next((r for r in self.roots if r is not None and len(r) == W.shape[1]), None)
        return W if root is None else W / np.where(root > 0, root, 1)

    def __call__(self, whole: Problem, start: Start, rules: Sequence[Rule], state: State, seed: int | None) -> Start:
        """Return a better start for the whole problem from one for X or for `smallest`.

        The seed is that of surplus parts; None adds none.
        """
        problem = whole
        if self.thinned is not None:
            kept, start = self.thinned.source, self.thinned.of(*start)
            problem = self.solver.problem(kept, self._shrinks(kept), self.bounds)
        if self.squared is not None:
            start = self._by_squares(self.squared, start, rules, state)
        if self.surplus and seed is not None:
            start = chosen_parts(problem, self.solver.momentum, start, limits_of(rules), state, seed)
        if self.thinned is None:
            return start
        pair = self._follow(problem, self.solver.momentum(), start, rules, state)
        return completed(whole, self.thinned, pair, start)

    def _by_squares(self, squared: Source, start: Start, rules: Sequence[Rule], state: State) -> Start:
        W, H = start if self.roots[1] is None else (start[0] * self.roots[1], start[1])
        problem = self._squared_error(squared, self.bounds)
        if self.thinned_sketch is not None:
            few = self._squared_error(self.thinned_sketch.source, thinned_bounds(self.bounds, self.thinned_sketch))
            pair = self._follow(few, Restarting(), self.thinned_sketch.of(W, H), rules, state)
            W, H = completed(problem, self.thinned_sketch, pair, (W, H))
        W, H = self._follow(problem, Restarting(), (W, H), rules, state)
        W = self.counted_once(W)
        if self.beta != 2:
            # Updates of a divergence cannot revive a part that sweeps have emptied.
            empty = ~(W.any(axis=1) & H.any(axis=1))
            W[empty], H[empty] = start[0][empty], start[1][empty]
        return W, H

    def _squared_error(self, source: Source, bounds: Pair) -> SquaredError:
        # Under another loss a penalty would mean something else here.
        return SquaredError(source, self._shrinks(source) if self.beta == 2 else (Shrink(), Shrink()), bounds)

    def _shrinks(self, source: Source) -> tuple[Shrink, Shrink]:
        return scaled_shrinks(self.penalty, source, self.beta)

    def _follow(
        self, problem: Problem, momentum: Momentum, start: Start, rules: Sequence[Rule], state: State
    ) -> Start:
        tol = next((rule.tol for rule in rules if isinstance(rule, RelativeDecrease)), 1e-4)
        own_rules: list[Rule] = [RelativeDecrease(COARSE * tol), Iterations(100), *limits_of(rules)]
        path = iterate(problem, momentum, start, own_rules, state=State(began=state.began))
        return path.W, path.H


# How much sooner than on X the iterations on less data stop: 10, 30 and 100 were measured on six dense problems; 10
# spends a third of the time on the last digits of the wrong problem, 100 leaves too much to the iterations on X.
COARSE = 30


def limits_of(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that hold for each stage of the warm-up, too."""
    return [rule for rule in rules if isinstance(rule, (Iterations, Seconds))]


def completed(problem: Problem, thinned: Thinned[Source], pair: Start, start: Start) -> Start:
    """Return the factors of the whole problem from those of some of its rows or columns.

    The factor of the other side stays as it is, but for empty parts: what was left out may hold them, so they begin
    anew as in the start.
    """
    index = int(thinned.side == "W")
    F, bounds = pair[index], problem.bounds[index]
    empty = ~F.any(axis=1)
    if empty.any():
        F[empty] = start[index][empty]
        if bounds is not None:
            bounds.restrict(F)
    other = problem.solve(thinned.side, F, accuracy="rough")
    return (other, F) if thinned.side == "W" else (F, other)


def thinned_bounds(bounds: Pair, thinned: Thinned[Source] | None) -> Pair:
    """Return the bounds on the factors of what is kept."""
    if thinned is None:
        return bounds
    on_W, on_H = (
        side if side is None or thinned.side != name else side.every(THINNING)
        for name, side in zip("WH", bounds, strict=True)
    )
    return on_W, on_H


def described(thinned: Thinned[Source] | None) -> dict[str, Any] | None:
    """Return what was left out as plain values."""
    return None if thinned is None else {"side": thinned.side, "step": THINNING}


def sketch_if_worth(source: Source, k: int, seed: int) -> LowRank | None:
    """Sketch large dense data; a sketch that holds too little of them is thrown away."""
    if source.squared_norm == 0:
        return None
    small = sketch(source, width(k), 1, seed)
    return small if small.squared_norm >= 0.8 * source.squared_norm else None


# An eleventh of a sketch stands for it if the longer side is so many times as long as the rank. Measured: from 80 on
# it saves time (benchmarks/warm_ups.py); at 40, three sets with k = 50, it costs time or leads to worse minima.
LONG = 80


def width(k: int) -> int:
    """Return the rank of a sketch for k parts; data four times as long on either side are worth one."""
    return 2 * k + 20
