"""What the squared error does for other losses of large dense data when it goes first.

    python benchmarks/squares_first.py [--only WORD] [--seeds N]

From the same random starts, with and without it: seconds until the divergence is 1.003 x that after 100 iterations
(medians over the seeds, both cores), and by how much the latter lies above the best of all runs (means). The table of
docs/how_it_works.rst.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
from fits import parser_of, random_start, rest
from problems import dense_counts, digits, faces, piano, pines, reuters

import nonneg
from nonneg.datasets import make_notes
from nonneg.solve import warmup

PROBLEMS: tuple[tuple[str, Callable[[], np.ndarray], int, tuple[float, ...]], ...] = (
    ("dense counts 2000 x 2000", dense_counts, 20, (1, 1.5)),
    ("ORL faces 400 x 10304", faces, 15, (1,)),
    ("MNIST-5k 5000 x 784", digits, 20, (1,)),
    ("Indian Pines 21025 x 200", pines, 10, (1,)),
    ("Reuters-395 counts 395 x 4258", lambda: reuters().toarray(), 10, (1, 1.5)),
    ("made notes 247 x 513", lambda: make_notes().data, 4, (1,)),
    ("piano spectrogram 632 x 513, floor -80 dB", lambda: piano(1e-4), 6, (0, 0.5, 1, 1.5, 3)),
)


def run(X: np.ndarray, k: int, loss: float, seed: int, *, first: bool) -> tuple[float, float]:
    """Return the seconds to 1.003 x the end, and the end."""
    seconds: list[float] = []
    began = time.perf_counter()
    # Nothing is large enough for sketches of such a rank.
    with nullcontext() if first else patch.object(warmup, "width", return_value=2**40):
        result = nonneg.factorize(
            X,
            k,
            loss=loss,
            start=random_start(X, k, seed),
            seed=seed,
            stop=nonneg.Iterations(100),
            callback=lambda _: seconds.append(time.perf_counter() - began),
        )
    assert result.settings["squared_error_first"] == first
    end = float(result.trace.loss.min())
    return seconds[int(np.argmax(result.trace.loss <= 1.003 * end))], end


def main() -> None:
    options = parser_of(__doc__, seeds=5).parse_args()
    warnings.simplefilter("ignore")
    print("| data | beta | s without | s with | above the best without | above the best with |\n" + "|---" * 6 + "|")
    for name, load, k, losses in PROBLEMS:
        if options.only.lower() not in name.lower():
            continue
        X = load()
        for loss in losses:
            runs = np.empty((options.seeds, 2, 2))
            for seed in range(options.seeds):
                for first in (False, True):
                    runs[seed, int(first)] = run(X, k, loss, seed, first=first)
                    rest()
            seconds = np.median(runs[:, :, 0], axis=0)
            above = 100 * (runs[:, :, 1] / runs[:, :, 1].min() - 1).mean(axis=0)
            print(
                f"| {name}, k={k} | {loss:g} | {seconds[0]:.2f} | {seconds[1]:.2f} | {above[0]:.2f} % "
                f"| {above[1]:.2f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
