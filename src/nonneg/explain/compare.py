"""NMF beside the other ways to write a row as a weighted sum of parts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import ArpackError

from nonneg.data import Array, check_counts, check_matrix, check_seed, names_of
from nonneg.explain.comparison import HEADINGS, Comparison
from nonneg.explain.decompositions import METHODS, NEED_DENSE, WITHIN_RANK, Fitted
from nonneg.explain.measures import measures
from nonneg.explain.progress import shown
from nonneg.solve import Penalty


def compare(
    X: Any,
    k: int,
    methods: Sequence[str] = ("nmf", "pca", "ica", "fa", "dictionary"),
    *,
    test_size: float = 0.25,
    n_seeds: int = 3,
    random_state: int | None = 0,
    loss: str | float = "frobenius",
    penalty: Penalty | None = None,
    negative: str = "error",
) -> Comparison:
    """Compare NMF with other ways to write a row as a weighted sum of k parts, on the same data.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (m, n)
        Rows are what is described. "fa" and "dictionary" need dense data.
    k : int
        Number of parts, at least 1; at most the number of features and of rows fitted for "pca", "ica" and "fa".
    methods : sequence of {"nmf", "pca", "ica", "fa", "dictionary"}
        Which ones, in the order of the table. All but the first are scikit-learn's:

        - "nmf": `factorize`. The first run, which is the one kept, begins at the default start, others at random.
        - "pca": ``PCA``, exact (ARPACK; sparse data stay sparse).
        - "ica": ``FastICA`` of the scores of that PCA, its parts the columns of the mixing matrix.
        - "fa": ``FactorAnalysis``, its weights the mean of the factors given the row.
        - "dictionary": ``MiniBatchDictionaryLearning`` by least angles, at most 20 passes over the data; a weight
          costs 2 % of the length (root mean square) of a row. The first run begins at the SVD, others at random rows.

        PCA, ICA and factor analysis describe deviations from the mean row, NMF and the dictionary the row itself.
    test_size : float
        Share of the rows, drawn at random, that are held out to measure the error; above 0, below 1.
    n_seeds : int
        Runs of each method, at least 1; two or more measure its stability.
    random_state : int or None
        Seed of the rows held out and of the runs, 0 to 2**32 - 1; None draws one.
    loss, penalty, negative
        Of NMF, as in `factorize`. Errors in the table are of squares under every loss.

    Returns
    -------
    Comparison
        ``table``, ``components``; `plots.comparison` draws it.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, X has negative or missing entries, or a method finds no answer.

    Examples
    --------
    >>> import nonneg
    >>> X = nonneg.datasets.make_planted(60, 20, 3).data
    >>> comparison = nonneg.compare(X, 3, ("nmf", "pca"))
    >>> comparison.table["method"]
    array(['nmf', 'pca'], dtype='<U3')
    >>> comparison.table["cancellation"] > 0.01
    array([False,  True])
    """
    methods = _check_methods(methods)
    check_counts(k=k, n_seeds=n_seeds)
    data = check_matrix(X, negative=negative if "nmf" in methods else "allow", name="compare (input X)")
    if scipy.sparse.issparse(data):
        data = data.tocsr()
        _check_dense(methods)
    check_seed(random_state=random_state)
    random = np.random.SeedSequence(random_state)
    train, held_out = _split(data.shape[0], test_size, random)
    _check_rank(methods, k, len(train), data.shape[1])

    seeds = random.generate_state(n_seeds)
    settings = {"loss": loss, "penalty": penalty, "negative": negative}
    fitted, rows = data[train], data[held_out]
    runs: dict[str, list[tuple[Fitted, float]]] = {name: [] for name in methods}
    for name, seed in shown([(name, int(seed)) for name in methods for seed in seeds], "comparing"):
        began = time.perf_counter()
        run = _run(name, fitted, int(k), seed, first=not runs[name], settings=settings)
        runs[name].append((run, time.perf_counter() - began))
    lines = [measures(runs[name], fitted, rows) for name in methods]
    table = {"method": np.array(methods)}
    table |= {column: np.array([line[column] for line in lines]) for column in HEADINGS}
    return Comparison(
        table=table,
        components={name: runs[name][0][0].components for name in methods},
        k=int(k),
        train=train,
        held_out=held_out,
        seeds=seeds,
        feature_names=names_of(X)[1],
    )


def _run(name: str, X: Any, k: int, seed: int, *, first: bool, settings: dict[str, Any]) -> Fitted:
    """Fit one method once, or say that there is nothing to be found."""
    try:
        run = METHODS[name](X, k, seed, first=first, **settings)
    except (ArpackError, np.linalg.LinAlgError) as error:
        raise ValueError(_no_answer(name, k)) from error
    if not np.isfinite(run.components).all():
        raise ValueError(_no_answer(name, k))
    return run


def _no_answer(name: str, k: int) -> str:
    return f"{name} finds no {k} parts: the rows fitted, less their mean, have a lower rank; choose a smaller k."


def _check_methods(methods: Sequence[str]) -> tuple[str, ...]:
    known = ", ".join(map(repr, METHODS))
    if isinstance(methods, str):
        raise TypeError(f"methods must be a sequence of names, such as ({methods!r},), got the text {methods!r}.")
    methods = tuple(methods)
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise ValueError(f"methods are {known}; got {unknown[0]!r}.")
    if not methods or len(set(methods)) < len(methods):
        raise ValueError(f"methods must name at least one of {known}, each once; got {methods!r}.")
    return methods


def _check_dense(methods: tuple[str, ...]) -> None:
    wanting = [name for name in methods if name in NEED_DENSE]
    if wanting:
        raise TypeError(
            f"{', '.join(wanting)} cannot read a sparse X: compare methods=('nmf', 'pca', 'ica'), or give "
            "X.toarray() if it fits into memory."
        )


def _check_rank(methods: tuple[str, ...], k: int, rows: int, n: int) -> None:
    bound = [name for name in methods if name in WITHIN_RANK]
    if bound and k > min(rows, n):
        raise ValueError(
            f"k must be at most {min(rows, n)} for {', '.join(bound)}: {rows} rows are fitted and have {n} features; "
            f"got {k}."
        )


def _split(m: int, test_size: float, seed: np.random.SeedSequence) -> tuple[Array, Array]:
    """Return the rows to be fitted and those held out, each in the order of X."""
    number = isinstance(test_size, (float, np.floating))
    if not number or not 0 < test_size < 1:
        raise ValueError(f"test_size must be a share of the rows, above 0 and below 1, got {test_size!r}.")
    count = round(test_size * m)
    if not 1 <= count <= m - 2:
        raise ValueError(
            f"test_size={test_size} of {m} rows holds out {count}; at least 1 must be held out and 2 fitted."
        )
    shuffled = np.random.default_rng(seed).permutation(m)
    return np.sort(shuffled[count:]), np.sort(shuffled[:count])
