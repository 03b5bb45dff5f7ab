"""What pictures share: figures cut to their contents, colours that any eye tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from nonneg.data import Array, check_counts
from nonneg.explain.words import shortened_all

# Inches. The narrowest picture still has room for the longest title, "part 200 · <0.1 %", in FONT points.
NARROWEST, WIDEST, GAP, LINE = 1.25, 2.4, 0.1, 0.2
FONT = 8
HAIRLINE = "0.75"

# Colours of Okabe and Ito, which people with any colour vision tell apart (https://jfly.uni-koeln.de/color/). Yellow
# lines are weak on white, so it comes last.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
DISTINCT: list[Any] = [*COLOURS, *(tuple(0.55 * np.array(to_rgb(each))) for each in COLOURS if each != "#000000")]


def part_colours(k: int) -> list[Any]:
    """Return a colour for each of k parts: up to fifteen that differ, and for more of them steps to lighter ones."""
    return DISTINCT[:k] if k <= len(DISTINCT) else list(mpl.colormaps["viridis"](np.linspace(0, 0.85, k)))


def check_shape(image_shape: tuple[int, int], n: int, *, of: str = "features", name: str = "image_shape") -> None:
    """Refuse a shape that the features (or rows) do not fill."""
    if np.shape(image_shape) != (2,) or min(image_shape) < 1 or image_shape[0] * image_shape[1] != n:
        raise ValueError(f"{name} must be (height, width) of {n} pixels, the {of} of X; got {image_shape}.")


def count_of(k: int, most: int | None) -> int:
    """Return how many of k parts (or lines) to draw, at most so many."""
    if most is None:
        return k
    check_counts(most=most)
    return min(int(most), k)


def chosen(which: Any, n: int, name: str, *, first: int) -> Array:
    """Return the positions of the rows or parts asked for, out of n; by default the first few."""
    if (isinstance(which, str) and which != "all") or isinstance(which, (bool, np.bool_)) or np.ndim(which) > 1:
        got = f"an array of shape {np.shape(which)}" if np.ndim(which) else repr(which)
        raise ValueError(f'{name} must be "all", a slice, positions or a boolean array, got {got}.')
    if which is None or isinstance(which, str):
        which = slice(first if which is None else n)
    elif not isinstance(which, slice):
        which = np.asarray(which, None if np.size(which) else int)
        if which.dtype.kind not in "iub":
            raise ValueError(f"{name} must be named by their positions, from 0 to {n - 1}; got {which.tolist()!r}.")
    index: Array = np.atleast_1d(np.arange(n)[which])
    if not index.size:
        raise ValueError(f"{name} must name at least one of {n}, got none.")
    return index


def note_of(count: int, k: int) -> str:
    """Say in a picture that it leaves parts out: "12 of 200 parts shown"."""
    return f"{count} of {k} parts shown" if count < k else ""


def picture(ax: Any, x: Array, image_shape: tuple[int, int], colours: str, extent: tuple[float, float]) -> None:
    """Draw a row as a picture, without axes."""
    # Very long pictures (a spectrum: 1 x 1000) get tall pixels.
    height, width = image_shape
    stretch = proportion(image_shape) / (height / width)
    # Smoothing would blend the few lines of a long one, each many times as wide as its pixels are long.
    blocky = "nearest" if stretch != 1 and min(image_shape) > 1 else None
    ax.imshow(
        x.reshape(image_shape), cmap=colours, vmin=extent[0], vmax=extent[1], aspect=stretch, interpolation=blocky
    )
    empty(ax)


def empty(ax: Any) -> None:
    """Take away ticks, frame and ground, so that labels are all that is left."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.patch.set_visible(False)


def proportion(image_shape: tuple[float, float]) -> float:
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


def columns_of(count: int, shape: float) -> int:
    """Return how many columns make a figure about half again as wide as high, its last row as full as can be.

    ``shape`` is height over width of one picture.
    """
    columns = int(np.clip(round(np.sqrt(1.5 * count * shape)), 1, count))
    return -(-count // -(-count // columns))


def grid_of_pictures(count: int, image_shape: tuple[float, float], *, below: float = 0.0, note: str = "") -> Array:
    """Make a figure of pictures with titles, and a strip of inches `below` each."""
    columns = columns_of(count, proportion(image_shape))
    return panels(count, columns, size_of_picture(columns, image_shape), above=LINE, below=below, note=note)


def size_of_picture(columns: int, image_shape: tuple[float, float], *, rows: int = 1) -> tuple[float, float]:
    """Return width and height in inches of each of so many pictures, for a figure of 9 by 12 inches if it can be."""
    shape = proportion(image_shape)
    width = float(np.clip(min(9 / columns, 12 / (rows * shape)), NARROWEST, WIDEST))
    return width, width * shape


def panels(
    count: int,
    columns: int,
    size: tuple[float, float | Sequence[float]],
    *,
    above: float = 0.0,
    below: float = 0.0,
    left: float = 0.0,
    margins: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    note: str = "",
) -> Array:
    """Make a figure of Axes of one width, row by row, whose size follows from theirs.

    Inches: `size` is (width, height) of each, or (width, heights of the rows); strips `above`, `below` and `left` of
    each; `margins` of the figure at the left, the bottom, the right and the top. A `note` is written in a line of its
    own at the bottom.
    """
    heights = np.broadcast_to(size[1], -(-count // columns))
    across, down = left + size[0] + GAP, np.cumsum(above + heights + below + GAP)
    start, bottom, end, top = margins
    bottom += LINE if note else 0
    width = start + GAP + columns * across + end
    height = float(bottom + GAP + down[-1] + top)
    figure = plt.figure(figsize=(width, height))
    axes = np.empty(count, object)
    for i in range(count):
        row, column = divmod(i, columns)
        x, y = start + GAP + column * across + left, height - top - down[row] + below
        axes[i] = figure.add_axes((x / width, y / height, size[0] / width, heights[row] / height))
    if note:
        figure.text(GAP / width, GAP / height, note, fontsize=FONT, color="0.4", va="bottom")
    return axes


def lowest(count: int, columns: int) -> Array:
    """Return which panels of a figure have none below them: a boolean array."""
    below: Array = np.arange(count) + columns >= count
    return below


def within(names: Iterable[object], width: float, size: float, most: int = 24) -> list[str]:
    """Return names, all shortened to as many letters as fit into so many inches."""
    names = list(names)
    while most > 6 and width_of(shortened_all(names, most), size) > width:
        most -= 2
    return shortened_all(names, most)


def size_of(ax: Any) -> Array:
    """Return width and height of Axes in inches, as they lie now."""
    box = ax.get_position().transformed(ax.figure.transSubfigure)
    size: Array = np.array([box.width, box.height]) / ax.figure.dpi
    return size


def width_of(texts: Iterable[str], size: float) -> float:
    """Return the width of the widest of some texts, in inches."""
    sheet = Figure()
    boxes = [sheet.text(0, 0, text, fontsize=size, parse_math=False).get_window_extent() for text in set(texts)]
    return max((box.width for box in boxes), default=0) / sheet.dpi
