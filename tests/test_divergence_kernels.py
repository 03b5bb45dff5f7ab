"""The kernels of beta-divergences, at every instruction set, against plain numpy in float64."""

import functools
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import scipy.sparse
from scipy.special import kl_div

from nonneg import _core
from nonneg._core import DivergenceRule

# (k, m, n): every k and every n once, so that each remainder of a block occurs.
SHAPES = [*((k, 5, 19) for k in range(1, 35)), *((3, 4, n) for n in range(1, 68)), (70, 3, 40), (5, 130, 300)]
BETAS = (-1.5, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
FLOOR = {np.dtype(np.float32): 1e-12, np.dtype(np.float64): 1e-60}
CLOSE = {np.dtype(np.float32): 3e-4, np.dtype(np.float64): 1e-10}
KERNELS = ("divergence_dense", "divergence_stored", "divergence_expanded")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=KERNELS)
def kernel(request):
    return request.param


@pytest.fixture(params=[np.int32, np.int64])
def index(request):
    return request.param


def padded(F):
    """Return a copy of F whose rows end in zeros, whole cache lines long."""
    per_line = 64 // F.itemsize
    return np.pad(F, ((0, 0), (0, -F.shape[1] % per_line)))


def packed(F):
    out = np.empty((F.shape[1], len(F) + -len(F) % (32 // F.itemsize)), F.dtype)
    _core.pack(F, out, 0, F.shape[1])
    return out


def call(
    name, X, H, W, slopes, rule, *, index=np.int32, a=1.0, b=1.0, span=None, threads=1, split=False, stored=None,
    **weighing,
):  # fmt: skip
    """Run a kernel on a dense X: (factor, sums, under). Zeros are left out where it reads stored entries."""
    W = W.copy()
    under = np.full_like(W, np.nan) if split else None
    rest = [W, slopes, rule, *(span or (0, len(X))), threads, under]
    if name == "divergence_dense":
        return W, _core.divergence_dense(X, a, b, padded(H), *rest, **weighing), under
    stored = X != 0 if stored is None else stored
    csr = [np.append(0, np.cumsum(stored.sum(axis=1))).astype(index), np.nonzero(stored)[1].astype(index), X[stored]]
    if weighing.get("weights") is not None:
        weighing["weights"] = weighing["weights"][stored]
    if name == "divergence_stored":
        return W, _core.divergence_stored(*csr, a, b, packed(H), *rest, **weighing), under
    return W, _core.divergence_expanded(*csr, X.shape[1], a, b, padded(H), *rest, **weighing), under


def problem(rng, k, m, n, dtype, beta):
    """Return X, H, W and slopes; with zeros in all of them where the loss takes zeros."""
    W, H = rng.exponential(size=(k, m)) + 0.05, rng.exponential(size=(k, n)) + 0.05
    X = rng.poisson(W.T @ H * 2) / 4.0
    if beta <= 0:
        X = X + 0.25 * rng.random(X.shape) + 0.05
    else:
        X[rng.random(m) < 0.2] = 0
    W *= rng.random(W.shape) < 0.8
    H *= rng.random(H.shape) < 0.8
    # No row of the model is empty: that is for the floor, which has a test of its own.
    W[0], H[0] = W[0] + 0.1, H[0] + 0.1
    slopes = np.full(k, 0.3) if beta != 1 else H.sum(axis=1) + 0.1
    return [A.astype(dtype) for A in (X, H, W, slopes)]


def textbook(
    X, H, W, slopes, update, beta=1.0, *, l2=0.0, floor=0.0, zero=0.0, most=1, tol=0.0, stored=False, counts=None
):
    """Do in float64 what the kernels do: (factor, first step, size). With counts each row has slopes of its own."""
    X, H, W, slopes = (A.astype(float) for A in (X, H, W, slopes))
    seen = (X > 0) if stored else np.ones(X.shape, bool)
    if counts is not None:
        X, seen = np.nan_to_num(X), counts
        slopes = slopes[:, None] + (beta == 1) * (H @ counts.T)
    active, first, size = np.ones(len(X), bool), None, 0.0
    for sweep in range(most):
        if update == "multiply":
            new, step, weight = multiplied(X, H, W, slopes, beta, l2, floor, zero, seen)
        else:
            new, step, weight = descended(X, H, W, slopes, l2, floor, seen)
        W = np.where(active, new, W)
        step = np.where(active, step, 0)
        if sweep == 0:
            first, size = step, weight.sum()
        active &= step > tol * first
    return W, first.sum(), size


def split(X, H, W, slopes, beta, l2, floor, counts=1.0):
    """Return numerators and denominators of the multiplicative update; negative powers see the floor."""
    model = W.T @ H
    floored = np.maximum(model, floor)
    above = H @ (counts * X * (floored if beta < 2 else model) ** (beta - 2)).T
    # Under Kullback-Leibler the slopes hold the sums of H.
    pulls_down = 0 if beta == 1 else H @ (counts * (floored if beta < 1 else model) ** (beta - 1)).T
    return above, slopes.reshape(len(H), -1) + pulls_down + l2 * W


def multiplied(X, H, W, slopes, beta, l2, floor, zero, counts):
    above, below = split(X, H, W, slopes, beta, l2, floor, counts)
    gamma = 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1
    new = W * (above / np.where(below == 0, zero, below)) ** gamma
    return new, (np.abs(new - W) * np.abs(below - above)).sum(axis=0), below * new


def descended(X, H, W, slopes, l2, floor, seen):
    """Newton's step for each coordinate in turn: what any safeguard leaves alone near the optimum."""
    W = W.copy()
    model = np.maximum(W.T @ H, floor)
    step, size = np.zeros(len(X)), np.zeros_like(W)
    for p, h in enumerate(H):
        slope = slopes[p] + l2 * W[p] - (X * h / model * seen).sum(axis=1)
        curve = (X * (h / model) ** 2 * seen).sum(axis=1) + l2
        newton = np.maximum(0, W[p] - slope / np.where(curve > 0, curve, 1))
        new = np.where(curve > 0, newton, np.where(slope > 0, 0, W[p]))
        step += np.abs((new - W[p]) * slope)
        size[p] = (slopes[p] + l2 * new) * new
        model = np.maximum(model + (new - W[p])[:, None] * h, floor)
        W[p] = new
    return W, step, size


def near_optimum(rng, X, H, W, slopes, l2, counts=None):
    """Return rows some percents off their optimum."""
    W = textbook(X, H, W + 0.1, slopes, "multiply", 1.0, l2=l2, floor=1e-60, most=200, counts=counts)[0]
    return (W * rng.uniform(0.9, 1.1, W.shape)).astype(X.dtype)


def agree(got, want, dtype):
    (W, sums, _), (want_W, first, size) = got, want
    np.testing.assert_allclose(W, want_W, rtol=CLOSE[dtype], atol=CLOSE[dtype] * want_W.max())
    assert sums[0] == pytest.approx(first, rel=30 * CLOSE[dtype], abs=CLOSE[dtype])
    assert sums[1] == pytest.approx(size, rel=30 * CLOSE[dtype])


# --- updates --------------------------------------------------------------------------------------------


# Stored entries are enough for Kullback-Leibler alone.
@pytest.mark.parametrize(
    ("kernel", "beta"),
    [(name, beta) for name in KERNELS for beta in BETAS if name != "divergence_stored" or beta == 1],
)
def test_multiply(level, dtype, kernel, beta, rng):
    for k, m, n in SHAPES[:: 1 if beta == 1 else 5]:
        X, H, W, slopes = problem(rng, k, m, n, dtype, beta)
        for l2 in (0.0, 0.7):
            rule = DivergenceRule("multiply", beta, l2=l2, floor=FLOOR[dtype])
            want = textbook(X, H, W, slopes, "multiply", beta, l2=l2, floor=FLOOR[dtype])
            agree(call(kernel, X, H, W, slopes, rule), want, dtype)


@functools.cache
def descents(dtype):
    """Return (X, H, W, slopes), l2, and a sweep over all entries and over those that are stored, for each shape."""
    rng, cases = np.random.default_rng(0), []
    for k, m, n in SHAPES:
        X, H, W, slopes = problem(rng, k, m, n, dtype, 1)
        l2 = [0.0, 0.7][n % 2]
        data = X, H, near_optimum(rng, X, H, W, slopes, l2), slopes
        wants = [textbook(*data, "descend", l2=l2, floor=FLOOR[dtype], stored=stored) for stored in (False, True)]
        cases.append((data, l2, *wants))
    return cases


def test_descend(level, dtype, index):
    for data, l2, want, of_stored in descents(dtype):
        rule = DivergenceRule("descend", 1.0, l2=l2, floor=FLOOR[dtype])
        if index is np.int32:
            agree(call("divergence_dense", *data, rule), want, dtype)
        agree(call("divergence_stored", *data, rule, index=index), of_stored, dtype)


@functools.cache
def far_away(dtype, l2):
    """Return X, H, W, slopes and the best objective of each row."""
    X, H, W, slopes = problem(np.random.default_rng(0), 5, 40, 30, dtype, 1)
    best, *_ = textbook(X, H, W + W.max(), slopes, "multiply", 1.0, l2=l2, floor=1e-60, most=2000)
    return X, H, W, slopes, objective(X, H, best, slopes, l2)


@pytest.mark.parametrize("begin", ["far above", "far below", "zeros", "nothing", "one"])
@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_descend_reaches_the_optimum_from_anywhere(level, dtype, begin, l2, rng):
    # The rows are convex problems: many sweeps end at the optimum that updates find, too.
    X, H, W, slopes, best = far_away(dtype, l2)
    if begin == "zeros":
        W = W * (rng.random(W.shape) < 0.4)
    else:
        W = W * {"far above": 1e4, "far below": 1e-4, "nothing": 0, "one": 1}[begin]
    rule = DivergenceRule("descend", 1.0, l2=l2, floor=FLOOR[dtype], most=60)
    for kernel in KERNELS[:2]:
        new, sums, _ = call(kernel, X, H, W.astype(dtype), slopes, rule)
        assert np.isfinite(sums).all()
        close = (1e-3 if dtype == np.float32 else 1e-6) * (1 + np.abs(best))
        assert (objective(X, H, new, slopes, l2) <= best + close).all()


def objective(X, H, W, slopes, l2):
    """Return what each row minimises."""
    X, H, W, slopes = (A.astype(float) for A in (X, H, W, slopes))
    model = np.maximum(W.T @ H, 1e-60)
    return slopes @ W + 0.5 * l2 * np.sum(W**2, axis=0) - np.sum(X * np.log(model), axis=1)


def test_no_sweep_makes_a_row_much_worse(level, rng):
    # Newton's step from above the optimum lands below it; where nothing else explains an entry that is ruin.
    for seed in range(10):
        X, H, W, slopes = problem(np.random.default_rng(seed), 3, 60, 25, np.dtype(float), 1)
        W = W * 10.0 ** rng.uniform(-1, 1, W.shape)
        rule = DivergenceRule("descend", 1.0, floor=1e-60)
        for kernel in KERNELS[:2]:
            new, *_ = call(kernel, X, H, W, slopes, rule)
            before, after = objective(X, H, W, slopes, 0.0), objective(X, H, new, slopes, 0.0)
            assert (after <= before + 0.5 * np.abs(before) + X.sum(axis=1)).all()


@pytest.mark.parametrize("update", ["multiply", "descend"])
@pytest.mark.parametrize("kernel", ["divergence_dense", "divergence_stored"])
def test_many_sweeps_and_the_stop_of_each_row(level, update, kernel, rng):
    for tol in (0.0, 0.1, 1e-3):
        X, H, W, slopes = problem(rng, 6, 60, 30, np.dtype(float), 1)
        if update == "descend":
            W = near_optimum(rng, X, H, W, slopes, 0.0)
        rule = DivergenceRule(update, 1.0, floor=1e-60, most=25, tol=tol)
        want = textbook(X, H, W, slopes, update, floor=1e-60, most=25, tol=tol)
        agree(call(kernel, X, H, W, slopes, rule), want, np.dtype(float))


def test_a_coordinate_far_below_its_optimum_takes_one_step(level, dtype, rng):
    # Newton's step would double it: 1e-9 to 1 takes thirty.
    for k, n in [(1, 40), (3, 17)]:
        H = (rng.random((k, n)) + 0.1).astype(dtype)
        X = np.ascontiguousarray(H[:1].repeat(4, axis=0))
        W, slopes = np.full((k, 4), 1e-9, dtype), H.sum(axis=1)
        for kernel in KERNELS[:2]:
            done = call(kernel, X, H, W, slopes, DivergenceRule("descend", 1.0, floor=FLOOR[dtype]))[0]
            # The optimum is one, and the step does not go beyond it.
            assert done[0].min() > 0.5
            assert done[0].max() <= 1 + CLOSE[dtype]


def test_split(level, dtype, kernel, index, rng):
    for beta in BETAS if kernel != "divergence_stored" else (1.0,):
        for k, m, n in [(1, 1, 1), (5, 17, 49), (13, 5, 16)]:
            X, H, W, slopes = problem(rng, k, m, n, dtype, beta)
            rule = DivergenceRule("split", beta, l2=0.7, floor=FLOOR[dtype])
            above, _, below = call(kernel, X, H, W, slopes, rule, index=index, split=True)
            want = split(*(A.astype(float) for A in (X, H, W, slopes)), beta, 0.7, FLOOR[dtype])
            for got, wanted in zip((above, below), want, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype] * wanted.max())


@pytest.mark.parametrize("update", ["keep", "split"])
def test_the_divergence_is_measured_of_what_was_kept(update, dtype, rng, divergence):
    X, H, W, slopes = problem(rng, 4, 9, 21, dtype, 1)
    rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], measure=True)
    kept, sums, _ = call("divergence_dense", X, H, W, slopes, rule, split=update == "split")
    assert sums[2] == pytest.approx(divergence(X, W.T.astype(float) @ H, 1), rel=CLOSE[dtype])
    assert np.array_equal(kept, W) == (update == "keep")


@pytest.mark.parametrize("update", ["multiply", "descend"])
def test_the_divergence_is_measured_after_the_update(level, update, dtype, kernel, rng, divergence):
    X, H, W, slopes = problem(rng, 4, 9, 21, dtype, 1)
    rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], most=2, measure=True)
    new, sums, _ = call(kernel, X, H, W, slopes, rule)
    model = new.T.astype(float) @ H.astype(float)
    if kernel == "divergence_stored":
        assert sums[2] == pytest.approx(divergence(X[X > 0], model[X > 0], 1), rel=CLOSE[dtype])
        assert sums[3] == pytest.approx(model[X > 0].sum(), rel=CLOSE[dtype])
    else:
        assert sums[2] == pytest.approx(divergence(X, model, 1), rel=CLOSE[dtype])
        assert sums[3] == pytest.approx(model.sum(), rel=CLOSE[dtype])
    silent = DivergenceRule(update, 1.0, floor=FLOOR[dtype], most=2)
    assert call(kernel, X, H, W, slopes, silent)[1][2:] == (0, 0)


# --- scale, floors, zeros -------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["keep", "multiply", "descend"])
def test_x_is_scaled_by_both_halves(level, update, dtype, kernel, rng):
    X, H, W, slopes = problem(rng, 4, 9, 21, dtype, 1)
    rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], measure=True)
    want = call(kernel, X * dtype.type(0.5), H, W, slopes, rule)
    got = call(kernel, X, H, W, slopes, rule, a=4.0, b=0.125)
    assert np.array_equal(got[0], want[0])
    assert got[1] == want[1]


@pytest.mark.parametrize("name", ["divergence_dense", "divergence_expanded"])
def test_x_counts_as_the_least(level, name, dtype, rng):
    for beta in (-0.5, 0.0):
        X, H, W, slopes = problem(rng, 4, 9, 21, dtype, beta)
        X[rng.random(X.shape) < 0.4] = 0
        X[0, 0] = 1e-3
        rule = DivergenceRule("multiply", beta, floor=FLOOR[dtype], least=0.03, measure=True)
        want = call("divergence_dense", np.maximum(X, dtype.type(0.03)), H, W, slopes, rule)
        got = call(name, X, H, W, slopes, rule)
        assert np.array_equal(got[0], want[0])
        assert got[1] == want[1]


def test_the_model_is_never_less_than_the_floor(level, dtype, kernel, divergence):
    X, H, W = np.ones((2, 9), dtype), np.ones((3, 9), dtype), np.zeros((3, 2), dtype)
    W[:, 1] = 1e-3
    rule = DivergenceRule("keep", 1.0, floor=0.25, measure=True)
    assert call(kernel, X, H, W, H.sum(axis=1), rule)[1][2] == pytest.approx(18 * (np.log(4) - 0.75), rel=1e-6)
    rule = DivergenceRule("split", 1.0, floor=0.25)
    above, _, below = call(kernel, X, H, W, H.sum(axis=1), rule, split=True)
    assert (above == 36).all()
    assert (below == 9).all()


def test_a_denominator_of_zero_is_replaced(level, dtype, kernel):
    X, H, W = np.ones((2, 9), dtype), np.zeros((3, 9), dtype), np.ones((3, 2), dtype)
    H[0] = 1
    rule = DivergenceRule("multiply", 1.0, floor=0.5, zero=0.125)
    new, sums, _ = call(kernel, X, H, W, H.sum(axis=1), rule)
    assert np.array_equal(new, [[1, 1], [0, 0], [0, 0]])
    assert np.isfinite(sums).all()


def test_a_part_without_partner_is_left_alone_by_descent(level, dtype, rng):
    X, H, W, slopes = problem(rng, 4, 9, 21, dtype, 1)
    H[2], slopes[2] = 0, 0
    for kernel in KERNELS[:2]:
        new, sums, _ = call(kernel, X, H, W, slopes, DivergenceRule("descend", 1.0, floor=FLOOR[dtype], most=3))
        assert np.array_equal(new[2], W[2])
        assert np.isfinite(sums).all()


@pytest.mark.parametrize(
    ("kernel", "beta"),
    [(name, beta) for name in KERNELS for beta in BETAS if beta > 0 and (name != "divergence_stored" or beta == 1)],
)
def test_rows_of_zeros_become_zero(level, dtype, kernel, beta, rng):
    X, H, W, slopes = problem(rng, 4, 9, 21, dtype, beta)
    X[[0, 5]] = 0
    for update in ("multiply", "descend") if beta == 1 else ("multiply",):
        rule = DivergenceRule(update, beta, floor=FLOOR[dtype], zero=FLOOR[dtype], most=3, measure=True)
        new, sums, _ = call(kernel, X, H, W, slopes, rule)
        assert not new[:, [0, 5]].any()
        assert np.isfinite(new).all()
        assert np.isfinite(sums).all()


@pytest.mark.parametrize("beta", [-8.0, -5.0, -3.0, -1.0, 0.0, 1.0, 4.0, 20.0])
def test_padding_stays_out_of_the_sums(level, dtype, beta, rng):
    # Beyond the last column x and h are zero, and the model is the floor: a power of that may leave the type.
    X, H, W, slopes = problem(rng, 3, 4, 21, dtype, min(beta, 0.0))
    rule = DivergenceRule("multiply", beta, floor=FLOOR[dtype], zero=FLOOR[dtype], measure=True)
    for name in ("divergence_dense", "divergence_expanded"):
        new, sums, _ = call(name, X, H, W, slopes, rule)
        assert np.isfinite(new).all()
        assert np.isfinite(sums).all()
        agree((new, sums, None), textbook(X, H, W, slopes, "multiply", beta), dtype)


# --- the divergence -------------------------------------------------------------------------------------


def each(x, y, beta):
    """Measure d(x, y) for each pair; 19 alike in a row, so that whole vectors and the rest are looked at."""
    X, W = np.repeat(x[:, None], 19, axis=1), y[None].copy()
    rule, H = DivergenceRule("keep", beta, measure=True), padded(np.ones((1, 19), x.dtype))
    slopes = np.zeros(1, x.dtype)
    return np.array(
        [_core.divergence_dense(X, 1.0, 1.0, H, W, slopes, rule, i, i + 1)[2] / 19 for i in range(len(x))]
    )


def pairs(rng, decades, count=400):
    """Return numbers of all sizes, and near one another: x, y."""
    x, y = 10.0 ** rng.uniform(-decades, decades, (2, count))
    near = y * (1 + 10.0 ** rng.uniform(-15, 0, count) * rng.choice([-0.5, 1], count))
    root = 2.0 ** rng.integers(-30, 30, count) * np.sqrt(0.5) * (1 + rng.integers(-4, 5, count) * 2.0**-52)
    return np.concatenate([x, near, root, y]), np.concatenate([y, y, np.ones(count), y])


def test_kullback_leibler_is_scipys(level, rng):
    for decades in (1, 10, 150):
        x, y = pairs(rng, decades)
        x[::7] = 0
        got = each(x, y, 1.0)
        wide, model = x.astype(np.longdouble), y.astype(np.longdouble)
        ratio = np.divide(wide, model, out=np.ones_like(wide), where=x > 0)
        terms = np.abs(wide * np.log(ratio)) + wide + model
        want = wide * np.log(ratio) - wide + model
        assert (np.abs(got - want) <= 4 * 2.0**-52 * terms).all()
        assert (np.abs(got - kl_div(x, y)) <= 8 * 2.0**-52 * terms).all()


@pytest.mark.parametrize("beta", [-3.0, -1.5, -0.5, 0.0, 0.3, 0.5, 1.2, 1.5, 2.0, 2.5, 3.0, 7.0])
def test_any_divergence_is_its_definition(level, beta, rng):
    # The last ones lead to the edge of the type.
    for decades in (1, 10, 30, 300 / max(beta, 10)):
        x, y = pairs(rng, decades)
        if beta > 0:
            x[::7] = 0
        got = each(x, y, beta)
        X, Y, b = x.astype(np.longdouble), y.astype(np.longdouble), np.longdouble(beta)
        if beta == 0:
            terms = [X / Y, -np.log(X / Y), -np.ones_like(X)]
        elif beta == 2:
            terms = [0.5 * (X - Y) ** 2]
        else:
            terms = [X**b / (b * (b - 1)), Y**b / b, -X * Y ** (b - 1) / (b - 1)]
        # The exponential of a logarithm: rounding of the logarithm counts as often as its size.
        size = np.maximum(np.abs(np.log(Y)), np.abs(np.log(np.where(X > 0, X, Y))))
        bound = (8 + (abs(beta) + 1) * size) * 2.0**-52 * np.sum(np.abs(terms), axis=0)
        assert (np.abs(got - np.sum(terms, axis=0)) <= bound).all()


def test_the_divergence_of_a_long_row_near_its_model(level, dtype, rng):
    # Thousands of ratios of float32 have one logarithm together: each rounds once. Those of float64 have their own.
    for n in (999, 1000, 4000, 20000):
        for spread in (1e-5, 0.1, 3):
            y = 10.0 ** rng.uniform(-3, 3, n)
            x = (y * np.exp(spread * rng.standard_normal(n))).astype(dtype)
            rule, H = DivergenceRule("keep", 0.0, measure=True), padded(y[None].astype(dtype))
            one, none = np.ones((1, 1), dtype), np.zeros(1, dtype)
            got = _core.divergence_dense(x[None].copy(), 1.0, 1.0, H, one, none, rule, 0, 1)[2]
            ratio = x.astype(np.longdouble) / H[0, :n].astype(np.longdouble)
            want, size = np.sum(ratio - 1 - np.log(ratio)), np.sum(np.abs(ratio - 1))
            assert abs(got - want) <= 2.0**-52 * (16 * size + (np.sqrt(n) if dtype == np.float32 else 0))


def test_the_divergence_of_equal_numbers_is_nothing(level, dtype, rng):
    x = (10.0 ** rng.uniform(-15, 15, 500)).astype(dtype)
    for beta in (0.0, 1.0, 2.0):
        assert not each(x, x, beta).any()


def test_the_smallest_counts(level):
    # As scikit-learn's test_nmf_underflow: x log x of a number that has hardly any digits.
    x = np.array([5e-324, 1e-323, 1e-310, 2.3e-308])
    np.testing.assert_allclose(each(x, np.ones(4), 1.0), 1, rtol=1e-15)


def test_sums_are_taken_in_float64(level, kernel):
    X, W, H = np.full((300, 200), 1e-3, np.float32), np.ones((1, 300), np.float32), np.ones((1, 200), np.float32)
    X[0] = 1e6
    W[0, 0], W[0, 1:] = 2e6, 2e-3
    rule = DivergenceRule("keep", 1.0, measure=True)
    got = call(kernel, X, H, W, H.sum(axis=1), rule)[1]
    assert got[2] == pytest.approx(200 * (1 - np.log(2)) * (1e6 + 299 * 1e-3), rel=1e-8)
    assert got[3] == pytest.approx(200 * (2e6 + 299 * 2e-3), rel=1e-8)


# --- weights and missing entries ------------------------------------------------------------------------

# Which kernel, for which losses, and whether what it does not bring was observed.
WAYS = {
    "dense": ("divergence_dense", BETAS, True),
    "expanded": ("divergence_expanded", BETAS, True),
    "stored": ("divergence_stored", (1.0,), True),
    "stored only": ("divergence_stored", BETAS, False),
}
WEIGHTED_SHAPES = [*((k, 5, 19) for k in range(1, 35, 3)), *((3, 4, n) for n in range(1, 68, 3)), (5, 130, 90)]


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


def weighted_problem(rng, k, m, n, dtype, beta, way, *, each=True, along=True):
    """Return (X, H, W, slopes), slopes for the kernel, what each entry counts, and how the kernel is told."""
    X, H, W, slopes = problem(rng, k, m, n, dtype, beta)
    X[rng.random(X.shape) < 0.2] = np.nan
    stored = X != 0  # a few zeros are stored, too
    stored |= rng.random(X.shape) < 0.2
    name, _, elsewhere = WAYS[way]
    if not elsewhere:
        stored &= rng.random(X.shape) < 0.7
    told = {"weighted": True, "stored": stored} if name != "divergence_dense" else {"weighted": True}
    if name == "divergence_stored":
        told["elsewhere"] = elsewhere
    counts, base = np.ones(X.shape), np.ones(n)
    if each:
        told["weights"] = (rng.random(X.shape) * (rng.random(X.shape) < 0.9)).astype(dtype)
        counts = told["weights"].astype(float)
    if name != "divergence_dense":
        counts = np.where(stored, counts, float(elsewhere))
    if along:
        told["along"] = (rng.integers(0, 4, n) + 0.5).astype(dtype)
        base = told["along"].astype(float)
    counts = np.where(np.isnan(X), 0, counts * base)
    slopes = np.full(k, 0.3, dtype)
    given = slopes
    if name == "divergence_stored" and elsewhere:
        given = (slopes + H.astype(float) @ base).astype(dtype)
    return (X, H, W, slopes), given, counts, told


def each_way(way):
    """Yield how entries and the partner's rows may be weighed, and the losses that the way is for."""
    for each, along in ((True, True), (False, True), (True, False), (False, False)):
        for beta in WAYS[way][1]:
            yield beta, {"each": each, "along": along}


def test_weighted_multiply(level, dtype, way, rng):
    for at, (beta, weighed) in enumerate(each_way(way)):
        for k, m, n in WEIGHTED_SHAPES[at % 3 :: 3]:
            l2 = [0.0, 0.7][n % 2]
            (X, H, W, slopes), given, counts, told = weighted_problem(rng, k, m, n, dtype, beta, way, **weighed)
            rule = DivergenceRule("multiply", beta, l2=l2, floor=FLOOR[dtype])
            want = textbook(X, H, W, slopes, "multiply", beta, l2=l2, floor=FLOOR[dtype], counts=counts)
            agree(call(WAYS[way][0], X, H, W, given, rule, **told), want, dtype)


def test_weighted_split(level, dtype, way, index, rng):
    for beta, weighed in each_way(way):
        (X, H, W, slopes), given, counts, told = weighted_problem(rng, 5, 9, 49, dtype, beta, way, **weighed)
        rule = DivergenceRule("split", beta, l2=0.7, floor=FLOOR[dtype])
        above, _, below = call(WAYS[way][0], X, H, W, given, rule, index=index, split=True, **told)
        X, H, W, slopes = (A.astype(float) for A in (np.nan_to_num(X), H, W, slopes))
        own = slopes[:, None] + (beta == 1) * (H @ counts.T)
        want = split(X, H, W, own, beta, 0.7, FLOOR[dtype], counts)
        for got, wanted in zip((above, below), want, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype] * wanted.max())


# Under Kullback-Leibler stored entries are enough.
@pytest.mark.parametrize("way", [way for way in WAYS if way != "expanded"])
def test_weighted_descend(level, dtype, way, rng):
    for at, (k, m, n) in enumerate(WEIGHTED_SHAPES):
        weighed = {"each": at % 3 != 0, "along": at % 2 == 0}
        l2 = [0.0, 0.7][n % 2]
        (X, H, W, slopes), given, counts, told = weighted_problem(rng, k, m, n, dtype, 1.0, way, **weighed)
        W = near_optimum(rng, X, H, W, slopes, l2, counts)
        rule = DivergenceRule("descend", 1.0, l2=l2, floor=FLOOR[dtype])
        want = textbook(X, H, W, slopes, "descend", l2=l2, floor=FLOOR[dtype], counts=counts)
        agree(call(WAYS[way][0], X, H, W, given, rule, **told), want, dtype)


def test_weighted_divergences(level, dtype, way, rng, divergence):
    for beta, weighed in each_way(way):
        (X, H, W, _), given, counts, told = weighted_problem(rng, 4, 9, 37, dtype, beta, way, **weighed)
        sums = call(WAYS[way][0], X, H, W, given, DivergenceRule("keep", beta, measure=True), **told)[1]
        model = W.T.astype(float) @ H.astype(float)
        total = sums[2]
        if way == "stored":
            # What the model puts everywhere, less what it puts on stored entries.
            alone = np.broadcast_to(told.get("along", np.ones(37)), X.shape) * model
            assert sums[3] == pytest.approx(alone[told["stored"]].sum(), rel=CLOSE[dtype])
            total += alone.sum() - sums[3]
        assert total == pytest.approx(divergence(X, model, beta, counts=counts), rel=CLOSE[dtype])


def test_whole_counts_are_repeated_columns(level, dtype, rng):
    X, H, W, _ = problem(rng, 5, 9, 21, dtype, 1)
    along = rng.integers(0, 4, 21)
    many, wide = np.repeat(X, along, axis=1), np.repeat(H, along, axis=1)
    for update in ("multiply", "descend"):
        rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], most=3, measure=True)
        W = near_optimum(rng, many, wide, W, wide.sum(axis=1), 0.0)
        plain = call("divergence_dense", many, wide, W, wide.sum(axis=1), rule)
        none = np.zeros(5, dtype)
        got = call("divergence_dense", X, H, W, none, rule, along=along.astype(dtype), weighted=True)
        np.testing.assert_allclose(got[0], plain[0], rtol=CLOSE[dtype], atol=CLOSE[dtype] * W.max())
        np.testing.assert_allclose(got[1][:3], plain[1][:3], rtol=30 * CLOSE[dtype])


@pytest.mark.parametrize("update", ["keep", "multiply", "descend", "split"])
def test_weighted_rows_stand_alone_on_any_number_of_threads(level, dtype, way, update, rng):
    (X, H, W, _), given, _, told = weighted_problem(rng, 9, 700, 60, dtype, 1.0, way)
    rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], most=3, tol=0.1, measure=True)
    told["split"] = update == "split"
    one = call(WAYS[way][0], X, H, W, given, rule, **told)
    for threads in (2, 3, 7):
        other = call(WAYS[way][0], X, H, W, given, rule, threads=threads, **told)
        assert np.array_equal(one[0], other[0])
        assert one[1] == other[1]
        assert update != "split" or np.array_equal(one[2], other[2])
    for i in (0, 350, 699):
        row = {key: value[i : i + 1] if np.ndim(value) == 2 else value for key, value in told.items()}
        alone = call(WAYS[way][0], X[i : i + 1], H, np.ascontiguousarray(W[:, i : i + 1]), given, rule, **row)
        assert np.array_equal(alone[0][:, 0], one[0][:, i])


def test_rows_of_which_nothing_was_observed_become_zero(level, dtype, way, rng):
    for beta in WAYS[way][1]:
        (X, H, W, _), given, _, told = weighted_problem(rng, 4, 9, 21, dtype, beta, way)
        X[[0, 5]] = np.nan
        if "stored" in told:
            told["stored"][[0, 5]] = True
        for update in ("multiply", "descend") if beta == 1 else ("multiply",):
            rule = DivergenceRule(update, beta, floor=FLOOR[dtype], zero=FLOOR[dtype], most=3, measure=True)
            new, sums, _ = call(WAYS[way][0], X, H, W, given, rule, **told)
            assert not new[:, [0, 5]].any()
            assert np.isfinite(new).all()
            assert np.isfinite(sums).all()


# --- ranges and threads ---------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["keep", "multiply", "descend", "split"])
def test_rows_stand_alone(level, dtype, kernel, update, rng):
    for k, m, n in [(1, 49, 17), (5, 97, 48), (13, 40, 200)]:
        X, H, W, slopes = problem(rng, k, m, n, dtype, 1)
        rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], most=4, tol=0.01, measure=True)
        options = {"split": update == "split"}
        whole, sums, under = call(kernel, X, H, W, slopes, rule, **options)
        parts = []
        for span in [(0, m // 3), (m // 3, m // 3), (m // 3, m - 1), (m - 1, m)]:
            part, some, part_under = call(kernel, X, H, W, slopes, rule, span=span, **options)
            parts.append(some)
            inside = slice(*span)
            assert np.array_equal(part[:, inside], whole[:, inside])
            outside = np.delete(np.arange(m), inside)
            assert np.array_equal(part[:, outside], W[:, outside])
            if under is not None:
                assert np.array_equal(part_under[:, inside], under[:, inside])
                assert np.isnan(part_under[:, outside]).all()
        np.testing.assert_allclose(np.sum(parts, axis=0), sums, rtol=1e-12)
        for i in (0, m // 2):
            one = call(kernel, X[i : i + 1], H, np.ascontiguousarray(W[:, i : i + 1]), slopes, rule, **options)
            assert np.array_equal(one[0][:, 0], whole[:, i])


@pytest.mark.parametrize("update", ["keep", "multiply", "descend", "split"])
def test_bits_do_not_depend_on_threads(level, dtype, kernel, update, rng):
    X, H, W, slopes = problem(rng, 9, 700, 60, dtype, 1)
    rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], most=3, tol=0.1, measure=True)
    options = {"split": update == "split"}
    one = call(kernel, X, H, W, slopes, rule, **options)
    for threads in (2, 3, 7):
        other = call(kernel, X, H, W, slopes, rule, threads=threads, **options)
        assert np.array_equal(one[0], other[0])
        assert one[1] == other[1]
        assert update != "split" or np.array_equal(one[2], other[2])


def test_rows_may_lie_apart(level, dtype, rng):
    X, H, W, slopes = problem(rng, 5, 20, 33, dtype, 1)
    wide = np.full((60, 40), np.nan, dtype)
    wide[::3, 2:35] = X
    rule = DivergenceRule("descend", 1.0, floor=FLOOR[dtype], most=3, measure=True)
    want, got = call(KERNELS[0], X, H, W, slopes, rule), call(KERNELS[0], wide[::3, 2:35], H, W, slopes, rule)
    assert np.array_equal(want[0], got[0])
    assert want[1] == got[1]


def test_layouts_of_the_same_data_agree(level, dtype, rng):
    for update in ("multiply", "descend"):
        X, H, W, slopes = problem(rng, 5, 40, 70, dtype, 1)
        rule = DivergenceRule(update, 1.0, floor=FLOOR[dtype], measure=True)
        dense, stored, expanded = (call(kernel, X, H, W, slopes, rule) for kernel in KERNELS)
        assert np.array_equal(dense[0], expanded[0])
        assert dense[1] == expanded[1]
        np.testing.assert_allclose(stored[0], dense[0], rtol=CLOSE[dtype], atol=CLOSE[dtype] * dense[0].max())
        # The rest of the divergence is what the model puts where nothing is stored.
        rest = (stored[0].T.astype(float) @ H.astype(float))[X == 0].sum()
        assert stored[1][2] + rest == pytest.approx(dense[1][2], rel=CLOSE[dtype])


# --- wrong calls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["", "Keep", "newton", None, 1])
def test_unknown_updates(update):
    with pytest.raises((ValueError, TypeError)):
        DivergenceRule(update, 1.0)


def test_the_denominators_of_a_split(dtype, kernel, rng):
    X, H, W, slopes = problem(rng, 3, 4, 5, dtype, 1)
    rule = DivergenceRule("split", 1.0)
    with pytest.raises(ValueError, match="denominators"):
        call(kernel, X, H, W, slopes, rule)
    rest = [slopes, rule, 0, 4, 1]
    for wrong in (W[:, :3].copy(), W[:2].copy(), np.zeros((4, 4), dtype)):
        with pytest.raises(ValueError, match="denominators"):
            _core.divergence_dense(X, 1.0, 1.0, padded(H), W, *rest, wrong)
    for wrong in (W.astype(np.float16), W.tolist(), np.asfortranarray(W)):
        with pytest.raises(TypeError):
            _core.divergence_dense(X, 1.0, 1.0, padded(H), W, *rest, wrong)


def test_a_partner_must_be_padded(dtype, rng):
    X, H, W, slopes = problem(rng, 3, 4, 17, dtype, 1)
    rule, wide = DivergenceRule("keep", 1.0), padded(H)
    csr = scipy.sparse.csr_array(X)
    csr = [csr.indptr, csr.indices, csr.data]
    for wrong in (H, np.ascontiguousarray(wide[:, : 64 // H.itemsize]), np.ascontiguousarray(wide[:, :-1])):
        with pytest.raises(ValueError, match="divergence_dense"):
            _core.divergence_dense(X, 1.0, 1.0, wrong, W, slopes, rule, 0, 4)
        with pytest.raises(ValueError, match="divergence_expanded"):
            _core.divergence_expanded(*csr, 17, 1.0, 1.0, wrong, W, slopes, rule, 0, 4)
    with pytest.raises(ValueError, match="divergence_stored"):
        _core.divergence_stored(*csr, 1.0, 1.0, np.ascontiguousarray(H.T), W, slopes, rule, 0, 4)


# In a process of its own: what this guards against would end this one.
NONSENSE = """
    import numpy as np
    from nonneg import _core
    from nonneg._core import DivergenceRule

    none, line, X = np.ones((0, 4)), np.ones((1, 8)), np.ones((2, 8))
    indptr, indices, data = np.array([0, 1, 2]), np.array([0, 1]), np.ones(2)
    empty = np.zeros(3, int)
    for update in ("keep", "multiply", "descend"):
        for arguments in ({}, {"most": 0}, {"most": -3}, {"tol": np.nan}, {"beta": np.nan}, {"beta": np.inf}):
            rule = DivergenceRule(update, **{"beta": 1.0, "measure": True} | arguments)
            for call in (
                lambda: _core.divergence_dense(np.ones((4, 8)), 1.0, 1.0, none, none, none[:, 0], rule, 0, 4),
                lambda: _core.divergence_dense(X[:, :0], 1.0, 1.0, line, np.ones((1, 2)), np.ones(1), rule, 0, 2),
                lambda: _core.divergence_dense(X, 1.0, 1.0, line, np.ones((1, 2)), np.ones(1), rule, 0, 2, 0),
                lambda: _core.divergence_dense(X, 1.0, 1.0, line, np.ones((1, 2)), np.ones(1), rule, 0, 2),
                lambda: _core.divergence_stored(
                    empty, empty[:0], data[:0], 1.0, 1.0, np.ones((2, 4)), np.ones((1, 2)), np.ones(1), rule, 0, 2
                ),
                lambda: _core.divergence_stored(
                    indptr, indices, data, 1.0, 1.0, np.ones((2, 4)), np.ones((1, 2)), np.ones(1), rule, 0, 2
                ),
                lambda: _core.divergence_expanded(
                    indptr, indices, data, -5, 1.0, 1.0, line, np.ones((1, 2)), np.ones(1), rule, 0, 2
                ),
                lambda: _core.divergence_expanded(
                    indptr, indices, data, 8, 1.0, 1.0, line, np.ones((1, 2)), np.ones(1), rule, 0, 2
                ),
            ):
                try:
                    call()
                except ValueError:
                    pass
"""


def test_nonsense_does_not_crash():
    script = [sys.executable, "-c", textwrap.dedent(NONSENSE)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
