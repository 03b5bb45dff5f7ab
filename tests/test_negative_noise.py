"""Noise below zero: data whose background was subtracted, fitted as they are, with the error of each entry."""

import numpy as np
import pytest

import nonneg

SEEDS = range(4)
# Standard errors of quiet and of noisy columns; how far rows differ. Weights spread little, and much.
ALIKE, APART = (1.0, 1.6, 0.2), (0.4, 2.0, 0.6)


def faint(seed, errors=APART):
    """Make X with noise larger than it is, its standard errors, and what it is without noise."""
    quiet, noisy, spread = errors
    rng = np.random.default_rng(seed)
    # A smooth background to every part keeps W H off the bounds, where an estimate cannot scatter to both sides.
    H = 0.2 + 0.1 * rng.random((2, 60)) + 2 * (rng.random((2, 60)) < 0.05)
    truth = rng.gamma(3, 1 / 3, (400, 2)) @ H
    error = rng.choice([quiet, noisy], 60) * rng.uniform(1 - spread, 1 + spread, (400, 1))
    return truth + error * rng.standard_normal(truth.shape), error, truth


def biases(fits):
    """Return by which fraction the sums of W H are too large, over columns with little and with much noise."""
    out = []
    for result, error, truth in fits:
        noisy = error[0] > error[0].mean()
        out.append([result.reconstruct()[:, some].sum() / truth[:, some].sum() - 1 for some in (~noisy, noisy)])
    return np.mean(out, axis=0)


def fits(errors=APART, change=lambda X: X, missing_share=0.0, dtype=np.float64):
    stop = (nonneg.RelativeDecrease(1e-6), nonneg.Iterations(2000))
    for seed in SEEDS:
        X, error, truth = faint(seed, errors)
        X[np.random.default_rng(100 + seed).random(X.shape) < missing_share] = np.nan
        options = {"uncertainty": error, "negative": "allow", "seed": seed, "stop": stop}
        yield nonneg.factorize(change(X).astype(dtype), 2, **options), error, truth


@pytest.mark.parametrize("missing_share", [0.0, 0.2])
@pytest.mark.parametrize("errors", [ALIKE, APART], ids=["alike", "apart"])
def test_what_is_below_zero_biases_nothing(errors, missing_share):
    """Both ways to solve it: what to expect of a whole X from a mean weight of 0.25 on, else row by row."""
    error = faint(0, errors)[1]
    assert (np.mean((error.min() / error) ** 2) > 0.25 / (1 - missing_share)) == (errors is ALIKE)
    assert np.abs(biases(fits(errors, missing_share=missing_share))).max() < 0.03


def test_float32_is_no_more_biased():
    assert np.abs(biases(fits(dtype=np.float32))).max() < 0.03


@pytest.mark.parametrize(
    "change", [lambda X: np.maximum(X, 0), lambda X: np.where(X < 0, np.nan, X)], ids=["clipped", "left out"]
)
def test_the_test_sees_a_bias(change):
    assert biases(fits(change=change))[1] > 0.2


def test_weights_say_which_columns_to_believe():
    """Without uncertainties, the noisy columns spoil W, and so the others."""

    def error_of(**options):
        X, error, truth = faint(0)
        options = options or {"uncertainty": error}
        fit = nonneg.factorize(X, 2, negative="allow", seed=0, **options)
        return np.sqrt(np.mean((fit.reconstruct() - truth) ** 2))

    assert error_of() < 0.8 * error_of(weights=1.0)
