"""Smooth parts and parts of least volume: the right optimum, and the truth where plain parts miss it."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import nonneg
from nonneg import NMF, Iterations, KKTBelow, Penalty, RelativeDecrease, datasets
from nonneg.data import as_source, observe
from nonneg.solve.bounds import FREE
from nonneg.solve.loop import iterate
from nonneg.solve.momentum import Plain
from nonneg.solve.penalty import scaled_shrinks
from nonneg.solve.shape import LEAST_NOISE, RIDGE, volume
from nonneg.solve.shaped import ShapedSquaredError
from nonneg.solve.smooth import smooth_part
from nonneg.solve.solvers import shaped_squared_error
from nonneg.solve.starts import random_start

LONG = [KKTBelow(1e-7), Iterations(1000)]
SMOOTH = [Penalty(smooth_W=8.0), Penalty(smooth_H=5.0), Penalty(smooth_W=4.0, smooth_H=8.0)]
SMALL = [Penalty(min_volume="W"), Penalty(min_volume="H"), Penalty(min_volume="H", min_volume_strength=5.0)]
BOTH = [
    Penalty(smooth_W=4.0, min_volume="H"),
    Penalty(smooth_H=4.0, min_volume="H"),
    Penalty(alpha_W=1e-3, smooth_H=4.0, min_volume="W"),
]
ALL = [*SMOOTH, *SMALL, *BOTH]


def bumps(m=60, n=40, k=3, noise=0.05, seed=0):
    """Return a matrix of smooth amounts of smooth parts that overlap, with noise."""
    rng = np.random.default_rng(seed)
    width = 0.15
    H, W = (
        np.exp(-0.5 * ((np.linspace(0, 1, size) - rng.uniform(0.1, 0.9, (k, 1))) / width) ** 2) + 0.1
        for size in (n, m)
    )
    X = W.T @ H
    return np.maximum(X + noise * X.std() * rng.standard_normal((m, n)), 0), W.T, H


def spectra(noise, seed, cap=0.8):
    """Return mixtures of four spectra, none of them ever above a share of `cap`, and the spectra."""
    rng = np.random.default_rng(seed)
    m, n, k = 500, 60, 4
    centre, width, height = rng.uniform(0, n, (k, 4, 1)), rng.uniform(2, 7, (k, 4, 1)), rng.random((k, 4, 1))
    H = 0.05 + np.sum(height * np.exp(-0.5 * ((np.arange(n) - centre) / width) ** 2), axis=1)
    W = rng.dirichlet(np.full(k, 0.7), 20 * m)
    W = W[W.max(axis=1) <= cap][:m]
    X = W @ H
    return np.maximum(X + noise * np.sqrt(np.mean(X**2)) * rng.standard_normal(X.shape), 0), H


def matched(cost):
    """Return the smallest costs of a one-to-one match."""
    return cost[scipy.optimize.linear_sum_assignment(cost)]


def correlations(found, truth):
    k = truth.shape[1]
    return 1 - matched(1 - np.abs(np.corrcoef(found.T, truth.T)[:k, k:]))


def angles(found, truth):
    """Return the angle of each part from the truth, in degrees."""
    found, truth = (F / np.linalg.norm(F, axis=1, keepdims=True) for F in (found, truth))
    return matched(np.degrees(np.arccos(np.clip(found @ truth.T, -1, 1))))


def counts_of(X, kind):
    """Return what each entry counts, the largest one: all the same, some not at all, each its own."""
    rng = np.random.default_rng(5)
    gaps = rng.random(X.shape) < 0.2
    return {"whole": np.ones(X.shape), "gaps": 1.0 - gaps, "weights": np.where(gaps, 1, rng.random(X.shape))}[kind]


KINDS = ("whole", "gaps", "weights")


def fit(X, k, penalty, counts, stop=LONG):
    """Fit X of which each entry counts so much."""
    if counts.all():
        return nonneg.factorize(
            X, k, penalty=penalty, seed=0, stop=stop, weights=None if counts.min() == 1 else counts
        )
    return nonneg.factorize(np.where(counts, X, np.nan), k, penalty=penalty, seed=0, stop=stop)


def objective(X, penalty, W, H, weight, counts):
    """Return the objective as the docstring of Penalty writes it."""
    m, n = X.shape
    share = counts[counts > 0].mean()
    alpha_H = penalty.alpha_W if penalty.alpha_H == "same" else penalty.alpha_H
    ratio = penalty.l1_ratio
    total = 0.5 * np.sum(counts * (X - W @ H) ** 2)
    total += penalty.alpha_W * n * (ratio * W.sum() + 0.5 * (1 - ratio) * np.sum(W**2))
    total += alpha_H * m * (ratio * H.sum() + 0.5 * (1 - ratio) * np.sum(H**2))
    rough_W, rough_H = np.sum(np.diff(W, 2, axis=0) ** 2, axis=0), np.sum(np.diff(H, 2, axis=1) ** 2, axis=1)
    total += share * 0.5 * (penalty.smooth_W / (2 * np.pi)) ** 4 * np.sum(rough_W * np.sum(H**2, axis=1))
    total += share * 0.5 * (penalty.smooth_H / (2 * np.pi)) ** 4 * np.sum(rough_H * np.sum(W**2, axis=0))
    if penalty.min_volume:
        F = W.T if penalty.min_volume == "W" else H
        F = F / F.mean(axis=1, keepdims=True)
        total += weight * 0.5 * np.linalg.slogdet(np.eye(len(F)) + 100 * F @ F.T / F.shape[1])[1]
    return total


def volume_weight(X, penalty, loss, counts):
    """Return the strength of the volume that a run ends with."""
    d = (X.shape[1] if penalty.min_volume == "H" else X.shape[0]) * np.mean(counts > 0)
    return penalty.min_volume_strength * 2 * (loss + 1e-4 * 0.5 * np.sum(counts * X**2)) / d


def slopes(function, F, step=1e-6):
    """Return the gradient by central differences."""
    out = np.zeros_like(F)
    for at in np.ndindex(F.shape):
        for sign in (1, -1):
            moved = F.copy()
            moved[at] += sign * step
            out[at] += sign * function(moved) / (2 * step)
    return out


# --- the optimum ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", ALL)
def test_the_result_is_stationary_for_the_objective_of_the_docstring(penalty, kind):
    X = bumps(20, 15, 2)[0]
    counts = counts_of(X, kind)
    result = fit(X, 2, penalty, counts, [KKTBelow(1e-7), Iterations(3000)])
    weight = volume_weight(X, penalty, result.loss_value, counts)
    W, H = result.W, result.H
    assert result.kkt < 1e-4
    # The volume's strength is that of the smallest loss on the way, which a bound of it stands for in these.
    near = 1e-4 if kind == "whole" else 3e-4
    for F, function in (
        (W, lambda F: objective(X, penalty, F, H, weight, counts)),
        (H, lambda F: objective(X, penalty, W, F, weight, counts)),
    ):
        slope = slopes(function, F, 1e-5 * F.max())
        scale = np.abs(slopes(function, 1.1 * F, 1e-5 * F.max())).max()
        assert slope.min() > -near * scale
        assert np.abs(slope[1e-4 * F.max() < F]).max() < near * scale


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", ALL)
def test_the_trace_holds_the_whole_objective(penalty, kind):
    X = bumps(20, 15, 2)[0]
    counts = counts_of(X, kind)
    result = fit(X, 2, penalty, counts)
    weight = volume_weight(X, penalty, result.loss_value, counts)
    # The volume's strength is that of the smallest loss on the way.
    rel = 1e-2 if penalty.min_volume else 1e-6
    want = objective(X, penalty, result.W, result.H, weight, counts)
    assert min(result.trace.loss) == pytest.approx(want, rel=rel)
    assert min(result.trace.loss) > 1.001 * result.loss_value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", ALL)
def test_plain_half_steps_never_raise_the_objective(penalty, kind):
    X = bumps()[0]
    counts = counts_of(X, kind)
    source = as_source(X if kind == "whole" else observe(X, weights=counts))
    problem = shaped_squared_error(source, scaled_shrinks(penalty, source), FREE, penalty=penalty)
    losses = iterate(problem, Plain(), random_start(source, 3, 0), [Iterations(60)]).state.losses
    assert np.diff(losses).max() <= 1e-12 * losses[0]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("penalty", [*SMOOTH, *SMALL])
def test_kkt_tells_a_plain_optimum_from_a_penalised_one(penalty):
    X = bumps()[0]
    plain = nonneg.factorize(X, 3, seed=0, stop=LONG)
    assert plain.kkt < 1e-6
    source = as_source(X)
    problem = ShapedSquaredError(source, scaled_shrinks(penalty, source), penalty)
    pair = source.scale.up(np.ascontiguousarray(plain.W.T)), plain.H
    problem.begin(pair)
    assert problem.measure(*pair)[1] > 1e-4


@pytest.mark.parametrize("stiffness", [0.0, 1.0, 1e2, 1e4, 1e6])
def test_a_smooth_part_is_the_least_squares_solution(stiffness):
    rng = np.random.default_rng(0)
    pull = rng.standard_normal(300) + 2 * np.sin(np.arange(300) / 20)
    D = np.diff(np.eye(300), 2, axis=0)
    equations = np.concatenate([np.eye(300), np.sqrt(stiffness) * D])
    exact = scipy.optimize.nnls(equations, np.concatenate([pull, np.zeros(298)]), maxiter=10000)[0]
    part = np.ones(300)
    for _ in range(30):
        part = smooth_part(part, pull, 1.0, stiffness)
    assert (exact == 0).any()
    np.testing.assert_allclose(part, exact, atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_a_smooth_part_never_gets_worse(seed):
    rng = np.random.default_rng(seed)
    pull = rng.standard_normal(400) + 0.3
    value = [np.inf]
    part = np.abs(rng.standard_normal(400)) * (rng.random(400) < 0.5)
    for _ in range(5):
        value.append(0.5 * part @ part - pull @ part + 0.5e6 * np.sum(np.diff(part, 2) ** 2))
        part = smooth_part(part, pull, 1.0, 1e6)
        assert part.min() >= 0
    assert np.diff(value[1:]).max() <= 1e-9 * value[1]


def test_the_gradient_of_the_volume():
    F = np.random.default_rng(0).random((3, 7))
    measured = volume(F)
    np.testing.assert_allclose(
        measured.metric @ F - measured.push[:, None], slopes(lambda F: volume(F).value, F), atol=1e-7
    )
    F = F / F.mean(axis=1, keepdims=True)
    assert measured.value == pytest.approx(0.5 * np.linalg.slogdet(np.eye(3) + F @ F.T / 7 / RIDGE)[1])


def test_an_empty_part_takes_up_no_room():
    F = np.random.default_rng(0).random((3, 7))
    assert volume(np.vstack([F, np.zeros(7)])).value == pytest.approx(volume(F).value)


# --- smooth parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["W", "H"])
def test_smooth_parts_are_smoother_at_nearly_equal_fit(side):
    X, *truth = bumps(noise=0.2)
    plain = nonneg.factorize(X, 3, seed=0)
    smooth = nonneg.factorize(X, 3, seed=0, penalty=Penalty(**{f"smooth_{side}": 8.0}))
    rough = [np.sum(np.diff(getattr(r, side), 2, axis="WH".index(side)) ** 2) for r in (plain, smooth)]
    assert rough[1] < 0.05 * rough[0]
    assert smooth.loss_value < 1.1 * plain.loss_value
    # Smoothing takes out noise, not signal: what is left is nearer to the data without noise.
    exact = truth[0] @ truth[1]
    errors = [np.linalg.norm(exact - r.W @ r.H) for r in (plain, smooth)]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(("period", "about"), [(20, 16 / 17), (10, 1 / 2), (4, 1 / 26)])
def test_a_wave_of_the_length_given_is_halved(period, about):
    X = np.outer(2 + np.cos(2 * np.pi * np.arange(400) / period), [1.0, 2.0])
    W = nonneg.factorize(X, 1, penalty=Penalty(smooth_W=10.0), seed=0, stop=LONG).W[100:300, 0]
    left = (W.max() - W.min()) / np.mean(W)
    assert left == pytest.approx(1 / (1 + (10 / np.pi * np.sin(np.pi / period)) ** 4), rel=1e-3)
    assert left == pytest.approx(about, abs=0.02)


def test_the_limit_of_no_smoothing_and_no_strength_is_plain():
    X = datasets.make_planted(60, 40, 3, noise=0.1, seed=0).data
    start = random_start(as_source(X), 3, 0)
    start = start[0].T, start[1]
    plain = nonneg.factorize(X, 3, start=start, stop=LONG)
    for penalty in (Penalty(smooth_W=1e-3, smooth_H=1e-3), Penalty(min_volume="H", min_volume_strength=1e-9)):
        weak = nonneg.factorize(X, 3, start=start, penalty=penalty, stop=LONG)
        np.testing.assert_allclose(weak.H, plain.H, atol=1e-5)
        np.testing.assert_allclose(weak.W, plain.W, atol=1e-5 * plain.W.max())


@pytest.mark.parametrize("shape", [(2, 30), (30, 2), (1, 30)])
def test_a_short_axis_has_nothing_to_smooth(shape):
    X = np.random.default_rng(0).random(shape)
    result = nonneg.factorize(X, 1, penalty=Penalty(smooth_W=10.0, smooth_H=10.0), seed=0)
    assert np.isfinite(result.W).all()
    assert np.isfinite(result.H).all()


# --- least volume ---------------------------------------------------------------------------------------


def test_textbook_signals_are_found_as_columns_of_W():
    stop = [RelativeDecrease(1e-5), Iterations(1000)]
    for seed in range(0, 20, 4):  # docs/choosing.rst tells of sixty
        made = datasets.make_signals(seed=seed, mixing_seed=100 + seed)
        result = nonneg.factorize(made.data, 3, penalty=Penalty(min_volume="W"), n_init=5, seed=seed, stop=stop)
        assert correlations(result.W, made.W).min() >= 0.99, seed


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("seed", range(4))
def test_spectra_without_pure_rows_are_found(noise, seed):
    X, H = spectra(noise, seed)
    stop = [RelativeDecrease(1e-5), Iterations(1000)]
    plain = nonneg.factorize(X, 4, seed=0, stop=stop)
    least = nonneg.factorize(X, 4, penalty=Penalty(min_volume="H"), seed=0, stop=stop)
    assert angles(least.H, H).mean() < 0.5 * angles(plain.H, H).mean()
    assert angles(least.H, H).mean() < 2
    assert least.relative_error < max(1.01 * plain.relative_error, 1e-3)


def test_both_sides_are_the_same_problem():
    X, H = spectra(0.02, 0)
    stop = [RelativeDecrease(1e-6), Iterations(2000)]
    result = nonneg.factorize(X.T, 4, penalty=Penalty(min_volume="W"), seed=0, stop=stop)
    assert angles(result.W.T, H).mean() < 2


@pytest.mark.parametrize("start", ["spa", None])
def test_separable_data_stay_exact(start):
    planted = datasets.make_planted(60, 40, 4, separable=True, density=0.5, seed=0)
    result = nonneg.factorize(planted.data, 4, start=start, seed=0, penalty=Penalty(min_volume="H"))
    assert result.relative_error < 1e-4
    assert angles(result.H, planted.H).max() < 0.02


def test_float32_is_as_good():
    X, H = spectra(0.02, 0)
    stop = [RelativeDecrease(1e-5), Iterations(1000)]
    result = nonneg.factorize(X.astype(np.float32), 4, penalty=Penalty(min_volume="H"), seed=0, stop=stop)
    assert result.H.dtype == np.float32
    assert angles(result.H, H).mean() < 2


def test_more_strength_less_volume():
    X = spectra(0.02, 0)[0]
    values = [
        volume(nonneg.factorize(X, 4, penalty=Penalty(min_volume="H", min_volume_strength=s), seed=0).H).value
        for s in (0.1, 1.0, 10.0)
    ]
    assert values[0] > values[1] > values[2]


def test_the_strength_follows_the_noise_and_never_rises():
    source = as_source(spectra(0.02, 0)[0])
    problem = ShapedSquaredError(source, scaled_shrinks(Penalty(), source), Penalty(min_volume="H"))
    weights = []
    path = iterate(
        problem,
        Plain(),
        random_start(source, 4, 0),
        [Iterations(30)],
        lambda state: weights.append(problem.shapes.volume_weight),
    )
    assert (np.diff(weights) <= 0).all()
    data = problem.value(path.W, path.H) + LEAST_NOISE * problem.total
    assert weights[-1] == pytest.approx(2 * data / source.shape[1])


# --- everything else as ever ----------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [*SMOOTH, *SMALL])
def test_scale_is_free(penalty, dtype):
    X = bumps()[0].astype(dtype)
    one = nonneg.factorize(X, 3, penalty=penalty, seed=0)
    for factor in (2.0**20, 2.0**-20):
        other = nonneg.factorize(X * dtype.type(factor), 3, penalty=penalty, seed=0)
        np.testing.assert_allclose(other.H, one.H, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(other.W / factor, one.W, rtol=1e-3, atol=1e-4 * one.W.max())
    np.testing.assert_allclose(one.H.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("penalty", [Penalty(smooth_H=5.0), Penalty(min_volume="H")])
def test_transform_gives_the_W_of_the_fit_where_rows_are_free(penalty):
    X = bumps()[0]
    result = nonneg.factorize(X, 3, penalty=penalty, seed=0)
    assert np.array_equal(result.transform(X), result.W)


@pytest.mark.parametrize("penalty", [Penalty(smooth_W=8.0), Penalty(min_volume="W")])
def test_transform_takes_each_row_by_itself(penalty):
    X = bumps()[0]
    result = nonneg.factorize(X, 3, penalty=penalty, seed=0)
    assert not np.array_equal(result.transform(X), result.W)
    assert np.array_equal(result.transform(X)[7:8], result.transform(X[7:8]))


@pytest.mark.parametrize("penalty", [*SMOOTH, *SMALL])
def test_sparse_data_agree_with_dense(penalty):
    X = bumps()[0]
    X[0.1 * X.max() > X] = 0
    start = np.full((60, 3), 0.5) + np.eye(60, 3), np.full((3, 40), 0.5) + np.eye(3, 40)
    dense, sparse = (
        nonneg.factorize(Y, 3, start=start, penalty=penalty, stop=Iterations(30))
        for Y in (X, scipy.sparse.csr_array(X))
    )
    np.testing.assert_allclose(dense.H, sparse.H, atol=1e-8)


def test_rows_keep_their_order_in_long_data():
    # Long enough to be thinned, were it not for the order of its rows.
    X = np.repeat(bumps(n=20, noise=0.0)[0], 100, axis=0)
    result = nonneg.factorize(X, 3, penalty=Penalty(smooth_W=20.0), seed=0, stop=Iterations(5))
    assert result.settings["thinned"] is None


def test_the_estimator_and_the_file_pass_them_on(tmp_path):
    X = bumps()[0]
    arguments = {"smooth_W": 6.0, "smooth_H": 4.0, "min_volume": "H", "min_volume_strength": 2.0}
    model = NMF(3, random_state=0, **arguments).fit(X)
    result = nonneg.factorize(X, 3, penalty=Penalty(**arguments), seed=0)
    assert np.array_equal(model.components_, result.H)
    assert np.array_equal(model.transform(X), result.transform(X))
    result.save(tmp_path / "model.npz")
    assert np.array_equal(nonneg.load(tmp_path / "model.npz").transform(X), result.transform(X))


def test_the_best_run_is_kept():
    X = spectra(0.02, 0)[0]
    runs = [nonneg.factorize(X, 4, penalty=Penalty(min_volume="H"), seed=0, n_init=n) for n in (1, 4)]
    assert min(runs[1].trace.loss) <= min(runs[0].trace.loss)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"smooth_W": -1.0}, "smooth_W must be a number >= 0, got -1.0."),
        ({"smooth_H": "much"}, "smooth_H must be a number >= 0, got 'much'."),
        ({"min_volume": "X"}, 'min_volume must be None, "W" or "H", got \'X\'.'),
        ({"min_volume_strength": np.nan}, "min_volume_strength must be a number >= 0, got nan."),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError) as raised:
        Penalty(**arguments)
    assert str(raised.value) == message


# --- data that are not complete -------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", ALL)
def test_what_was_not_observed_does_not_matter(penalty):
    X = bumps()[0]
    gaps = counts_of(X, "gaps") == 0
    missing = nonneg.factorize(np.where(gaps, np.nan, X), 3, penalty=penalty, seed=0)
    filled = nonneg.factorize(np.where(gaps, 7.0, X), 3, penalty=penalty, seed=0, weights=1.0 - gaps)
    assert (missing.W == filled.W).all()
    assert (missing.H == filled.H).all()


@pytest.mark.parametrize("penalty", ALL)
def test_weights_that_are_all_but_alike_are_none(penalty):
    X = bumps()[0]
    weights = np.ones(X.shape)
    weights[::2] -= 1e-9
    plain = nonneg.factorize(X, 3, penalty=penalty, seed=0, stop=LONG)
    weighed = nonneg.factorize(X, 3, penalty=penalty, seed=0, stop=LONG, weights=weights)
    # Other steps on the way, and the volume's strength follows the way.
    rel = 1e-2 if penalty.min_volume else 1e-4
    assert min(weighed.trace.loss) == pytest.approx(min(plain.trace.loss), rel=rel)


@pytest.mark.parametrize("penalty", ALL)
def test_weights_that_are_alike_only_scale_the_loss(penalty):
    X = bumps()[0]
    shape = replace(penalty, alpha_W=0.0)
    plain = nonneg.factorize(X, 3, penalty=shape, seed=0)
    weighed = nonneg.factorize(X, 3, penalty=shape, seed=0, weights=np.full(X.shape, 8.0))
    np.testing.assert_allclose(weighed.W, plain.W, rtol=1e-9)
    np.testing.assert_allclose(weighed.H, plain.H, rtol=1e-9)
    assert weighed.loss_value == pytest.approx(8 * plain.loss_value)
    np.testing.assert_allclose(weighed.transform(X, weights=np.full(X.shape, 8.0)), plain.transform(X), rtol=1e-9)


def test_rows_of_which_little_was_observed():
    X = np.where(np.random.default_rng(3).random((60, 40)) < 0.6, np.nan, bumps()[0])
    result = nonneg.factorize(X, 3, penalty=Penalty(smooth_H=4.0), seed=0)
    np.testing.assert_allclose(result.transform(X[:5]), result.W[:5], rtol=1e-9)
    assert np.linalg.norm(result.reconstruct() - bumps(noise=0)[0]) < 0.1 * np.linalg.norm(bumps(noise=0)[0])


@pytest.mark.parametrize("side", ["W", "H"])
def test_least_volume_leaves_at_zero_what_nobody_has_observed(side):
    rng = np.random.default_rng(0)
    X = rng.dirichlet(np.ones(3), 40) @ rng.random((3, 12))
    X[5], X[:, 7] = np.nan, np.nan
    with pytest.warns(UserWarning, match=r"Nothing was observed of (row 5|column 7)"):
        result = nonneg.factorize(X, 3, penalty=Penalty(min_volume=side), seed=0)
    assert (result.W[5] == 0).all()
    assert (result.H[:, 7] == 0).all()
    assert result.relative_error < 0.01


@pytest.mark.parametrize("side", ["W", "H"])
def test_smooth_parts_bridge_what_nobody_has_observed(side):
    seen, truth = bumps(60, 200, noise=0.02)[0], bumps(60, 200, noise=0)[0]
    gap = slice(80, 90)
    X = seen.copy()
    X[:, gap] = np.nan
    for smooth, least, most in ((30.0, 0.0, 0.02), (0.0, 1.0, 1.0)):  # plain parts are zero there
        penalty = Penalty(**{f"smooth_{side}": smooth})
        with pytest.warns(UserWarning, match="Nothing was observed of"):
            result = nonneg.factorize(X if side == "H" else X.T, 3, penalty=penalty, seed=0, stop=LONG)
        filled = result.W @ result.H
        filled = filled if side == "H" else filled.T
        error = np.linalg.norm((filled - truth)[:, gap]) / np.linalg.norm(truth[:, gap])
        assert least <= error <= most


@pytest.mark.parametrize("size", [2.0, 100.0])  # at 2, the rows looked at below count one
@pytest.mark.parametrize("kind", ["gaps", "weights"])
@pytest.mark.parametrize("penalty", [Penalty(smooth_H=4.0), Penalty(min_volume="H")])
def test_transform_of_rows_that_are_not_complete_gives_the_W_of_the_fit(penalty, kind, size, tmp_path):
    X = bumps()[0]
    counts = size * counts_of(X, kind)  # smoothness knows how much entries counted in the fit, not in these rows
    counts[:9] *= 0.5
    result = nonneg.factorize(X, 3, penalty=penalty, seed=0, weights=counts)
    np.testing.assert_allclose(result.transform(X, weights=counts), result.W, atol=1e-8)
    part = slice(3, 9)
    np.testing.assert_allclose(result.transform(X[part], weights=counts[part]), result.W[part], atol=1e-8)
    # Without weights, smoothness counts as against entries that count one.
    unweighted = replace(result, settings={**result.settings, "shape_weight": 1.0})
    np.testing.assert_array_equal(result.transform(X[part]), unweighted.transform(X[part]))
    assert np.abs(result.transform(X[part]) - result.W[part]).max() > 1e-3
    result.save(tmp_path / "model.npz")
    loaded = nonneg.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.transform(X, weights=counts), result.transform(X, weights=counts))
    model = NMF(3, random_state=0, max_iter=1000, smooth_H=penalty.smooth_H, min_volume=penalty.min_volume)
    W = model.fit_transform(X, weights=counts)
    np.testing.assert_allclose(model.transform(X[part], weights=counts[part]), W[part], atol=1e-8)


@pytest.mark.parametrize("penalty", [Penalty(smooth_W=2.0), Penalty(smooth_H=2.0), Penalty(min_volume="W")])
@pytest.mark.parametrize(
    "other",
    [{"sample_weight": np.arange(1.0, 6)}, {"upper": (1.0, None)}, {"simplex": True}, {"fixed": np.ones((1, 4))}],
)
def test_row_counts_and_constraints_say_no(penalty, other):
    with pytest.raises(ValueError, match="smooth_W, smooth_H and min_volume go with missing entries, weights"):
        nonneg.factorize(np.ones((5, 4)), 2, penalty=penalty, **other)
    with pytest.raises(ValueError, match="not of a sparse one"):
        nonneg.factorize(scipy.sparse.eye_array(5, format="csr"), 2, penalty=penalty, missing_values=0)


@pytest.mark.parametrize("penalty", [Penalty(smooth_W=2.0), Penalty(smooth_H=2.0), Penalty(min_volume="W")])
@pytest.mark.parametrize("other", [{"loss": "kullback-leibler"}, {"loss": 0.5}, {"solver": "mu"}])
def test_other_losses_and_solvers_say_no(penalty, other):
    with pytest.raises(ValueError, match="smooth_W, smooth_H and min_volume go with the squared error"):
        nonneg.factorize(np.ones((5, 4)), 2, penalty=penalty, **other)
