"""Pictures of shares, and labels as colours."""

import itertools
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

from nonneg import inspect, plots
from nonneg.explain.plots.keys import as_labels, steps_between
from nonneg.explain.plots.layout import COLOURS, size_of
from nonneg.explain.plots.tables import by_largest_part, means_of_lines
from nonneg.explain.words import percent

pytestmark = pytest.mark.usefixtures("clean_drawing")
COUNTS = (1, 2, 15, 100, 200)
LONG = "a name that is far too long for any picture to hold, number"


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
    assert names == ["r0", "r3", "r6", "r1", "r4", "r7", "r2", "r5", "r8"]
    assert {text.get_text(): text.xy[0] for text in ax.texts} == {"b": 1, "a": 4, "c": 7}


def test_only_names_too_long_for_their_groups_turn(made, clashes):
    ax = plots.shares(made(3), rows=range(9), groups=[f"{LONG} {i % 3}" for i in range(60)])
    assert {text.get_rotation() for text in ax.texts} == {90}
    assert clashes(ax.figure) == []
    ax = plots.shares(made(3, m=400), rows="all", groups=[f"person {i // 10}" for i in range(400)])
    turned = {text.get_text(): text.get_rotation() for text in ax.texts}
    assert len(turned) == 12  # there is room for all
    assert turned.pop("29 others") == 0
    assert set(turned.values()) == {90}
    assert clashes(ax.figure) == []


def test_narrow_groups_make_way_for_wide_ones(made, clashes):
    groups = ["wide"] * 1000 + ["narrow", "also narrow", "third"] + ["last"] * 997
    ax = plots.shares(made(3, m=2000), rows="all", groups=groups)
    names = {text.get_text() for text in ax.texts}
    assert {"wide", "last"} < names
    assert not {"narrow", "third"} <= names  # two single rows side by side
    assert clashes(ax.figure) == []


@pytest.mark.parametrize(("count", "names", "turn"), [(40, "s", 90), (12, "s", 0), (40, "patient with number ", 90)])
def test_up_to_forty_rows_are_named(made, clashes, count, names, turn):
    result = made(3).named(rows=[f"{names}{i}" for i in range(60)])
    ax = plots.shares(result, rows=range(count))
    assert [label.get_text() for label in ax.get_xticklabels()] == [f"{names}{i}" for i in range(count)]
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {turn}
    assert size_of(ax)[1] > 2  # names take nothing from the bars
    assert clashes(ax.figure) == []


@pytest.mark.parametrize("k", [3, 15, 100])
def test_the_key_runs_as_the_bars_do(made, k):
    ax = plots.shares(made(k), rows="all")
    ax.figure.draw_without_rendering()
    labels = {label.get_text(): label.get_window_extent().y0 for label in ax.figure.axes[1].get_yticklabels()}
    parts = sorted(labels, key=lambda name: int(name.removeprefix("part ")))
    assert parts[0] == "part 1"
    assert sorted(labels, key=labels.get) == parts


def test_few_rows_have_edges(made):
    def edges(k, rows):
        polygons = [p for p in plots.shares(made(k), rows=rows).collections if p.get_label().startswith("part")]
        return {tuple(map(tuple, p.get_edgecolor())) if p.get_linewidth()[0] else None for p in polygons}

    assert edges(3, range(5)) == {(to_rgba("white"),)}
    assert edges(3, "all") == edges(100, range(5)) == {None}


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
    for given, got in ((True, "True"), ([[0, 1], [2, 3]], r"an array of shape \(2, 2\)")):
        with pytest.raises(ValueError, match=f"rows must be .* a boolean array, got {got}"):
            plots.shares(result, rows=given)
    for none in (slice(0, 0), []):
        with pytest.raises(ValueError, match="rows must name at least one of 60, got none"):
            plots.shares(result, rows=none)
    with pytest.raises(IndexError, match="60 is out of bounds"):
        plots.shares(result, rows=[60])


# Labels as colours


def test_few_labels_have_colours_of_their_own():
    labels = as_labels([3, 1, 3, 2], 4, "groups")
    assert labels.names == ["1", "2", "3"]  # numbers rise
    assert labels.codes.tolist() == [2, 0, 2, 1]
    assert [tuple(colour) for colour in labels.colours] == [to_rgba(colour) for colour in COLOURS[:3]]


def test_texts_stand_in_the_order_in_which_they_appear():
    labels = as_labels(["treated", "control", "treated", "after"], 4, "groups")
    assert labels.names == ["treated", "control", "after"]
    assert labels.codes.tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize("kind", ["Categorical", "Series", "CategoricalIndex"])
def test_categories_keep_their_order(made, kind):
    pd = pytest.importorskip("pandas")
    given = pd.Categorical(["high", "low", "middle", None] * 15, ["low", "unused", "middle", "high"], ordered=True)
    groups = given if kind == "Categorical" else getattr(pd, kind)(given)
    labels = as_labels(groups, 60, "groups")
    assert labels.names == ["low", "middle", "high", "nan"]
    assert labels.codes[:4].tolist() == [2, 0, 1, 3]
    ax = plots.shares(made(3), rows="all", groups=groups)
    assert sorted((text.xy[0], text.get_text()) for text in ax.texts)[0][1] == "low"
    numbers = as_labels(pd.Series([3, 1, 2], dtype=pd.CategoricalDtype([2, 3, 1])), 3, "groups")
    assert (numbers.names, numbers.codes.tolist()) == (["2", "3", "1"], [1, 2, 0])


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
