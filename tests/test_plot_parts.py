"""Parts as lines and bars: chosen by the data, at the places and under the names that the data give."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("agg")
import matplotlib.dates
import matplotlib.pyplot as plt

import nonneg
from nonneg import plots

pytestmark = pytest.mark.usefixtures("clean_drawing")


@pytest.fixture(scope="module")
def result():
    return nonneg.factorize(nonneg.datasets.make_planted(40, 30, 3, noise=0.1).data, 3, seed=0)


@pytest.fixture(scope="module")
def made():
    """Make a result of any size without a fit."""
    base = nonneg.factorize(np.eye(2) + 1, 1, seed=0, stop=nonneg.Iterations(1))

    def make(k, n=60, m=50):
        rng = np.random.default_rng(k)
        return replace(base, W=rng.gamma(0.5, 1000, size=(m, k)), H=rng.dirichlet(np.full(n, 0.2), size=k))

    return make


def kind_of(ax):
    return "images" if ax.images else "lines" if ax.lines else "bars"


def names_of(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


WORDS = [f"word {i}" for i in range(30)]


@pytest.mark.parametrize(
    ("arguments", "names", "kind"),
    [
        ({"image_shape": (5, 6)}, WORDS, "images"),
        ({"image_shape": (5, 6)}, np.arange(30), "images"),
        ({"x": np.arange(30.0)}, WORDS, "lines"),
        ({}, np.linspace(400, 700, 30), "lines"),
        ({}, np.linspace(4000, 700, 30), "lines"),
        ({}, [f"{i}.5" for i in range(30)], "lines"),
        ({}, pd.date_range("2024-01-30", periods=30), "lines"),
        ({}, pd.date_range("2024-01-30", periods=30, freq="h", tz="Asia/Tokyo"), "lines"),
        ({}, None, "lines"),
        ({}, WORDS, "bars"),
        ({}, np.roll(np.arange(30), 1), "bars"),
        ({}, [*np.arange(29), 28], "bars"),
        ({"kind": "lines"}, WORDS, "lines"),
        ({"kind": "bars"}, np.arange(30), "bars"),
    ],
)
def test_the_data_choose_the_kind(result, arguments, names, kind):
    named = result.named(features=names)
    assert {kind_of(ax) for ax in plots.parts(named, **arguments)} == {kind}


def test_few_features_without_names_are_bars(made):
    assert kind_of(plots.parts(made(2, n=20))[0]) == "bars"
    assert kind_of(plots.parts(made(2, n=21))[0]) == "lines"
    assert kind_of(plots.parts(made(2, n=1))[0]) == "bars"


@pytest.mark.parametrize("side", ["H", "W"])
@pytest.mark.parametrize("given", [True, False])
def test_lines_are_the_parts_over_their_axis(result, side, given):
    F = result.H if side == "H" else result.W.T
    x = np.linspace(700, 400, F.shape[1])
    if given:
        axes = plots.parts(result, x=x, side=side, unit="wavelength in nm")
    else:
        named = result.named(features=x) if side == "H" else result.named(rows=x)
        axes = plots.parts(named, side=side, unit="wavelength in nm")
    for j, ax in enumerate(axes):
        (line,) = ax.lines
        np.testing.assert_array_equal(line.get_xdata(), x)
        np.testing.assert_array_equal(line.get_ydata(), F[j])
        # In the order of the data, from zero, wholly in view.
        assert ax.get_xlim() == (700, 400)
        assert ax.get_ylim()[0] == 0
        assert F[j].max() < ax.get_ylim()[1] < 1.2 * F[j].max()
        assert ax.get_title().startswith(f"part {j + 1} · ")
    assert axes[-1].get_xlabel() == "wavelength in nm"
    assert axes[0].get_ylabel() == ("weight" if side == "H" else "amount")


def test_without_names_the_axis_counts(result):
    axes = plots.parts(result)
    assert axes[0].lines[0].get_xdata().tolist() == list(range(30))
    assert axes[-1].get_xlabel() == "feature"
    assert plots.parts(result, side="W")[-1].get_xlabel() == "row"


def test_dates_stay_dates(result):
    days = pd.date_range("2024-02-20", periods=40, freq="12h")
    frame = pd.DataFrame(result.W @ result.H, index=days)
    axes = plots.parts(nonneg.factorize(frame, 2, seed=0), side="W")
    assert (axes[0].lines[0].get_xdata() == days.to_numpy()).all()
    axes[0].figure.draw_without_rendering()
    assert isinstance(axes[0].xaxis.get_major_formatter(), mpl.dates.ConciseDateFormatter)
    assert axes[-1].get_xlabel() == ""


@pytest.mark.parametrize("side", ["H", "W"])
def test_bars_are_the_largest_entries_by_name(result, side):
    F, names = (result.H, result.feature_names) if side == "H" else (result.W.T, result.row_names)
    assert names is None
    names = np.array([f"name {i}" for i in range(F.shape[1])])
    named = result.named(features=names) if side == "H" else result.named(rows=names)
    axes = plots.parts(named, side=side)
    for j, ax in enumerate(axes):
        best = [i for i in np.argsort(-F[j], kind="stable")[:10] if F[j, i] > 0.02 * F[j].max()]
        np.testing.assert_allclose([bar.get_width() for bar in ax.patches], F[j, best])
        assert names_of(ax) == list(names[best])
        low, high = ax.get_ylim()
        assert low > high, "the first name is on top"
    assert axes[-1].get_xlabel() == ("weight" if side == "H" else "amount")


def test_what_a_part_does_not_hold_is_no_bar(made):
    result = made(2, n=15)
    H = 0 * result.H
    H[0, [3, 7, 1, 5]] = 1, 0.3, 0.021, 0.019  # the last would be named and not be seen
    axes = plots.parts(replace(result, H=H))
    assert [len(ax.patches) for ax in axes] == [3, 0]
    assert names_of(axes[0]) == ["feature 3", "feature 7", "feature 1"]


@pytest.mark.parametrize("k", [15, 100])
def test_lines_of_bars_are_as_high_as_their_longest(made, clashes, k):
    result = made(k, m=12)
    longest = np.linspace(9, 1, k).round().astype(int)
    axes = plots.parts(replace(result, W=np.where(np.arange(12)[:, None] < longest, 1 + result.W, 0)), side="W")
    tops = np.array([ax.get_position().y1 for ax in axes])
    heights = np.array([ax.get_window_extent().height / ax.figure.dpi for ax in axes])
    for top in np.unique(tops.round(6)):
        beside = np.isclose(tops, top)
        assert heights[beside] == pytest.approx(0.15 * max(len(ax.patches) for ax in axes[beside]) + 0.05)
        assert len({ax.get_ylim() for ax in axes[beside]}) == 1
    assert clashes(axes[0].figure) == []


def test_a_name_is_no_formula(result, clashes):
    named = result.named(features=[f"${i}_ and \\alpha^ costs $" for i in range(30)])
    axes = plots.parts(named)
    assert clashes(axes[0].figure) == []
    assert all(not label.get_parse_math() for label in axes[0].get_yticklabels())


LONG = [f"{'W' * 40} {i} of a name that goes on and on" for i in range(60)]


SIZES = {"lines": (1, 2, 15, 100, 200), "long": (1, 2, 15, 100, 200), "bars": (1, 15), "W": (1, 30), "dates": (1, 30)}


@pytest.mark.parametrize(("kind", "k"), [(kind, k) for kind, sizes in SIZES.items() for k in sizes])
def test_no_text_overlaps(made, clashes, k, kind):
    result = made(k)
    arguments = {"kind": "bars" if kind in {"bars", "long"} else "lines", "side": "W" if kind == "W" else "H"}
    if kind == "long":
        result = result.named(features=LONG)
    elif kind == "dates":
        result = result.named(features=pd.date_range("1999-12-30", periods=60, freq="17h"))
    elif kind == "W":
        arguments |= {"x": np.linspace(123456, 234567, 50), "unit": "time in s"}
        result = replace(result, W=result.W * 10)
    axes = plots.parts(result, **arguments)
    assert len(axes) == k
    assert clashes(axes[0].figure) == []


def ticks_of(axis):
    low, high = axis.get_view_interval()
    return [tick for tick in axis.get_majorticklocs() if low <= tick <= high]


@pytest.mark.parametrize("kind", ["lines", "bars"])
def test_amounts_have_three_ticks_the_last_near_the_end(result, kind):
    for factor in (1, 1.3, 1.7, 2.4, 3.1, 4.5, 6, 8):
        scaled = replace(result, H=factor * result.H)
        for ax in plots.parts(scaled, kind=kind):
            axis = ax.yaxis if kind == "lines" else ax.xaxis
            zero, middle, last = ticks_of(axis)
            assert zero == 0
            assert last == pytest.approx(2 * middle)
            assert last > 0.65 * axis.get_view_interval()[1]
        plt.close("all")


@pytest.mark.parametrize("k", [2, 15, 100, 200])
def test_a_long_unit_stays_below_its_panel(made, clashes, k):
    unit = "frequency of all the partial tones, in Hz"
    axes = plots.parts(made(k), kind="lines", unit=unit)
    assert clashes(axes[0].figure) == []
    label = axes[-1].get_xlabel()
    assert label == unit if k <= 15 else label.startswith("freq") and label.endswith("Hz")


@pytest.mark.parametrize("kind", ["lines", "bars"])
def test_most_is_said_in_the_picture(made, clashes, kind):
    axes = plots.parts(made(40), kind=kind, most=7)
    assert [ax.get_title().split(" · ")[0] for ax in axes] == [f"part {j}" for j in range(1, 8)]
    assert [text.get_text() for text in axes[0].figure.texts] == ["7 of 40 parts shown"]
    assert clashes(axes[0].figure) == []
    assert not plots.parts(made(7), kind=kind, most=7)[0].figure.texts


@pytest.mark.parametrize("kind", ["lines", "bars"])
def test_on_given_axes(result, kind):
    figure, given = plt.subplots(2, 2)
    axes = plots.parts(result, kind=kind, axes=given)
    assert list(axes) == list(given.flat[:3])
    assert not given[1, 1].axison
    assert {kind_of(ax) for ax in axes} == {kind}
    # Nothing is known of what lies beside them: each is labelled.
    assert all(ax.get_xlabel() for ax in axes)
    assert plt.get_fignums() == [figure.number]
    assert not figure.texts


@pytest.mark.parametrize("k", [1, 5, 15])
def test_only_outer_panels_are_labelled(made, k):
    axes = plots.parts(made(k))
    boxes = [ax.get_position() for ax in axes]
    for ax, box in zip(axes, boxes, strict=True):
        below = any(other.x0 == box.x0 and other.y0 < box.y0 for other in boxes)
        assert bool(ax.get_xlabel()) != below
        assert bool(ax.get_ylabel()) != any(other.x0 < box.x0 for other in boxes)


@pytest.mark.parametrize("kind", ["lines", "bars"])
def test_an_empty_part_says_so_and_has_no_scale(made, clashes, kind):
    result = made(2)
    axes = plots.parts(replace(result, W=result.W * [1, 0], H=result.H * [[1], [0]]), kind=kind)
    assert [[text.get_text() for text in ax.texts] for ax in axes] == [[], ["empty"]]
    assert axes[1].get_title() == "part 2 · 0 %"
    axes[0].figure.draw_without_rendering()
    for ax, written in zip(axes, (True, False), strict=True):
        ticks = (ax.yaxis if kind == "lines" else ax.xaxis).get_major_ticks()
        assert {tick.label1.get_visible() for tick in ticks} == {written}
    assert clashes(axes[0].figure) == []


def test_ten_thousand_named_columns(clashes):
    X = pd.DataFrame(np.random.default_rng(0).random((12, 10_000)), columns=[f"gene {i}" for i in range(10_000)])
    result = nonneg.factorize(X, 2, seed=0, stop=nonneg.Iterations(1))
    axes = plots.parts(result)
    assert names_of(axes[1])[0] == f"gene {result.H[1].argmax()}"
    assert clashes(axes[0].figure) == []


def test_columns_of_W_as_images(made):
    result = made(2)
    axes = plots.parts(result, side="W", image_shape=(5, 10))
    assert (axes[1].images[0].get_array() == result.W[:, 1].reshape(5, 10)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "pie"}, 'kind must be "auto", "images", "lines" or "bars", got \'pie\''),
        ({"side": "X"}, 'side must be "H" or "W", got \'X\''),
        ({"kind": "images"}, r'kind="images" needs image_shape=\(height, width\)'),
        ({"x": range(29)}, "x must hold a number for each of the 30 features, got 29"),
        ({"x": range(39), "side": "W"}, "x must hold a number for each of the 40 rows, got 39"),
        ({"x": [*range(29), 28]}, "rise or fall throughout"),
        ({"x": WORDS}, "x must hold numbers or dates"),
        ({"image_shape": (5, 6), "side": "W"}, "of 40 pixels, the rows of X"),
        (
            {"image_shape": (5, 6), "x": range(30)},
            "x was given, which only lines use, .* drawn as images: leave it out",
        ),
        ({"image_shape": (5, 6), "unit": "nm"}, 'unit was given, .* leave it out, or ask for kind="lines"'),
        ({"kind": "bars", "x": range(30)}, "x was given, which only lines use, but these parts are drawn as bars"),
        ({"kind": "bars", "unit": "nm"}, "unit was given, which only lines use, but these parts are drawn as bars"),
        ({"kind": "bars", "image_shape": (5, 6)}, 'image_shape was given, .* or ask for kind="images"'),
        ({"kind": "lines", "image_shape": (5, 6)}, "image_shape was given, which only images use, .* drawn as lines"),
        ({"image_shape": 30}, r"image_shape must be \(height, width\) of 30 pixels"),
    ],
)
def test_refuses_what_does_not_fit(result, arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.parts(result, **arguments)
    assert not plt.get_fignums()
