"""The rows drawn beside a part are those that hold most of it, with their amounts."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

mpl.use("agg")
import matplotlib.pyplot as plt

import nonneg
from nonneg import plots
from nonneg.explain.words import rounded

SHAPE = (6, 8)
pytestmark = pytest.mark.usefixtures("clean_drawing")


@pytest.fixture(scope="module")
def X():
    return nonneg.datasets.make_planted(30, 48, 5, noise=0.2).data


@pytest.fixture(scope="module")
def result(X):
    return nonneg.factorize(X, 5, seed=0)


def best(result, j, count):
    """Return the rows with the largest coefficients of a part."""
    return sorted(range(len(result.W)), key=lambda i: -result.W[i, j])[:count]


def shown(ax):
    (image,) = ax.images
    return np.asarray(image.get_array()).ravel()


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array, scipy.sparse.coo_matrix, pd.DataFrame])
def test_the_part_and_then_its_rows(result, X, kind):
    axes = plots.top_rows(result, kind(X), count=4, image_shape=SHAPE)
    assert axes.shape == (5, 5)
    for j, (part, *rows) in enumerate(axes):
        np.testing.assert_allclose(shown(part), result.H[j])
        assert part.images[0].get_clim() == (0, result.H[j].max())
        assert part.get_title().startswith(f"part {j + 1} · ")
        for rank, (ax, i) in enumerate(zip(rows, best(result, j, 4), strict=True)):
            np.testing.assert_allclose(shown(ax), X[i])
            assert ax.get_title() == f"row {i}"
            assert ax.get_xlabel() == ("amount " if rank == 0 else "") + rounded(result.W[i, j])


def test_white_is_much_in_parts_and_rows(result, X):
    axes = plots.top_rows(result, X, image_shape=SHAPE)
    assert {ax.images[0].cmap(1.0) for ax in axes.flat} == {(1, 1, 1, 1)}
    assert len({ax.images[0].get_clim() for ax in axes[:, 1:].flat}) == 1


def test_a_white_line_parts_the_frame_from_a_picture_as_dark(result, X):
    for part in plots.top_rows(result, X, image_shape=SHAPE)[:, 0]:
        (line,) = part.patches
        assert line.get_edgecolor() == (1, 1, 1, 1)
        assert part.images[0].get_zorder() < line.get_zorder() < part.spines["top"].get_zorder()
        assert line.get_linewidth() > part.spines["top"].get_linewidth()
        assert (line.get_window_extent().extents == part.get_window_extent().extents).all()


def test_names_use_the_room(result, X):
    named = result.named(rows=[f"picture number {i} of all pictures" for i in range(30)])
    axes = plots.top_rows(named, X, image_shape=SHAPE, count=1, parts=[0])
    assert axes[0, 1].get_title() == f"picture number {best(result, 0, 1)[0]} of all pictures"


def test_names_with_amounts_as_bars(result):
    named = result.named(rows=[f"sample {i}" for i in range(30)])
    axes = plots.top_rows(named, count=6)
    assert axes.shape == (5,)
    for j, ax in enumerate(axes):
        rows = best(result, j, 6)
        np.testing.assert_allclose([bar.get_width() for bar in ax.patches], result.W[rows, j])
        assert [label.get_text() for label in ax.get_yticklabels()] == [f"sample {i}" for i in rows]
        assert ax.get_title().startswith(f"part {j + 1} · ")
    assert axes[-1].get_xlabel() == "amount"


def test_parts_by_their_position(result, X):
    for axes in (
        plots.top_rows(result, parts=[3, -1]),
        plots.top_rows(result, X, parts=[3, -1], image_shape=SHAPE)[:, 0],
    ):
        assert [ax.get_title().split(" · ")[0] for ax in axes] == ["part 4", "part 5"]
        assert not axes[0].figure.texts
    assert plots.top_rows(result, parts=2).shape == (1,)


@pytest.mark.parametrize("by", ["weight", "lift", "exclusivity"])
def test_most_by_other_scores(result, X, by):
    top = nonneg.inspect.top_rows(result, 3, by=by)
    axes = plots.top_rows(result, X, count=3, by=by, image_shape=SHAPE)
    assert [[ax.get_title() for ax in line[1:]] for line in axes] == top.names.tolist()
    amounts = np.take_along_axis(result.W.T, top.index, axis=1)
    assert axes[1, 2].get_xlabel() == rounded(amounts[1, 1])


def test_no_more_rows_than_there_are(result, X):
    assert plots.top_rows(result, X, count=99, parts=0, image_shape=SHAPE).shape == (1, 31)
    assert len(plots.top_rows(result, count=99, parts=0)[0].patches) == 30


@pytest.mark.parametrize("k", [1, 2, 15, 100, 200])
@pytest.mark.parametrize("names", [None, [f"{'W' * 40} {i} and $more_ of it" for i in range(30)]])
def test_no_text_overlaps(result, X, clashes, k, names):
    rng = np.random.default_rng(0)
    many = replace(result, W=rng.gamma(0.5, 1e5, size=(30, k)), H=rng.random((k, 48))).named(rows=names)
    for axes in (plots.top_rows(many), plots.top_rows(many, X, image_shape=SHAPE)):
        figure = axes.flat[0].figure
        assert len(axes) == min(k, 10)
        assert [text.get_text() for text in figure.texts] == ([f"10 of {k} parts shown"] if k > 10 else [])
        assert clashes(figure) == []


def test_on_given_axes(result, X):
    figure, given = plt.subplots(2, 4)
    axes = plots.top_rows(result, X, count=3, parts=[0, 1], image_shape=SHAPE, axes=given)
    assert (axes == given).all()
    assert plt.get_fignums() == [figure.number]
    _, given = plt.subplots(2, 3)
    assert list(plots.top_rows(result, axes=given)) == list(given.flat[:5])
    assert not given[1, 2].axison


@pytest.mark.parametrize("one_row", [True, False])
def test_an_empty_part(result, X, one_row):
    W = result.W.copy()
    W[:, 1] = 0
    H = result.H.copy()
    H[1] = 0
    axes = plots.top_rows(replace(result, W=W, H=H), X, image_shape=SHAPE, count=1 if one_row else 5)
    axes[0, 0].figure.draw_without_rendering()
    assert axes[1, 1].get_xlabel() == "amount 0"
    assert (axes[1, 0].images[0].norm(axes[1, 0].images[0].get_array()) == 0).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"image_shape": SHAPE}, ValueError, "need X, the data of the fit"),
        ({"image_shape": (6, 9), "X": np.ones((30, 48))}, ValueError, "of 48 pixels, the features of X"),
        ({"image_shape": SHAPE, "X": np.ones((29, 48))}, ValueError, r"\(30, 48\), got \(29, 48\)"),
        ({"count": 0}, ValueError, "count must be"),
        ({"by": "size"}, ValueError, "by must be"),
        ({"parts": []}, ValueError, "parts must name at least one of 5"),
        ({"parts": 5}, IndexError, "5 is out of bounds"),
    ],
)
def test_refuses_what_does_not_fit(result, arguments, error, message):
    with pytest.raises(error, match=message):
        plots.top_rows(result, **arguments)
    assert not plt.get_fignums()
