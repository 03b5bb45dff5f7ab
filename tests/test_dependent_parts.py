"""Parts that depend on others, such as more of them than features: W is one of many."""

import numpy as np
import pytest
import scipy.optimize

import nonneg


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(("k", "most"), [(12, 1e-6), (60, 0.02), (150, 0.02)])
def test_w_is_close_to_a_least_squares_solution(k, most, exact):
    random = np.random.default_rng(k)
    X = random.gamma(1, 1, (20, 8))
    result = nonneg.factorize(X, k, start="random", seed=0, stop=nonneg.Iterations(3))
    new = random.gamma(1, 1, (30, 8))
    W = result.transform(new, exact=exact)
    least = [scipy.optimize.nnls(result.H.T, x)[1] for x in new]
    left = np.linalg.norm(new - W @ result.H, axis=1)
    assert (W >= 0).all()
    assert (left <= least + most * np.linalg.norm(new, axis=1)).all()


def test_parts_that_are_all_alike():
    H = np.tile([[1.0, 2.0, 3.0]], (40, 1))
    X = np.outer([1.0, 2.0, 0.0], [1.0, 2.0, 3.0])
    W, _, _ = nonneg.non_negative_factorization(X, H=H, n_components=40, init="custom", update_H=False)
    np.testing.assert_allclose(W @ H, X, atol=1e-9)


@pytest.mark.parametrize("k", [20, 50, 100])
def test_many_more_parts_than_features_fit_to_the_end(k):
    # Many supports explain a row, and pivoting wanders among them.
    for seed in range(3):
        X = np.random.default_rng(seed).random((20, 10))
        result = nonneg.factorize(X, k, seed=1)
        assert result.reason == "exact"
        assert result.relative_error < 1e-8
        np.testing.assert_allclose(result.transform(X) @ result.H, X, atol=1e-8)
