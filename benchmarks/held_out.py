"""How well hidden pixels are guessed: a tenth of those of scikit-learn's 1797 digits, by several methods.

    python benchmarks/held_out.py                five minutes
    python benchmarks/held_out.py --draws 1      quicker

Root mean square errors of the guesses, medians over the draws of what is hidden, for each setting of each method.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer

import nonneg


def by_means(X: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(X), np.nan_to_num(np.nanmean(X, axis=0)), X)


def by_svd(X: np.ndarray, rank: int, rounds: int) -> np.ndarray:
    """Fill with a truncated SVD, again and again, from the means of columns."""
    out = by_means(X)
    for _ in range(rounds):
        U, s, V = np.linalg.svd(out, full_matrices=False)
        out = np.where(np.isnan(X), (U[:, :rank] * s[:rank]) @ V[:rank], X)
    return out


def by_parts(X: np.ndarray, k: int, alpha: float) -> np.ndarray:
    return nonneg.factorize(X, k, penalty=nonneg.Penalty(alpha), seed=0).impute(X)


def by_prototypes(X: np.ndarray, k: int, runs: int) -> np.ndarray:
    """Each picture a mixture of many prototypes that are pictures themselves; the mean of some runs."""
    each = (
        nonneg.factorize(X, k, simplex=True, upper=(None, 16), start="random", seed=seed).impute(X)
        for seed in range(runs)
    )
    return np.mean(list(each), axis=0)


def methods() -> Iterator[tuple[str, str, Callable[[np.ndarray], np.ndarray]]]:
    yield "means of the columns", "", by_means
    for rank in (8, 12, 16, 20):
        for rounds in (1, 30):
            yield "truncated SVD", f"rank {rank}, {rounds} rounds", lambda X, r=rank, n=rounds: by_svd(X, r, n)
    for k, alpha in ((32, 0.1), (60, 0.1), (120, 0.1)):
        yield "NMF, penalised", f"k={k}, alpha_W={alpha}", lambda X, k=k, a=alpha: by_parts(X, k, a)
    for n in (3, 5, 8, 12):
        for weights in ("uniform", "distance"):
            imputer = KNNImputer(n_neighbors=n, weights=weights, keep_empty_features=True)
            yield "nearest neighbours", f"{n}, {weights}", imputer.fit_transform
    for k, runs in ((100, 1), (200, 1), (200, 4)):
        yield "NMF, mixtures of prototypes", f"k={k}, runs: {runs}", lambda X, k=k, n=runs: by_prototypes(X, k, n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3)
    draws = parser.parse_args().draws
    X = load_digits().data
    hidden = [np.random.default_rng(seed).random(X.shape) < 0.1 for seed in range(draws)]
    print("| method | setting | error, of 16 grey levels | seconds |\n|---|---|---|---|", flush=True)
    for name, setting, fill in methods():
        errors, began = [], time.perf_counter()
        for hide in hidden:
            guess = fill(np.where(hide, np.nan, X))
            errors.append(np.sqrt(np.mean((guess - X)[hide] ** 2)))
        seconds = (time.perf_counter() - began) / draws
        print(f"| {name} | {setting} | {np.median(errors):.2f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
