"""What tables share: the order of their lines, the numbers of parts, whether names fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonneg.data import Array
from nonneg.explain.plots.keys import LINE_HEIGHT, steps_between
from nonneg.explain.plots.layout import FONT


def fit(count: int, length: float) -> bool:
    """Tell whether so many lines of text fit into so many inches."""
    return count * LINE_HEIGHT <= length


def by_largest_part(shares: Array) -> Array:
    """Return the order of lines by their largest part, within it by falling share; empty lines come last."""
    largest = shares.max(axis=1)
    part = np.where(largest > 0, shares.argmax(axis=1), shares.shape[1])
    return np.lexsort((-largest, part))


def means_of_lines(table: Array, most: float) -> tuple[Array, Array]:
    """Return the means of neighbouring lines, at most so many, and the first line of each; the table if it has fewer.

    A picture of more lines than pixels would show some of them and drop the others.
    """
    count, most = len(table), max(1, int(most))
    if count <= most:
        return table, np.arange(count)
    starts = np.arange(most) * count // most
    sizes = np.diff(starts, append=count).reshape(-1, *[1] * (table.ndim - 1))
    return np.add.reduceat(table, starts) / sizes, starts


def number_parts(axis: Any, k: int, length: float, first: float, each: float = 0.25, name: str = "part") -> None:
    """Write the numbers of k parts, or others, along an axis of so many inches, on which the 1 stands at `first`."""
    shown = range(0, k, steps_between(k, length, each))
    axis.set_ticks([j + first for j in shown], labels=[str(j + 1) for j in shown], fontsize=FONT)
    axis.set_label_text(name, fontsize=FONT)
