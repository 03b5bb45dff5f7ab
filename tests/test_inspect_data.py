"""What is explained of X, and what is not: against sums over a dense X, written out."""

import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import inspect

FITS = {
    "squared error": {},
    "penalty": {"penalty": nonneg.Penalty(0.01)},
    "multiplicative": {"solver": "mu"},
    "kullback-leibler": {"loss": "kullback-leibler"},
    "itakura-saito": {"loss": "itakura-saito", "floor": 1e-3},
    "beta": {"loss": 1.5},
}
BETAS = {"kullback-leibler": 1, "itakura-saito": 0, "beta": 1.5}


@pytest.fixture(params=FITS)
def fit(request):
    return request.param


@pytest.fixture(params=["dense", "sparse", "missing", "sparse, missing", "stored only"])
def data(request, planted, dtype):
    """Return X as given, X dense with NaN where it was not observed, and what a fit must know."""
    X = planted(30, 20, 3, noise=0.1)[0].astype(dtype)
    gaps = np.random.default_rng(1).random(X.shape) < 0.15
    known = np.where(gaps, np.nan, X).astype(dtype)
    if request.param == "dense":
        return X, X, {}
    if request.param == "sparse":
        return scipy.sparse.csr_array(X), X, {}
    if request.param == "missing":
        return known, known, {}
    if request.param == "sparse, missing":
        return scipy.sparse.csc_array(known), known, {}
    return scipy.sparse.csr_array(X), np.where(X == 0, np.nan, X), {"missing_values": 0}


def fitted(X, k=3, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nonneg.factorize(X, k, seed=0, stop=nonneg.Iterations(30), **arguments)


def test_explained_is_one_minus_what_is_left(data, fit, dtype, divergence):
    X, dense, known = data
    result = fitted(X, **known, **FITS[fit])
    W, H = result.W.astype(np.float64), result.H.astype(np.float64)
    values = inspect.explained(result, X)
    assert values.shape == (3,)
    tol = 1e-4 if dtype == np.float32 else 1e-9
    beta, floor = BETAS.get(fit, 2), FITS[fit].get("floor", 0.0)
    for j in range(1, 4):
        model = W[:, :j] @ H[:j]
        if beta == 2:
            expected = 1 - np.nansum((dense - model) ** 2) / np.nansum(dense.astype(np.float64) ** 2)
        else:
            model = model + (W[:, j:] @ H[j:]).mean()
            seen = np.where(np.isnan(dense), np.nan, np.maximum(dense, floor))
            zero = np.full(dense.shape, np.nanmean(dense, dtype=np.float64))
            expected = 1 - divergence(seen, model, beta, floor=1e-12) / divergence(seen, zero, beta)
        assert values[j - 1] == pytest.approx(expected, abs=tol), j
    whole = result.relative_error**2 if beta == 2 else result.relative_error
    assert values[-1] == pytest.approx(1 - whole, abs=tol)


def test_explained_with_weights_and_outliers(planted):
    X = planted(30, 20, 3, noise=0.1)[0]
    X[3, 4] = 50
    U = np.random.default_rng(0).uniform(0.5, 2, X.shape)
    result = fitted(X, uncertainty=U)
    assert inspect.explained(result, X, uncertainty=U)[-1] == pytest.approx(1 - result.relative_error**2)
    assert abs(inspect.explained(result, X)[-1] - 1 + result.relative_error**2) > 1e-3
    held = fitted(X, uncertainty=U, robust=4.0)
    assert inspect.explained(held, X, uncertainty=U)[-1] == pytest.approx(1 - held.relative_error**2)
    a = np.arange(1.0, 31)
    counted = fitted(X, sample_weight=a)
    assert inspect.explained(counted, X, sample_weight=a)[-1] == pytest.approx(1 - counted.relative_error**2)


def test_a_kullback_leibler_fit_of_parts_that_do_not_overlap_is_explained_in_finite_steps():
    X = np.kron(np.eye(3), np.ones((4, 5))) * np.repeat([3.0, 2.0, 1.0], 4)[:, None]
    result = nonneg.factorize(X, 3, loss="kullback-leibler", seed=0)
    values = inspect.explained(result, X)
    assert np.isfinite(values).all()
    assert (np.diff(values) > 0.1).all()
    assert values[-1] == pytest.approx(1)


def test_explained_may_fall():
    # The first part is all of X; what the second adds is too much.
    X = np.ones((3, 2))
    wrong = replace(fitted(X, 1), W=np.ones((3, 2)), H=np.array([[1.0, 1.0], [3.0, 3.0]]))
    np.testing.assert_allclose(inspect.explained(wrong, X), [1, -8])


def test_residuals_are_what_no_part_describes(data, fit, dtype, monkeypatch):
    monkeypatch.setattr(sys.modules["nonneg.explain.inspect.residuals"], "BLOCK", 64)  # several blocks
    X, dense, known = data
    result = fitted(X, **known, **FITS[fit])
    left = (dense - result.W.astype(np.float64) @ result.H) ** 2
    size = dense.astype(np.float64) ** 2
    found = inspect.residuals(result, X)
    for axis, errors in ((1, found.rows), (0, found.columns)):
        a, b = np.nansum(left, axis=axis), np.nansum(size, axis=axis)
        expected = np.where(b > 0, np.sqrt(a / np.where(b > 0, b, 1)), np.where(a > 0, np.inf, 0))
        np.testing.assert_allclose(errors, expected, rtol=1e-9, atol=1e-6 if scipy.sparse.issparse(X) else 1e-12)


def test_residuals_with_weights(planted):
    X = planted(30, 20, 3, noise=0.1)[0]
    C = np.random.default_rng(0).uniform(0.1, 2, X.shape)
    result = fitted(X, weights=C)
    left = C * (X - result.W @ result.H) ** 2
    rows, columns = inspect.residuals(result, X, weights=C)
    size = C * X**2
    filled = size.sum(axis=1) > 0
    np.testing.assert_allclose(rows[filled], np.sqrt(left.sum(axis=1) / np.maximum(size.sum(axis=1), 1e-300))[filled])
    np.testing.assert_allclose(columns, np.sqrt(left.sum(axis=0) / size.sum(axis=0)))
    few = scipy.sparse.csr_array(np.where(C > 1, C, 0))
    sparse = scipy.sparse.csr_array(X)
    stored = inspect.residuals(fitted(sparse, weights=few), sparse, weights=few)
    whole = fitted(sparse, weights=few)
    left, size = (few.toarray() * A**2 for A in (X - whole.W @ whole.H, X))
    np.testing.assert_allclose(stored.columns, np.sqrt(left.sum(axis=0) / size.sum(axis=0)))


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_residuals_of_columns_count_a_row_as_often_as_the_fit(planted, kind):
    X = planted(20, 9, 3, noise=0.1)[0]
    often = np.arange(20) % 4
    result = fitted(X, sample_weight=often)
    rows, columns = inspect.residuals(result, kind(X), sample_weight=often)
    np.testing.assert_allclose(rows, inspect.residuals(result, kind(X)).rows)
    repeated = replace(result, W=np.repeat(result.W, often, axis=0))
    np.testing.assert_allclose(columns, inspect.residuals(repeated, kind(np.repeat(X, often, axis=0))).columns)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_residuals_of_lines_of_zeros(kind):
    X = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    result = nonneg.factorize(X, 1, seed=0)
    exact = inspect.residuals(result, kind(X))
    np.testing.assert_allclose(exact.rows, [0, 0, 0], atol=1e-15)
    np.testing.assert_allclose(exact.columns, [0, 0, 0], atol=1e-15)
    wrong = replace(result, W=np.array([[3.0], [1.0], [0.0]]))
    rows, columns = inspect.residuals(wrong, kind(X))
    assert rows[1] == np.inf
    assert rows[2] == columns[1] == 0


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_what_a_row_did_not_show_is_not_held_against_it(kind):
    # In row 1 all that was observed is zero, and the model puts nothing there but where nothing was observed.
    X = np.array([[1.0, 0.1, 0.7], [np.nan, 0.0, 0.0], [1.0, 0.1, 0.7]])
    result = fitted(kind(X), 1)
    H = np.array([[1.0, 0.0, 0.0]])
    rows = inspect.residuals(replace(result, W=np.array([[1.0], [0.3], [1.0]]), H=H), kind(X)).rows
    assert rows[1] == 0
    assert rows[0] == pytest.approx(np.sqrt(0.5 / 1.5))


@pytest.mark.parametrize("size", [1e-200, 1e200])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_residuals_at_the_ends_of_the_range(planted, size, kind):
    X = planted(30, 20, 3, noise=0.1)[0]
    near = inspect.residuals(fitted(X), X)
    far = inspect.residuals(fitted(kind(size * X)), kind(size * X))
    np.testing.assert_allclose(far.columns, near.columns, rtol=1e-3)


def test_a_wide_sparse_x_is_never_expanded():
    # Its 2e11 entries would not fit.
    rng = np.random.default_rng(0)
    shape = 200_000, 1_000_000
    lines = np.arange(50), rng.integers(0, shape[1], 50)
    X = scipy.sparse.coo_array((np.ones(50), lines), shape=shape).tocsr()
    result = fitted(X, 1)
    rows, columns = inspect.residuals(result, X)
    assert rows.shape == shape[:1]
    assert columns.shape == shape[1:]
    assert inspect.explained(result, X)[0] == pytest.approx(1 - result.relative_error**2, abs=1e-9)


def test_series_are_named_and_the_worst_comes_first(planted):
    X = planted(6, 5, 2, noise=0.3)[0]
    result = fitted(X, 2).named(rows=list("abcdef"))
    rows, columns = inspect.residuals(result, X, as_frame=True)
    plain = inspect.residuals(result, X)
    assert rows.to_dict() == dict(zip("abcdef", plain.rows, strict=True))
    assert rows.is_monotonic_decreasing
    assert columns.to_dict() == dict(enumerate(plain.columns))
    series = inspect.explained(result, X, as_frame=True)
    assert series.to_dict() == dict(zip(["part 1", "part 2"], inspect.explained(result, X), strict=True))


@pytest.mark.parametrize("look", [inspect.explained, inspect.residuals])
def test_only_the_data_of_the_fit_will_do(planted, look):
    X = planted(30, 20, 3)[0]
    result = fitted(X)
    with pytest.raises(ValueError, match="X must be the data of the fit, 30 rows, got 29"):
        look(result, X[1:])
    with pytest.raises(ValueError, match="X has 19 features, but the factorization was made with 20"):
        look(result, X[:, 1:])
    with pytest.raises(ValueError, match=f"Negative values in data passed to {look.__name__}"):
        look(result, X - 1)
    with pytest.raises(ValueError, match="NaN"):
        look(fitted(X, missing_values=None), np.where(X > 1, np.nan, X))
