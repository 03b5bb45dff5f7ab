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
from nonneg.explain.plots.keys import LINE_HEIGHT, Labels, as_labels, key, settled_size, share_bar
from nonneg.explain.plots.layout import FONT, count_of, first_axes
from nonneg.explain.plots.tables import by_largest_part, fit, means_of_lines, number_parts
from nonneg.explain.words import shortened_all
from nonneg.solve import Factorization

# Inches that a figure may be high, with names of lines and without.
TALLEST, WITHOUT_NAMES = 11.0, 6.0


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
        together are "others".
    most : int, optional
        Draw at most so many lines, at least 1: in turn the largest of each part, by the amount that the part holds.
        All lines by default.
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

    sides = "WH" if side == "both" else side
    lines = {of: _lines(result if of == "W" else _turned(result), most) for of in sides}
    grid = (
        _new_axes(result.k, [len(lines[of].order) for of in sides])
        if axes is None
        else first_axes(axes, len(sides), "sides")
    )
    for of, ax in zip(sides, grid, strict=True):
        order, shares = lines[of]
        what, names = ("row", row_labels) if of == "W" else ("feature", feature_labels)
        image = _draw(
            ax, shares[order], -0.5, result.k - 0.5, cmap="Blues", vmin=0, vmax=max(shares[order].max(), 1e-9)
        )
        if of == "W" and labels is not None:
            _colour_strip(ax, labels, order)
        _describe(ax, of, what, result.k, len(order), len(shares))
        if fit(len(order), settled_size(ax)[1]):
            ax.set_yticks(range(len(order)), shortened_all(names(result)[order]), parse_math=False)
        share_bar(ax, image, f"share of the {what}")
        if of == "W" and labels is not None:
            present = np.unique(labels.codes[order])
            key(ax, [labels.names[i] for i in present], labels.colours[present])
    return grid


class _Lines(NamedTuple):
    order: Array  # which lines are drawn, from the top
    shares: Array  # of the parts in every line, in the order of X


def _turned(result: Factorization) -> Factorization:
    """Return the factorization of X transposed, whose rows are the features."""
    return replace(result, W=result.H.T, H=result.W.T)


def _lines(result: Factorization, most: int | None) -> _Lines:
    shares = row_shares(result)
    order = by_largest_part(shares)
    count = count_of(len(order), most)
    if count == len(order):
        return _Lines(order, shares)
    part = shares.argmax(axis=1)
    amount = amounts_of(result).max(axis=1)
    falling = np.argsort(-amount, kind="stable")
    # How many lines of the same part are larger.
    place = np.empty(len(order), int)
    for j in range(result.k):
        mine = falling[part[falling] == j]
        place[mine] = np.arange(len(mine))
    kept = np.lexsort((-amount, place, amount == 0))[:count]
    return _Lines(order[np.isin(order, kept)], shares)


def _new_axes(k: int, counts: list[int]) -> Array:
    heights = [1 + 1.05 * LINE_HEIGHT * count for count in counts]
    # Where the names of none fit, height is of no use.
    height = max([2.5, *(height if height <= TALLEST else WITHOUT_NAMES for height in heights)])
    width = float(np.clip(2.8 + 0.2 * k, 3.5, 5.5))
    _, grid = plt.subplots(1, len(counts), figsize=(width * len(counts), height), squeeze=False, layout="constrained")
    return first_axes(grid, len(counts))


def _draw(ax: Any, table: Array, left: float, right: float, **colours: Any) -> Any:
    """Draw lines from the top."""
    extent = (left, right, len(table) - 0.5, -0.5)
    table = means_of_lines(table, settled_size(ax)[1] * ax.figure.dpi)[0]
    return ax.imshow(table, extent=extent, aspect="auto", interpolation="nearest", **colours)


def _colour_strip(ax: Any, labels: Labels, order: Array) -> None:
    """Draw the colour of each line's label at the left."""
    left, right = ax.get_xlim()
    across = 0.06 * (right - left)
    _draw(ax, labels.colours[labels.codes[order]][:, None], left - 1.4 * across, left - 0.4 * across)
    ax.set_xlim(left - 1.4 * across, right)


def _describe(ax: Any, of: str, what: str, k: int, drawn: int, count: int) -> None:
    some = f"{drawn} of {count} {what}s, the largest of each part" if drawn < count else f"{count} {what}s"
    ax.set_title(f"{of}: {some}", fontsize=FONT)
    number_parts(ax.xaxis, k, 0.6 * settled_size(ax)[0], 0)
    ax.set_yticks([])
    ax.tick_params(labelsize=FONT, length=0)
    ax.spines[:].set_visible(False)
