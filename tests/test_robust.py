"""Fits measured in standard errors: their quality, and outliers held down."""

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import NMF, Iterations, Penalty, RelativeDecrease

FAR = [RelativeDecrease(1e-10), Iterations(3000)]


@pytest.fixture
def measured():
    """Return X with noise of known size, and that size; some entries far off, and which."""
    rng = np.random.default_rng(0)
    H = rng.gamma(0.5, size=(3, 20))
    U = rng.uniform(0.02, 0.3, (80, 20))
    X = rng.gamma(1.0, size=(80, 3)) @ H + U * rng.standard_normal(U.shape)
    far = rng.random(U.shape) < 0.02
    return np.where(far, X + 40 * U, X), U, far, H


def huber(X, U, W, H, alpha):
    size = np.abs((X - W @ H) / U)
    return np.nansum(np.where(size > alpha, alpha * size - alpha**2 / 2, size**2 / 2))


@pytest.mark.parametrize("gaps", [False, True])
def test_quality_is_what_is_left_over_in_standard_errors(measured, gaps):
    X, U, _, _ = measured
    if gaps:
        X[::7, ::3] = np.nan
    result = nonneg.factorize(X, 3, uncertainty=U, negative="allow", seed=0)
    size = np.abs((X - result.W @ result.H) / U)
    quality = result.quality(X, U)
    assert quality.true == pytest.approx(np.nansum(size**2))
    assert quality.true == pytest.approx(2 * result.loss_value)
    assert quality.robust == pytest.approx(np.nansum(np.where(size > 4, 4 * size, size**2)))
    assert quality.expected == (~np.isnan(X)).sum() - 3 * (80 + 20)
    assert quality.ratio == pytest.approx(quality.true / quality.expected)
    assert repr(quality).startswith(f"Quality(ratio={quality.ratio:.6g}, true={quality.true:.6g}, ")


def test_quality_of_sparse_data_is_that_of_what_they_store():
    rng = np.random.default_rng(0)
    X = scipy.sparse.random_array((40, 30), density=0.4, format="csr", rng=rng)
    U = X.copy()
    U.data = rng.uniform(0.1, 1, U.nnz)
    result = nonneg.factorize(X, 2, uncertainty=U, seed=0)
    residual = (X.toarray() - result.W @ result.H)[U.nonzero()] / U.data
    assert result.quality(X, U).true == pytest.approx(np.sum(residual**2))
    assert result.quality(X, U).expected == U.nnz - 2 * (40 + 30)


def test_numbers_of_lines_that_nobody_observed_are_not_expected(measured):
    X, U, _, _ = measured
    X[3], X[:, 5] = np.nan, np.nan
    with pytest.warns(UserWarning, match="Nothing was observed"):
        result = nonneg.factorize(X, 3, uncertainty=U, negative="allow", seed=0)
    with pytest.warns(UserWarning, match="Nothing was observed of row 3"):
        assert result.quality(X, U).expected == 79 * 19 - 3 * (79 + 19)


def test_quality_wants_the_data_of_the_fit(measured):
    X, U, _, _ = measured
    result = nonneg.factorize(X, 2, uncertainty=U, negative="allow", seed=0)
    with pytest.raises(ValueError, match="X must be the data of the fit, 80 rows, got 10"):
        result.quality(X[:10], U[:10])


@pytest.mark.parametrize("gaps", [False, True])
def test_the_robust_loss_is_hubers_at_an_optimum(measured, gaps):
    X, U, _, _ = measured
    if gaps:
        X[::7, ::3] = np.nan
    result = nonneg.factorize(X, 3, uncertainty=U, robust=4, negative="allow", seed=0, stop=FAR)
    assert result.loss_value == pytest.approx(huber(X, U, result.W, result.H, 4))
    assert result.kkt < 1e-4
    assert (np.diff(np.minimum.accumulate(result.trace.loss)) <= 0).all()
    # No step along any entry of W or H leads down, whichever way it may go.
    for name in "WH":
        F = getattr(result, name)
        for i, j in np.ndindex(F.shape):
            for step in (1e-4, -1e-4):
                other = {"W": result.W.copy(), "H": result.H.copy()}
                other[name][i, j] = max(0, other[name][i, j] + step * F.max())
                assert huber(X, U, other["W"], other["H"], 4) >= result.loss_value * (1 - 1e-9)


def test_outliers_are_held_down(measured):
    X, U, far, _ = measured
    clean = np.where(far, X - 40 * U, X)
    plain, robust = (
        nonneg.factorize(X, 3, uncertainty=U, robust=alpha, negative="allow", seed=0, stop=FAR) for alpha in (None, 4)
    )
    errors = [np.sum(((clean - fit.W @ fit.H) / U) ** 2) for fit in (plain, robust)]
    assert errors[1] < 0.2 * errors[0]


def test_without_outliers_nothing_changes(measured):
    X, U, _, _ = measured
    plain, robust = (
        nonneg.factorize(X, 3, uncertainty=U, robust=alpha, negative="allow", seed=0, stop=FAR)
        for alpha in (None, 1e6)
    )
    assert robust.loss_value == pytest.approx(plain.loss_value, rel=1e-6)


def test_new_rows_are_solved_as_robustly(measured, tmp_path):
    X, U, _, _ = measured
    result = nonneg.factorize(X, 3, uncertainty=U, robust=4, negative="allow", seed=0)
    W = result.transform(X, uncertainty=U)
    np.testing.assert_allclose(W, result.W, atol=1e-9 * W.max())
    result.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(nonneg.load(tmp_path / "model.npz").transform(X, uncertainty=U), W)
    model = NMF(3, random_state=0, negative="allow").fit(X, uncertainty=U, robust=4)
    np.testing.assert_allclose(model.transform(X, uncertainty=U), model.result_.W, atol=1e-9 * W.max())


def test_rows_that_count_twice_are_two_rows(measured):
    X, U, _, _ = measured
    rng = np.random.default_rng(1)
    counts, start = rng.integers(1, 3, 80), (rng.random((80, 3)), rng.random((3, 20)))
    options = {"robust": 4, "negative": "allow", "stop": Iterations(20)}
    once = nonneg.factorize(X, 3, uncertainty=U, sample_weight=counts, start=start, **options)
    many = np.repeat(np.arange(80), counts)
    twice = nonneg.factorize(X[many], 3, uncertainty=U[many], start=(start[0][many], start[1]), **options)
    np.testing.assert_allclose(once.trace.loss, twice.trace.loss, rtol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"robust": 4}, "robust counts residuals in standard errors: give them as uncertainty"),
        *(({"robust": wrong, "uncertainty": 1.0}, "robust must be a number") for wrong in (0, -1, np.inf, "4", True)),
        ({"robust": 4, "uncertainty": 1.0, "loss": "poisson"}, "robust goes with the squared error"),
        ({"robust": 4, "uncertainty": 1.0, "solver": "mu"}, "robust goes with the squared error"),
        ({"robust": 4, "uncertainty": 1.0, "penalty": Penalty(smooth_W=3)}, "robust does not go with smooth_W"),
        ({"fixed": np.ones((1, 5)), "penalty": Penalty(smooth_H=3)}, "min_volume go with missing entries, weights"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        nonneg.factorize(np.ones((6, 5)) + np.eye(6, 5), 2, **arguments)


def test_robust_needs_dense_data_of_which_most_was_observed(measured):
    X = measured[0]
    with pytest.raises(ValueError, match="robust needs a dense X"):
        nonneg.factorize(scipy.sparse.csr_array(np.abs(X)), 2, uncertainty=1.0, robust=4)


def test_new_rows_may_be_whole_or_unknown():
    ratings = np.array([[5, 0, 1, 1.0], [4, 2, 0, 1], [1, 1, 5, 0]])
    result = nonneg.factorize(ratings, 2, missing_values=0, seed=0)
    assert result.transform([[5, 4, 1, 1.0]]).shape == (1, 2)
    with pytest.warns(UserWarning, match="Nothing was observed of row 0"):
        assert not result.impute(np.zeros((1, 4))).any()


def test_one_uncertainty_for_all_that_a_sparse_matrix_stores():
    X = scipy.sparse.csr_array(np.array([[5, 0, 1, 1.0], [4, 2, 0, 1], [1, 1, 5, 0]]))
    plain, counted = (nonneg.factorize(X, 1, missing_values=0, seed=0, **more) for more in ({}, {"uncertainty": 0.1}))
    assert counted.loss_value == pytest.approx(100 * plain.loss_value)
    assert counted.n_missing == plain.n_missing == 3
