"""Whole fits against scikit-learn: same data, same start, both cores for both, interleaved in one process.

    python benchmarks/fits.py                     the table of the README
    python benchmarks/fits.py --only MNIST        problems whose name holds a word
    python benchmarks/fits.py --strict            seconds of both to 1.001 x the best loss known
    python benchmarks/fits.py --quality           default losses against scikit-learn's at max_iter=1000, tol=1e-6

Losses are 1/2 ||X - W H||^2, recomputed in float64 for both sides. Numbers are medians over the seeds.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from problems import PROBLEMS, Problem, crops
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition._nmf import _update_coordinate_descent

import nonneg
from nonneg._core import level
from nonneg._threads import thread_count
from nonneg.data import as_source, check_matrix

Start = tuple[np.ndarray, np.ndarray]


def random_start(X: Any, k: int, seed: int) -> Start:
    """scikit-learn's random start, which is ours of that seed, too."""
    rng = np.random.RandomState(seed)
    size = np.sqrt(X.mean() / k)
    H = np.abs(size * rng.standard_normal((k, X.shape[1]))).astype(X.dtype)
    W = np.abs(size * rng.standard_normal((X.shape[0], k))).astype(X.dtype)
    return W, H


def loss_of(X: Any, W: np.ndarray, H: np.ndarray) -> float:
    source = as_source(check_matrix(X))
    Wt = source.scale.up(np.ascontiguousarray(W.T))
    return source.loss(Wt, np.ascontiguousarray(H)) / source.scale.whole**2


def processor() -> str:
    """The processor's name, where Linux tells it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def fit_sklearn(X: Any, k: int, start: Start, **options: Any) -> tuple[float, float]:
    W, H = (factor.copy() for factor in start)
    model = SklearnNMF(k, init="custom", **options)
    began = time.perf_counter()
    W = model.fit_transform(X, W=W, H=H)
    seconds = time.perf_counter() - began
    return seconds, loss_of(X, W, model.components_)


def fit_ours(X: Any, k: int, seed: int, target: float | None = None) -> tuple[float, float]:
    """Fit by default; or, given a target, until the first iteration whose loss is that or lower."""
    options: dict[str, Any] = {}
    if target is not None:
        options = {"stop": nonneg.Iterations(1000), "callback": lambda state: state.loss <= target}
    began = time.perf_counter()
    result = nonneg.factorize(X, k, start="random", seed=seed, **options)
    seconds = time.perf_counter() - began
    return seconds, loss_of(X, result.W, result.H)


def rest() -> None:
    # BLAS threads spin for a while after a call; the next fit should not pay for the last one.
    time.sleep(0.3)


def speed(problem: Problem, X: Any, seeds: int) -> str:
    rows = []
    for seed in range(seeds):
        start = random_start(X, problem.k, seed)
        theirs = fit_sklearn(X, problem.k, start)
        rest()
        ours = fit_ours(X, problem.k, seed)
        rest()
        seconds, loss = fit_ours(X, problem.k, seed, theirs[1])
        # A run that slides into a worse local minimum never gets there.
        rows.append((*theirs, *ours, seconds if loss <= theirs[1] * (1 + 1e-6) else np.inf))
        rest()
    sk_time, sk_loss, our_time, our_loss, same_time = np.median(rows, axis=0)
    missed = sum(np.isinf(row[-1]) for row in rows)
    ratio = np.median([row[0] / row[-1] for row in rows])
    note = f" ({missed} of {seeds} runs never reach it)" if missed else ""
    speed_up = f"**{ratio:.1f}x**{note}" if ratio > 0 else f"not reached{note}"
    gap = np.median([row[3] / row[1] - 1 for row in rows])
    return (
        f"| {problem.name}, k={problem.k} | {sk_time:.2f} | {same_time:.3f} | {speed_up} | {problem.goal:g}x "
        f"| {our_time:.3f} | {sk_time / our_time:.1f}x | {sk_loss:.6g} | {our_loss:.6g} | {gap:+.1e} |"
    )


SPEED_HEAD = (
    "| problem | scikit-learn, s | ours to its loss, s | speed-up | goal | ours by default, s | default : default "
    "| its loss | our loss | ours against its |\n|---|---|---|---|---|---|---|---|---|---|"
)


def sklearn_path(X: Any, start: Start, budget: float) -> Iterator[tuple[float, float]]:
    """Seconds and loss along scikit-learn's own coordinate descent, evaluation off the clock.

    After each of the first fifty iterations, then whenever there are 2 % more: an evaluation takes longer than an
    iteration.
    """
    W, Ht = start[0].copy(), np.ascontiguousarray(start[1].T)
    rng = np.random.RandomState(0)
    spent, done, evaluated = 0.0, 0, 0
    while spent < budget:
        began = time.perf_counter()
        _update_coordinate_descent(X, W, Ht, 0, 0, False, rng)
        _update_coordinate_descent(X.T, Ht, W, 0, 0, False, rng)
        spent, done = spent + time.perf_counter() - began, done + 1
        if done <= 50 or done >= 1.02 * evaluated:
            evaluated = done
            yield spent, loss_of(X, W, Ht.T)


def strict(problem: Problem, X: Any, seeds: int) -> str:
    rows = []
    for seed in range(seeds):
        start = random_start(X, problem.k, seed)
        stop = (nonneg.RelativeDecrease(1e-6), nonneg.Iterations(1000))
        fine = nonneg.factorize(X, problem.k, start="random", seed=seed, stop=stop)
        rest()
        budget = min(max(20.0, 30 * fine.trace.seconds[-1]), 60.0)
        path = list(sklearn_path(X, start, budget))
        target = 1.001 * min(fine.loss_value, *(loss for _, loss in path))
        theirs = next((seconds for seconds, loss in path if loss <= target), np.inf)
        rest()
        ours, loss = fit_ours(X, problem.k, seed, target)
        rows.append((theirs, ours if loss <= target * (1 + 1e-6) else np.inf, budget))
    theirs, ours, budget = np.median(rows, axis=0)
    shown = f"{theirs:.2f}" if np.isfinite(theirs) else f"> {budget:.0f}"
    bound = "" if np.isfinite(theirs) else "> "
    ratio = f"{bound}{min(theirs, budget) / ours:.1f}x" if np.isfinite(ours) else "not reached"
    return f"| {problem.name}, k={problem.k} | {shown} | {ours:.3f} | {ratio} |"


STRICT_HEAD = "| problem | scikit-learn to 1.001 x best, s | ours, s | ratio |\n|---|---|---|---|"


def quality(problem: Problem, X: Any, seeds: int) -> str:
    gaps = []
    for seed in range(seeds):
        start = random_start(X, problem.k, seed)
        _, theirs = fit_sklearn(X, problem.k, start, max_iter=1000, tol=1e-6)
        _, ours = fit_ours(X, problem.k, seed)
        gaps.append(ours / theirs - 1)
    each = " ".join(f"{gap:+.1e}" for gap in gaps)
    good = np.median(gaps) <= 5e-4 and max(gaps) <= 2e-3
    return f"| {problem.name}, k={problem.k} | {np.median(gaps):+.1e} | {each} | {'yes' if good else 'NO'} |"


QUALITY_HEAD = "| problem | median gap | each seed | median <= 5e-4, each <= 2e-3 |\n|---|---|---|---|"


def transform_speed(X: np.ndarray, k: int = 15) -> str:
    """New rows against a fitted H: scikit-learn at the tolerance that reaches 1e-8, ours as it comes."""
    half = len(X) // 2
    new = np.ascontiguousarray(X[half:], np.float64)
    model = nonneg.NMF(k, random_state=0).fit(X[:half].astype(np.float64))
    best = loss_of(new, model.result_.transform(new, exact=True), model.components_)
    theirs = SklearnNMF(k, max_iter=5000).fit(new[:20])
    theirs.components_ = np.ascontiguousarray(model.components_)
    for tol in 10.0 ** np.arange(-2, -9, -1):
        gap = loss_of(new, theirs.set_params(tol=tol).transform(new), model.components_) / best - 1
        if gap <= 1e-8:
            break
    times = []
    for _ in range(9):
        pair = []
        for method in (theirs.transform, model.transform):
            rest()
            began = time.perf_counter()
            W = method(new)
            pair.append(time.perf_counter() - began)
        times.append(pair)
    sk_time, our_time = np.median(times, axis=0)
    our_gap = loss_of(new, W, model.components_) / best - 1
    return (
        f"transform of {len(new)} new rows x {X.shape[1]}, float64, k={k}: scikit-learn (tol={tol:g}) "
        f"{1e3 * sk_time:.1f} ms, {gap:.0e} above the exact solution; ours {1e3 * our_time:.1f} ms, {our_gap:.0e} "
        f"above it: **{sk_time / our_time:.1f}x** (goal 12x)"
    )


def parser_of(text: str, seeds: int = 3) -> argparse.ArgumentParser:
    """Return what reads the arguments that the tables share; `text` is the script's docstring."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a word of the problem's name")
    parser.add_argument("--seeds", type=int, default=seeds)
    return parser


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--quality", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{processor()}, {thread_count()} threads, kernels {level()}, {options.seeds} seeds\n")
    measure, head = speed, SPEED_HEAD
    if options.strict:
        measure, head = strict, STRICT_HEAD
    elif options.quality:
        measure, head = quality, QUALITY_HEAD
    print(head, flush=True)
    loaded: tuple[Any, Any] = (None, None)
    for problem in PROBLEMS:
        if options.only.lower() in f"{problem.name}, k={problem.k}".lower():
            if loaded[0] is not problem.load:
                loaded = (problem.load, problem.load())
            print(measure(problem, loaded[1], options.seeds), flush=True)
    if measure is speed and not options.only:
        print("\n" + transform_speed(crops()))


if __name__ == "__main__":
    main()
