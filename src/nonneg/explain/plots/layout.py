"""What pictures share: figures cut to their contents, colours that any eye tells apart."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from nonneg.data import Array

# Inches. The narrowest picture still has room for the longest title, "part 200 · <0.1 %", in FONT points.
NARROWEST, WIDEST, GAP, LINE = 1.25, 2.4, 0.1, 0.2
FONT = 8
HAIRLINE = "0.75"

# Colours of Okabe and Ito, which people with any colour vision tell apart (https://jfly.uni-koeln.de/color/).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")


def part_colours(k: int) -> list[Any]:
    """Return a colour for each of k parts: eight that differ, and for more of them steps from dark to light."""
    if k <= len(COLOURS):
        return list(COLOURS[:k])
    return list(mpl.colormaps["viridis"](np.linspace(0, 0.95, k)))


def check_shape(image_shape: tuple[int, int], n: int) -> None:
    """Refuse a shape that the features do not fill."""
    height, width = image_shape
    if min(height, width) < 1 or height * width != n:
        raise ValueError(f"image_shape must be (height, width) of {n} pixels, the features of X; got {image_shape}.")


def picture(ax: Any, x: Array, image_shape: tuple[int, int], colours: str, extent: tuple[float, float]) -> None:
    """Draw a row as a picture, without axes."""
    # Very long pictures (a spectrum: 1 x 1000) get tall pixels.
    height, width = image_shape
    stretch = proportion(image_shape) / (height / width)
    ax.imshow(x.reshape(image_shape), cmap=colours, vmin=extent[0], vmax=extent[1], aspect=stretch)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def proportion(image_shape: tuple[int, int]) -> float:
    """Height over width of a picture as it is drawn."""
    return float(np.clip(image_shape[0] / image_shape[1], 0.25, 4))


def first_axes(axes: Any, count: int, needing: str = "parts") -> Array:
    """Return the first Axes of those given, as many as are needed, and blank the others."""
    flat: Array = np.asarray(axes, object).ravel()
    if len(flat) < count:
        raise ValueError(f"{count} {needing} need as many Axes, got {len(flat)}.")
    for spare in flat[count:]:
        spare.set_axis_off()
    return flat[:count]


def grid_of_pictures(count: int, image_shape: tuple[int, int]) -> Array:
    """Make a figure about half again as wide as high, its last row as full as can be."""
    columns = int(np.clip(round(np.sqrt(1.5 * count * proportion(image_shape))), 1, count))
    columns = -(-count // -(-count // columns))
    return row_by_row(count, columns, image_shape, above=LINE)


def row_by_row(
    count: int, columns: int, image_shape: tuple[int, int], *, above: float = 0.0, margin: float = 0.0
) -> Array:
    """Make a figure of equal pictures, row by row, whose size follows from theirs.

    Inches: a strip `above` each picture, and a `margin` at the left, the top and the bottom.
    """
    width = float(np.clip(9 / columns, NARROWEST, WIDEST))
    height = width * proportion(image_shape)
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
