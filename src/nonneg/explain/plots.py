"""Pictures of a factorization: every function draws on the Axes given, or on a new figure, and returns the Axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from nonneg.data import Array
from nonneg.solve import Factorization

try:
    import matplotlib.pyplot as plt
except ImportError as error:
    raise ImportError('Pictures need matplotlib: pip install "nonneg[plot]".') from error

__all__ = ["parts", "reconstructions"]

# Inches. The narrowest picture still has room for the longest title, "part 200 · <0.1 %", in FONT points.
NARROWEST, WIDEST, GAP, LINE = 1.25, 2.4, 0.1, 0.2
FONT = 8
HAIRLINE = "0.75"


def parts(result: Factorization, *, image_shape: tuple[int, int], most: int | None = None, axes: Any = None) -> Array:
    """Draw the rows of H as pictures, each titled with its share of the whole.

    White is zero, black the largest value of the part: what a part holds is its ink. Each part has its own black,
    because the rows of H sum to one, so that a small part would outshine a wide one; the share tells their weight.

    Parameters
    ----------
    result : Factorization
        With pictures as rows of X.
    image_shape : (height, width)
        Pixels; their product is the number of features.
    most : int, optional
        Draw the first parts only, at most so many; at least 1.
    axes : Axes or array of Axes, optional
        Where to draw, at least one for each part; spare ones are blanked. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (parts drawn,)

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If `image_shape` does not fit the features, `most` is below 1, or there are too few Axes.
    """
    _check_shape(image_shape, result.H.shape[1])
    if most is not None and most < 1:
        raise ValueError(f"most must be at least 1, got {most!r}.")
    count = result.k if most is None else min(most, result.k)
    grid = _parts_figure(count, image_shape) if axes is None else _first_axes(axes, count)
    for j, ax in enumerate(grid):
        _picture(ax, result.H[j], image_shape, "gray_r", (0, result.H[j].max()))
        ax.set_title(f"part {j + 1} · {percent(result.share[j])}", fontsize=FONT, pad=3)
        ax.spines[:].set(visible=True, color=HAIRLINE, linewidth=0.5)
    return grid


def reconstructions(
    result: Factorization, X: Any, *, image_shape: tuple[int, int], rows: Any, axes: Any = None
) -> Array:
    """Draw some rows of X as pictures, and below each what the parts make of it.

    All pictures share one grey scale, from black at zero (or the smallest number, if that is negative) to white at
    the largest number of the rows drawn. The relative error under each is ``||x - w H|| / ||x||``.

    Parameters
    ----------
    result : Factorization
        With pictures as rows of X.
    X : array-like or sparse matrix of shape (m, n)
        The data that were factorized.
    image_shape : (height, width)
        Pixels; their product is n.
    rows : int array
        Which rows of X, at least one, each from 0 to m - 1.
    axes : array of Axes, shape (2, number of rows), optional
        Where to draw: originals first. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (2, number of rows)

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If `image_shape` or the shape of X do not fit the result, no row is asked for, or the number of Axes is wrong.
    IndexError
        If there is no such row.
    """
    shape = len(result.W), result.H.shape[1]
    X = X.tocsr() if scipy.sparse.issparse(X) else np.asarray(X)
    if X.shape != shape:
        raise ValueError(f"X must have the shape that was factorized, {shape}, got {X.shape}.")
    _check_shape(image_shape, shape[1])
    rows = np.atleast_1d(np.arange(shape[0])[np.asarray(rows)])
    if not len(rows):
        raise ValueError("rows must name at least one row of X.")
    originals = X[rows].toarray() if scipy.sparse.issparse(X) else X[rows]
    drawn = np.stack([originals, result.reconstruct(rows)])
    errors = _relative_errors(*drawn)

    count = len(rows)
    grid = _figure(2 * count, count, image_shape, margin=LINE) if axes is None else np.asarray(axes, object)
    if grid.size != 2 * count:
        raise ValueError(f"{count} rows need {2 * count} Axes, got {grid.size}.")
    grid = grid.reshape(2, -1)
    extent = min(0, originals.min()), originals.max()
    for ax, x in zip(grid.flat, drawn.reshape(-1, shape[1]), strict=True):
        _picture(ax, x, image_shape, "gray", extent)
    for i, row in enumerate(rows):
        grid[0, i].set_title(f"row {row}", fontsize=FONT, pad=3)
        grid[1, i].set_xlabel(f"error {percent(errors[i])}", fontsize=FONT, labelpad=3)
    grid[0, 0].set_ylabel("original", fontsize=FONT)
    grid[1, 0].set_ylabel("sum of its parts", fontsize=FONT)
    return grid


def percent(fraction: float) -> str:
    """Write a fraction for a reader: "12 %", "4.7 %", "<0.1 %", "0 %"."""
    value = 100 * fraction
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


def _relative_errors(X: Array, fitted: Array) -> Array:
    """Return the relative error of each row; 0 for an empty row that is met exactly, else infinite."""
    left = np.linalg.norm(X - fitted, axis=1)
    size = np.linalg.norm(X, axis=1)
    errors: Array = np.divide(left, size, out=np.where(left > 0, np.inf, 0.0), where=size > 0)
    return errors


def _check_shape(image_shape: tuple[int, int], n: int) -> None:
    height, width = image_shape
    if min(height, width) < 1 or height * width != n:
        raise ValueError(f"image_shape must be (height, width) of {n} pixels, the features of X; got {image_shape}.")


def _picture(ax: Any, x: Array, image_shape: tuple[int, int], colours: str, extent: tuple[float, float]) -> None:
    # Very long pictures (a spectrum: 1 x 1000) get tall pixels.
    height, width = image_shape
    stretch = _proportion(image_shape) / (height / width)
    ax.imshow(x.reshape(image_shape), cmap=colours, vmin=extent[0], vmax=extent[1], aspect=stretch)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _proportion(image_shape: tuple[int, int]) -> float:
    """Height over width of a picture as it is drawn."""
    return float(np.clip(image_shape[0] / image_shape[1], 0.25, 4))


def _first_axes(axes: Any, count: int) -> Array:
    flat: Array = np.asarray(axes, object).ravel()
    if len(flat) < count:
        raise ValueError(f"{count} parts need as many Axes, got {len(flat)}.")
    for spare in flat[count:]:
        spare.set_axis_off()
    return flat[:count]


def _parts_figure(count: int, image_shape: tuple[int, int]) -> Array:
    """Make a figure about half again as wide as high, its last row as full as can be."""
    columns = int(np.clip(round(np.sqrt(1.5 * count * _proportion(image_shape))), 1, count))
    columns = -(-count // -(-count // columns))
    return _figure(count, columns, image_shape, above=LINE)


def _figure(
    count: int, columns: int, image_shape: tuple[int, int], *, above: float = 0.0, margin: float = 0.0
) -> Array:
    """Make a figure of equal pictures, row by row, whose size follows from theirs.

    Inches: a strip `above` each picture, and a `margin` at the left, the top and the bottom.
    """
    width = float(np.clip(9 / columns, NARROWEST, WIDEST))
    height = width * _proportion(image_shape)
    rows = -(-count // columns)
    across, down = width + GAP, above + height + GAP
    total = margin + GAP + columns * across, 2 * margin + GAP + rows * down
    figure = plt.figure(figsize=total)
    axes = np.empty(count, object)
    for i in range(count):
        row, column = divmod(i, columns)
        left, bottom = margin + GAP + column * across, total[1] - margin - (row + 1) * down
        axes[i] = figure.add_axes((left / total[0], bottom / total[1], width / total[0], height / total[1]))
    return axes
