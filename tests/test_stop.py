"""Every rule fires for its reason, and only for that."""

import time

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import Iterations, KKTBelow, Penalty, RelativeDecrease, Seconds, State
from nonneg.solve.stop import CONVERGED, stop_rules


@pytest.fixture
def X(planted):
    return planted(40, 30, 3, noise=0.3)[0]


def states(*losses, since_restart=10):
    """Return the state of a run with these losses."""
    state = State()
    for loss in losses:
        state.record(loss)
    state.since_restart = since_restart
    return state


# --- the rules by themselves ----------------------------------------------------------------------------


def test_state_keeps_the_books():
    state = states(5.0, 3.0, 4.0, 2.0)
    assert state.iteration == 4
    assert state.losses == [5, 3, 4, 2]
    assert state.best == [5, 3, 3, 2]
    assert state.loss == 2
    assert len(state.seconds) == 4
    assert (np.diff(state.seconds) >= 0).all()


def test_relative_decrease_looks_at_ten_iterations_together():
    falling = [100 * 0.99**i for i in range(11)]  # 9.6 % over ten iterations, 1 % each
    assert RelativeDecrease(0.1)(states(*falling)) == "tolerance"
    assert RelativeDecrease(0.09)(states(*falling)) is None
    # Eleven losses make ten steps: with ten losses nothing is decided.
    assert RelativeDecrease(0.1)(states(*falling[:10])) is None
    # Nine iterations without progress do not outweigh the tenth.
    assert RelativeDecrease(0.1)(states(100, *[50.0] * 10)) is None
    assert RelativeDecrease(0.1)(states(100, *[50.0] * 11)) == "tolerance"


def test_relative_decrease_waits_after_a_restart():
    for since, want in ((0, None), (2, None), (3, "tolerance")):
        assert RelativeDecrease(0.1)(states(*[1.0] * 20, since_restart=since)) == want


@pytest.mark.parametrize("tol", [0, 0.0])
def test_tol_zero_never_fires(tol, X):
    assert RelativeDecrease(tol)(states(*[1.0] * 100)) is None
    result = nonneg.factorize(X, 3, seed=0, stop=[RelativeDecrease(tol), Iterations(400)])
    assert result.reason == "max_iter"
    assert result.n_iter == 400


def test_the_other_rules():
    state = states(3.0, 2.0)
    state.kkt = 0.5
    assert KKTBelow(0.6)(state) == "kkt"
    assert KKTBelow(0.5)(state) is None
    assert Iterations(2)(state) == "max_iter"
    assert Iterations(3)(state) is None
    assert Seconds(1e9)(state) is None
    assert Seconds(0)(state) == "max_seconds"


def test_rules_without_a_limit_get_one():
    def own(state):
        return None

    assert stop_rules(None) == (RelativeDecrease(1e-4), Iterations(200))
    assert stop_rules([]) == (Iterations(200),)
    assert stop_rules(RelativeDecrease(0.1)) == (RelativeDecrease(0.1), Iterations(200))
    assert stop_rules((KKTBelow(1), own)) == (KKTBelow(1), own, Iterations(200))
    assert stop_rules(Iterations(3)) == (Iterations(3),)
    assert stop_rules([Seconds(3), own]) == (Seconds(3), own)


@pytest.mark.parametrize("wrong", [1e-4, "tolerance", [1e-4], [Iterations(3), 200], RelativeDecrease, [Iterations]])
def test_what_is_not_a_rule_is_refused(wrong, X):
    with pytest.raises(TypeError, match="rules such as"):
        nonneg.factorize(X, 2, stop=wrong)


# --- runs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "reason", "converged"),
    [
        (None, "tolerance", True),
        (RelativeDecrease(0.5), "tolerance", True),
        (KKTBelow(1e-4), "kkt", True),
        (Iterations(7), "max_iter", False),
        ([RelativeDecrease(1e-9), Iterations(12)], "max_iter", False),
        (Seconds(0), "max_seconds", False),
        ([Iterations(5), Seconds(0)], "max_seconds", False),
        ([KKTBelow(1e3), Seconds(0), Iterations(1)], "kkt", True),
    ],
)
@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_the_reason_is_named(stop, reason, converged, convert, X):
    result = nonneg.factorize(convert(X), 3, seed=0, stop=stop)
    assert result.reason == reason
    assert result.converged == converged
    assert (reason in CONVERGED) == converged
    words = "converged: " if converged else "not converged: "
    assert f", {words}" in repr(result)
    assert result.settings["stop"] == [repr(rule) for rule in stop_rules(stop)]


def test_iterations_are_counted(X):
    for limit in (1, 2, 17):
        result = nonneg.factorize(X, 3, seed=0, stop=Iterations(limit))
        assert result.n_iter == len(result.trace.loss) == len(result.trace.seconds) == limit
        assert result.trace.loss.dtype == result.trace.seconds.dtype == np.float64
        assert (np.diff(result.trace.seconds) >= 0).all()
        assert result.trace.seconds[0] > 0


def test_the_default_run_ends_by_itself(X):
    result = nonneg.factorize(X, 3, seed=0)
    best = np.minimum.accumulate(result.trace.loss)
    assert 10 < result.n_iter < 200
    assert best[-11] - best[-1] < 1e-4 * best[-11]
    assert result.loss_value == pytest.approx(best[-1], rel=1e-4)


def test_a_smaller_tolerance_goes_on_for_longer(X):
    runs = [nonneg.factorize(X, 3, seed=0, stop=RelativeDecrease(tol)) for tol in (1e-1, 1e-4, 1e-8)]
    assert runs[0].n_iter < runs[1].n_iter < runs[2].n_iter
    assert runs[0].loss_value > runs[1].loss_value > runs[2].loss_value


def test_kkt_below_means_it(X, kkt):
    result = nonneg.factorize(X, 3, seed=0, stop=KKTBelow(1e-5))
    assert result.reason == "kkt"
    assert kkt(X, result.W, result.H) < 1e-4
    assert kkt(X.T, result.H.T, result.W.T) < 1e-4


def test_seconds_count_from_the_call(X):
    def slow(state):
        time.sleep(0.02)

    result = nonneg.factorize(X, 3, seed=0, stop=Seconds(0.1), callback=slow)
    assert result.reason == "max_seconds"
    assert result.trace.seconds[-1] >= 0.1
    assert (result.trace.seconds[:-1] < 0.1).all()
    assert result.n_iter <= 6


def test_seconds_end_all_runs_together(X):
    def slow(state):
        time.sleep(0.02)

    result = nonneg.factorize(X, 3, seed=0, n_init=3, stop=Seconds(0.1), callback=slow)
    assert result.reason == "max_seconds"


def test_a_sketched_run_obeys_the_limits(planted):
    X = planted(120, 110, 3, noise=0.1)[0]
    result = nonneg.factorize(X, 3, seed=0, stop=Seconds(0))
    assert result.settings["sketch"] is not None
    assert result.reason == "max_seconds"
    assert result.n_iter == 1
    assert nonneg.factorize(X, 3, seed=0, stop=Iterations(2)).n_iter == 2


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_converged_means_converged(convert, noise, planted):
    for seed in range(20):
        X = planted(40, 30, 6, noise=noise, seed=seed)[0]
        result = nonneg.factorize(convert(X), 6, seed=0)
        longer = nonneg.factorize(convert(X), 6, seed=0, stop=Iterations(400))
        if result.converged:
            # The best loss must not stand still because the run is on its way back from an overshoot ...
            assert result.trace.loss[-1] < 1.01 * result.trace.loss.min(), seed
            # ... and what counts as converged is about what a long run reaches.
            assert result.loss_value < 1.05 * longer.loss_value, seed


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("noise", [0.001, 0.003, 0.01, 0.03, 0.1])
def test_float32_is_done_where_float64_is(convert, noise, planted):
    # However small the loss is beside ||X||^2: the rule must not look at rounding.
    for seed in range(3):
        X = planted(120, 110, 4, noise=noise, seed=seed)[0]
        a, b = (nonneg.factorize(convert(X.astype(dtype)), 4, seed=0) for dtype in (np.float32, np.float64))
        assert a.reason == b.reason == "tolerance"
        assert a.n_iter < 2 * b.n_iter
        # float32 knows the loss to about 1e-7 of ||X||^2, which is percents of the smallest of these losses.
        assert a.loss_value == pytest.approx(b.loss_value, rel=0.03)


@pytest.mark.parametrize("penalty", [None, Penalty(0.01), Penalty(0.01, l1_ratio=1.0)])
def test_a_long_run_stays_finite(penalty, planted, dtype):
    # The scale of W and H is free: it must not wander off until numbers overflow.
    for seed in (0, 2, 3):
        X = planted(40, 30, 3, noise=0.05, dtype=dtype, seed=seed)[0]
        result = nonneg.factorize(X, 3, seed=1, penalty=penalty, stop=Iterations(1000))
        assert np.isfinite(result.trace.loss).all()


# --- rules and callbacks of the user's own --------------------------------------------------------------


def test_a_callback_sees_every_iteration_and_stops_the_run(X):
    seen = []

    def callback(state):
        seen.append((state.iteration, state.unscaled(state.losses[-1]), state.loss, state.kkt))
        return state.iteration == 6

    result = nonneg.factorize(X, 3, seed=0, callback=callback)
    assert [row[0] for row in seen] == [1, 2, 3, 4, 5, 6]
    assert [row[1] for row in seen] == result.trace.loss.tolist()
    assert all(row[2] <= row[1] for row in seen)
    assert all(row[3] > 0 for row in seen)
    assert result.reason == "callback"
    assert not result.converged
    assert result.n_iter == 6


def test_a_callback_that_answers_nothing_changes_nothing(X):
    a = nonneg.factorize(X, 3, seed=0)
    b = nonneg.factorize(X, 3, seed=0, callback=lambda state: None)
    assert np.array_equal(a.H, b.H)


def test_a_callback_ends_all_runs(X):
    calls = []
    for at in (2, 5):  # before and together with the last iteration

        def callback(state, at=at):
            calls.append(state.iteration)
            return state.iteration == at

        calls.clear()
        nonneg.factorize(X, 3, seed=0, n_init=4, stop=Iterations(5), callback=callback)
        assert calls == list(range(1, at + 1))


def test_an_error_in_a_callback_reaches_the_caller(X):
    def callback(state):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        nonneg.factorize(X, 3, callback=callback)


def test_a_rule_of_ones_own(X, tmp_path):
    def plateau(state):
        return "plateau" if state.iteration == 5 else None

    result = nonneg.factorize(X, 3, seed=0, stop=plateau)
    assert result.reason == "plateau"
    assert not result.converged
    assert result.n_iter == 5
    assert "plateau" in repr(result)
    result.save(tmp_path / "model.npz")
    assert nonneg.load(tmp_path / "model.npz").reason == "plateau"
