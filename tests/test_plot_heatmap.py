"""Pictures of W and H: sorted lines, what they are called, and room for it."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

import nonneg
from nonneg import inspect, plots
from nonneg.explain.plots.layout import COLOURS, size_of
from nonneg.explain.plots.tables import by_largest_part

pytestmark = pytest.mark.usefixtures("clean_drawing")
LONG = "a name that is far too long for any picture to hold, number"


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
    assert ax.get_title() == "H: 6 of 50 features,\nthe largest of each part"
    assert len(image(plots.heatmap(result, side="H", most=99)[0])) == 50


def test_the_title_says_of_how_many_parts_the_largest_are(made):
    W, H = plots.heatmap(made(100), most=30)
    parts = [len(set(image(ax).argmax(axis=1))) for ax in (W, H)]
    assert max(parts) == 30
    assert W.get_title() == f"W: 30 of 60 rows,\nthe largest of {parts[0]} of 100 parts"
    assert H.get_title() == f"H: 30 of 50 features,\nthe largest of {parts[1]} of 100 parts"


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


@pytest.mark.parametrize("k", [1, 2, 15, 100, 200])
@pytest.mark.parametrize("m", [3, 38, 2000])
def test_heat_maps_do_not_clash(made, clashes, k, m):
    result = made(k, m=m).named(rows=[f"{LONG} {i}" for i in range(m)])
    axes = plots.heatmap(result, groups=[f"{LONG} {i % 30}" for i in range(m)])
    assert clashes(axes[0].figure) == []
    assert min(size_of(ax)[0] for ax in axes) > 1


@pytest.mark.parametrize(("k", "side"), [(1, "W"), (1, "H"), (1, "both"), (3, "both"), (15, "W"), (15, "both")])
def test_ordinary_names_of_rows_and_groups_fit_together(made, clashes, k, side):
    result = made(k).named(
        rows=[f"patient with sample number {i}" for i in range(60)],
        features=[f"gene of chromosome {i}" for i in range(50)],
    )
    groups = [f"acute lymphoblastic leukemia {'ABC'[i % 3]}" for i in range(60)]
    axes = plots.heatmap(result, groups=None if side == "H" else groups, side=side, most=15)
    assert clashes(axes[0].figure) == []
    assert min(size_of(ax)[0] for ax in axes) > min(0.2 * k, 1)
    assert all("…" not in label.get_text() for ax in axes for label in ax.get_yticklabels())
    if side == "both":  # a part is as wide in H as in W
        W, H = (size_of(ax)[0] / np.ptp(ax.get_xlim()) for ax in axes)
        assert pytest.approx(H, rel=0.02) == W


def test_both_sides_number_the_same_parts(made, clashes):
    _, given = plt.subplots(1, 2, figsize=(9, 4), width_ratios=[1, 3], layout="constrained")
    W, H = plots.heatmap(made(15), axes=given)
    numbers = [[label.get_text() for label in ax.get_xticklabels()] for ax in (W, H)]
    assert numbers[0] == numbers[1]
    assert 1 < len(numbers[0]) < 15
    assert clashes(W.figure) == []


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
