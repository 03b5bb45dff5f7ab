"""What holds for every picture: names are no formulas, a part has one colour, only results are drawn."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb

import nonneg
from nonneg import plots
from nonneg.explain.plots.layout import chosen, part_colours, size_of

pytestmark = pytest.mark.usefixtures("clean_drawing")


def formulas(count):
    """Return names that matplotlib would read as formulas, and refuse."""
    return [f"a$\\fr{i}$b" for i in range(count)]


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).random((14, 2))


@pytest.fixture(scope="module")
def named(X):
    return nonneg.factorize(X, 2, seed=0).named(rows=formulas(14), features=formulas(2))


@pytest.mark.parametrize(
    "draw",
    [
        lambda named, X: plots.parts(named),
        lambda named, X: plots.parts(named, side="W"),
        lambda named, X: plots.top_rows(named),
        lambda named, X: plots.top_rows(named, X, image_shape=(1, 2)),
        lambda named, X: plots.shares(named, rows="all", groups=formulas(14)),
        lambda named, X: plots.heatmap(named, groups=formulas(14)),
        lambda named, X: plots.scatter(named, by=formulas(14)),
        lambda named, X: plots.scatter(named, by=pd.Series(np.arange(14.0), name=formulas(1)[0])),
        lambda named, X: plots.directions({formulas(1)[0]: named}, X),
        lambda named, X: plots.sources(named, X, truth=pd.DataFrame(X, columns=formulas(2)), methods=["nmf"]),
        lambda named, X: plots.trace(dict.fromkeys(formulas(2), named)),
        lambda named, X: plots.reconstructions(
            {formulas(1)[0]: named}, pd.DataFrame(X, index=formulas(14)), image_shape=(1, 2)
        ),
    ],
)
def test_names_are_no_formulas(named, X, draw):
    figure = np.ravel(draw(named, X))[0].figure
    figure.canvas.draw()
    written = [text for text in figure.findobj(mpl.text.Text) if "$\\fr" in text.get_text()]
    assert written
    assert not any(text.get_parse_math() for text in written)


@pytest.mark.parametrize("k", [3, 12])
def test_a_part_has_the_same_colour_in_every_picture(k):
    random = np.random.default_rng(k)
    base = nonneg.factorize(random.random((30, 25)), 1, seed=0)
    result = replace(base, W=random.random((30, k)), H=random.random((k, 25)))
    named = result.named(rows=[f"row {i}" for i in range(30)], features=[f"word {i}" for i in range(25)])
    colours = [to_rgb(colour) for colour in part_colours(k)]
    bars = (plots.parts(named), plots.parts(named, side="W"), plots.top_rows(named, parts="all"))
    for axes in bars:
        assert [{to_rgb(bar.get_facecolor()) for bar in ax.patches} for ax in axes] == [{c} for c in colours]
    assert [to_rgb(ax.lines[0].get_color()) for ax in plots.parts(result)] == colours
    frames = plots.top_rows(result, random.random((30, 25)), parts=[2, 0], count=2, image_shape=(5, 5))[:, 0]
    assert [to_rgb(ax.spines["top"].get_edgecolor()) for ax in frames] == [colours[2], colours[0]]
    assert [to_rgb(bar.get_facecolor()) for bar in plots.shares(result).patches] == colours


@pytest.mark.parametrize(
    "name", ["parts", "maps", "top_rows", "shares", "heatmap", "scatter", "trace", "starts", "sources"]
)
def test_what_is_no_result_is_refused(X, name):
    model = nonneg.NMF(2, random_state=0).fit(X)
    with pytest.raises(TypeError, match=r"result must be a Factorization, .*: model\.result_\), got NMF\."):
        getattr(plots, name)(model)
    with pytest.raises(TypeError, match=r"result must be a Comparison, as nonneg\.compare returns it, got NMF\."):
        plots.comparison(model)


def test_axes_of_a_part_of_a_figure_serve(named):
    figure = plt.figure(figsize=(8, 3))
    given = figure.subfigures(1, 2)[1].subplots(2)
    assert (plots.parts(named, kind="lines", x=[0, 1], axes=given) == given).all()
    pixels = given[0].get_window_extent()
    np.testing.assert_allclose(size_of(given[0]), np.array([pixels.width, pixels.height]) / figure.dpi)


def test_rows_and_parts_are_chosen_in_one_way():
    assert chosen(None, 9, "rows", first=3).tolist() == [0, 1, 2]
    assert chosen("all", 4, "rows", first=3).tolist() == [0, 1, 2, 3]
    assert chosen(slice(None, None, 2), 5, "rows", first=3).tolist() == [0, 2, 4]
    assert chosen([-1, 0], 5, "rows", first=3).tolist() == [4, 0]
    assert chosen(2, 5, "rows", first=3).tolist() == [2]
    assert chosen([True, False, True], 3, "rows", first=3).tolist() == [0, 2]
    for none in ([], slice(0, 0), [False] * 3):
        with pytest.raises(ValueError, match="parts must name at least one of 3, got none"):
            chosen(none, 3, "parts", first=3)
    with pytest.raises(ValueError, match="parts must be \"all\", a slice, positions or a boolean array, got 'some'"):
        chosen("some", 3, "parts", first=3)
    for names in (["a"], [0, "a"], [1.0]):
        with pytest.raises(ValueError, match="rows must be named by their positions, from 0 to 2; got"):
            chosen(names, 3, "rows", first=3)
