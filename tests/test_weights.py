"""What entries and rows count: weights, uncertainties and sample weights mean what their definitions say."""

import hypothesis
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import strategies as st
from sklearn.utils.validation import has_fit_parameter

import nonneg
from nonneg import NMF, Iterations, Penalty, RelativeDecrease

LOSSES = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0, 1.5: 1.5, 0.5: 0.5, 3: 3}
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": scipy.sparse.csr_array,
    "csc": scipy.sparse.csc_array,
}
FAR = [RelativeDecrease(1e-10), Iterations(5000)]


@pytest.fixture(params=LOSSES)
def loss(request):
    return request.param


@pytest.fixture(params=["auto", "mu"])
def solver(request):
    return request.param


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


def problem(m=24, n=17, k=3, *, dtype=np.float64, seed=0):
    """Return positive X, weights from 0 to 3 with some zeros, and a start."""
    rng = np.random.default_rng(seed)
    X = rng.gamma(1.0, size=(m, k)) @ rng.gamma(1.0, size=(k, n)) * rng.gamma(9.0, 1 / 9, (m, n)) + 0.05
    weights = 3 * rng.random((m, n)) * (rng.random((m, n)) < 0.9)
    return X.astype(dtype), weights, (rng.random((m, k)) + 0.1, rng.random((k, n)) + 0.1)


def same_bits(a, b, *, factor=1.0):
    """Hold two results against each other; the loss of the second is so many times that of the first."""
    for name in ("W", "H", "relative_error", "kkt", "n_missing"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert np.array_equal(a.trace.loss * factor, b.trace.loss)
    assert a.loss_value * factor == b.loss_value


def near(a, b, close=1e-8):
    for one, other in ((a.W, b.W), (a.H, b.H)):
        np.testing.assert_allclose(one, other, rtol=0, atol=close * one.max())


# --- weights that change nothing, or only the unit of the loss --------------------------------------------


def test_weights_of_one_change_no_bit(loss, solver, layout, dtype):
    X, _, _ = problem(dtype=dtype)
    X, ones = layout(X), np.ones(X.shape)
    options = {"loss": loss, "solver": solver, "seed": 0, "stop": Iterations(12)}
    want = nonneg.factorize(X, 3, **options)
    same_bits(want, nonneg.factorize(X, 3, weights=layout(ones), **options))
    same_bits(want, nonneg.factorize(X, 3, uncertainty=layout(ones), **options))
    same_bits(want, nonneg.factorize(X, 3, sample_weight=np.ones(len(ones)), **options))


@pytest.mark.parametrize("factor", [0.25, 1024.0])
def test_constant_weights_are_a_unit_of_the_loss(loss, solver, layout, factor):
    X, weights, _ = problem()
    ones, options = np.ones(X.shape), {"loss": loss, "solver": solver, "seed": 0, "stop": Iterations(12)}
    want = nonneg.factorize(layout(X), 3, **options)
    same_bits(want, nonneg.factorize(layout(X), 3, weights=layout(factor * ones), **options), factor=factor)
    # Weights that differ, too: a power of two is no rounding.
    want = nonneg.factorize(layout(X), 3, weights=layout(weights), **options)
    same_bits(want, nonneg.factorize(layout(X), 3, weights=layout(factor * weights), **options), factor=factor)


def test_constant_weights_are_not_powers_of_two_only(layout):
    X, _, start = problem()
    options = {"start": start, "stop": Iterations(12)}
    want = nonneg.factorize(layout(X), 3, **options)
    for arguments in ({"weights": layout(np.full(X.shape, 0.3))}, {"sample_weight": np.full(len(X), 0.3)}):
        got = nonneg.factorize(layout(X), 3, **options, **arguments)
        near(want, got)
        assert got.loss_value == pytest.approx(0.3 * want.loss_value, rel=1e-12)
        assert got.relative_error == pytest.approx(want.relative_error, rel=1e-12)


@pytest.mark.parametrize("loss", [2, 1, 1.5])
def test_constant_weights_count_against_penalties(loss, layout):
    # c d(X, W H) + penalty is c times the problem with penalties / c.
    X, _, start = problem()
    options = {"loss": loss, "start": start, "stop": Iterations(30)}
    want = nonneg.factorize(layout(X), 3, penalty=Penalty(0.02, 0.03, 0.5), **options)
    got = nonneg.factorize(
        layout(X), 3, weights=layout(np.full(X.shape, 4.0)), penalty=Penalty(0.08, 0.12, 0.5), **options
    )
    near(want, got)
    assert got.trace.loss[-1] == pytest.approx(4 * want.trace.loss[-1], rel=1e-9)
    np.testing.assert_allclose(
        got.transform(layout(X), weights=layout(np.full(X.shape, 4.0))), want.transform(layout(X)), atol=1e-8
    )


def test_penalties_count_against_weights_in_the_sketch(planted):
    # Large enough for a sketch: its first guess must serve the same problem.
    X = planted(120, 110, 3, noise=0.1)[0]
    weak = nonneg.factorize(X, 3, seed=0, penalty=Penalty(0.1), stop=Iterations(3))
    constant = nonneg.factorize(X, 3, seed=0, weights=100.0, penalty=Penalty(10.0), stop=Iterations(3))
    assert weak.settings["sketch"] is not None
    near(weak, constant, 1e-6)
    # With weights that differ by nothing but rounding the sketch is that of the completed X.
    almost = np.full(X.shape, 100.0)
    almost[0, 0] *= 1 - 1e-12
    almost = nonneg.factorize(X, 3, seed=0, weights=almost, penalty=Penalty(10.0), stop=Iterations(3))
    assert almost.trace.loss[0] == pytest.approx(100 * weak.trace.loss[0], rel=0.02)


def test_uncertainty_is_one_over_its_square(loss, solver, layout):
    X, _, _ = problem()
    u = 0.5 + np.random.default_rng(1).random(X.shape)
    options = {"loss": loss, "solver": solver, "seed": 0, "stop": Iterations(12)}
    want = nonneg.factorize(layout(X), 3, weights=layout(1 / u**2), **options)
    same_bits(want, nonneg.factorize(layout(X), 3, uncertainty=layout(u), **options))
    same_bits_of = want.transform(layout(X), weights=layout(1 / u**2))
    assert np.array_equal(want.transform(layout(X), uncertainty=layout(u)), same_bits_of)


def test_weights_broadcast():
    X, _, _ = problem()
    rng = np.random.default_rng(1)
    for narrow in (rng.random((24, 1)), rng.random((1, 17)), rng.random(17)):
        want = nonneg.factorize(X, 3, seed=0, weights=np.broadcast_to(narrow, X.shape).copy())
        same_bits(want, nonneg.factorize(X, 3, seed=0, weights=narrow))
    same_bits(want, nonneg.factorize(X, 3, seed=0, weights=narrow.tolist()))
    same_bits(
        nonneg.factorize(X, 3, seed=0, weights=scipy.sparse.csr_array(np.eye(24, 17) + 1)),
        nonneg.factorize(X, 3, seed=0, weights=np.eye(24, 17) + 1),
    )


# --- sample weights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5, 3, 0.5])
@pytest.mark.parametrize("penalty", [None, Penalty(0.02, 0.03, l1_ratio=0.5)])
@pytest.mark.parametrize("holes", [False, True])
def test_whole_sample_weights_are_repeated_rows(loss, solver, layout, penalty, holes):
    X, weights, (W, H) = problem()
    counts = np.random.default_rng(1).integers(0, 4, len(X))
    # Weights are divided by the largest of them: it must be among the repeated rows, too, for the same path.
    counts[np.argmax(weights.max(axis=1))] = 2
    if holes:
        X[np.random.default_rng(2).random(X.shape) < 0.15] = np.nan
    many = np.repeat(np.arange(len(X)), counts)
    assert (counts == 0).any()
    for each in (None, weights):
        options = {"loss": loss, "solver": solver, "penalty": penalty, "stop": Iterations(20)}
        once, repeated = ({}, {}) if each is None else ({"weights": layout(each)}, {"weights": layout(each[many])})
        got = nonneg.factorize(layout(X), 3, start=(W, H), sample_weight=counts, **options, **once)
        want = nonneg.factorize(layout(X[many]), 3, start=(W[many], H), **options, **repeated)
        np.testing.assert_allclose(got.H, want.H, rtol=0, atol=1e-7 * want.H.max())
        np.testing.assert_allclose(got.W[many], want.W, rtol=0, atol=1e-7 * want.W.max())
        np.testing.assert_allclose(got.trace.loss, want.trace.loss, rtol=1e-8)
        assert got.loss_value == pytest.approx(want.loss_value, rel=1e-8)
        assert got.relative_error == pytest.approx(want.relative_error, rel=1e-7)


@pytest.mark.parametrize("loss", [2, 1])
@pytest.mark.parametrize("layout", [LAYOUTS[name] for name in ("C", "csr", "csc")])
def test_tall_data_with_sample_weights(layout, loss):
    # Long enough for every eleventh row to stand for all of them.
    rng = np.random.default_rng(0)
    X = rng.gamma(0.5, size=(4500, 3)) @ rng.gamma(0.5, size=(3, 9)) * rng.gamma(50, 1 / 50, (4500, 9))
    counts = rng.integers(1, 3, len(X))
    options = {"loss": loss, "seed": 0, "stop": FAR}
    got = nonneg.factorize(layout(X), 3, sample_weight=counts, **options)
    want = nonneg.factorize(layout(np.repeat(X, counts, axis=0)), 3, **options)
    assert got.settings["thinned"] is not None
    assert got.loss_value == pytest.approx(want.loss_value, rel=1e-5)


@pytest.mark.parametrize("loss", [2, 1])
@pytest.mark.parametrize("start", [None, "random", "nndsvdar", "spa"])
def test_starts_with_sample_weights(loss, start, layout):
    X, _, _ = problem(60, 40)
    counts = np.random.default_rng(1).integers(0, 4, 60)
    got = nonneg.factorize(layout(X), 3, loss=loss, sample_weight=counts, start=start, seed=0, stop=FAR)
    best = min(
        nonneg.factorize(
            X[np.repeat(np.arange(60), counts)], 3, loss=loss, start="random", seed=s, stop=FAR
        ).loss_value
        for s in range(3)
    )
    assert got.loss_value <= best * (1 + 1e-2)
    # A row that does not count is explained, too.
    want = nonneg.factorize(layout(X), 3, loss=loss, start=got, stop=Iterations(1)).transform(layout(X))
    assert got.W[counts == 0].any(axis=1).all()
    assert want.shape == got.W.shape


# --- the result -------------------------------------------------------------------------------------------


def objective_slopes(X, W, H, beta, counts, rows=1.0, shrinks=((0, 0), (0, 0))):
    """Yield each factor (rows x k), the slope of the objective along it, and the part of that which pulls down."""
    X, Y = X.astype(float), np.maximum(W.astype(float) @ H, 1e-30)
    rows = np.broadcast_to(np.asarray(rows, float), len(X))[:, None]
    up, down = counts * X * Y ** (beta - 2), counts * Y ** (beta - 1)
    for F, A, B, (l1, l2), times in (
        (W, up @ H.T, down @ H.T, shrinks[0], rows),
        (H.T, up.T @ W, down.T @ W, shrinks[1], 1),
    ):
        below = B + times * (l1 + l2 * F)
        yield F, below - A, below


@pytest.mark.parametrize("loss", [2, 1, 1.5])
@pytest.mark.parametrize("penalty", [Penalty(), Penalty(0.02, 0.03, l1_ratio=0.5)])
@pytest.mark.parametrize("weigh", [True, False])
def test_conditions_of_an_optimum(loss, layout, penalty, weigh):
    X, weights, start = problem()
    weights = weights if weigh else np.ones(X.shape)
    rows = np.random.default_rng(1).random(len(X)) + 0.2
    result = nonneg.factorize(
        layout(X), 3, loss=loss, start=start, weights=layout(weights), sample_weight=rows, penalty=penalty, stop=FAR
    )
    shrinks = penalty.shrinks((rows.sum(), X.shape[1]))
    counts = weights * rows[:, None]
    for F, slope, below in objective_slopes(X, result.W, result.H, loss, counts, rows, shrinks):
        assert (slope >= -5e-3 * below).all()
        assert np.sum(F * np.abs(slope)) <= 5e-3 * np.sum(F * below)
    assert result.kkt < 1e-2


def test_the_loss_is_the_weighted_sum(loss, solver, layout, dtype, divergence):
    X, weights, _ = problem(dtype=dtype)
    rows = np.random.default_rng(1).integers(0, 3, len(X)) * 0.7
    result = nonneg.factorize(
        layout(X),
        3,
        loss=loss,
        solver=solver,
        weights=layout(weights),
        sample_weight=rows,
        seed=0,
        stop=Iterations(40),
    )
    counts, beta = weights * rows[:, None], LOSSES[loss]
    want = divergence(X, result.W.astype(float) @ result.H, beta, counts=counts)
    rel = 3e-4 if dtype == np.float32 else 1e-9
    assert result.loss_value == pytest.approx(want, rel=rel)
    assert result.error == pytest.approx(np.sqrt(2 * want), rel=rel)
    mean = 0 if beta == 2 else np.average(X.astype(float), weights=counts)
    share = want / divergence(X, np.full(X.shape, mean), beta, counts=counts)
    assert result.relative_error == pytest.approx(np.sqrt(share) if beta == 2 else share, rel=rel)
    if solver == "auto":
        model = NMF(3, beta_loss=loss, random_state=0, max_iter=40, tol=0)
        model.fit(layout(X), weights=layout(weights), sample_weight=rows)
        W = model.transform(layout(X), weights=layout(weights))
        left = divergence(X, W.astype(float) @ model.components_, beta, counts=counts)
        score = model.score(layout(X), weights=layout(weights), sample_weight=rows)
        assert score == pytest.approx(1 - left * share / want, rel=1e-3 if dtype == np.float32 else 1e-7)


def test_the_objective_counts_penalties_as_often_as_rows(divergence):
    X, weights, start = problem()
    rows = np.random.default_rng(1).random(len(X)) + 0.2
    penalty = Penalty(0.02, 0.03, l1_ratio=0.4)
    for loss in (2, 1, 1.5):
        result = nonneg.factorize(
            X, 3, loss=loss, start=start, weights=weights, sample_weight=rows, penalty=penalty, stop=FAR
        )
        (w1, w2), (h1, h2) = penalty.shrinks((rows.sum(), X.shape[1]))
        W, H, own = result.W, result.H, rows[:, None]
        total = divergence(X, W @ H, loss, counts=weights * own)
        total += np.sum(own * (w1 * W + w2 / 2 * W**2)) + np.sum(h1 * H + h2 / 2 * H**2)
        assert result.trace.loss.min() == pytest.approx(total, rel=1e-6)


def test_the_best_objective_never_rises(loss, solver, layout):
    X, weights, _ = problem()
    bests = []
    nonneg.factorize(
        layout(X),
        3,
        loss=loss,
        solver=solver,
        weights=layout(weights),
        sample_weight=np.arange(24.0),
        seed=0,
        stop=Iterations(60),
        callback=lambda state: bests.append(state.loss),
    )
    assert (np.diff(bests) <= 0).all()
    assert bests[-1] < bests[0]


def test_order_of_rows_and_columns_does_not_matter(loss, layout):
    X, weights, (W, H) = problem()
    rng = np.random.default_rng(3)
    i, j, rows = rng.permutation(24), rng.permutation(17), rng.integers(0, 3, 24)
    options = {"loss": loss, "stop": Iterations(20)}
    want = nonneg.factorize(layout(X), 3, start=(W, H), weights=layout(weights), sample_weight=rows, **options)
    X, weights = layout(X[i][:, j]), layout(weights[i][:, j])
    got = nonneg.factorize(X, 3, start=(W[i], H[:, j]), weights=weights, sample_weight=rows[i], **options)
    np.testing.assert_allclose(got.W, want.W[i], atol=1e-7 * want.W.max())
    np.testing.assert_allclose(got.H, want.H[:, j], atol=1e-7)


@pytest.mark.parametrize("power", [-40, 20])
def test_a_power_of_four_changes_no_bit(loss, layout, power):
    X, weights, _ = problem()
    options = {"loss": loss, "seed": 0, "weights": layout(weights), "sample_weight": np.arange(24.0)}
    options["stop"] = Iterations(12)
    want, got = (nonneg.factorize(layout(X * factor), 3, **options) for factor in (1, 2.0**power))
    assert np.array_equal(got.H, want.H)
    assert np.array_equal(got.W, want.W * 2.0**power)
    assert got.loss_value == want.loss_value * 2.0 ** (power * LOSSES[loss])


def test_bits_do_not_depend_on_threads(loss, layout, dtype):
    X, weights, _ = problem(400, 150, 8, dtype=dtype)
    results = []
    for n in (1, 2, 3):
        with nonneg.threads(n):
            results.append(
                nonneg.factorize(
                    layout(X),
                    8,
                    loss=loss,
                    seed=0,
                    weights=layout(weights),
                    sample_weight=np.arange(400.0),
                    stop=Iterations(5),
                )
            )
    same_bits(results[0], results[1])
    same_bits(results[0], results[2])


@pytest.mark.parametrize("penalty", [None, Penalty(0.01, l1_ratio=0.5)])
def test_training_data_give_w_to_the_last_bit(layout, penalty, dtype):
    X, weights, _ = problem(dtype=dtype)
    for arguments in ({}, {"sample_weight": np.arange(24.0)}):
        for each in ({}, {"weights": layout(weights)}):
            result = nonneg.factorize(layout(X), 3, seed=0, penalty=penalty, stop=Iterations(20), **arguments, **each)
            assert np.array_equal(result.transform(layout(X), **each), result.W)


def test_a_row_does_not_depend_on_the_others(loss, layout):
    X, weights, _ = problem()
    result = nonneg.factorize(X, 3, loss=loss, seed=0, weights=weights, stop=Iterations(50))
    # Other rows change what weights are divided by: no more than rounding.
    weights[5] *= 1000
    whole = result.transform(layout(X), weights=layout(weights), exact=True)
    for rows in ([0], [5], [7, 2]):
        alone = result.transform(layout(X[rows]), weights=layout(weights[rows]), exact=True)
        np.testing.assert_allclose(alone, whole[rows], rtol=0, atol=1e-6 * whole[rows].max())


# --- sparse weights ---------------------------------------------------------------------------------------


def test_entries_that_sparse_weights_do_not_store_count_nothing(loss):
    X, weights, start = problem()
    X[np.random.default_rng(1).random(X.shape) < 0.3 * (LOSSES[loss] > 0)] = 0
    weights[np.random.default_rng(2).random(X.shape) < 0.4] = 0
    options = {"loss": loss, "start": start, "stop": Iterations(15)}
    want = nonneg.factorize(X, 3, weights=weights, **options)
    explicit = scipy.sparse.csr_array(np.where(weights == 0, 9.0, weights))
    explicit.data[(weights == 0).ravel()] = 0
    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_array, scipy.sparse.coo_array):
        for each in (kind(weights), explicit):
            got = nonneg.factorize(kind(X), 3, weights=each, **options)
            assert got.n_missing == want.n_missing == (weights == 0).sum()
            assert got.loss_value == pytest.approx(want.loss_value, rel=1e-9)
            near(want, got)


def test_what_x_holds_without_weight_does_not_matter():
    X, weights, _ = problem()
    weights[np.random.default_rng(2).random(X.shape) < 0.4] = 0
    for filler in (-4, 0, np.nan, np.inf):
        given = np.where(weights == 0, filler, X)
        for kind in (np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array):
            options = {"seed": 0, "weights": kind(weights), "stop": Iterations(12)}
            same_bits(nonneg.factorize(kind(X), 3, **options), nonneg.factorize(kind(given), 3, **options))


@pytest.mark.parametrize("shape", [(24, 1), (17,), (1, 17), (24, 17)])
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_weights_of_rows_and_columns_of_a_sparse_table_of_ratings(kind, shape):
    random = np.random.default_rng(5)
    X = random.poisson(1.5, (24, 17)).astype(float)
    weights = random.random(shape) + 0.1
    stored = kind(np.where(X > 0, np.broadcast_to(weights, X.shape), 0))
    results = [nonneg.factorize(kind(X), 3, weights=w, missing_values=0, seed=0) for w in (weights, stored)]
    assert (results[0].H == results[1].H).all()
    assert results[0].loss_value == results[1].loss_value
    with pytest.raises(ValueError, match=r"^weights must have the shape \(24, 17\) of X, got \(2,\)\.$"):
        nonneg.factorize(kind(X), 3, weights=[1, 2], missing_values=0)


def test_an_array_of_weights_for_a_sparse_x_whose_zeros_count():
    random = np.random.default_rng(5)
    X, weights = random.poisson(0.5, (24, 17)).astype(float), random.random((24, 17))
    weights[3, :5] = 0
    dense, sparse = (
        nonneg.factorize(data, 3, weights=weights, start="random", seed=0, stop=nonneg.Iterations(300))
        for data in (X, scipy.sparse.csr_array(X))
    )
    assert sparse.loss_value == pytest.approx(dense.loss_value, rel=1e-3)
    fitted = np.sum(weights * (X - sparse.reconstruct()) ** 2) / 2
    assert sparse.loss_value == pytest.approx(fitted, rel=1e-9)


# --- arguments --------------------------------------------------------------------------------------------

X0 = np.arange(1.0, 13.0).reshape(4, 3)
S0 = scipy.sparse.csr_array(X0)
GAP = np.where(X0 == 5, np.nan, X0)


def but(value, dtype=float):
    """Return ones with one other value, at row 1, column 1."""
    out = np.ones((4, 3), dtype)
    out[1, 1] = value
    return out


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (X0, {"weights": but(-1)}, r"weights must be finite and at least 0, got -1 at row 1, column 1\."),
        (X0, {"weights": but(np.nan)}, r"weights must be finite and at least 0, got nan at row 1, column 1\."),
        (GAP, {"weights": but(np.nan)}, r"weights must be finite and at least 0, got nan at row 1, column 1\."),
        (X0, {"weights": but(np.inf)}, r"weights must be finite and at least 0, got inf at row 1, column 1\."),
        (X0, {"weights": -1}, r"weights must be finite and at least 0, got -1\."),
        (X0, {"weights": [1, 1, -1]}, r"weights must be finite and at least 0, got -1 at row 0, column 2\."),
        (X0, {"weights": [[1], [1], [1], [-1]]}, r"weights must be .* got -1 at row 3, column 0\."),
        (X0, {"uncertainty": but(0)}, r"uncertainty must be above 0, got 0 at row 1, column 1; "),
        (X0, {"uncertainty": but(-2)}, r"uncertainty must be above 0, got -2 at row 1, column 1; "),
        (X0, {"uncertainty": but(1e-200)}, r"uncertainty must be above 1e-150"),
        (X0, {"uncertainty": but(np.nan)}, r"uncertainty is NaN where X was observed: row 1, column 1\."),
        (X0, {"weights": np.ones((3, 4))}, r"weights must have the shape \(4, 3\) of X, got \(3, 4\)\."),
        (X0, {"uncertainty": np.ones((1, 4, 3))}, r"uncertainty must have the shape \(4, 3\) of X, got \(1, 4, 3\)"),
        (X0, {"weights": np.ones(4)}, r"weights must .* of X, got \(4,\); .* row .*\(4, 1\), e\.g\. u\[:, None\]\."),
        (X0, {"uncertainty": pd.Series([1.0] * 4)}, r"uncertainty must .* got \(4,\); .* e\.g\. u\.to_frame\(\)\."),
        (X0, {"weights": np.ones(2)}, r"weights must have the shape \(4, 3\) of X, got \(2,\)\."),
        (X0, {"weights": 1.0, "uncertainty": 1.0}, r"Give weights or uncertainty, not both: "),
        (S0, {"weights": np.ones((1, 3))}, r"weights of a sparse X whose zeros count .*\(4, 3\), got \(1, 3\)"),
        (S0, {"uncertainty": [1.0]}, r"uncertainty of a sparse X whose zeros count .*, got \(1,\)"),
        (S0, {"uncertainty": np.zeros((4, 3))}, r"uncertainty must be above 0, got 0 at row 0, column 0"),
        (S0, {"weights": 0}, r"weights of one number for all entries must be above 0, got 0\.$"),
        (S0, {"weights": S0.T}, r"weights must have the shape \(4, 3\) of X, got \(3, 4\)\."),
        (S0, {"weights": -S0}, r"weights must be finite and at least 0, got -1 at row 0, column 0\."),
        (
            S0,
            {"uncertainty": scipy.sparse.csc_array(X0 - 8)},
            r"uncertainty must be above 0, got -7 at row 0, column 0; ",
        ),
        (X0, {"sample_weight": np.ones(3)}, r"sample_weight must hold one number for each of the 4 rows of X, got"),
        (X0, {"sample_weight": np.ones((4, 1))}, r"sample_weight must hold one number .* got \(4, 1\)\."),
        (X0, {"sample_weight": 1.0}, r"sample_weight must hold one number .* got \(\)\."),
        (S0, {"sample_weight": [1, 1, -1, 1]}, r"sample_weight must be finite, at least 0 and not all 0, got -1\."),
        (X0, {"sample_weight": [1, 1, np.nan, 1]}, r"sample_weight must be finite, .* got nan\."),
        (X0, {"sample_weight": [0, 0, 0, 0]}, r"sample_weight must be finite, .* got only zeros\."),
    ],
)
def test_errors(data, arguments, message):
    for call in (
        lambda: nonneg.factorize(data, 1, **arguments),
        lambda: NMF(1, init="random").fit(data, **arguments),
        *(
            []
            if "sample_weight" in arguments
            else [lambda: nonneg.factorize(X0, 1, seed=0).transform(data, **arguments)]
        ),
    ):
        with pytest.raises(ValueError, match="^" + message) as caught:
            call()
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights", "uncertainty", "sample_weight"])
@pytest.mark.parametrize("value", ["text", [["a"] * 3] * 4, np.full((4, 3), 1j), object()])
def test_what_is_no_number(name, value):
    with pytest.raises(TypeError, match=rf"^{name} must hold real numbers\.$"):
        nonneg.factorize(X0, 1, **{name: value})


@pytest.mark.parametrize("filler", [np.nan, 0, -999, np.inf])
def test_an_uncertainty_may_be_anything_where_x_is_unknown(filler):
    got = nonneg.factorize(GAP, 1, seed=0, uncertainty=np.where(np.isnan(GAP), filler, 2.0))
    want = nonneg.factorize(GAP, 1, seed=0)
    assert got.n_missing == 1
    same_bits(want, got, factor=0.25)


def test_arguments_are_never_changed_and_may_be_read_only(loss, solver, layout):
    X, weights, _ = problem()
    rows = np.arange(24.0)
    data, each = layout(X), layout(weights)
    arrays = [rows]
    for A in (data, each):
        arrays += [A.data, A.indices, A.indptr] if scipy.sparse.issparse(A) else [A]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    result = nonneg.factorize(
        data, 3, loss=loss, solver=solver, seed=0, weights=each, sample_weight=rows, stop=Iterations(5)
    )
    result.transform(data, weights=each)
    result.impute(data, weights=each)
    for array, copy in zip(arrays, before, strict=True):
        assert np.array_equal(array, copy)


def test_the_estimator_hands_on_what_it_is_given(layout):
    X, weights, _ = problem()
    X, weights, rows = layout(X), layout(weights), np.arange(24.0)
    model = NMF(3, random_state=0, max_iter=1000)
    W = model.fit_transform(X, weights=weights, sample_weight=rows)
    result = nonneg.factorize(X, 3, seed=0, weights=weights, sample_weight=rows, stop=model_stop(model))
    assert np.array_equal(W, result.W)
    assert np.array_equal(model.components_, result.H)
    assert np.array_equal(model.transform(X, weights=weights), W)
    assert has_fit_parameter(model, "sample_weight")
    by_u = NMF(3, random_state=0, max_iter=1000).fit(X, uncertainty=layout(np.full((24, 17), 2.0)))
    assert by_u.reconstruction_err_ == pytest.approx(NMF(3, random_state=0).fit(X).reconstruction_err_ / 2)


def model_stop(model):
    return [RelativeDecrease(model.tol), Iterations(model.max_iter)]


@hypothesis.given(
    m=st.integers(1, 5),
    n=st.integers(1, 5),
    k=st.integers(1, 3),
    seed=st.integers(0, 999),
    loss=st.sampled_from([2, 1, 0, 1.5, 0.5, 3]),
    layout=st.sampled_from(list(LAYOUTS)),
    exponent=st.sampled_from([-60, 0, 60]),
)
@hypothesis.settings(max_examples=200)
@pytest.mark.filterwarnings("ignore:Nothing was observed of")
def test_small_shapes_and_weights_of_any_size(m, n, k, seed, loss, layout, exponent, divergence):
    rng = np.random.default_rng(seed)
    X, weights = rng.exponential(size=(m, n)) + 1e-3, rng.random((m, n)) * rng.integers(0, 2, (m, n))
    weights[rng.integers(m), rng.integers(n)] = 1
    weights *= 10.0**exponent
    rows = rng.random(m) + 0.1
    convert = LAYOUTS[layout]
    result = nonneg.factorize(
        convert(X), k, loss=loss, seed=0, weights=convert(weights), sample_weight=rows, stop=Iterations(100)
    )
    assert np.isfinite(result.reconstruct()).all()
    counts = weights * rows[:, None]
    want = divergence(X, result.reconstruct(), loss, counts=counts, floor=1e-300)
    size = 10.0**exponent * np.sum(X**2 + 1)
    assert result.loss_value == pytest.approx(want, rel=1e-6, abs=1e-9 * size)
