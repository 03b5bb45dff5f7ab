"""Pictures show the numbers they claim to show, where they were asked to."""

import importlib
import itertools
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import scipy.sparse

mpl.use("agg")
import matplotlib.pyplot as plt

import nonneg
from nonneg import plots
from nonneg.explain.words import percent

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


def test_ink_of_a_part_is_dark_on_white(result):
    image = picture(plots.parts(result, image_shape=SHAPE)[0])
    assert image.cmap(0.0) == (1, 1, 1, 1)
    assert image.cmap(1.0) == (0, 0, 0, 1)


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


def test_most_draws_the_first(result):
    axes = plots.parts(result, image_shape=SHAPE, most=2)
    assert [ax.get_title().split(" · ")[0] for ax in axes] == ["part 1", "part 2"]
    assert len(axes[0].figure.axes) == 2
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


def test_a_part_of_zeros_is_white(result):
    axes = plots.parts(replace(result, W=np.zeros((30, 5)), H=np.zeros((5, 48))), image_shape=SHAPE)
    axes[0].figure.canvas.draw()
    assert axes[0].get_title() == "part 1 · 0 %"
    image = picture(axes[0])
    assert (image.cmap(image.norm(image.get_array())) == 1).all()


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
    with pytest.raises(ValueError, match="most must be at least 1, got 0"):
        plots.parts(result, image_shape=SHAPE, most=0)
    with pytest.raises(ValueError, match="5 parts need as many Axes, got 4"):
        plots.parts(result, image_shape=SHAPE, axes=plt.subplots(2, 2)[1])


@pytest.mark.parametrize("kind", [np.asarray, list, scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_reconstructions_are_below_the_originals(result, X, kind):
    axes = plots.reconstructions(result, kind(X), image_shape=SHAPE, rows=(3, 0, -1))
    assert axes.shape == (2, 3)
    for (above, below), row in zip(axes.T, (3, 0, 29), strict=True):
        fitted = result.W[row] @ result.H
        np.testing.assert_allclose(picture(above).get_array(), X[row].reshape(SHAPE))
        np.testing.assert_allclose(picture(below).get_array(), fitted.reshape(SHAPE), rtol=1e-10)
        assert above.get_title() == f"row {row}"
        error = np.linalg.norm(X[row] - fitted) / np.linalg.norm(X[row])
        assert below.get_xlabel() == f"error {100 * error:.0f} %"
    assert axes[0, 0].get_ylabel() == "original"
    assert axes[1, 0].get_ylabel() == "sum of its parts"


def test_reconstructions_share_one_scale(result, X):
    axes = plots.reconstructions(result, X, image_shape=SHAPE, rows=[1, 2])
    assert {picture(ax).get_clim() for ax in axes.flat} == {(0, X[1:3].max())}


def test_reconstructions_of_negative_data(result, X):
    axes = plots.reconstructions(result, X - 1, image_shape=SHAPE, rows=[1, 2])
    assert {picture(ax).get_clim() for ax in axes.flat} == {((X[1:3] - 1).min(), (X[1:3] - 1).max())}


def test_error_of_an_empty_row(X):
    X = X.copy()
    X[4] = 0
    axes = plots.reconstructions(nonneg.factorize(X, 5, seed=0), X, image_shape=SHAPE, rows=[4])
    assert axes[1, 0].get_xlabel() == "error 0 %"


def test_reconstructions_do_not_overlap(result, X):
    axes = plots.reconstructions(result, X, image_shape=SHAPE, rows=range(12))
    axes[0, 0].figure.draw_without_rendering()
    for texts in ([ax.title for ax in axes[0]], [ax.xaxis.label for ax in axes[1]]):
        boxes = [text.get_window_extent() for text in texts]
        assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))
    bounds = axes[0, 0].figure.get_tightbbox().extents
    assert (bounds[:2] >= 0).all()
    assert (bounds[2:] <= axes[0, 0].figure.get_size_inches()).all()


def test_reconstructions_on_given_axes(result, X):
    figure, given = plt.subplots(2, 3)
    axes = plots.reconstructions(result, X, image_shape=SHAPE, rows=[0, 1, 2], axes=given)
    assert (axes == given).all()
    assert plt.get_fignums() == [figure.number]


def test_reconstructions_refuses_what_does_not_fit(result, X):
    with pytest.raises(ValueError, match=r"shape that was factorized, \(30, 48\), got \(29, 48\)"):
        plots.reconstructions(result, X[1:], image_shape=SHAPE, rows=[0])
    with pytest.raises(ValueError, match="image_shape must be"):
        plots.reconstructions(result, X, image_shape=(48, 2), rows=[0])
    with pytest.raises(ValueError, match="at least one row"):
        plots.reconstructions(result, X, image_shape=SHAPE, rows=np.zeros(30, bool))
    with pytest.raises(IndexError, match="30 is out of bounds"):
        plots.reconstructions(result, X, image_shape=SHAPE, rows=[30])
    with pytest.raises(ValueError, match="2 rows need 4 Axes, got 6"):
        plots.reconstructions(result, X, image_shape=SHAPE, rows=[0, 1], axes=plt.subplots(2, 3)[1])


def test_without_matplotlib_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.delitem(sys.modules, "nonneg.explain.plots")
    with pytest.raises(ImportError, match=r'Pictures need matplotlib: pip install "nonneg\[plot\]"\.'):
        importlib.import_module("nonneg.explain.plots")
