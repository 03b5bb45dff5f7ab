"""Recovered signals beside the true ones: which is which, how well they fit, and what is luck of the start."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.decomposition import PCA

import nonneg
from nonneg import Iterations, Penalty, RelativeDecrease, plots
from nonneg.datasets import make_signals
from nonneg.explain.plots.layout import part_colours
from nonneg.explain.plots.signals import (
    CONSTANT,
    fit_to,
    independent_components,
    principal_components,
    range_of_runs,
    standardized,
)

pytestmark = pytest.mark.usefixtures("clean_drawing")

CONVERGED = [RelativeDecrease(1e-8), Iterations(20_000)]


@pytest.fixture(scope="module")
def signals():
    return make_signals()


@pytest.fixture(scope="module")
def result(signals):
    return nonneg.factorize(signals.data, 3, seed=0, stop=CONVERGED)


@pytest.fixture(scope="module")
def short():
    return make_signals(m=120, n=12)


@pytest.fixture(scope="module")
def small(short):
    return nonneg.factorize(short.data, 3, seed=0)


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


def test_least_volume_closes_the_band_of_random_starts():
    """At equal loss, here of a fit that is exact or nearly so, runs differ by the luck of their start."""
    X = make_signals(m=400, n=30).data
    stop = [RelativeDecrease(1e-7), Iterations(20_000)]
    widths = []
    for penalty in (None, Penalty(min_volume="W")):
        runs = [nonneg.factorize(X, 3, start="random", seed=seed, penalty=penalty, stop=stop) for seed in range(6)]
        assert max(run.relative_error for run in runs) < 2e-5
        low, high = range_of_runs([run.W for run in runs])
        widths.append((high - low).mean(axis=0))
    assert widths[0].max() > 0.2
    assert widths[1].max() < 0.02 * widths[0].max()


def test_signals_are_matched_all_together():
    """The best partner of the one column may be the only good one of the other."""
    rng = np.random.default_rng(0)
    a, b, c = standardized(rng.standard_normal((500, 3))).T
    truth = np.stack([a, a + 0.2 * b], axis=1)
    found = np.stack([a + 0.1 * b, c + 0.5 * a], axis=1)
    order, correlation = fit_to(found, truth, signed=True)
    every = np.corrcoef(truth.T, found.T)[:2, 2:]
    best = max(([0, 1], [1, 0]), key=lambda way: every[[0, 1], way].sum())
    assert order.tolist() == best
    np.testing.assert_allclose(correlation, every[[0, 1], best])


def test_either_sign_fits_only_where_signs_are_open():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((300, 2))
    found = truth[:, ::-1] * [-1, 1]
    order, correlation = fit_to(found, truth, signed=False)
    assert order.tolist() == [1, 0]
    np.testing.assert_allclose(correlation, [1, -1])
    signed = np.stack([-truth[:, 0], truth[:, 0] + 3 * rng.standard_normal(300)], axis=1)
    assert fit_to(signed, truth[:, :1], signed=True)[0] == [1]
    assert fit_to(signed, truth[:, :1], signed=False)[0] == [0]


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


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_no_component_is_made_of_rounding(dtype):
    """Whole numbers of rank 3: a fourth component would be noise of the arithmetic, blown up to full size."""
    random = np.random.default_rng(0)
    X = (random.integers(0, 9, (200, 3)) @ random.integers(0, 9, (3, 20))).astype(dtype)
    components = independent_components(X, 5)
    assert components.std(axis=0)[:3] == pytest.approx([1, 1, 1], rel=1e-2)
    assert not components[:, 3:].any()


def test_more_sources_than_signals():
    rng = np.random.default_rng(0)
    truth = rng.random((100, 3))
    order, correlation = fit_to(truth[:, 1:2], truth, signed=True)
    assert order.tolist() == [-1, 0, -1]
    np.testing.assert_allclose(correlation, [0, 1, 0])


def test_range_holds_every_run_matched_and_of_one_size():
    rng = np.random.default_rng(0)
    W = rng.random((50, 3))
    low, high = range_of_runs([W, 7 * W[:, [2, 0, 1]] + 1])
    np.testing.assert_allclose(low, standardized(W), atol=1e-12)
    np.testing.assert_allclose(high, standardized(W), atol=1e-12)
    other = W + 0.3 * rng.random(W.shape)
    low, high = range_of_runs([W, other[:, [1, 2, 0]]])
    both = np.stack([standardized(W), standardized(other)])
    np.testing.assert_allclose(low, both.min(axis=0))
    np.testing.assert_allclose(high, both.max(axis=0))


def test_a_constant_signal_and_rounding_are_flat():
    signals = np.stack([np.arange(4.0), np.full(4, 3.0), 0.1 * CONSTANT * np.array([1.0, -1.0, 1.0, -1.0])], axis=1)
    out = standardized(signals)
    np.testing.assert_allclose(out[:, 0], (np.arange(4) - 1.5) / np.std(np.arange(4)))
    assert not out[:, 1:].any()


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
        # Strip and band are stretched together, so that the whole range fills the strip.
        stretch = 0.84 / (high[:, j].max() - low[:, j].min())
        place = -i - stretch * (high[:, j].max() + low[:, j].min()) / 2
        drawn = band.get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose(drawn.min(), -i - 0.42)
        np.testing.assert_allclose(drawn.max(), -i + 0.42)
        np.testing.assert_allclose(drawn[1 : 1 + len(low)], place + stretch * low[:, j], atol=1e-9)
        np.testing.assert_allclose(line.get_ydata(), place + stretch * standardized(small.W)[:, j], atol=1e-9)
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


def test_a_source_without_a_part_and_parts_without_a_source(short):
    two, five = (nonneg.factorize(short.data, k, seed=0) for k in (2, 5))
    ax = plots.sources(two, truth=short.sources)[1]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    missing = labels.index("none")
    assert np.isnan(ax.lines[missing].get_ydata()).all()
    assert fits(ax)[missing] == ""
    ax = plots.sources(five, truth=short.sources)[1]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert sorted(labels) == [f"part {j}" for j in range(1, 6)]
    assert len(fits(ax)) == 3


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


def test_sources_refuses_what_does_not_fit(short, small):
    with pytest.raises(ValueError, match=r"shape that was factorized, \(120, 12\), got \(119, 12\)"):
        plots.sources(small, short.data[1:])
    with pytest.raises(ValueError, match=r"same X and k: \(120, 12\) with k=3, got \(120, 12\) with k=2"):
        plots.sources([small, nonneg.factorize(short.data, 2, seed=0)])
    with pytest.raises(ValueError, match=r"methods must be some of .*, got 'svd'"):
        plots.sources(small, short.data, methods=["svd"])
    with pytest.raises(ValueError, match="'pca' is computed from X: give X"):
        plots.sources(small, methods=["pca"])
    wide = replace(small, W=np.ones((120, 13)), H=np.ones((13, 12)))
    with pytest.raises(ValueError, match="'ica' finds at most 12 components of this X, the result has 13 parts"):
        plots.sources(wide, short.data, methods=["ica"])
    for times in (np.arange(119), np.full(120, np.nan)):
        with pytest.raises(ValueError, match="times must be 120 finite numbers"):
            plots.sources(small, times=times)
    for truth in (np.ones((119, 3)), np.ones(120), np.ones((120, 0))):
        with pytest.raises(ValueError, match="truth must have 120 rows and a column for each source, got"):
            plots.sources(small, truth=truth)
    with pytest.raises(ValueError, match="results must hold at least one Factorization, got none"):
        plots.sources([])
    with pytest.raises(TypeError, match="result must be a Factorization"):
        plots.sources(short.data)
    with pytest.raises(ValueError, match="1 panels need as many Axes, got 0"):
        plots.sources(small, axes=[])


def test_times_may_be_dates(short):
    result = nonneg.factorize(short.data, 3, seed=0)
    days = np.arange("2020-01-01", len(short.data), dtype="datetime64[D]")
    axes = plots.sources(result, times=days, truth=short.sources)
    drawn = axes[0].lines[0].get_xdata()
    assert (drawn == days).all()
    assert axes[-1].get_xlabel() == "time"
    with pytest.raises(ValueError, match="finite numbers or dates"):
        plots.sources(result, times=np.where(np.arange(len(days)) == 3, np.datetime64("NaT"), days))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda X: np.where(X.max() == X, np.nan, X),
            ValueError,
            r"'pca' cannot read missing entries; methods=\('nmf',",
        ),
        (np.ones_like, ValueError, "'pca' finds nothing where all rows of X are alike"),
    ],
)
def test_data_without_principal_components_get_one_sentence(short, change, error, words):
    result = nonneg.factorize(short.data, 3, seed=0)
    with pytest.raises(error, match=words):
        plots.sources(result, change(short.data))
    assert len(plots.sources(result, change(short.data), methods=("nmf",))) == 2


def test_methods_are_a_sequence_of_names(short):
    result = nonneg.factorize(short.data, 3, seed=0)
    with pytest.raises(TypeError, match=r"such as \('nmf',\), got the text 'nmf'"):
        plots.sources(result, short.data, methods="nmf")
    with pytest.raises(ValueError, match="got none"):
        plots.sources(result, short.data, methods=[])
