"""The way of the loss down."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nonneg.data import Array
from nonneg.explain.plots.keys import settled_size
from nonneg.explain.plots.layout import COLOURS, FONT, first_axes
from nonneg.explain.plots.several import listed
from nonneg.explain.words import shortened_all
from nonneg.solve import Factorization
from nonneg.solve.stop import why

# More runs than these are one grey cloud, out of which the best stands.
MOST_COLOURED = 8
GREY = "0.8"


def trace(
    results: Factorization | Mapping[Any, Factorization] | Iterable[Factorization], *, axes: Any = None
) -> Array:
    """Draw how far each run was above the best loss of all, against iterations and against seconds.

    A line shows the smallest loss so far, ``(loss - best) / best`` on a logarithmic axis, because the last percent,
    which decides between runs, would be invisible in the loss itself. The pale line behind it is the loss of each
    iteration, which extrapolation makes rise now and then. A dot marks the end of a run that converged, a cross the
    end of one that reached a limit; that of the best run lies on the bottom. Where the best loss is not above 0, it
    is subtracted only. The best run is blue; of more than eight runs the others are grey.

    Parameters
    ----------
    results : Factorization, {name: Factorization}, or iterable of Factorization
        Runs on the same X with the same loss and penalties. A list is named "run 1", "run 2", ...
    axes : array of two Axes, optional
        Where to draw; spare ones are blanked. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (2,)
        Iterations, seconds.

    Raises
    ------
    TypeError
        If `results` are something else.
    ValueError
        If there is no run, the runs are of different data or losses, or there are too few Axes.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> from nonneg import plots
    >>> X = np.random.default_rng(0).random((20, 10))
    >>> axes = plots.trace({start: nonneg.factorize(X, 3, start=start, seed=0) for start in ("nndsvd", "random")})
    >>> axes[1].get_xlabel()
    'seconds'
    """
    runs = _named_runs(results)
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(8.5, 3.6), sharey=True, layout="constrained")[1]
    grid = first_axes(axes, 2, "panels")

    ends = [float(run.trace.loss.min()) for run in runs.values()]
    winner, best = int(np.argmin(ends)), min(ends)
    above = [_above(run.trace.loss, best) for run in runs.values()]
    floor = _floor(above)
    few = len(runs) <= MOST_COLOURED
    colours = _colours(len(runs), winner)
    ends_of_lines = {}
    for i, run in enumerate(runs.values()):
        known = few or i == winner
        style = {"color": colours[i], "zorder": 4 if i == winner else 3}
        lowest = np.maximum(np.minimum.accumulate(above[i]), floor)
        for ax, x in zip(grid, (np.arange(1, run.n_iter + 1), run.trace.seconds), strict=True):
            if known:
                ax.plot(x, np.maximum(above[i], floor), alpha=0.3, linewidth=1, **style)
            ax.plot(x, lowest, linewidth=1.5 if known else 0.8, **style)
            (ends_of_lines[i],) = ax.plot(
                x[-1:], lowest[-1:], _marker(run), markersize=6 if known else 3, clip_on=False, **style
            )
    top = max(10 * floor, 2 * max(a.max() for a in above))
    for ax in grid:
        ax.set(yscale="log", ylim=(floor, top))
    _describe(grid, runs, winner, best)
    if len(runs) > 1:
        _explain_lines(grid[1], runs, winner, ends_of_lines)
    return grid


def _named_runs(results: Any) -> dict[str, Factorization]:
    """Check the runs and name them."""
    if isinstance(results, Mapping):
        named = dict(zip(map(str, results), listed(list(results.values())), strict=True))
    else:
        named = {f"run {i + 1}": run for i, run in enumerate(listed(results))}
    kinds = {(run.loss_name, len(run.W), run.H.shape[1]) for run in named.values()}
    if len(kinds) > 1:
        words = " and ".join(f"{loss} on {m} x {n}" for loss, m, n in sorted(kinds))
        raise ValueError(f"Only losses of the same kind on the same X can be compared, got {words}.")
    return named


def _colours(count: int, winner: int) -> list[str]:
    """Return a colour for each run, the strongest for the best."""
    others = iter(COLOURS[1:] if count <= MOST_COLOURED else [GREY] * count)
    return [COLOURS[0] if i == winner else next(others) for i in range(count)]


def _above(loss: Array, best: float) -> Array:
    above: Array = (loss - best) / best if best > 0 else loss - best
    return above


def _floor(above: list[Array]) -> float:
    """Return the power of ten below all that is above zero: where zero itself is drawn."""
    positive = np.concatenate([a[a > 0] for a in above])
    return float(10.0 ** (np.ceil(np.log10(positive.min())) - 1)) if len(positive) else 1e-6


def _marker(run: Factorization) -> str:
    return "o" if run.converged else "X"


def _explain_lines(ax: Any, runs: Mapping[str, Factorization], winner: int, ends: Mapping[int, Any]) -> None:
    """Name the runs beside the Axes, with the reasons of their ends; of many the best, and count the others."""
    named = range(len(runs)) if len(runs) <= MOST_COLOURED else [winner]
    names = list(runs)
    handles = [ends[i] for i in named]
    short = shortened_all(names)
    labels = [f"{short[i]} · {runs[names[i]].reason}" for i in named]
    others = [(run.reason, _marker(run)) for i, run in enumerate(runs.values()) if i not in named]
    for (reason, marker), count in Counter(others).most_common():
        handles.append(Line2D([], [], color=GREY, marker=marker, markersize=4))
        labels.append(f"{count} other{'s' if count > 1 else ''} · {reason}")
    legend = ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False, fontsize=FONT)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _describe(grid: Array, runs: Mapping[str, Factorization], winner: int, best: float) -> None:
    for ax, what in zip(grid, ("iterations", "seconds"), strict=True):
        ax.set_xlim(left=0)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=what == "iterations"))
        ax.set_xlabel(what, fontsize=FONT)
        ax.tick_params(labelsize=FONT)
        ax.spines[["top", "right"]].set_visible(False)
    grid[0].set_ylabel("loss above the best" + (" / the best" if best > 0 else ""), fontsize=FONT)
    # The legend has no room for long names, but here one of them may fill a line.
    name, run = shortened_all(runs, 64)[winner], list(runs.values())[winner]
    end = f"best loss {best:.6g}{f', {name}' if len(runs) > 1 else ''}: {why(run.reason)}"
    width = max(20, int(15 * settled_size(grid[0])[0]))
    grid[0].set_title(textwrap.fill(end, width), fontsize=FONT, loc="left", parse_math=False)
