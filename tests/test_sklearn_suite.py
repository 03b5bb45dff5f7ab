"""scikit-learn's own tests of NMF, taken from the installed scikit-learn, with our classes in their place.

Every loss and both solvers. Left out, by name:

* tests of scikit-learn's private functions: they would test scikit-learn.
* test_nmf_float32_float64_consistency: k = n_features is an exact fit with many solutions.
  `test_float32_equals_float64` below compares W H and the loss instead.
* test_minibatch_nmf_partial_fit: it feeds ten batches that overlap to one model and all data to the other, and
  agrees because each call overwrites the caller's H. `test_mini_batch.py` feeds both the same batches.
* test_nmf_decreasing with "cd": it counts the L2 penalty twice and calls one sweep at a time.
  `test_objective_never_rises` below follows the true objective, for every loss and solver.
"""

import importlib
import sys

import numpy as np
import pytest
from sklearn import decomposition

import nonneg

OURS = {name: getattr(nonneg, name) for name in ("NMF", "MiniBatchNMF", "non_negative_factorization")}
PRIVATE = {
    "test_initialize_nn_output",
    "test_initialize_close",
    "test_initialize_variants",
    "test_beta_divergence",
    "test_special_sparse_dot",
    "test_nmf_underflow",
}
OWN_TEST_BELOW = {"test_nmf_float32_float64_consistency"}
OTHER_BATCHES = {"test_minibatch_nmf_partial_fit"}
LEFT_OUT = PRIVATE | OTHER_BATCHES | OWN_TEST_BELOW
# Parameters of a test that is run with others.
LEFT_OUT_WITH = {"test_nmf_decreasing": "cd"}


def without(mark, value):
    """Drop one value of a parameter."""
    if mark.name != "parametrize":
        return mark
    assert value in mark.args[1], "an excluded parameter is gone: look again"
    return pytest.mark.parametrize(mark.args[0], [x for x in mark.args[1] if x != value], **mark.kwargs).mark


def load_suite():
    name = "sklearn.decomposition.tests.test_nmf"
    saved = {key: getattr(decomposition, key) for key in OURS}
    for key, value in OURS.items():
        setattr(decomposition, key, value)
    sys.modules.pop(name, None)
    try:
        module = importlib.import_module(name)
    finally:
        for key, value in saved.items():
            setattr(decomposition, key, value)
        sys.modules.pop(name, None)
    for key, value in OURS.items():
        assert getattr(module, key) is value
    tests = {key: value for key, value in vars(module).items() if key.startswith("test_")}
    assert tests.keys() >= LEFT_OUT | LEFT_OUT_WITH.keys(), "an excluded test is gone: look again"
    for key, value in LEFT_OUT_WITH.items():
        tests[key].pytestmark = [without(mark, value) for mark in tests[key].pytestmark]
    return {key: value for key, value in tests.items() if key not in LEFT_OUT}


pytestmark = [
    # Some of these tests penalise one side only, some stop early, and some lock zeros; scikit-learn lets all pass.
    pytest.mark.filterwarnings("ignore:Only [WH] is penalised:UserWarning"),
    pytest.mark.filterwarnings("ignore:The multiplicative update:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

globals().update(load_suite())


# With k = 7 the fit is exact; multiplicative updates take for ever to get there.
@pytest.mark.parametrize(
    ("beta_loss", "solver", "k"),
    [(2, "auto", 3), (2, "auto", 7), (1, "auto", 3), (1, "auto", 7)]
    + [(beta, solver, 3) for beta in (0, 0.5, 1, 1.5, 2, 3) for solver in ("auto", "mu") if beta not in (1, 2)]
    + [(1, "mu", 3), (2, "mu", 3)],
)
def test_float32_equals_float64(beta_loss, solver, k):
    X = np.abs(np.random.RandomState(0).randn(50, 7))
    limit = 20000 if beta_loss in (1, 2) and solver == "auto" else 300
    options = {"random_state": 0, "tol": 1e-9, "max_iter": limit, "solver": solver, "beta_loss": beta_loss}
    double = nonneg.NMF(k, **options).fit(X).result_
    single = nonneg.NMF(k, **options).fit(X.astype(np.float32)).result_
    assert single.H.dtype == np.float32
    assert single.relative_error == pytest.approx(
        double.relative_error, rel=1e-3 if beta_loss != 2 else 1e-5, abs=1e-5
    )
    if k == 7:
        np.testing.assert_allclose(single.reconstruct(), double.reconstruct(), atol=1e-5 * X.max())


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("beta_loss", [-1.2, 0.0, 0.2, 1.0, 1.5, 2.0, 2.5])
@pytest.mark.parametrize(("alpha_W", "l1_ratio"), [(0.0, 0.0), (1e-2, 0.0), (1e-2, 0.5), (1e-2, 1.0)])
def test_objective_never_rises(beta_loss, solver, alpha_W, l1_ratio, divergence):
    rng = np.random.RandomState(42)
    X = np.abs(rng.randn(20, 15))
    W, H = np.abs(rng.randn(20, 10)), np.abs(rng.randn(10, 15))

    def objective(W, H):
        l1, l2 = 15 * W.sum() + 20 * H.sum(), 15 * (W**2).sum() + 20 * (H**2).sum()
        penalty = l1_ratio * l1 + (1 - l1_ratio) / 2 * l2
        return divergence(X, W @ H, beta_loss) + alpha_W * penalty

    first = last = objective(W, H)
    for _ in range(20):
        W, H, _ = nonneg.non_negative_factorization(
            X,
            W,
            H,
            init="custom",
            n_components=10,
            max_iter=1,
            solver=solver,
            beta_loss=beta_loss,
            alpha_W=alpha_W,
            l1_ratio=l1_ratio,
            tol=0,
        )
        now = objective(W, H)
        assert now <= last * (1 + 1e-12)
        last = now
    assert last < 0.8 * first
