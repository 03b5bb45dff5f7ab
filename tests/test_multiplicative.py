"""`solver="mu"` is scikit-learn's: the same iterates at equal counts, up to scale and order of the parts."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition import non_negative_factorization as scikit_learns
from sklearn.decomposition._nmf import _initialize_nmf

import nonneg
from nonneg import Iterations, Penalty

BETAS = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
PENALTIES = {
    "none": Penalty(),
    "L2": Penalty(0.01),
    "L1": Penalty(0.01, l1_ratio=1.0),
    "mixed": Penalty(0.02, 0.005, l1_ratio=0.5),
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=BETAS)
def beta(request):
    return request.param


@pytest.fixture(params=PENALTIES)
def penalty(request):
    return PENALTIES[request.param]


def counts(beta, m=20, n=13, seed=0):
    """Return counts, above zero where the loss needs it; else with an empty row and an empty column."""
    rng = np.random.default_rng(seed)
    X = rng.poisson(2, (m, n)).astype(float)
    if beta <= 0:
        return X + 0.1 + rng.random(X.shape)
    X[3] = X[:, 5] = 0
    return X


def start(m, n, k=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((m, k)) + 0.1, rng.random((k, n)) + 0.1


def theirs(X, beta, penalty, begin, iterations):
    # scikit-learn pairs the entries of a CSC matrix with a model in CSR order: right for other kinds only.
    X = scipy.sparse.csr_array(X) if scipy.sparse.issparse(X) else X
    options = {"alpha_W": penalty.alpha_W, "alpha_H": penalty.alpha_H, "l1_ratio": penalty.l1_ratio}
    options |= {"beta_loss": beta, "max_iter": iterations, "tol": 0}
    W, H = (F.astype(X.dtype) for F in begin)
    return scikit_learns(X, W, H, W.shape[1], init="custom", solver="mu", **options)[:2]


def same_parts(result, W, H, rel):
    """Hold a result in the order of its start against factors of any scale."""
    product = W.astype(float) @ H
    assert np.abs(result.reconstruct() - product).max() <= rel * product.max()
    ours, others = (F / np.maximum(F.sum(axis=1, dtype=float, keepdims=True), 1e-300) for F in (result.H, H))
    assert np.abs(ours - others).max() <= rel
    ours, others = (F / np.maximum(F.sum(axis=0, dtype=float), 1e-300) for F in (result.W, W))
    assert np.abs(ours - others).max() <= rel


def test_iterates_are_scikit_learns(kinds, beta, penalty):
    X, begin = counts(beta), start(20, 13)
    for iterations in (1, 2, 50):
        W, H = theirs(X, beta, penalty, begin, iterations)
        for _, convert in kinds.values():
            result = nonneg.factorize(
                convert(X), 4, loss=beta, solver="mu", start=begin, penalty=penalty, stop=Iterations(iterations)
            )
            same_parts(result, W, H, rel=1e-9)
    W, H = theirs(scipy.sparse.csr_array(X), beta, penalty, begin, iterations)
    same_parts(result, W, H, rel=1e-9)


# The floors of scikit-learn's updates are numbers in the units of X.
# Penalties would leave nothing of small data.
@pytest.mark.parametrize(("factor", "name"), [(1e-3, "none"), *((1e5, name) for name in PENALTIES)])
def test_iterates_at_any_scale(factor, name, beta):
    penalty = PENALTIES[name]
    X, begin = factor * counts(beta), start(20, 13)
    for iterations in (1, 5):
        result = nonneg.factorize(
            X, 4, loss=beta, solver="mu", start=begin, penalty=penalty, stop=Iterations(iterations)
        )
        same_parts(result, *theirs(X, beta, penalty, begin, iterations), rel=1e-9)


def test_floors_are_where_scikit_learns_are(beta):
    # W H starts far below 1e-7: under some losses the numerator takes the floor, or the denominator, or none.
    X, (W, H) = counts(beta), start(20, 13)
    for iterations in (1, 2):
        begin = 1e-5 * W, 1e-4 * H
        result = nonneg.factorize(X, 4, loss=beta, solver="mu", start=begin, stop=Iterations(iterations))
        same_parts(result, *theirs(X, beta, Penalty(), begin, iterations), rel=1e-9)


def test_iterates_in_float32(kinds, beta, penalty):
    X, begin = counts(beta).astype(np.float32), start(20, 13)
    W, H = theirs(X, beta, penalty, begin, 10)
    for _, convert in kinds.values():
        result = nonneg.factorize(
            convert(X), 4, loss=beta, solver="mu", start=begin, penalty=penalty, stop=Iterations(10)
        )
        assert result.H.dtype == np.float32
        same_parts(result, W, H, rel=3e-4)


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_zeros_of_a_start_stay(convert, beta):
    X, (W, H) = counts(beta), start(20, 13)
    W[::3, 1] = H[2, ::4] = 0
    result = nonneg.factorize(convert(X), 4, loss=beta, solver="mu", start=(W, H), stop=Iterations(20))
    assert not result.W[::3, 1].any()
    assert not result.H[2, ::4].any()
    same_parts(result, *theirs(convert(X), beta, Penalty(), (W, H), 20), rel=1e-9)


def test_long_runs_clear_what_scikit_learn_clears(beta):
    # Entries on their way to zero: below some size scikit-learn makes them zero, for beta <= 1.
    X, begin = counts(beta), start(20, 13)
    result = nonneg.factorize(X, 4, loss=beta, solver="mu", start=begin, stop=Iterations(1500))
    W, H = theirs(X, beta, Penalty(), begin, 1500)
    same_parts(result, W, H, rel=1e-5)
    # ... and keeps others, which end where numbers end.
    for ours, others in ((result.W, W), (result.H, H)):
        assert ours[others > 1e-200].all()
        assert ours[others == 0].max(initial=0) < 1e-200


@pytest.mark.parametrize("k", [1, 5, 13])
def test_the_estimator_draws_scikit_learns_start(k, beta):
    X = counts(beta)
    options = {"init": "random", "random_state": 3, "solver": "mu", "beta_loss": beta, "tol": 0, "max_iter": 15}
    ours, other = nonneg.NMF(k, **options), SklearnNMF(k, **options)
    ours.fit(X)
    W = other.fit_transform(X)
    order = np.argsort(-W.sum(axis=0) * other.components_.sum(axis=1), kind="stable")
    # One part is found to rounding: the best iterate need not be the last.
    same_parts(ours.result_, W[:, order], other.components_[order], rel=1e-6 if k == 1 else 1e-9)
    assert ours.n_iter_ == 15


def test_the_loss_is_scikit_learns(beta):
    X, begin = counts(beta), start(20, 13)
    for n in (1, 10):
        options = {"init": "custom", "solver": "mu", "beta_loss": beta, "tol": 0, "max_iter": n}
        ours, other = nonneg.NMF(4, **options), SklearnNMF(4, **options)
        ours.fit(X, W=begin[0], H=begin[1])
        other.fit(X, W=begin[0].copy(), H=begin[1].copy())
        assert ours.reconstruction_err_ == pytest.approx(other.reconstruction_err_, rel=1e-6)


def test_the_objective_never_rises(beta, penalty):
    result = nonneg.factorize(
        counts(beta), 4, loss=beta, solver="mu", start=start(20, 13), penalty=penalty, stop=Iterations(100)
    )
    # Clearing small entries costs a little, and scikit-learn's exponent is proved without a penalty only.
    assert (np.diff(result.trace.loss) <= 1e-9 * result.trace.loss[1:]).all()
    assert result.trace.loss[-1] < 0.9 * result.trace.loss[0]
    assert result.settings["solver"] == "mu"


def test_nothing_is_warmed_up(planted, beta):
    # Neither a sketch nor an eleventh of the rows: they would not be scikit-learn's iterates.
    for shape in ((120, 110), (4200, 8)):
        X = planted(*shape, 3, noise=0.05)[0] + 0.1
        result = nonneg.factorize(X, 2, loss=beta, solver="mu", start="random", seed=0, stop=Iterations(3))
        assert result.settings["sketch"] is result.settings["thinned"] is None
        W, H = _initialize_nmf(X, 2, "random", random_state=0)
        W, H = theirs(X, beta, Penalty(), (W, H), 3)
        order = np.argsort(-W.sum(axis=0) * H.sum(axis=1), kind="stable")
        same_parts(result, W[:, order], H[order], rel=1e-8)
