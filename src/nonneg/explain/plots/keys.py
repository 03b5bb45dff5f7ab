"""What a colour stands for: labels as colours, and the key beside a picture that tells them."""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, to_rgba_array
from matplotlib.ticker import FuncFormatter

from nonneg.data import Array, as_names
from nonneg.explain.labels import part_labels
from nonneg.explain.plots.layout import FONT, HAIRLINE, part_colours, width_of
from nonneg.explain.words import shortened_all

# More labels than these cannot be told apart by their colours: the rarest share one grey.
MOST_LABELS = 12
# Inches: a line of text, a box of colour, the gap between a key and what it explains.
LINE_HEIGHT, BOX, GAP = 0.17, 0.12, 0.15


class Labels(NamedTuple):
    """A label for each row: ``names[codes[i]]`` is what row i is called, ``colours[codes[i]]`` its colour."""

    names: list[str]
    codes: Array
    colours: Array


def as_labels(labels: Any, m: int, argument: str) -> Labels:
    """Check one label for each of m rows; if there are too many kinds, the rarest become "others".

    Kinds stand in the order of their categories, where the labels have some (pandas); else numbers rise, and texts
    stand in the order in which they first appear.
    """
    array = as_names(labels)
    if array.shape != (m,):
        raise ValueError(f"{argument} must hold a label for each of the {m} rows, got {len(array)}.")
    kinds, first, codes, counts = np.unique(array, return_index=True, return_inverse=True, return_counts=True)
    order = _order(labels, kinds, first)
    kinds, codes, counts = kinds[order], np.argsort(order)[codes], counts[order]
    names = shortened_all(kinds)
    if len(kinds) <= MOST_LABELS:
        return Labels(names, codes, to_rgba_array(part_colours(len(kinds))))
    kept = np.sort(np.argsort(-counts, kind="stable")[: MOST_LABELS - 1])
    new = np.full(len(kinds), len(kept))
    new[kept] = np.arange(len(kept))
    return Labels(
        [*(names[i] for i in kept), f"{len(kinds) - len(kept)} others"],
        new[codes],
        to_rgba_array([*part_colours(len(kept)), HAIRLINE]),
    )


def _order(labels: Any, kinds: Array, first: Array) -> Array:
    """Return the order of the kinds of labels, which rise, from where each first appears."""
    categories = getattr(getattr(labels, "cat", labels), "categories", None)
    if categories is not None:
        place = {name: i for i, name in enumerate(as_names(list(categories)).tolist())}
        # A row without a category is of a kind of its own, the last.
        return np.argsort([place.get(kind, len(place)) for kind in kinds.tolist()], kind="stable")
    return np.arange(len(kinds)) if kinds.dtype.kind in "iuf" else np.argsort(first)


def key(ax: Any, names: list[str], colours: Any, *, upward: bool = False) -> Any:
    """Draw boxes of colour with their names at the right of the Axes, the first on top or below; of many only some.

    It is a colour bar, so that the Axes make room for it and two keys stand side by side. Draw it last: how many
    names fit depends on the height that is left to the Axes.
    """
    count = len(names)
    width, height = settled_size(ax)
    shrink = min(1.0, 1.3 * LINE_HEIGHT * count / height)
    mapped = ScalarMappable(mpl.colors.Normalize(-0.5, count - 0.5), ListedColormap(colours))
    bar = ax.figure.colorbar(
        mapped, ax=ax, shrink=shrink, anchor=(0, 1), aspect=height * shrink / BOX, pad=_gap(width)
    )
    shown = range(0, count, steps_between(count, height))
    bar.set_ticks(list(shown), labels=[names[i] for i in shown], fontsize=FONT, parse_math=False)
    bar.ax.tick_params(length=0)
    if not upward:
        bar.ax.invert_yaxis()
    bar.outline.set_visible(False)
    return bar


def key_width(names: list[str]) -> float:
    """Return how many inches of width a key takes."""
    return GAP + BOX + width_of(names, FONT) + 0.1


def part_key(ax: Any, k: int, *, upward: bool = False) -> Any:
    """Draw the key of the colours of k parts, part 1 on top or below."""
    return key(ax, part_labels(k), part_colours(k), upward=upward)


def share_bar(ax: Any, image: Any, title: str) -> Any:
    """Draw the colour bar of an image of shares."""
    width, height = settled_size(ax)
    bar = ax.figure.colorbar(image, ax=ax, format=percents(), aspect=height / 0.15, pad=_gap(width))
    bar.set_label(title, fontsize=FONT)
    bar.ax.tick_params(labelsize=FONT)
    bar.outline.set_visible(False)
    return bar


def _gap(width: float) -> float:
    """Return the gap of a colour bar as a share of so many inches: those of narrow Axes will be narrower still."""
    return min(0.05, GAP / width)


def percents() -> Any:
    """Return a formatter of ticks that writes fractions as "12.5 %"."""
    return FuncFormatter(lambda fraction, _: f"{100 * fraction:g} %")


def settled_size(ax: Any) -> tuple[float, float]:
    """Return the width and the height of Axes, once what is drawn has got its room."""
    root = ax.figure.canvas.figure
    engine = root.get_layout_engine()
    if engine is not None:
        engine.execute(root)
    box = ax.get_window_extent()
    return box.width / ax.figure.dpi, box.height / ax.figure.dpi


def steps_between(count: int, length: float, each: float = LINE_HEIGHT) -> int:
    """Return how many of the things that stand along a length (inches) share one label: 1, 2, 5, 10, 20, ..."""
    least = count * each / length
    sizes = (step * 10**power for power in range(9) for step in (1, 2, 5))
    return int(next(size for size in sizes if size >= least))
