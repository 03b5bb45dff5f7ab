"""Pictures show the numbers they claim to show, where they were asked to."""

import importlib
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

import nonneg
from nonneg import plots
from nonneg.explain.words import percent, rounded

SHAPE = (6, 8)


@pytest.fixture(scope="module")
def X():
    return nonneg.datasets.make_planted(30, 48, 5, noise=0.2).data


@pytest.fixture(scope="module")
def result(X):
    return nonneg.factorize(X, 5, seed=0)


pytestmark = pytest.mark.usefixtures("clean_drawing")


def picture(ax):
    (image,) = ax.images
    return image


def test_parts_are_the_rows_of_H(result):
    axes = plots.parts(result, image_shape=SHAPE)
    assert axes.shape == (5,)
    for ax, h in zip(axes, result.H, strict=True):
        assert (picture(ax).get_array() == h.reshape(SHAPE)).all()
        assert picture(ax).get_clim() == (0, h.max())


def test_a_part_is_light_on_black_like_the_rows_that_hold_it(result):
    drawn = (
        plots.parts(result, image_shape=SHAPE)[0],
        plots.top_rows(result, result.W @ result.H, image_shape=SHAPE)[0, 0],
    )
    for image in map(picture, drawn):
        assert image.cmap(0.0) == (0, 0, 0, 1)
        assert image.cmap(1.0) == (1, 1, 1, 1)


def test_titles_give_the_share(result):
    titles = [ax.get_title() for ax in plots.parts(result, image_shape=SHAPE)]
    amount = result.W.sum(axis=0) * result.H.sum(axis=1)
    assert titles == [f"part {j + 1} · {100 * a / amount.sum():.0f} %" for j, a in enumerate(amount)]


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.0, "0 %"),
        (1e-9, "<0.1 %"),
        (0.0123, "1.2 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.124, "12 %"),
        (1, "100 %"),
    ],
)
def test_percent(fraction, text):
    assert percent(fraction) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.012345, "0.0123"), (9.996, "10"), (1654.3, "1650"), (999_600, "1e+06"), (1.2345e7, "1.23e+07")],
)
def test_rounded(value, text):
    assert rounded(value) == text


def test_most_draws_the_first(result):
    axes = plots.parts(result, image_shape=SHAPE, most=2)
    assert [ax.get_title().split(" · ")[0] for ax in axes] == ["part 1", "part 2"]
    assert len(axes[0].figure.axes) == 2
    assert [text.get_text() for text in axes[0].figure.texts] == ["2 of 5 parts shown"]
    assert len(plots.parts(result, image_shape=SHAPE, most=99)) == 5


def test_parts_on_given_axes(result):
    figure, given = plt.subplots(2, 3)
    axes = plots.parts(result, image_shape=SHAPE, axes=given)
    assert list(axes) == list(given.flat[:5])
    assert all(ax.images for ax in axes)
    assert not given[1, 2].axison
    assert plt.get_fignums() == [figure.number]


def test_one_part_on_one_given_axes(result):
    _, ax = plt.subplots()
    assert plots.parts(result, image_shape=SHAPE, most=1, axes=ax).tolist() == [ax]


def test_a_part_of_zeros_is_black(result):
    axes = plots.parts(replace(result, W=np.zeros((30, 5)), H=np.zeros((5, 48))), image_shape=SHAPE)
    axes[0].figure.canvas.draw()
    assert axes[0].get_title() == "part 1 · 0 %"
    image = picture(axes[0])
    assert (image.cmap(image.norm(image.get_array()))[..., :3] == 0).all()


@pytest.fixture(scope="module")
def many():
    X = np.random.default_rng(0).random((210, 48))
    return nonneg.factorize(X, 200, start="random", seed=0, stop=nonneg.Iterations(1))


@pytest.mark.parametrize(
    ("most", "shape"), [(1, SHAPE), (2, SHAPE), (7, SHAPE), (16, SHAPE), (200, SHAPE), (13, (48, 1)), (13, (1, 48))]
)
def test_nothing_overlaps_or_leaves_the_figure(many, most, shape):
    axes = plots.parts(many, image_shape=shape, most=most)
    figure = axes[0].figure
    figure.draw_without_rendering()
    titles = [ax.title.get_window_extent() for ax in axes]
    boxes = [*titles, *(ax.get_window_extent() for ax in axes)]
    edges = np.array([box.extents for box in boxes])
    assert edges.min() >= 0
    assert (edges[:, 2:].max(axis=0) <= figure.bbox.extents[2:]).all()
    apart = (edges[:, None, :2] >= edges[None, :, 2:]).any(axis=2)
    overlapping = ~(apart | apart.T) & ~np.eye(len(edges), dtype=bool)
    assert not overlapping.any()


@pytest.mark.parametrize(("shape", "proportion"), [((6, 8), 0.75), ((48, 1), 4), ((1, 48), 0.25)])
def test_pixels_are_square_unless_the_picture_would_be_a_line(result, shape, proportion):
    ax = plots.parts(result, image_shape=shape)[0]
    ax.figure.draw_without_rendering()
    box = ax.get_window_extent()
    assert box.height / box.width == pytest.approx(proportion, rel=1e-3)


def test_parts_refuses_what_does_not_fit(result):
    with pytest.raises(ValueError, match=r"of 48 pixels, the features of X; got \(5, 8\)"):
        plots.parts(result, image_shape=(5, 8))
    with pytest.raises(ValueError, match="image_shape must be"):
        plots.parts(result, image_shape=(-6, -8))
    with pytest.raises(ValueError, match="most must be an integer >= 1, got 0"):
        plots.parts(result, image_shape=SHAPE, most=0)
    with pytest.raises(ValueError, match="5 parts need as many Axes, got 4"):
        plots.parts(result, image_shape=SHAPE, axes=plt.subplots(2, 2)[1])


def test_without_matplotlib_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.delitem(sys.modules, "nonneg.explain.plots")
    with pytest.raises(ImportError, match=r'Pictures need matplotlib: pip install "nonneg\[plot\]"\.'):
        importlib.import_module("nonneg.explain.plots")
