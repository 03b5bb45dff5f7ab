"""The two free numbers of the Kullback-Leibler solver: sweeps in a half-step, multiplicative updates before them.

    python benchmarks/kullback_leibler.py [--only WORD] [--seeds N]

Seconds of one thread's processor time (start and warm-up included) to the divergence that 200 multiplicative updates
reach from the same start, and to 1.001 x the best that any variant reached in 60 iterations; medians over the seeds,
"-" where fewer than half of the runs arrive. The table of docs/how_it_works.rst.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from fits import parser_of, random_start
from problems import DIVERGENCE_PROBLEMS

import nonneg
from nonneg.solve import divergence

VARIANTS = ((1, 0), (1, 1), (1, 3), (2, 1), (3, 0), (3, 1), (3, 3), (5, 1))


def path(X: object, k: int, start: object, most: int, updates: int) -> tuple[np.ndarray, np.ndarray]:
    """Processor seconds and divergence after each iteration."""
    divergence.MOST_SWEEPS, divergence.UPDATES_FIRST = most, updates
    seconds: list[float] = []
    began = time.process_time()

    def note(_: nonneg.State) -> None:
        seconds.append(time.process_time() - began)

    stop = nonneg.Iterations(60)
    with nonneg.threads(1):
        result = nonneg.factorize(X, k, loss="kullback-leibler", start=start, seed=0, stop=stop, callback=note)
    return np.array(seconds), np.minimum.accumulate(result.trace.loss)


def main() -> None:
    options = parser_of(__doc__).parse_args()
    warnings.simplefilter("ignore")
    print("| problem | " + " | ".join(f"{most} sweeps, {updates} MU" for most, updates in VARIANTS) + " |")
    print("|---" * (len(VARIANTS) + 1) + "|", flush=True)
    for problem in DIVERGENCE_PROBLEMS:
        name = f"{problem.name}, k={problem.k}"
        if problem.loss != "kullback-leibler" or options.only.lower() not in name.lower():
            continue
        X = problem.load()
        times: dict[tuple[int, int], list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
        for seed in range(options.seeds):
            start = random_start(X, problem.k, seed)
            stop = nonneg.Iterations(200)
            mu = nonneg.factorize(X, problem.k, loss=1, solver="mu", start=start, stop=stop).loss_value
            paths = {variant: path(X, problem.k, start, *variant) for variant in VARIANTS}
            best = 1.001 * min(losses[-1] for _, losses in paths.values())
            for variant, (seconds, losses) in paths.items():
                to = [seconds[np.argmax(losses <= goal)] if losses[-1] <= goal else np.inf for goal in (mu, best)]
                times[variant].append((to[0], to[1]))
        cells = []
        for variant in VARIANTS:
            medians = np.median(times[variant], axis=0)
            cells.append(" / ".join(f"{x:.2f}" if np.isfinite(x) else "-" for x in medians))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
