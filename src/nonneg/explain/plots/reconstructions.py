"""Rows of X beside what more and more parts make of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from nonneg.data import Array, names_of
from nonneg.explain.inspect.residuals import relative_errors
from nonneg.explain.plots.layout import (
    FONT,
    LINE,
    check_shape,
    chosen,
    empty,
    first_axes,
    panels,
    picture,
    size_of,
    size_of_picture,
    within,
)
from nonneg.explain.words import percent
from nonneg.solve import Factorization


class Rebuilt(NamedTuple):
    """Rows as a model of k parts gives them back, and the relative error of each."""

    k: int
    rows: Array
    errors: Array


def reconstructions(
    models: Any, X: Any, *, image_shape: tuple[int, int], rows: Any = None, axes: Any = None
) -> Array:
    """Draw rows of X as pictures, and beside each what models of more and more parts make of it.

    Each row of X is first written as a sum of the model's parts (``transform``, the parts stay as they are), then
    turned back into a picture. Rows that no model has seen show what the parts are worth. All pictures share one grey
    scale, from black at zero (or the smallest number, if that is negative) to white at the largest number of the rows
    drawn. The relative error under each is ``||x - x^|| / ||x||``, over what was observed of x.

    Parameters
    ----------
    models : model, list of models, or dict of str to model or list of models
        A model is a Factorization, or a rebuilt estimator with ``transform`` and ``inverse_transform``, such as
        `NMF` or scikit-learn's PCA. Models of one kind stand in one line, by their number of parts; a dict names the
        lines.
    X : array-like or sparse matrix of shape (m, n)
        Pictures, one a row: those of the fit, or new ones.
    image_shape : (height, width)
        Pixels; their product is n.
    rows : "all", slice, int or int array, optional
        Which rows of X, at least one, each from 0 to m - 1. By default the first three.
    axes : array of Axes, optional
        Where to draw, as many as are returned. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (rows x lines, 1 + numbers of parts)
        For each row of X one line of Axes for each kind of model; the original is the first of the first line.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    TypeError
        If something is no model.
    ValueError
        If `image_shape` does not fit X, no row or model is given, two models of a kind have the same number of parts,
        or the number of Axes is wrong.
    IndexError
        If there is no such row.

    Examples
    --------
    >>> import nonneg
    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data
    >>> models = [nonneg.factorize(X[100:], k, seed=0) for k in (5, 20)]
    >>> axes = nonneg.plots.reconstructions(models, X, image_shape=(8, 8))
    >>> [ax.get_title() for ax in axes[0]]
    ['original', 'k = 5', 'k = 20']
    """
    lines = _by_line(models)
    originals, names, given = _rows_of(X, rows)
    check_shape(image_shape, originals.shape[1])
    rebuilt = {label: _rebuilt(label, group, given, originals) for label, group in lines.items()}
    counts = sorted({model.k for group in rebuilt.values() for model in group})

    shape = len(names) * len(rebuilt), 1 + len(counts)
    if axes is None:
        size = size_of_picture(shape[1], image_shape, rows=shape[0])
        flat = panels(shape[0] * shape[1], shape[1], size, below=LINE, left=LINE, margins=(0, 0, 0, LINE))
    else:
        flat = first_axes(axes, shape[0] * shape[1], "pictures and their originals")
    grid: Array = flat.reshape(shape)
    lowest = min(0.0, float(np.nanmin(originals)))
    extent = lowest, float(np.nanmax(originals))
    blank = set(grid.flat)
    width, height = size_of(grid[0, 0])
    names, labels = within(names, width, FONT, 40), within(rebuilt, height, FONT, 40)
    for i, (original, name) in enumerate(zip(originals, names, strict=True)):
        first = i * len(rebuilt)
        picture(grid[first, 0], original, image_shape, "gray", extent)
        grid[first, 0].set_xlabel(name, fontsize=FONT, labelpad=3, parse_math=False)
        blank.discard(grid[first, 0])
        for line, label, group in zip(grid[first : first + len(rebuilt)], labels, rebuilt.values(), strict=True):
            if len(rebuilt) > 1 or i == 0:
                line[1].set_ylabel(label, fontsize=FONT, labelpad=2, parse_math=False)
            for model in group:
                ax = line[1 + counts.index(model.k)]
                picture(ax, model.rows[i], image_shape, "gray", extent)
                ax.set_xlabel(f"error {percent(model.errors[i])}", fontsize=FONT, labelpad=3)
                blank.discard(ax)
    for ax in blank:
        empty(ax)
    for ax, title in zip(grid[0], ["original", *(f"k = {k}" for k in counts)], strict=True):
        ax.set_title(title, fontsize=FONT, pad=3)
    return grid


def _by_line(models: Any) -> dict[str, list[Any]]:
    """Return the models of each line, by what it is called."""
    if isinstance(models, Mapping):
        lines = {str(label): _listed(group) for label, group in models.items()}
    else:
        lines = {}
        for model in _listed(models):
            lines.setdefault("NMF" if isinstance(model, Factorization) else type(model).__name__, []).append(model)
    if not lines or not all(lines.values()):
        raise ValueError("models must hold at least one model for each line, got none.")
    for model in (model for group in lines.values() for model in group):
        if not isinstance(model, Factorization) and not (
            hasattr(model, "transform") and hasattr(model, "inverse_transform")
        ):
            raise TypeError(
                "a model must be a Factorization or have transform and inverse_transform; "
                f"got {type(model).__name__}."
            )
    return lines


def _listed(models: Any) -> list[Any]:
    return list(models) if isinstance(models, list | tuple) else [models]


def _rows_of(X: Any, rows: Any) -> tuple[Array, list[Any], Any]:
    """Return some rows of X dense, what they are called, and as models take them: those of a frame as a frame."""
    if scipy.sparse.issparse(X):
        X = X.tocsr()
    elif not hasattr(X, "columns"):
        X = np.asarray(X)
    if len(X.shape) != 2:
        raise ValueError(f"X must have rows and features, got the shape {X.shape}.")
    index = chosen(rows, X.shape[0], "rows", first=3)
    names = names_of(X)[0]
    called = [f"row {i}" for i in index] if names is None else list(names[index])
    if hasattr(X, "columns"):
        given = X.iloc[index] if hasattr(X, "iloc") else X[index.tolist()]
        return np.asarray(given, float), called, given
    dense = X[index].toarray() if scipy.sparse.issparse(X) else X[index]
    return np.asarray(dense, float), called, dense


def _rebuilt(label: str, group: list[Any], given: Any, originals: Array) -> list[Rebuilt]:
    """Return rows as each model of a line gives them back, by growing number of parts."""
    rebuilt = []
    for model in group:
        W = model.transform(given)
        rows = np.asarray(W @ model.H if isinstance(model, Factorization) else model.inverse_transform(W))
        rebuilt.append(Rebuilt(W.shape[1], rows, _errors(_observed(model, originals), rows)))
    counts = [model.k for model in rebuilt]
    if len(set(counts)) < len(counts):
        raise ValueError(
            f"Models of one line must differ in their number of parts, those of {label!r} have {counts}; "
            "name lines of their own by a dict."
        )
    return rebuilt


def _observed(model: Any, x: Array) -> Array:
    """Return rows with NaN for what a model takes as not observed: zeros, where it was told so."""
    rule = model.settings.get if isinstance(model, Factorization) else partial(getattr, model)
    return np.where(x == 0, np.nan, x) if rule("missing_values", None) == 0 else x


def _errors(x: Array, rebuilt: Array) -> Array:
    """Return the relative error of each row, over what was observed of it."""
    lengths = np.linalg.norm(np.where(np.isnan(x), 0, [x - rebuilt, x]), axis=2)
    return relative_errors(*lengths)
