"""How much an answer depends on the luck of its start."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullLocator

from nonneg.data import Array
from nonneg.explain.inspect import match
from nonneg.explain.plots.layout import FONT, HAIRLINE, empty, first_axes, size_of
from nonneg.explain.plots.several import listed
from nonneg.explain.plots.tables import number_parts
from nonneg.solve import Factorization

# A run within a thousandth of the best loss is as good; a part with this cosine looks the same.
AS_GOOD, SAME = 1e-3, 0.99
# No part's colour.
DOTS = "0.35"
# Below this fraction of what there is to explain, losses are rounding: such runs are equal.
ROUNDING = 1e-12


def starts(results: Any, *, side: str = "H", axes: Any = None) -> Array:
    """Draw how much runs from different starts differ: in their losses, and in their parts.

    Left the excess of each loss over the smallest, ``loss / smallest - 1``, sorted. Right, for each part of the best
    run, the cosine similarity of its partner in every other run (see `nonneg.inspect.match`): 1 is the same part.
    The line of a part goes from its worst partner to its best, the bar is the median.

    Parameters
    ----------
    results : list of Factorization
        Runs on the same X with the same k and loss and different seeds, such as random starts. Of one run there is
        only the loss.
    side : {"H", "W"}
        Compare rows of H, or columns of W (signals).
    axes : array of two Axes, optional
        Where to draw; spare ones are blanked. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (2,)

    Raises
    ------
    TypeError
        If `results` holds something else than Factorizations.
    ValueError
        If there is no run, the runs differ in shape or loss, `side` is neither "H" nor "W", or there are too few
        Axes.

    Notes
    -----
    A run counts as good as the best within 0.1 % of its loss, and a part as the same from a cosine of 0.99 on.
    Where good runs have other parts, the data do not determine the parts; where only bad runs have, start more often
    and keep the best (``n_init``). Losses below 1e-12 of what there is to explain are rounding, and count as equal.

    Examples
    --------
    >>> import nonneg
    >>> X = nonneg.datasets.make_planted(60, 30, 4, seed=0).data
    >>> runs = [nonneg.factorize(X, 4, start="random", seed=seed) for seed in range(5)]
    >>> left, right = nonneg.plots.starts(runs)
    >>> right.get_ylabel()
    'cosine similarity (1: the same part)'
    """
    runs = _alike(listed(results))
    left, right = grid = _figure(runs[0].k) if axes is None else first_axes(axes, 2, needing="panels")
    excess = _excess(runs)
    best = int(np.argmin(excess))
    others = [match(runs[best], run, side=side).similarity for i, run in enumerate(runs) if i != best]
    _losses(left, np.sort(excess))
    _similarities(right, np.array(others).reshape(len(others), runs[0].k))
    for ax in grid:
        ax.tick_params(labelsize=FONT)
        ax.spines[["top", "right"]].set_visible(False)
    return grid


def _alike(runs: list[Factorization]) -> list[Factorization]:
    """Return runs if they can be compared."""
    kinds = [(run.W.shape[0], run.H.shape[1], run.k, run.loss_name) for run in runs]
    for i, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ValueError(
                f"Runs must have the same rows, features, k and loss: number 0 has {kinds[0]}, number {i} has {kind}."
            )
    return runs


def _excess(runs: list[Factorization]) -> Array:
    """Return how far each loss lies above the smallest, as a fraction of it."""
    power = 2 if runs[0].loss_name == "frobenius" else 1
    left = np.array([run.relative_error for run in runs]) ** power
    excess: Array = (left - left.min()) / max(left.min(), ROUNDING)
    return excess


def _figure(k: int) -> Array:
    """Make a figure whose right side has room for k parts."""
    wide = float(np.clip(0.12 * k, 3.8, 9))
    layout = ConstrainedLayoutEngine(w_pad=0.1)
    _, axes = plt.subplots(1, 2, figsize=(3.5 + wide, 3.2), layout=layout, width_ratios=(3.5, wide))
    return first_axes(axes, 2)


def _losses(ax: Any, excess: Array) -> None:
    good = int((excess <= AS_GOOD).sum())
    ax.axhline(100 * AS_GOOD, color=HAIRLINE, linewidth=0.8, zorder=0)
    ax.plot(np.arange(1, len(excess) + 1), 100 * excess, "o", color=DOTS, markersize=4, clip_on=False)
    # Zero has its place, and all that is far below the line.
    ax.set_yscale("symlog", linthresh=10 * AS_GOOD)
    ax.set_ylim(0, max(1.0, 200 * float(excess.max())))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda percents, _: f"{percents:g} %"))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_xlim(0.5, len(excess) + 0.5)
    number_parts(ax.xaxis, len(excess), size_of(ax)[0], 1, name="runs, from best to worst")
    ax.set_ylabel("loss above the best", fontsize=FONT)
    runs = "the only run" if len(excess) == 1 else f"{good} of {len(excess)} runs within 0.1 % of the best loss"
    ax.set_title(runs, fontsize=FONT + 1, pad=8)


def _similarities(ax: Any, similarity: Array) -> None:
    count, k = similarity.shape
    if not count:
        empty(ax)
        ax.text(0.5, 0.5, "no other run to compare", ha="center", va="center", fontsize=FONT + 1, color="0.4")
        return
    ax.set_xlim(0.4, k + 0.6)
    number_parts(ax.xaxis, k, size_of(ax)[0], 1, name="part of the best run")
    ax.set_ylabel("cosine similarity (1: the same part)", fontsize=FONT)
    parts = np.arange(1, k + 1)
    low = similarity.min(axis=0)
    # In parts: bars that are no specks where there are many parts, and no beams where there is one.
    inch = (k + 0.2) / size_of(ax)[0]
    half = float(np.clip(0.3, 0.025 * inch, 0.1 * inch))
    ax.vlines(parts, low, similarity.max(axis=0), color=HAIRLINE, linewidth=1, zorder=1)
    diameter = np.clip(0.6 * 72 / inch, 2, 3.5)
    dots = {"s": diameter**2, "color": DOTS, "alpha": float(np.clip(3 / np.sqrt(count), 0.15, 0.7)), "linewidths": 0}
    ax.scatter(np.tile(parts, count), similarity.ravel(), zorder=3, clip_on=False, **dots)
    bars = {"color": "black", "linewidth": 1.6, "zorder": 4, "clip_on": False}
    ax.hlines(np.median(similarity, axis=0), parts - half, parts + half, **bars)
    # Where all is close to one, only what lies near one is drawn.
    ax.set_ylim(min(0.9, np.floor(10 * low.min()) / 10), 1)
    same = int((low >= SAME).sum())
    word = "part is" if k == 1 else "parts are"
    ax.set_title(f"{same} of {k} {word} the same in every run", fontsize=FONT + 1, pad=8)
