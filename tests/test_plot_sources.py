"""Recovered signals beside the true ones: which is which, how well they fit, and what is luck of the start."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.decomposition import PCA

import nonneg
from nonneg import Iterations, RelativeDecrease, plots
from nonneg.datasets import make_signals
from nonneg.explain.plots.layout import part_colours
from nonneg.explain.plots.signals import fit_to, principal_components, range_of_runs, standardized

pytestmark = pytest.mark.usefixtures("clean_drawing")

CONVERGED = [RelativeDecrease(1e-8), Iterations(20_000)]


@pytest.fixture(scope="module")
def signals():
    return make_signals()


@pytest.fixture(scope="module")
def result(signals):
    return nonneg.factorize(signals.data, 3, seed=0, stop=CONVERGED)


def panel(axes, title):
    (ax,) = (ax for ax in axes if ax.get_title(loc="left").split(" (")[0].split(",")[0] == title)
    return ax


def fits(ax):
    """Return the numbers at the right of a panel."""
    return [text.get_text() for text in ax.texts]


def curves(ax):
    """Return the lines of a panel as standardized columns: strips stretch them."""
    return standardized(np.stack([line.get_ydata() for line in ax.lines], axis=1))


# --- the mathematics ------------------------------------------------------------------------------------


def test_each_source_is_found_and_pca_finds_mixtures(signals, result):
    """The numbers of the picture; PCA, whose components must be orthogonal and may cancel, is far off."""
    _, found = fit_to(result.W, signals.sources, signed=True)
    assert found.min() >= 0.95
    axes = plots.sources(result, signals.data, truth=signals.sources)
    assert fits(panel(axes, "NMF")) == [f"{value:.2f}" for value in found]
    assert max(map(float, fits(panel(axes, "PCA")))) < 0.85
    assert min(map(float, fits(panel(axes, "ICA")))) >= 0.99


def test_parts_are_never_turned_and_components_are(small):
    """A part that runs against the only source left for it shows so; a component has no sign of its own."""
    random = np.random.default_rng(0)
    W = random.random((120, 3))
    axes = plots.sources(replace(small, W=W), truth=-W)
    for line, j in zip(axes[1].lines, fit_to(W, -W, signed=True)[0], strict=True):
        assert np.corrcoef(line.get_ydata(), W[:, j])[0, 1] == pytest.approx(1)
    X = 1 + random.random((120, 12))
    scores = standardized(principal_components(X, 3))
    axes = plots.sources(small, X, truth=-scores, methods=["pca"])
    for line, score in zip(axes[2].lines, scores.T, strict=True):
        assert np.corrcoef(line.get_ydata(), score)[0, 1] == pytest.approx(-1)


# --- the picture ----------------------------------------------------------------------------------------


def test_panels_show_what_they_say(short, small):
    axes = plots.sources(small, short.data, truth=short.sources)
    assert [ax.get_title(loc="left") for ax in axes] == ["observations, 5 of 12", "true sources", "NMF", "PCA", "ICA"]
    columns = [0, 3, 6, 8, 11]
    np.testing.assert_allclose(curves(axes[0]), standardized(short.data[:, columns]), atol=1e-9)
    assert [text.get_text() for text in axes[0].get_yticklabels()] == [f"feature {j}" for j in columns]
    np.testing.assert_allclose(curves(axes[1]), standardized(short.sources), atol=1e-9)
    order, _ = fit_to(small.W, short.sources, signed=True)
    np.testing.assert_allclose(curves(axes[2]), standardized(small.W[:, order]), atol=1e-9)
    assert [text.get_text() for text in axes[2].get_yticklabels()] == [f"part {j + 1}" for j in order]
    scores = PCA(3, random_state=0).fit_transform(short.data)
    order, correlation = fit_to(scores, short.sources, signed=False)
    np.testing.assert_allclose(curves(axes[3]), np.sign(correlation) * standardized(scores[:, order]), atol=1e-9)


def test_signs_are_turned_to_fit(short, small):
    axes = plots.sources(small, short.data, truth=short.sources)
    for ax in axes[2:]:
        for line, truth in zip(curves(ax).T, short.sources.T, strict=True):
            assert line @ standardized(truth[:, None])[:, 0] > 0


def test_a_signal_has_the_colour_of_its_source_and_its_strip(short, small):
    axes = plots.sources(small, short.data, truth=short.sources)
    for ax in axes[1:]:
        for i, line in enumerate(ax.lines):
            assert line.get_color() == part_colours(3)[i]
            assert np.abs(line.get_ydata() + i).max() == pytest.approx(0.42)


def test_without_truth_colours_follow_the_parts(short, small):
    axes = plots.sources(small, short.data)
    np.testing.assert_allclose(curves(panel(axes, "NMF")), standardized(small.W), atol=1e-9)
    order, _ = fit_to(PCA(3, random_state=0).fit_transform(short.data), small.W, signed=False)
    labels = [text.get_text() for text in panel(axes, "PCA").get_yticklabels()]
    assert labels == [f"component {j + 1}" for j in order]
    assert not panel(axes, "PCA").texts


def test_without_X_only_the_parts_are_drawn(small):
    assert [ax.get_title(loc="left") for ax in plots.sources(small)] == ["NMF"]


def test_band_is_the_range_of_all_runs(short, small):
    runs = [small, *(nonneg.factorize(short.data, 3, start="random", seed=seed) for seed in range(4))]
    (_, ax) = plots.sources(runs, truth=short.sources)
    low, high = range_of_runs([run.W for run in runs])
    order, _ = fit_to(small.W, short.sources, signed=True)
    for i, (j, band, line) in enumerate(zip(order, ax.collections, ax.lines, strict=True)):
        # The strip shows the whole line, and of the band all but its rarest peaks.
        ours = standardized(small.W)[:, j]
        bottom = min(ours.min(), np.quantile(low[:, j], 0.02))
        top = max(ours.max(), np.quantile(high[:, j], 0.98))
        stretch = 0.84 / (top - bottom)
        place = -i - stretch * (top + bottom) / 2
        drawn = band.get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose(drawn.min(), -i - 0.42)
        np.testing.assert_allclose(drawn.max(), -i + 0.42)
        np.testing.assert_allclose(drawn[1 : 1 + len(low)], place + stretch * low[:, j].clip(bottom, top), atol=1e-9)
        np.testing.assert_allclose(line.get_ydata(), place + stretch * ours, atol=1e-9)
    title = ax.get_title(loc="left")
    assert title.startswith("NMF, first of 5 runs; band: all, error ")
    each = np.array([fit_to(run.W, short.sources, signed=True)[1] for run in runs])
    written = [f"{a:.2f} to {b:.2f}" for a, b in zip(each.min(axis=0), each.max(axis=0), strict=True)]
    assert [" to ".join(dict.fromkeys(text.split(" to "))) for text in written] == fits(ax)


@pytest.mark.parametrize("kind", [list, scipy.sparse.csr_array, scipy.sparse.coo_matrix, pd.DataFrame])
def test_every_kind_of_X(short, small, kind):
    expected = plots.sources(small, short.data, truth=short.sources)
    for a, b in zip(expected, plots.sources(small, kind(short.data), truth=short.sources), strict=True):
        # FastICA stops before its end, where rounding still shows.
        np.testing.assert_allclose(curves(a), curves(b), atol=0.1 if a is expected[-1] else 1e-6)


def test_times_are_given_or_the_names_of_rows_or_positions(short, small):
    by_position = plots.sources(small)[0]
    assert by_position.get_xlabel() == "row"
    assert by_position.lines[0].get_xdata().tolist() == list(range(120))
    named = plots.sources(small.named(rows=short.times), unit="s")[0]
    assert named.get_xlabel() == "time, s"
    assert named.lines[0].get_xdata().tolist() == short.times.tolist()
    given = plots.sources(small.named(rows=short.times), times=2 * short.times)[0]
    assert given.get_xlabel() == "time"
    assert given.lines[0].get_xdata().tolist() == (2 * short.times).tolist()
    words = plots.sources(small.named(rows=[f"on day {i}" for i in range(120)]))[0]
    assert words.get_xlabel() == "row"


def test_rows_out_of_order_are_drawn_in_order_of_time(short, small):
    shuffled = np.random.default_rng(0).permutation(120)
    runs = [small, replace(small, W=small.W + np.linspace(0, 1, 120)[:, None])]
    (expected,) = plots.sources(runs, times=short.times)
    (ax,) = plots.sources([replace(run, W=run.W[shuffled]) for run in runs], times=short.times[shuffled])
    assert ax.lines[0].get_xdata().tolist() == short.times.tolist()
    np.testing.assert_allclose(curves(ax), curves(expected), atol=1e-9)
    for a, b in zip(expected.collections, ax.collections, strict=True):
        np.testing.assert_allclose(a.get_paths()[0].vertices, b.get_paths()[0].vertices, atol=1e-9)


def test_names_of_sources_come_from_the_frame(short, small):
    truth = pd.DataFrame(short.sources, columns=["sine", "square wave", "saw-tooth"])
    ax = plots.sources(small, truth=truth)[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["sine", "square wave", "saw-tooth"]


def test_one_wild_moment_of_another_run_flattens_no_strip(small):
    wild = small.W.copy()
    wild[60] += 1e3 * wild.max()
    for ax in (plots.sources(small)[0], plots.sources([small, replace(small, W=wild)])[0]):
        heights = np.ptp([line.get_ydata() for line in ax.lines], axis=1)
        assert heights.min() > 0.7
    for i, band in enumerate(ax.collections):
        assert np.abs(band.get_paths()[0].vertices[:, 1] + i).max() < 0.43


def test_a_source_without_a_part_and_parts_without_a_source(short):
    two = nonneg.factorize(short.data, 2, seed=0)
    five = replace(two, W=np.random.default_rng(0).random((120, 5)), H=np.ones((5, 12)))
    ax = plots.sources(two, truth=short.sources)[1]
    assert ax.get_title(loc="left") == "NMF (no part for 1 source)"
    order, correlation = fit_to(two.W, short.sources, signed=True)
    assert [text.get_text() for text in ax.get_yticklabels()] == [f"part {j + 1}" for j in order if j >= 0]
    assert fits(ax) == [f"{value:.2f}" for value in correlation[order >= 0]]
    assert [line.get_color() for line in ax.lines] == [part_colours(3)[i] for i in np.flatnonzero(order >= 0)]
    ax = plots.sources(five, truth=short.sources)[1]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert sorted(labels) == [f"part {j}" for j in range(1, 6)]
    assert len(fits(ax)) == 3


def test_signals_that_are_zero_are_left_out_and_the_title_says_so(short):
    """Of rank three are X and so its components, whichever parts they are most like."""
    X = nonneg.datasets.make_signals(m=120, n=16).data
    result = nonneg.factorize(X, 15, seed=0, stop=Iterations(20))
    for truth in (None, short.sources):
        for title in ("PCA", "ICA"):
            ax = panel(plots.sources(result, X, truth=truth), title)
            assert ax.get_title(loc="left") == f"{title} (3 of 15 shown, 12 are zero)"
            assert sorted(text.get_text() for text in ax.get_yticklabels()) == [f"component {j}" for j in (1, 2, 3)]
            assert min(np.ptp(line.get_ydata()) for line in ax.lines) == pytest.approx(0.84)
    empty = replace(result, W=result.W * (np.arange(15) == 4))
    (ax,) = plots.sources(empty)
    assert ax.get_title(loc="left") == "NMF (1 of 15 shown, 14 are zero)"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["part 5"]
    assert ax.lines[0].get_color() == part_colours(15)[4]
    (ax,) = plots.sources(replace(result, W=0 * result.W))
    assert ax.get_title(loc="left") == "NMF (0 of 15 shown, 15 are zero)"


@pytest.mark.parametrize("k", [15, 200])
def test_signals_that_are_drawn_differ_in_colour(short, k):
    base = nonneg.factorize(short.data, 1, seed=0)
    W = np.random.default_rng(0).random((120, k))
    (ax,) = plots.sources(replace(base, W=W, H=np.ones((k, 12))))
    assert [line.get_color() for line in ax.lines] == part_colours(12)
    true, found = plots.sources(replace(base, W=W, H=np.ones((k, 12))), truth=W)
    assert [line.get_color() for line in true.lines] == [line.get_color() for line in found.lines] == part_colours(12)


def test_at_most_twelve_signals_and_the_title_says_so(short):
    rng = np.random.default_rng(0)
    base = nonneg.factorize(short.data, 1, seed=0)
    many = replace(base, W=rng.random((120, 200)), H=rng.random((200, 12)))
    (ax,) = plots.sources(many)
    assert len(ax.lines) == 12
    assert ax.get_title(loc="left") == "NMF (12 of 200 shown)"


def test_sources_on_given_axes(short, small):
    figure, given = plt.subplots(3, 2)
    axes = plots.sources(small, short.data, truth=short.sources, axes=given)
    assert list(axes) == list(given.flat[:5])
    assert not given[2, 1].axison
    assert plt.get_fignums() == [figure.number]
    assert {ax.get_xlabel() for ax in axes} == {"row"}


@pytest.mark.parametrize("k", [1, 2, 15, 100, 200])
def test_no_text_of_sources_overlaps(short, k, clashes):
    rng = np.random.default_rng(k)
    base = nonneg.factorize(short.data, 1, seed=0).named(
        features=[f"a very long name of instrument {i}" for i in range(12)]
    )
    runs = [replace(base, W=rng.random((120, k)), H=rng.random((k, 12))) for _ in range(3)]
    truth = pd.DataFrame(short.sources, columns=[f"a very long name of a source, number {i}" for i in range(3)])
    for runs_drawn, true in ((runs[0], None), (runs, truth)):
        axes = plots.sources(runs_drawn, short.data, truth=true, methods=("nmf",), unit="hours")
        assert clashes(axes[0].figure) == []
    if k <= 2:
        assert clashes(plots.sources(runs[0], short.data, truth=truth)[0].figure) == []


def test_times_may_be_dates(short):
    result = nonneg.factorize(short.data, 3, seed=0)
    days = np.arange("2020-01-01", len(short.data), dtype="datetime64[D]")
    axes = plots.sources(result, times=days, truth=short.sources)
    drawn = axes[0].lines[0].get_xdata()
    assert (drawn == days).all()
    assert axes[-1].get_xlabel() == "time"
    with pytest.raises(ValueError, match="finite numbers or dates"):
        plots.sources(result, times=np.where(np.arange(len(days)) == 3, np.datetime64("NaT", "D"), days))
