"""What was not observed says nothing: whatever stands in its place, however the rest is stored."""

import json
import pickle
import tracemalloc

import hypothesis
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer
from sklearn.model_selection import GridSearchCV

import nonneg
from nonneg import NMF, Iterations, Penalty, RelativeDecrease
from nonneg.solve.penalty import Shrink
from nonneg.solve.weighted_error import ExpectedSquaredError, ImputedSquaredError, squared_error

LOSSES = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0, 1.5: 1.5, 0.5: 0.5, 3: 3}
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": scipy.sparse.csr_array,
    "csc": scipy.sparse.csc_array,
}
FAR = [RelativeDecrease(1e-10), Iterations(5000)]


@pytest.fixture(params=LOSSES)
def loss(request):
    return request.param


@pytest.fixture(params=["auto", "mu"])
def solver(request):
    return request.param


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


def gappy(share=0.2, m=24, n=17, k=3, *, dtype=np.float64, seed=0):
    """Return positive X with NaN in a share of its entries, and a start."""
    rng = np.random.default_rng(seed)
    X = rng.gamma(1.0, size=(m, k)) @ rng.gamma(1.0, size=(k, n)) * rng.gamma(9.0, 1 / 9, (m, n)) + 0.05
    X[rng.random(X.shape) < share] = np.nan
    # Something is known of every row and column.
    X[np.arange(m), np.arange(m) % n] = 1.5
    return X.astype(dtype), (rng.random((m, k)) + 0.1, rng.random((k, n)) + 0.1)


def stored(X):
    """Return what was observed of X, stored; nothing else is."""
    i, j = np.nonzero(~np.isnan(X))
    return scipy.sparse.coo_array((X[i, j], (i, j)), shape=X.shape)


def same_bits(a, b):
    for name in ("W", "H", "loss_value", "relative_error", "kkt", "n_missing"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert np.array_equal(a.trace.loss, b.trace.loss)


def near(a, b, dtype=np.float64):
    for one, other in ((a.W, b.W), (a.H, b.H)):
        np.testing.assert_allclose(one, other, rtol=0, atol=(1e-2 if dtype == np.float32 else 1e-8) * one.max())


# --- what stands in the place of a missing entry ---------------------------------------------------------


@pytest.mark.parametrize("share", [0.2, 0.5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_missing_entry_may_hold_anything_if_it_weighs_nothing(loss, solver, order, share, dtype):
    X, _ = gappy(share, dtype=dtype)
    holes, X = np.isnan(X), np.array(X, order=order)
    options = {"loss": loss, "solver": solver, "seed": 0, "stop": Iterations(15)}
    want = nonneg.factorize(X, 3, **options)
    assert want.n_missing == holes.sum()
    fillers = (0, 7, -3, np.finfo(dtype).max, np.inf, np.nan) if solver == "auto" else (-3,)
    for filler in fillers:
        given = np.where(holes, dtype.type(filler), X)
        same_bits(nonneg.factorize(np.array(given, order=order), 3, weights=~holes * 1.0, **options), want)


def test_nan_where_nothing_may_be_missing_is_an_error_even_without_weight():
    X, _ = gappy()
    for arguments in ({}, {"weights": ~np.isnan(X) * 1.0}):
        with pytest.raises(ValueError, match=r"^Input X contains NaN: row \d+, column \d+\. factorize does not"):
            nonneg.factorize(X, 2, missing_values=None, **arguments)


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_sparse_data_are_the_dense_ones(loss, solver, kind, dtype):
    # Half of the entries are missing: the squared error reads dense data by what was observed, too.
    X, start = gappy(0.5, dtype=dtype)
    # Differences by rounding grow along a path, so float32 is looked at early.
    options = {"loss": loss, "solver": solver, "start": start, "stop": Iterations(5 if dtype == np.float32 else 20)}
    dense = nonneg.factorize(X, 3, **options)
    for data, arguments in (
        (LAYOUTS[kind](X), {}),
        (LAYOUTS[kind](stored(X)), {"missing_values": 0}),
        (np.nan_to_num(X), {"missing_values": 0}),
    ):
        other = nonneg.factorize(data, 3, **options, **arguments)
        near(dense, other, dtype)
        assert other.n_missing == dense.n_missing
        assert other.loss_value == pytest.approx(dense.loss_value, rel=1e-4 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_zeros_that_sparse_data_do_not_store_are_observed_unless_they_are_said_not_to_be(layout, solver):
    X, start = gappy(0.2)
    X[np.random.default_rng(1).random(X.shape) < 0.3] = 0
    for loss in (1, 2, 1.5, 3):
        options = {"loss": loss, "solver": solver, "start": start, "stop": FAR if loss == 2 else Iterations(20)}
        want, got = nonneg.factorize(X, 3, **options), nonneg.factorize(layout(X), 3, **options)
        assert got.n_missing == want.n_missing == np.isnan(X).sum()
        assert got.loss_value == pytest.approx(want.loss_value, rel=1e-7)
    neither = nonneg.factorize(layout(X), 3, start=start, missing_values=0, stop=FAR)
    assert neither.n_missing == np.isnan(X).sum() + (X == 0).sum()
    assert neither.loss_value < 0.9 * want.loss_value


def test_filling_and_gram_matrices_of_rows_end_at_the_same_loss(layout):
    # A dense X of which few entries are missing is filled; the least change of a weight leads the other way.
    X, _ = gappy(0.3)
    # From anywhere they may end at different optima.
    start = nonneg.factorize(X, 3, seed=0)
    slightly = np.ones(X.shape)
    slightly[0, 0] = 1 - 1e-12
    filled = nonneg.factorize(X, 3, start=start, stop=FAR)
    for other in (
        nonneg.factorize(X, 3, start=start, weights=slightly, stop=FAR),
        nonneg.factorize(layout(X), 3, start=start, stop=FAR),
        nonneg.factorize(stored(X), 3, start=start, missing_values=0, stop=FAR),
    ):
        assert other.loss_value == pytest.approx(filled.loss_value, rel=1e-6)
        np.testing.assert_allclose(other.reconstruct(), filled.reconstruct(), atol=1e-3 * filled.reconstruct().max())


# --- the result ------------------------------------------------------------------------------------------


def slopes(X, W, H, beta, counts=1.0, shrinks=((0, 0), (0, 0))):
    """Yield each factor (rows x k), the slope of the loss along it, and the part of that which pulls down."""
    C = np.where(np.isnan(X), 0, counts)
    X, Y = np.nan_to_num(X).astype(float), np.maximum(W.astype(float) @ H, 1e-30)
    up, down = C * X * Y ** (beta - 2), C * Y ** (beta - 1)
    for F, A, B, (l1, l2) in (
        (W, up @ H.T, down @ H.T, shrinks[0]),
        (H.T, up.T @ W, down.T @ W, shrinks[1]),
    ):
        below = B + l1 + l2 * F
        yield F, below - A, below


def off_optimum(X, W, H, beta, **options):
    """How far the conditions of an optimum are from holding: slopes >= 0, and zero where the factor is not."""
    worst = 0.0
    for F, slope, below in slopes(X, W, H, beta, **options):
        used = below > 0
        worst = max(worst, -np.min(slope[used] / below[used]), np.sum(F * np.abs(slope)) / np.sum(F * below))
    return worst


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_the_loss_is_that_of_what_was_observed(loss, solver, layout, share, dtype, divergence):
    X, _ = gappy(share, dtype=dtype)
    result = nonneg.factorize(layout(X), 3, loss=loss, solver=solver, seed=0, stop=Iterations(40))
    want = divergence(X, result.W.astype(float) @ result.H, LOSSES[loss])
    assert result.loss_value == pytest.approx(want, rel=2e-4 if dtype == np.float32 else 1e-10)
    seen = X[~np.isnan(X)].astype(float)
    nothing = 0.5 * np.sum(seen**2) if LOSSES[loss] == 2 else divergence(seen, np.full(1, seen.mean()), LOSSES[loss])
    share_left = want / nothing
    want = np.sqrt(share_left) if LOSSES[loss] == 2 else share_left
    assert result.relative_error == pytest.approx(want, rel=2e-4 if dtype == np.float32 else 1e-8)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_conditions_of_an_optimum(loss, layout, share):
    X, start = gappy(share)
    result = nonneg.factorize(layout(X), 3, loss=loss, start=start, stop=FAR)
    assert off_optimum(X, result.W, result.H, LOSSES[loss]) < (1e-3 if LOSSES[loss] in (1, 2) else 4e-2)


@pytest.mark.parametrize("loss", [2, 1, 1.5])
def test_conditions_of_an_optimum_with_penalties(loss, layout):
    X, start = gappy(0.2)
    penalty = Penalty(0.01, 0.02, l1_ratio=0.5)
    result = nonneg.factorize(layout(X), 3, loss=loss, start=start, penalty=penalty, stop=FAR)
    assert off_optimum(X, result.W, result.H, loss, shrinks=penalty.shrinks(X.shape)) < 5e-3


def test_the_best_objective_never_rises(loss, solver, layout, dtype):
    X, bests = gappy(0.2, dtype=dtype)[0], []
    result = nonneg.factorize(
        layout(X), 3, loss=loss, solver=solver, seed=0, stop=Iterations(60), callback=lambda s: bests.append(s.loss)
    )
    assert (np.diff(bests) <= 0).all()
    assert np.array_equal(bests, np.minimum.accumulate(result.trace.loss))
    assert result.loss_value <= bests[-1] * (1 + (1e-4 if dtype == np.float32 else 1e-9))


def test_the_objective_of_a_filled_x_is_that_of_what_was_observed():
    # It is known from before the half-step of H: exact but for the square of its step, and so at the end.
    X, (W, H) = gappy(0.2)
    for rows, kind in ((None, ImputedSquaredError), (np.arange(24.0), ExpectedSquaredError)):
        F, G = np.ascontiguousarray(W.T), H.copy()
        with nonneg.threads(1):
            source = nonneg.data.as_source(nonneg.data.observe(X, sample_weight=rows))
            problem = squared_error(source, (Shrink(0.1, 0.2), Shrink(0.3, 0.1)))
            assert type(problem) is kind
            for _ in range(400):
                problem.improve("W", F, G)
                before = G.copy()
                problem.improve("H", G, F)
                want = source.loss(F, G) + problem.penalty(F, G)
                counted = F if rows is None else F * np.sqrt(rows)
                square = np.sum((counted.T @ (G - before)) ** 2)
                assert abs(problem.objective(F, G) - want) <= 0.5 * square + 1e-12 * want
        assert problem.objective(F, G) == pytest.approx(want, rel=1e-9)


def test_gaps_far_larger_than_what_was_observed(dtype):
    # Saturated pixels: the brightest rows and columns meet in a block that nobody saw. What is filled in there
    # outweighs the rest, and so does its rounding in the objective.
    rng = np.random.default_rng(0)
    w, h = rng.uniform(1, 2, 200), rng.uniform(1, 2, 150)
    w[:80] *= 100
    h[:60] *= 100
    X = np.outer(w, h) * (1 + 0.1 * rng.standard_normal((200, 150)))
    X[:80, :60] = np.nan
    start = rng.random((200, 1)), rng.random((1, 150))
    result = nonneg.factorize(X.astype(dtype), 1, start=start, seed=0)
    best = nonneg.factorize(X, 1, start=start, seed=0, stop=RelativeDecrease(1e-9))
    assert result.reason == "tolerance"
    # Sums of float32 feel the block in the steps, too.
    assert result.loss_value <= (1.05 if dtype == np.float32 else 1.0001) * best.loss_value
    assert result.trace.loss.min() >= (0.95 if dtype == np.float32 else 0.9999) * result.loss_value


@pytest.mark.parametrize("power", [-140, -125, 100])
def test_gaps_at_the_ends_of_the_range(power):
    # What is filled in has no room there in the units of X.
    X, _ = gappy(0.2)
    near_one = X / np.nanmax(X)
    result = nonneg.factorize((near_one * 2.0**power).astype(np.float32), 3, seed=0)
    want = nonneg.factorize(near_one.astype(np.float32), 3, seed=0)
    assert result.relative_error == pytest.approx(want.relative_error, rel=0.02)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_each_step_of_filling_lowers_the_loss(share):
    # Plain steps, each from the last result: expectation-maximisation never rises.
    X, start = gappy(share)
    last = np.inf
    for _ in range(30):
        result = nonneg.factorize(X, 3, start=start, stop=Iterations(1))
        assert result.loss_value <= last * (1 + 1e-12)
        last, start = result.loss_value, (result.W, result.H)


def test_order_of_rows_and_columns_does_not_matter(loss, solver, layout):
    X, (W, H) = gappy(0.3)
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    options = {"loss": loss, "solver": solver, "stop": Iterations(20)}
    want = nonneg.factorize(layout(X), 3, start=(W, H), **options)
    got = nonneg.factorize(layout(X[rows][:, columns]), 3, start=(W[rows], H[:, columns]), **options)
    np.testing.assert_allclose(got.W, want.W[rows], atol=1e-7 * want.W.max())
    np.testing.assert_allclose(got.H, want.H[:, columns], atol=1e-7)


@pytest.mark.parametrize("power", [-40, 20])
def test_a_power_of_four_changes_no_bit(loss, layout, power):
    X, _ = gappy(0.3)
    options = {"loss": loss, "seed": 0, "stop": Iterations(15)}
    want, got = (nonneg.factorize(layout(X * factor), 3, **options) for factor in (1, 2.0**power))
    assert np.array_equal(got.H, want.H)
    assert np.array_equal(got.W, want.W * 2.0**power)
    assert got.loss_value == want.loss_value * 2.0 ** (power * LOSSES[loss])


def test_bits_do_not_depend_on_threads(loss, layout, dtype):
    X = gappy(0.2, 400, 150, 8, dtype=dtype)[0]
    results = []
    for n in (1, 2, 3):
        with nonneg.threads(n):
            results.append(nonneg.factorize(layout(X), 8, loss=loss, seed=0, stop=Iterations(5)))
            assert np.array_equal(results[0].transform(layout(X)), results[-1].transform(layout(X)))
    same_bits(results[0], results[1])
    same_bits(results[0], results[2])


# --- new rows --------------------------------------------------------------------------------------------


# Where the divergence is convex there is one W H; squared errors are solved alike to the last bit.
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5])
@pytest.mark.parametrize("share", [0.2, 0.5])
@pytest.mark.parametrize("penalty", [None, Penalty(0.01, l1_ratio=0.5)])
def test_training_data_give_w(loss, layout, share, dtype, penalty):
    X = layout(gappy(share, dtype=dtype)[0])
    result = nonneg.factorize(X, 3, loss=loss, seed=0, penalty=penalty, stop=Iterations(200))
    W = result.transform(X)
    if loss == "frobenius":
        assert np.array_equal(W, result.W)
    # Nothing but the penalty says what W H is elsewhere.
    want, seen = result.reconstruct(), ~np.isnan(gappy(share)[0])
    assert np.abs(W @ result.H - want)[seen].max() < (2e-2 if dtype == np.float32 else 2e-3) * want[seen].max()


def test_a_row_does_not_depend_on_the_others(loss, layout, dtype):
    X = gappy(0.3, dtype=dtype)[0]
    result = nonneg.factorize(X, 3, loss=loss, seed=0, stop=Iterations(50))
    X[3] *= 1000
    whole = result.transform(layout(X), exact=True)
    close = 1e-3 if dtype == np.float32 else 1e-6
    for rows in ([0], [3], [7, 2, 11]):
        alone = result.transform(layout(X[rows]), exact=True)
        np.testing.assert_allclose(alone, whole[rows], rtol=0, atol=close * whole[rows].max())


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_nothing_observed_of_a_row_and_a_column(loss, solver, layout, share, dtype):
    X, start = gappy(share, dtype=dtype)
    X[4] = X[:, 7] = np.nan
    for begin in (None, start):
        with pytest.warns(UserWarning, match="Nothing was observed") as caught:
            result = nonneg.factorize(layout(X), 3, loss=loss, solver=solver, seed=0, start=begin, stop=Iterations(5))
        assert [str(warning.message) for warning in caught] == [
            "Nothing was observed of row 4 of X: zeros in the result, unless constraints or penalties forbid.",
            "Nothing was observed of column 7 of X: zeros in the result, unless constraints or penalties forbid.",
        ]
        assert not result.W[4].any()
        assert not result.H[:, 7].any()
        assert result.W.any(axis=1).sum() == len(X) - 1
        assert result.H.any(axis=0).sum() == X.shape[1] - 1
        for F in (result.W, result.H):
            assert np.isfinite(F).all()
    with pytest.warns(UserWarning, match=r"^Nothing was observed of row 4 of X") as caught:
        W = result.transform(layout(X))
    assert len(caught) == 1
    assert not W[4].any()


def test_a_given_start_that_is_already_best_is_cleared_where_nothing_was_observed():
    X, _ = gappy(0.0)
    good = nonneg.factorize(X, 3, seed=0, stop=FAR)
    X[:, 7] = np.nan
    for data in (X, scipy.sparse.csr_array(X)):
        with pytest.warns(UserWarning, match="column 7"):
            result = nonneg.factorize(data, 3, start=good, stop=Iterations(1))
        assert not result.H[:, 7].any()


def test_many_empty_lines_are_counted_and_some_named():
    X = np.ones((9, 4))
    X[1:8] = np.nan
    with pytest.warns(UserWarning, match=r"^Nothing was observed of rows 1, 2, 3, 4, 5, \.\.\. of X \(7 rows\)"):
        nonneg.factorize(X, 1, seed=0)
    X = scipy.sparse.csr_array(([1.0, 2.0], ([0, 2], [1, 3])), shape=(3, 4))
    with pytest.warns(UserWarning, match="Nothing was observed") as caught:
        nonneg.factorize(X, 1, missing_values=0, seed=0)
    assert [str(warning.message).split(" of X")[0] for warning in caught] == [
        "Nothing was observed of row 1",
        "Nothing was observed of columns 0, 2",
    ]


def test_impute_fills_the_holes_and_nothing_else(layout, dtype):
    X = gappy(0.3, dtype=dtype)[0]
    result = nonneg.factorize(layout(X), 3, seed=0)
    given = layout(X)
    before = given.copy()
    out = result.impute(given)
    assert out.dtype == dtype
    holes = np.isnan(X)
    assert np.array_equal(out[~holes], X[~holes])
    model = result.transform(layout(X)) @ result.H
    np.testing.assert_allclose(out[holes], model[holes], rtol=1e-5 if dtype == np.float32 else 1e-12)
    for name in ("data", "indices", "indptr") if scipy.sparse.issparse(given) else ("T",):
        np.testing.assert_array_equal(getattr(given, name), getattr(before, name))
    whole = np.ones((2, X.shape[1]), dtype)
    assert np.array_equal(result.impute(layout(whole)), whole)


def test_impute_with_weights_and_what_sparse_data_leave_out():
    X, _ = gappy(0.3)
    holes = np.isnan(X)
    want = nonneg.factorize(X, 3, seed=0).impute(X)
    filler = np.where(holes, -5.0, X)
    result = nonneg.factorize(filler, 3, seed=0, weights=1.0 * ~holes)
    assert np.array_equal(result.impute(filler, weights=1.0 * ~holes), want)
    ratings = stored(X)
    rated = nonneg.factorize(ratings, 3, seed=0, missing_values=0)
    out = rated.impute(ratings)
    assert np.array_equal(out[~holes], X[~holes])
    np.testing.assert_allclose(out[holes], rated.reconstruct()[holes], rtol=1e-9)
    # Zeros that were observed stay.
    zeros = scipy.sparse.csr_array(np.where(holes, np.nan, X * (X > 1)))
    out = nonneg.factorize(zeros, 3, seed=0).impute(zeros)
    assert np.array_equal(out[~holes], (X * (X > 1))[~holes])


# --- what data may come as --------------------------------------------------------------------------------


def test_masks_and_nulls_are_missing():
    whole = np.random.default_rng(0).poisson(4, (20, 6))
    holes = np.random.default_rng(1).random(whole.shape) < 0.2
    X = np.where(holes, np.nan, whole)
    lists = {
        f"c{j}": [None if hole else int(x) for x, hole in zip(whole[:, j], holes[:, j], strict=True)]
        for j in range(6)
    }
    floats = {name: [None if x is None else x / 1 for x in column] for name, column in lists.items()}
    want = nonneg.factorize(X, 2, seed=0)
    cases = {
        "masked integers": np.ma.array(whole, mask=holes),
        "masked floats": np.ma.array(np.where(holes, -1e9, whole), mask=holes),
        "pandas Int64": pd.DataFrame(lists, dtype="Int64"),
        "pandas Float64": pd.DataFrame(floats, dtype="Float64"),
        "pandas float64": pd.DataFrame(X),
        "pandas objects": pd.DataFrame(X).astype(object).where(~holes, None),
        "polars integers": pl.DataFrame(lists),
        "polars floats": pl.DataFrame(floats),
        "lists": X.tolist(),
    }
    for name, data in cases.items():
        got = nonneg.factorize(data, 2, seed=0)
        assert got.n_missing == holes.sum(), name
        np.testing.assert_allclose(got.W, want.W, rtol=1e-6, atol=1e-9, err_msg=name)
        model = NMF(2, random_state=0, tol=1e-4).fit(data)
        assert model.result_.n_missing == holes.sum(), name
        np.testing.assert_allclose(model.transform(data), model.result_.W, rtol=1e-6, atol=1e-9, err_msg=name)
        assert model.score(data) == pytest.approx(1 - model.result_.relative_error**2, rel=1e-9)
    with pytest.raises(ValueError, match=r"^X has masked entries"):
        nonneg.MiniBatchNMF(2).fit(cases["masked integers"])
    single = np.ma.array(whole.astype(np.float32), mask=holes)
    assert nonneg.factorize(single, 2, seed=0).W.dtype == np.float32


def test_masks_are_an_error_where_nothing_may_be_missing():
    X = np.ma.array(np.ones((3, 3)), mask=np.eye(3))
    with pytest.raises(ValueError, match=r"^X has masked entries; "):
        nonneg.factorize(X, 1, missing_values=None)
    for data in (np.ma.array(np.ones((3, 3))), np.ma.array(np.ones((3, 3)), mask=np.zeros((3, 3)))):
        assert nonneg.factorize(data, 1, missing_values=None, seed=0).n_missing == 0


def test_data_are_never_changed_and_may_be_read_only(loss, solver, layout):
    X = layout(gappy(0.2)[0])
    arrays = [X.data, X.indices, X.indptr] if scipy.sparse.issparse(X) else [X]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    result = nonneg.factorize(X, 3, loss=loss, solver=solver, seed=0, stop=Iterations(5))
    result.transform(X)
    result.impute(X)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_dense_zeros_may_be_missing_and_stay_in_x():
    X, _ = gappy(0.3)
    zeros = np.nan_to_num(X)
    before = zeros.copy()
    same_bits(nonneg.factorize(zeros, 3, missing_values=0, seed=0), nonneg.factorize(X, 3, seed=0))
    assert np.array_equal(zeros, before)


def test_what_is_said_of_the_missing(tmp_path):
    X, _ = gappy(0.2)
    n_missing = np.isnan(X).sum()
    result = nonneg.factorize(X, 3, seed=0)
    assert f"missing    {n_missing} of {X.size} entries were not observed" in repr(result)
    assert f"{n_missing} of {X.size}" in result._repr_html_()
    assert "missing" not in repr(nonneg.factorize(np.nan_to_num(X), 3, seed=0))
    json.dumps(dict(result.settings), allow_nan=False)
    for missing in (float("nan"), 0, None):
        data = X if missing is not None else np.nan_to_num(X)
        first = nonneg.factorize(np.nan_to_num(data) if missing == 0 else data, 3, seed=0, missing_values=missing)
        first.save(tmp_path / "model.npz")
        for again in (nonneg.load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(first))):
            assert again.n_missing == first.n_missing
            assert again.settings == first.settings
            assert np.array_equal(again.W, first.W)
            # New rows are read as those of the fit.
            new = np.array([[0.0, 1, 2] * 5 + [1, 1]])
            assert np.array_equal(again.transform(new), first.transform(new))
            if missing is None:
                with pytest.raises(ValueError, match="contains NaN"):
                    again.transform(np.where(new > 0, new, np.nan))
            else:
                assert np.array_equal(again.impute(new) == new, new > 0 if missing == 0 else new >= 0)


# --- the estimator ---------------------------------------------------------------------------------------


def test_the_estimator_reads_nan_and_hands_it_on(layout):
    X = layout(gappy(0.2)[0])
    model = NMF(3, random_state=0, tol=1e-6, max_iter=2000)
    W = model.fit_transform(X)
    assert np.array_equal(model.transform(X), W)
    assert model.result_.n_missing == np.isnan(gappy(0.2)[0]).sum()
    assert model.score(X) == pytest.approx(1 - model.result_.relative_error**2, rel=1e-9)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.transform(X), W)
    assert model.__sklearn_tags__().input_tags.allow_nan
    assert not NMF(missing_values=None).__sklearn_tags__().input_tags.allow_nan
    with pytest.raises(ValueError, match="contains NaN"):
        NMF(3, missing_values=None).fit(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_grid_search_over_data_with_gaps():
    X = gappy(0.2, 60, 17)[0]
    search = GridSearchCV(NMF(3, random_state=0), {"alpha_W": [0.0, 1e-3, 10.0]}, cv=3).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["alpha_W"] < 10


# --- errors and edges -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (np.full((3, 2), np.nan), {}, r"X is entirely missing: none of its 3 x 2 entries was observed\."),
        (np.ones((3, 2)), {"weights": 0.0}, r"X is entirely missing"),
        (np.zeros((3, 2)), {"missing_values": 0}, r"X is entirely missing"),
        (scipy.sparse.csr_array((3, 2)), {"missing_values": 0}, r"X is entirely missing"),
        (scipy.sparse.csr_array(np.full((3, 2), np.nan)), {}, r"X is entirely missing"),
        (scipy.sparse.csr_array(np.ones((3, 2))), {"weights": scipy.sparse.csr_array((3, 2))}, r"X is entirely"),
        (np.ones((3, 2)), {"missing_values": 0}, r"missing_values=0, but X is dense and holds no zero; "),
        *(
            (np.ones((3, 2)), {"missing_values": wrong}, rf"missing_values must be nan, 0 or None, got {wrong!r}\.")
            for wrong in ("nan", 1, -1, False, True, np.inf, "0")
        ),
    ],
)
def test_errors(data, arguments, message):
    with pytest.raises(ValueError, match="^" + message) as caught:
        nonneg.factorize(data, 1, **arguments)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", [np.nan, np.float32("nan"), np.float64(0), 0, 0.0, np.int64(0)])
def test_ways_to_write_what_is_missing(missing):
    X = np.array([[1.0, 2.0], [3.0, missing], [2.0, 4.0]])
    assert nonneg.factorize(X, 1, seed=0, missing_values=missing).n_missing == 1


@hypothesis.given(
    m=st.integers(1, 4),
    n=st.integers(1, 4),
    k=st.integers(1, 3),
    seed=st.integers(0, 999),
    loss=st.sampled_from([2, 1, 0, 1.5, 0.5, 3]),
    layout=st.sampled_from(list(LAYOUTS)),
    seen=st.integers(1, 16),
    solver=st.sampled_from(["auto", "mu"]),
)
@hypothesis.settings(max_examples=300)
@pytest.mark.filterwarnings("ignore:Nothing was observed of")
def test_small_and_nearly_empty(m, n, k, seed, loss, layout, seen, solver, divergence):
    rng = np.random.default_rng(seed)
    X = np.full(m * n, np.nan)
    known = rng.permutation(m * n)[:seen]
    X[known] = rng.exponential(size=len(known)) + 1e-3
    X = X.reshape(m, n)
    result = nonneg.factorize(
        LAYOUTS[layout](X), k, loss=loss, solver=solver, seed=0, stop=[RelativeDecrease(1e-8), Iterations(300)]
    )
    model = result.reconstruct()
    assert np.isfinite(model).all()
    assert result.n_missing == np.isnan(X).sum()
    size = np.nansum(X**2) if loss == 2 else 1 + np.nansum(X**loss)
    assert result.loss_value == pytest.approx(divergence(X, model, loss, floor=1e-300), rel=1e-6, abs=1e-9 * size)
    assert not result.W[np.isnan(X).all(axis=1)].any()
    assert not result.H[:, np.isnan(X).all(axis=0)].any()
    if len(known) == 1 and solver == "auto":
        # One number is met by any model.
        np.testing.assert_allclose(model.ravel()[known], X.ravel()[known], rtol=1e-3)


# --- memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [2, 1, 0.5])
@pytest.mark.parametrize("how", ["zeros missing", "weights"])
@pytest.mark.filterwarnings("ignore:Nothing was observed of")
def test_sparse_data_are_never_made_dense(loss, how):
    # Dense, X would take 3.2 GB.
    rng = np.random.default_rng(0)
    X = scipy.sparse.random_array((20000, 20000), density=2.5e-4, format="csr", rng=rng)
    options = {"missing_values": 0} if how == "zeros missing" else {"weights": X.copy()}
    tracemalloc.start()
    result = nonneg.factorize(X, 3, loss=loss, seed=0, stop=Iterations(2), **options)
    result.transform(X, weights=options.get("weights"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


# --- what it is good for ----------------------------------------------------------------------------------


def by_svd(X, k, rounds):
    """Fill with a truncated SVD, again and again, from the means of columns."""
    holes = np.isnan(X)
    out = np.where(holes, np.nanmean(X, axis=0), X)
    for _ in range(rounds):
        U, s, V = np.linalg.svd(out, full_matrices=False)
        out[holes] = ((U[:, :k] * s[:k]) @ V[:k])[holes]
    return out


def held_out(X, seed=0):
    """Return X with a tenth of its entries missing, and a function that measures what was put there."""
    held = np.random.default_rng(seed).random(X.shape) < 0.1
    return np.where(held, np.nan, X), lambda out: np.sqrt(np.mean((out - X)[held] ** 2))


# The others have the best of several settings for this very data: one round is the plain SVD of data filled with
# means, thirty iterate it.
def best_svd(seen, off, ranks):
    return min(off(by_svd(seen, rank, rounds)) for rank in ranks for rounds in (1, 15))


def best_neighbours(seen, off):
    return min(off(KNNImputer(n_neighbors=n, weights="distance").fit_transform(seen)) for n in (5, 8, 10, 20))


def few_digits():
    X = load_digits().data[::3]
    return X[:, X.any(axis=0)]


def test_held_out_pixels_are_closer_than_by_neighbours():
    # Each picture is a mixture of many prototypes, pictures themselves; the mean of three sets of them.
    seen, off = held_out(few_digits())
    runs = (
        nonneg.factorize(seen, 100, simplex=True, upper=(None, 16), start="random", seed=seed) for seed in range(3)
    )
    own = off(np.mean([run.impute(seen) for run in runs], axis=0))
    assert own < 0.98 * best_neighbours(seen, off)


def test_held_out_pixels_are_closer_than_by_means_and_svd():
    seen, off = held_out(few_digits())
    own = off(nonneg.factorize(seen, 32, seed=0, penalty=Penalty(0.1)).impute(seen))
    assert own < 0.75 * off(np.where(np.isnan(seen), np.nanmean(seen, axis=0), seen))
    assert own < 0.98 * best_svd(seen, off, (12, 16))


def test_held_out_mixtures_are_closer_than_by_means_neighbours_and_svd():
    # Counts of mixtures of four parts, under the loss that is made for counts.
    rng = np.random.default_rng(0)
    X = rng.poisson(300 * rng.gamma(0.7, size=(200, 4)) @ rng.dirichlet(np.full(60, 0.3), size=4)).astype(float)
    seen, off = held_out(X)
    own = off(nonneg.factorize(seen, 4, seed=0, loss="poisson").impute(seen))
    assert own < 0.3 * off(np.where(np.isnan(seen), np.nanmean(seen, axis=0), seen))
    assert own < 0.7 * best_neighbours(seen, off)
    assert own < 0.98 * best_svd(seen, off, (2, 3, 4, 5))


def test_held_out_counts_tell_the_number_of_parts(divergence):
    planted, found = 4, []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        W, H = rng.gamma(0.4, size=(80, planted)), rng.dirichlet(np.full(40, 0.3), size=planted)
        X = rng.poisson(300 * W @ H).astype(float)
        held = rng.random(X.shape) < 0.1
        seen = np.where(held, np.nan, X)
        errors = {}
        for k in range(2, 8):
            result = nonneg.factorize(seen, k, loss="poisson", seed=0, stop=[RelativeDecrease(1e-6), Iterations(500)])
            errors[k] = divergence(X[held], result.reconstruct()[held], 1, floor=1e-3)
        found.append(min(errors, key=errors.get))
    assert found.count(planted) >= 9
