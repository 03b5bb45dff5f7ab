"""What single stages of the warm-up do for whole fits.

    python benchmarks/warm_ups.py chosen_parts [--only WORD] [--seeds N]     more parts than asked for, sparse data
    python benchmarks/warm_ups.py thinned_sketch [--only WORD] [--seeds N]   an eleventh of the sketch, dense data

By default, with and without the stage, from random starts and from the default one, which the seed changes little:
seconds (medians, both cores) and by how much the loss lies above the best of all runs (means and largest). The tables
of docs/how_it_works.rst.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from fits import parser_of, processor, rest
from problems import cells, crops, digits, faces, immune, news, reuters

import nonneg
from nonneg._core import level
from nonneg._threads import thread_count
from nonneg.solve import warmup


@dataclass(frozen=True)
class Stage:
    without: Callable[[], AbstractContextManager[Any]]
    was_used: Callable[[dict[str, Any]], bool]
    problems: tuple[tuple[str, Callable[[], Any], tuple[int, ...]], ...]


STAGES = {
    "chosen_parts": Stage(
        lambda: patch.object(warmup, "surplus", return_value=0),
        lambda settings: settings["surplus"] > 0,
        (
            ("20 Newsgroups 11293 x 21393", news, (20, 50)),
            ("immune cells 559 x 32786", immune, (15,)),
            ("planted cells 30000 x 3000", cells, (20,)),
            ("Reuters-395 counts 395 x 4258", reuters, (10, 25)),
            ("MNIST-5k 5000 x 784, as sparse", lambda: sp.csr_array(digits()), (20, 50)),
        ),
    ),
    "thinned_sketch": Stage(
        lambda: patch.object(warmup, "LONG", 2**40),
        lambda settings: settings["sketch"]["thinned"] is not None,
        (
            ("ORL faces 400 x 10304", faces, (8, 15, 30)),
            ("image crops 2500 x 5655", crops, (15, 20)),
            ("MNIST-5k 5000 x 784", digits, (10, 20)),
        ),
    ),
}
STARTS = ("random", "nndsvda")


def run(X: Any, k: int, start: str, seed: int, stage: Stage, *, used: bool) -> tuple[float, float]:
    """Return the seconds and the loss of a fit."""
    began = time.perf_counter()
    with nullcontext() if used else stage.without():
        result = nonneg.NMF(k, init=start, random_state=seed).fit(X).result_
    seconds = time.perf_counter() - began
    assert stage.was_used(result.settings) == used
    return seconds, result.loss_value


def main() -> None:
    parser = parser_of(__doc__, seeds=10)
    parser.add_argument("stage", choices=STAGES)
    options = parser.parse_args()
    stage = STAGES[options.stage]
    warnings.simplefilter("ignore")
    print(f"{processor()}, {thread_count()} threads, {level()}, {options.seeds} seeds\n")
    print(
        "| data | start | s without | s with | above the best without, largest | with, largest |\n" + "|---" * 6 + "|"
    )
    for name, load, parts in stage.problems:
        if options.only.lower() not in name.lower():
            continue
        X = load()
        for k in parts:
            runs = np.empty((len(STARTS), options.seeds, 2, 2))
            for i, start in enumerate(STARTS):
                for seed in range(options.seeds):
                    for used in (False, True):
                        runs[i, seed, int(used)] = run(X, k, start, seed, stage, used=used)
                        rest()
            best = runs[..., 1].min()
            for start, of_start in zip(STARTS, runs, strict=True):
                seconds = np.median(of_start[..., 0], axis=0)
                above = 100 * (of_start[..., 1] / best - 1)
                ends = " | ".join(
                    f"{mean:.3f} %, {most:.3f} %" for mean, most in zip(above.mean(0), above.max(0), strict=True)
                )
                print(f"| {name}, k={k} | {start} | {seconds[0]:.2f} | {seconds[1]:.2f} | {ends} |", flush=True)


if __name__ == "__main__":
    main()
