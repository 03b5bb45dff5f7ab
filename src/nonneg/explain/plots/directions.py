"""Rows in the plane, and the parts as arrows from the origin."""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from nonneg.data import Array
from nonneg.explain.labels import feature_labels
from nonneg.explain.plots.keys import LINE_HEIGHT, settled_size
from nonneg.explain.plots.layout import DISTINCT, FONT, HAIRLINE, first_axes, part_colours, size_of, within
from nonneg.explain.plots.several import fitted, titled
from nonneg.explain.words import part_title, rounded
from nonneg.solve import Factorization

# An arrow is as long as what nine of ten rows hold of the part, at most.
REACH = 0.9
CLOUD, CONE = "0.6", "0.94"
# Of the width of the picture: a shorter arrow is all head, and that would lie behind the origin.
SHORTEST = 0.04
# One feature may be so many times larger than the other before a common scale would squash the rows into a line.
SIMILAR = 2
# Inches: a picture without its labels, its title of two lines, its numbers and label below.
WIDTH, ABOVE, BELOW = 2.5, 0.45, 0.42


def directions(results: Any, X: Any, *, axes: Any = None) -> Array:
    """Draw rows of two features as points, and the parts as arrows from the origin.

    A part is a direction, and a row a sum of the arrows, each stretched by a number that is not negative. So the
    parts reach what lies between them: the shaded cone, for one part a line. An arrow is as long as the amount that
    nine of ten rows do not exceed, of the rows that hold anything of the part; those too short to draw are counted.

    Both axes have one scale, so that angles are those of the data, unless one of them is more than twice as long as
    the other, as where units differ: then the picture is a square, each axis with a scale of its own.

    Parameters
    ----------
    results : Factorization, list of them, or dict {title: Factorization}
        Of the same X, with two features; one picture each. Without a title: the number of parts and the start.
    X : array-like or sparse matrix of shape (m, 2)
        The data that were factorized.
    axes : Axes or array of Axes, optional
        Where to draw, at least one for each result; spare ones are blanked. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (number of results,)

    Raises
    ------
    TypeError
        If `results` holds something else than Factorizations.
    ValueError
        If there is no result, a result has other than two features, X has another shape, or there are too few Axes.

    Notes
    -----
    Two parts that describe a cloud exactly are not unique: all pairs that lie outside of the cloud do so. The start
    decides which is found. ``start="spa"``, the default for two features, takes the two rows at the extremes of the
    cloud (of long data, the extremes of those rows that the run begins with, which lie close to them). Other starts
    may open wider, and fit as well; a weak ``Penalty(min_volume="H", min_volume_strength=0.1)`` closes most of them
    again, given time to converge. See that the error stays small: a strong one may close them too far.

    One part is unique. Under Kullback-Leibler it is the mean of the rows, exactly. Under the squared error it is the
    leading singular direction of X, which is usually close to the mean, but not the mean: long rows pull more.

    Examples
    --------
    >>> import nonneg
    >>> X = nonneg.datasets.make_directions().data
    >>> results = [nonneg.factorize(X, 1, seed=0), nonneg.factorize(X, 2, start="spa", seed=0)]
    >>> [ax.get_title().splitlines()[0] for ax in nonneg.plots.directions(results, X)]
    ['1 part, nndsvda start', '2 parts, spa start']
    """
    panels = titled(results)
    points = _points(X, [result for _, result in panels])
    tips = [_tips(result) for _, result in panels]
    low, high = _limits(points, tips)
    proportion = float((high - low)[1] / (high - low)[0])
    shape = proportion if 1 / SIMILAR <= proportion <= SIMILAR else 1.0
    drawn = [_long_enough(ends / (high - low) * [1, shape]) for ends in tips]
    keys = [_key(result, parts) for (_, result), parts in zip(panels, drawn, strict=True)]
    grid = _figure(keys, shape) if axes is None else first_axes(axes, len(panels), needing="results")
    for ax, (_, result), ends, key in zip(grid, panels, tips, keys, strict=True):
        _cone(ax, ends, 2 * float(np.abs(high - low).max()))
        ax.scatter(*points.T, s=6, color=CLOUD, linewidths=0, rasterized=len(points) > 10_000, zorder=2)
        _arrows(ax, ends, key.colours)
        _legend(ax, key)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect=shape / proportion)
        _numbers(ax)
        width, height = size_of(ax)
        name = within(feature_labels(result), min(height, shape * width), FONT)[1]
        ax.set_ylabel(name, fontsize=FONT, parse_math=False)
        ax.set_title(f"\n{fitted(result)}", fontsize=FONT + 1, parse_math=False)
    settled_size(grid[0])  # settles how wide the pictures are, and so their names
    width = min(size_of(ax)[0] for ax in grid)
    titles = within((title for title, _ in panels), width, FONT + 1, 32)
    for ax, title, (_, result) in zip(grid, titles, panels, strict=True):
        ax.title.set_text(f"{title}{ax.get_title()}")
        ax.set_xlabel(within(feature_labels(result), width, FONT)[0], fontsize=FONT, parse_math=False)
    return grid


class _Key(NamedTuple):
    """What is told below a picture: the colours of the parts that are drawn, by number, and their names."""

    colours: dict[int, Any]
    handles: list[Any]
    title: str

    @property
    def lines(self) -> int:
        """How many lines of text it has, two names a line."""
        return -(-len(self.handles) // 2) + len(self.title.splitlines())


def _key(result: Factorization, parts: Array) -> _Key:
    """Name the parts that are drawn: all, or the ends of the scale of colours where they have no room."""
    k, count = result.k, len(parts)
    # The colours of other pictures; the few that are left of many parts get those that differ most.
    chosen = [part_colours(k)[j] for j in parts] if k <= len(DISTINCT) else part_colours(count)
    colours = dict(zip(parts.tolist(), chosen, strict=True))
    named = list(colours) if count <= len(DISTINCT) else [int(parts[0]), int(parts[-1])]
    handles: list[Any] = [
        Line2D([], [], color=colours[j], linewidth=2, label=part_title(result.share[j], j)) for j in named
    ]
    handles.append(Patch(facecolor=CONE, edgecolor=HAIRLINE, label="what they reach"))
    title = ["from the largest part to the smallest"] if len(named) < count else []
    if count < k:
        title.append(f"{k - count} of {k} parts {'is' if k - count == 1 else 'are'} too short to draw")
    return _Key(colours, handles, "\n".join(title))


def _figure(keys: list[_Key], shape: float) -> Array:
    """Make a figure of at most four pictures a row, each row with room for its titles and the longest of its keys."""
    rows = -(-len(keys) // 4)
    columns = -(-len(keys) // rows)
    lines = sum(max(key.lines for key in keys[start : start + columns]) for start in range(0, len(keys), columns))
    height = rows * (ABOVE + WIDTH * shape + BELOW + LINE_HEIGHT) + lines * LINE_HEIGHT
    _, axes = plt.subplots(
        rows, columns, figsize=((WIDTH + 0.5) * columns, height), layout="constrained", squeeze=False
    )
    return first_axes(axes, len(keys))


def _points(X: Any, results: list[Factorization]) -> Array:
    """Return the rows of X as points, and see to it that they are those of the results."""
    # Two columns are no larger dense than sparse.
    points = X.toarray() if scipy.sparse.issparse(X) and X.shape[1] == 2 else X
    for result in results:
        shape = len(result.W), result.H.shape[1]
        if shape[1] != 2:
            raise ValueError(f"directions are drawn in the plane: results need 2 features, got {shape[1]}.")
        if np.shape(points) != shape:
            raise ValueError(f"X must have the shape that was factorized, {shape}, got {np.shape(points)}.")
    return np.asarray(points, np.float64)


def _tips(result: Factorization) -> Array:
    """Return where the arrows end, shape (k, 2); at the origin for a part that no row holds."""
    held = np.where(result.W > 0, result.W, np.nan).astype(np.float64)
    amounts = np.array([np.nanquantile(w, REACH) if np.isfinite(w).any() else 0.0 for w in held.T])
    tips: Array = amounts[:, None] * result.H
    return tips


def _limits(points: Array, tips: list[Array]) -> tuple[Array, Array]:
    """Return the lower and upper limits of both axes: from the origin, or below, to beyond all that is drawn."""
    drawn = np.vstack([points[np.isfinite(points).all(axis=1)], *tips, np.zeros((1, 2))])
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    return low, np.where(high > low, low + 1.04 * (high - low), low + 1)


def _long_enough(tips: Array) -> Array:
    """Return which parts have an arrow that can be seen, of tips in widths of the picture."""
    return np.flatnonzero(np.linalg.norm(tips, axis=1) >= SHORTEST)


def _cone(ax: Any, tips: Array, far: float) -> None:
    """Shade what the parts reach, from the origin to beyond the picture: between the outermost two."""
    lengths = np.linalg.norm(tips, axis=1)
    if not lengths.any():
        return
    ways = tips[lengths > 0] / lengths[lengths > 0, None]
    order = np.argsort(np.arctan2(ways[:, 1], ways[:, 0]))
    edges = far * np.vstack([np.zeros(2), ways[order[0]], ways[order[-1]]])
    ax.fill(*edges.T, facecolor=CONE, edgecolor=HAIRLINE, linewidth=0.8, zorder=0)


def _arrows(ax: Any, tips: Array, colours: dict[int, Any]) -> None:
    # The first parts are the largest: they lie on top.
    for j in reversed(colours):
        ax.annotate(
            "",
            xy=tips[j],
            xytext=(0, 0),
            arrowprops={"arrowstyle": "-|>", "color": colours[j], "linewidth": 2, "shrinkA": 0, "shrinkB": 0},
            zorder=3,
        )


def _numbers(ax: Any) -> None:
    """Write numbers in full or with their own power of ten, which needs no room at the ends of the axes."""
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 4, 5, 10]))  # room for six digits
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: rounded(value)))
    ax.tick_params(labelsize=FONT)
    ax.spines[["top", "right"]].set_visible(False)


def _legend(ax: Any, key: _Key) -> None:
    """Write what the colours mean, inches below the picture, whatever its height."""
    ax.legend(
        handles=key.handles,
        title=key.title or None,
        title_fontsize=FONT,
        fontsize=FONT,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes + ScaledTranslation(0, -BELOW, ax.figure.dpi_scale_trans),
        ncols=2,
        frameon=False,
    )
