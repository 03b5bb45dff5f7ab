"""Known parts, upper bounds and the simplex: kept to the bit, and optimal for what is left free."""

import re
import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import nonneg
from nonneg import NMF, Iterations, KKTBelow, Penalty, RelativeDecrease, _core, non_negative_factorization
from nonneg.datasets import make_planted
from nonneg.solve.begin import matched
from nonneg.solve.bounds import Bounds, idle_parts, without_idle
from nonneg.solve.constraints import check_constraints
from nonneg.solve.penalty import Shrink
from nonneg.solve.solvers import solver_for
from nonneg.solve.starts import STARTS

NAN = float("nan")
LOSSES = {"frobenius": 2.0, "poisson": 1.0, "itakura-saito": 0.0, 1.5: 1.5, 3.0: 3.0}
LONG = (RelativeDecrease(0), KKTBelow(1e-7), Iterations(10000))


@pytest.fixture
def table(planted, dtype):
    """Positive data of four parts, and H of the first two."""
    X, _, H = planted(40, 25, 4, noise=0.1, zeros=0.2, dtype=dtype)
    return X + dtype.type(0.05), H[:2]


@pytest.fixture(scope="session")
def mixtures():
    """Rows that are mixtures of four spectra, with noise: (X, W, H)."""
    rng = np.random.default_rng(3)
    W, H = rng.dirichlet(np.full(4, 0.4), 50), rng.exponential(size=(4, 20))
    return np.abs(W @ H + 0.05 * rng.standard_normal((50, 20))), W, H


def best_mixture(x, H, high=1.0):
    """Return the best weights of one row with sum one, by a general solver."""
    k = len(H)
    done = scipy.optimize.minimize(
        lambda w: 0.5 * np.sum((x - w @ H) ** 2),
        np.full(k, 1 / k),
        jac=lambda w: (w @ H - x) @ H.T,
        bounds=[(0, high)] * k,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(k)},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    return done.x


def pull_of_mixture(X, W, H, high=np.inf):
    """Return how much the loss falls for a little weight moved from one part to another, relative to its slope."""
    slope = (W @ H - X) @ H.T
    cheapest = np.where(high > W, slope, np.inf).min(axis=1)
    dearest = np.where(W > 1e-14, slope, -np.inf).max(axis=1)
    return float(np.max(dearest - cheapest) / np.abs(slope).max())


# --- what is known --------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("loss", LOSSES)
def test_known_numbers_come_back_to_the_bit(table, loss, solver, as_kind):
    X, known = table
    for factor in (1.0, 3e5):
        partly = known / 3 * factor  # not numbers that scaling leaves alone by chance
        partly[1, ::3] = NAN
        partly[1, 1] = 0
        given = partly.copy()
        result = nonneg.factorize(
            as_kind(X * X.dtype.type(factor)), 4, fixed=partly, loss=loss, solver=solver, seed=0, stop=Iterations(30)
        )
        there = ~np.isnan(partly)
        assert np.array_equal(result.H[:2][there], partly.astype(X.dtype)[there])
        assert (result.H[1, ::3] > 0).any()  # the rest is learnt
        assert np.array_equal(partly, given, equal_nan=True)


def test_known_numbers_outlive_the_range_of_scaled_numbers():
    X = np.full((6, 5), 1e30, np.float32) * np.arange(1, 7, dtype=np.float32)[:, None]
    known = np.array([[1e-30, 3e-38, 0, 1, 1e30]], np.float32)
    assert np.array_equal(nonneg.factorize(X, 2, fixed=known, seed=0).H[0], known[0])
    weights = np.full((6, 1), 1e-25 / 3, np.float32)
    W, _, _ = non_negative_factorization(X, H=X[:2], n_components=2, update_H=False, fixed=(weights, None))
    assert np.array_equal(W[:, :1], weights)


def test_known_w(table):
    X, _ = table
    known = np.full((40, 1), 0.7)
    known[::2] = NAN
    result = nonneg.factorize(X, 4, fixed=(known, None), seed=0)
    assert np.all(result.W[1::2, 0] == X.dtype.type(0.7))
    assert np.unique(result.W[::2, 0]).size > 1
    with pytest.raises(ValueError, match="differs from row to row"):
        result.transform(X)


@pytest.mark.parametrize("start", STARTS)
def test_masked_zeros_stay_zero_from_every_start(table, start):
    X, _ = table
    mask = np.where(np.random.default_rng(0).random((4, 25)) < 0.3, 0, NAN)
    for loss in ("frobenius", "poisson"):
        result = nonneg.factorize(X, 4, fixed=mask, start=start, loss=loss, seed=0)
        assert np.all(result.H[mask == 0] == 0)
        assert np.allclose(result.H.sum(axis=1), 1)  # zeros leave the scale free: it is canonical


def test_a_start_is_only_where_it_begins(table):
    X, known = table
    first = nonneg.factorize(X, 4, seed=0, stop=Iterations(5))
    H = np.vstack([known, first.H[2:]])
    moved = nonneg.factorize(X, 4, start=(first.W, H.astype(X.dtype)), seed=0)
    assert not np.array_equal(moved.H[:2], known.astype(X.dtype))
    held = nonneg.factorize(X, 4, start=(first.W, first.H), fixed=known, seed=0)
    assert np.array_equal(held.H[:2], known.astype(X.dtype))
    # The best start that breaks the constraints is no candidate for the best pair.
    best = nonneg.factorize(X, 4, seed=0, stop=Iterations(500))
    again = nonneg.factorize(X, 4, start=(best.W, best.H), fixed=known, seed=0, stop=Iterations(500))
    assert again.kkt < 1e-3


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_problem_begins_within_bounds(table, loss, solver):
    X, known = table
    source = nonneg.data.as_source(X)
    simplex = loss in ("frobenius", "poisson") and solver == "auto"
    bounds = check_constraints(known, (0.5, None), simplex, X.shape, 4, X.dtype).scaled(source.scale)
    problem = solver_for(LOSSES[loss], solver).problem(source, (Shrink(), Shrink()), bounds)
    W, H = problem.begin(STARTS["random"](source, 4, 0))
    assert np.array_equal(H[:2], bounds[1].low[:2])
    assert W.max() <= bounds[0].high.max()
    assert not simplex or np.allclose(W.sum(axis=0), source.scale.W)


def test_known_parts_take_the_place_of_those_they_resemble():
    rng = np.random.default_rng(0)
    W, H = rng.random((4, 9)), rng.random((4, 12))
    known = np.full((4, 12), NAN)
    known[0, 3:], known[1] = 7 * H[2, 3:], H[0] / 5
    bounds = check_constraints(known, None, False, (9, 12), 4, np.dtype(float))
    new_W, new_H = matched(bounds, (W, H))
    assert np.allclose(new_H[:2], [7 * H[2], H[0] / 5])
    assert np.array_equal(new_H[2:], H[[1, 3]])
    assert np.allclose(new_W.T @ new_H, W.T @ H)
    # The same for what is known of W.
    bounds = check_constraints((known[:2].T, None), None, False, (12, 9), 4, np.dtype(float))
    new_H, new_W = matched(bounds, (H, W))
    assert np.allclose(new_H[:2], [7 * H[2], H[0] / 5])
    assert np.allclose(new_W.T @ new_H, W.T @ H)


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
def test_the_free_rest_is_optimal(table, kkt):
    X, known = table
    result = nonneg.factorize(X, 4, fixed=known, seed=0, stop=LONG)
    assert result.reason == "kkt"
    assert kkt(X, result.W, result.H) < 1e-7
    # The rows of H that are free are optimal for what the known ones leave.
    rest = X - result.W[:, :2] @ result.H[:2]
    assert kkt(rest.T, result.H[2:].T, result.W[:, 2:].T) < 1e-6
    # What H alone would do about the known rows does not count: they have no step.
    assert kkt(X.T, result.H.T, result.W.T) > 1e-3
    assert result.kkt < 2e-7


def test_free_parts_have_the_canonical_scale_and_known_ones_their_own(table):
    X, known = table
    H = nonneg.factorize(X, 4, fixed=known, seed=0).H
    assert np.allclose(H[2:].sum(axis=1), 1)
    assert not np.allclose(H[:2].sum(axis=1), 1)


@pytest.mark.parametrize("loss", ["frobenius", "poisson"])
def test_known_parts_help_to_find_the_others(loss):
    made = make_planted(200, 60, 5, noise=0.0, seed=1)
    W, H = made.W, made.H
    order = [3, 0, 4, 1, 2]
    # Known parts that a start finds last; every start gives them the place of the parts that they resemble.
    result = nonneg.factorize(
        made.data, 5, fixed=H[order[:3]], loss=loss, seed=0, stop=(RelativeDecrease(1e-7), Iterations(3000))
    )
    found = result.H[3:] / np.linalg.norm(result.H[3:], axis=1, keepdims=True)
    truth = H[order[3:]] / np.linalg.norm(H[order[3:]], axis=1, keepdims=True)
    assert (found @ truth.T).max(axis=1).min() > 0.999
    assert np.allclose(result.W[:, :3], W[:, order[:3]], atol=0.02 * W.max())


def test_all_parts_known_is_a_refit(table):
    X, _ = table
    H = np.random.default_rng(0).exponential(size=(3, 25)).astype(X.dtype)
    sparse = Penalty(alpha_W=0.02, alpha_H=0, l1_ratio=0.9)
    for penalty in (None, sparse):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # the scale is known: penalising W alone is sound
            result = nonneg.factorize(X, 3, fixed=H, penalty=penalty, seed=0)
        alpha = {} if penalty is None else {"alpha_W": 0.02, "l1_ratio": 0.9}
        W, _, _ = non_negative_factorization(X, H=H, n_components=3, update_H=False, **alpha)
        assert np.array_equal(result.W, W)
        assert np.array_equal(result.transform(X), result.W)


# --- upper bounds ---------------------------------------------------------------------------------------


def test_upper_bounds_against_scipy(mixtures):
    X, _, H = mixtures
    upper = np.array([0.3, 0.2, np.inf, 0.5])
    result = nonneg.factorize(X, 4, fixed=H, upper=(upper, None), seed=0)
    want = np.array([scipy.optimize.lsq_linear(H.T, x, (0, upper), tol=1e-14).x for x in X])
    for exact, tol in ((False, 1e-8), (True, 1e-10)):
        assert np.allclose(result.transform(X, exact=exact), want, atol=tol)
    assert np.all(upper >= result.W)
    assert (upper == result.W).any()
    assert np.array_equal(result.transform(X), result.W)


def test_upper_bounds_of_parts_that_nearly_coincide():
    rng = np.random.default_rng(0)
    H = rng.exponential(size=(6, 30))
    H[1] = H[0] * (1 + 1e-4 * rng.random(30))
    X = rng.exponential(size=(20, 6)) @ H + 0.1 * rng.random((20, 30))
    result = nonneg.factorize(X, 6, fixed=H, upper=(0.8, None), seed=0)
    want = np.array([scipy.optimize.lsq_linear(H.T, x, (0, 0.8), tol=1e-15, max_iter=1000).x for x in X])

    def loss(W):
        return np.sum((X - W @ H) ** 2)

    assert loss(result.W) <= loss(want) * (1 + 1e-10)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5])
@pytest.mark.parametrize("most", [1.0, 0.01, 1e-6])
@pytest.mark.parametrize("start", ["nndsvda", "random"])
def test_bounds_that_the_other_factor_can_make_up_for_forbid_nothing(loss, most, start):
    rng = np.random.default_rng(0)
    X, one = rng.random((100, 3)) @ rng.random((3, 20)), np.full((3, 20), np.inf)
    one[0, 1] = most
    options = {"loss": loss, "start": start, "seed": 0, "stop": (RelativeDecrease(1e-5), Iterations(400))}
    free = nonneg.factorize(X, 3, **options)
    for upper in ((None, one), (None, most), (most, None)):
        bounded = nonneg.factorize(X, 3, upper=upper, **options)
        assert bounded.relative_error <= 1.001 * free.relative_error + 1e-7
        on_W, on_H = (np.inf if bound is None else bound for bound in upper)
        assert (on_W >= bounded.W).all()
        assert (on_H >= bounded.H).all()
    # The scale is the usual one wherever the bound allows it.
    loose = nonneg.factorize(X, 3, upper=(None, 2.0), **options)
    np.testing.assert_allclose(loose.H.sum(axis=1), 1)


@pytest.mark.parametrize("most", [1e-2, 1e-6, 1e-9])
@pytest.mark.parametrize("share", [1e-2, 0.2])
def test_an_entry_on_an_idle_bound_may_grow_beside_the_others(most, share):
    rng = np.random.default_rng(0)
    W, H, upper = rng.random((100, 3)), rng.random((3, 20)), np.full((3, 20), np.inf)
    H[0, 1], upper[0, 1] = 0.5, most
    start = H.copy()
    start[0, 1] = share * most
    result = nonneg.factorize(W @ H, 3, start=(W, start), upper=(None, upper), seed=0)
    assert result.relative_error < 1e-7
    assert result.H[0, 1] <= most


def test_idle_bounds_do_not_cut_the_w_that_is_settled_at_the_end():
    X = np.random.default_rng(0).random((60, 40))
    free, bounded = (
        nonneg.factorize(X, 3, upper=upper, start="random", seed=0, stop=Iterations(1))
        for upper in (None, (0.01, None))
    )
    assert bounded.W.max() <= 0.01
    assert bounded.loss_value == pytest.approx(free.loss_value, rel=1e-9)


def test_bounds_next_to_nothing_do_no_harm(dtype):
    X, most = np.random.default_rng(0).random((60, 40)).astype(dtype), 1e-13
    free = nonneg.factorize(X, 3, seed=0)
    for upper in ((None, most), (most, None)):
        result = nonneg.factorize(X, 3, upper=upper, seed=0)
        assert result.loss_value == pytest.approx(free.loss_value, rel=1e-5)
        assert (result.W if upper[1] is None else result.H).max() <= dtype.type(most)


def test_idle_bounds_are_those_that_only_the_scale_of_a_part_decides():
    # Parts: bounded on H alone, on W alone, on both, on H with a known number, on neither but for a zero.
    high_W, high_H = np.full((5, 9), np.inf), np.full((5, 7), np.inf)
    low_W, low_H = np.zeros((5, 9)), np.zeros((5, 7))
    high_H[0, :3], high_W[1], high_W[2], high_H[2], high_H[3, 0], low_H[3, 1], high_H[3, 1] = 1, 2, 3, 4, 5, 6, 6
    high_H[0, 4] = high_H[4, 0] = 0
    bounds = Bounds(low_W, high_W), Bounds(low_H, high_H)
    assert [parts.tolist() for parts in idle_parts(bounds, 5)] == [
        [False, True, False, False, False],
        [True, False, False, False, False],
    ]
    on_W, on_H = without_idle(bounds, 5)
    high_W[1], high_H[0, :3] = np.inf, np.inf
    assert np.array_equal(on_W.high, high_W)
    assert np.array_equal(on_H.high, high_H)
    assert without_idle((None, Bounds(np.zeros((5, 7)), np.full((5, 7), 2.0))), 5) == (None, None)
    shares = Bounds(low_W, np.full_like(low_W, 0.5), 1.0), Bounds(low_H, high_H)
    assert without_idle(shares, 5) is shares


def test_bounds_count_where_something_fixes_the_scale():
    rng = np.random.default_rng(0)
    X, H = rng.random((100, 3)) @ rng.random((3, 20)), np.full((3, 20), np.inf)
    H[0, 1] = 0.01
    free = nonneg.factorize(X, 3, seed=0).loss_value
    penalty = nonneg.Penalty(0.01, 0.01)
    penalised = nonneg.factorize(X, 3, penalty=penalty, seed=0)
    assert (penalised.H.max(axis=1) > 0.1).all()
    known = np.full((1, 20), NAN)
    known[0, 2] = 1.0
    for given in ({"simplex": True}, {"fixed": known}, {"upper": (0.5, H)}, {"penalty": penalty}):
        result = nonneg.factorize(X, 3, **{"upper": (None, H)} | given, seed=0)
        assert result.H[0, 1] <= 0.01
        assert result.loss_value > free + 1e-4


@pytest.mark.parametrize("loss", LOSSES)
def test_upper_bounds_hold_under_every_loss(table, loss, divergence):
    X, _ = table
    on_H = np.where(np.arange(25) < 5, 0.5, np.inf)
    for solver in ("auto", "mu"):
        result = nonneg.factorize(X, 4, loss=loss, solver=solver, upper=(0.6, on_H), seed=0, stop=Iterations(60))
        assert result.W.max() == X.dtype.type(0.6)
        assert np.all(on_H >= result.H)
        assert result.loss_value == pytest.approx(divergence(X, result.W @ result.H, LOSSES[loss]), rel=1e-4)


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_falls_and_ends_at_an_optimum(table, loss, divergence):
    X, known = table
    beta = LOSSES[loss]
    # Plain multiplicative updates bring entries near zero back slowly.
    result = nonneg.factorize(
        X, 4, loss=loss, fixed=known, upper=(0.9, None), seed=0, stop=(RelativeDecrease(0), Iterations(12000))
    )
    if beta not in (1, 2):  # these are not extrapolated (1.5 is, and falls all the same)
        assert np.all(np.diff(result.trace.loss) <= 1e-12 * result.trace.loss[0])
    assert result.loss_value <= result.trace.loss.min() * (1 + 1e-9)
    # No small feasible step of one entry lowers the loss.
    Y = result.W @ result.H
    slope = Y ** (beta - 1) - X * Y ** (beta - 2)
    free = np.ones_like(result.H, bool)
    free[:2] = False
    for F, S, high, may in ((result.W, slope @ result.H.T, 0.9, True), (result.H, result.W.T @ slope, np.inf, free)):
        step = np.clip(F - 1e-3 * S, 0, high) - F
        assert np.abs(np.where(may, step, 0)).max() < (1e-6 if beta in (1, 2) else 1e-3)


def test_bounds_that_bind_nothing_change_little(table):
    X, _ = table
    plain = nonneg.factorize(X, 4, seed=0, stop=Iterations(300))
    wide = nonneg.factorize(X, 4, upper=(1e6, None), seed=0, stop=Iterations(300))
    assert wide.loss_value == pytest.approx(plain.loss_value, rel=1e-3)
    none = nonneg.factorize(X, 4, fixed=np.full((2, 25), NAN), upper=(np.inf, None), seed=0, stop=Iterations(300))
    assert np.array_equal(none.W, plain.W)
    assert none.settings["constraints"] is plain.settings["constraints"] is None


# --- the simplex ----------------------------------------------------------------------------------------


def test_rows_sum_to_one(mixtures, dtype, as_kind):
    X = as_kind(mixtures[0].astype(dtype))
    tol = 1e-12 if dtype == np.float64 else 1e-6
    for start, loss in ((start, loss) for start in (*STARTS, None) for loss in ("frobenius", "poisson")):
        result = nonneg.factorize(X, 4, simplex=True, start=start, loss=loss, seed=0, stop=Iterations(25))
        assert np.abs(result.W.sum(axis=1, dtype=np.float64) - 1).max() < tol
        assert result.W.min() >= 0
        assert np.all(np.count_nonzero(result.W > 0.05, axis=0) > 5)  # no start ends in a corner
        if loss == "frobenius":
            assert np.array_equal(result.transform(X), result.W)
        else:
            assert np.allclose(result.transform(X), result.W, atol=1e-4 if dtype == np.float64 else 1e-2)
        assert np.abs(result.transform(X, exact=True).sum(axis=1, dtype=np.float64) - 1).max() < tol


def test_rows_far_from_all_mixtures_sum_to_one(mixtures):
    H = mixtures[2]
    X = np.random.default_rng(0).exponential(size=(30, 20)) * np.logspace(-6, 6, 30)[:, None]
    W, _, _ = non_negative_factorization(X, H=H, n_components=4, update_H=False, simplex=True)
    assert np.abs(W.sum(axis=1) - 1).max() < 1e-12
    want = np.array([best_mixture(x, H) for x in X[:20]])
    assert np.allclose(W[:20], want, atol=1e-6)


@pytest.mark.parametrize("high", [1.0, 0.4])
def test_mixtures_against_a_quadratic_program(mixtures, high):
    X, _, H = mixtures
    W, _, _ = non_negative_factorization(
        X, H=H, n_components=4, update_H=False, simplex=True, upper=(high, None) if high < 1 else None
    )
    want = np.array([best_mixture(x, H, high) for x in X])
    assert np.allclose(W, want, atol=1e-6)
    assert W.max() <= high
    assert pull_of_mixture(X, W, H, high if high < 1 else np.inf) < 1e-8
    assert np.abs(W.sum(axis=1) - 1).max() < 1e-12


def test_mixtures_of_more_parts_than_features():
    # Three corners of a triangle in the plane: the weights are unique although H has rank two.
    H = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    weights = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    W, _, _ = non_negative_factorization(weights @ H, H=H, n_components=3, update_H=False, simplex=True)
    assert np.allclose(W, weights, atol=1e-9)


def test_mixtures_of_spectra_that_nearly_coincide(mixtures):
    X, _, H = mixtures
    H = H.copy()
    H[1] = H[0] * (1 + 1e-5 * np.random.default_rng(0).random(20))
    W, _, _ = non_negative_factorization(X, H=H, n_components=4, update_H=False, simplex=True)
    assert pull_of_mixture(X, W, H) < 1e-10


@pytest.mark.parametrize("high", [1.0, 0.2])
def test_mixtures_of_many_prototypes_in_rows_with_gaps(high):
    rng = np.random.default_rng(0)
    H = rng.gamma(1, size=(30, 12))
    X = np.where(rng.random((40, 12)) < 0.2, np.nan, rng.dirichlet(np.full(30, 0.2), 40) @ H + 0.1)
    W, _, _ = non_negative_factorization(
        X, H=H, n_components=30, update_H=False, simplex=True, upper=(high, None) if high < 1 else None
    )
    assert np.abs(W.sum(axis=1) - 1).max() < 1e-12
    assert W.max() <= high
    assert pull_of_mixture(np.where(np.isnan(X), W @ H, X), W, H, high) < 1e-10


@pytest.mark.filterwarnings("ignore:Nothing was observed of")
def test_a_mixture_of_which_nothing_was_observed_tells_no_part_from_another():
    X = np.vstack([np.full(4, np.nan), np.ones((3, 4))])
    assert np.allclose(nonneg.factorize(X, 3, simplex=True, seed=0).W[0], 1 / 3)


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
def test_a_fit_on_the_simplex_is_optimal_and_falls(mixtures, kkt, dtype):
    X = mixtures[0]
    values = []
    result = nonneg.factorize(
        X, 4, simplex=True, seed=0, stop=LONG, callback=lambda state: values.append(state.best[-1])
    )
    assert result.reason == "kkt"
    assert np.all(np.diff(values) <= 0)
    assert result.loss_value == pytest.approx(0.5 * np.sum((X - result.W @ result.H) ** 2), rel=1e-9)
    assert pull_of_mixture(X, result.W, result.H) < 1e-7
    assert kkt(X.T, result.H.T, result.W.T) < 1e-6
    # It costs little beside W that may sum to anything, and finds the mixtures.
    free = nonneg.factorize(X, 4, seed=0, stop=LONG)
    assert free.loss_value <= result.loss_value < 1.5 * free.loss_value


def test_mixtures_with_a_known_weight_and_a_known_spectrum(mixtures):
    X, _, H = mixtures
    weights = np.full((50, 1), 0.1)
    result = nonneg.factorize(X, 4, fixed=(weights, H[:2]), upper=(0.7, None), simplex=True, seed=0)
    assert np.all(result.W[:, 0] == 0.1)
    assert np.array_equal(result.H[:2], H[:2])
    assert result.W.max() <= 0.7
    assert np.abs(result.W.sum(axis=1) - 1).max() < 1e-12
    # The weight is the same for every row, so it serves new ones, too.
    assert np.array_equal(result.transform(X), result.W)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_penalties_on_the_simplex(mixtures, l1_ratio):
    X, _, H = mixtures
    plain, _, _ = non_negative_factorization(X, H=H, n_components=4, update_H=False, simplex=True)
    W, _, _ = non_negative_factorization(
        X, H=H, n_components=4, update_H=False, simplex=True, alpha_W=0.5, l1_ratio=l1_ratio
    )
    assert np.abs(W.sum(axis=1) - 1).max() < 1e-12
    if l1_ratio == 1:  # a constant there
        assert np.allclose(W, plain, atol=1e-9)
    else:
        assert pull_of_mixture(np.hstack([X, 0 * W]), W, np.hstack([H, np.sqrt(0.5 * 20) * np.eye(4)])) < 1e-8


@pytest.mark.parametrize("high", [1.0, 0.4])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
def test_mixtures_of_counts_against_a_general_solver(mixtures, high, kind):
    _, W, H = mixtures
    rng = np.random.default_rng(0)
    X = rng.poisson(8 * W @ H).astype(float)
    X[:2] = 0
    X[3:6, 1:] = 0  # fewer counts than parts
    given, _, _ = non_negative_factorization(
        kind(X),
        H=8 * H,
        n_components=4,
        update_H=False,
        beta_loss="poisson",
        simplex=True,
        upper=(high, None) if high < 1 else None,
    )
    assert np.abs(given.sum(axis=1) - 1).max() < 1e-12
    assert given.max() <= high

    def loss(w, x):
        y = w @ (8 * H)
        return y.sum() - np.sum(x[x > 0] * np.log(y[x > 0]))

    def slope(w, x):
        return 8 * H @ (1 - x / (w @ (8 * H)))

    for x, w in zip(X, given, strict=True):
        want = scipy.optimize.minimize(
            loss,
            np.full(4, 0.25),
            args=(x,),
            jac=slope,
            bounds=[(0, high)] * 4,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(4)},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert loss(w, x) <= want.fun + 1e-8 * abs(want.fun)
        pull = slope(w, x)
        gap = np.where(w > 1e-9, pull, -np.inf).max() - np.where(w < high, pull, np.inf).min()
        assert gap < 1e-5 * np.abs(pull).max() + 1e-7


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
def test_a_fit_of_counts_on_the_simplex(mixtures, kind):
    _, W, H = mixtures
    X = np.random.default_rng(0).poisson(20 * W @ H).astype(float)
    values = []
    result = nonneg.factorize(
        kind(X), 4, loss="poisson", simplex=True, seed=0, callback=lambda state: values.append(state.best[-1])
    )
    assert result.converged
    assert np.all(np.diff(values) <= 0)
    assert result.kkt < 1e-3
    free = nonneg.factorize(kind(X), 4, loss="poisson", seed=0)
    assert 0.999 * free.loss_value < result.loss_value < 1.3 * free.loss_value
    pull = result.H @ (1 - X / np.maximum(result.W @ result.H, 1e-300)).T
    dearest = np.where(result.W.T > 1e-9, pull, -np.inf).max(axis=0)
    assert np.max(dearest - pull.min(axis=0)) < 1e-3 * np.abs(pull).max()


def test_a_start_of_the_users_own_is_taken_to_the_simplex(mixtures):
    X = mixtures[0]
    first = nonneg.factorize(X, 4, seed=0)
    result = nonneg.factorize(X, 4, simplex=True, start=first, seed=0, stop=Iterations(5))
    assert np.abs(result.W.sum(axis=1) - 1).max() < 1e-12


@pytest.mark.filterwarnings("ignore:Part . has grown")
@pytest.mark.parametrize("loss", ["frobenius", "poisson"])
def test_a_start_in_a_corner(mixtures, loss):
    X = mixtures[0]
    W, H = np.zeros((50, 4)), np.kron(np.eye(4), np.ones(5))
    W[:, 0] = 1  # the first part knows nothing of most features
    plain = nonneg.factorize(X, 4, simplex=True, loss=loss, seed=0)
    result = nonneg.factorize(X, 4, simplex=True, start=(W, H), loss=loss, seed=0, stop=Iterations(500))
    assert np.abs(result.W.sum(axis=1) - 1).max() < 1e-12
    assert result.loss_value < 10 * plain.loss_value


@pytest.mark.parametrize("start", STARTS)
def test_starts_become_shares(start):
    rng = np.random.default_rng(1)
    W, H = rng.dirichlet(np.full(5, 0.4), 80), rng.exponential(size=(5, 30))
    X = rng.poisson(3 * W @ H).astype(float)
    result = nonneg.factorize(X, 5, simplex=True, start=start, seed=0)
    assert result.loss_value < 0.5 * np.sum((X - 3 * W @ H) ** 2)
    assert result.H.max() < 5 * X.max()


@pytest.mark.parametrize("loss", ["frobenius", "poisson"])
def test_a_part_that_is_known_to_be_empty_takes_its_share(mixtures, loss):
    X, _, H = mixtures
    shade = np.linspace(0.2, 1, 50)[:, None]
    fixed = np.vstack([np.zeros(20), H])
    result = nonneg.factorize(X * shade, 5, fixed=fixed, simplex=True, loss=loss, seed=0)
    assert np.abs(result.W.sum(axis=1) - 1).max() < 1e-12
    assert np.allclose(result.W[:, 0], 1 - shade[:, 0], atol=0.1)


def test_the_warm_up_solves_the_same_problem():
    rng = np.random.default_rng(0)
    X = 2 * rng.dirichlet(np.full(4, 0.4), 5000) @ rng.exponential(size=(4, 25)) + 0.1 * rng.random((5000, 25))
    H = np.array(nonneg.factorize(X / 2, 4, simplex=True, seed=0).H)
    bounded, known = {"upper": (None, 0.7 * X.max())}, {"fixed": 2 * H[:3]}
    known_to_be_empty = {"fixed": np.vstack([np.zeros(25), 2 * H[:3]])}
    for chosen in (bounded, known, known_to_be_empty):
        result = nonneg.factorize(X, 4, seed=0, simplex=True, **chosen)
        assert result.settings["thinned"] is not None
        assert result.trace.loss[0] < 1.02 * result.loss_value


# --- all of it, everywhere ------------------------------------------------------------------------------

CASES = {
    "fixed": {"fixed": np.linspace(0, 2, 60).reshape(2, 30)},
    "upper": {"upper": (0.5, 1.0)},
    "simplex": {"simplex": True},
    "all": {"simplex": True, "upper": (0.9, None), "fixed": np.linspace(0, 2, 60).reshape(2, 30)},
    "counts": {"simplex": True, "fixed": np.linspace(0, 2, 60).reshape(2, 30), "loss": "poisson"},
}


@pytest.mark.parametrize("case", CASES)
def test_bits_do_not_depend_on_threads(case, planted, dtype, as_kind):
    X = as_kind(planted(5000, 30, 5, noise=0.3, dtype=dtype)[0])  # long enough for the warm-up on fewer rows
    results = []
    for n in (1, 2, 3):
        with nonneg.threads(n):
            results.append(nonneg.factorize(X, 5, seed=0, stop=Iterations(4), **CASES[case]))
    for other in results[1:]:
        assert np.array_equal(results[0].W, other.W)
        assert np.array_equal(results[0].H, other.H)
    if case != "counts":
        assert np.array_equal(results[0].transform(X), results[0].W)


@pytest.mark.parametrize("case", CASES)
def test_a_row_does_not_depend_on_those_beside_it(case, planted, dtype):
    X = planted(300, 30, 5, noise=0.3, dtype=dtype)[0]
    result = nonneg.factorize(X, 5, seed=0, stop=Iterations(4), **CASES[case])
    W = result.transform(X)
    for rows in (slice(0, 1), slice(100, 103), slice(7, None, 13)):
        assert np.array_equal(result.transform(X[rows]), W[rows])


@pytest.mark.filterwarnings("ignore:Part . has grown")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", [(140, 130), (30, 5000)])
def test_warm_ups_keep_to_the_constraints(case, shape):
    made = make_planted(*shape, 4, noise=0.1, seed=0)
    X = np.asfortranarray(made.data)  # columns are left out of a wide X in this order
    chosen = dict(CASES[case])
    if "fixed" in chosen:
        chosen["fixed"] = made.H[:2]
    result = nonneg.factorize(X, 4, seed=0, **chosen)
    warmed = result.settings["sketch"] is not None or result.settings["thinned"] is not None
    assert warmed or (case == "counts" and shape[1] < 1000)
    if "fixed" in chosen:
        assert np.array_equal(result.H[:2], made.H[:2])
    if "upper" in chosen:
        assert result.W.max() <= chosen["upper"][0]
    if "simplex" in chosen:
        assert np.abs(result.W.sum(axis=1) - 1).max() < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_every_level_agrees(case, planted, level):
    X = planted(50, 30, 5, noise=0.3)[0]
    result = nonneg.factorize(X, 5, seed=0, stop=Iterations(3), **CASES[case])
    assert _core.set_level("baseline")
    base = nonneg.factorize(X, 5, seed=0, stop=Iterations(3), **CASES[case])
    assert result.loss_value == pytest.approx(base.loss_value, rel=1e-8)


def test_the_estimator_says_the_same(mixtures, tmp_path):
    X, _, H = mixtures
    chosen = {"fixed": H[:2], "upper": (0.7, None), "simplex": True}
    model = NMF(4, random_state=0)
    W = model.fit_transform(X, **chosen)
    result = nonneg.factorize(X, 4, seed=0, **chosen)
    assert np.array_equal(W, result.W)
    assert np.array_equal(model.transform(X), W)
    assert np.array_equal(model.fit(X, **chosen).components_, result.H)
    assert model.score(X) == pytest.approx(1 - result.relative_error**2, abs=1e-9)
    result.save(tmp_path / "model.npz")
    again = nonneg.load(tmp_path / "model.npz")
    assert dict(again.settings) == dict(result.settings)
    assert np.array_equal(again.transform(X), W)
    # A fit without constraints forgets them.
    assert np.array_equal(model.fit(X).transform(X), NMF(4, random_state=0).fit_transform(X))


def test_the_function_says_the_same(mixtures):
    X, _, H = mixtures
    chosen = {"fixed": H[:2], "simplex": True}
    W, learnt, _ = non_negative_factorization(X, n_components=4, random_state=0, **chosen)
    assert np.array_equal(W, NMF(4, random_state=0).fit_transform(X, **chosen))
    assert np.array_equal(learnt[:2], H[:2])
    known = np.full((50, 1), 0.25)
    W, _, _ = non_negative_factorization(
        X, H=H, n_components=4, update_H=False, fixed=(known, None), upper=(0.5, None)
    )
    assert np.all(W[:, 0] == 0.25)
    assert W.max() == 0.5


def test_arguments_are_never_changed(mixtures):
    X, _, H = mixtures
    arrays = [X, np.where(H < 0.3, NAN, H)[:2], np.full((50, 1), NAN), np.full((50, 4), 0.9), np.full((4, 20), 9.0)]
    arrays[2][::2] = 0.2
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.setflags(write=False)
    nonneg.factorize(X, 4, fixed=(arrays[2], arrays[1]), upper=(arrays[3], arrays[4]), simplex=True, seed=0)
    for a, b in zip(arrays, before, strict=True):
        assert np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"fixed": np.ones((2, 19))}, "fixed: H must have shape (f, 20) for f known parts, got (2, 19)."),
        ({"fixed": np.ones(20)}, "fixed: H must have shape (f, 20) for f known parts, got (20,)."),
        ({"fixed": (np.ones((49, 1)), None)}, "fixed: W must have shape (50, f) for f known parts, got (49, 1)."),
        ({"fixed": np.ones((5, 20))}, "fixed: H holds 5 parts, more than k = 4"),
        ({"fixed": (np.ones((50, 5)), None)}, "fixed: W holds 5 parts, more than k = 4"),
        ({"fixed": -np.eye(3, 20)}, "got -1 at row 0, column 0."),
        ({"fixed": (np.full((50, 2), np.inf), None)}, "got inf at row 0, column 0."),
        ({"fixed": (None, None, None)}, "fixed must be a pair"),
        ({"upper": 3.0}, "upper must be a pair"),
        ({"upper": (-1.0, None)}, "upper: the bound on W must be >= 0 everywhere, got -1 at row 0, column 0."),
        ({"upper": (None, NAN)}, "upper: the bound on H must be >= 0 everywhere, got nan"),
        ({"upper": (np.ones(3), None)}, "array that broadcasts to (50, 4), got (3,)."),
        ({"fixed": np.full((1, 20), 2.0), "upper": (None, 1.5)}, "fixed: H is 2 at row 0, column 0, above its upper"),
        ({"fixed": (np.full((50, 2), 0.6), None), "simplex": True}, "sum to 1.2 in row 0, more than one."),
        ({"upper": (0.2, None), "simplex": True}, "let row 0 sum to at most 0.8, which must be one."),
        ({"simplex": True, "loss": "itakura-saito"}, "simplex=True needs the squared error or Kullback-Leibler"),
        ({"simplex": True, "solver": "mu"}, "simplex=True needs the squared error or Kullback-Leibler"),
    ],
)
def test_errors_say_what_to_do(mixtures, chosen, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        nonneg.factorize(mixtures[0], 4, **chosen)


def test_simplex_is_yes_or_no(mixtures):
    with pytest.raises(TypeError, match="simplex must be True or False"):
        nonneg.factorize(mixtures[0], 4, simplex=1)


def test_fixed_numbers_and_a_given_h(mixtures):
    X, _, H = mixtures
    with pytest.raises(ValueError, match="holds all of H as it is given"):
        non_negative_factorization(X, H=H, n_components=4, update_H=False, fixed=H[:1])


def test_only_a_scale_that_is_known_may_have_one_penalty(mixtures):
    X, _, H = mixtures
    one = Penalty(alpha_W=0.01, alpha_H=0, l1_ratio=1)
    with pytest.warns(UserWarning, match="Only W is penalised"):
        nonneg.factorize(X, 4, fixed=H[:3], penalty=one, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nonneg.factorize(X, 4, fixed=H, penalty=one, seed=0)
        nonneg.factorize(X, 4, simplex=True, penalty=Penalty(alpha_W=0, alpha_H=0.01), seed=0)


def unmixing():
    """Mixtures of three spectra, in shares that sum to one, and the spectra."""
    rng, nm = np.random.default_rng(0), np.linspace(400, 900, 50)
    bump, edge = np.exp(-(((nm - 550) / 30) ** 2)), nm > 700
    spectra = np.array([0.3 + 0.3 * bump + 0.4 * edge, 0.1 + 0.0006 * (nm - 400), 0.5 + 0.2 * np.sin(nm / 60)])
    X = rng.dirichlet([1, 1, 1], 600) @ spectra + 0.005 * rng.standard_normal((600, 50))
    return np.clip(X, 0, None), spectra


def test_a_part_that_leaves_the_data_behind_is_named():
    X, spectra = unmixing()
    with pytest.warns(UserWarning, match=r"^Part 3 has grown to \d+.*upper=\(None, X.max\(\)\)"):
        result = nonneg.factorize(X, 3, fixed=spectra[:2], simplex=True, seed=0)
    assert result.H[2].max() > 20 * X.max()
    # What it advises, and what is known, brings no warning.
    nonneg.factorize(X, 3, fixed=spectra[:2], simplex=True, seed=0, upper=(None, X.max()))
    nonneg.factorize(X, 4, fixed=np.vstack([spectra, 100 * spectra[:1]]), simplex=True, seed=0)
    nonneg.factorize(X, 3, fixed=spectra[:2], seed=0)
