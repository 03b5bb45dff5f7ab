"""How much of each part there is where: columns of W as pictures, or as points in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from scipy.spatial import cKDTree

from nonneg.data import Array
from nonneg.explain.inspect.vectors import check_result
from nonneg.explain.plots.layout import (
    FONT,
    HAIRLINE,
    check_shape,
    count_of,
    first_axes,
    grid_of_pictures,
    note_of,
    picture,
    size_of,
)
from nonneg.explain.words import part_title, rounded
from nonneg.solve import Factorization

MAP_COLOURS = "viridis"
# Of points on white: the more there is, the darker they are, and those without anything still show.
POINT_COLOURS = LinearSegmentedColormap.from_list("points", ["0.88", "#7fcdbb", "#1d91c0", "#225ea8", "#081d58"])
# Inches: the colour bar, from the map to its numbers, and how thick it is.
BENEATH, THICK = 0.28, 0.06


def maps(
    result: Factorization,
    *,
    row_shape: tuple[int, int] | None = None,
    coords: Any = None,
    most: int | None = None,
    axes: Any = None,
) -> Array:
    """Draw for each part where it is: its column of W over the picture, or the places, that the rows of X are.

    Each part has a scale of its own, from zero to its largest amount in a row, which the bar below it gives: in the
    units of X, where the rows of H sum to one. The title gives its share of the whole. Pictures are the brighter the
    more there is. Points are the darker, on white; those of nothing are grey.

    Parameters
    ----------
    result : Factorization
        With pixels or places as rows of X.
    row_shape : (height, width), optional
        Of the picture that the rows are: the pixels of a hyperspectral cube, line by line.
    coords : array-like of shape (m, 2), optional
        Where each row lies: right, up. Either these or `row_shape`.
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
    TypeError
        If not exactly one of `row_shape` and `coords` is given.
    ValueError
        If it does not fit the rows, `most` is below 1, or there are too few Axes.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> cube = np.random.default_rng(0).random((20, 30, 8))
    >>> result = nonneg.factorize(cube.reshape(600, 8), 3, seed=0)
    >>> axes = nonneg.plots.maps(result, row_shape=(20, 30))
    >>> axes[0].images[0].get_array().shape
    (20, 30)
    """
    result = check_result(result)
    if (row_shape is None) == (coords is None):
        raise TypeError("maps needs either row_shape=(height, width) or coords=, an array of shape (m, 2).")
    count = count_of(result.k, most)
    if row_shape is not None:
        check_shape(row_shape, len(result.W), of="rows", name="row_shape")
        shape = row_shape
    else:
        places = _places(coords, len(result.W))
        width, height = np.ptp(places, axis=0) + 2 * _spacing(places)
        shape = height, width
    grid = (
        grid_of_pictures(count, shape, below=BENEATH, note=note_of(count, result.k))
        if axes is None
        else first_axes(axes, count)
    )
    for j, ax in enumerate(grid):
        amounts = result.W[:, j]
        extent = 0.0, float(amounts.max()) or 1.0
        if row_shape is not None:
            picture(ax, amounts, row_shape, MAP_COLOURS, extent)
            drawn = ax.images[-1]
        else:
            drawn = _points(ax, places, amounts, extent)
        ax.set_title(part_title(result.share[j], j), fontsize=FONT, pad=3)
        _colour_bar(ax, drawn)
    return grid


def _places(coords: Any, m: int) -> Array:
    """Check where rows lie."""
    places = np.asarray(coords, np.float64)
    if places.shape != (m, 2):
        raise ValueError(f"coords must be an array of shape ({m}, 2), a place for each row of X; got {places.shape}.")
    if not np.isfinite(places).all():
        row = int(np.argmin(np.isfinite(places).all(axis=1)))
        raise ValueError(f"coords must be finite, got {places[row].tolist()} at row {row}.")
    return places


def _spacing(places: Array) -> float:
    """Return how far neighbours lie apart: by the nearest of each, and by the room there is, where some are close."""
    apart = np.unique(places, axis=0)
    if len(apart) < 2:
        return 1.0
    nearest = np.median(cKDTree(apart).query(apart, k=2)[0][:, 1])
    room = np.sqrt(np.prod(np.ptp(apart, axis=0)) / len(apart))
    return float(np.clip(0.7 * room, nearest, 3 * nearest))


def _points(ax: Any, places: Array, amounts: Array, extent: tuple[float, float]) -> Any:
    """Draw rows as points in the plane that leave their neighbours a little room, the largest amounts on top."""
    step = _spacing(places)
    low, high = places.min(axis=0) - step, places.max(axis=0) + step
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="box")
    # Where there is no room for gaps that an eye would see, they would only bleach the colours.
    diameter = np.clip(0.85 * 72 * step * np.min(size_of(ax) / (high - low)), 2.5, 12)
    ax.spines[:].set(color=HAIRLINE, linewidth=0.5)
    ax.set_facecolor("white")
    order = np.argsort(amounts, kind="stable")
    return ax.scatter(
        *places[order].T,
        c=amounts[order],
        s=diameter**2,
        cmap=POINT_COLOURS,
        vmin=extent[0],
        vmax=extent[1],
        linewidths=0,
    )


def _colour_bar(ax: Any, drawn: Any) -> None:
    """Draw a scale below a map, with its two ends."""
    height = size_of(ax)[1]
    strip = ax.inset_axes((0, -2 * THICK / height, 1, THICK / height))
    top = drawn.norm.vmax
    bar = ax.figure.colorbar(drawn, cax=strip, orientation="horizontal", ticks=[0, top / 2, top])
    bar.outline.set_visible(False)
    strip.set_xticklabels(["0", "amount", rounded(top)], fontsize=FONT - 1)
    strip.tick_params(length=0, pad=2)
    for label, side in zip(strip.get_xticklabels(), ("left", "center", "right"), strict=True):
        label.set_horizontalalignment(side)
