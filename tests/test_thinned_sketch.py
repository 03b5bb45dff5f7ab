"""An eleventh of the sketch goes first where one side of dense data is long, and only shortens the way."""

import numpy as np
import pytest

import nonneg
from nonneg import Iterations, KKTBelow, Penalty, RelativeDecrease
from nonneg.data import THINNING, LowRank
from nonneg.data.low_rank import LONG
from nonneg.datasets import make_planted
from nonneg.solve import warmup

K = 2
SHORT, LENGTH = 4 * warmup.width(K), LONG * warmup.width(K)
SHAPES = pytest.mark.parametrize("shape", [(LENGTH, SHORT), (SHORT, LENGTH)], ids=["tall", "wide"])
TO_THE_END = {"stop": [RelativeDecrease(1e-12), KKTBelow(1e-9), Iterations(2000)]}


def data(shape, seed=0):
    """Return positive data around K parts, and those; of a long matrix in C order the rows are not thinned before."""
    made = make_planted(*shape, K, noise=0.2, seed=seed)
    return np.asfortranarray(made.data) if shape[0] > shape[1] else made.data, made.W, made.H


@pytest.fixture
def followed(monkeypatch):
    """Return the shapes of what the warm-up iterates on, and how often."""
    stages, follow = [], warmup.iterate

    def noted(problem, *arguments, **options):
        path = follow(problem, *arguments, **options)
        stages.append((problem.source.shape, path.state.iteration))
        return path

    monkeypatch.setattr(warmup, "iterate", noted)
    return stages


def without(monkeypatch):
    """Let no sketch be thinned."""
    monkeypatch.setattr(LowRank, "thinned", lambda self: None)


def thinned_shape(shape):
    """Return the shape of what is left."""
    m, n = shape
    return (-(-m // THINNING), n) if m > n else (m, -(-n // THINNING))


@SHAPES
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_the_whole_sketch_has_less_to_do(shape, loss, followed, monkeypatch):
    options = {"loss": loss, "start": "random", "seed": 0}
    result = nonneg.factorize(data(shape)[0], K, **options)
    assert result.settings["sketch"]["thinned"] == {"side": "W" if shape[0] > shape[1] else "H", "step": THINNING}
    (first, _), (second, short) = followed
    assert first == thinned_shape(shape)
    assert second == shape
    followed.clear()
    without(monkeypatch)
    plain = nonneg.factorize(data(shape)[0], K, **options)
    assert plain.settings["sketch"]["thinned"] is None
    assert len(followed) == 1
    assert short < followed[0][1]


@SHAPES
@pytest.mark.parametrize("penalty", [Penalty(), Penalty(0.003, l1_ratio=0.5)], ids=["free", "penalised"])
def test_it_only_shortens_the_way(shape, penalty, monkeypatch):
    X = data(shape)[0]
    warm = nonneg.factorize(X, K, start="random", penalty=penalty, seed=0, **TO_THE_END)
    assert warm.settings["sketch"]["thinned"] is not None
    without(monkeypatch)
    plain = nonneg.factorize(X, K, start="random", penalty=penalty, seed=0, **TO_THE_END)
    assert warm.trace.loss[-1] == pytest.approx(plain.trace.loss[-1], rel=1e-8)
    np.testing.assert_allclose(warm.reconstruct(), plain.reconstruct(), atol=1e-5 * X.max())


@SHAPES
def test_a_penalty_counts_as_much_on_a_part_of_the_data(shape, monkeypatch):
    problems, follow = [], warmup.iterate

    def noted(problem, *arguments, **options):
        problems.append(problem)
        return follow(problem, *arguments, **options)

    monkeypatch.setattr(warmup, "iterate", noted)
    nonneg.factorize(data(shape)[0], K, penalty=Penalty(0.01, 0.02), seed=0)
    few, whole = problems
    for side in (0, 1):
        # The penalty on one factor is multiplied by the length of the other, as the data are.
        longer = whole.source.shape[1 - side] / few.source.shape[1 - side]
        assert whole.shrinks[side].l2 == pytest.approx(longer * few.shrinks[side].l2)


@SHAPES
@pytest.mark.parametrize(
    "given", [{"simplex": True}, {"upper": (0.6, 0.8)}, {"simplex": True, "upper": (0.9, None)}, {"known": True}]
)
def test_constraints_hold_in_each_stage(shape, given, followed):
    X, W, H = data(shape)
    given = dict(given)
    if given.pop("known", False):
        # Another number in each row and column, so that no row can stand for another.
        fixed = np.where(np.arange(K) == 0, W, np.nan), np.where(np.arange(K)[:, None] == 1, H, np.nan)
        given["fixed"] = fixed
    result = nonneg.factorize(X, K, seed=0, **given)
    assert [stage for stage, _ in followed] == [thinned_shape(shape), shape]
    if "fixed" in given:
        assert np.array_equal(result.W[:, 0], W[:, 0])
        assert np.array_equal(result.H[1], H[1])
        assert result.trace.loss[0] < 1.01 * nonneg.factorize(X, K, start=(W, H), seed=0, **given).loss_value
    if "upper" in given:
        assert result.W.max() <= given["upper"][0]
    if "simplex" in given:
        assert np.abs(result.W.sum(axis=1) - 1).max() < 1e-12


@SHAPES
def test_rows_count_as_often_as_they_are_there(shape, followed):
    X = data(shape)[0]
    counts = np.random.default_rng(1).integers(0, 4, len(X))
    weighed = nonneg.factorize(X, K, sample_weight=counts, start="random", seed=0, **TO_THE_END)
    assert [stage for stage, _ in followed] == [thinned_shape(shape), shape]
    repeated = nonneg.factorize(np.repeat(X, counts, axis=0), K, start="random", seed=0, **TO_THE_END)
    assert weighed.loss_value == pytest.approx(repeated.loss_value, rel=1e-6)


@SHAPES
def test_bits_depend_on_neither_threads_nor_powers_of_two(shape, dtype):
    X = data(shape)[0].astype(dtype)
    results = []
    for n, factor in ((1, 1.0), (3, 1.0), (2, 2.0**-18)):
        with nonneg.threads(n):
            result = nonneg.factorize(X * dtype.type(factor), K, seed=0, stop=Iterations(5))
        assert result.settings["sketch"]["thinned"] is not None
        results.append((result.W / dtype.type(factor), result.H))
    for W, H in results[1:]:
        assert np.array_equal(W, results[0][0])
        assert np.array_equal(H, results[0][1])


def test_limits_hold_in_each_stage(followed):
    nonneg.factorize(data((LENGTH, SHORT))[0], K, seed=0, stop=Iterations(1))
    assert [iterations for _, iterations in followed] == [1, 1]


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
