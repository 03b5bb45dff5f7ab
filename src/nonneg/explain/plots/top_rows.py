"""The rows that hold most of each part."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from matplotlib.patches import Rectangle

from nonneg.data import Array
from nonneg.explain import inspect
from nonneg.explain.inspect.vectors import check_result
from nonneg.explain.plots.bars import bars, grid_of_bars, slots_of
from nonneg.explain.plots.layout import (
    FONT,
    LINE,
    check_shape,
    chosen,
    first_axes,
    note_of,
    panels,
    part_colours,
    picture,
    size_of,
    size_of_picture,
    within,
)
from nonneg.explain.words import part_title, rounded, shortened_all
from nonneg.solve import Factorization

# Without a choice of parts: these are what fits a page.
MOST_PARTS = 10


def top_rows(
    result: Factorization,
    X: Any = None,
    *,
    count: int = 10,
    by: str = "weight",
    parts: Any = None,
    image_shape: tuple[int, int] | None = None,
    axes: Any = None,
) -> Array:
    """Draw for each part the rows of X that hold most of it, with their amounts.

    Rows that are pictures stand beside the part, the first the one that holds most; under each is its name and its
    amount ``W[i, j]`` of the part. The part, in a frame of its colour, is black at zero and white at its largest
    value. All rows share one grey scale, from black at zero (or the smallest number, if that is negative) to white at
    their largest number. Rows that are no pictures are listed by name, with their amounts as bars.

    Parameters
    ----------
    result : Factorization
        The parts, and how much each row holds of them.
    X : array-like or sparse matrix of shape (m, n), optional
        The data of the fit: needed for pictures.
    count : int
        How many rows of each part, at least 1; all where there are fewer.
    by : {"weight", "lift", "exclusivity"}
        What "most" means, see `nonneg.inspect.top_rows`; the amounts shown are those of W.
    parts : "all", slice, int or int array, optional
        Which parts, by their position from 0 in H. By default the first ten.
    image_shape : (height, width), optional
        Pixels of the pictures that the rows are; their product is n.
    axes : array of Axes, optional
        Where to draw, as many as are returned. By default a new figure.

    Returns
    -------
    ndarray of Axes
        Of shape (parts, 1 + count) for pictures, else (parts,).

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If `image_shape` is given without X, `image_shape` or X do not fit the result, `count` is below 1, `by` is
        unknown, no part is asked for, or there are too few Axes.
    IndexError
        If there is no such part.

    See Also
    --------
    nonneg.inspect.top_rows : The same as numbers.

    Examples
    --------
    >>> import nonneg
    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data
    >>> result = nonneg.factorize(X, 10, seed=0)
    >>> nonneg.plots.top_rows(result, X, count=5, parts=[0, 1], image_shape=(8, 8)).shape
    (2, 6)
    """
    result = check_result(result)
    drawn = chosen(parts, result.k, "parts", first=MOST_PARTS)
    top = inspect.top_rows(result, count, by=by)
    note = note_of(len(drawn), result.k) if parts is None else ""
    colours = part_colours(result.k)
    titles = [part_title(result.share[j], j) for j in drawn]

    if image_shape is None:
        names = [shortened_all(top.names[j], 40) for j in drawn]
        grid = grid_of_bars(names, heading="amount", note=note, axes=axes)
        for ax, texts, j, title in zip(grid, names, drawn, titles, strict=True):
            bars(ax, texts, result.W[top.index[j], j], slots_of(names), colours[j])
            ax.set_title(title, fontsize=FONT, pad=3)
        return grid

    pictures = _pictures(X, top.index[drawn], (len(result.W), result.H.shape[1]))
    check_shape(image_shape, pictures.shape[-1])
    columns = 1 + pictures.shape[1]
    if axes is None:
        size = size_of_picture(columns, image_shape)
        flat = panels(len(drawn) * columns, columns, size, above=LINE, below=LINE, note=note)
    else:
        flat = first_axes(axes, len(drawn) * columns, "pictures")
    grid = flat.reshape(len(drawn), columns)
    extent = min(0.0, float(np.nanmin(pictures))), float(np.nanmax(pictures))
    width = size_of(grid[0, 1])[0]
    for i, j in enumerate(drawn):
        picture(grid[i, 0], result.H[j], image_shape, "gray", (0, float(result.H[j].max()) or 1.0))
        _frame(grid[i, 0], colours[j])
        grid[i, 0].set_title(titles[i], fontsize=FONT, pad=3)
        amounts = [rounded(amount) for amount in result.W[top.index[j], j]]
        amounts[0] = f"amount {amounts[0]}"
        called = within(top.names[j], width, FONT, 40)
        for ax, x, name, amount in zip(grid[i, 1:], pictures[i], called, amounts, strict=True):
            picture(ax, x, image_shape, "gray", extent)
            ax.set_title(name, fontsize=FONT, pad=3, parse_math=False)
            ax.set_xlabel(amount, fontsize=FONT, labelpad=3)
    return grid


def _frame(ax: Any, colour: Any) -> None:
    """Draw a frame around a picture, and inside of it a white line: the picture may be as dark as the frame."""
    ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, fill=False, edgecolor="white", linewidth=4))
    ax.spines[:].set(visible=True, color=colour, linewidth=2)


def _pictures(X: Any, index: Array, shape: tuple[int, int]) -> Array:
    """Return some rows of X, dense: an array of shape (parts, rows, n)."""
    if X is None:
        raise ValueError("Pictures of rows need X, the data of the fit: top_rows(result, X, image_shape=...).")
    X = X.tocsr() if scipy.sparse.issparse(X) else np.asarray(X)
    if X.shape != shape:
        raise ValueError(f"X must have the shape that was factorized, {shape}, got {X.shape}.")
    if scipy.sparse.issparse(X):
        return np.asarray(X[index.ravel()].toarray()).reshape(*index.shape, -1)
    return np.asarray(X[index])
