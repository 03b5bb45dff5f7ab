"""Rows as points of a plane, near where they are made alike."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgba_array
from matplotlib.patheffects import withStroke

from nonneg.data import Array, as_names
from nonneg.explain.inspect import dominant, row_shares
from nonneg.explain.inspect.vectors import amounts_of, check_result
from nonneg.explain.labels import part_labels
from nonneg.explain.plots.embedding import Embedding, check_method, embed
from nonneg.explain.plots.keys import MOST_LABELS, as_labels, key, part_key, settled_size
from nonneg.explain.plots.layout import FONT, HAIRLINE, part_colours
from nonneg.explain.words import shortened
from nonneg.solve import Factorization

# Beyond so many points a vector file holds them as one picture.
MOST_VECTORS = 2000
# More numbers than these would hide the points.
MOST_NUMBERS = 30
# One part may be so many times larger than the other before a common scale would hide how it varies.
SIMILAR = 2.5


def scatter(
    result: Factorization, *, by: Any = None, method: str = "tsne", random_state: int = 0, ax: Any = None
) -> Any:
    """Draw the rows of X as points of a plane: near each other if the same parts make them.

    Of three parts or more, the shares of the parts in each row (`inspect.row_shares`) are laid out in the plane, so
    that the size of a row does not count; a row of zeros has no shares and is left out, as the picture says. Of two
    parts, the amounts of both are the axes, with one scale if neither part is more than 2.5 times as large; of one,
    the number of the row and its amount: nothing is laid out, and rows of zeros are there.

    Parameters
    ----------
    result : Factorization
        Of any k.
    by : array-like of length m, optional
        What to colour the rows by: labels, or numbers; of more than twelve different labels the rarest are "others",
        more than twelve different numbers get a colour bar. By default the part with the largest share; of more than
        twelve parts, the numbers of the most frequent are written where they lie. The order of labels is as in
        `shares`.
    method : {"tsne", "pca", "umap"}
        t-SNE keeps neighbours (by openTSNE, if it is installed, else by scikit-learn), and so does UMAP (by
        umap-learn); distances between clusters mean little in either. PCA keeps the largest distances.
    random_state : int
        Seed: the same gives the same picture.
    ax : Axes, optional
        Where to draw; its figure should have ``layout="constrained"``, so that there is room for the key. By default
        a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        If umap-learn is asked for and missing.
    ValueError
        If `by` does not hold one value a row, `method` is none of the three, or there are fewer rows that are not
        zero than it needs: 3 for PCA, 10 for the others.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> from nonneg import plots
    >>> result = nonneg.factorize(np.random.default_rng(0).random((30, 20)), 4, seed=0)
    >>> ax = plots.scatter(result, method="pca")
    >>> ax.collections[0].get_offsets().shape
    (30, 2)
    """
    result = check_result(result)
    check_method(method)
    m = len(result.W)
    values = None if by is None else as_names(by)
    if values is not None and values.shape != (m,):
        raise ValueError(f"by must hold a value for each of the {m} rows, got {len(values)}.")
    layout, rows = _lay_out(result, method, random_state)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.5, 5), layout="constrained")
    # In random order, so that no colour covers the others because it comes last.
    order = np.random.default_rng(random_state).permutation(len(rows))
    points, rows = layout.points[order], rows[order]

    ax.set_xlabel(layout.axes[0], fontsize=FONT)
    ax.set_ylabel(layout.axes[1], fontsize=FONT)
    ax.tick_params(labelsize=FONT)
    ax.spines[["top", "right"]].set_visible(False)
    missing = f", {m - len(rows)} of zeros left out" if len(rows) < m else ""
    what = {1: "amounts of 1 part", 2: "amounts of 2 parts"}.get(result.k, f"shares of {result.k} parts")
    ax.set_title(f"{what} in {len(rows)} rows{missing}", fontsize=FONT)
    if result.k > 2:
        ax.set(xticks=[], yticks=[])
        ax.set_aspect("equal", adjustable="datalim")
    else:
        _from_zero(ax, layout.points, result.k)
    if values is None:
        _by_part(ax, points, dominant(result).part[rows], result.k)
    elif values.dtype.kind in "iuf" and len(np.unique(values)) > MOST_LABELS:
        _by_number(ax, points, values[rows].astype(float), getattr(by, "name", None))
    else:
        labels = as_labels(values, m, "by")
        _dots(ax, points, color=labels.colours[labels.codes[rows]])
        present = np.unique(labels.codes[rows])
        key(ax, [labels.names[i] for i in present], labels.colours[present])
    if result.k <= 2:
        for dots in ax.collections:
            dots.set_clip_on(False)  # those at zero are whole
    return ax


def _lay_out(result: Factorization, method: str, random_state: int) -> tuple[Embedding, Array]:
    """Return where rows lie, and which rows."""
    amounts = amounts_of(result)
    rows = np.arange(len(amounts))
    if result.k == 1:
        return Embedding(np.column_stack([rows, amounts]), ("row", "amount of part 1")), rows
    if result.k == 2:
        return Embedding(amounts, ("amount of part 1", "amount of part 2")), rows
    shares = row_shares(result)
    rows = np.flatnonzero(shares.any(axis=1))
    return embed(shares[rows], method, random_state), rows


def _from_zero(ax: Any, points: Array, k: int) -> None:
    """Let axes of amounts begin at zero, and two of them have one scale, if both parts are about as large."""
    most = points.max(axis=0)
    tops = np.where(most > 0, 1.04 * most, 1.0)
    ax.set_ylim(0, tops[1])
    if k == 2:
        ax.set_xlim(0, tops[0])
        if 1 / SIMILAR <= tops[1] / tops[0] <= SIMILAR:
            ax.set_aspect("equal", adjustable="box", anchor="NE")  # beside its key


def _dots(ax: Any, points: Array, **colour: Any) -> Any:
    count = len(points)
    return ax.scatter(
        *points.T,
        s=float(np.clip(12000 / max(count, 1), 2, 30)),
        alpha=0.85 if count <= MOST_VECTORS else 0.5,
        linewidths=0,
        rasterized=count > MOST_VECTORS,
        **colour,
    )


def _by_part(ax: Any, points: Array, part: Array, k: int) -> None:
    # A row of zeros has no largest part: the colour behind the last.
    colours = to_rgba_array([*part_colours(k), HAIRLINE])
    part = np.where(part < 0, k, part)
    _dots(ax, points, color=colours[part])
    if k == 1:
        return
    if k <= MOST_LABELS:
        present = np.unique(part)
        names = [*part_labels(k), "no part"]
        key(ax, [names[j] for j in present], colours[present])
    else:
        part_key(ax, k)
        _number_clusters(ax, points, part, k)


def _number_clusters(ax: Any, points: Array, part: Array, k: int) -> None:
    """Write the numbers of the most frequent parts at the rows nearest to their medians, where they have room."""
    settled_size(ax)  # settles where the points lie
    taken: list[Any] = []
    sizes = np.bincount(part, minlength=k)[:k]
    for j in np.argsort(-sizes, kind="stable")[: min(MOST_NUMBERS, np.count_nonzero(sizes))]:
        mine = points[part == j]
        middle = np.linalg.norm(mine - np.median(mine, axis=0), axis=1).argmin()
        text = ax.text(
            *mine[middle],
            str(j + 1),
            ha="center",
            va="center",
            fontsize=FONT,
            weight="bold",
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
        box = text.get_window_extent()
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)


def _by_number(ax: Any, points: Array, numbers: Array, name: Any) -> None:
    """Colour by numbers; those that are none are grey."""
    known = np.isfinite(numbers)
    if not known.all():
        _dots(ax, points[~known], color=HAIRLINE)
    bar = ax.figure.colorbar(_dots(ax, points[known], c=numbers[known], cmap="viridis"), ax=ax, aspect=30)
    bar.solids.set_alpha(1)
    bar.ax.tick_params(labelsize=FONT)
    bar.outline.set_visible(False)
    if name is not None:
        bar.set_label(shortened(name), fontsize=FONT, parse_math=False)
