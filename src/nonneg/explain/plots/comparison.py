"""The parts of several methods, one line of pictures for each."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib as mpl
import numpy as np

from nonneg.data import Array
from nonneg.explain.comparison import Comparison
from nonneg.explain.decompositions import TITLES
from nonneg.explain.plots.bars import VISIBLE
from nonneg.explain.plots.layout import (
    FONT,
    GAP,
    HAIRLINE,
    LINE,
    check_shape,
    count_of,
    first_axes,
    note_of,
    panels,
    picture,
    proportion,
)
from nonneg.explain.plots.lines import ordered_axis
from nonneg.explain.words import shortened_all

# Blue takes away, red adds: apart for any eye, white between.
SIGNED = "RdBu_r"
# Inches: the strip of numbers at the left, a line of it, the narrowest and the widest picture.
NUMBERS, ROW, NARROW, WIDE = 1.45, 0.98, 0.72, 1.6
# Height of a further line of the note in inches, and how many of its letters an inch holds.
NOTE, LETTERS = 0.14, 17
# Inches of one picture, and of the names at its left, where it is a line or bars; bars of a part.
LINES, BARS, NAMES, TOP = (1.5, 0.8), (1.0, 0.8), 1.15, 5
# How many parts stand beside one another, and how many are drawn unless the user says so.
MOST = {"picture": 15, "line": 8, "bars": 6}


def comparison(
    result: Comparison, *, image_shape: tuple[int, int] | None = None, most: int | None = None, axes: Any = None
) -> Array:
    """Draw the parts of every method side by side: a line for each method, its key numbers at the left.

    Parts that stand below one another belong together: those of NMF (of the first method, where NMF is not there) in
    their order, under them of each method the parts that are most like them, each turned so that it points the same
    way (see `Comparison.lined_up`): the sign of a part of the others has no meaning. Red adds, blue takes away, white
    is zero; each part has its own scale, the same on both sides of zero.

    Parameters
    ----------
    result : Comparison
        As `compare` returns it.
    image_shape : (height, width), optional
        Pixels, where rows are pictures; their product is the number of features. Without it parts are drawn as lines
        over the features, where these have no names or their names are numbers or dates in order; else as bars of
        their five largest entries, but for those below two percent of the largest, whose bars could not be seen.
    most : int, optional
        Draw at most so many parts, at least 1; by default 15 pictures, 8 lines or 6 groups of bars. If more are asked
        for, the others stand below these.
    axes : array of Axes, optional
        Where to draw, at least one for each part of each method; spare ones are blanked. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (number of methods, parts drawn)

    Raises
    ------
    ImportError
        If matplotlib is missing.
    TypeError
        If `result` is no Comparison.
    ValueError
        If `image_shape` does not fit the features, `most` is below 1, or there are too few Axes.

    Examples
    --------
    >>> import nonneg
    >>> swimmer = nonneg.datasets.make_swimmer()
    >>> comparison = nonneg.compare(swimmer.data, 4, ("nmf", "pca"))
    >>> nonneg.plots.comparison(comparison, image_shape=swimmer.image_shape).shape
    (2, 4)
    """
    if not isinstance(result, Comparison):
        raise TypeError(f"result must be a Comparison, as nonneg.compare returns it, got {type(result).__name__}.")
    n = next(iter(result.components.values())).shape[1]
    if image_shape is not None:
        check_shape(image_shape, n)
    names = np.arange(n) if result.feature_names is None else result.feature_names
    x = names if result.feature_names is None else ordered_axis(names)
    kind = "picture" if image_shape is not None else "bars" if x is None else "line"
    shape = len(result.methods), count_of(result.k, MOST[kind] if most is None else most)
    columns = shape[1]
    if axes is None:
        grid, columns = _figure(shape, kind, image_shape, result.k)
    else:
        grid = first_axes(axes, shape[0] * shape[1]).reshape(shape)

    for i, (line, (method, parts)) in enumerate(zip(grid, result.lined_up().items(), strict=True)):
        for j, (ax, part) in enumerate(zip(line, parts, strict=False)):
            if image_shape is not None:
                _picture(ax, part, image_shape)
            elif x is None:
                _bars(ax, part, names)
            else:
                _line(ax, part, x, lowest=i == shape[0] - 1 and j >= shape[1] - columns)
            if i == 0:
                ax.set_title(f"part {j + 1}", fontsize=FONT, pad=3)
        left = NUMBERS - GAP + (NAMES if kind == "bars" else 0)
        for ax in line[::columns]:
            _beside(ax, TITLES[method], left, 30, va="center", fontsize=FONT, fontweight="bold")
        numbers = "\n".join(_numbers({column: cells[i] for column, cells in result.table.items()}))
        _beside(line[0], numbers, left, 23, va="top", fontsize=FONT - 1, color="0.3")
    return grid


def _picture(ax: Any, part: Array, image_shape: tuple[int, int]) -> None:
    top = _top(part)
    picture(ax, part, image_shape, SIGNED, (-top, top))
    ax.spines[:].set(visible=True, color=HAIRLINE, linewidth=0.5)


def _line(ax: Any, part: Array, x: Array, *, lowest: bool) -> None:
    """Draw a part over its features, in their order; what lies below zero is blue."""
    top = _top(part)
    for values, colour in ((np.maximum(part, 0), _colour(1)), (np.minimum(part, 0), _colour(-1))):
        if values.any():
            ax.fill_between(x, values, color=colour, linewidth=0.6)
    ax.axhline(0, color=HAIRLINE, linewidth=0.5)
    ax.set(ylim=(-1.05 * top, 1.05 * top), yticks=[])
    ends = x[[0, -1]]
    ax.margins(x=0)
    if ends[0] > ends[1]:
        ax.invert_xaxis()
    ax.set_xticks(ends, _said(ends) if lowest else ["", ""], fontsize=FONT - 1)
    for label, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
        label.set_horizontalalignment(side)
    if lowest and x.dtype.kind != "M":  # dates say what they are
        ax.set_xlabel("feature", fontsize=FONT - 1, labelpad=1)
    ax.tick_params(length=2, pad=2)
    ax.spines[:].set(color=HAIRLINE, linewidth=0.5)


def _said(ends: Array) -> list[str]:
    return np.datetime_as_string(ends, "D").tolist() if ends.dtype.kind == "M" else [f"{end:g}" for end in ends]


def _bars(ax: Any, part: Array, names: Array) -> None:
    """Draw the largest entries of a part, whatever their sign, the largest on top."""
    top = _top(part)
    largest = np.argsort(-np.abs(part), kind="stable")[:TOP]
    largest = largest[np.abs(part[largest]) > VISIBLE * top]
    values = part[largest]
    ax.barh(range(len(values)), values, color=[_colour(value) for value in values], height=0.7)
    ax.axvline(0, color=HAIRLINE, linewidth=0.5)
    # A name is no formula, whatever dollars it holds.
    ax.set_yticks(range(len(values)), shortened_all(names[largest], 18), fontsize=FONT - 1, parse_math=False)
    ax.set(xlim=(-1.05 * top, 1.05 * top), ylim=(TOP - 0.4, -0.6), xticks=[])
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)


def _numbers(value: dict[str, Any]) -> list[str]:
    """Return the key numbers of a method."""
    return [
        f"held-out error {100 * value['held_out_error']:.1f} %",
        f"negative entries {100 * value['negative_in_parts']:.0f} %",
        f"cancels {100 * value['cancellation']:.0f} %",
        *([f"stability {value['stability']:.2f}"] if np.isfinite(value["stability"]) else []),
        f"{value['seconds']:.2g} s",
    ]


def _beside(ax: Any, text: str, left: float, up: float, **style: Any) -> None:
    """Write so many inches left of Axes, and so many points above the middle."""
    place = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(text, (0, 0.5), xytext=(-72 * left, up), ha="left", **place, **style)


def _figure(shape: tuple[int, int], kind: str, image_shape: tuple[int, int] | None, k: int) -> tuple[Array, int]:
    """Make a figure of equal pictures whose size follows from theirs, with room for numbers, titles and a legend.

    Return Axes, a line for each method, and how many of them stand beside one another.
    """
    methods, count = shape
    blocks = -(-count // MOST[kind])
    columns = -(-count // blocks)
    left = NAMES if kind == "bars" else 0.0
    if image_shape is None:
        width, height = BARS if kind == "bars" else LINES
    else:
        width = float(np.clip(9 / columns, NARROW, WIDE))
        height = width * proportion(image_shape)
    pad = max(0.0, (ROW - height) / 2)
    scales = "each part in its own scale, paired with the one above and turned to point the same way"
    note = "; ".join(filter(None, [note_of(count, k), scales]))
    note, lines = _wrapped(note, NUMBERS - 2 * GAP + columns * (left + width + GAP))
    below = LINE * (1 + (kind == "line")) + (lines - 1) * NOTE
    grid = panels(
        blocks * methods * columns,
        columns,
        (width, height),
        above=max(pad, LINE) if blocks > 1 else pad,
        below=pad,
        left=left,
        margins=(NUMBERS - GAP, LINE + below, 0.0, LINE),
        note=note,
    )
    _legend(grid[0].figure, lines)
    grid = grid.reshape(blocks, methods, columns).swapaxes(0, 1).reshape(methods, -1)
    for spare in grid[:, count:].flat:
        spare.remove()
    return grid[:, :count], columns


def _wrapped(note: str, width: float) -> tuple[str, int]:
    """Return a note in lines of so many inches, and how many they are."""
    text = textwrap.fill(note, int(width * LETTERS))
    return text, text.count("\n") + 1


def _legend(figure: Any, lines: int) -> None:
    """Write what the colours say, a word in each and white between, above a note of so many lines."""
    width, height = figure.get_size_inches()
    for x, word, side in ((GAP, "takes away", -1), (GAP + 0.75, "adds", 1)):
        figure.text(
            x / width,
            (GAP + 1.1 * LINE + (lines - 1) * NOTE) / height,
            word,
            fontsize=FONT - 1,
            fontweight="bold",
            color=_colour(side),
            va="bottom",
        )


def _colour(value: float) -> Any:
    return mpl.colormaps[SIGNED](0.9 if value >= 0 else 0.1)


def _top(part: Array) -> float:
    return float(np.abs(part).max()) or 1.0
