"""The parts of a result: as pictures, as lines, or by their largest entries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect import Top, top_features, top_rows
from nonneg.explain.inspect.vectors import check_result
from nonneg.explain.plots.bars import VISIBLE, bars, grid_of_bars, slots_in, slots_of
from nonneg.explain.plots.layout import (
    FONT,
    check_shape,
    count_of,
    first_axes,
    grid_of_pictures,
    note_of,
    part_colours,
    picture,
)
from nonneg.explain.plots.lines import given_axis, grid_of_lines, line, ordered_axis
from nonneg.explain.words import part_title, shortened_all
from nonneg.solve import Factorization

KINDS = ("auto", "images", "lines", "bars")
MOST_BARS = 10
# Without names, so many numbers are read as bars; more of them as a line.
FEW = 20


def parts(
    result: Factorization,
    *,
    image_shape: tuple[int, int] | None = None,
    x: Any = None,
    unit: str | None = None,
    kind: str = "auto",
    side: str = "H",
    most: int | None = None,
    axes: Any = None,
) -> Array:
    """Draw each part, titled with its share of the whole: as a picture, as a line, or as bars.

    What a part is made of are the rows of H, over the features. How much of it each row of X holds are the columns of
    W, over the rows: recovered signals, where rows are moments. Each part has a scale of its own, because the rows of
    H sum to one, so that a small part would outshine a wide one; the share tells their weight.

    Images: black is zero, white the largest value of the part, as in the pictures of rows. Bars: the ten largest
    entries of the part, by name, but for those below two percent of its largest, whose bars could not be seen. Lines
    and bars of a part that is all zero say that it is empty.

    Parameters
    ----------
    result : Factorization
        The parts to draw.
    image_shape : (height, width), optional
        Pixels of the pictures that the rows of X are; their product is the number of features (``side="W"``: rows).
    x : array-like of shape (n,), optional
        Where the features lie on an axis: wavelengths, times, dates; rising or falling throughout (``side="W"``: one
        for each of the m rows). By default the names, where they are such numbers, and the positions 0, 1, 2, ...
        where there are no names.
    unit : str, optional
        What the axis is called: "nm", "time in s"; shortened where panels are narrow.
    kind : {"auto", "images", "lines", "bars"}
        "auto" draws images where `image_shape` is given; lines where `x` is, where the names are numbers or dates in
        order, and where more than 20 features have no names; bars otherwise.
    side : {"H", "W"}
        The rows of H, over the features, or the columns of W, over the rows.
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
        If `kind` or `side` is unknown, `image_shape` or `x` does not fit the features (or rows), `image_shape` is
        given where no images are drawn, `x` or `unit` where no lines are, `most` is below 1, or there are too few
        Axes.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> nm = np.linspace(400, 700, 61)
    >>> bands = np.exp(-(((nm - np.array([[450], [550], [620]])) / 20) ** 2))
    >>> X = np.random.default_rng(0).random((30, 3)) @ bands
    >>> result = nonneg.factorize(X, 3, seed=0).named(features=nm)
    >>> axes = nonneg.plots.parts(result, unit="wavelength in nm")
    >>> axes[-1].get_xlabel()
    'wavelength in nm'
    """
    result = check_result(result)
    if side not in {"H", "W"}:
        raise ValueError(f'side must be "H" or "W", got {side!r}.')
    if kind not in KINDS:
        raise ValueError(f'kind must be "auto", "images", "lines" or "bars", got {kind!r}.')
    count = count_of(result.k, most)
    drawn = _side(result, side)
    if kind == "auto":
        kind = _kind_for(drawn, image_shape, x)
    _check_use(kind, images={"image_shape": image_shape}, lines={"x": x, "unit": unit})
    note = note_of(count, result.k)
    if kind == "images":
        grid = _images(drawn, count, image_shape, note, axes)
    elif kind == "lines":
        grid = _lines(drawn, count, x, unit, note, axes)
    else:
        grid = _bars(drawn, count, note, axes)
    for j, ax in enumerate(grid):
        ax.set_title(part_title(result.share[j], j), fontsize=FONT, pad=3)
    return grid


class _Side(NamedTuple):
    """What is drawn of a result: a part in a row, over features or rows."""

    values: Array
    names: Array | None
    top: Callable[[], Top]
    over: str
    heading: str


def _side(result: Factorization, side: str) -> _Side:
    if side == "H":
        return _Side(result.H, result.feature_names, partial(top_features, result, MOST_BARS), "feature", "weight")
    return _Side(result.W.T, result.row_names, partial(top_rows, result, MOST_BARS), "row", "amount")


def _kind_for(drawn: _Side, image_shape: Any, x: Any) -> str:
    """Choose how parts are drawn best."""
    if image_shape is not None:
        return "images"
    unnamed = drawn.names is None and drawn.values.shape[1] > FEW
    return "lines" if x is not None or unnamed or ordered_axis(drawn.names) is not None else "bars"


def _check_use(kind: str, **used: dict[str, Any]) -> None:
    """Refuse arguments that only another kind of picture would use."""
    for other, arguments in used.items():
        for name, value in arguments.items():
            if value is not None and other != kind:
                raise ValueError(
                    f"{name} was given, which only {other} use, but these parts are drawn as {kind}: leave it out, "
                    f'or ask for kind="{other}".'
                )


def _images(drawn: _Side, count: int, image_shape: tuple[int, int] | None, note: str, axes: Any) -> Array:
    if image_shape is None:
        raise ValueError('kind="images" needs image_shape=(height, width).')
    check_shape(image_shape, drawn.values.shape[1], of=f"{drawn.over}s")
    grid = grid_of_pictures(count, image_shape, note=note) if axes is None else first_axes(axes, count)
    for ax, values in zip(grid, drawn.values, strict=False):
        picture(ax, values, image_shape, "gray", (0, values.max()))
    return grid


def _lines(drawn: _Side, count: int, x: Any, unit: str | None, note: str, axes: Any) -> Array:
    n = drawn.values.shape[1]
    axis = ordered_axis(drawn.names) if x is None else given_axis(x, n, f"{drawn.over}s")
    if axis is None:
        axis = np.arange(n)
    # Dates say what they are.
    called = "" if axis.dtype.kind == "M" else drawn.over
    grid = grid_of_lines(count, label=called if unit is None else unit, heading=drawn.heading, note=note, axes=axes)
    for ax, values, colour in zip(grid, drawn.values, part_colours(len(drawn.values)), strict=False):
        line(ax, axis, values, colour)
    return grid


def _bars(drawn: _Side, count: int, note: str, axes: Any) -> Array:
    top = drawn.top()
    lengths = np.take_along_axis(drawn.values, top.index, axis=1)[:count]
    held = lengths > VISIBLE * lengths[:, :1]
    names = [shortened_all(top.names[j, held[j]]) for j in range(count)]
    grid = grid_of_bars(names, heading=drawn.heading, note=note, axes=axes)
    for j, (ax, colour) in enumerate(zip(grid, part_colours(len(drawn.values)), strict=False)):
        slots = slots_in(ax) if axes is None else slots_of(names)
        bars(ax, names[j], lengths[j, held[j]], slots, colour)
    return grid
