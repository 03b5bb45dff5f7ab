"""Pictures of shares, and of W and H."""

import itertools
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

import nonneg
from nonneg import inspect, plots
from nonneg.explain.plots.keys import as_labels, steps_between
from nonneg.explain.plots.layout import COLOURS
from nonneg.explain.plots.tables import by_largest_part, means_of_lines
from nonneg.explain.words import percent

pytestmark = pytest.mark.usefixtures("clean_drawing")
COUNTS = (1, 2, 15, 100, 200)
LONG = "a name that is far too long for any picture to hold, number"


@pytest.fixture(scope="module")
def made():
    """Make a result of any size without a fit: sparse factors, parts by falling share."""
    base = nonneg.factorize(np.eye(3), 2, seed=0, stop=nonneg.Iterations(1))

    def make(k, m=60, n=50):
        rng = np.random.default_rng(k)
        W = rng.dirichlet(np.full(k, 0.2), m) * rng.gamma(2.0, size=(m, 1)) * np.geomspace(1, 0.1, k)
        H = rng.dirichlet(np.full(n, 0.2), k)
        order = np.argsort(-W.sum(axis=0))
        return replace(base, W=W[:, order], H=H[order])

    return make


# Shares of the total


@pytest.mark.parametrize("k", COUNTS)
def test_a_bar_is_the_share_of_its_part(made, clashes, k):
    ax = plots.shares(made(k))
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], made(k).share)
    assert clashes(ax.figure) == []


@pytest.mark.parametrize("k", [15, 200])
def test_percents_stand_at_their_bars_and_above_all_they_cover(made, k):
    result = made(k)
    ax = plots.shares(result)
    ax.figure.draw_without_rendering()
    assert 5 <= len(ax.texts) <= 25
    for text in ax.texts:
        j = round(text.xy[0]) - 1
        assert text.get_text() == percent(result.share[j])
        box = text.get_window_extent().transformed(ax.transData.inverted())
        covered = [bar for bar in ax.patches if bar.get_x() < box.x1 and bar.get_x() + bar.get_width() > box.x0]
        assert box.y0 >= max(bar.get_height() for bar in covered)


def test_shares_of_a_model_of_zeros(made, clashes):
    zero = replace(made(3), W=np.zeros((60, 3)))
    assert [text.get_text() for text in plots.shares(zero).texts] == ["0 %"] * 3
    assert clashes(plots.shares(zero, rows="all").figure) == []


# Shares of rows


def row_tops(ax, k):
    """Return the upper edge of each part's polygon in each drawn step: parts x steps."""
    polygons = {int(p.get_label()[5:]): p for p in ax.collections if p.get_label().startswith("part")}
    assert sorted(polygons) == list(range(1, k + 1))
    tops = []
    for j in range(1, k + 1):
        vertices = polygons[j].get_paths()[0].vertices
        middles = np.arange(np.ceil(ax.get_xlim()[0]), ax.get_xlim()[1])
        top = np.zeros(len(middles))
        for (x0, y0), (x1, y1) in itertools.pairwise(vertices):
            if y0 == y1 and x0 != x1:
                inside = (middles > min(x0, x1)) & (middles < max(x0, x1))
                top[inside] = np.maximum(top[inside], y0)
        tops.append(top)
    return np.array(tops)


@pytest.mark.parametrize("k", [1, 2, 15])
def test_a_row_is_cut_into_its_shares(made, k):
    result = made(k)
    ax = plots.shares(result, rows=[7, 3, 5])
    heights = np.diff(row_tops(ax, k), axis=0, prepend=0)
    np.testing.assert_allclose(heights.T, inspect.row_shares(result)[[7, 3, 5]], atol=1e-12)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["row 7", "row 3", "row 5"]
    # The largest polygon lies at the back.
    labels = [p.get_label() for p in ax.collections if p.get_label().startswith("part")]
    assert labels == [f"part {j}" for j in range(k, 0, -1)]


def test_many_rows_are_ordered_by_their_largest_part(made):
    result = made(4)
    ax = plots.shares(result, rows="all")
    heights = np.diff(row_tops(ax, 4), axis=0, prepend=0).T
    shares = inspect.row_shares(result)
    np.testing.assert_allclose(heights, shares[by_largest_part(shares)], atol=1e-12)
    largest = heights.argmax(axis=1)
    assert (np.diff(largest) >= 0).all()
    assert ax.get_xlabel() == "60 rows, by their largest part"


def test_rows_of_zeros_are_empty_and_last():
    shares = np.array([[0.0, 0.0], [0.3, 0.7], [0.9, 0.1], [0.1, 0.9]])
    assert by_largest_part(shares).tolist() == [2, 3, 1, 0]


def test_groups_stand_together_under_their_names(made):
    result = made(3).named(rows=[f"r{i}" for i in range(60)])
    groups = np.array(["b", "a", "c"] * 20)
    ax = plots.shares(result, rows=range(9), groups=groups)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == ["r1", "r4", "r7", "r0", "r3", "r6", "r2", "r5", "r8"]
    assert {text.get_text(): text.xy[0] for text in ax.texts} == {"a": 1, "b": 4, "c": 7}


def test_names_of_groups_turn_when_they_are_too_long(made, clashes):
    ax = plots.shares(made(3), rows=range(9), groups=[f"{LONG} {i % 3}" for i in range(60)])
    assert {text.get_rotation() for text in ax.texts} == {90}
    assert clashes(ax.figure) == []


def test_narrow_groups_make_way_for_wide_ones(made, clashes):
    groups = ["wide"] * 1000 + ["narrow", "also narrow", "third"] + ["last"] * 997
    ax = plots.shares(made(3, m=2000), rows="all", groups=groups)
    names = {text.get_text() for text in ax.texts}
    assert {"wide", "last"} < names
    assert not {"narrow", "third"} <= names  # two single rows side by side
    assert clashes(ax.figure) == []


@pytest.mark.parametrize("k", COUNTS)
@pytest.mark.parametrize("rows", [range(3), range(38), "all"])
def test_rows_with_long_names_do_not_clash(made, clashes, k, rows):
    result = made(k).named(rows=[f"{LONG} {i}" for i in range(60)])
    assert clashes(plots.shares(result, rows=rows, groups=np.arange(60) // 20).figure) == []


def test_more_rows_than_pixels_are_averaged(made):
    table = np.random.default_rng(0).random((1000, 3))
    means, starts = means_of_lines(table, 300)
    ends = [*starts[1:], 1000]
    assert len(means) == 300
    np.testing.assert_allclose(means, [table[a:b].mean(axis=0) for a, b in zip(starts, ends, strict=True)])
    assert means_of_lines(table, 1000)[0] is table
    ax = plots.shares(made(2, m=5000), rows="all")
    assert max(len(p.get_paths()[0].vertices) for p in ax.collections) < 3000


def test_shares_on_given_axes(made):
    figure, ax = plt.subplots()
    assert plots.shares(made(3), ax=ax) is ax
    assert plots.shares(made(3), rows="all", ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


def test_shares_refuses_what_does_not_fit(made):
    result = made(2)
    with pytest.raises(ValueError, match='say which rows to draw, such as rows="all"'):
        plots.shares(result, groups=["a"] * 60)
    with pytest.raises(ValueError, match="groups must hold a label for each of the 60 rows, got 59"):
        plots.shares(result, rows="all", groups=["a"] * 59)
    with pytest.raises(ValueError, match="rows must be \"all\", a slice, positions or a boolean array, got 'some'"):
        plots.shares(result, rows="some")
    for none in (slice(0, 0), []):
        with pytest.raises(ValueError, match="rows must name at least one of 60, got none"):
            plots.shares(result, rows=none)
    with pytest.raises(IndexError, match="60 is out of bounds"):
        plots.shares(result, rows=[60])


# Labels as colours


def test_few_labels_have_colours_of_their_own():
    labels = as_labels([3, 1, 3, 2], 4, "groups")
    assert labels.names == ["1", "2", "3"]
    assert labels.codes.tolist() == [2, 0, 2, 1]
    assert [tuple(colour) for colour in labels.colours] == [to_rgba(colour) for colour in COLOURS[:3]]


def test_the_rarest_of_many_labels_are_others():
    many = [f"label {i:02}" for i in range(30) for _ in range(30 - i)]
    labels = as_labels(many, len(many), "groups")
    assert labels.names == [*(f"label {i:02}" for i in range(11)), "19 others"]
    for label, code in zip(many, labels.codes, strict=True):
        assert labels.names[code] == (label if label < "label 11" else "19 others")
    assert tuple(labels.colours[-1]) == to_rgba("0.75")


@pytest.mark.parametrize(("count", "step"), [(1, 1), (10, 1), (11, 2), (30, 5), (51, 10), (101, 20), (2000, 200)])
def test_steps_between_labels(count, step):
    assert steps_between(count, 1.0, 0.1) == step


# Heat maps


def image(ax):
    return ax.images[0].get_array()


@pytest.mark.parametrize("k", [1, 2, 15])
def test_heat_maps_hold_the_shares_in_order(made, k):
    result = made(k)
    W, H = plots.heatmap(result)
    rows = inspect.row_shares(result)
    features = (result.H * result.W.sum(axis=0)[:, None]).T
    features /= features.sum(axis=1, keepdims=True)
    for ax, table in ((W, rows), (H, features)):
        np.testing.assert_allclose(image(ax), table[by_largest_part(table)], rtol=1e-9)
        assert (np.diff(image(ax).argmax(axis=1)) >= 0).all()
        assert ax.images[0].get_clim() == (0, pytest.approx(table.max()))
        assert ax.images[0].cmap(0.0)[:3] > (0.96, 0.98, 0.99)
    assert [ax.get_title() for ax in (W, H)] == ["W: 60 rows", "H: 50 features"]
    assert [ax.get_ylabel() for ax in W.figure.axes[2:]] == ["share of the row", "share of the feature"]


def test_names_stand_at_their_lines(made):
    result = made(3, m=20, n=10).named(rows=[f"r{i}" for i in range(20)], features=np.arange(10) + 0.5)
    W, H = plots.heatmap(result)
    order = by_largest_part(inspect.row_shares(result))
    assert [label.get_text() for label in W.get_yticklabels()] == [f"r{i}" for i in order]
    assert {label.get_text() for label in H.get_yticklabels()} == {f"{i}.5" for i in range(10)}


def test_most_takes_the_largest_of_each_part_in_turn(made):
    result = made(3)
    (ax,) = plots.heatmap(result, side="H", most=6)
    amounts = (result.H * result.W.sum(axis=0)[:, None]).T
    largest = amounts.argmax(axis=1)
    chosen = {i for j in range(3) for i in sorted(np.flatnonzero(largest == j), key=lambda i: -amounts[i, j])[:2]}
    assert {label.get_text() for label in ax.get_yticklabels()} == {f"feature {i}" for i in chosen}
    assert ax.get_title() == "H: 6 of 50 features, the largest of each part"
    assert len(image(plots.heatmap(result, side="H", most=99)[0])) == 50


def test_lines_of_zeros_come_last_and_are_taken_last(made):
    result = made(2)
    W = result.W.copy()
    W[:58] = 0
    (ax,) = plots.heatmap(replace(result, W=W), side="W", most=3)
    np.testing.assert_allclose(image(ax).sum(axis=1), [1, 1, 0])


def test_the_strip_holds_the_colours_of_the_groups(made, clashes):
    result = made(3)
    groups = np.array(["x", "y", "z"])[np.arange(60) % 3]
    ax = plots.heatmap(result, groups=groups)[0]
    strip = ax.images[1]
    order = by_largest_part(inspect.row_shares(result))
    np.testing.assert_allclose(strip.get_array()[:, 0], [to_rgba(COLOURS[i % 3]) for i in order])
    assert strip.get_extent()[1] < -0.5
    assert ax.get_xlim()[0] == strip.get_extent()[0]
    names = {label.get_text() for axes in ax.figure.axes for label in axes.get_yticklabels()}
    assert {"x", "y", "z"} <= names
    assert clashes(ax.figure) == []


def test_ten_thousand_named_features(clashes):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.random.default_rng(0).random((12, 10_000)), columns=[f"gene {i}" for i in range(10_000)])
    result = nonneg.factorize(X, 3, seed=0, stop=nonneg.Iterations(1))
    _, H = plots.heatmap(result)
    assert len(image(H)) < 1200
    assert not H.get_yticklabels()
    assert H.get_title() == "H: 10000 features"
    np.testing.assert_allclose(image(H).sum(axis=1), 1)
    (top,) = plots.heatmap(result, side="H", most=30)
    assert all(label.get_text().startswith("gene ") for label in top.get_yticklabels())
    assert len(top.get_yticklabels()) == 30
    assert clashes(H.figure) + clashes(top.figure) == []


@pytest.mark.parametrize("k", COUNTS)
@pytest.mark.parametrize("m", [3, 38, 2000])
def test_heat_maps_do_not_clash(made, clashes, k, m):
    result = made(k, m=m).named(rows=[f"{LONG} {i}" for i in range(m)])
    axes = plots.heatmap(result, groups=[f"{LONG} {i % 30}" for i in range(m)])
    assert clashes(axes[0].figure) == []


def test_heatmap_on_given_axes(made):
    figure, given = plt.subplots(1, 2)
    assert plots.heatmap(made(3), axes=given).tolist() == list(given)
    _, one = plt.subplots()
    assert plots.heatmap(made(3), side="H", axes=one).tolist() == [one]
    assert figure.number in plt.get_fignums()
    assert len(plt.get_fignums()) == 2


def test_heatmap_refuses_what_does_not_fit(made):
    result = made(2)
    with pytest.raises(ValueError, match='side must be "both", "W" or "H", got \'w\''):
        plots.heatmap(result, side="w")
    with pytest.raises(ValueError, match="most must be an integer >= 1, got 0"):
        plots.heatmap(result, most=0)
    with pytest.raises(ValueError, match="groups are labels of the rows"):
        plots.heatmap(result, side="H", groups=["a"] * 60)
    with pytest.raises(ValueError, match="each of the 60 rows, got 3"):
        plots.heatmap(result, groups=["a"] * 3)
    with pytest.raises(ValueError, match="2 sides need as many Axes, got 1"):
        plots.heatmap(result, axes=plt.subplots()[1])
