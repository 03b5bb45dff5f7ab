"""An eleventh of the sketch goes first where one side of dense data is long, and only shortens the way."""

import numpy as np
import pytest

import nonneg
from nonneg import Iterations, KKTBelow, Penalty, RelativeDecrease
from nonneg.data import THINNING, Thinned, as_source
from nonneg.datasets import make_planted
from nonneg.solve import warmup
from nonneg.solve.bounds import Bounds
from nonneg.solve.penalty import Shrink
from nonneg.solve.squared_error import SquaredError

K = 2
SHORT, LENGTH = 4 * warmup.width(K), warmup.LONG * warmup.width(K)
SHAPES = pytest.mark.parametrize("shape", [(LENGTH, SHORT), (SHORT, LENGTH)], ids=["tall", "wide"])
TO_THE_END = {"stop": [RelativeDecrease(1e-12), KKTBelow(1e-9), Iterations(2000)]}


def data(shape):
    """Return data around K parts, and those."""
    made = make_planted(*shape, K, noise=0.2, seed=0)
    return made.data, made.W, made.H


def thinned_shape(shape):
    """Return the shape of what is left."""
    m, n = shape
    return (-(-m // THINNING), n) if m > n else (m, -(-n // THINNING))


@pytest.fixture
def stages(monkeypatch):
    """List the problems that the warm-up iterates on, and its paths."""
    seen, follow = [], warmup.iterate

    def noted(problem, *arguments, **options):
        path = follow(problem, *arguments, **options)
        seen.append((problem, path))
        return path

    monkeypatch.setattr(warmup, "iterate", noted)
    return seen


def shapes(stages):
    return [problem.source.shape for problem, _ in stages]


@SHAPES
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_the_whole_sketch_has_less_to_do(shape, loss, stages, monkeypatch):
    options = {"loss": loss, "start": "random", "seed": 0}
    result = nonneg.factorize(data(shape)[0], K, **options)
    assert result.settings["sketch"]["thinned"] == {"side": "W" if shape[0] > shape[1] else "H", "step": THINNING}
    assert shapes(stages) == [thinned_shape(shape), shape]
    short = stages[1][1].state.iteration
    stages.clear()
    monkeypatch.setattr(warmup, "LONG", warmup.LONG + 1)
    plain = nonneg.factorize(data(shape)[0], K, **options)
    assert plain.settings["sketch"]["thinned"] is None
    assert shapes(stages) == [shape]
    assert short < stages[0][1].state.iteration


def test_what_was_thinned_before_is_not_thinned_again(stages):
    X = data((THINNING * LENGTH, SHORT))[0]
    result = nonneg.factorize(X, K, seed=0)
    assert result.settings["thinned"] is not None
    assert result.settings["sketch"]["thinned"] is None
    assert shapes(stages) == [(LENGTH, SHORT), (LENGTH, SHORT)]


@SHAPES
@pytest.mark.parametrize("penalty", [Penalty(), Penalty(0.003, l1_ratio=0.5)], ids=["free", "penalised"])
def test_it_only_shortens_the_way(shape, penalty, monkeypatch):
    X = data(shape)[0]
    warm = nonneg.factorize(X, K, start="random", penalty=penalty, seed=0, **TO_THE_END)
    assert warm.settings["sketch"]["thinned"] is not None
    monkeypatch.setattr(warmup, "LONG", warmup.LONG + 1)
    plain = nonneg.factorize(X, K, start="random", penalty=penalty, seed=0, **TO_THE_END)
    assert warm.trace.loss[-1] == pytest.approx(plain.trace.loss[-1], rel=1e-8)
    np.testing.assert_allclose(warm.reconstruct(), plain.reconstruct(), atol=1e-5 * X.max())


@SHAPES
def test_a_penalty_counts_as_much_on_a_part_of_the_data(shape, stages):
    nonneg.factorize(data(shape)[0], K, penalty=Penalty(0.01, 0.02), seed=0)
    (few, _), (whole, _) = stages
    for side in (0, 1):
        # The penalty on one factor is multiplied by the length of the other, as the data are.
        longer = whole.source.shape[1 - side] / few.source.shape[1 - side]
        assert whole.shrinks[side].l2 == pytest.approx(longer * few.shrinks[side].l2)


@SHAPES
def test_a_strong_penalty_leaves_nothing(shape, stages):
    result = nonneg.factorize(data(shape)[0], K, penalty=Penalty(1e6, l1_ratio=1.0), start="random", seed=0)
    assert shapes(stages) == [thinned_shape(shape), shape]
    assert not result.W.any()
    assert not result.H.any()


@SHAPES
def test_known_parts_are_known_there(shape, stages):
    X, W, H = data(shape)
    fixed = np.where(np.arange(K) == 0, W, np.nan), np.where(np.arange(K)[:, None] == 1, H, np.nan)
    result = nonneg.factorize(X, K, fixed=fixed, seed=0)
    assert shapes(stages) == [thinned_shape(shape), shape]
    _, path = stages[0]
    scale = as_source(X).scale
    tall = shape[0] > shape[1]
    assert np.array_equal(path.W[0], W[:: THINNING if tall else 1, 0] * scale.W)
    assert np.array_equal(path.H[1], H[1, :: 1 if tall else THINNING] * scale.H)
    assert np.array_equal(result.W[:, 0], W[:, 0])
    assert np.array_equal(result.H[1], H[1])


@SHAPES
def test_bounds_hold_there(shape, stages):
    X = data(shape)[0]
    scale, upper = as_source(X).scale, (0.7, 0.8)
    nonneg.factorize(X, K, upper=upper, seed=0)
    assert shapes(stages) == [thinned_shape(shape), shape]
    _, path = stages[0]
    assert path.W.max() == upper[0] * scale.W
    assert path.H.max() == upper[1] * scale.H


@SHAPES
def test_rows_are_mixtures_there(shape, stages):
    X = data(shape)[0]
    result = nonneg.factorize(X, K, simplex=True, seed=0)
    assert shapes(stages) == [thinned_shape(shape), shape]
    for _, path in stages:
        np.testing.assert_allclose(path.W.sum(axis=0), as_source(X).scale.W, rtol=1e-12)
    assert np.abs(result.W.sum(axis=1) - 1).max() < 1e-12


@SHAPES
def test_rows_count_there_as_often_as_they_are_there(shape, stages):
    X, W, H = data(shape)
    counts = np.random.default_rng(1).integers(0, 4, len(X))
    result = nonneg.factorize(W @ H, K, sample_weight=counts, start="random", seed=0)
    assert shapes(stages) == [thinned_shape(shape), shape]
    longer = np.sqrt(counts)[:, None] * (W @ H) * as_source(W @ H).scale.whole
    kept = longer[::THINNING] if shape[0] > shape[1] else longer[:, ::THINNING]
    problem, path = stages[0]
    np.testing.assert_allclose(problem.source.rows(np.arange(len(kept))), kept, atol=1e-10 * longer.max())
    assert np.linalg.norm(path.W.T @ path.H - kept) < 0.05 * np.linalg.norm(kept)
    assert result.trace.loss[0] < 1e-3 * np.sum((counts[:, None] * X) ** 2)


def test_rows_that_count_and_must_sum_to_one_are_not_sketched():
    X = data((LENGTH, SHORT))[0]
    for given in ({"simplex": True}, {"upper": (1.0, 2.0)}):
        result = nonneg.factorize(X, K, sample_weight=np.arange(len(X)), seed=0, stop=Iterations(2), **given)
        assert result.settings["sketch"] is None
    result = nonneg.factorize(
        X, K, sample_weight=np.arange(len(X)), fixed=np.ones((1, SHORT)), seed=0, stop=Iterations(2)
    )
    assert result.settings["sketch"] is not None


@SHAPES
def test_bits_depend_on_neither_threads_nor_powers_of_two(shape, dtype, settings_of_equal_bits):
    assert settings_of_equal_bits(data(shape)[0].astype(dtype), K)["sketch"]["thinned"] is not None


def test_limits_hold_in_each_stage(stages):
    nonneg.factorize(data((LENGTH, SHORT))[0], K, seed=0, stop=Iterations(1))
    assert [path.state.iteration for _, path in stages] == [1, 1]


def test_every_run_and_given_factors_go_through_it(stages):
    X, W, H = data((SHORT, LENGTH))
    given = nonneg.factorize(X, K, start=(W, H), n_init=2, seed=0)
    assert shapes(stages) == 2 * [thinned_shape(X.shape), X.shape]
    assert given.loss_value <= 0.5 * np.sum((X - W @ H) ** 2)
    stages.clear()
    nonneg.factorize(X, K, start=given, seed=0)
    assert not stages


@SHAPES
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_where_it_sees_nothing_it_harms_nothing(shape, loss):
    X, long = data(shape)[0], int(shape[1] > shape[0])
    (X.T if long else X)[::THINNING] = 0
    result = nonneg.factorize(X, K, loss=loss, start="random", seed=0, **TO_THE_END)
    assert result.settings["sketch"]["thinned"] is not None
    rest = np.delete(X, np.s_[::THINNING], axis=long)
    other = nonneg.factorize(rest, K, loss=loss, start="random", seed=0, **TO_THE_END)
    assert result.loss_value == pytest.approx(other.loss_value, rel=1e-6)
    empty = result.H[:, ::THINNING] if long else result.W[::THINNING]
    assert not empty.any()


@SHAPES
def test_it_begins_with_the_rows_that_it_sees(shape):
    X, W, H = data(shape)
    W = np.ascontiguousarray(W.T)
    side, _ = thinned = nonneg.data.sketch(as_source(X), 5, 1, 0).thinned()
    got = thinned.of(W, H)
    assert np.array_equal(got[0], W[:, ::THINNING] if side == "W" else W)
    assert np.array_equal(got[1], H[:, ::THINNING] if side == "H" else H)
    assert thinned.of(*got) == got


@pytest.mark.parametrize("side", ["W", "H"])
@pytest.mark.parametrize("gone", ["W", "H"])
def test_a_part_that_was_not_seen_comes_back(side, gone):
    X, W, H = data((40, 30))
    source, start, kept = as_source(X), (np.ascontiguousarray(W.T), H), int(side == "W")
    bounds = [None, None]
    bounds[kept] = Bounds(np.zeros_like(start[kept]), np.full_like(start[kept], 0.5))
    pair = tuple(np.minimum(F, 0.3) for F in start)
    pair["WH".index(gone)][1] = 0
    other = pair[kept].copy()
    problem = SquaredError(source, (Shrink(), Shrink()), tuple(bounds))
    got = warmup.completed(problem, Thinned(side, source), pair, start)
    assert np.array_equal(got[kept][0], other[0])
    # Empty for want of what was left out, it begins anew within the bounds; else what there is of it stays.
    assert np.array_equal(got[kept][1], np.minimum(start[kept][1], 0.5) if gone != side else other[1])
    assert got[1 - kept].any(axis=1).all()
