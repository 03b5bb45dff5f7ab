"""Maps show each column of W where its rows lie."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

import nonneg
from nonneg import plots

pytestmark = pytest.mark.usefixtures("clean_drawing")


@pytest.fixture(scope="module")
def made():
    """Make a result of any number of parts without a fit."""
    base = nonneg.factorize(np.eye(2) + 1, 1, seed=0, stop=nonneg.Iterations(1))

    def make(k, m=60):
        rng = np.random.default_rng(k)
        return replace(base, W=rng.gamma(0.5, 12345, size=(m, k)), H=rng.dirichlet(np.full(9, 0.2), size=k))

    return make


@pytest.fixture(scope="module")
def places():
    return np.random.default_rng(0).random((60, 2)) * [200, 100]


def bar_of(ax):
    (strip,) = ax.child_axes
    return strip


def test_pictures_of_the_columns_of_W(made):
    result = made(3)
    axes = plots.maps(result, row_shape=(6, 10))
    for j, ax in enumerate(axes):
        (image,) = ax.images
        assert (image.get_array() == result.W[:, j].reshape(6, 10)).all()
        assert image.get_clim() == (0, result.W[:, j].max())
        assert ax.get_title().startswith(f"part {j + 1} · ")


def test_points_at_their_places(made, places):
    result = made(3)
    axes = plots.maps(result, coords=places)
    for j, ax in enumerate(axes):
        (points,) = ax.collections
        order = np.argsort(result.W[:, j])  # the largest on top
        assert (points.get_offsets() == places[order]).all()
        assert (points.get_array() == result.W[order, j]).all()
        assert points.get_clim() == (0, result.W[:, j].max())
        assert ax.get_aspect() == 1
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        assert left < places[:, 0].min() < places[:, 0].max() < right
        assert bottom < places[:, 1].min() < places[:, 1].max() < top


def test_the_bar_gives_the_scale(made):
    result = made(2)
    result = replace(result, W=result.W / result.W.max(axis=0) * [1654.3, 0.012345])
    axes = plots.maps(result, row_shape=(6, 10))
    texts = [[label.get_text() for label in bar_of(ax).get_xticklabels()] for ax in axes]
    assert texts == [["0", "amount", "1650"], ["0", "amount", "0.0123"]]
    for ax in axes:
        np.testing.assert_allclose(bar_of(ax).get_xticks(), np.array([0, 0.5, 1]) * ax.images[0].get_clim()[1])
        assert bar_of(ax)._colorbar.mappable is ax.images[0]


def test_the_more_there_is_the_more_a_point_stands_out(made, places):
    result = made(1)
    result.W[3] = 0
    (ax,) = plots.maps(result, coords=places)
    points = ax.collections[0]
    points.update_scalarmappable()
    light = np.vstack([ax.get_facecolor(), points.get_facecolors()])[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert light[0] == pytest.approx(1)
    assert (np.diff(light) <= 0).all()
    assert light[1] < 0.9  # what holds nothing is there, too


def test_few_columns_of_a_long_picture_do_not_blend(made):
    strip, plain = (plots.maps(made(1), row_shape=shape)[0] for shape in ((30, 2), (6, 10)))
    assert strip.images[0].get_interpolation() == "nearest"
    assert plain.images[0].get_interpolation() != "nearest"


def diameter(ax):
    """Return the diameter of points in the units of their places."""
    ax.figure.draw_without_rendering()
    points = np.sqrt(ax.collections[0].get_sizes()[0])
    unit = np.diff(ax.transData.transform([[0, 0], [1, 0]])[:, 0])[0] * 72 / ax.figure.dpi
    return points / unit


@pytest.mark.parametrize("far", [1, 7000])
def test_points_of_a_lattice_stand_apart(made, far):
    places = np.stack(np.divmod(np.arange(900), 30), axis=1) * far
    axes = plots.maps(made(1, m=900), coords=places)
    assert 0.75 * far < diameter(axes[0]) < 0.95 * far


def test_points_of_a_fine_lattice_leave_no_gaps(made):
    places = np.stack(np.divmod(np.arange(10_000), 100), axis=1)
    axes = plots.maps(made(1, m=10_000), coords=places)
    assert np.sqrt(2) <= diameter(axes[0]) < 2


def test_places_may_coincide_or_lie_on_a_line(made):
    for places in (np.zeros((60, 2)), np.stack([np.arange(60), np.zeros(60)], axis=1)):
        axes = plots.maps(made(2), coords=places)
        axes[0].figure.draw_without_rendering()
        assert np.isfinite(axes[0].collections[0].get_sizes()).all()


@pytest.mark.parametrize("k", [1, 2, 15, 100, 200])
def test_no_text_overlaps(made, clashes, k):
    axes = plots.maps(made(k), row_shape=(6, 10))
    assert len(axes) == k
    assert clashes(axes[0].figure) == []


@pytest.mark.parametrize("k", [1, 15])
@pytest.mark.parametrize("shape", [(60, 1), (1, 60), None])
def test_no_text_overlaps_in_long_maps(made, places, clashes, k, shape):
    axes = plots.maps(made(k), row_shape=shape, coords=places if shape is None else None)
    assert clashes(axes[0].figure) == []


def test_most_is_said_in_the_picture(made, clashes):
    axes = plots.maps(made(9), row_shape=(6, 10), most=4)
    assert len(axes) == 4
    assert [text.get_text() for text in axes[0].figure.texts] == ["4 of 9 parts shown"]
    assert clashes(axes[0].figure) == []


def test_an_empty_part_is_dark(made):
    result = made(1)
    (ax,) = plots.maps(replace(result, W=0 * result.W), row_shape=(6, 10))
    ax.figure.draw_without_rendering()
    image = ax.images[0]
    assert image.get_clim() == (0, 1)
    assert (image.cmap(image.norm(image.get_array())) == image.cmap(0.0)).all()


def test_on_given_axes(made, places):
    figure, given = plt.subplots(2, 2)
    axes = plots.maps(made(3), coords=places, axes=given)
    assert list(axes) == list(given.flat[:3])
    assert not given[1, 1].axison
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "either row_shape"),
        ({"row_shape": (6, 10), "coords": np.zeros((60, 2))}, TypeError, "either row_shape"),
        ({"row_shape": (6, 9)}, ValueError, r"row_shape must be \(height, width\) of 60 pixels, the rows of X"),
        ({"coords": np.zeros((59, 2))}, ValueError, r"shape \(60, 2\), a place for each row of X; got \(59, 2\)"),
        ({"coords": np.full((60, 2), np.nan)}, ValueError, r"finite, got \[nan, nan\] at row 0"),
        ({"row_shape": (6, 10), "most": 0}, ValueError, "most must be an integer >= 1"),
    ],
)
def test_refuses_what_does_not_fit(made, arguments, error, message):
    with pytest.raises(error, match=message):
        plots.maps(made(2), **arguments)
    assert not plt.get_fignums()
