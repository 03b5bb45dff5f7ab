"""The chapter's figure, faces rebuilt with more and more parts: our NMF beside scikit-learn's and PCA, in one run.

    python benchmarks/reconstructions.py            the tables of the manual
    python benchmarks/reconstructions.py --seeds 1  one seed instead of three

ORL faces of 56 x 46 pixels, 300 to learn from and 100 held out; every NMF from its default start. Ours runs twice:
to scikit-learn's error on the training pictures or a lower one, and by default. Errors are relative,
||X - W H|| / ||X||; seconds are for fitting, transforming the held-out pictures and turning them back, medians over
the seeds, which choose the pictures held out, too.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from fits import processor, rest
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

import nonneg
from nonneg._core import level
from nonneg._threads import thread_count

PARTS = (10, 50, 100, 250)
METHODS = ("ours, to its error", "ours, by default", "scikit-learn's NMF", "PCA")


def measured(model: Any, train: np.ndarray, test: np.ndarray) -> tuple[float, float, float]:
    """Return seconds, and the relative errors on training and held-out pictures."""
    began = time.perf_counter()
    fitted = model.inverse_transform(model.fit_transform(train))
    held_out = model.inverse_transform(model.transform(test))
    seconds = time.perf_counter() - began
    rest()
    return (
        seconds,
        *(float(np.linalg.norm(X - Y) / np.linalg.norm(X)) for X, Y in ((train, fitted), (test, held_out))),
    )


def reach(loss: float) -> Callable[[nonneg.State], bool]:
    return lambda state: state.loss <= loss


def of_all_methods(train: np.ndarray, test: np.ndarray, k: int, seed: int) -> list[tuple[float, float, float]]:
    theirs = measured(SklearnNMF(k, random_state=seed), train, test)
    loss = (theirs[1] * float(np.linalg.norm(train))) ** 2 / 2
    ours = [
        measured(nonneg.NMF(k, random_state=seed, **options), train, test)
        for options in ({"callback": reach(loss), "max_iter": 1000, "tol": 0}, {})
    ]
    return [*ours, theirs, measured(PCA(k, random_state=seed), train, test)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")  # of iterations that did not suffice: both sides stop there
    X = nonneg.datasets.fetch_faces("orl", resize=0.5).data
    found = np.empty((seeds, len(PARTS), len(METHODS), 3))
    for seed in range(seeds):
        train, test = train_test_split(X, test_size=100, random_state=seed)
        for i, k in enumerate(PARTS):
            found[seed, i] = of_all_methods(train, test, k, seed)
    seconds, errors, held_out = np.moveaxis(np.median(found, axis=0), -1, 0)

    print(f"{processor()}, {thread_count()} threads, {level()}, medians of {seeds} seeds\n")
    tables = {"error on training pictures": errors, "on held-out ones": held_out, "seconds": seconds}
    for title, table in tables.items():
        print(f"| {title}, k | {' | '.join(METHODS)} |\n|{'---|' * (1 + len(METHODS))}")
        for k, row in zip(PARTS, table, strict=True):
            print(f"| {k} | {' | '.join(f'{value:.4f}' for value in row)} |")
        print()
    whole = np.median(found[..., 0].sum(axis=1), axis=0)
    for method, total in zip(METHODS[:2], whole, strict=False):
        print(f"whole figure, {method}: {total:.2f} s; scikit-learn's NMF {whole[2]:.2f} s: {whole[2] / total:.1f}x")


if __name__ == "__main__":
    main()
