"""Counts and spectra against scikit-learn: same data, same start, both cores for both, interleaved in one process.

    python benchmarks/divergences.py                     the table of the README
    python benchmarks/divergences.py --only Reuters      problems whose name holds a word
    python benchmarks/divergences.py --seeds 1           quicker

scikit-learn, NMF(solver="mu"), makes 200 updates, and we take the seconds that we need to the same divergence or a
lower one. Beside it the defaults of both. Divergences are recomputed in float64 for both sides, by neither's code.
Numbers are medians over the seeds.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from fits import Start, parser_of, processor, random_start, rest
from problems import DIVERGENCE_PROBLEMS, KL, DivergenceProblem
from scipy.special import kl_div
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition._nmf import _fit_multiplicative_update

import nonneg
from nonneg._core import level
from nonneg._threads import thread_count

# scikit-learn's floor for W H under the entries of X, taken for both: its zeros would make some divergences infinite.
FLOOR = float(np.finfo(np.float32).eps)
ROWS = 256


def divergence(X: Any, W: np.ndarray, H: np.ndarray, loss: str) -> float:
    """Return the divergence of X from W H, in float64 and without a W H of full size."""
    W, H = W.astype(np.float64), H.astype(np.float64)
    blocks = (slice(a, a + ROWS) for a in range(0, X.shape[0], ROWS))
    if sp.issparse(X):
        return W.sum(axis=0) @ H.sum(axis=1) + sum(_stored(X[rows].tocoo(), W[rows], H) for rows in blocks)
    return sum(_dense(X[rows].astype(np.float64), np.maximum(W[rows] @ H, FLOOR), loss) for rows in blocks)


def _dense(X: np.ndarray, product: np.ndarray, loss: str) -> float:
    if loss == KL:
        return float(kl_div(X, product).sum())
    ratio = X / product
    return float((ratio - np.log(ratio) - 1).sum())


def _stored(X: Any, W: np.ndarray, H: np.ndarray) -> float:
    """Return what the stored entries add to the Kullback-Leibler divergence beyond the sum of W H."""
    product = np.maximum(np.einsum("ik,ik->i", W[X.row], H.T[X.col]), FLOOR)
    return float((kl_div(X.data.astype(np.float64), product) - product).sum())


def fit_sklearn(X: Any, k: int, loss: str, start: Start, **options: Any) -> tuple[float, float]:
    W, H = (factor.copy() for factor in start)
    model = SklearnNMF(k, init="custom", solver="mu", beta_loss=loss, **options)
    began = time.perf_counter()
    W = model.fit_transform(X, W=W, H=H)
    seconds = time.perf_counter() - began
    return seconds, divergence(X, W, model.components_, loss)


def fit_ours(
    X: Any, k: int, loss: str, start: Start, seed: int, target: float | None = None, **options: Any
) -> tuple[float, float]:
    """Fit by default; or, given a target, until the first iteration whose divergence is that or lower."""
    if target is not None:
        options = {"stop": nonneg.Iterations(2000), "callback": lambda state: state.loss <= target}
    began = time.perf_counter()
    result = nonneg.factorize(X, k, loss=loss, start=start, seed=seed, **options)
    seconds = time.perf_counter() - began
    return seconds, divergence(X, result.W, result.H, loss)


def to_the_end(X: Any, k: int, loss: str, start: Start, seed: int) -> tuple[int | None, float]:
    """Return 1.0001 x the least divergence that either side finds, and how many updates take scikit-learn there."""
    W, H = (factor.copy() for factor in start)
    path = [np.inf]
    while len(path) < 500:
        W, H, _ = _fit_multiplicative_update(X, W, H, loss, max_iter=10, tol=0)
        path.append(divergence(X, W, H, loss))
        if path[-1] > path[-2] * (1 - 1e-8):
            break
    _, ours = fit_ours(X, k, loss, start, seed, stop=(nonneg.RelativeDecrease(1e-8), nonneg.Iterations(2000)))
    target = 1.0001 * min(ours, *path)
    return next((10 * tens for tens, found in enumerate(path) if found <= target), None), target


def speed(problem: DivergenceProblem, X: Any, seeds: int) -> str:
    k, loss = problem.k, problem.loss
    rows = []
    for seed in range(seeds):
        start = random_start(X, k, seed)
        updates, target = to_the_end(X, k, loss, start, seed) if problem.to_the_end else (200, None)
        theirs, reached = (np.inf, np.inf)
        if updates is not None:
            theirs, reached = fit_sklearn(X, k, loss, start, tol=0, max_iter=updates)
        rest()
        target = target or reached
        ours, found = fit_ours(X, k, loss, start, seed, target)
        rest()
        by_default = fit_sklearn(X, k, loss, start)
        rest()
        # A run that slides into a worse local minimum never gets there.
        rows.append((theirs, ours if found <= target * (1 + 1e-6) else np.inf, *by_default))
        rows[-1] += fit_ours(X, k, loss, start, seed)
        rest()
    theirs, ours, sk_time, sk_loss, our_time, our_loss = np.median(rows, axis=0)
    missed = sum(np.isinf(row[1]) for row in rows)
    ratio = np.median([row[0] / row[1] for row in rows])
    speed_up = f"**{ratio:.1f}x**" if 0 < ratio < np.inf else "not reached" if ratio == 0 else "only ours reaches it"
    if missed:
        speed_up += f" ({missed} of {seeds} runs never reach it)"
    gap = np.median([row[5] / row[3] - 1 for row in rows])
    name = f"{problem.name}, {'KL' if loss == KL else 'IS'}, k={k}"
    return (
        f"| {name}{', to 1.0001 x the best' if problem.to_the_end else ''} | {theirs:.2f} | {ours:.3f} | {speed_up} "
        f"| {problem.goal:g}x | {sk_time:.2f} | {our_time:.3f} | {sk_time / our_time:.1f}x "
        f"| {sk_loss:.6g} | {our_loss:.6g} | {gap:+.1e} |"
    )


HEAD = (
    "| problem | scikit-learn, 200 updates, s | ours to its divergence, s | speed-up | goal "
    "| scikit-learn by default, s | ours by default, s | default : default | its divergence | our divergence "
    "| ours against its |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    options = parser_of(__doc__).parse_args()
    warnings.simplefilter("ignore")
    print(f"{processor()}, {thread_count()} threads, kernels {level()}, {options.seeds} seeds\n\n{HEAD}", flush=True)
    for problem in DIVERGENCE_PROBLEMS:
        if options.only.lower() in f"{problem.name}, k={problem.k}".lower():
            print(speed(problem, problem.load(), options.seeds), flush=True)


if __name__ == "__main__":
    main()
