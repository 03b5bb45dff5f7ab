"""`transform` solves for W what `fit` solved for W."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import nonneg
from nonneg import Iterations, Penalty
from nonneg.solve.starts import STARTS

PENALTIES = {
    "none": None,
    "L2": Penalty(0.01),
    "L1": Penalty(0.01, l1_ratio=1.0),
    "mixed": Penalty(0.02, 0.005, l1_ratio=0.5),
}


@pytest.fixture(params=PENALTIES)
def penalty(request):
    return PENALTIES[request.param]


@pytest.fixture(scope="session")
def fitted(planted):
    """Fit some rows and return the rest as new: (new rows, result)."""

    def fit(penalty=None, dtype=np.float64, k=5):
        X = planted(60, 40, k, noise=0.3, dtype=dtype)[0]
        return X[40:], nonneg.factorize(X[:40], k, seed=0, penalty=penalty)

    return fit


def on_W(result, X):
    """Return the penalty on W for these rows."""
    return Penalty(**result.settings["penalty"]).shrinks(X.shape)[0]


# --- the training data ----------------------------------------------------------------------------------


def test_training_data_give_w_to_the_last_bit(as_kind, penalty, dtype, planted):
    for factor in (1.0, 1e-9, 3e7) if penalty is None else (1.0,):
        X = as_kind(planted(30, 20, 4, noise=0.3, dtype=dtype)[0] * dtype.type(factor))
        for start in (*STARTS, None):
            result = nonneg.factorize(X, 4, start=start, seed=0, penalty=penalty, stop=Iterations(25))
            assert np.array_equal(result.transform(X), result.W)


def test_training_data_of_a_sketched_run(planted, penalty, dtype):
    X = planted(120, 110, 3, noise=0.1, dtype=dtype)[0]
    result = nonneg.factorize(X, 3, seed=0, penalty=penalty)
    assert result.settings["sketch"] is not None
    assert np.array_equal(result.transform(X), result.W)


def test_bits_do_not_depend_on_threads(as_kind, planted, dtype):
    X = as_kind(planted(3000, 60, 10, noise=0.3, dtype=dtype)[0])
    result = nonneg.factorize(X, 10, seed=0, stop=Iterations(3))
    for n in (1, 2, 3):
        with nonneg.threads(n):
            assert np.array_equal(result.transform(X), result.W)
            exact = result.transform(X, exact=True)
        if n == 1:
            first = exact
        assert np.array_equal(exact, first)


# --- new rows -------------------------------------------------------------------------------------------


def test_against_scipy(as_kind, fitted):
    X, result = fitted()
    want = np.array([scipy.optimize.nnls(result.H.T, x)[0] for x in X])
    residual = np.linalg.norm(X - want @ result.H)
    for exact, rel in ((False, 1e-8), (True, 1e-12)):
        W = result.transform(as_kind(X), exact=exact)
        assert W.shape == (20, 5)
        assert np.linalg.norm(X - W @ result.H) <= residual * (1 + rel)
        np.testing.assert_allclose(W, want, atol=(1e-10 if exact else 1e-4) * want.max())


def test_against_scipy_with_penalties(as_kind, fitted, penalty):
    X, result = fitted(penalty)
    l1, l2 = on_W(result, X)
    # The penalties as extra columns: ||x - w H||^2 + l2 ||w||^2 + 2 l1 sum(w), completed to a square.
    G = result.H @ result.H.T + l2 * np.eye(5)
    root = np.linalg.cholesky(G)
    rhs = np.linalg.solve(root, (X @ result.H.T - l1).T).T
    want = np.array([scipy.optimize.nnls(root.T, b)[0] for b in rhs])
    np.testing.assert_allclose(result.transform(as_kind(X), exact=True), want, atol=1e-10 * want.max())
    np.testing.assert_allclose(result.transform(as_kind(X)), want, atol=1e-4 * want.max())


def test_exact_meets_the_conditions_to_rounding(as_kind, fitted, penalty, kkt, dtype):
    X, result = fitted(penalty, dtype)
    exact = kkt(X, result.transform(as_kind(X), exact=True), result.H, *on_W(result, X))
    sweeps = kkt(X, result.transform(as_kind(X)), result.H, *on_W(result, X))
    assert exact < (1e-5 if dtype == np.float32 else 1e-13)
    assert sweeps < (1e-3 if dtype == np.float32 else 1e-5)


def test_exact_where_parts_are_almost_alike(fitted, kkt):
    X, result = fitted()
    H = np.vstack([result.H, result.H[0] * (1 + 1e-6 * np.arange(40))])
    start = np.abs(np.ones((20, 6))), H
    again = nonneg.factorize(X, 6, start=start, stop=Iterations(1))
    W = again.transform(X, exact=True)
    assert W.min() >= 0
    assert kkt(X, W, again.H) < 1e-7


def test_a_row_does_not_depend_on_the_others(fitted, penalty, dtype):
    X, result = fitted(penalty, dtype)
    # Other rows change the scale that the solver works at: a power of four, no bit of the result.
    X[3] *= 1000
    X[4] /= 1000
    for convert in (np.asarray, scipy.sparse.csr_array):
        for exact in (False, True):
            # A penalty grows with n, not with the number of rows.
            together = result.transform(convert(X), exact=exact)
            for rows in ([0], [3], [4, 4], [19, 2, 7], range(9), range(17)):
                apart = result.transform(convert(X[list(rows)]), exact=exact)
                assert np.array_equal(apart, together[list(rows)])


def test_order_of_rows(as_kind, fitted):
    X, result = fitted()
    np.testing.assert_allclose(
        result.transform(as_kind(X[::-1])), result.transform(as_kind(X))[::-1], rtol=1e-6, atol=1e-9
    )


def test_kinds_of_the_same_rows_agree(kinds, fitted, penalty, dtype):
    X, result = fitted(penalty, dtype)
    for exact, rel in ((False, 1e-3), (True, 1e-4 if dtype == np.float32 else 1e-11)):
        dense = result.transform(X, exact=exact)
        for _, convert in kinds.values():
            np.testing.assert_allclose(
                result.transform(convert(X), exact=exact), dense, rtol=0, atol=rel * dense.max()
            )


def test_rows_of_zeros(as_kind, fitted, penalty):
    X, result = fitted(penalty)
    X[::3] = 0
    for exact in (False, True):
        W = result.transform(as_kind(X), exact=exact)
        assert not W[::3].any()
        assert W[1::3].any(axis=1).all()
        assert not result.transform(as_kind(0 * X), exact=exact).any()


def test_type_of_the_result_is_that_of_the_rows(fitted, dtype):
    X, result = fitted(dtype=dtype)
    for other in (np.float32, np.float64):
        W = result.transform(X.astype(other))
        assert W.dtype == other
        np.testing.assert_allclose(W, result.transform(X), rtol=1e-2, atol=1e-3 * W.max())
    assert result.transform(np.round(X).astype(int)).dtype == np.float64


def test_zero_parts(as_kind, dtype):
    X = np.random.default_rng(0).random((10, 8)).astype(dtype)
    none = nonneg.factorize(0 * X, 3, seed=0)
    start = (np.ones((10, 3)), np.vstack([X[0], 0 * X[0], X[5]]))
    one = nonneg.factorize(X, 3, start=start, stop=Iterations(1))
    for exact in (False, True):
        assert np.isfinite(none.transform(as_kind(X), exact=exact)).all()
        W = one.transform(as_kind(X), exact=exact)
        assert np.isfinite(W).all()
        assert W[:, 0].any()


def test_nothing_is_changed(as_kind, fitted):
    X, result = fitted()
    H, before = result.H.copy(), X.copy()
    data = as_kind(X)
    result.transform(data, exact=True)
    assert np.array_equal(result.H, H)
    assert np.array_equal(data.toarray() if scipy.sparse.issparse(data) else data, before)


# --- wrong rows -----------------------------------------------------------------------------------------


def test_wrong_number_of_features(as_kind, fitted):
    X, result = fitted()
    for wrong in (X[:, :39], np.hstack([X, X])):
        with pytest.raises(ValueError, match=rf"X has {wrong.shape[1]} features, but .* 40 features"):
            result.transform(as_kind(wrong))


def test_bad_values_are_named_as_of_transform(as_kind, fitted):
    X, result = fitted()
    X[3, 2] = -1
    with pytest.raises(ValueError, match=r"Negative values in data passed to transform .*-1 at row 3, column 2"):
        result.transform(as_kind(X))
    X[3, 2] = np.nan
    strict = nonneg.factorize(X[:3], 2, seed=0, missing_values=None)
    with pytest.raises(ValueError, match=r"NaN.*row 3, column 2\. transform"):
        strict.transform(as_kind(X))
    # By default it was not observed: the row is fitted to the rest of it.
    rest = np.delete(np.arange(40), 2)
    want = scipy.optimize.nnls(result.H[:, rest].T, X[3, rest])[0]
    np.testing.assert_allclose(result.transform(as_kind(X), exact=True)[3], want, atol=1e-9 * want.max())


def test_negative_rows_where_the_fit_allowed_them(as_kind, planted):
    X = planted(30, 20, 3)[0] + 0.2 * np.random.default_rng(0).standard_normal((30, 20))
    result = nonneg.factorize(X, 3, seed=0, negative="allow")
    want = np.array([scipy.optimize.nnls(result.H.T, x)[0] for x in X])
    np.testing.assert_allclose(result.transform(as_kind(X), exact=True), want, atol=1e-10 * want.max())


@pytest.mark.parametrize("rows", [99, [0, -31], np.zeros(29, bool), "a"])
def test_rows_that_are_not_there_cannot_be_reconstructed(rows):
    result = nonneg.factorize(np.ones((30, 4)), 1, seed=0)
    with pytest.raises(IndexError, match=r"positions from 0 to 29, or 30 booleans: .*[^.]\.$"):
        result.reconstruct(rows)


# --- passes over X ---------------------------------------------------------------------------------------


def test_new_rows_are_read_as_little_as_can_be(planted, monkeypatch):
    X = planted(40, 30)[0]
    result = nonneg.factorize(X, 3, seed=0)
    want, looks = result.transform(X), []
    extent = nonneg._core.extent
    monkeypatch.setattr(nonneg._core, "extent", lambda *args: looks.append(args) or extent(*args))
    monkeypatch.setattr(nonneg.data.Dense, "_moments", property(lambda _: pytest.fail("the norm of X was computed")))
    assert np.array_equal(result.transform(X), want)
    assert len(looks) == 1


@pytest.mark.parametrize("hole", [0.0, np.nan])
@pytest.mark.parametrize("factor", [1e-30, 1.0, 3e20])
def test_the_largest_entry_seen_by_the_check_gives_the_scale(hole, factor):
    X = np.random.default_rng(0).normal(size=(7, 5)) * factor
    X[2, 3] = hole
    for data in (X, scipy.sparse.csr_array(X)):
        observed = nonneg.data.observe(data, negative="allow")
        assert observed.largest_entry == np.nanmax(np.abs(X))
        source = nonneg.data.as_source(observed)
        assert 1 <= observed.largest_entry * source.scale.whole < 2
