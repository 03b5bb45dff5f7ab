"""Rows in the plane."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import nonneg
from nonneg import inspect, plots
from nonneg.explain.plots.layout import COLOURS
from nonneg.explain.words import percent

pytestmark = pytest.mark.usefixtures("clean_drawing")
LONG = "a label that is far too long for any key beside a picture"


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def result(digits):
    return nonneg.factorize(digits.data[:300], 8, seed=0)


@pytest.fixture(scope="module")
def made(result):
    def make(k, m=60):
        rng = np.random.default_rng(k)
        return replace(result, W=rng.dirichlet(np.full(k, 0.1), m) * 5, H=rng.dirichlet(np.ones(9), k))

    return make


def offsets(ax):
    return np.vstack([dots.get_offsets().data for dots in ax.collections])


def as_sets(points):
    return sorted(map(tuple, np.round(np.asarray(points, float), 6)))


def key_names(ax):
    return [label.get_text() for label in ax.figure.axes[1].get_yticklabels()]


def colours_at(ax, points):
    """Return the colour of the dot at each of these points."""
    (dots,) = ax.collections
    found = {tuple(np.round(xy, 6)): c for xy, c in zip(dots.get_offsets().data, dots.get_facecolors(), strict=True)}
    return [tuple(found[tuple(np.round(point, 6))][:3]) for point in points]


@pytest.fixture
def stand_in(monkeypatch):
    """Stand in for the packages that lay rows out: they record what they are asked and return known points."""
    calls = []

    def points(table):
        return np.column_stack([np.arange(len(table)) * 3.0, table[:, 0]])

    def maker(name, method):
        def make(**options):
            calls.append((name, options))
            return SimpleNamespace(**{method: lambda table: calls.append(table) or points(table)})

        return make

    monkeypatch.setitem(sys.modules, "openTSNE", SimpleNamespace(TSNE=maker("openTSNE", "fit")))
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=maker("umap", "fit_transform")))
    return calls


def test_two_parts_are_the_axes_and_one_is_a_height(made):
    for k in (1, 2):
        result = made(k)
        amounts = result.W * result.H.sum(axis=1)
        expected = amounts if k == 2 else np.column_stack([np.arange(60), amounts])
        ax = plots.scatter(result)
        assert as_sets(offsets(ax)) == as_sets(expected)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("amount of part 1", "amount of part 2")


def test_amounts_begin_at_zero_where_dots_are_whole_and_the_picture_says_what_they_are(made):
    one, two = (plots.scatter(replace(made(k), W=made(k).W + 3)) for k in (1, 2))
    assert one.get_ylim()[0] == two.get_ylim()[0] == two.get_xlim()[0] == 0
    assert [ax.get_title() for ax in (one, two)] == ["amounts of 1 part in 60 rows", "amounts of 2 parts in 60 rows"]
    for ax in (one, two):
        assert not ax.collections[0].get_clip_on()
        assert ax.get_ylim()[1] > offsets(ax)[:, 1].max()


def test_two_parts_have_one_scale_if_they_are_about_as_large(made):
    W = np.random.default_rng(0).random((60, 2))
    alike, unlike = (plots.scatter(replace(made(2), W=W * [1, size], H=np.eye(2))) for size in (2, 10))
    assert (alike.get_aspect(), unlike.get_aspect()) == (1, "auto")


def test_pca_is_that_of_the_shares(result):
    shares = inspect.row_shares(result)
    pca = PCA(2).fit(shares)
    ax = plots.scatter(result, method="pca")
    np.testing.assert_allclose(as_sets(np.abs(offsets(ax))), as_sets(np.abs(pca.transform(shares))), atol=1e-5)
    assert f"({percent(pca.explained_variance_ratio_[0])})" in ax.get_xlabel()


def test_the_size_of_a_row_does_not_count(result):
    sizes = np.random.default_rng(0).uniform(0.1, 10, (300, 1))
    plain, scaled = (plots.scatter(r, method="pca") for r in (result, replace(result, W=result.W * sizes)))
    np.testing.assert_allclose(offsets(plain), offsets(scaled), atol=1e-9)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_the_packages_get_the_shares_and_the_seed(result, stand_in, method):
    ax = plots.scatter(result, method=method, random_state=5)
    (name, options), table = stand_in
    np.testing.assert_array_equal(table, inspect.row_shares(result))
    assert options["random_state"] == 5
    assert name == {"tsne": "openTSNE", "umap": "umap"}[method]
    assert as_sets(offsets(ax)) == as_sets(np.column_stack([np.arange(300) * 3.0, table[:, 0]]))
    assert ax.get_xlabel() == {"tsne": "t-SNE 1", "umap": "UMAP 1"}[method]


def test_few_rows_have_fewer_neighbours(made, stand_in):
    plots.scatter(made(4, m=13))
    plots.scatter(made(4, m=13), method="umap")
    assert stand_in[0][1]["perplexity"] == 4
    assert stand_in[2][1]["n_neighbors"] == 12


def test_tsne_by_scikit_learn_keeps_digits_together_and_repeats(result, digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    first, second = (offsets(plots.scatter(result, random_state=3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    order = np.random.default_rng(3).permutation(300)
    labels = digits.target[:300][order]
    distances = np.linalg.norm(first[:, None] - first, axis=2) + np.diag(np.full(300, np.inf))
    assert np.mean(labels[distances.argmin(axis=1)] == labels) > 0.75


def test_without_umap_one_sentence(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r'method="umap" needs umap-learn: pip install umap-learn'):
        plots.scatter(result, method="umap")


def test_the_colour_is_the_largest_part(result, stand_in):
    ax = plots.scatter(result)
    points = np.column_stack([np.arange(300) * 3.0, stand_in[1][:, 0]])
    part = inspect.dominant(result).part
    assert colours_at(ax, points) == [to_rgba(COLOURS[j])[:3] for j in part]
    assert key_names(ax) == [f"part {j + 1}" for j in np.unique(part)]


def test_the_colour_is_the_label(result, digits, stand_in):
    labels = np.array(["odd", "even"])[1 - digits.target[:300] % 2]
    ax = plots.scatter(result, by=labels)
    points = np.column_stack([np.arange(300) * 3.0, stand_in[1][:, 0]])
    colour = {"even": to_rgba(COLOURS[0])[:3], "odd": to_rgba(COLOURS[1])[:3]}
    assert colours_at(ax, points) == [colour[label] for label in labels]
    assert key_names(ax) == ["even", "odd"]


def test_numbers_get_a_colour_bar(result):
    pd = pytest.importorskip("pandas")
    numbers = np.random.default_rng(0).random(300)
    numbers[7] = np.nan
    ax = plots.scatter(result, by=pd.Series(numbers, name="ink"), method="pca")
    grey, dots = ax.collections
    assert len(grey.get_offsets()) == 1
    assert sorted(dots.get_array()) == sorted(np.delete(numbers, 7))
    assert ax.figure.axes[1].get_ylabel() == "ink"


def test_rows_of_zeros_are_left_out_and_counted(result):
    W = result.W.copy()
    W[:40] = 0
    ax = plots.scatter(replace(result, W=W), method="pca", by=np.arange(300) < 40)
    assert len(offsets(ax)) == 260
    assert ax.get_title() == "shares of 8 parts in 260 rows, 40 of zeros left out"
    assert key_names(ax) == ["False"]


def test_two_parts_show_rows_of_zeros(made):
    result = made(2)
    W = result.W.copy()
    W[0] = 0
    ax = plots.scatter(replace(result, W=W))
    assert len(offsets(ax)) == 60
    assert key_names(ax) == ["part 1", "part 2", "no part"]


@pytest.mark.parametrize("k", [1, 2, 8, 15, 100, 200])
@pytest.mark.parametrize("m", [3, 38, 2000])
def test_texts_do_not_clash(made, clashes, k, m):
    ax = plots.scatter(made(k, m), method="pca")
    assert clashes(ax.figure) == []
    ax = plots.scatter(made(k, m), method="pca", by=[f"{LONG} {i % 30}" for i in range(m)])
    assert clashes(ax.figure) == []


def test_numbers_of_parts_stand_at_the_rows_nearest_to_their_medians(made):
    result = made(15, m=400)
    ax = plots.scatter(result, method="pca", random_state=2)
    part = inspect.dominant(result).part[np.random.default_rng(2).permutation(400)]
    assert len(ax.texts) >= 3
    for text in ax.texts:
        mine = offsets(ax)[part == int(text.get_text()) - 1]
        apart = np.linalg.norm(mine - np.median(mine, axis=0), axis=1)
        np.testing.assert_allclose(text.get_position(), mine[apart.argmin()])
    # The most frequent part is named in any case.
    assert str(np.bincount(part).argmax() + 1) in {text.get_text() for text in ax.texts}


def test_many_points_are_small_and_one_picture_in_a_vector_file(made):
    few, many = (plots.scatter(made(4, m), method="pca").collections[0] for m in (50, 20_000))
    assert (few.get_rasterized(), many.get_rasterized()) == (False, True)
    assert many.get_sizes() < few.get_sizes()


def test_rows_that_are_all_the_same_lie_in_one_point(result):
    same = replace(result, W=np.tile(np.eye(8)[:1], (20, 1)))
    np.testing.assert_allclose(offsets(plots.scatter(same, method="pca")), 0, atol=1e-12)


def test_scatter_on_given_axes(made):
    figure, ax = plt.subplots()
    assert plots.scatter(made(3), method="pca", ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


def test_scatter_refuses_what_does_not_fit(made):
    with pytest.raises(ValueError, match='must be "tsne", "pca" or "umap", got \'lda\''):
        plots.scatter(made(2), method="lda")
    with pytest.raises(ValueError, match="by must hold a value for each of the 60 rows, got 2"):
        plots.scatter(made(3), by=["a", "b"])
    with pytest.raises(
        ValueError, match='method="tsne" needs at least 10 rows that are not zero, got 9; method="pca"'
    ):
        plots.scatter(made(3, m=9))
    with pytest.raises(ValueError, match='method="pca" needs at least 3 rows that are not zero, got 2'):
        plots.scatter(made(3, m=2), method="pca")
