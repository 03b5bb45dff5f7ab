"""Signals that were mixed, and what NMF and other methods recover of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse

from nonneg.data import Array, names_of
from nonneg.explain.decompositions import TITLES
from nonneg.explain.inspect.vectors import live
from nonneg.explain.labels import feature_labels
from nonneg.explain.plots.layout import FONT, first_axes, part_colours
from nonneg.explain.plots.several import listed
from nonneg.explain.plots.signals import (
    check_components,
    extent_of,
    fit_to,
    independent_components,
    principal_components,
    range_of_runs,
    standardized,
)
from nonneg.explain.words import percent, shortened_all
from nonneg.solve import Factorization

# What one of their signals is called.
METHODS = {"nmf": "part", "pca": "component", "ica": "component"}
OBSERVED, MOST = 5, 12
PLAIN = "0.35"


class Strips(NamedTuple):
    """Signals of one panel, one below the other."""

    title: str
    names: list[str]
    lines: Array
    colours: list[Any]
    fits: list[str] | None = None
    band: tuple[Array, Array] | None = None


def sources(
    results: Any,
    X: Any = None,
    *,
    times: Any = None,
    unit: str | None = None,
    truth: Any = None,
    methods: Sequence[str] | None = None,
    axes: Any = None,
) -> Array:
    """Draw signals over time: what was observed, the true sources, and what NMF, PCA and ICA recover.

    Rows of X are points of time and columns are measurements, each a mixture of the sources; the recovered signals
    are the columns of W, and the scores of PCA and FastICA. Each signal fills a strip of its own: the scale of a
    source is not determined, nor is the sign in PCA and ICA, which is turned to fit.

    Parameters
    ----------
    results : Factorization or list of them
        Of several runs, such as random starts, the first is drawn as a line and the range of all as a band: what is
        luck of the start. Their parts are matched with those of the first; each has mean 0 and standard deviation 1.
        The band's rarest peaks, at 2 % of the moments, may be cut off: they would flatten all else.
    X : array-like or sparse matrix of shape (m, n), optional
        The data that were factorized: five columns of it are drawn, and PCA and ICA are computed from it.
    times : array-like of shape (m,), optional
        When each row was observed. By default the names of the rows, if they are numbers, else their positions.
    unit : str, optional
        Unit of the times.
    truth : array-like of shape (m, sources), optional
        The true sources; the columns' names are used. Signals are matched with them by correlation (of PCA and
        ICA, either sign), all of a panel together; each takes the colour of its source, and the absolute
        correlation stands beside it (of several runs its range). Without truth, they are matched with the parts of
        the (first) result.
    methods : sequence of {"nmf", "pca", "ica"}, optional
        Whose signals are drawn. By default all three, or only "nmf" without X.
    axes : array of Axes, optional
        Where to draw, at least one for each panel; spare ones are blanked. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (panels,)
        In the order observations, true sources, methods; a panel has at most twelve signals. Those that are zero,
        such as components beyond the rank of X, are left out; titles say so, and how many sources have no partner.

    Raises
    ------
    TypeError
        If `results` holds something else than Factorizations.
    ValueError
        If the shapes of results, `X`, `times` or `truth` do not fit, a method is unknown, PCA or ICA are asked for
        without X or for more components than X has, or there are too few Axes.

    Notes
    -----
    Runs from different starts may fit equally well and yet differ: plain NMF leaves mixtures of the sources open.
    A band closes with ``Penalty(min_volume="W")``, which picks, of all that fit, the signals that lie closest
    together. Give the runs time to converge, so that they differ by their start only: the title says how well they
    fit.

    Examples
    --------
    >>> import nonneg
    >>> signals = nonneg.datasets.make_signals(m=200)
    >>> result = nonneg.factorize(signals.data, 3, seed=0).named(rows=signals.times)
    >>> axes = nonneg.plots.sources(result, signals.data, truth=signals.sources)
    >>> [ax.get_title(loc="left") for ax in axes]
    ['observations, 5 of 100', 'true sources', 'NMF', 'PCA', 'ICA']
    """
    runs = listed(results)
    first = runs[0]
    data = _checked(runs, X)
    chosen = _methods(methods, first.k, data)
    moments, label = _times(first, times, unit)
    true = _truth(truth, len(first.W))
    panels = [] if data is None else [_observed(first, data)]
    if true is not None:
        names, signals = true
        shown = names[:MOST]
        title = f"true sources{_left_out('source', len(shown), len(names))}"
        panels.append(Strips(title, shown, standardized(signals[:, :MOST]), _colours(len(names))))
    panels += [_recovered(method, runs, data, None if true is None else true[1]) for method in chosen]

    grid = _figure(panels) if axes is None else first_axes(axes, len(panels), needing="panels")
    order = np.argsort(moments, kind="stable")
    for ax, panel in zip(grid, panels, strict=True):
        _draw(ax, panel, moments, order)
        if axes is not None or ax is grid[-1]:
            ax.set_xlabel(label, fontsize=FONT)
    return grid


def _checked(runs: list[Factorization], X: Any) -> Any:
    """Return X as an array or a sparse matrix, and see to it that results and data have one shape."""
    shape = len(runs[0].W), runs[0].H.shape[1]
    for run in runs[1:]:
        if run.W.shape != runs[0].W.shape or run.H.shape != runs[0].H.shape:
            other = (len(run.W), run.H.shape[1])
            raise ValueError(
                f"Runs must be of the same X and k: {shape} with k={runs[0].k}, got {other} with k={run.k}."
            )
    if X is None:
        return None
    data = X.tocsc() if scipy.sparse.issparse(X) else np.asarray(X)
    if data.shape != shape:
        raise ValueError(f"X must have the shape that was factorized, {shape}, got {data.shape}.")
    return data


def _methods(methods: Sequence[str] | None, k: int, X: Any) -> list[str]:
    if isinstance(methods, str):
        raise TypeError(f"methods must be a sequence of names, such as ({methods!r},), got the text {methods!r}.")
    chosen = list(methods) if methods is not None else list(METHODS) if X is not None else ["nmf"]
    if not chosen:
        raise ValueError(f"methods must be some of {tuple(METHODS)}, got none.")
    for method in chosen:
        if method not in METHODS:
            raise ValueError(f"methods must be some of {tuple(METHODS)}, got {method!r}.")
    computed = [method for method in chosen if method != "nmf"]
    if computed:  # ICA looks within the components of PCA: what serves one serves both
        check_components(computed[0], k, X)
    return chosen


def _times(result: Factorization, times: Any, unit: str | None) -> tuple[Array, str]:
    """Return when each row was observed, and what the axis is called."""
    if times is None and result.row_names is not None and result.row_names.dtype.kind in "iuf":
        times = result.row_names
    if times is None:
        return np.arange(len(result.W)), "row"
    moments = np.asarray(times)
    if moments.dtype.kind != "M":  # dates are drawn as dates
        moments = moments.astype(np.float64)
    if moments.shape != (len(result.W),) or not np.isfinite(moments).all():
        raise ValueError(
            f"times must be {len(result.W)} finite numbers or dates, one a row of X; got shape {moments.shape}."
        )
    return moments, "time" if unit is None else f"time, {unit}"


def _truth(truth: Any, m: int) -> tuple[list[str], Array] | None:
    if truth is None:
        return None
    signals = np.asarray(truth, np.float64)
    if signals.ndim != 2 or len(signals) != m or not signals.shape[1]:
        raise ValueError(f"truth must have {m} rows and a column for each source, got shape {signals.shape}.")
    names = names_of(truth)[1]
    return [f"source {i + 1}" for i in range(signals.shape[1])] if names is None else list(map(str, names)), signals


def _observed(result: Factorization, X: Any) -> Strips:
    """Return a few columns of X, evenly from first to last."""
    n = X.shape[1]
    columns = np.unique(np.linspace(0, n - 1, OBSERVED).round().astype(int))
    lines = X[:, columns].toarray() if scipy.sparse.issparse(X) else X[:, columns]
    names = list(map(str, feature_labels(result)[columns]))
    return Strips(f"observations, {len(columns)} of {n}", names, standardized(lines), [PLAIN] * len(columns))


def _recovered(method: str, runs: list[Factorization], X: Any, truth: Array | None) -> Strips:
    """Return the signals of a method in the order of the true sources, or of the parts; those left over last."""
    parts, k = runs[0].W, runs[0].k
    signals = (
        parts if method == "nmf" else (principal_components if method == "pca" else independent_components)(X, k)
    )
    found = live(signals.T)
    reference = parts if truth is None else truth
    order, correlation = fit_to(signals, reference, signed=method == "nmf")
    matched = np.flatnonzero((order >= 0) & found[order])
    columns = np.concatenate([order[matched], np.setdiff1d(np.flatnonzero(found), order)])[:MOST]
    # Parts have no sign to choose: one that is no source at all may run against the one that is left for it.
    turned = (correlation[matched] < 0) & (method != "nmf")
    signs = np.append(np.where(turned, -1, 1), np.ones(k, int))[: len(columns)]
    title, word = TITLES[method], METHODS[method]
    band = None
    if method == "nmf" and len(runs) > 1:
        low, high = (edge[:, columns] for edge in range_of_runs([run.W for run in runs]))
        band = low, high
        title = f"{title}, first of {len(runs)} runs; band: all, {_errors(runs)}"
    fits = None
    if truth is not None:
        written = _fits([correlation] if band is None else _correlations(runs, truth))
        fits = [written[i] for i in matched[:MOST]]
    colours = _colours(len(order))
    without = 0 if truth is None else len(order) - len(matched)
    return Strips(
        f"{title}{_left_out(word, len(columns), k, zero=int(np.sum(~found)), without=without)}",
        [f"{word} {j + 1}" for j in columns],
        signs * standardized(signals)[:, columns],
        [*(colours[i] for i in matched), *[PLAIN] * k],
        fits,
        band,
    )


def _correlations(runs: list[Factorization], truth: Array) -> list[Array]:
    return [fit_to(run.W, truth, signed=True)[1] for run in runs]


def _fits(correlations: list[Array]) -> list[str]:
    """Write absolute correlations with the true sources: "0.98", or "0.94 to 0.98" over runs."""
    ranges = [[f"{value:.2f}" for value in edge(np.abs(correlations), axis=0)] for edge in (np.min, np.max)]
    return [low if low == high else f"{low} to {high}" for low, high in zip(*ranges, strict=True)]


def _colours(count: int) -> list[Any]:
    """Return a colour for each source, or part: those that are drawn differ, the others are plain."""
    return [*part_colours(min(count, MOST)), *[PLAIN] * (count - MOST)]


def _left_out(word: str, shown: int, count: int, *, zero: int = 0, without: int = 0) -> str:
    """Say what is not drawn: " (3 of 15 shown, 12 are zero)", " (no part for 2 sources)"."""
    notes = [
        f"{shown} of {count} shown" if shown < count else "",
        f"{zero} {'is' if zero == 1 else 'are'} zero" if zero else "",
        f"no {word} for {without} source{'s' if without > 1 else ''}" if without else "",
    ]
    text = ", ".join(filter(None, notes))
    return f" ({text})" if text else ""


def _errors(runs: list[Factorization]) -> str:
    """Say how well the runs fit: "error 1.2 %", or "error 1.2 % to 3.4 %"."""
    low, high = (percent(edge([run.relative_error for run in runs])) for edge in (min, max))
    return f"error {low}" if low == high else f"error {low} to {high}"


def _figure(panels: list[Strips]) -> Array:
    strips = [_height(panel) + 0.6 for panel in panels]
    _, axes = plt.subplots(
        len(panels),
        figsize=(8, 0.42 * sum(strips) + 0.5),
        layout="constrained",
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": strips},
    )
    return first_axes(axes, len(panels))


def _height(panel: Strips) -> int:
    """Return how many strips a panel has room for: where all signals are zero, one stays empty."""
    return max(1, len(panel.names))


def _draw(ax: Any, panel: Strips, moments: Array, order: Array) -> None:
    """Draw signals below each other, each stretched to its strip of height 1."""
    times = moments[order]
    for i, line in enumerate(panel.lines[order].T):
        edges = [edge[order, i] for edge in panel.band or ()]
        low, high = extent_of(line, edges)
        stretch = 0.84 / (high - low) if high > low else 1.0
        place = -i - stretch * (low + high) / 2
        if edges:
            drawn = place + stretch * np.clip(edges, low, high)
            ax.fill_between(times, *drawn, color=panel.colours[i], alpha=0.6, linewidth=0)
        ax.plot(times, place + stretch * line, color=panel.colours[i], linewidth=0.6)
    count = len(panel.names)
    ax.set_yticks(-np.arange(count), shortened_all(panel.names), parse_math=False)
    ax.set_ylim(0.5 - _height(panel), 0.5)
    ax.margins(x=0)
    ax.tick_params(labelsize=FONT)
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.set_title(panel.title, loc="left", fontsize=FONT + 1)
    if panel.fits is not None:
        ax.set_title("|correlation|", loc="right", fontsize=FONT)
        for i, text in enumerate(panel.fits):
            ax.text(1.005, -i, text, transform=ax.get_yaxis_transform(), va="center", fontsize=FONT)
