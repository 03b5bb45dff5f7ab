"""scikit-learn's own tests of NMF, taken from the installed scikit-learn, with our class in its place.

Left out: tests of its private functions, MiniBatchNMF, the "mu" solver and other losses; and, by name,

* test_nmf_float32_float64_consistency: k = n_features is an exact fit with many solutions.
  `test_float32_equals_float64` below compares W H and the loss instead.
* test_nmf_decreasing: it counts the L2 penalty twice and calls one sweep at a time.
  `test_objective_never_rises` below follows the true objective.
"""

import importlib
import sys

import numpy as np
import pytest
from sklearn import decomposition

import nonneg

OURS = {"NMF": nonneg.NMF, "non_negative_factorization": nonneg.non_negative_factorization}
PRIVATE = {
    "test_initialize_nn_output",
    "test_initialize_close",
    "test_initialize_variants",
    "test_beta_divergence",
    "test_special_sparse_dot",
}
OTHER_LOSSES = {
    "test_nmf_multiplicative_update_sparse",
    "test_nmf_negative_beta_loss",
    "test_nmf_minibatchnmf_equivalence",
    "test_nmf_underflow",
    "test_nmf_true_reconstruction",
}
MINIBATCH = {
    "test_minibatch_nmf_transform",
    "test_mbnmf_inverse_transform",
    "test_minibatch_nmf_negative_beta_loss",
    "test_minibatch_nmf_partial_fit",
    "test_minibatch_nmf_verbose",
}
OWN_TEST_BELOW = {"test_nmf_float32_float64_consistency", "test_nmf_decreasing"}
LEFT_OUT = PRIVATE | OTHER_LOSSES | MINIBATCH | OWN_TEST_BELOW


def ours_only(mark):
    """Keep the parameters that name our class and its coordinate descent."""
    if mark.name != "parametrize":
        return mark
    names, values = mark.args[0], list(mark.args[1])
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")]

    def kept(value):
        row = dict(zip(names, value if len(names) > 1 else [value], strict=True))
        options = row.get("solver", {})
        solver = options.get("solver", "cd") if isinstance(options, dict) else options
        return solver != "mu" and row.get("Estimator", nonneg.NMF) is nonneg.NMF

    return pytest.mark.parametrize(mark.args[0], [value for value in values if kept(value)], **mark.kwargs).mark


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
    assert module.NMF is nonneg.NMF
    tests = {key: value for key, value in vars(module).items() if key.startswith("test_")}
    assert tests.keys() >= LEFT_OUT, "an excluded test is gone: look again"
    for test in tests.values():
        test.pytestmark = [ours_only(mark) for mark in getattr(test, "pytestmark", [])]
    return {key: value for key, value in tests.items() if key not in LEFT_OUT}


pytestmark = [
    # Some of these tests penalise one side only, and some stop early; scikit-learn's own run lets both pass.
    pytest.mark.filterwarnings("ignore:Only [WH] is penalised:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

globals().update(load_suite())


@pytest.mark.parametrize("k", [3, 7])
def test_float32_equals_float64(k):
    X = np.abs(np.random.RandomState(0).randn(50, 7))
    options = {"random_state": 0, "tol": 1e-9, "max_iter": 20000}
    double = nonneg.NMF(k, **options).fit(X).result_
    single = nonneg.NMF(k, **options).fit(X.astype(np.float32)).result_
    assert single.H.dtype == np.float32
    np.testing.assert_allclose(single.error, double.error, rtol=1e-5, atol=1e-5 * np.linalg.norm(X))
    if k == 7:
        np.testing.assert_allclose(single.reconstruct(), double.reconstruct(), atol=1e-5 * X.max())


@pytest.mark.parametrize("alpha_W", [0.0, 1e-2])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_objective_never_rises(alpha_W, l1_ratio):
    rng = np.random.RandomState(42)
    X = np.abs(rng.randn(20, 15))
    W, H = np.abs(rng.randn(20, 10)), np.abs(rng.randn(10, 15))

    def objective(W, H):
        l1, l2 = 15 * W.sum() + 20 * H.sum(), 15 * (W**2).sum() + 20 * (H**2).sum()
        penalty = l1_ratio * l1 + (1 - l1_ratio) / 2 * l2
        return ((X - W @ H) ** 2).sum() / 2 + alpha_W * penalty

    last = objective(W, H)
    for _ in range(30):
        W, H, _ = nonneg.non_negative_factorization(
            X, W, H, init="custom", n_components=10, max_iter=1, alpha_W=alpha_W, l1_ratio=l1_ratio, tol=0
        )
        now = objective(W, H)
        assert now <= last * (1 + 1e-12)
        last = now
