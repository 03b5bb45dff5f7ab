"""Parts as arrows in the plane: where they point, how long they are, and what the manual says of them."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import Penalty, plots
from nonneg.datasets import make_directions
from nonneg.explain.plots.layout import part_colours

pytestmark = pytest.mark.usefixtures("clean_drawing")


@pytest.fixture(scope="module")
def X():
    return make_directions(300, seed=1).data


@pytest.fixture(scope="module")
def two(X):
    return nonneg.factorize(X, 2, start="spa", seed=0)


def fractions(X):
    """Return the share of the first feature in each row: a direction in the plane as one number."""
    return X[:, 0] / X.sum(axis=1)


def arrows(ax):
    """Return where arrows end, in the order of the parts; all begin at the origin."""
    found = [text for text in ax.texts if text.arrow_patch is not None]
    assert all(tuple(text.xyann) == (0, 0) for text in found)
    return np.array([text.xy for text in found[::-1]])


# --- the mathematics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
@pytest.mark.parametrize("start", ["spa", None])
@pytest.mark.parametrize("seed", range(5))
def test_two_parts_lie_on_the_extremes_of_the_cloud(loss, start, seed):
    X = make_directions(300, seed=seed).data
    result = nonneg.factorize(X, 2, start=start, loss=loss, seed=0)
    ends = fractions(X).min(), fractions(X).max()
    np.testing.assert_allclose(np.sort(fractions(result.H)), ends, atol=1e-3)
    assert result.relative_error < 1e-6


def test_other_starts_may_open_wider_and_fit_as_well(X):
    ends = fractions(X).min(), fractions(X).max()
    for start, seed in (("nndsvda", 0), ("random", 4)):
        result = nonneg.factorize(X, 2, start=start, seed=seed)
        low, high = np.sort(fractions(result.H))
        assert low < ends[0] + 1e-6
        assert high > ends[1] - 1e-6
        assert high - low > ends[1] - ends[0] + 0.1
        assert result.relative_error < 1e-6


@pytest.mark.parametrize(("start", "seed"), [(None, 0), ("random", 0), ("random", 4)])
def test_a_weak_pull_to_least_volume_closes_the_cone(X, start, seed):
    penalty = Penalty(min_volume="H", min_volume_strength=0.1)
    stop = [nonneg.RelativeDecrease(1e-8), nonneg.Iterations(5000)]
    result = nonneg.factorize(X, 2, start=start, seed=seed, penalty=penalty, stop=stop)
    np.testing.assert_allclose(np.sort(fractions(result.H)), (fractions(X).min(), fractions(X).max()), atol=0.005)
    assert result.relative_error < 1e-3


def test_one_part_is_the_mean_under_kullback_leibler(X):
    result = nonneg.factorize(X, 1, loss="kullback-leibler", seed=0)
    np.testing.assert_allclose(result.H[0], X.mean(axis=0) / X.mean(axis=0).sum(), rtol=1e-10)


def test_one_part_is_the_leading_singular_direction_under_the_squared_error(X):
    H = nonneg.factorize(X, 1, seed=0).H[0]
    leading = np.abs(np.linalg.svd(X, full_matrices=False)[2][0])
    np.testing.assert_allclose(H, leading / leading.sum(), rtol=1e-6)
    mean = X.mean(axis=0)
    cosine = H @ mean / (np.linalg.norm(H) * np.linalg.norm(mean))
    assert 0.99 < cosine < 1 - 1e-6  # close to the mean, but not the mean


# --- the picture ----------------------------------------------------------------------------------------


def test_arrows_are_parts_as_long_as_nine_of_ten_rows_hold(X, two):
    (ax,) = plots.directions(two, X)
    for tip, h, w in zip(arrows(ax), two.H, two.W.T, strict=True):
        np.testing.assert_allclose(tip, np.quantile(w[w > 0], 0.9) * h)


def test_length_of_an_arrow_does_not_depend_on_the_scale_of_the_factors(X, two):
    stretched = replace(two, W=two.W * [10, 0.1], H=two.H / [[10], [0.1]])
    np.testing.assert_allclose(*(arrows(plots.directions(result, X)[0]) for result in (two, stretched)))


def test_rows_that_hold_nothing_do_not_shorten_an_arrow(X, two):
    W = np.vstack([two.W, np.zeros((5000, 2))])
    tips = arrows(plots.directions(replace(two, W=W), np.vstack([X, np.zeros((5000, 2))]))[0])
    np.testing.assert_allclose(tips, arrows(plots.directions(two, X)[0]))


@pytest.mark.parametrize("kind", [np.asarray, list, scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_points_are_the_rows(X, two, kind):
    (ax,) = plots.directions(two, kind(X))
    (points,) = ax.collections
    np.testing.assert_allclose(points.get_offsets(), X)


def test_cone_is_bounded_by_the_outermost_parts(X):
    H = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
    three = replace(nonneg.factorize(X, 3, seed=0), H=H, W=np.ones((300, 3)))
    (ax,) = plots.directions(three, X)
    origin, first, last = ax.patches[0].get_xy()[:3]
    np.testing.assert_allclose(origin, 0)
    np.testing.assert_allclose([first[0] / first.sum(), last[0] / last.sum()], [0.9, 0.2])
    corner = np.array([ax.get_xlim()[1], ax.get_ylim()[1]])
    assert min(np.linalg.norm(first), np.linalg.norm(last)) > np.linalg.norm(corner)


def test_axes_begin_at_the_origin_hold_all_rows_and_have_one_scale(X, two):
    (ax,) = plots.directions(two, X)
    assert ax.get_xlim()[0] == ax.get_ylim()[0] == 0
    assert ax.get_xlim()[1] > X[:, 0].max()
    assert ax.get_ylim()[1] > X[:, 1].max()
    assert ax.get_aspect() == 1


def test_rows_below_zero_or_missing(X, two):
    X = X.copy()
    X[0], X[1] = (-1, -2), (np.nan, 1)
    (ax,) = plots.directions(two, X)
    assert (ax.get_xlim()[0], ax.get_ylim()[0]) == (-1, -2)


def test_results_side_by_side_share_limits_and_say_what_they_are(X, two):
    one = nonneg.factorize(X, 1, loss="kullback-leibler", seed=0)
    axes = plots.directions([one, two], X)
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert axes[0].get_title().startswith("1 part, nndsvda start\nkullback-leibler, error ")
    assert axes[1].get_title() == "2 parts, spa start\nfrobenius, error <0.1 %"
    named = plots.directions({"extremes": two}, X)
    assert named[0].get_title().splitlines()[0] == "extremes"


def test_colours_and_names_of_parts_and_features(X, two):
    (ax,) = plots.directions(two.named(features=["red", "green"]), X)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("red", "green")
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert entries == [*(f"part {j + 1} · {100 * two.share[j]:.0f} %" for j in range(2)), "what they reach"]
    patches = [text.arrow_patch for text in ax.texts][::-1]
    handles = ax.get_legend().legend_handles
    for patch, handle, colour in zip(patches, handles, part_colours(2), strict=False):
        assert plt.matplotlib.colors.same_color(patch.get_facecolor(), colour)
        assert plt.matplotlib.colors.same_color(handle.get_color(), colour)


def test_a_part_of_zeros_has_no_arrow(X, two):
    empty = replace(two, W=two.W * [1, 0])
    assert len(arrows(plots.directions(empty, X)[0])) == 1
    nothing = replace(two, W=np.zeros_like(two.W), H=np.zeros_like(two.H))
    assert len(arrows(plots.directions(nothing, np.zeros_like(X))[0])) == 0


def test_directions_on_given_axes(X, two):
    figure, given = plt.subplots(1, 3)
    axes = plots.directions([two, two], X, axes=given)
    assert list(axes) == list(given[:2])
    assert not given[2].axison
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("k", [1, 2, 8, 15, 100, 200])
def test_no_text_of_directions_overlaps(X, k, clashes):
    rng = np.random.default_rng(k)
    base = nonneg.factorize(X, 1, seed=0).named(features=["a very long name of a feature " * 3] * 2)
    result = replace(base, W=rng.random((300, k)), H=rng.dirichlet(np.ones(2), k))
    for count in (1, 2, 5):
        axes = plots.directions({f"a title that goes on and on, {i}": result for i in range(count)}, X)
        assert clashes(axes[0].figure) == []


UNEQUAL = [[5, 1], [100, 1], [1e7, 1], [1, 5], [1, 100], [1, 1e7]]


@pytest.mark.parametrize("units", UNEQUAL)
def test_unequal_units_fill_a_square(X, two, clashes, units):
    longer = two.named(features=[f"{'MW' * 20} {letter}" for letter in "ab"])
    result = replace(longer, H=two.H * units)
    for given in (None, plt.subplots(1, 2, figsize=(7, 4), layout="constrained")[1]):
        axes = plots.directions([result, result], X * units, axes=given)
        assert clashes(axes[0].figure) == []
        for ax in axes:
            width, height = ax.bbox.size / ax.figure.dpi
            assert width == pytest.approx(height)
            assert width > 1.5


@pytest.mark.parametrize("units", [[1, 1], [1.3, 1], [1, 1.8]])
def test_similar_units_have_one_scale(X, two, units):
    (ax,) = plots.directions(replace(two, H=two.H * units), X * units)
    assert ax.get_aspect() == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_wide_titles_stay_within_their_panels_and_apart(X, two, clashes, count):
    axes = plots.directions({f"{'WM' * 20} {i}": two for i in range(count)}, X)
    assert clashes(axes[0].figure) == []
    assert len({ax.get_title() for ax in axes}) == count
    for ax in axes:
        title, box = ax.title.get_window_extent(), ax.bbox
        assert box.x0 - 1 <= title.x0 < title.x1 <= box.x1 + 1


def test_parts_too_short_to_draw_are_counted_not_drawn(X, two):
    short = replace(two, W=np.tile(two.W, 2) * [1, 1, 1e-3, 0.5], H=np.tile(two.H, (2, 1)))
    (ax,) = plots.directions(short, X)
    assert len(arrows(ax)) == 3
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "1 of 4 parts is too short to draw"
    assert [text.get_text().split(" ·")[0] for text in legend.get_texts()] == [
        "part 1",
        "part 2",
        "part 4",
        "what they reach",
    ]
    colours = [handle.get_color() for handle in legend.legend_handles[:-1]]
    assert colours == [part_colours(4)[j] for j in (0, 1, 3)]


def test_the_few_that_are_drawn_of_many_parts_look_different(X, two):
    many = replace(two, W=np.hstack([two.W, np.zeros((300, 48))]), H=np.tile(two.H, (25, 1)))
    legend = plots.directions(many, X)[0].get_legend()
    assert [handle.get_color() for handle in legend.legend_handles[:-1]] == part_colours(2)
    assert legend.get_title().get_text() == "48 of 50 parts are too short to draw"


def test_rows_of_pictures_leave_no_gap(X, two):
    eight = replace(two, W=np.tile(two.W, 4), H=np.tile(two.H, (4, 1)))
    axes = plots.directions([two, two, two, eight, two], X)
    figure = axes[0].figure
    figure.draw_without_rendering()
    top, lower = (axes[i].title.get_window_extent().y1 for i in (0, 3))
    assert figure.bbox.y1 - top < 0.3 * figure.dpi
    assert min(ax.get_legend().get_window_extent().y0 for ax in axes[:3]) - lower < 0.4 * figure.dpi


def test_directions_refuses_what_does_not_fit(X, two):
    with pytest.raises(ValueError, match="results need 2 features, got 3"):
        plots.directions(nonneg.factorize(np.ones((4, 3)), 1, seed=0), np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"shape that was factorized, \(300, 2\), got \(299, 2\)"):
        plots.directions(two, X[1:])
    with pytest.raises(ValueError, match="at least one Factorization, got none"):
        plots.directions([], X)
    with pytest.raises(TypeError, match=r"result must be a Factorization, .* got ndarray"):
        plots.directions(X, X)
    with pytest.raises(TypeError, match=r"result must be a Factorization, .* got ndarray"):
        plots.directions([two, X], X)
    with pytest.raises(ValueError, match="2 results need as many Axes, got 1"):
        plots.directions([two, two], X, axes=plt.subplots()[1])
