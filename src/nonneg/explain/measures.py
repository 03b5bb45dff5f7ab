"""How well a method describes rows by parts, and by what kind of parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from nonneg.data import Array
from nonneg.explain.comparison import partners
from nonneg.explain.decompositions import Fitted
from nonneg.explain.inspect.residuals import relative_errors
from nonneg.explain.inspect.shape import hoyer

# Numbers of W H that are held at once.
BLOCK = 2**22


class Sums(NamedTuple):
    """Sums over all entries: of squared residuals, of squares of X, of sizes in W H."""

    left: float
    whole: float
    net: float


def measures(runs: Sequence[tuple[Fitted, float]], X: Any, held_out: Any) -> dict[str, Any]:
    """Return a line of the table: of the first run, but for stability, seconds and convergence."""
    first = runs[0][0]
    H = first.components.astype(np.float64)
    W, new = (first.weights(rows).astype(np.float64) for rows in (X, held_out))
    fitted = _sums(X, W, H, first.offset)
    gross = float(np.abs(W).sum(axis=0) @ np.abs(H).sum(axis=1))
    alike = [np.abs(partners(H, run.components)[1]).mean() for run, _ in runs[1:]]
    return {
        "held_out_error": _relative(_sums(held_out, new, H, first.offset)),
        "training_error": _relative(fitted),
        "part_sparsity": hoyer(H).mean(),
        "weight_sparsity": hoyer(W.T).mean(),
        "negative_in_parts": _negative(H, X.dtype),
        "negative_in_weights": _negative(W.T, X.dtype),
        # Rounding must not make a sum larger than the sum of its sizes.
        "cancellation": max(0.0, 1 - fitted.net / gross) if gross > 0 else 0.0,
        "stability": np.mean(alike) if alike else np.nan,
        "seconds": np.median([seconds for _, seconds in runs]),
        "converged": all(run.converged for run, _ in runs),
    }


def _sums(X: Any, W: Array, H: Array, offset: Array) -> Sums:
    """Add up over some rows at a time, so that neither W H nor a sparse X is ever dense as a whole."""
    total = np.zeros(3)
    step = max(1, BLOCK // H.shape[1])
    for top in range(0, len(W), step):
        block = X[top : top + step]
        rows = np.asarray(block.toarray() if scipy.sparse.issparse(block) else block, np.float64)
        sums = W[top : top + step] @ H
        total += np.sum((rows - sums - offset) ** 2), np.sum(rows**2), np.abs(sums).sum()
    return Sums(*total.tolist())


def _negative(F: Array, dtype: Any) -> float:
    """Return the share of entries below zero by more than rounding, which leaves no zero of a centred part a zero."""
    rounding = 100 * np.finfo(dtype).eps * np.abs(F).max(axis=1, keepdims=True)
    return float(np.mean(-rounding > F))


def _relative(sums: Sums) -> float:
    """Return ||X - X^|| / ||X||."""
    return float(relative_errors(np.sqrt(sums.left), np.sqrt(sums.whole)))
