"""The largest entries of a part, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nonneg.data import Array
from nonneg.explain.plots.layout import FONT, LINE, columns_of, first_axes, lowest, panels, size_of, width_of
from nonneg.explain.plots.lines import amounts, say_empty, short_numbers

# Inches: a bar with the gap to the next, the longest bar, the numbers below.
STEP, LONGEST, BENEATH = 0.15, 1.2, 0.2
# Below this fraction of the longest a bar is too short to be seen beside the line that it starts from.
VISIBLE = 0.02


def grid_of_bars(names: Sequence[Sequence[str]], *, heading: str, note: str = "", axes: Any = None) -> Array:
    """Return Axes for bars with these names, one list for each part; what the bars measure is written below."""
    count = len(names)
    if axes is not None:
        grid = first_axes(axes, count)
        outer = np.ones(count, bool)
    else:
        room = width_of((name for part in names for name in part), FONT - 1) + 0.05
        usual = _height(int(np.ceil(np.mean([len(part) for part in names]))))
        columns = columns_of(count, (usual + LINE + BENEATH) / (room + LONGEST))
        outer = lowest(count, columns)
        # A line of panels is as high as its longest list.
        heights = [_height(slots_of(names[i : i + columns])) for i in range(0, count, columns)]
        grid = panels(
            count,
            columns,
            (LONGEST, heights),
            above=LINE,
            below=BENEATH,
            left=room,
            margins=(0, 0.1, 0.15, 0),
            note=note,
        )
    for ax, lower in zip(grid, outer, strict=True):
        ax.set_xlabel(heading if lower else "", fontsize=FONT, labelpad=2)
    return grid


def _height(slots: int) -> float:
    return STEP * slots + 0.05


def slots_in(ax: Any) -> int:
    """Return for how many bars there is room in Axes that `grid_of_bars` has made."""
    return int(size_of(ax)[1] / STEP)


def slots_of(names: Sequence[Sequence[str]]) -> int:
    """Return for how many bars each part has room."""
    return max(1, *map(len, names))


def bars(ax: Any, names: Sequence[str], lengths: Array, slots: int, colour: Any) -> None:
    """Draw a bar for each name, the first on top, where so many have room; without bars there is no scale."""
    ax.barh(range(len(names)), lengths, color=colour, height=0.7)
    top = float(lengths.max(initial=0))
    ax.set(xlim=(0, 1.05 * top if top > 0 else 1), ylim=(slots - 0.4, -0.6))
    # A name is no formula, whatever dollars it holds.
    ax.set_yticks(range(len(names)), names, fontsize=FONT - 1, parse_math=False)
    ax.tick_params(axis="y", length=0, pad=2)
    ax.tick_params(axis="x", labelsize=FONT - 1, length=2, pad=2)
    ax.xaxis.set_major_locator(amounts())
    ax.xaxis.set_major_formatter(short_numbers())
    ax.spines[["top", "right"]].set_visible(False)
    if not top > 0:
        ax.set_xlabel("")
        say_empty(ax, "bottom")
