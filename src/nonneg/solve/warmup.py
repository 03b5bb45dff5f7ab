"""Before the first iteration on X: the same problem on far less data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nonneg.data import THINNING, Dense, LowRank, Source, gram, sketch
from nonneg.solve.loop import iterate
from nonneg.solve.penalty import Penalty, scaled_shrinks
from nonneg.solve.starts import Start
from nonneg.solve.stop import Iterations, RelativeDecrease, Rule, Seconds, State
from nonneg.solve.transform import solve_rows


class WarmUp:
    """Smaller problems that stand for X, the smallest first; prepared once for all runs.

    An eleventh of the rows stands for a tall X: its parts are nearly those of all rows, and W follows from them.
    A random sketch stands for dense data of low rank (Tepper & Sapiro 2016, doi:10.1109/TSP.2016.2516971).
    """

    def __init__(self, source: Source, k: int, penalty: Penalty, seed: int) -> None:
        self.source, self.penalty = source, penalty
        self.thinned = source.thinned()
        kept = source if self.thinned is None else self.thinned.source
        self.sketch = sketch_if_worth(kept, k, seed)
        self.smallest: Source = self.sketch or kept

    @property
    def settings(self) -> dict[str, Any]:
        """What was used, as plain values."""
        return {
            "thinned": None if self.thinned is None else {"side": self.thinned.side, "step": THINNING},
            "sketch": None if self.sketch is None else {"rank": len(self.sketch.B), "energy": self.sketch.energy},
        }

    def __call__(self, start: Start, rules: Sequence[Rule], state: State) -> Start:
        """Return a better start for X from one for X or for `smallest`."""
        if self.thinned is None:
            return start if self.sketch is None else self._solve(self.sketch, start, rules, state)
        side, kept = self.thinned
        W, H = start
        if W.shape[1] != kept.shape[0]:
            W = W[:, ::THINNING].copy()
        if H.shape[1] != kept.shape[1]:
            H = H[:, ::THINNING].copy()
        for problem in (self.sketch, kept):
            if problem is not None:
                W, H = self._solve(problem, (W, H), rules, state)
        on_W, on_H = scaled_shrinks(self.penalty, self.source)
        if side == "W":
            return solve_rows(self.source.dot(H), gram(H), on_W, ROUGH), H
        return W, solve_rows(self.source.tdot(W), gram(W), on_H, ROUGH)

    def _solve(self, problem: Source, start: Start, rules: Sequence[Rule], state: State) -> Start:
        tol = next((rule.tol for rule in rules if isinstance(rule, RelativeDecrease)), 1e-4)
        limit = min([100, *(rule.limit for rule in rules if isinstance(rule, Iterations))])
        own_rules: list[Rule] = [RelativeDecrease(COARSE * tol), Iterations(limit)]
        own_rules += [rule for rule in rules if isinstance(rule, Seconds)]
        shrinks = scaled_shrinks(self.penalty, problem)
        path = iterate(problem, start, shrinks, own_rules, state=State(began=state.began))
        return path.W, path.H


# How much sooner than on X the iterations on less data stop: 10, 30 and 100 were measured on six dense problems; 10
# spends a third of the time on the last digits of the wrong problem, 100 leaves too much to the iterations on X.
COARSE = 30

# The side that was left out is only the beginning of the first iteration on X.
ROUGH = 1e-2


def sketch_if_worth(source: Source, k: int, seed: int) -> LowRank | None:
    """Sketch dense data if products with the sketch are far cheaper and it holds most of X.

    Whether to try depends on the shape and k alone; a sketch that holds too little is thrown away.
    """
    rank = 2 * k + 20
    if not isinstance(source, Dense) or min(source.shape) < 4 * rank or source.squared_norm == 0:
        return None
    small = sketch(source, rank, 1, seed)
    return small if small.energy >= 0.8 else None
