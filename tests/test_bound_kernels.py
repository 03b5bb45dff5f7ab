"""The kernels behind bounds and the simplex, at every level, against the conditions of an optimum."""

import numpy as np
import pytest

from nonneg import _core
from nonneg.solve.sweeps import step_lengths

SETTLED = {np.dtype(np.float32): (1e-5, 1e-4, 1e-6), np.dtype(np.float64): (1e-10, 1e-8, 1e-14)}


@pytest.fixture(params=[1, 3, 8, 21])
def k(request):
    return request.param


def problem(k, dtype, *, bounded, rows=37):
    """Return B, G and bounds for F of k x rows; the first part is known where there are bounds and others."""
    rng = np.random.default_rng(k)
    H = rng.exponential(size=(k, 30)).astype(dtype)
    X = (rng.dirichlet(np.full(k, 0.3), rows) @ H + 0.3 * rng.standard_normal((rows, 30))).astype(dtype)
    G, B = (H @ H.T).astype(np.float64), np.ascontiguousarray(H @ X.T)
    if not bounded:
        return B, G, None, None
    low, high = np.zeros((k, rows), dtype), rng.uniform(1.6 / k, 3 / k, (k, rows)).astype(dtype)
    if k > 1:
        low[0] = high[0] = 0.5 / k
    return B, G, low, high


def pull(F, B, G, low, high, total):
    """Return how far the slopes are from those of an optimum, relative to their size."""
    F, B = F.astype(float), B.astype(float)
    slope = G @ F - B
    up = np.where(np.inf if high is None else high > F, slope, np.inf)
    down = np.where((0 if low is None else low) < F, slope, -np.inf)
    gap = down.max(axis=0) - up.min(axis=0) if total else np.maximum(down.max(axis=0), -up.min(axis=0))
    return np.max(gap / np.abs(B).max(axis=0))


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("total", [1.0, None])
def test_sweeps_and_active_set(level, dtype, k, bounded, total):
    B, G, low, high = problem(k, dtype, bounded=bounded)
    tol, near, exact = SETTLED[dtype]
    F = np.zeros_like(B) if low is None else low.copy()
    left = np.zeros(F.shape[1], np.uint8)
    rest = (0, F.shape[1], 1, left, low, high)
    if total:
        _core.simplex(F, B, G.astype(dtype), step_lengths(G).astype(dtype), total, 2000, tol, *rest)
    else:
        _core.sweeps(F, B, G.astype(dtype), 0.0, 2000, tol, *rest)
    assert not left.any()
    assert pull(F, B, G, low, high, total) < near
    swept = F.copy()
    assert _core.active_set(F, B, G, 0.0, total or -1.0, 0, F.shape[1], 1, None, low, high) == 0
    assert pull(F, B, G, low, high, total) < max(100 * exact, 1e-12)
    assert np.allclose(F, swept, atol=10 * near)
    for found in (F, swept):
        assert low is None or (np.all(found >= low) and np.all(found <= high))
        assert total is None or np.abs(found.sum(axis=0, dtype=np.float64) - total).max() < 4 * exact * k


@pytest.mark.parametrize("bounded", [False, True])
def test_the_nearest_point_of_a_simplex(level, dtype, bounded):
    B, G, low, high = problem(8, dtype, bounded=bounded)
    F = (np.random.default_rng(0).standard_normal(B.shape) * np.logspace(-3, 3, 37)).astype(dtype)
    found = F.copy()
    _core.simplex(found, F, G.astype(dtype), np.ones(8, dtype), 1.0, 0, 0.0, 0, 37, 1, None, low, high)
    # It is the optimum of 1/2 |f - F|^2: for the entries within their bounds the difference is one number.
    tol = 1e-14 if dtype == np.float64 else 1e-6
    assert np.abs(found.sum(axis=0, dtype=np.float64) - 1).max() < 10 * tol
    shift = F.astype(float) - found
    free = (found > (0 if low is None else low)) & (found < (1 if high is None else high))
    for column in np.flatnonzero(free.any(axis=0)):
        here, at = shift[:, column], free[:, column]
        assert np.ptp(here[at]) <= 1e4 * tol * np.abs(F[:, column]).max()
        lowest = found[:, column] == (0 if low is None else low[:, column])
        known = np.zeros(8, bool) if low is None else low[:, column] == high[:, column]
        assert np.all(here[lowest & ~known] <= here[at].mean() + 1e4 * tol * np.abs(F[:, column]).max())


def test_a_singular_gram_matrix_that_the_sum_makes_regular(level):
    H = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    W = np.random.default_rng(0).dirichlet(np.ones(3), 9).T
    F = np.full((3, 9), 1 / 3)
    assert _core.active_set(F, np.ascontiguousarray(H @ H.T @ W), H @ H.T, 0.0, 1.0, 0, 9) == 0
    assert np.allclose(F, W, atol=1e-12)


def test_parts_of_very_different_size(level):
    H = np.vstack([np.random.default_rng(0).exponential(size=(3, 10)), np.full((1, 10), 1e9)])
    W = np.array([[0.2], [0.5], [0.3], [0.0]])
    F = np.full((4, 1), 0.25)
    _core.active_set(F, np.ascontiguousarray(H @ H.T @ W), H @ H.T, 0.0, 1.0, 0, 1)
    assert np.allclose(F, W, atol=1e-4)


def test_steps_are_as_long_as_the_curvature_allows():
    for k in (2, 7, 40):
        H = np.random.default_rng(k).exponential(size=(k, 50)) * np.logspace(-3, 3, k)[:, None]
        G = H @ H.T
        root = np.sqrt(step_lengths(G))
        across = np.eye(k) - np.outer(root, root) / np.sum(root**2)  # in units of the steps
        largest = np.linalg.eigvalsh(across @ (G * root[:, None] * root) @ across)[-1]
        assert 1 / 1.35 <= largest <= 1
    assert np.isfinite(step_lengths(np.zeros((3, 3)))).all()
    assert np.isfinite(step_lengths(np.diag([0.0, 2.0, 3.0]))).all()
    assert np.isfinite(step_lengths(np.ones((3, 3)))).all()
    assert np.isfinite(step_lengths(np.ones((1, 1)))).all()


def test_bounds_come_in_pairs_of_the_right_shape(dtype):
    F, G = np.ones((4, 6), dtype), np.eye(4, dtype=dtype)
    for low, high in ((F, None), (None, F), (F[:3], F), (F, np.ones((4, 7), dtype))):
        with pytest.raises(ValueError, match="bounds"):
            _core.sweeps(F.copy(), F, G, 0.0, 1, 0.0, 0, 6, 1, None, low, high)
        with pytest.raises(ValueError, match="bounds"):
            _core.DivergenceRule("descend", 1.0, low=low, high=high)
    X, lines, slopes = np.ones((6, 5), dtype), np.ones((4, 16), dtype), np.ones(4, dtype)
    for wrong in (np.ones((4, 7), dtype), np.ones((4, 6), np.float32 if dtype == np.float64 else np.float64)):
        rule = _core.DivergenceRule("descend", 1.0, low=wrong, high=wrong)
        with pytest.raises(ValueError, match="bounds"):
            _core.divergence_dense(X, 1.0, 1.0, lines, F.copy(), slopes, rule, 0, 6)
