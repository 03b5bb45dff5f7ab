"""Invariances, and data at the edge of sense: for any shape, rank, scale and number type."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import nonneg
from nonneg import Iterations, Penalty

DTYPES = st.sampled_from([np.float32, np.float64])
PENALTIES = st.sampled_from([None, Penalty(0.01), Penalty(0.1, l1_ratio=1.0), Penalty(0.05, 0.2, l1_ratio=0.5)])
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def degenerate(draw):
    """Draw a small matrix with zero rows and columns, repeated rows, one value everywhere, or low rank."""
    m, n = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    kind = draw(st.sampled_from(["any", "zero", "constant", "one entry", "repeated rows", "rank one", "identity"]))
    if kind == "any":
        values = st.sampled_from([0.0, 0.0, 1.0]) | st.floats(0, 100, width=32, allow_subnormal=False)
        X = draw(arrays.arrays(np.float64, (m, n), elements=values))
    elif kind == "zero":
        X = np.zeros((m, n))
    elif kind == "constant":
        X = np.full((m, n), draw(st.sampled_from([1.0, 0.1, 3e4])))
    elif kind == "one entry":
        X = np.zeros((m, n))
        X[draw(st.integers(0, m - 1)), draw(st.integers(0, n - 1))] = 7.0
    elif kind == "repeated rows":
        X = np.tile(np.random.default_rng(draw(SEEDS)).random(n), (m, 1))
    elif kind == "rank one":
        rng = np.random.default_rng(draw(SEEDS))
        X = np.outer(rng.random(m), rng.random(n))
    else:
        X = np.eye(m, n)
    X[draw(arrays.arrays(bool, m, elements=st.sampled_from([False, False, False, True])))] = 0
    X[:, draw(arrays.arrays(bool, n, elements=st.sampled_from([False, False, False, True])))] = 0
    return X


def sound(X, result, penalty=None):
    """Check what must hold for whatever X was."""
    X, W, H = X.astype(np.float64), result.W.astype(np.float64), result.H.astype(np.float64)
    half = 0.5 * np.sum(X**2)
    rounding = 1e-4 if result.W.dtype == np.float32 else 1e-8
    assert np.isfinite(W).all()
    assert np.isfinite(H).all()
    assert W.min() >= 0
    assert H.min() >= 0
    loss = 0.5 * np.sum((X - W @ H) ** 2)
    assert result.loss_value == pytest.approx(loss, rel=1e-3, abs=rounding * half)
    # W = H = 0 is always allowed.
    assert loss <= half * (1 + rounding)
    assert 0 <= result.relative_error <= 1 + rounding
    assert result.kkt >= 0
    assert np.isfinite(result.trace.loss).all()
    assert len(result.trace.loss) == len(result.trace.seconds) == result.n_iter
    # Nothing in, nothing out.
    assert not W[~X.any(axis=1)].any()
    assert result.share.sum() == pytest.approx(float(W.any()))
    if penalty is None:
        matters = result.share > 1e-3
        np.testing.assert_allclose(H[matters].sum(axis=1), 1, rtol=1e-5)
        assert H[matters][:, ~X.any(axis=0)].max(initial=0) <= 1e-3
    repr(result), result._repr_html_()


@settings(max_examples=300)
@given(
    X=degenerate(),
    k=st.integers(1, 14),
    start=st.sampled_from(["random", "nndsvd", "nndsvda", "nndsvdar", "spa", None]),
    dtype=DTYPES,
    penalty=PENALTIES,
    sparse=st.booleans(),
    seed=SEEDS,
)
def test_degenerate_data(X, k, start, dtype, penalty, sparse, seed):
    if start is not None and start.startswith("nndsvd"):
        k = min(k, *X.shape)
    X = X.astype(dtype)
    data = scipy.sparse.csr_array(X) if sparse else X
    result = nonneg.factorize(data, k, start=start, penalty=penalty, seed=seed, stop=Iterations(40))
    sound(X, result, penalty)
    W = result.transform(data)
    assert np.array_equal(W, result.W)
    exact = result.transform(data, exact=True)
    assert np.isfinite(exact).all()
    assert exact.min() >= 0


@given(X=degenerate(), dtype=DTYPES, seed=SEEDS)
def test_as_many_parts_as_rows_or_columns_explain_everything(X, dtype, seed):
    k = min(X.shape)
    m, n = X.shape
    start = (np.eye(m), X) if m <= n else (X, np.eye(n))
    result = nonneg.factorize(X.astype(dtype), k, start=start, seed=seed)
    assert result.relative_error < (1e-3 if dtype == np.float32 else 1e-5)


@settings(max_examples=300)
@given(
    X=arrays.arrays(np.float64, (6, 5), elements=st.floats(-5, 5, width=32)),
    dtype=DTYPES,
    seed=SEEDS,
    start=st.sampled_from(["random", "nndsvd", "nndsvda", "nndsvdar", "spa", None]),
)
def test_negative_data(X, dtype, seed, start):
    X = X.astype(dtype)
    result = nonneg.factorize(X, 2, start=start, seed=seed, negative="allow", stop=Iterations(40))
    assert np.isfinite(result.W).all()
    assert np.isfinite(result.H).all()
    assert result.W.min() >= 0
    assert result.H.min() >= 0
    assert result.relative_error <= 1 + 1e-4


# --- invariances ----------------------------------------------------------------------------------------


def example(seed, m=14, n=11, dtype=np.float64):
    """Return dense data with some zeros, and a start of three parts."""
    rng = np.random.default_rng(seed)
    X = rng.random((m, n)) * (rng.random((m, n)) < 0.7) + 0.01
    return X.astype(dtype), rng.random((m, 3)), rng.random((3, n))


@given(seed=SEEDS, dtype=DTYPES)
def test_order_of_rows_and_columns(seed, dtype):
    X, W, H = example(seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    stop = Iterations(10)
    a = nonneg.factorize(X, 3, start=(W, H), stop=stop)
    b = nonneg.factorize(X[rows][:, columns], 3, start=(W[rows], H[:, columns]), stop=stop)
    rel = 1e-3 if dtype == np.float32 else 1e-8
    np.testing.assert_allclose(b.W, a.W[rows], atol=rel * a.W.max())
    np.testing.assert_allclose(b.H, a.H[:, columns], atol=rel * a.H.max())


@given(
    seed=SEEDS,
    dtype=DTYPES,
    exponent=st.integers(-13, 13),
    start=st.sampled_from(["random", "nndsvd", "nndsvda", "nndsvdar", "spa", None]),
    sparse=st.booleans(),
)
def test_a_power_of_two_changes_no_bit(seed, dtype, exponent, start, sparse):
    X = example(seed, dtype=dtype)[0]
    factor = dtype(2.0 ** (exponent * (2 if dtype == np.float32 else 71)))
    convert = scipy.sparse.csr_array if sparse else np.asarray
    a = nonneg.factorize(convert(X), 3, start=start, seed=seed, stop=Iterations(15))
    b = nonneg.factorize(convert(X * factor), 3, start=start, seed=seed, stop=Iterations(15))
    assert np.array_equal(a.H, b.H)
    assert np.array_equal(a.W * factor, b.W)
    assert a.relative_error == b.relative_error
    assert a.kkt == b.kkt


@given(seed=SEEDS, exponent=st.integers(-8, 8), l1_ratio=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_power_of_four_with_penalties_too(seed, exponent, l1_ratio):
    # W and H carry half of the factor c^2 each; the L2 penalty grows with c^2, L1 with c^3, as the data term does.
    X, c = example(seed)[0], 2.0**exponent
    penalty = Penalty(0.01, l1_ratio=0.0), Penalty(0.01 * c**2, l1_ratio=0.0)
    if l1_ratio == 1:
        penalty = Penalty(0.01, l1_ratio=1.0), Penalty(0.01 * c**3, l1_ratio=1.0)
    a, b = (
        nonneg.factorize(x, 3, penalty=p, seed=seed, stop=Iterations(15))
        for x, p in zip((X, c**2 * X), penalty, strict=True)
    )
    assert np.array_equal(a.H * c, b.H)
    assert np.array_equal(a.W * c, b.W)


@pytest.mark.parametrize("factor", [2.0, 1e-6, 1e6, 1e-300, 1e300])
@pytest.mark.parametrize("start", ["random", "nndsvda", "spa"])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, scipy.sparse.csr_array])
def test_any_factor_gives_the_same_parts(factor, start, convert, planted):
    X = planted(30, 20, 3, noise=0.1)[0]
    a = nonneg.factorize(convert(X), 3, start=start, seed=1, stop=Iterations(600))
    b = nonneg.factorize(convert(X * factor), 3, start=start, seed=1, stop=Iterations(600))
    np.testing.assert_allclose(b.H, a.H, atol=1e-5 * a.H.max())
    np.testing.assert_allclose(b.W / factor, a.W, atol=1e-5 * a.W.max())
    assert b.relative_error == pytest.approx(a.relative_error, rel=1e-8)
    assert b.error == pytest.approx(a.error * factor, rel=1e-8)
    assert np.array_equal(b.transform(convert(X * factor)), b.W)


@pytest.mark.parametrize("factor", [4.0**-480, 4.0**480])
def test_the_best_run_is_found_where_losses_leave_the_type(factor):
    X = np.random.default_rng(0).random((25, 20))
    a = nonneg.factorize(X, 6, seed=0, n_init=5)
    b = nonneg.factorize(X * factor, 6, seed=0, n_init=5)
    assert not np.array_equal(a.H, nonneg.factorize(X, 6, seed=0).H)
    assert np.array_equal(a.H, b.H)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_smallest_numbers_of_a_type(dtype):
    X = example(0, dtype=np.float64)[0]
    tiny = (X * float(np.finfo(dtype).smallest_normal) / 4).astype(dtype)
    result = nonneg.factorize(tiny, 3, seed=0)
    normal = nonneg.factorize(X, 3, seed=0)
    assert np.isfinite(result.H).all()
    assert result.relative_error == pytest.approx(normal.relative_error, rel=1e-2)
    assert result.W.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_amounts_that_leave_the_type_are_refused(dtype):
    # A row's sum over 40 columns is no number of this type any more.
    X = np.full((40, 40), 0.9 * np.finfo(dtype).max, dtype)
    with pytest.raises(ValueError, match=r"large"):
        nonneg.factorize(X, 2, seed=0)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_transpose(seed, convert, planted):
    X, W, H = planted(25, 20, 2, noise=0.05, seed=seed)
    a = nonneg.factorize(convert(X), 2, start=(W + 0.1, H + 0.1), stop=Iterations(600))
    b = nonneg.factorize(convert(X.T.copy()), 2, start=(H.T + 0.1, W.T + 0.1), stop=Iterations(600))
    assert b.loss_value == pytest.approx(a.loss_value, rel=1e-8)
    np.testing.assert_allclose(b.W @ b.H, (a.W @ a.H).T, atol=1e-4 * X.max())


# --- the caller's data ----------------------------------------------------------------------------------


def views(X):
    """Yield the numbers of X in memory layouts that are not C or Fortran contiguous."""
    m, n = X.shape
    wide = np.zeros((2 * m, 3 * n), X.dtype)
    wide[::2, ::3] = X
    yield wide[::2, ::3]
    yield np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    yield np.ascontiguousarray(X.T[::-1])[::-1].T
    yield X.astype(X.dtype.newbyteorder())
    frozen = X.copy()
    frozen.flags.writeable = False
    yield frozen


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_layout(dtype):
    X, W, H = example(0, dtype=dtype)
    want = nonneg.factorize(X, 3, start=(W, H), stop=Iterations(10))
    for view in views(X):
        got = nonneg.factorize(view, 3, start=(W, H), stop=Iterations(10))
        assert got.W.dtype == dtype
        assert np.array_equal(got.W, want.W)
        assert np.array_equal(got.transform(view), want.transform(X))


def test_nothing_of_the_callers_is_changed(as_kind):
    X, W, H = example(0)
    data = as_kind(X)
    if scipy.sparse.issparse(data):
        held = [getattr(data, name) for name in ("data", "indices", "indptr", "row", "col") if hasattr(data, name)]
    else:
        held = [data]
    for start in ((W, H), "nndsvda", "spa"):
        held_now = [*held, *start] if isinstance(start, tuple) else held
        before = [array.copy() for array in held_now]
        result = nonneg.factorize(data, 3, start=start, seed=0, penalty=Penalty(0.01), stop=Iterations(25))
        result.transform(data, exact=True)
        for array, copy in zip(held_now, before, strict=True):
            assert np.array_equal(array, copy)
            assert not np.shares_memory(array, result.W)
            assert not np.shares_memory(array, result.H)


def test_a_start_may_be_read_only_and_of_any_layout():
    X, W, H = example(0)
    want = nonneg.factorize(X, 3, start=(W, H), stop=Iterations(10))
    W.flags.writeable = H.flags.writeable = False
    for start in ((W, H), (np.asfortranarray(W), H.T.copy().T), (W.tolist(), H.tolist())):
        got = nonneg.factorize(X, 3, start=start, stop=Iterations(10))
        assert np.array_equal(got.W, want.W)
        assert np.array_equal(got.H, want.H)
