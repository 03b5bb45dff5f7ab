"""One line of pictures for each method: the numbers, the colours and the words."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

import nonneg
from nonneg import plots

pytestmark = pytest.mark.usefixtures("clean_drawing")
SHAPE = (6, 8)
ALL = ("nmf", "pca", "ica", "fa", "dictionary")
TITLES = ("NMF", "PCA", "ICA", "factor analysis", "dictionary learning")


@pytest.fixture(scope="module")
def compared():
    return nonneg.compare(nonneg.datasets.make_planted(80, 48, 6, noise=0.1).data, 6, n_seeds=2)


def of_size(compared, k):
    """Make a comparison of k parts without fitting one."""
    random = np.random.default_rng(k)
    parts = {name: random.standard_normal((k, 48)) for name in ALL}
    parts["nmf"] = np.abs(parts["nmf"])
    return replace(compared, k=k, components=parts)


def texts(ax):
    return " ".join(text.get_text() for text in ax.texts)


def test_pictures_are_the_parts_lined_up(compared):
    axes = plots.comparison(compared, image_shape=SHAPE)
    assert axes.shape == (5, 6)
    for line, parts in zip(axes, compared.lined_up().values(), strict=True):
        for ax, part in zip(line, parts, strict=True):
            (image,) = ax.images
            np.testing.assert_array_equal(image.get_array(), part.reshape(SHAPE))
            assert image.get_clim() == (-np.abs(part).max(), np.abs(part).max())


def test_red_adds_blue_takes_away_and_zero_is_light(compared):
    (image,) = plots.comparison(compared, image_shape=SHAPE)[0, 0].images
    below, zero, above = (np.array(image.cmap(x)) for x in (0.1, 0.5, 0.9))
    assert below[2] > below[0] + 0.3
    assert above[0] > above[2] + 0.3
    assert zero.min() > 0.95


def test_numbers_at_the_left_are_those_of_the_table(compared):
    axes = plots.comparison(compared, image_shape=SHAPE)
    for i, (ax, title) in enumerate(zip(axes[:, 0], TITLES, strict=True)):
        words, table = texts(ax), compared.table
        assert words.startswith(title)
        assert f"held-out error {100 * table['held_out_error'][i]:.1f} %" in words
        assert f"negative entries {100 * table['negative_in_parts'][i]:.0f} %" in words
        assert f"cancels {100 * table['cancellation'][i]:.0f} %" in words
        assert f"stability {table['stability'][i]:.2f}" in words
    assert [ax.get_title() for ax in axes[0]] == [f"part {j + 1}" for j in range(6)]
    assert not any(ax.get_title() for ax in axes[1:].flat)


def test_one_run_has_no_stability_to_show(compared):
    once = replace(compared, table=compared.table | {"stability": np.full(5, np.nan)})
    assert "stability" not in texts(plots.comparison(once, image_shape=SHAPE)[0, 0])


def test_without_names_lines_over_the_features(compared):
    axes = plots.comparison(compared)
    ours, theirs = axes[0, 0], axes[1, 0]
    assert len(ours.collections) == 1  # nothing of NMF is below zero
    assert len(theirs.collections) == 2
    part = compared.lined_up()["pca"][0]
    low, high = theirs.get_ylim()
    assert low == -high == pytest.approx(-1.05 * np.abs(part).max())
    heights = np.concatenate([area.get_paths()[0].vertices[:, 1] for area in theirs.collections])
    assert heights.min() == pytest.approx(min(part.min(), 0))
    assert heights.max() == pytest.approx(max(part.max(), 0))
    named = replace(compared, feature_names=np.linspace(400, 870, 48))
    assert plots.comparison(named)[0, 0].get_xlim() == (400, 870)


def test_named_features_are_bars_of_the_largest_entries(compared):
    names = np.array([f"word {i}" for i in range(48)])
    axes = plots.comparison(replace(compared, feature_names=names))
    for ax, part in zip(axes[1], compared.lined_up()["pca"], strict=True):
        largest = np.argsort(-np.abs(part))[:5]
        largest = largest[np.abs(part[largest]) > 0.02 * np.abs(part).max()]
        assert [label.get_text() for label in ax.get_yticklabels()] == list(names[largest])
        np.testing.assert_allclose([bar.get_width() for bar in ax.patches], part[largest])
        for bar, value in zip(ax.patches, part[largest], strict=True):
            red, _, blue, _ = bar.get_facecolor()
            assert (red > blue) == (value > 0)


def test_only_bars_that_can_be_seen_are_named(compared):
    part = np.zeros(48)
    part[[9, 2, 30, 4]] = 1, -0.5, -0.021, 0.019
    result = replace(compared, components={"nmf": part[None], "pca": -part[None]}, k=1)
    axes = plots.comparison(replace(result, feature_names=np.array([f"word {i}" for i in range(48)])))
    for ax in axes.flat:
        assert [label.get_text() for label in ax.get_yticklabels()] == ["word 9", "word 2", "word 30"]


DAYS = np.arange("2020-01-01", 48, dtype="datetime64[D]").astype(str)


@pytest.mark.parametrize(
    ("names", "ends", "label"),
    [
        (None, ["0", "47"], "feature"),
        (np.arange(400, 448), ["400", "447"], "feature"),
        (np.arange(448, 400, -1), ["448", "401"], "feature"),
        (np.array([f"{i}.5" for i in range(48)]), ["0.5", "47.5"], "feature"),
        (DAYS, ["2020-01-01", "2020-02-17"], ""),
    ],
)
def test_features_in_order_are_an_axis(compared, clashes, names, ends, label):
    axes = plots.comparison(replace(compared, feature_names=names))
    assert clashes(axes[0, 0].figure) == []
    for ax in axes[-1]:
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ends
        assert ax.get_xlabel() == label
        left, right = (ax.transData.transform((x, 0))[0] for x in ax.get_xticks())
        assert left < right
    assert not any(ax.get_xlabel() for ax in axes[:-1].flat)


def test_numbers_out_of_order_are_names(compared):
    numbers = np.roll(np.arange(48), 5)
    axes = plots.comparison(replace(compared, feature_names=numbers))
    part = compared.lined_up()["nmf"][0]
    assert axes[0, 0].get_yticklabels()[0].get_text() == str(numbers[part.argmax()])


@pytest.mark.parametrize(("kind", "across"), [("picture", 15), ("line", 8), ("bars", 6)])
def test_many_parts_go_on_below(compared, clashes, kind, across):
    result = of_size(compared, 40)
    if kind == "bars":
        result = replace(result, feature_names=np.array([f"feature number {i}" for i in range(48)]))
    axes = plots.comparison(result, image_shape=SHAPE if kind == "picture" else None, most=40)
    assert axes.shape == (5, 40)
    assert [ax.get_title() for ax in axes[0]] == [f"part {j + 1}" for j in range(40)]
    x, y = (np.array([getattr(ax.get_position(), side) for ax in axes.flat]).reshape(5, 40) for side in ("x0", "y0"))
    columns = len(np.unique(x.round(6)))
    assert columns <= across
    assert (np.diff(y, axis=0) < 0).all()
    for block in range(0, 40, columns):
        # Every method is named again, below all methods of the parts before.
        assert y[0, block] < y[-1, block - columns] or block == 0
        assert [texts(ax).startswith(name) for ax, name in zip(axes[:, block], TITLES, strict=True)] == [True] * 5
    assert clashes(axes[0, 0].figure) == []
    assert len(axes[0, 0].figure.axes) == 200


@pytest.mark.parametrize("kind", ["picture", "line", "bars"])
def test_one_part_leaves_no_blank_half(compared, kind):
    result = of_size(compared, 1)
    if kind == "bars":
        result = replace(result, feature_names=np.array([f"feature number {i}" for i in range(48)]))
    axes = plots.comparison(result, image_shape=SHAPE if kind == "picture" else None)
    assert axes[0, 0].get_position().x1 > 0.95


@pytest.mark.parametrize("k", [1, 2, 15, 100, 200])
@pytest.mark.parametrize("kind", ["picture", "line", "bars"])
def test_nothing_overlaps_at_any_size(clashes, compared, k, kind):
    result = of_size(compared, k)
    if kind == "bars":
        names = np.array([f"$\\bad very long name of the feature, number {i} $" for i in range(48)])
        result = replace(result, feature_names=names)
    axes = plots.comparison(result, image_shape=SHAPE if kind == "picture" else None)
    most = {"picture": 15, "line": 8, "bars": 6}[kind]
    assert axes.shape == (5, min(k, most))
    figure = axes[0, 0].figure
    assert clashes(figure) == []
    said = [text.get_text().replace("\n", " ") for text in figure.texts if "parts shown" in text.get_text()]
    assert [text.split(";")[0] for text in said] == ([f"{most} of {k} parts shown"] if k > most else [])


@pytest.mark.parametrize("shape", [(1, 48), (48, 1), (2, 24)])
def test_nothing_overlaps_in_any_shape(clashes, compared, shape):
    for methods in (ALL, ("nmf",)):
        some = replace(compared, components={name: compared.components[name] for name in methods})
        assert clashes(plots.comparison(some, image_shape=shape)[0, 0].figure) == []


def test_draws_on_the_axes_given(compared):
    figure, given = plt.subplots(5, 2)
    axes = plots.comparison(compared, image_shape=SHAPE, most=2, axes=given)
    assert (axes == given).all()
    assert plt.get_fignums() == [figure.number]
    assert not figure.texts


def test_a_part_of_zeros_is_empty(compared):
    empty = replace(compared, components={"nmf": np.zeros((2, 48)), "pca": np.zeros((2, 48))}, k=2)
    assert plots.comparison(empty, image_shape=SHAPE)[0, 0].images[0].get_clim() == (-1, 1)
    assert plots.comparison(empty)[0, 0].get_ylim() == (-1.05, 1.05)


def test_what_does_not_fit_gets_one_sentence(compared):
    with pytest.raises(ValueError, match=r"image_shape must be \(height, width\) of 48 pixels"):
        plots.comparison(compared, image_shape=(5, 5))
    with pytest.raises(ValueError, match="most must be an integer >= 1, got 0"):
        plots.comparison(compared, image_shape=SHAPE, most=0)
    with pytest.raises(ValueError, match="30 parts need as many Axes, got 4"):
        plots.comparison(compared, image_shape=SHAPE, axes=plt.subplots(2, 2)[1])
