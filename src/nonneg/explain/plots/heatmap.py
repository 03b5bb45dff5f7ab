"""W and H as pictures of all their numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect import row_shares
from nonneg.explain.inspect.vectors import amounts_of, check_result
from nonneg.explain.labels import feature_labels, row_labels
from nonneg.explain.plots.keys import LINE_HEIGHT, Labels, as_labels, key, key_width, settled_size, share_bar
from nonneg.explain.plots.layout import FONT, count_of, first_axes, size_of, width_of, within
from nonneg.explain.plots.tables import by_largest_part, fit, means_of_lines, number_parts
from nonneg.solve import Factorization

# Inches that a figure may be high, with names of lines and without.
TALLEST, WITHOUT_NAMES = 11.0, 6.0
# Inches: the narrowest and the widest matrix, the bar of its shares with all gaps beside it, the longest name.
MATRIX, BESIDE, LONGEST_NAME = (1.2, 3.0), 1.15, 1.8
# What the longest name may take of the width of Axes that are given.
LEFT_TO_NAMES = 0.4
# The colours of groups and the gap to the matrix, in widths of the matrix.
STRIP, STRIP_GAP = 0.06, 0.025


def heatmap(
    result: Factorization, *, side: str = "both", groups: Any = None, most: int | None = None, axes: Any = None
) -> Array:
    """Draw W and H as heat maps whose lines are sorted, so that what belongs to one part lies together.

    W: a line a row of X, the share of each part in that row. H: a line a feature, the share of each part in what the
    whole holds of that feature. White is nothing. Lines are ordered by their largest part, then by its share; those
    of zeros come last. Names are written where they fit. Where there are more lines than pixels, a pixel shows the
    mean of its lines.

    Parameters
    ----------
    result : Factorization
        Of any k.
    side : {"both", "W", "H"}
        What to draw.
    groups : array-like of length m, optional
        A label for each row of X, shown as a colour left of W; of more than twelve different ones, the rarest
        together are "others". Their order is as in `shares`.
    most : int, optional
        Draw at most so many lines, at least 1: in turn the largest of each part, by the amount that the part holds;
        if there are more parts than lines, some parts have none. All lines by default.
    axes : Axes or array of Axes, optional
        Where to draw, at least one for each side; spare ones are blanked. Their figure should have
        ``layout="constrained"``, so that there is room for the keys. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (1,) or (2,)

    Raises
    ------
    ValueError
        If `side` is none of the three, `groups` are not one label a row or come without W, `most` is below 1, or
        there are too few Axes.

    Examples
    --------
    >>> import nonneg
    >>> from nonneg import plots
    >>> result = nonneg.factorize([[0.0, 0.0, 2.0], [4.0, 4.0, 0.0]], 2, seed=0)
    >>> axes = plots.heatmap(result.named(rows=["Ann", "Bob"]), side="W")
    >>> [name.get_text() for name in axes[0].get_yticklabels()]
    ['Bob', 'Ann']
    """
    result = check_result(result)
    if side not in ("both", "W", "H"):
        raise ValueError(f'side must be "both", "W" or "H", got {side!r}.')
    if groups is not None and side == "H":
        raise ValueError('groups are labels of the rows of X: they need side="W" or side="both".')
    labels = None if groups is None else as_labels(groups, len(result.W), "groups")

    sides = []
    if side != "H":
        sides.append(_Side("W", "row", *_lines(result, most), row_labels(result), labels))
    if side != "W":
        turned = replace(result, W=result.H.T, H=result.W.T)
        sides.append(_Side("H", "feature", *_lines(turned, most), feature_labels(result), None))
    grid = _new_axes(result.k, sides) if axes is None else first_axes(axes, len(sides), "sides")
    for one, ax in zip(sides, grid, strict=True):
        _draw_side(ax, one)
    # Names come last: with them it takes long to find out what room there is.
    for one, ax in zip(sides, grid, strict=True):
        width, height = size_of(ax)
        if fit(len(one.order), height):
            names = _short(one, LONGEST_NAME if axes is None else LEFT_TO_NAMES * width)
            ax.set_yticks(range(len(names)), names, parse_math=False)
    length = min(settled_size(ax)[0] * result.k / np.ptp(ax.get_xlim()) for ax in grid)
    for ax in grid:
        number_parts(ax.xaxis, result.k, length, 0)
    return grid


class _Side(NamedTuple):
    of: str  # which matrix it is
    what: str  # a line of it is
    order: Array  # which lines are drawn, from the top
    shares: Array  # of the parts in every line, in the order of X
    names: Array  # of every line
    labels: Labels | None  # of every line


def _lines(result: Factorization, most: int | None) -> tuple[Array, Array]:
    """Return which rows are drawn, from the top, and the shares of the parts in every row."""
    shares = row_shares(result)
    order = by_largest_part(shares)
    count = count_of(len(order), most)
    if count == len(order):
        return order, shares
    part = shares.argmax(axis=1)
    amount = amounts_of(result).max(axis=1)
    falling = np.argsort(-amount, kind="stable")
    # How many lines of the same part are larger.
    place = np.empty(len(order), int)
    for j in range(result.k):
        mine = falling[part[falling] == j]
        place[mine] = np.arange(len(mine))
    kept = np.lexsort((-amount, place, amount == 0))[:count]
    return order[np.isin(order, kept)], shares


def _new_axes(k: int, sides: list[_Side]) -> Array:
    """Make a figure in which the matrices have room beside their names and keys."""
    matrix = float(np.clip(0.2 * k, *MATRIX))
    heights = [1 + 1.05 * LINE_HEIGHT * len(side.order) for side in sides]
    width = 0.0
    for side, height in zip(sides, heights, strict=True):
        width += matrix * _across(side) + BESIDE
        if height <= TALLEST:
            width += width_of(_short(side, LONGEST_NAME), FONT)
        if side.labels is not None:
            width += key_width(side.labels.names)
    # Where the names of none fit, height is of no use.
    height = max([2.5, *(height if height <= TALLEST else WITHOUT_NAMES for height in heights)])
    _, grid = plt.subplots(
        1,
        len(sides),
        figsize=(width, height),
        width_ratios=[_across(side) for side in sides],
        squeeze=False,
        layout="constrained",
    )
    return first_axes(grid, len(sides))


def _across(side: _Side) -> float:
    """Return how wide the Axes of a side are, in widths of the matrix."""
    return 1 + STRIP + STRIP_GAP if side.labels is not None else 1


def _short(side: _Side, width: float) -> list[str]:
    """Return the names of the lines drawn, shortened to so many inches."""
    return within(side.names[side.order], width, FONT, 40)


def _draw_side(ax: Any, side: _Side) -> None:
    table, k = side.shares[side.order], side.shares.shape[1]
    # It begins where the matrix does, which may be narrower: the keys lie at the right.
    ax.set_title(_title(side), fontsize=FONT, x=0, ha="left")
    number_parts(ax.xaxis, k, 1, 0)
    ax.set_yticks([])
    ax.tick_params(labelsize=FONT, length=0)
    ax.spines[:].set_visible(False)
    height = settled_size(ax)[1]
    colours = {"cmap": "Blues", "vmin": 0, "vmax": max(table.max(), 1e-9)}
    image = _draw(ax, table, -0.5, k - 0.5, height, **colours)
    if side.labels is not None:
        codes = side.labels.codes[side.order]
        left = -0.5 - (STRIP + STRIP_GAP) * k
        _draw(ax, side.labels.colours[codes][:, None], left, left + STRIP * k, height)
        ax.set_xlim(left, k - 0.5)
    share_bar(ax, image, f"share of the {side.what}")
    if side.labels is not None:
        present = np.unique(codes)
        key(ax, [side.labels.names[i] for i in present], side.labels.colours[present])


def _draw(ax: Any, table: Array, left: float, right: float, height: float, **colours: Any) -> Any:
    """Draw lines from the top, on Axes of so many inches."""
    extent = (left, right, len(table) - 0.5, -0.5)
    table = means_of_lines(table, height * ax.figure.dpi)[0]
    return ax.imshow(table, extent=extent, aspect="auto", interpolation="nearest", **colours)


def _title(side: _Side) -> str:
    """Return what is drawn: "W: 30 of 200 rows, the largest of 30 of 100 parts"."""
    drawn, (count, k) = side.shares[side.order], side.shares.shape
    if len(drawn) == count:
        return f"{side.of}: {count} {side.what}s"
    parts = len(np.unique(drawn.argmax(axis=1)[drawn.any(axis=1)]))
    which = "each part" if parts == k else f"{parts} of {k} parts"
    return f"{side.of}: {len(drawn)} of {count} {side.what}s,\nthe largest of {which}"
