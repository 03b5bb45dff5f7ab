"""What may not be factorized is refused in one sentence; what may comes through as it is."""

import datetime as dt
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from sklearn.utils import Bunch

import nonneg
from nonneg import Iterations, Penalty
from nonneg.data import check_matrix

X = np.arange(1.0, 13.0).reshape(4, 3)


def fit(data, k=2, **kwargs):
    return nonneg.factorize(data, k, **{"seed": 0, "stop": Iterations(3)} | kwargs)


def one_sentence(caught):
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "H >= 0."))


# --- values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (-0.25, "Negative values in data passed to factorize (input X): -0.25 at row 2, column 1"),
        (-np.inf, "Input X contains infinity"),
        (np.inf, "Input X contains infinity"),
        (np.nan, "Input X contains NaN"),
    ],
)
def test_bad_values_are_named_with_their_place(value, begins, as_kind, dtype):
    bad = X.astype(dtype)
    bad[2, 1] = bad[3, 0] = value
    data = as_kind(bad)
    with pytest.raises(ValueError, match=r"row 2, column 1") as caught:
        fit(data, missing_values=None)
    assert str(caught.value).startswith(begins)
    one_sentence(caught)
    if np.isnan(value):
        assert fit(data).n_missing == 2
        return
    with pytest.raises(ValueError, match="^" + re.escape(str(caught.value))):
        fit(data)


def test_bad_values_far_into_large_data(as_kind):
    large = np.ones((300, 50))
    for row, column in ((0, 0), (299, 49), (257, 3)):
        bad = large.copy()
        bad[row, column] = -2
        with pytest.raises(ValueError, match=rf"-2 at row {row}, column {column};"):
            fit(as_kind(bad))


def test_the_smallest_negative_number_is_negative(as_kind):
    bad = X.copy()
    bad[1, 1] = -5e-324
    with pytest.raises(ValueError, match=r"Negative values .* row 1, column 1"):
        fit(as_kind(bad))


def test_minus_zero_is_zero(as_kind):
    data = X.copy()
    data[1, 1] = -0.0
    clean = X.copy()
    clean[1, 1] = 0.0
    a, b = fit(as_kind(data)), fit(as_kind(clean))
    assert np.array_equal(a.W, b.W)
    assert np.array_equal(a.H, b.H)


def test_negative_values_where_they_are_allowed(as_kind):
    bad = X.copy()
    bad[2, 1] = -0.25
    result = fit(as_kind(bad), negative="allow")
    assert result.W.min() >= 0
    assert result.H.min() >= 0
    for value in (np.inf, np.nan):
        bad[2, 1] = value
        with pytest.raises(ValueError, match="Input X contains"):
            fit(as_kind(bad), negative="allow", missing_values=None)
    assert fit(as_kind(bad), negative="allow").n_missing == 1
    bad[2, 1] = np.inf
    with pytest.raises(ValueError, match="Input X contains infinity"):
        fit(as_kind(bad), negative="allow")


@pytest.mark.parametrize("negative", ["clip", None, True, ""])
def test_other_words_for_negative(negative):
    with pytest.raises(ValueError, match=r'negative must be "error" or "allow"'):
        fit(X, negative=negative)


def test_messages_say_whose_input_it_is():
    with pytest.raises(ValueError, match=r"^Negative values in data passed to NMF \(input X\): -1 at row 0"):
        check_matrix(-X, name="NMF (input X)")


# --- shapes and types -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones(3), r"Expected a 2D array, got 1D array instead\. Use X\.reshape\(-1, 1\)"),
        (np.ones((2, 5, 3)), r"got 3 dimensions \(2, 5, 3\): reshape a cube to pixels x bands by X\.reshape\(-1, X"),
        (np.float64(3), r"Expected a 2D array, got 0D"),
        (None, r"X is None; give a matrix of numbers"),
        ([], r"empty: shape \(0,\)"),
        (np.ones((0, 3)), r"empty: shape \(0, 3\)"),
        (np.ones((3, 0)), r"empty: shape \(3, 0\)"),
        ([[]], r"empty: shape \(1, 0\)"),
        (scipy.sparse.csr_array((0, 3)), r"empty: shape \(0, 3\)"),
        (scipy.sparse.csc_matrix((3, 0)), r"empty: shape \(3, 0\)"),
        (scipy.sparse.coo_array(np.ones(3)), r"two-dimensional"),
    ],
)
def test_shapes(data, message):
    with pytest.raises(ValueError, match=message) as caught:
        fit(data, 1)
    one_sentence(caught)


@pytest.mark.parametrize(
    "data",
    [
        X * 1j,
        scipy.sparse.csr_array(X * 1j),
        X.astype(str),
        X.astype(bytes),
        np.full((4, 3), "one", object),
        np.full((4, 3), 1j, object),
        [["a", "b"], ["c", "d"]],
        np.full((4, 3), dt.datetime(2000, 1, 1), "datetime64[s]"),
        pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}),
        "text",
        {"a": 1},
    ],
)
def test_what_holds_no_real_numbers(data):
    with pytest.raises((TypeError, ValueError)) as caught:
        fit(data, 1)
    one_sentence(caught)
    assert caught.type is TypeError


DAY = dt.date(2000, 1, 1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0, 2.0], "site": ["x", "y"]}, "its column 'site' holds text; leave it out"),
        ({"a": [1.0, 2.0], "site": ["x", None]}, "its column 'site' holds text"),
        ({"site": ["1", "2"], "day": [DAY, DAY]}, "its column 'site' holds text"),
        ({"a": [1.0, 2.0], "day": [DAY, DAY]}, "its column 'day' holds dates or times"),
        ({"day": [dt.datetime(2000, 1, 1)] * 2, "a": [1, 2]}, "its column 'day' holds dates or times"),
        ({"a": [1, 2], "wait": [dt.timedelta(1)] * 2}, "its column 'wait' holds dates or times"),
    ],
)
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_column_that_holds_no_numbers_is_named(frame, columns, message):
    with pytest.raises(TypeError, match=f"^X must hold real numbers, but {message}") as caught:
        fit(frame(columns), 1)
    one_sentence(caught)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Bunch(data=np.ones((3, 2))), "an object of type Bunch; give its table, X.data."),
        (SimpleNamespace(X=np.ones((3, 2))), "an object of type SimpleNamespace; give its table, X.X."),
        ({"a": [1]}, "an object of type dict."),
        ([[{}]], "an array of objects."),
    ],
)
def test_what_holds_a_table_is_none(given, message):
    with pytest.raises(TypeError, match=re.escape(f"X must hold real numbers, got {message}")):
        nonneg.factorize(given, 1)


def test_rows_of_unequal_length():
    with pytest.raises(ValueError, match="inhomogeneous"):
        fit([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    "data",
    [
        X.astype(int),
        X.astype(np.uint8),
        X.astype(object),
        X.astype(np.float16),
        X.astype(np.longdouble),
        X.tolist(),
        X.astype(int).tolist(),
        [tuple(row) for row in X.tolist()],
        pd.DataFrame(X),
        pd.DataFrame(X).astype("Int64"),
        pl.DataFrame(X),
        scipy.sparse.csr_matrix(X.astype(int)),
        scipy.sparse.coo_array(X.astype(np.int8)),
        scipy.sparse.lil_matrix(X),
        scipy.sparse.dok_array(X),
        scipy.sparse.dia_matrix(X),
        scipy.sparse.bsr_matrix(X),
    ],
)
def test_other_numbers_become_float64(data):
    result = fit(data)
    assert result.W.dtype == result.H.dtype == np.float64
    want = fit(scipy.sparse.csr_array(X) if scipy.sparse.issparse(data) else X)
    np.testing.assert_allclose(result.W, want.W, rtol=1e-6)


def test_booleans_become_float64():
    bits = X > 5
    for data in (bits, scipy.sparse.csr_array(bits), pd.DataFrame(bits), pl.DataFrame(bits), bits.tolist()):
        want = scipy.sparse.csr_array(1.0 * bits) if scipy.sparse.issparse(data) else 1.0 * bits
        result = fit(data)
        assert result.W.dtype == np.float64
        np.testing.assert_allclose(result.W, fit(want).W, rtol=1e-6, atol=1e-9)


def test_float32_is_kept():
    for data in (X, np.asfortranarray(X), scipy.sparse.coo_array(X), pd.DataFrame(X)):
        result = fit(data.astype(np.float32))
        assert result.W.dtype == result.H.dtype == np.float32


# --- sparse matrices that are not in order --------------------------------------------------------------


def messy():
    """Yield matrices that mean X0, each untidy in its way; and X0."""
    rng = np.random.default_rng(0)
    clean = (rng.random((30, 20)) * (rng.random((30, 20)) < 0.3)).round(3)
    coo = scipy.sparse.coo_matrix(clean)
    shuffled = rng.permutation(coo.nnz)
    row, col, data = coo.row[shuffled], coo.col[shuffled], coo.data[shuffled]
    half = (np.tile(row, 2), np.tile(col, 2)), np.tile(data / 2, 2)
    unsorted = scipy.sparse.csr_matrix(coo)
    for i in range(30):
        run = slice(*unsorted.indptr[i : i + 2])
        unsorted.indices[run], unsorted.data[run] = unsorted.indices[run][::-1], unsorted.data[run][::-1]
    unsorted.has_sorted_indices = unsorted.has_canonical_format = False
    zeros = scipy.sparse.csr_matrix(np.where(clean == 0, 1.0, clean))
    zeros.data[(np.where(clean == 0, 1.0, clean) == 1)[clean >= 0].ravel()] = 0
    doubled = scipy.sparse.csr_matrix(coo)
    doubled = scipy.sparse.csr_matrix(
        (np.repeat(doubled.data / 2, 2), np.repeat(doubled.indices, 2), 2 * doubled.indptr), shape=(30, 20)
    )
    i, j = np.argwhere(clean == 0)[0]
    cancelling = scipy.sparse.coo_matrix(
        (np.append(data, [5.0, -5.0]), (np.append(row, [i, i]), np.append(col, [j, j]))), shape=(30, 20)
    )
    spare = scipy.sparse.csr_matrix(coo)
    spare.data = np.append(spare.data, [1e9, np.nan])
    spare.indices = np.append(spare.indices, spare.indices[:2])
    return clean, {
        "shuffled coo": scipy.sparse.coo_matrix((data, (row, col)), shape=(30, 20)),
        "duplicates in coo": scipy.sparse.coo_matrix((half[1], half[0]), shape=(30, 20)),
        "unsorted csr": unsorted,
        "unsorted csc": unsorted.T,
        "explicit zeros": zeros,
        "duplicates in csr": doubled,
        "entries that cancel": cancelling,
        "spare room": spare,
    }


def parts_of(A):
    names = ("data", "indices", "indptr") if A.format in ("csr", "csc") else ("data", "row", "col")
    return [getattr(A, name) for name in names]


@pytest.mark.parametrize("case", messy()[1])
def test_untidy_sparse_matrices(case):
    clean, cases = messy()
    data = cases[case]
    if case == "unsorted csc":
        clean = clean.T
    assert np.array_equal(np.nan_to_num(data.toarray()), clean)
    before = [array.copy() for array in parts_of(data)]
    stop = Iterations(20)
    got = nonneg.factorize(data, 3, seed=0, stop=stop)
    want = nonneg.factorize(type(data)(scipy.sparse.csr_matrix(clean)), 3, seed=0, stop=stop)
    np.testing.assert_allclose(got.W, want.W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(got.H, want.H, rtol=1e-8, atol=1e-10)
    for array, copy in zip(parts_of(data), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("index", [-1, 20, 10**6])
def test_indices_outside_the_matrix(index):
    # Reading there would crash, or worse.
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.csc_array):
        bad = kind(np.ones((20, 20)))
        bad.indices[7] = index
        with pytest.raises(ValueError, match="indices"):
            check_matrix(bad)
    bad = scipy.sparse.csr_matrix(np.ones((20, 20)))
    bad.indptr[3] = 10**6
    with pytest.raises(ValueError, match="ind"):
        check_matrix(bad)


def test_read_only_sparse_matrices():
    data = scipy.sparse.csr_array(X)
    for array in parts_of(data):
        array.flags.writeable = False
    assert np.array_equal(fit(data).W, fit(scipy.sparse.csr_array(X)).W)


# --- the other arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, -1, 2.0, 1.5, "2", None, True, np.float64(2), [2], np.bool_(True)])
def test_k(k):
    with pytest.raises(ValueError, match=r"^k must be an integer >= 1, got "):
        fit(X, k)


@pytest.mark.parametrize("n_init", [0, -1, 2.0, "2", None, True])
def test_n_init(n_init):
    with pytest.raises(ValueError, match=r"^n_init must be an integer >= 1, got "):
        fit(X, n_init=n_init)


def test_numpy_integers_are_integers():
    assert np.array_equal(fit(X, np.int32(2), n_init=np.uint8(2), seed=np.int64(5)).W, fit(X, 2, n_init=2, seed=5).W)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", True, np.random.default_rng(0)])
def test_seed(seed):
    with pytest.raises(ValueError, match=r"^seed must be an integer from 0 to 2\*\*32 - 1 or None, got "):
        fit(X, seed=seed)


def test_the_largest_seed():
    assert fit(X, seed=2**32 - 1, start="random", n_init=2).seed == 2**32 - 1


@pytest.mark.parametrize("start", ["nndsvd", "nndsvda", "nndsvdar"])
def test_more_parts_than_rows_or_columns(start, as_kind):
    with pytest.raises(ValueError, match=rf"^init = '{start}' can only be used when .* 4 > 3; use 'random'\.$"):
        fit(as_kind(X), 4, start=start)
    for possible in ("random", "spa", None):
        assert fit(as_kind(X), 4, start=possible).k == 4
    assert fit(as_kind(X), 4).settings["start"] == "random"
    assert fit(as_kind(X), 3).settings["start"] == "nndsvda"


@pytest.mark.parametrize("start", ["nnsvd", "", "RANDOM", 5, 0])
def test_unknown_starts(start):
    with pytest.raises(ValueError, match=r"^Invalid start: got .*'random', 'nndsvd', 'nndsvda', 'nndsvdar', 'spa'"):
        fit(X, start=start)


W0, H0 = np.ones((4, 2)), np.ones((2, 3))


def test_w_alone_is_no_start():
    with pytest.raises(ValueError, match=r"^Invalid start: got an array of shape \(4, 2\) instead"):
        fit(X, start=W0)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ((W0.T, H0), r"start: W must have shape \(4, 2\), got \(2, 4\)"),
        ((W0, H0.T), r"start: H must have shape \(2, 3\), got \(3, 2\)"),
        ((W0[:, :1], H0[:1]), r"start: W must have shape \(4, 2\), got \(4, 1\)"),
        ((W0, None), r"start: H must have shape \(2, 3\)"),
        ((W0,), r"pair \(W, H\), got 1"),
        ((W0, H0, H0), r"pair \(W, H\), got 3"),
        ((-W0, H0), r"start: W must hold finite numbers >= 0"),
        ((W0, np.nan * H0), r"start: H must hold finite numbers >= 0"),
        ((np.inf * W0, H0), r"start: W must hold finite numbers >= 0"),
        ([W0, H0 - 2], r"start: H must hold finite numbers >= 0"),
        ((0 * W0, H0), r"start: W holds nothing but zeros"),
        ((W0, 0 * H0), r"start: H holds nothing but zeros"),
    ],
)
def test_given_starts(start, message):
    with pytest.raises(ValueError, match=message) as caught:
        fit(X, start=start)
    one_sentence(caught)


def test_a_start_of_zeros_that_does_not_stay():
    assert fit(0 * X, start=(0 * W0, 0 * H0)).converged
    assert fit(X, start=(0 * W0, H0), simplex=True).W.any()
    np.testing.assert_array_equal(fit(X, start=(W0, 0 * H0), fixed=H0).H, H0)


def test_a_factorization_is_a_start():
    first = fit(X)
    on = fit(X, start=first)
    assert on.loss_value <= first.loss_value * (1 + 1e-9)
    assert on.settings["start"] == "given"
    with pytest.raises(ValueError, match=r"start: W must have shape \(4, 3\), got \(4, 2\)"):
        fit(X, 3, start=first)


def test_a_start_keeps_its_order():
    W, H = np.array([[1.0, 0, 9], [0, 1, 9], [1, 1, 9], [2, 0, 9]]), np.eye(3)
    result = fit(W @ H, 3, start=(W, H))
    assert np.argmax(result.H, axis=1).tolist() == [0, 1, 2]
    assert result.share[2] > result.share[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"alpha_W": -1},
        {"alpha_W": np.nan},
        {"alpha_W": np.inf},
        {"alpha_H": -0.1},
        {"alpha_H": np.nan},
        {"alpha_H": "other"},
        {"alpha_H": None},
        {"l1_ratio": -0.1},
        {"l1_ratio": 1.1},
        {"l1_ratio": np.nan},
    ],
)
def test_penalties(arguments):
    ((name, _),) = arguments.items()
    with pytest.raises(ValueError, match=f"^{name} must "):
        Penalty(**arguments)


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.int64(1), 1])
def test_penalties_take_any_number(number):
    penalty = Penalty(number, number, number)
    assert penalty.shrinks((2, 2)) == Penalty(float(number), float(number), float(number)).shrinks((2, 2))


@pytest.mark.parametrize("shape", [(5000, 1), (1, 5000), (5000, 2)])
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_long_and_thin(shape, loss):
    # Every eleventh entry of a single column is no longer side by side with the next.
    X = np.random.default_rng(0).random(shape)
    for data in (X, np.asfortranarray(X), scipy.sparse.csr_array(X)):
        result = nonneg.factorize(data, 1, loss=loss, seed=0)
        assert np.isfinite(result.W).all()
        if 1 in shape:
            np.testing.assert_allclose(result.W @ result.H, X, rtol=1e-6)
