"""Rows in the plane, and the parts as arrows from the origin."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nonneg.data import Array
from nonneg.explain.labels import feature_labels
from nonneg.explain.plots.layout import COLOURS, FONT, HAIRLINE, LINE, first_axes, part_colours
from nonneg.explain.plots.several import fitted, titled
from nonneg.explain.words import part_title, shortened_all
from nonneg.solve import Factorization

# An arrow is as long as what nine of ten rows hold of the part, at most.
REACH = 0.9
CLOUD, CONE = "0.6", "0.94"


def directions(results: Any, X: Any, *, axes: Any = None) -> Array:
    """Draw rows of two features as points, and the parts as arrows from the origin.

    A part is a direction, and a row a sum of the arrows, each stretched by a number that is not negative. So the
    parts reach what lies between them: the shaded cone, for one part a line. An arrow is as long as the amount that
    nine of ten rows do not exceed, of the rows that hold anything of the part.

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
    decides which is found. ``start="spa"`` takes the two rows at the extremes of the cloud (of long data, the
    extremes of those rows that the run begins with, which lie close to them). The default start and a random one may
    open wider, and fit as well; a weak ``Penalty(min_volume="H", min_volume_strength=0.1)`` closes them again, given
    time to converge. See that the error stays small: a strong one may close them too far.

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
    drawn = np.vstack([points[np.isfinite(points).all(axis=1)], *tips, np.zeros((1, 2))])
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    high = np.where(high > low, low + 1.04 * (high - low), low + 1)
    proportion = (high - low)[1] / (high - low)[0]
    most = max(len(_named(result.k)) for _, result in panels)
    grid = (
        _figure(len(panels), proportion, most) if axes is None else first_axes(axes, len(panels), needing="results")
    )
    titles = shortened_all((title for title, _ in panels), 32)
    for ax, title, (_, result), ends in zip(grid, titles, panels, tips, strict=True):
        _cone(ax, ends, 2 * float(np.abs(high - low).max()))
        ax.scatter(*points.T, s=6, color=CLOUD, linewidths=0, rasterized=len(points) > 10_000, zorder=2)
        _arrows(ax, ends, result)
        ax.set_title(f"{title}\n{fitted(result)}", fontsize=FONT + 1, parse_math=False)
        for axis, name in zip((ax.xaxis, ax.yaxis), shortened_all(feature_labels(result)), strict=True):
            axis.set_label_text(name, fontsize=FONT, parse_math=False)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        ax.tick_params(labelsize=FONT)
        ax.spines[["top", "right"]].set_visible(False)
    return grid


def _figure(count: int, proportion: float, names: int) -> Array:
    """Make a figure of at most four pictures a row, each with room for its titles and for names, two a line."""
    rows = -(-count // 4)
    columns = -(-count // rows)
    height = 2.5 * float(np.clip(proportion, 0.4, 2)) + 1.1 + LINE * (names // 2 + 1)
    _, axes = plt.subplots(rows, columns, figsize=(3 * columns, height * rows), layout="constrained", squeeze=False)
    return first_axes(axes, count)


def _named(k: int) -> list[int]:
    """Return which parts are named beside their colours: all, or the ends of the scale where they have no room."""
    return list(range(k)) if k <= len(COLOURS) else [0, k - 1]


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


def _cone(ax: Any, tips: Array, far: float) -> None:
    """Shade what the parts reach, from the origin to beyond the picture: between the outermost two."""
    lengths = np.linalg.norm(tips, axis=1)
    if not lengths.any():
        return
    ways = tips[lengths > 0] / lengths[lengths > 0, None]
    order = np.argsort(np.arctan2(ways[:, 1], ways[:, 0]))
    edges = far * np.vstack([np.zeros(2), ways[order[0]], ways[order[-1]]])
    ax.fill(*edges.T, facecolor=CONE, edgecolor=HAIRLINE, linewidth=0.8, zorder=0)


def _arrows(ax: Any, tips: Array, result: Factorization) -> None:
    """Draw the arrows; below the picture what their colours mean."""
    colours = part_colours(result.k)
    # The first parts are the largest: they lie on top.
    for j in reversed(np.flatnonzero(tips.any(axis=1))):
        ax.annotate(
            "",
            xy=tips[j],
            xytext=(0, 0),
            arrowprops={"arrowstyle": "-|>", "color": colours[j], "linewidth": 2, "shrinkA": 0, "shrinkB": 0},
            zorder=3,
        )
    named = _named(result.k)
    handles: list[Any] = [
        Line2D([], [], color=colours[j], linewidth=2, label=part_title(result.share[j], j)) for j in named
    ]
    handles.append(Patch(facecolor=CONE, edgecolor=HAIRLINE, label="what they reach"))
    ax.legend(
        handles=handles,
        title=None if len(named) == result.k else "from the largest part to the smallest",
        title_fontsize=FONT,
        fontsize=FONT,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.18),
        ncols=2,
        frameon=False,
    )
