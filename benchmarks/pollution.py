"""Sources of fine dust against the EPA's own program, ESAT: same data, same starts, interleaved in one process.

    python benchmarks/pollution.py                     k = 5 to 8, 20 starts (half an hour, nearly all of it ESAT's)
    python benchmarks/pollution.py --k 5 --seeds 3     quicker

Both minimise Q = sum of ((x - w h) / u)^2, where u is the uncertainty of x. ESAT, method LS-NMF, runs by its defaults
from starts of its own making: until Q falls by less than 0.1 in 100 updates, at most 20000. We begin there, too, once
until Q all but stands still, and once until the best Q that ESAT has found. ESAT computes in float32, we in float64;
Q is recomputed in float64 for both sides, by neither's code. Profiles are compared as the shares that the parts have
in each species, part by part between the best runs of both, and the lowest and the median correlation given: as the
defaults of ESAT leave its best run, and after that run has gone on until Q falls by less than 0.001 in 1000 updates.

ESAT is in the group bench-data of pyproject.toml, for Python 3.11 and 3.12. It needs tkinter.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from dataclasses import dataclass

import numpy as np
from esat.model.sa import SA
from fits import Start, processor, rest
from scipy.optimize import linear_sum_assignment

import nonneg
from nonneg._core import level
from nonneg._threads import thread_count
from nonneg.datasets import load_pm25


@dataclass(frozen=True)
class Run:
    Q: float
    seconds: float
    W: np.ndarray
    H: np.ndarray


def q_of(X: np.ndarray, U: np.ndarray, W: np.ndarray, H: np.ndarray) -> float:
    return float(np.sum(((X - W.astype(np.float64) @ H.astype(np.float64)) / U) ** 2))


def fit_esat(X: np.ndarray, U: np.ndarray, k: int, seed: int, **until: float) -> tuple[Start, Run]:
    """Return the start that ESAT makes, and where it gets from there; `until` is its rule to stop by."""
    # Its compiled code reads memory column by column, whatever the arrays say.
    model = SA(V=np.asfortranarray(X), U=np.asfortranarray(U), factors=k, method="ls-nmf", seed=seed)
    model.initialize()
    start = model.W.astype(X.dtype), model.H.astype(X.dtype)
    began = time.perf_counter()
    model.train(**until)
    seconds = time.perf_counter() - began
    return start, Run(q_of(X, U, model.W, model.H), seconds, model.W, model.H)


def fit_ours(X: np.ndarray, U: np.ndarray, k: int, start: Start, seed: int, goal: float = 0.0) -> Run:
    """Fit until Q all but stands still, or until the first iteration whose Q is the goal or lower."""
    stop = (nonneg.RelativeDecrease(1e-7), nonneg.Iterations(20000))
    began = time.perf_counter()
    result = nonneg.factorize(
        X, k, uncertainty=U, start=start, seed=seed, stop=stop, callback=lambda state: 2 * state.loss <= goal
    )
    seconds = time.perf_counter() - began
    return Run(q_of(X, U, result.W, result.H), seconds, result.W, result.H)


def profile_correlations(one: Run, other: Run) -> str:
    """The lowest and the median correlation of the profiles of two runs, matched so that their sum is largest."""
    k = len(one.H)
    amounts = [run.W.sum(axis=0)[:, None] * run.H for run in (one, other)]
    correlations = np.corrcoef(*(amount / amount.sum(axis=0) for amount in amounts))[:k, k:]
    matched = correlations[linear_sum_assignment(correlations, maximize=True)]
    return f"{matched.min():.3f}, {np.median(matched):.3f}"


def compare(X: np.ndarray, U: np.ndarray, k: int, seeds: int) -> str:
    starts, theirs, ours = [], [], []
    for seed in range(seeds):
        start, run = fit_esat(X, U, k, seed)
        starts.append(start)
        theirs.append(run)
        rest()
        ours.append(fit_ours(X, U, k, start, seed))
        rest()
    best = min(range(seeds), key=lambda seed: theirs[seed].Q)
    best_of_ours = min(ours, key=lambda run: run.Q)
    goal = theirs[best].Q
    there = fit_ours(X, U, k, starts[best], best, goal)
    # A run that slides into a worse local minimum never gets there.
    arrived = sum(run.Q / goal <= 1 + 1e-6 for run in ours)
    seconds, speed_up = "-", "not reached"
    if there.Q / goal <= 1 + 1e-6:
        seconds, speed_up = f"{there.seconds:.3f}", f"**{theirs[best].seconds / there.seconds:.1f}x**"
    _, to_the_end = fit_esat(X, U, k, best, max_iter=200_000, converge_delta=0.001, converge_n=1000)
    return (
        f"| {k} | {goal:.1f} | {theirs[best].seconds:.2f} | {seconds} | {speed_up} | {best_of_ours.Q:.1f} "
        f"| {arrived} of {seeds} | {sum(run.seconds for run in theirs):.0f} | {sum(run.seconds for run in ours):.1f} "
        f"| {profile_correlations(theirs[best], best_of_ours)} | {to_the_end.Q:.1f} "
        f"| {profile_correlations(to_the_end, best_of_ours)} |"
    )


HEAD = (
    "| k | ESAT's best Q | its seconds, that run | ours to it from the same start, s | speed-up | our best Q "
    "| our runs that reach its best | its seconds, all runs | our seconds, all runs "
    "| correlation of profiles: lowest, median | Q of its best run gone on | correlation with that |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[5, 6, 7, 8])
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    dust = load_pm25()
    print(f"{processor()}, {thread_count()} threads, kernels {level()}, {options.seeds} starts\n\n{HEAD}", flush=True)
    for k in options.k:
        print(compare(dust.data, dust.uncertainty, k, options.seeds), flush=True)


if __name__ == "__main__":
    main()
