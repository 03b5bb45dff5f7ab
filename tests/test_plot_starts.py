"""How much an answer depends on the luck of its start: losses and parts of many runs."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection

import nonneg
from nonneg import plots
from nonneg.datasets import make_planted

match = nonneg.inspect.match

pytestmark = pytest.mark.usefixtures("clean_drawing")


@pytest.fixture(scope="module")
def X():
    return make_planted(60, 30, 4, noise=0.3, seed=0).data


@pytest.fixture(scope="module")
def runs(X):
    stop = nonneg.Iterations(8)  # too few to agree
    return [nonneg.factorize(X, 4, start="random", seed=seed, stop=stop) for seed in range(6)]


def losses(ax):
    """Return what the dots of the left panel say, in percent."""
    return ax.lines[1].get_ydata()


def similarities(ax):
    """Return the dots of the right panel, a run in a row."""
    (dots,) = (found for found in ax.collections if found.get_offsets().size > 2)
    at = np.asarray(dots.get_offsets())
    k = int(at[:, 0].max())
    assert (at[:, 0].reshape(-1, k) == np.arange(1, k + 1)).all()
    return at[:, 1].reshape(-1, k)


@pytest.fixture(params=["frobenius", "kullback-leibler"])
def loss(request):
    return request.param


def test_losses_are_relative_to_the_best_and_sorted(X, loss):
    stop = nonneg.Iterations(8)
    runs = [nonneg.factorize(X, 4, start="random", loss=loss, seed=seed, stop=stop) for seed in range(6)]
    values = np.sort([run.loss_value for run in runs])
    left = plots.starts(runs)[0]
    np.testing.assert_allclose(losses(left), 100 * (values / values[0] - 1), rtol=1e-6, atol=1e-8)
    assert left.lines[1].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]


def test_title_counts_the_runs_that_are_as_good_as_the_best(runs):
    errors = 0.3 * np.sqrt(1 + np.array([0, 0.0009, 0.0011, 0.5, 0.0002, 1]))
    changed = [replace(run, relative_error=float(error)) for run, error in zip(runs, errors, strict=True)]
    assert plots.starts(changed)[0].get_title() == "3 of 6 runs within 0.1 % of the best loss"


def test_exact_fits_are_equal_whatever_rounding_leaves(runs):
    exact = [
        replace(run, relative_error=error) for run, error in zip(runs, np.geomspace(1e-12, 1e-8, 6), strict=True)
    ]
    left = plots.starts(exact)[0]
    assert left.get_title() == "6 of 6 runs within 0.1 % of the best loss"
    assert losses(left).max() < 0.1
    zero = [replace(run, relative_error=0.0) for run in runs]
    assert not losses(plots.starts(zero)[0]).any()


@pytest.mark.parametrize("side", ["H", "W"])
def test_parts_are_compared_with_those_of_the_best_run(runs, side):
    right = plots.starts(runs, side=side)[1]
    best = int(np.argmin([run.loss_value for run in runs]))
    expected = [match(runs[best], run, side=side).similarity for i, run in enumerate(runs) if i != best]
    np.testing.assert_allclose(similarities(right), expected)
    reach, median = (bars.get_segments() for bars in right.collections if isinstance(bars, LineCollection))
    np.testing.assert_allclose(
        [line[:, 1] for line in reach], np.transpose([np.min(expected, 0), np.max(expected, 0)])
    )
    np.testing.assert_allclose([line[0, 1] for line in median], np.median(expected, axis=0))


def test_title_counts_the_parts_that_are_the_same_in_every_run(runs):
    first = runs[0]
    turned = first.H.copy()
    turned[2] = turned[2, ::-1]
    others = [replace(first, H=first.H[::-1], W=first.W[:, ::-1]), replace(first, H=turned), first]
    right = plots.starts([first, *others])[1]
    expected = int((match(first, others[1]).similarity >= 0.99).sum())
    assert expected == 3
    assert right.get_title() == "3 of 4 parts are the same in every run"
    np.testing.assert_allclose(similarities(right)[0], 1)


def test_nothing_is_drawn_outside(runs):
    left, right = plots.starts(runs)
    for ax, values in ((left, losses(left)), (right, similarities(right))):
        low, high = ax.get_ylim()
        assert low <= values.min()
        assert values.max() <= high + 1e-9
    assert right.get_ylim()[1] == 1


def test_one_run_has_nothing_to_compare(runs):
    left, right = plots.starts(runs[0])
    assert losses(left).tolist() == [0]
    assert left.get_title() == "the only run"
    assert [text.get_text() for text in right.texts] == ["no other run to compare"]
    assert not right.collections
    assert not right.xaxis.get_ticklocs().size
    assert not any(spine.get_visible() for spine in right.spines.values())


def test_starts_on_given_axes(runs):
    figure, given = plt.subplots(1, 3)
    assert list(plots.starts(runs, axes=given)) == list(given[:2])
    assert not given[2].axison
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("k", [1, 15, 200])
def test_medians_are_short_bars_on_top_and_dots_can_be_seen(runs, k):
    drawn = [replace(runs[0], W=np.ones((60, k)), H=np.random.default_rng(i).random((k, 30))) for i in range(6)]
    right = plots.starts(drawn)[1]
    right.figure.draw_without_rendering()
    reach, dots, median = right.collections
    assert reach.get_zorder() < dots.get_zorder() < median.get_zorder()
    ends = right.transData.transform(median.get_segments()[0])
    assert 3 < 72 * np.diff(ends[:, 0])[0] / right.figure.dpi < 20
    assert median.get_linewidth()[0] > 1.5
    assert dots.get_alpha() > 0.5


@pytest.mark.parametrize("count", [1, 2, 20, 100])
@pytest.mark.parametrize("k", [1, 2, 15, 100, 200])
def test_no_text_of_starts_overlaps(runs, k, count, clashes):
    rng = np.random.default_rng(0)
    drawn = [
        replace(
            runs[0],
            W=np.ones((60, k)),
            H=rng.random((k, 30)) ** 3,
            relative_error=float(rng.random()),
        )
        for _ in range(count)
    ]
    axes = plots.starts(drawn)
    assert clashes(axes[0].figure) == []
    for axis in (axes[0].xaxis, axes[1].xaxis):
        labels = [tick.label1.get_text() for tick in axis.get_major_ticks() if tick.label1.get_text()]
        assert all(label.isdecimal() for label in labels)
        assert labels[:1] in (["1"], [])


def test_starts_refuses_what_does_not_fit(X, runs):
    with pytest.raises(ValueError, match=r"number 0 has \(60, 30, 4, 'frobenius'\), number 1 has \(60, 30, 3, "):
        plots.starts([runs[0], nonneg.factorize(X, 3, seed=0)])
    with pytest.raises(ValueError, match=r"number 1 has .*'kullback-leibler'"):
        plots.starts([runs[0], nonneg.factorize(X, 4, seed=0, loss="poisson")])
    with pytest.raises(ValueError, match="at least one Factorization, got none"):
        plots.starts([])
    with pytest.raises(TypeError, match=r"result must be a Factorization, .* got str"):
        plots.starts([runs[0], "run"])
    with pytest.raises(ValueError, match="side"):
        plots.starts(runs, side="X")
    with pytest.raises(ValueError, match="2 panels need as many Axes, got 1"):
        plots.starts(runs, axes=plt.subplots()[1])
