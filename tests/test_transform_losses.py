"""`transform`, `score` and files under every loss: W for given parts, the same problem that `fit` solved."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from sklearn.decomposition import non_negative_factorization as scikit_learns

import nonneg
from nonneg import NMF, Iterations, Penalty, non_negative_factorization
from nonneg.solve.losses import NAMES, name_of

PENALTIES = {
    "none": Penalty(),
    "L2": Penalty(0.01),
    "L1": Penalty(0.01, l1_ratio=1.0),
    "mixed": Penalty(0.02, 0.005, l1_ratio=0.5),
}
LOSSES = (*dict.fromkeys(name_of(beta) for beta in NAMES.values()), 0.5, 1.5, 3.0)
CONVEX = [loss for loss in LOSSES if 1 <= NAMES.get(loss, loss) <= 2]


@pytest.fixture(params=LOSSES)
def loss(request):
    return request.param


@pytest.fixture(params=PENALTIES)
def penalty(request):
    return PENALTIES[request.param]


def counts(loss, m=50, n=18, k=3, seed=0):
    """Return counts with zeros where the loss takes them."""
    rng = np.random.default_rng(seed)
    W, H = rng.exponential(size=(m, k)), rng.exponential(size=(k, n)) + 0.1
    X = rng.poisson(3 * W @ H).astype(float)
    return X + 0.1 + rng.random(X.shape) if NAMES.get(loss, loss) <= 0 else X


@pytest.fixture(scope="module")
def fitted():
    """Fit some rows and return the rest as new: (new rows, result)."""

    def fit(loss, penalty=None, dtype=np.float64, **options):
        X = counts(loss).astype(dtype)
        options = {"seed": 0, "stop": Iterations(60)} | options
        return X[30:], nonneg.factorize(X[:30], 3, loss=loss, penalty=penalty, **options)

    return fit


def objective(divergence, X, W, result, loss):
    """Return what W minimises for the parts of a result."""
    l1, l2 = Penalty(**result.settings["penalty"]).shrinks(X.shape)[0]
    W, H = W.astype(float), result.H.astype(float)
    return divergence(X, W @ H, NAMES.get(loss, loss)) + l1 * W.sum() + 0.5 * l2 * np.sum(W**2)


# --- the optimum ----------------------------------------------------------------------------------------


def test_no_other_w_is_better(kinds, fitted, loss, penalty, divergence):
    X, result = fitted(loss, penalty)
    beta, (l1, l2) = NAMES.get(loss, loss), penalty.shrinks(X.shape)[0]
    H = result.H
    for kind, (_, convert) in kinds.items():
        W = result.transform(convert(X))
        assert W.shape == (20, 3)
        assert W.min() >= 0
        own = objective(divergence, X, W, result, loss)
        if kind == "dense C":
            first = own
        assert own == pytest.approx(first, rel=1e-7)

    # A general solver, from the W found, wins nothing.
    def value_and_slope(w, x):
        model = np.maximum(w @ H, 1e-100)
        value = divergence(x, model, beta) + l1 * w.sum() + 0.5 * l2 * w @ w
        return value, H @ (model ** (beta - 1) - x * model ** (beta - 2)) + l1 + l2 * w

    best = sum(
        scipy.optimize.minimize(
            value_and_slope, w, x, jac=True, method="L-BFGS-B", bounds=[(0, None)] * 3, options={"ftol": 1e-14}
        ).fun
        for w, x in zip(W[:6] + 1e-9, X[:6], strict=True)
    )
    # Multiplicative updates are slow where the divergence is not convex.
    assert objective(divergence, X[:6], W[:6], result, loss) <= best + (1e-6 if loss in CONVEX else 1e-3) * abs(best)


@pytest.mark.parametrize("loss", CONVEX)
@pytest.mark.parametrize("convert", [np.asfortranarray, scipy.sparse.csr_array])
def test_training_data_give_the_w_of_the_fit(convert, loss, penalty, dtype):
    # Where the divergence is convex there is one W H; squared errors are solved alike to the last bit.
    X = convert(counts(loss).astype(dtype))
    result = nonneg.factorize(X, 3, loss=loss, penalty=penalty, seed=0, stop=Iterations(100))
    W = result.transform(X)
    if loss == "frobenius":
        assert np.array_equal(W, result.W)
    want = result.reconstruct()
    assert np.abs(W @ result.H - want).max() < (2e-2 if dtype == np.float32 else 2e-3) * want.max()


@pytest.mark.parametrize("loss", CONVEX)
def test_exact_goes_on_to_the_end(fitted, loss, penalty, divergence, dtype):
    X, result = fitted(loss, penalty, dtype)
    settled, exact = result.transform(X), result.transform(X, exact=True)
    values = [objective(divergence, X, W, result, loss) for W in (settled, exact)]
    assert values[1] <= values[0] * (1 + (1e-5 if dtype == np.float32 else 1e-12))
    assert values[0] <= values[1] * (1 + (1e-4 if dtype == np.float32 else 1e-7))


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if NAMES.get(loss, loss) <= 2])
def test_plain_updates_are_scikit_learns_to_the_end(fitted, loss):
    X, result = fitted(loss, solver="mu")
    W = result.transform(X)
    options = {"solver": "mu", "beta_loss": NAMES.get(loss, loss), "tol": 0, "max_iter": 3000, "update_H": False}
    want, *_ = scikit_learns(X, H=result.H, n_components=3, **options)
    np.testing.assert_allclose(W @ result.H, want @ result.H, atol=2e-3 * X.max())


def test_the_parts_that_are_known_are_found(fitted, loss):
    # Rows made of the parts without noise: their W is known.
    _, result = fitted(loss)
    W = np.random.default_rng(0).random((12, 3)) + 0.2
    H = result.H + 0.01
    known = nonneg.factorize(W @ H, 3, loss=loss, start=(W, H), stop=Iterations(1))
    np.testing.assert_allclose(known.transform(W @ H), W * H.sum(axis=1), rtol=1e-3)


# --- rows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_a_row_does_not_depend_on_the_others(fitted, loss, penalty, solver, dtype):
    X, result = fitted(loss, penalty, dtype, solver=solver)
    X = X[:8].copy()
    # Other rows change the scale that the solver works at.
    X[3] *= 1000
    X[4] /= 1000
    for convert in (np.asarray, scipy.sparse.csr_array):
        together = result.transform(convert(X))
        for rows in ([0], [3], [4], [4, 4], [7, 2, 6], range(3)):
            apart = result.transform(convert(X[list(rows)]))
            if loss in ("frobenius", "kullback-leibler") and solver == "auto":
                assert np.array_equal(apart, together[list(rows)])
            else:  # logarithms of scaled numbers round otherwise
                rel = 1e-3 if dtype == np.float32 else 1e-9
                np.testing.assert_allclose(apart, together[list(rows)], rtol=rel, atol=rel * apart.max())


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if NAMES.get(loss, loss) > 0])
@pytest.mark.parametrize("as_kind", [np.asarray, np.asfortranarray, scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_rows_of_zeros(as_kind, fitted, loss, penalty):
    for solver in ("auto", "mu"):
        X, result = fitted(loss, penalty, solver=solver)
        X = X[:9].copy()
        X[::3] = 0
        W = result.transform(as_kind(X))
        assert not W[::3].any()
        assert W[1::3].any(axis=1).all()
        assert not result.transform(as_kind(0 * X)).any()


def test_zero_parts(fitted, loss, dtype):
    X, result = fitted(loss, dtype=dtype)
    H = result.H.copy()
    H[1] = 0
    H[:, 4] = 0
    start = np.ones((len(X), 3), dtype), H
    other = nonneg.factorize(X, 3, loss=loss, start=start, solver="mu", stop=Iterations(1))
    assert not other.H[1].any()
    W = other.transform(X)
    assert np.isfinite(W).all()
    assert W[:, [0, 2]].any()


def test_type_of_the_result_is_that_of_the_rows(fitted, loss, dtype):
    X, result = fitted(loss, dtype=dtype)
    for other in (np.float32, np.float64):
        W = result.transform(X.astype(other))
        assert W.dtype == other
        np.testing.assert_allclose(W @ result.H, result.transform(X) @ result.H, atol=2e-2 * X.max())


@pytest.mark.parametrize("exponent", [20, -20])
def test_powers_of_two(fitted, loss, exponent):
    X, result = fitted(loss)
    W = result.transform(X)
    assert np.array_equal(result.transform(X * 2.0**exponent), W * 2.0**exponent)


def test_wrong_number_of_features(fitted, loss):
    X, result = fitted(loss)
    with pytest.raises(ValueError, match=r"X has 17 features, but .* 18 features"):
        result.transform(X[:, :17])


# --- the estimator --------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_the_estimator_transforms_as_its_result(loss, solver, dtype):
    X = counts(loss).astype(dtype)
    model = NMF(3, beta_loss=loss, solver=solver, random_state=0, max_iter=40, tol=0, alpha_W=0.01, l1_ratio=0.5)
    W = model.fit_transform(X[:30])
    assert np.array_equal(W, model.result_.W)
    new = model.transform(X[30:])
    assert np.array_equal(new, model.result_.transform(X[30:]))
    by_function, H, n = non_negative_factorization(
        X[30:], H=model.components_, update_H=False, beta_loss=loss, solver=solver, alpha_W=0.01, l1_ratio=0.5
    )
    assert n == 1
    assert H is not None
    assert np.array_equal(by_function, new)


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_score_is_the_explained_share(convert, loss, divergence):
    X, beta = counts(loss), NAMES.get(loss, loss)
    model = NMF(3, beta_loss=loss, random_state=0, max_iter=100, tol=0).fit(convert(X[:30]))
    for rows in (X[:30], X[30:], X[30:31]):
        own = divergence(rows, model.transform(convert(rows)) @ model.components_, beta)
        alone = divergence(rows, 0 * rows if beta == 2 else rows.mean(), beta)
        assert model.score(convert(rows)) == pytest.approx(1 - own / alone, abs=1e-9)
    assert 0 < model.score(convert(X)) < 1
    assert NMF(1, beta_loss=loss, random_state=0, max_iter=100, tol=0).fit(X).score(X) < model.score(X)


# --- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_a_loaded_model_is_the_same(loss, solver, dtype, tmp_path):
    X, penalty = counts(loss).astype(dtype), Penalty(0.02, 0.005, l1_ratio=0.5)
    floor = 0.2 if NAMES.get(loss, loss) <= 0 else None
    result = nonneg.factorize(
        X[:30], 3, loss=loss, solver=solver, penalty=penalty, floor=floor, seed=0, stop=Iterations(10)
    )
    result.save(tmp_path / "model")
    again = nonneg.load(tmp_path / "model")
    for name in ("loss_name", "loss_value", "error", "relative_error", "kkt", "reason", "seed", "n_iter"):
        assert getattr(again, name) == getattr(result, name)
    assert dict(again.settings) == dict(result.settings)
    assert repr(again) == repr(result)
    assert np.array_equal(again.transform(X[30:]), result.transform(X[30:]))
    on = nonneg.factorize(X[:30], 3, loss=loss, start=again, penalty=penalty, floor=floor, stop=Iterations(10))
    objective = min(on.trace.loss.min(), result.trace.loss.min())
    assert on.trace.loss.min() == objective


@pytest.mark.parametrize("name", ["", "kl", "beta=", "beta=nan", "beta=one", "no such loss"])
def test_a_file_with_another_loss_is_refused(name, tmp_path):
    result = nonneg.factorize(counts(1.5), 2, loss=1.5, seed=0, stop=Iterations(2))
    object.__setattr__(result, "loss_name", name)
    result.save(tmp_path / "model")
    with pytest.raises(ValueError, match="is not a nonneg model that can be read"):
        nonneg.load(tmp_path / "model")
