"""Parts along an ordered axis: spectra, signals."""

from __future__ import annotations

import warnings
from typing import Any

import matplotlib.dates
import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nonneg.data import Array, as_names
from nonneg.explain.plots.layout import FONT, LINE, columns_of, first_axes, lowest, panels, size_of, within

# matplotlib gives no types here.
dates: Any = matplotlib.dates

# Inches: room for the numbers of an axis, beside and below it; the heights of panels.
BESIDE, BENEATH, LOWEST, HIGHEST = 0.5, 0.25, 0.5, 1.6


def ordered_axis(names: Array | None) -> Array | None:
    """Return names as numbers or dates, where all read as such and rise or fall throughout; None otherwise."""
    if names is None or len(names) < 2:
        return None
    for kind in ("float64", "datetime64[us]"):
        try:
            with warnings.catch_warnings():
                # Of dates with a time zone numpy says that it turns them into UTC, which serves.
                warnings.simplefilter("ignore")
                x = names.astype(kind)
        except (ValueError, TypeError):
            continue
        if (x[1:] > x[:-1]).all() or (x[1:] < x[:-1]).all():
            return x
    return None


def given_axis(x: Any, n: int, of: str) -> Array:
    """Check the user's axis: one number or date for each feature (or row), in order."""
    names = as_names(x)
    if names.shape != (n,):
        raise ValueError(f"x must hold a number for each of the {n} {of}, got {len(names)}.")
    axis = ordered_axis(names)
    if axis is None:
        raise ValueError(f"x must hold numbers or dates that rise or fall throughout, one for each of the {n} {of}.")
    return axis


def grid_of_lines(count: int, *, label: str, heading: str, note: str, axes: Any) -> Array:
    """Return Axes for lines, their labels written."""
    if axes is not None:
        grid = first_axes(axes, count)
        outer = left = np.ones(count, bool)
    else:
        columns = columns_of(count, 0.25)
        outer, left = lowest(count, columns), np.arange(count) % columns == 0
        width = float(np.clip(9 / columns, 1.8, 6)) - BESIDE
        height = float(np.clip(width / 4, LOWEST, HIGHEST))
        margins = LINE, BENEATH, 0.15, 0.0
        grid = panels(count, columns, (width, height), above=LINE, left=BESIDE, margins=margins, note=note)
        (label,) = within([label], width + BESIDE, FONT, most=len(label))
    for ax, lower, first in zip(grid, outer, left, strict=True):
        ax.set_xlabel(label if lower else "", fontsize=FONT, labelpad=2)
        ax.set_ylabel(heading if first else "", fontsize=FONT, labelpad=2)
        if axes is None:
            ax.yaxis.set_label_coords((0.05 - BESIDE) / width, 0.5)
        ax.tick_params(labelsize=FONT - 1, length=2, pad=2, labelbottom=bool(lower))
    return grid


def line(ax: Any, x: Array, y: Array, colour: Any) -> None:
    """Draw a part over an axis, on a light ground; one that is zero has no scale."""
    ax.plot(x, y, color=colour, linewidth=0.9)
    ax.fill_between(x, y, color=colour, alpha=0.15, linewidth=0)
    top = float(y.max())
    width = size_of(ax)[0]
    ax.set(xlim=(x[0], x[-1]), ylim=(0, 1.05 * top if top > 0 else 1))
    if x.dtype.kind == "M":
        ticks = dates.AutoDateLocator(minticks=2, maxticks=max(3, int(width / 0.5)))
        ax.xaxis.set_major_locator(ticks)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ticks, show_offset=False))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(max(2, int(width / 0.6)), steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(short_numbers())
    ax.yaxis.set_major_locator(amounts())
    ax.yaxis.set_major_formatter(short_numbers())
    ax.spines[["top", "right"]].set_visible(False)
    if not top > 0:
        say_empty(ax, "left")


def say_empty(ax: Any, scale: str) -> None:
    """Write that there is nothing to draw, and take away the scale at a side."""
    ax.tick_params(**{scale: False, f"label{scale}": False})
    ax.spines[scale].set_visible(False)
    ax.text(0.5, 0.5, "empty", transform=ax.transAxes, ha="center", va="center", fontsize=FONT - 1, color="0.4")


def amounts() -> Any:
    """Make a locator of ticks for what starts at zero: zero and two more, the higher one near the end."""
    return MaxNLocator(2, steps=[1, 1.5, 2, 3, 4, 5, 6, 8, 10], min_n_ticks=3)


def short_numbers() -> Any:
    """Make a formatter of axes: 0.05, 1200, 1e+06, without an exponent elsewhere."""
    return FuncFormatter(lambda value, _: f"{value:g}")
