"""The squared error goes first where large dense data have another loss, and only shortens the way."""

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import Iterations, KKTBelow, Penalty, RelativeDecrease
from nonneg.data import as_source, observe
from nonneg.solve import warmup
from nonneg.solve.bounds import FREE
from nonneg.solve.solvers import solver_for
from nonneg.solve.starts import random_start
from nonneg.solve.stop import State

LOSSES = ("itakura-saito", 0.5, "kullback-leibler", 1.5, 3.0)
K = 3
# The smallest side that counts as large for three parts.
SIDE = 4 * warmup.width(K)


def data(m=SIDE + 10, n=SIDE, k=K, seed=0):
    """Return positive data around k parts, and those."""
    rng = np.random.default_rng(seed)
    W, H = rng.exponential(size=(m, k)) + 0.1, rng.exponential(size=(k, n)) + 0.1
    return W @ H * rng.uniform(0.8, 1.2, (m, n)), W, H


def warmed(source, start):
    """Return what the warm-up makes of a start under Kullback-Leibler."""
    solver = solver_for(1.0, "auto")
    whole = solver.problem(source, Penalty().shrinks((0, 0)), FREE)
    return warmup.WarmUp(source, K, Penalty(), 1.0, solver, 0)(whole, start, [], State(), None)


def without(monkeypatch):
    """Let nothing be large."""
    monkeypatch.setattr(warmup, "width", lambda k: 2**40)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_first_iteration_begins_nearer_to_the_end(loss, monkeypatch):
    X = data()[0]
    options = {"loss": loss, "start": "random", "seed": 0}
    warm = nonneg.factorize(X, K, **options, stop=Iterations(1))
    assert warm.settings["squared_error_first"]
    end = nonneg.factorize(X, K, **options, stop=[RelativeDecrease(1e-7), Iterations(1000)]).loss_value
    without(monkeypatch)
    plain = nonneg.factorize(X, K, **options, stop=Iterations(1))
    assert not plain.settings["squared_error_first"]
    assert warm.trace.loss[0] - end < 0.6 * (plain.trace.loss[0] - end)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", [Penalty(), Penalty(0.003, l1_ratio=0.5)])
def test_it_only_shortens_the_way(loss, penalty, monkeypatch):
    X, W, H = data()
    options = {"loss": loss, "start": (W, H), "penalty": penalty, "stop": [RelativeDecrease(1e-9), Iterations(2000)]}
    warm = nonneg.factorize(X, K, **options)
    without(monkeypatch)
    plain = nonneg.factorize(X, K, **options)
    assert warm.settings["squared_error_first"]
    assert warm.trace.loss[-1] == pytest.approx(plain.trace.loss[-1], rel=5e-4)
    np.testing.assert_allclose(warm.W @ warm.H, plain.W @ plain.H, atol=1e-2 * X.max())


@pytest.mark.parametrize("loss", ["kullback-leibler", 1.5])
def test_small_sparse_and_plainly_multiplied_data_do_without(loss):
    X = data()[0]
    for given, solver in ((X[:, 1:], "auto"), (scipy.sparse.csr_array(X), "auto"), (X, "mu")):
        result = nonneg.factorize(given, K, loss=loss, solver=solver, seed=0, stop=Iterations(2))
        assert not result.settings["squared_error_first"]
    # The squared error itself is not another loss.
    assert not nonneg.factorize(X, K, seed=0, stop=Iterations(2)).settings["squared_error_first"]


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito"])
def test_bits_depend_on_neither_threads_nor_powers_of_two(loss, dtype, settings_of_equal_bits):
    assert settings_of_equal_bits(data()[0].astype(dtype), K, loss=loss)["squared_error_first"]


def test_rows_count_as_often_as_they_are_there():
    X, W, H = data()
    counts = np.random.default_rng(1).integers(0, 4, len(X))
    options = {"loss": "kullback-leibler", "stop": [KKTBelow(1e-7), Iterations(2000)]}
    weighed = nonneg.factorize(X, K, start=(W, H), sample_weight=counts, **options)
    repeated = nonneg.factorize(np.repeat(X, counts, axis=0), K, start=(np.repeat(W, counts, axis=0), H), **options)
    assert weighed.settings["squared_error_first"]
    assert repeated.settings["squared_error_first"]
    assert weighed.loss_value == pytest.approx(repeated.loss_value, rel=1e-8)
    same = np.repeat(weighed.reconstruct(), counts, axis=0)
    np.testing.assert_allclose(same, repeated.reconstruct(), atol=1e-6 * X.max())


def test_rows_come_back_as_they_are():
    W, H = data()[1:]
    X = W @ H
    counts = np.random.default_rng(1).integers(0, 100, len(X))
    source = as_source(observe(X, sample_weight=counts))
    found_W, found_H = warmed(source, random_start(source, K, 0))
    seen = counts > 0
    off = found_W.T @ found_H - source.scale.up(X)
    assert np.linalg.norm(off[seen]) < 0.1 * np.linalg.norm(source.scale.up(X)[seen])


def test_noise_that_no_sketch_holds_is_met_on_all_of_x():
    X = (np.random.default_rng(0).random((SIDE, SIDE)) < 0.1).astype(float)
    result = nonneg.factorize(X, K, loss="kullback-leibler", seed=0, stop=Iterations(3))
    assert result.settings["sketch"] is None
    assert result.settings["squared_error_first"]


def test_gaps_are_filled_for_it():
    X, W, H = data()
    X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    result = nonneg.factorize(X, K, loss="kullback-leibler", start="random", seed=0)
    assert result.settings["squared_error_first"]
    truth = nonneg.factorize(X, K, loss="kullback-leibler", start=(W, H))
    assert result.loss_value == pytest.approx(truth.loss_value, rel=1e-3)


def test_known_parts_and_mixtures_hold():
    X, _, H = data()
    known = nonneg.factorize(X, K, loss="kullback-leibler", fixed=H[:1], seed=0)
    assert known.settings["squared_error_first"]
    assert np.array_equal(known.H[0], H[0])
    mixed = nonneg.factorize(X, K, loss="kullback-leibler", simplex=True, seed=0)
    assert mixed.settings["squared_error_first"]
    assert np.abs(mixed.W.sum(axis=1) - 1).max() < 1e-12


def test_a_strong_penalty_leaves_as_much_as_it_leaves_without(monkeypatch):
    options = {"loss": "kullback-leibler", "penalty": Penalty(1e3, l1_ratio=1.0), "start": "random", "seed": 0}
    warm = nonneg.factorize(data()[0], K, **options)
    assert warm.settings["squared_error_first"]
    without(monkeypatch)
    plain = nonneg.factorize(data()[0], K, **options)
    # Which part survives is a matter of luck.
    assert warm.trace.loss[-1] == pytest.approx(plain.trace.loss[-1], rel=0.05)
    assert list(warm.W.any(axis=0)) == list(plain.W.any(axis=0)) == [True, False, False]


def test_a_part_that_sweeps_empty_begins_anew(monkeypatch):
    source = as_source(data()[0])
    start = random_start(source, K, 0)
    follow = warmup.iterate

    def emptied(*args, **options):
        path = follow(*args, **options)
        path.W[1], path.H[2] = 0, 0
        return path

    monkeypatch.setattr(warmup, "iterate", emptied)
    W, H = warmed(source, start)
    for got, given in ((W, start[0]), (H, start[1])):
        assert not np.array_equal(got[0], given[0])
        assert np.array_equal(got[1:], given[1:])
