"""Signals as numbers: which one is which, of one size, and how far runs differ."""

import numpy as np
import pytest

import nonneg
from nonneg import Iterations, Penalty, RelativeDecrease
from nonneg.datasets import make_signals
from nonneg.explain.plots.signals import (
    CONSTANT,
    fit_to,
    independent_components,
    range_of_runs,
    standardized,
)


def test_least_volume_closes_the_band_of_random_starts():
    """At equal loss, here of a fit that is exact or nearly so, runs differ by the luck of their start."""
    X = make_signals(m=400, n=30).data
    stop = [RelativeDecrease(1e-7), Iterations(20_000)]
    widths = []
    for penalty in (None, Penalty(min_volume="W")):
        runs = [nonneg.factorize(X, 3, start="random", seed=seed, penalty=penalty, stop=stop) for seed in range(6)]
        assert max(run.relative_error for run in runs) < 2e-5
        low, high = range_of_runs([run.W for run in runs])
        widths.append((high - low).mean(axis=0))
    assert widths[0].max() > 0.2
    assert widths[1].max() < 0.02 * widths[0].max()


def test_signals_are_matched_all_together():
    """The best partner of the one column may be the only good one of the other."""
    rng = np.random.default_rng(0)
    a, b, c = standardized(rng.standard_normal((500, 3))).T
    truth = np.stack([a, a + 0.2 * b], axis=1)
    found = np.stack([a + 0.1 * b, c + 0.5 * a], axis=1)
    order, correlation = fit_to(found, truth, signed=True)
    every = np.corrcoef(truth.T, found.T)[:2, 2:]
    best = max(([0, 1], [1, 0]), key=lambda way: every[[0, 1], way].sum())
    assert order.tolist() == best
    np.testing.assert_allclose(correlation, every[[0, 1], best])


def test_either_sign_fits_only_where_signs_are_open():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((300, 2))
    found = truth[:, ::-1] * [-1, 1]
    order, correlation = fit_to(found, truth, signed=False)
    assert order.tolist() == [1, 0]
    np.testing.assert_allclose(correlation, [1, -1])
    signed = np.stack([-truth[:, 0], truth[:, 0] + 3 * rng.standard_normal(300)], axis=1)
    assert fit_to(signed, truth[:, :1], signed=True)[0] == [1]
    assert fit_to(signed, truth[:, :1], signed=False)[0] == [0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_no_component_is_made_of_rounding(dtype):
    """Whole numbers of rank 3: a fourth component would be noise of the arithmetic, blown up to full size."""
    random = np.random.default_rng(0)
    X = (random.integers(0, 9, (200, 3)) @ random.integers(0, 9, (3, 20))).astype(dtype)
    components = independent_components(X, 5)
    assert components.std(axis=0)[:3] == pytest.approx([1, 1, 1], rel=1e-2)
    assert not components[:, 3:].any()


def test_more_sources_than_signals():
    rng = np.random.default_rng(0)
    truth = rng.random((100, 3))
    order, correlation = fit_to(truth[:, 1:2], truth, signed=True)
    assert order.tolist() == [-1, 0, -1]
    np.testing.assert_allclose(correlation, [0, 1, 0])


def test_range_holds_every_run_matched_and_of_one_size():
    rng = np.random.default_rng(0)
    W = rng.random((50, 3))
    low, high = range_of_runs([W, 7 * W[:, [2, 0, 1]] + 1])
    np.testing.assert_allclose(low, standardized(W), atol=1e-12)
    np.testing.assert_allclose(high, standardized(W), atol=1e-12)
    other = W + 0.3 * rng.random(W.shape)
    low, high = range_of_runs([W, other[:, [1, 2, 0]]])
    both = np.stack([standardized(W), standardized(other)])
    np.testing.assert_allclose(low, both.min(axis=0))
    np.testing.assert_allclose(high, both.max(axis=0))


def test_a_constant_signal_and_rounding_are_flat():
    signals = np.stack([np.arange(4.0), np.full(4, 3.0), 0.1 * CONSTANT * np.array([1.0, -1.0, 1.0, -1.0])], axis=1)
    out = standardized(signals)
    np.testing.assert_allclose(out[:, 0], (np.arange(4) - 1.5) / np.std(np.arange(4)))
    assert not out[:, 1:].any()
