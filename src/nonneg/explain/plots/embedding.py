"""Rows of a table as points of a plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nonneg.data import Array
from nonneg.explain.words import percent

# Fewer rows have no neighbourhoods to keep.
FEWEST_NEIGHBOURS, FEWEST = 10, 3


class Embedding(NamedTuple):
    """Where the rows lie (m x 2), and what the two axes are called."""

    points: Array
    axes: tuple[str, str]


def check_method(method: str) -> None:
    """Refuse what is no way to lay out rows."""
    if method not in METHODS:
        raise ValueError(f'method must be "tsne", "pca" or "umap", got {method!r}.')


def embed(table: Array, method: str, random_state: int) -> Embedding:
    """Lay the rows of a table (m x k, k >= 2) out in a plane."""
    least = FEWEST if method == "pca" else FEWEST_NEIGHBOURS
    if len(table) < least:
        advice = "" if method == "pca" else '; method="pca" needs 3'
        raise ValueError(
            f'method="{method}" needs at least {least} rows that are not zero, got {len(table)}{advice}.'
        )
    return METHODS[method](np.asarray(table, np.float64), random_state)


def _pca(table: Array, _: int) -> Embedding:
    from sklearn.decomposition import PCA

    with np.errstate(invalid="ignore"):  # rows that are all the same have no variance to share
        pca = PCA(2, svd_solver="full").fit(table)
    first, second = np.nan_to_num(pca.explained_variance_ratio_)
    names = f"first principal component ({percent(first)})", f"second principal component ({percent(second)})"
    return Embedding(pca.transform(table), names)


def _tsne(table: Array, random_state: int) -> Embedding:
    perplexity = min(30.0, (len(table) - 1) / 3)
    try:
        from openTSNE import TSNE
    except ImportError:
        from sklearn.manifold import TSNE

        points = TSNE(perplexity=perplexity, init="pca", random_state=random_state).fit_transform(table)
    else:
        points = np.asarray(TSNE(perplexity=perplexity, random_state=random_state).fit(table))
    return Embedding(points, ("t-SNE 1", "t-SNE 2"))


def _umap(table: Array, random_state: int) -> Embedding:
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError('method="umap" needs umap-learn: pip install umap-learn') from error
    # It says so if a seed costs it its threads; one is what it would use.
    points = UMAP(n_neighbors=min(15, len(table) - 1), random_state=random_state, n_jobs=1).fit_transform(table)
    return Embedding(points, ("UMAP 1", "UMAP 2"))


METHODS: dict[str, Callable[[Array, int], Embedding]] = {"tsne": _tsne, "pca": _pca, "umap": _umap}
