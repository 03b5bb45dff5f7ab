"""Counts and other non-negative data under Kullback-Leibler and its neighbours: closed forms, recovery, odd data."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import kl_div
from sklearn.decomposition import non_negative_factorization as scikit_learns

import nonneg
from nonneg import Iterations, KKTBelow, Penalty, RelativeDecrease

KL = "kullback-leibler"


def planted_counts(m=40, n=30, k=3, size=5.0, seed=0):
    rng = np.random.default_rng(seed)
    W = rng.exponential(size=(m, k)) * (rng.random((m, k)) < 0.6)
    H = rng.exponential(size=(k, n)) * (rng.random((k, n)) < 0.6)
    return rng.poisson(size * W @ H).astype(float)


def positive_start(X, k, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((X.shape[0], k)) + 0.1, rng.random((k, X.shape[1])) + 0.1


# --- closed forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("start", ["random", "nndsvd", "nndsvda", "nndsvdar", "spa", None])
def test_one_part_is_the_product_of_the_margins(as_kind, start, solver, dtype):
    if (start, solver) == ("spa", "mu"):
        return  # the row that is the start has zeros, which stay
    X = planted_counts().astype(dtype)
    X[3] = X[:, 5] = 0
    rows, columns = X.sum(axis=1, dtype=float), X.sum(axis=0, dtype=float)
    result = nonneg.factorize(as_kind(X), 1, loss=KL, start=start, solver=solver, seed=0)
    rel = 2e-6 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(result.W[:, 0], rows, rtol=rel)
    np.testing.assert_allclose(result.H[0], columns / columns.sum(), rtol=rel)
    assert result.converged
    # And from there the margins of new rows.
    np.testing.assert_allclose(result.transform(as_kind(X[:7]))[:, 0], rows[:7], rtol=rel)


def test_one_part_of_the_smallest_tables(as_kind):
    # Each entry has a row and a column to itself: an extrapolation that ends at zero would leave it without a model.
    for X in (np.array([[2.0, 0], [0, 1]]), np.diag([1.0, 5, 100]), np.array([[3.0, 0, 0], [0, 1, 9]])):
        for seed in range(20):
            result = nonneg.factorize(as_kind(X), 1, loss=KL, start="random", seed=seed)
            want = np.outer(X.sum(axis=1), X.sum(axis=0)) / X.sum()
            np.testing.assert_allclose(result.reconstruct(), want, rtol=1e-7)


def test_one_part_of_itakura_saito_balances_rows_and_columns():
    X = 0.1 + np.random.default_rng(0).gamma(2, size=(12, 9))
    result = nonneg.factorize(X, 1, loss="itakura-saito", seed=0, stop=Iterations(500))
    ratio = X / result.reconstruct()
    np.testing.assert_allclose(ratio.mean(axis=0), 1, rtol=1e-8)
    np.testing.assert_allclose(ratio.mean(axis=1), 1, rtol=1e-8)


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_the_model_keeps_the_margins(convert):
    # At an optimum of Kullback-Leibler the rows and columns of W H sum to those of X.
    X = planted_counts()
    result = nonneg.factorize(convert(X), 3, loss=KL, seed=0, stop=[KKTBelow(1e-8), Iterations(2000)])
    np.testing.assert_allclose(result.W.sum(axis=1), X.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(result.reconstruct().sum(axis=0), X.sum(axis=0), rtol=1e-6)


# --- agreement with others ------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_the_loss_is_scipys(convert, dtype):
    X = planted_counts().astype(dtype)
    X[3] = X[:, 5] = 0
    result = nonneg.factorize(convert(X), 3, loss=KL, seed=0, stop=Iterations(40))
    model = result.W.astype(float) @ result.H.astype(float)
    assert result.loss_value == pytest.approx(
        kl_div(X.astype(float), model).sum(), rel=1e-5 if dtype == np.float32 else 1e-11
    )


# Ten starts each; a start may end in another optimum than updates do, so the sum is what counts.
@pytest.mark.parametrize(("m", "n", "k"), [(40, 30, 3), (25, 60, 5), (60, 20, 2)])
def test_100_iterations_are_worth_1000_updates_of_scikit_learn(m, n, k, divergence):
    ours, theirs, behind = 0.0, 0.0, 0
    for seed in range(10):
        X = planted_counts(m, n, k, seed=seed)
        start = positive_start(X, k, seed)
        result = nonneg.factorize(scipy.sparse.csr_array(X), k, loss=KL, start=start, stop=Iterations(100))
        options = {"init": "custom", "solver": "mu", "beta_loss": 1, "max_iter": 1000, "tol": 0}
        W, H, _ = scikit_learns(X, *(F.copy() for F in start), k, **options)
        reached = divergence(X, W @ H, 1, floor=1e-7)
        behind += result.loss_value > reached * (1 + 1e-6)
        ours, theirs = ours + result.loss_value, theirs + reached
    assert ours <= theirs * (1 + 1e-6)
    assert behind <= 2


@pytest.mark.parametrize("penalty", [None, Penalty(0.01), Penalty(0.01, l1_ratio=1.0)], ids=["none", "L2", "L1"])
def test_runs_converge(penalty):
    # From twenty random starts on sparse counts: no run is thrown back again and again.
    for seed in range(20):
        X = planted_counts(30, 25, 3, size=[0.5, 1, 5, 30][seed % 4], seed=seed)
        result = nonneg.factorize(X, 3, loss=KL, start="random", penalty=penalty, seed=seed, stop=Iterations(150))
        assert result.kkt < 1e-3, seed
        # Extrapolation makes the objective rise now and then, not jump.
        assert (result.trace.loss[1:] < 5 * result.trace.loss[:-1]).all(), seed


def test_a_neighbour_of_kullback_leibler_ends_beside_it():
    X = planted_counts()
    ends = [
        nonneg.factorize(X, 3, loss=loss, start="nndsvda", stop=Iterations(2000)).reconstruct()
        for loss in (1.001, KL, 0.999)
    ]
    for other in (ends[0], ends[2]):
        np.testing.assert_allclose(other, ends[1], atol=0.05 * X.max())


# --- recovery -------------------------------------------------------------------------------------------


def cosines(found, truth):
    """Match parts one to one: the cosine of each pair."""
    found, truth = (F / np.linalg.norm(F, axis=1, keepdims=True) for F in (found, truth))
    rows, columns = scipy.optimize.linear_sum_assignment(-found @ truth.T)
    return (found @ truth.T)[rows, columns]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("loss", [KL, 1.5])
def test_parts_of_separable_counts_are_found(loss, convert, seed, dtype):
    planted = nonneg.datasets.make_planted(300, 40, 4, separable=True, density=0.4, seed=seed)
    rng = np.random.default_rng(seed)
    X = rng.poisson(200 * planted.data / np.maximum(planted.data.sum(axis=1, keepdims=True), 1e-9)).astype(dtype)
    for start in ("spa", None):
        result = nonneg.factorize(convert(X), 4, loss=loss, start=start, seed=0, stop=RelativeDecrease(1e-6))
        assert cosines(result.H.astype(float), planted.H).min() > 0.99


def test_spectra_are_found_under_itakura_saito():
    # Exponential noise on a product: what power spectra of sounds look like.
    rng = np.random.default_rng(0)
    W, H = rng.gamma(0.3, size=(400, 3)) + 1e-4, rng.gamma(0.3, size=(3, 50)) + 1e-4
    X = W @ H * rng.exponential(size=(400, 50)) + 1e-12
    result = nonneg.factorize(X, 3, loss=0, start="random", n_init=3, seed=0, stop=Iterations(500))
    plain = nonneg.factorize(X, 3, start="random", n_init=3, seed=0)
    assert cosines(result.H, H).min() > 0.95
    assert cosines(result.H, H).min() > cosines(plain.H, H).min()


# --- odd data -------------------------------------------------------------------------------------------

LOSSES = st.sampled_from([KL, 0.1, 0.5, 1.5, 3.0])
PENALTIES = st.sampled_from([None, Penalty(0.01), Penalty(0.1, l1_ratio=1.0), Penalty(0.05, 0.2, l1_ratio=0.5)])


@st.composite
def small_counts(draw):
    m, n = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    most = draw(st.sampled_from([1, 3, 1000]))
    X = draw(arrays.arrays(np.int64, (m, n), elements=st.sampled_from([0, 0, 0]) | st.integers(0, most)))
    return X.astype(float)


def sound(X, result, beta, divergence):
    """Check what must hold for whatever X was."""
    W, H = result.W.astype(float), result.H.astype(float)
    double = result.W.dtype == np.float64
    for F in (W, H, result.trace.loss, result.kkt, result.loss_value, result.error, result.relative_error):
        assert np.isfinite(F).all()
        assert np.min(F) >= 0
    assert not W[~X.any(axis=1)].any()
    assert not W.any() or H[:, ~X.any(axis=0)].max(initial=0) <= 1e-3 * H.max()
    # Rounding of terms as large as X itself is left of an exact fit.
    floor = float(np.finfo(np.float32).eps) if result.settings["solver"] == "mu" else 0
    want = divergence(X, W @ H, beta, floor=floor)
    scale = float(np.sum(X.astype(float) ** beta)) / abs(beta * (beta - 1) or 1)
    rel = 1e-10 if double and not floor else 1e-4
    assert result.loss_value == pytest.approx(want, rel=rel, abs=(1e-12 if double else 1e-4) * max(scale, 1e-300))


@settings(max_examples=250)
@given(
    X=small_counts(),
    k=st.integers(1, 5),
    loss=LOSSES,
    start=st.sampled_from(["random", "nndsvd", "nndsvda", "nndsvdar", "spa", None]),
    solver=st.sampled_from(["auto", "auto", "mu"]),
    dtype=st.sampled_from([np.float32, np.float64]),
    penalty=PENALTIES,
    sparse=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_small_counts(X, k, loss, start, solver, dtype, penalty, sparse, seed, divergence):
    if start is not None and start.startswith("nndsvd"):
        k = min(k, *X.shape)
    X = X.astype(dtype)
    data = scipy.sparse.csr_array(X) if sparse else X
    options = {"loss": loss, "start": start, "solver": solver, "penalty": penalty, "seed": seed}
    result = nonneg.factorize(data, k, **options, stop=Iterations(25))
    sound(X, result, 1.0 if loss == KL else loss, divergence)
    new = result.transform(data)
    assert np.isfinite(new).all()
    assert new.min() >= 0
    assert not new[~X.any(axis=1)].any()
    repr(result), result._repr_html_()


@settings(max_examples=60)
@given(X=small_counts(), seed=st.integers(0, 2**32 - 1), floor=st.sampled_from([1e-6, 0.1, 1.0]))
def test_small_counts_with_a_floor(X, seed, floor, divergence):
    X[0, 0] = 1
    for data in (X, scipy.sparse.csr_array(X)):
        result = nonneg.factorize(data, min(2, *X.shape), loss=0, floor=floor, seed=seed, stop=Iterations(25))
        assert np.isfinite(result.W).all()
        want = divergence(np.maximum(X, floor), result.W @ result.H, 0)
        assert result.loss_value == pytest.approx(want, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("beta", [-20.0, -5.0, -3.0, -1.0, 0.0, 0.05, 0.5, 1.0, 1.5, 2.5, 5.0, 20.0])
@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("n", [13, 16])
def test_any_finite_beta(beta, solver, n, dtype):
    if dtype == np.float32 and abs(beta) > 10:
        return  # powers that the type does not hold
    X = (np.random.default_rng(0).random((20, n)) + 0.3).astype(dtype)
    result = nonneg.factorize(X, 3, loss=beta, solver=solver, seed=0, stop=Iterations(30))
    assert np.isfinite(result.W).all()
    assert np.isfinite(result.trace.loss).all()
    assert result.trace.loss.min() < result.trace.loss[0]


@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_exact_data_are_fitted_exactly(solver, as_kind, dtype):
    rng = np.random.default_rng(0)
    W, H = rng.random((20, 2)) + 0.1, rng.random((2, 15)) + 0.1
    X = (W @ H).astype(dtype)
    for loss in (KL, 1.5, 0.0, 3.0) if solver == "auto" else (KL,):
        result = nonneg.factorize(as_kind(X), 2, loss=loss, start=(W, H), solver=solver, stop=Iterations(200))
        # Rounding has either sign; a divergence has not.
        assert 0 <= result.loss_value < (1e-4 if dtype == np.float32 else 1e-11)
        assert 0 <= result.relative_error < (1e-4 if dtype == np.float32 else 1e-11)
        assert result.error == pytest.approx(np.sqrt(2 * result.loss_value))
        assert (result.trace.loss >= -1e-4 if dtype == np.float32 else result.trace.loss >= -1e-11).all()


def test_numbers_of_all_sizes_in_one_matrix(as_kind, divergence):
    rng = np.random.default_rng(0)
    X = 10.0 ** rng.uniform(-12, 12, (15, 10)) * (rng.random((15, 10)) < 0.7)
    for loss, beta in ((KL, 1.0), (1.5, 1.5)):
        result = nonneg.factorize(as_kind(X), 3, loss=loss, seed=0, stop=Iterations(60))
        assert result.loss_value == pytest.approx(divergence(X, result.W @ result.H, beta), rel=1e-9)
        assert np.isfinite(result.trace.loss).all()
    Y = 10.0 ** rng.uniform(-12, 12, (15, 10))
    result = nonneg.factorize(as_kind(Y), 3, loss=0, seed=0, stop=Iterations(60))
    assert result.loss_value == pytest.approx(divergence(Y, result.W @ result.H, 0), rel=1e-9)


@pytest.mark.parametrize("loss", [KL, 1.5, 0.5])
def test_factors_hold_no_denormal_numbers(loss, dtype):
    # They would make every product that reads them a hundred times as slow.
    X = planted_counts(40, 30, 3, size=2.0).astype(dtype)
    result = nonneg.factorize(X, 5, loss=loss, seed=0, stop=Iterations(600))
    for F in (result.W, result.H):
        assert not ((F > 0) & (np.finfo(dtype).tiny > F)).any()
