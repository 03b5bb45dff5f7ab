"""What missing entries and weights cost: seconds per iteration beside the same problem without them, in one run.

    python benchmarks/incomplete.py               the table of the manual
    python benchmarks/incomplete.py --only crops  problems whose name holds a word

Both fits of a pair begin at the same random start, on both cores, and take turns; the start of a fit, its first five
iterations and its end are left out. Ratios are medians of ten pairs.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from fits import processor
from problems import crops, faces

import nonneg
from nonneg._core import level
from nonneg._threads import thread_count

FEW, MANY = 5, 25
PAIRS = 10


@dataclass(frozen=True)
class Pair:
    """Two problems of which the second may cost so many times the first."""

    name: str
    k: int
    plain: Callable[[], dict[str, Any]]
    counted: Callable[[], dict[str, Any]]
    goal: float


def seconds_per_iteration(problem: dict[str, Any], k: int, start: Any) -> float:
    """Return what an iteration takes once the run is under way."""
    trace = nonneg.factorize(k=k, start=start, stop=nonneg.Iterations(MANY), seed=0, **problem).trace
    return float(trace.seconds[-1] - trace.seconds[FEW - 1]) / (MANY - FEW)


def row(pair: Pair) -> str:
    plain, counted = pair.plain(), pair.counted()
    m, n = plain["X"].shape
    rng = np.random.default_rng(0)
    start = rng.random((m, pair.k)), rng.random((pair.k, n))
    times = np.array(
        [[seconds_per_iteration(each, pair.k, start) for each in (plain, counted)] for _ in range(PAIRS)]
    )
    ratio = np.median(times[:, 1] / times[:, 0])
    a, b = 1e3 * np.median(times, axis=0)
    return f"| {pair.name}, k={pair.k} | {a:.2f} | {b:.2f} | **{ratio:.1f}x** | {pair.goal:g}x |"


def holes(X: np.ndarray, share: float) -> np.ndarray:
    out = X.copy()
    out[np.random.default_rng(1).random(X.shape) < share] = np.nan
    return out


def some_weights(X: np.ndarray, least: float) -> np.ndarray:
    return np.random.default_rng(1).uniform(least, 1, X.shape).astype(X.dtype)


def ratings(m: int = 20000, n: int = 5000, share: float = 0.05) -> sp.csr_array:
    """Numbers from 1 to 5 for one pair of row and column in twenty, from twenty planted parts."""
    rng = np.random.default_rng(0)
    W, H = rng.gamma(0.5, size=(m, 20)), rng.gamma(0.5, size=(20, n))
    i = np.repeat(np.arange(m), rng.binomial(n, share, m))
    j = rng.integers(n, size=len(i))
    x = np.einsum("ip,ip->i", W[i], H.T[j])
    stars = np.clip(np.round(1 + x / np.quantile(x, 0.9) * 4), 1, 5).astype(np.float32)
    R = sp.csr_array((stars, (i, j)), shape=(m, n))
    R.sum_duplicates()
    return R


PAIRS_OF_PROBLEMS = [
    Pair(
        "image crops 2500 x 5655, 10 % missing", 15, lambda: {"X": crops()}, lambda: {"X": holes(crops(), 0.1)}, 1.6
    ),
    Pair("ORL faces 400 x 10304, 10 % missing", 15, lambda: {"X": faces()}, lambda: {"X": holes(faces(), 0.1)}, 1.6),
    Pair("ORL faces 400 x 10304, 10 % missing", 50, lambda: {"X": faces()}, lambda: {"X": holes(faces(), 0.1)}, 1.6),
    *(
        Pair(
            f"image crops 2500 x 5655, weights {least:g} to 1",
            k,
            lambda: {"X": crops()},
            lambda least=least: {"X": crops(), "weights": some_weights(crops(), least)},  # type: ignore[misc]
            4,
        )
        for k, least in ((5, 0.01), (15, 0.5), (15, 0.01))
    ),
    Pair(
        "ratings 20000 x 5000, 5 % observed",
        20,
        lambda: {"X": ratings()},
        lambda: {"X": ratings(), "missing_values": 0},
        3,
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a word of the problem's name")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{processor()}, {thread_count()} threads, kernels {level()}, medians of {PAIRS} pairs\n")
    print("| problem | plain, ms an iteration | with what is said of its entries | ratio | goal |")
    print("|---|---|---|---|---|")
    for pair in PAIRS_OF_PROBLEMS:
        if arguments.only in pair.name:
            print(row(pair), flush=True)


if __name__ == "__main__":
    main()
