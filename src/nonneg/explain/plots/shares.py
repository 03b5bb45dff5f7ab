"""The shares of the parts in the whole, and in its rows."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect import row_shares
from nonneg.explain.inspect.vectors import check_result
from nonneg.explain.labels import part_labels, row_labels
from nonneg.explain.plots.keys import (
    LINE_HEIGHT,
    Labels,
    as_labels,
    key_width,
    part_key,
    percents,
    settled_size,
    steps_between,
)
from nonneg.explain.plots.layout import DISTINCT, FONT, chosen, part_colours, width_of, within
from nonneg.explain.plots.tables import by_largest_part, fit, means_of_lines, number_parts
from nonneg.explain.words import percent
from nonneg.solve import Factorization

# Up to so many rows stand in the order given; in more of them nobody looks for one.
MOST_IN_ORDER = 40
# Inches: a figure of rows without names that stand upright, the longest of these; on Axes that are given, what it may
# take of their height.
HEIGHT, LONGEST_NAME, LEFT_TO_NAMES = 3.3, 1.8, 0.35
# Inches of the longest label, "<0.1 %".
LABEL_WIDTH = 0.5


def shares(result: Factorization, *, rows: Any = None, groups: Any = None, ax: Any = None) -> Any:
    """Draw how much of the total each part holds, or how much of each row.

    Without `rows` one bar a part: its share of the sum of all entries of W H. With `rows` one bar a row, cut into the
    shares of the parts in that row; a row of zeros stays empty. Up to 40 rows stand in the order given, more are
    ordered by their largest part and its share. Part 1 lies at the bottom of each bar, and of the key. Names are
    written where they fit. Where there are more rows than pixels, neighbours are shown by their mean.

    Parameters
    ----------
    result : Factorization
        Of any k.
    rows : "all", slice, int array or boolean array, optional
        Which rows of X to draw.
    groups : array-like of length m, optional
        A label for each row of X, drawn or not; rows of one label then stand together, under its name. Labels come
        in the order of their categories (pandas), numbers rising, texts as they first appear in `groups`.
    ax : Axes, optional
        Where to draw; its figure should have ``layout="constrained"``, so that there is room for the key. By default
        a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If no row is asked for, `groups` come without `rows`, or there are more or fewer labels than rows.
    IndexError
        If there is no such row.

    Examples
    --------
    >>> import nonneg
    >>> from nonneg import plots
    >>> result = nonneg.factorize([[4.0, 4.0, 0.0], [0.0, 0.0, 2.0], [1.0, 1.0, 2.0]], 2, seed=0)
    >>> ax = plots.shares(result)
    >>> [round(float(bar.get_height()), 2) for bar in ax.patches]
    [0.71, 0.29]
    """
    result = check_result(result)
    if rows is None:
        if groups is not None:
            raise ValueError('groups are labels of rows: say which rows to draw, such as rows="all".')
        return _of_the_total(result, ax)
    m = len(result.W)
    labels = None if groups is None else as_labels(groups, m, "groups")
    return _of_rows(result, chosen(rows, m, "rows", first=m), labels, ax)


def _of_the_total(result: Factorization, ax: Any) -> Any:
    k, share = result.k, result.share
    if ax is None:
        _, ax = plt.subplots(figsize=(float(np.clip(1 + LABEL_WIDTH * k, 2.5, 9)), 3), layout="constrained")
    ax.bar(np.arange(1, k + 1), share, width=0.8, color=part_colours(k))
    step = steps_between(k, settled_size(ax)[0], LABEL_WIDTH)
    for j in range(0, k, step):
        # A label that stands for many bars begins at its own and keeps above those it covers.
        x, align = (j + 1, "center") if step == 1 else (j + 0.6, "left")
        above = share[j : j + step].max()
        ax.annotate(
            percent(share[j]), (x, above), (0, 2), textcoords="offset points", ha=align, va="bottom", fontsize=FONT
        )
    last = 0.6 + (k - 1) // step * step + LABEL_WIDTH * k / settled_size(ax)[0]
    ax.set_xlim(0.4, k + 0.6 if step == 1 else max(k + 0.6, last))
    ax.set_ylim(0, 1.12 * max(share.max(), 1e-3))
    number_parts(ax.xaxis, k, settled_size(ax)[0], 1, LABEL_WIDTH)
    _finish(ax, "share of the total")
    return ax


def _of_rows(result: Factorization, rows: Array, labels: Labels | None, ax: Any) -> Any:
    table = row_shares(result)[rows]
    order = np.arange(len(rows)) if len(rows) <= MOST_IN_ORDER else by_largest_part(table)
    if labels is not None:
        order = order[np.argsort(labels.codes[rows[order]], kind="stable")]
    rows, table = rows[order], table[order]
    count = len(rows)
    own = ax is None
    if own:
        _, ax = plt.subplots(figsize=(float(np.clip(2.5 + 0.22 * count, 3.5, 9)), HEIGHT), layout="constrained")
    _finish(ax, "share of the row")
    width, height = settled_size(ax)
    width -= key_width(part_labels(result.k)) if result.k > 1 else 0
    longest = LONGEST_NAME if own else LEFT_TO_NAMES * height

    named = count <= MOST_IN_ORDER and fit(count, width)
    beside, beyond = 0.0, 0.0
    if named:
        names = within(row_labels(result)[rows], longest, FONT, 40)
        beside = _name_rows(ax, names, width / count)
    else:
        ax.set_xticks([])
        ordered = "" if count <= MOST_IN_ORDER else ", by their largest part"
        ax.set_xlabel(f"{count} rows{ordered}", fontsize=FONT)
    if labels is not None:
        beyond = _name_groups(ax, within(labels.names, longest, FONT), labels.codes[rows], width / count)
    if own:
        ax.figure.set_figheight(HEIGHT + beside + beyond)

    _stack(ax, table, width * ax.figure.dpi, apart=named)
    if result.k > 1:
        part_key(ax, result.k, upward=True)
    return ax


def _stack(ax: Any, table: Array, pixels: float, *, apart: bool) -> None:
    """Draw rows of shares on top of each other, on Axes so many pixels wide; white lines keep them apart.

    Polygons with steps, one a part: a bar for each number would take a second for every few thousand. Each reaches
    down to zero and hides what is below, so that no background shines through where edges are smoothed.
    """
    count, k = table.shape
    # Steps of two pixels at least: where polygons share a pixel, the one drawn last would count for more.
    table, starts = means_of_lines(table, pixels / 2)
    edges = np.append(starts, count) - 0.5
    tops = np.cumsum(table, axis=1)
    tops = np.vstack([tops, tops[-1:]])
    # More parts than have colours of their own are slices too thin for an edge.
    line = {"edgecolor": "white", "linewidth": 0.5} if apart and k <= len(DISTINCT) else {"linewidth": 0}
    for j, colour in reversed(list(enumerate(part_colours(k)))):
        ax.fill_between(edges, tops[:, j], step="post", facecolor=colour, label=f"part {j + 1}", **line)
    if apart:
        ax.vlines(edges[1:-1], 0, 1, color="white", linewidth=1)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, 1))


def _name_rows(ax: Any, names: list[str], each: float) -> float:
    """Write the names of rows below their bars of so many inches; return how many they take if they stand upright."""
    length = width_of(names, FONT)
    upright = length + 0.05 > each
    ax.set_xticks(range(len(names)), names, rotation=90 if upright else 0, parse_math=False)
    return length if upright else 0.0


def _name_groups(ax: Any, names: list[str], codes: Array, each: float) -> float:
    """Write the names of groups above their rows of so many inches, and draw lines between them.

    A name that is wider than its group stands upright, if there is room beside those of larger groups. Returns how
    many inches the upright ones take.
    """
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    sizes = np.diff(starts, append=len(codes))
    ax.vlines(starts[1:] - 0.5, 0, 1.04, color="black", linewidth=1, clip_on=False, zorder=3)
    taken: list[tuple[float, float]] = []
    highest = 0.0
    for i in np.argsort(-sizes, kind="stable"):
        name = names[codes[starts[i]]]
        centre = starts[i] + (sizes[i] - 1) / 2
        length = width_of([name], FONT)
        upright = length > sizes[i] * each
        half = (LINE_HEIGHT if upright else length) / 2
        left, right = centre * each - half, centre * each + half
        if any(left < other[1] and other[0] < right for other in taken):
            continue
        taken.append((left, right))
        highest = max(highest, length if upright else 0.0)
        ax.annotate(
            name,
            (centre, 1),
            (0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            rotation=90 if upright else 0,
            fontsize=FONT,
            parse_math=False,
        )
    return highest


def _finish(ax: Any, what: str) -> None:
    ax.set_ylabel(what, fontsize=FONT)
    ax.yaxis.set_major_formatter(percents())
    ax.tick_params(labelsize=FONT)
    ax.tick_params(axis="x", length=0)
    ax.spines[["top", "right"]].set_visible(False)
