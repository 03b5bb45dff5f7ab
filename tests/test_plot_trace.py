"""The way of the loss, as a picture."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import nonneg
from nonneg import plots
from nonneg.explain.plots.layout import COLOURS

pytestmark = pytest.mark.usefixtures("clean_drawing")
LONG = "a name that is far too long for any legend to hold, number"


@pytest.fixture(scope="module")
def runs():
    X = np.random.default_rng(0).random((30, 20))
    return [nonneg.factorize(X, 4, start="random", seed=seed, stop=nonneg.Iterations(15)) for seed in range(12)]


def test_trace_shows_the_loss_above_the_best(runs):
    axes = plots.trace(runs[:3])
    best = min(run.trace.loss.min() for run in runs[:3])
    for ax, seconds in zip(axes, (False, True), strict=True):
        for i, run in enumerate(runs[:3]):
            raw, lowest, end = ax.lines[3 * i : 3 * i + 3]
            assert len({line.get_color() for line in (raw, lowest, end)}) == 1
            x = run.trace.seconds if seconds else np.arange(1, 16)
            above = (run.trace.loss - best) / best
            np.testing.assert_array_equal(raw.get_xdata(), x)
            positive = above > 0
            np.testing.assert_allclose(raw.get_ydata()[positive], above[positive])
            np.testing.assert_array_equal(lowest.get_ydata(), np.minimum.accumulate(raw.get_ydata()))
            assert end.get_xdata() == x[-1:]
            assert end.get_ydata() == lowest.get_ydata()[-1:]
            assert end.get_marker() == "X"
        assert ax.get_yscale() == "log"
        assert min(line.get_ydata().min() for line in ax.lines) == ax.get_ylim()[0]
    assert [ax.get_xlabel() for ax in axes] == ["iterations", "seconds"]


def test_a_loss_that_rises_is_drawn_as_it_was(runs):
    loss = np.array([9.0, 4.0, 6.0, 2.0])
    run = replace(runs[0], trace=nonneg.Trace(loss, np.arange(4.0)), converged=True, reason="tolerance")
    raw, lowest, end = plots.trace(run)[0].lines
    np.testing.assert_allclose(raw.get_ydata(), [3.5, 1, 2, 0.1])
    np.testing.assert_allclose(lowest.get_ydata(), [3.5, 1, 1, 0.1])
    assert end.get_marker() == "o"


def test_the_end_is_told_in_words(runs):
    ax = plots.trace(runs[0])[0]
    assert "the limit of iterations was reached" in ax.get_title(loc="left").replace("\n", " ")
    assert f"{runs[0].trace.loss.min():.6g}" in ax.get_title(loc="left")


def test_of_many_runs_the_best_stands_out(runs, clashes):
    best = int(np.argmin([run.trace.loss.min() for run in runs]))
    many = list(runs)
    many[best - 1] = replace(runs[best - 1], reason="tolerance", converged=True)
    axes = plots.trace(many)
    coloured = {line.get_color() for line in axes[0].lines}
    assert coloured == {COLOURS[0], "0.8"}
    texts = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert texts[0].startswith(f"run {best + 1} · ")
    assert sorted(texts[1:]) == ["1 other · tolerance", "10 others · max_iter"]
    assert clashes(axes[0].figure) == []


@pytest.mark.parametrize("count", [1, 2, 5, 8, 9])
def test_the_best_has_the_strongest_colour_whichever_it_is(runs, count):
    for winner in {0, count // 2, count - 1}:
        trace = runs[winner].trace
        some = list(runs[:count])
        some[winner] = replace(some[winner], trace=nonneg.Trace(trace.loss / 2, trace.seconds))
        ax = plots.trace(some)[0]
        drawn = {line.get_color() for line in ax.lines if line.get_ydata()[-1] == ax.get_ylim()[0]}
        assert drawn == {COLOURS[0]}
        colours = dict.fromkeys(line.get_color() for line in ax.lines)
        assert set(colours) == ({COLOURS[0], "0.8"} if count > 8 else set(COLOURS[:count]))


def test_of_many_runs_with_long_names_the_best_can_be_read(runs, clashes):
    names = [f"the run with the random start of seed number {i} of the twenty" for i in range(len(runs))]
    axes = plots.trace(dict(zip(names, runs, strict=True)))
    best = names[int(np.argmin([run.trace.loss.min() for run in runs]))]
    assert best in axes[0].get_title(loc="left").replace("\n", " ")
    assert clashes(axes[0].figure) == []


def test_runs_have_the_names_given(runs, clashes):
    axes = plots.trace({"spa": runs[0], LONG: runs[1]})
    texts = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert texts[0] == "spa · max_iter"
    assert len(texts[1]) < 40
    assert clashes(axes[0].figure) == []


@pytest.mark.parametrize("loss", [[1.0], [0.0], [3.0, 0.0], [2.0, -5.0], [1.0, 1.0]])
def test_losses_at_the_edge(runs, clashes, loss):
    run = replace(runs[0], trace=nonneg.Trace(np.array(loss), np.arange(1.0, len(loss) + 1)))
    axes = plots.trace(run)
    above = np.array(loss[:-1]) - min(loss)
    np.testing.assert_allclose(axes[0].lines[0].get_ydata()[:-1], above, atol=1e-5)
    assert (axes[0].get_ylabel() == "loss above the best / the best") == (min(loss) > 0)
    assert clashes(axes[0].figure) == []


def test_a_hundred_runs(runs, clashes):
    assert clashes(plots.trace(runs * 8 + runs[:4])[0].figure) == []


def test_trace_on_given_axes(runs):
    figure, given = plt.subplots(2)
    assert plots.trace(runs[:2], axes=given).tolist() == list(given)
    assert plt.get_fignums() == [figure.number]


def test_trace_refuses_what_does_not_fit(runs):
    with pytest.raises(ValueError, match="at least one Factorization, got none"):
        plots.trace([])
    with pytest.raises(TypeError, match=r"result must be a Factorization, .* got int"):
        plots.trace([3])
    with pytest.raises(TypeError, match="got float"):
        plots.trace(3.0)
    other = nonneg.factorize(np.eye(3), 2, seed=0, stop=nonneg.Iterations(1))
    with pytest.raises(ValueError, match="got frobenius on 3 x 3 and frobenius on 30 x 20"):
        plots.trace([runs[0], other])
    with pytest.raises(ValueError, match="2 panels need as many Axes, got 1"):
        plots.trace(runs, axes=plt.subplots()[1])
