"""Every kernel, at every instruction set, against plain numpy in float64; divergences in a file of their own."""

import functools
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

from nonneg import _core
from nonneg._core import DivergenceRule, WeightedRule

SIZES = (1, 2, 3, 7, 17, 48, 49, 97, 200)
# (k, m, n): every k once, every pair of odd sizes once, and long enough to cross every block of the kernels.
SHAPES = [
    *[(k, 17, 49) for k in range(1, 71)],
    *[(k, m, n) for m in SIZES for n in SIZES for k in (5, 13)],
    *[(1, 7, 2100), (6, 9, 5000), (70, 5, 1100), (13, 300, 1030), (3, 1100, 7)],
]
CUTS = [(0, 1), (0, 3), (3, 17), (16, 48), (1, 49), (5, 97), (96, 97), (13, 200)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def product(A, B, dtype):
    """Return A B in float64, and how far from it rounding may lead: some units of |A| |B|."""
    A, B = A.astype(np.float64), B.astype(np.float64)
    return A @ B, 16 * np.finfo(dtype).eps * (np.abs(A) @ np.abs(B))


def close(got, want, bound):
    assert (np.abs(got - want) <= bound).all()


def cuts(length):
    return sorted({(a, min(b, length)) for a, b in CUTS if a < length} | {(0, length)})


def untouched(out, start, stop):
    return np.isnan(out[:, :start]).all() and np.isnan(out[:, stop:]).all()


def blank(*shape, dtype):
    return np.full(shape, np.nan, dtype)


# --- the first look at X --------------------------------------------------------------------------------


def test_extent(level, dtype, rng):
    for n in (*SIZES, 5000, 100_000):
        x = rng.standard_normal(n).astype(dtype)
        assert _core.extent(x) == (min(0, x.min()), max(0, x.max()), 0)
        for at in (0, n // 2, n - 1):
            rest = np.delete(x, at)
            for bad, low, high, missing in ((np.nan, 0, 0, 1), (np.inf, 0, np.inf, 0), (-np.inf, -np.inf, 0, 0)):
                wrong = x.copy()
                wrong[at] = bad
                want = min(low, rest.min(initial=0)), max(high, rest.max(initial=0)), missing
                assert _core.extent(wrong) == want
    assert _core.extent(np.zeros(0, dtype)) == (0, 0, 0)
    largest = np.finfo(dtype).max
    assert _core.extent(np.array([largest, -largest], dtype)) == (-largest, largest, 0)
    smallest = np.finfo(dtype).smallest_subnormal
    assert _core.extent(np.array([-smallest], dtype)) == (-smallest, 0, 0)


def test_extent_counts_what_is_missing(level, dtype, rng):
    for n in (*SIZES, 100_000):
        for share in (0.3, 1.0):
            x = rng.standard_normal(n).astype(dtype)
            x[rng.random(n) < share] = np.copysign(np.nan, rng.standard_normal())
            low, high, missing = _core.extent(x)
            assert missing == np.isnan(x).sum()
            assert (low, high) == (np.nanmin(np.append(x, 0)), np.nanmax(np.append(x, 0)))


def test_moments(level, dtype, rng):
    for n in (*SIZES, 255, 256, 257, 5000, 100_000):
        x = rng.standard_normal(n).astype(dtype)
        total, square = _core.moments(x, 4.0, 0.5)
        bound = 16 * float(np.finfo(dtype).eps)
        assert total == pytest.approx(2 * x.sum(dtype=float), abs=2 * bound * np.abs(x).sum(dtype=float))
        assert square == pytest.approx(4 * np.square(x, dtype=float).sum(), rel=bound)
    assert _core.moments(np.zeros(0, dtype), 1.0, 1.0) == (0, 0)
    # The factor comes in two halves because the whole may leave the type.
    tiny = np.finfo(dtype).smallest_subnormal
    half = float(2.0 ** -np.round(np.log2(float(tiny)) / 2))
    assert _core.moments(np.full(7, tiny, dtype), half, half)[0] == pytest.approx(7 * float(tiny) * half * half)


def test_moments_leave_out_what_is_missing(level, dtype, rng):
    for n in (*SIZES, 257, 5000):
        x = rng.standard_normal(n).astype(dtype)
        seen = rng.random(n) < 0.5
        assert _core.moments(np.where(seen, x, dtype.type(np.nan)), 4.0, 0.5) == _core.moments(x * seen, 4.0, 0.5)


def test_moments_add_in_float64_across_blocks(level):
    x = np.full(256 * 200, 1e-3, np.float32)
    x[:256] = 1e3
    total, square = _core.moments(x, 1.0, 1.0)
    assert total == pytest.approx(256e3 + 256 * 199e-3, rel=1e-9)
    assert square == pytest.approx(256e6 + 256 * 199e-6, rel=1e-12)


# --- products -------------------------------------------------------------------------------------------


def test_dots(level, dtype, rng):
    for k, m, n in SHAPES:
        A, B = rng.standard_normal((m, n)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        out = blank(k, m, dtype=dtype)
        _core.dots(A, B, out, 0, m)
        close(out, *product(B, A.T, dtype))


def test_dots_rows_stand_alone(level, dtype, rng):
    for k, m, n in [(1, 200, 49), (5, 97, 48), (13, 200, 700), (70, 49, 17)]:
        A, B = rng.standard_normal((m, n)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        whole = blank(k, m, dtype=dtype)
        _core.dots(A, B, whole, 0, m)
        for start, stop in cuts(m):
            part = blank(k, m, dtype=dtype)
            _core.dots(A, B, part, start, stop)
            assert untouched(part, start, stop)
            assert (part[:, start:stop] == whole[:, start:stop]).all()
        for i in (0, m // 2, m - 1):
            alone = blank(k, 1, dtype=dtype)
            _core.dots(A[i : i + 1], B, alone, 0, 1)
            assert (alone[:, 0] == whole[:, i]).all()


def test_gram(level, dtype, rng):
    for k, kb, n in SHAPES:
        A, B = rng.standard_normal((k, n)).astype(dtype), rng.standard_normal((kb, n)).astype(dtype)
        for other in (A, B):
            _core.gram(A, other, out := np.zeros((k, len(other))), 0, n)
            close(out, *product(A, other.T, dtype))
        _core.gram(A, A, same := np.zeros((k, k)), 0, n)
        assert (same == same.T).all()


def test_gram_of_a_range(level, dtype, rng):
    A, B = rng.standard_normal((5, 1000)).astype(dtype), rng.standard_normal((9, 1000)).astype(dtype)
    for other in (A, B):
        for start, stop in [*cuts(1000), (255, 257), (100, 900)]:
            _core.gram(A, other, out := np.zeros((5, len(other))), start, stop)
            close(out, *product(A[:, start:stop], other[:, start:stop].T, dtype))


def test_gram_adds_to_what_is_there(level, dtype):
    A = np.ones((3, 1000), dtype)
    for other in (A, A.copy()):
        out = np.full((3, 3), 5.0)
        _core.gram(A, other, out, 0, 1000)
        assert (out == 1005).all()


def test_gram_across_blocks_adds_in_float64(level):
    # One big block, then many small ones: a float32 sum would lose them all.
    A = np.full((1, 256 * 200), 1e-3, np.float32)
    A[:, :256] = 1e3
    _core.gram(A, A, out := np.zeros((1, 1)), 0, A.shape[1])
    assert out[0, 0] == pytest.approx(256e6 + 256 * 199 * 1e-6, rel=1e-12)


def test_mix(level, dtype, rng):
    for k, q, n in SHAPES:
        M, R = rng.standard_normal((k, q)).astype(dtype), rng.standard_normal((q, n)).astype(dtype)
        out = blank(k, n, dtype=dtype)
        _core.mix(M, R, out, 0, q, 0, n)
        close(out, *product(M, R, dtype))


def test_mix_of_a_run_of_rows(level, dtype, rng):
    M, R = rng.standard_normal((5, 300)).astype(dtype), rng.standard_normal((300, 49)).astype(dtype)
    for top, bottom in [*cuts(300), (127, 129), (40, 290), (7, 7)]:
        out = blank(5, 49, dtype=dtype)
        _core.mix(M, R, out, top, bottom, 0, 49)
        close(out, *product(M[:, top:bottom], R[top:bottom], dtype))


def test_mix_columns_stand_alone(level, dtype, rng):
    for k, q, n in [(1, 49, 200), (5, 300, 97), (13, 48, 1100), (70, 17, 200)]:
        M, R = rng.standard_normal((k, q)).astype(dtype), rng.standard_normal((q, n)).astype(dtype)
        whole = blank(k, n, dtype=dtype)
        _core.mix(M, R, whole, 0, q, 0, n)
        for start, stop in cuts(n):
            part = blank(k, n, dtype=dtype)
            _core.mix(M, R, part, 0, q, start, stop)
            assert untouched(part, start, stop)
            assert (part[:, start:stop] == whole[:, start:stop]).all()
        for j in (0, n // 2, n - 1):
            alone = blank(k, 1, dtype=dtype)
            _core.mix(M, np.ascontiguousarray(R[:, j : j + 1]), alone, 0, q, 0, 1)
            assert (alone[:, 0] == whole[:, j]).all()


def rows_apart(X):
    """Yield views of the numbers of X whose rows are contiguous but do not follow each other."""
    m, n = X.shape
    wide = np.full((3 * m, n + 5), np.nan, X.dtype)
    wide[::3, 2 : n + 2] = X
    yield wide[::3, 2 : n + 2]
    yield np.ascontiguousarray(X[::-1])[::-1]
    yield np.broadcast_to(X[:1], X.shape)


def test_rows_may_lie_apart(level, dtype, rng):
    for k, m, n in [(1, 1, 1), (5, 17, 49), (13, 97, 300), (3, 300, 7), (9, 400, 600), (2, 5000, 3)]:
        X = rng.standard_normal((m, n)).astype(dtype)
        right, left = rng.standard_normal((k, n)).astype(dtype), rng.standard_normal((k, m)).astype(dtype)
        for view in rows_apart(X):
            whole = np.ascontiguousarray(view)
            _core.dots(view, right, got := blank(k, m, dtype=dtype), 0, m, 3)
            _core.dots(whole, right, want := blank(k, m, dtype=dtype), 0, m)
            assert np.array_equal(got, want)
            _core.mix(left, view, got := blank(k, n, dtype=dtype), 0, m, 0, n, 3)
            _core.mix(left, whole, want := blank(k, n, dtype=dtype), 0, m, 0, n)
            assert np.array_equal(got, want)


# --- coordinate sweeps ----------------------------------------------------------------------------------


def problem(rng, k, rows, dtype):
    """Return a start F, and B and G of a least-squares problem whose solutions are partly zero."""
    H = rng.random((k, 2 * k + 3)) * (rng.random((k, 2 * k + 3)) > 0.4) + 0.05
    B = H @ (rng.standard_normal((2 * k + 3, rows)) + 0.3)
    F = rng.random((k, rows)) * (rng.random((k, rows)) > 0.3)
    return F.astype(dtype), B.astype(dtype), (H @ H.T).astype(dtype)


def textbook(F, B, G, l1=0.0, sweeps=1, tol=0.0):
    """Cyclic coordinate descent in float64; each column stops once a sweep's decrease is below tol^2 of its first."""
    F, B, G = F.astype(float), B.astype(float) - l1, G.astype(float)
    first, active = 0.0, np.ones(F.shape[1], bool)
    for sweep in range(sweeps):
        step = np.zeros(F.shape[1])
        for p in range(len(G)):
            if G[p, p] > 0:
                new = np.maximum(0, F[p] + (B[p] - G[p] @ F) / G[p, p])
                new = np.where(active, new, F[p])
                step += G[p, p] * (new - F[p]) ** 2
                F[p] = new
        first = step if sweep == 0 else first
        active &= step > tol**2 * first
    return F, first.sum()


def test_one_sweep_is_the_textbooks(level, dtype, rng):
    for k, rows in [*((k, 49) for k in range(1, 71)), *((5, rows) for rows in SIZES)]:
        for l1 in (0.0, 0.7):
            F, B, G = problem(rng, k, rows, dtype)
            want, first = textbook(F, B, G, l1)
            inner, step, size = _core.sweeps(F, B, G, l1, 1, 0.0, 0, rows)
            rel = 2e-4 if dtype == np.float32 else 1e-12
            np.testing.assert_allclose(F, want, rtol=rel, atol=rel * want.max())
            assert inner == pytest.approx(np.sum(B * F, dtype=float), rel=rel, abs=rel)
            assert size == pytest.approx(np.sum(np.diag(G)[:, None] * F**2, dtype=float), rel=rel)
            assert step == pytest.approx(first, rel=rel)


def test_many_sweeps_and_the_stop_of_each_column(level, rng):
    for tol in (0.0, 0.1, 1e-3):
        F, B, G = problem(rng, 6, 97, np.float64)
        want, _ = textbook(F, B, G, sweeps=25, tol=tol)
        _core.sweeps(F, B, G, 0.0, 25, tol, 0, 97)
        np.testing.assert_allclose(F, want, rtol=1e-9, atol=1e-11)


def test_no_sweep_changes_nothing(level, dtype, rng):
    F, B, G = problem(rng, 4, 17, dtype)
    before = F.copy()
    inner, step, *_ = _core.sweeps(F, B, G, 0.0, 0, 0.0, 0, 17)
    assert np.array_equal(F, before)
    assert step == 0
    assert inner == pytest.approx(np.sum(B * F, dtype=float), rel=1e-4)


def test_zero_pivot_leaves_the_part_alone(level, dtype, rng):
    for dead in (0, 3, 6):
        F, B, G = problem(rng, 7, 49, dtype)
        G[dead, :] = G[:, dead] = B[dead] = 0
        before, want = F.copy(), textbook(F, B, G, sweeps=3)[0]
        _core.sweeps(F, B, G, 0.0, 3, 0.0, 0, 49)
        assert (F[dead] == before[dead]).all()
        np.testing.assert_allclose(F, want, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-12)


def test_strong_l1_gives_exact_zeros(level, dtype, rng):
    F, B, G = problem(rng, 5, 49, dtype)
    inner, _, size, *_ = _core.sweeps(F, B, G, 1e6, 2, 0.0, 0, 49)
    assert not F.any()
    assert inner == size == 0


def test_sweeps_keep_rows_apart(level, dtype, rng):
    for k, rows in [(1, 97), (5, 200), (13, 49), (70, 97)]:
        F, B, G = problem(rng, k, rows, dtype)
        whole = F.copy()
        _core.sweeps(whole, B, G, 0.1, 20, 0.03, 0, rows)
        for start, stop in cuts(rows):
            part = F.copy()
            _core.sweeps(part, B, G, 0.1, 20, 0.03, start, stop)
            assert (part[:, :start] == F[:, :start]).all()
            assert (part[:, stop:] == F[:, stop:]).all()
            assert (part[:, start:stop] == whole[:, start:stop]).all()
        for i in (0, rows // 2, rows - 1):
            one = np.ascontiguousarray(F[:, i : i + 1])
            _core.sweeps(one, np.ascontiguousarray(B[:, i : i + 1]), G, 0.1, 20, 0.03, 0, 1)
            assert (one[:, 0] == whole[:, i]).all()


# --- exact non-negative least squares -------------------------------------------------------------------


def test_nnls_is_scipys(level, dtype, rng):
    for k, rows in [*((k, 7) for k in (*range(1, 20), 33, 48, 70)), *((5, rows) for rows in SIZES)]:
        for l1 in (0.0, 0.3):
            F, B, _ = problem(rng, k, rows, dtype)
            A = rng.standard_normal((k, 2 * k + 3))
            G = A @ A.T
            assert _core.nnls(F, B, G, l1, 0, rows) == 0
            L = np.linalg.cholesky(G)
            for i in range(rows):
                want = scipy.optimize.nnls(L.T, np.linalg.solve(L, B[:, i].astype(float) - l1))[0]
                np.testing.assert_allclose(F[:, i], want, rtol=1e-6, atol=1e-7 if dtype == np.float32 else 1e-9)


def test_nnls_of_repeated_parts_meets_the_conditions(level, rng):
    H = np.repeat(rng.random((3, 9)), 2, axis=0)
    G, B = H @ H.T, H @ rng.standard_normal((9, 49))
    for start in (np.zeros((6, 49)), np.ones((6, 49))):
        F = start.copy()
        _core.nnls(F, B, G, 0.0, 0, 49)
        slope = G @ F - B
        assert F.min() >= 0
        assert slope.min() > -1e-10
        assert np.abs(F * slope).max() < 1e-10


def test_nnls_keeps_rows_apart(level, dtype, rng):
    F, B, G = problem(rng, 9, 97, dtype)
    G = G.astype(float)
    whole = F.copy()
    _core.nnls(whole, B, G, 0.1, 0, 97)
    for start, stop in cuts(97):
        part = F.copy()
        _core.nnls(part, B, G, 0.1, start, stop)
        assert (part[:, :start] == F[:, :start]).all()
        assert (part[:, stop:] == F[:, stop:]).all()
        assert (part[:, start:stop] == whole[:, start:stop]).all()


# --- extrapolation, packing, sparse ---------------------------------------------------------------------


def test_extrapolate(level, dtype, rng):
    for k, n in [(1, 1), (3, 17), (5, 200), (7, 97)]:
        now, before = rng.random((k, n)).astype(dtype), rng.random((k, n)).astype(dtype)
        for start, stop in [(0, k * n), (0, 1), (k * n // 3, k * n // 3 + 1), (k * n - 1, k * n)]:
            out = blank(k, n, dtype=dtype)
            _core.extrapolate(now, before, 0.9, out, start, stop)
            assert untouched(out.reshape(1, -1), start, stop)
            want = np.maximum(0, now + 0.9 * (now.astype(float) - before)).ravel()[start:stop]
            close(out.ravel()[start:stop], want, 4 * np.finfo(dtype).eps)
            assert out.ravel()[start:stop].min() >= 0


def padded(k, dtype):
    per_vector = 32 // np.dtype(dtype).itemsize
    return -(-k // per_vector) * per_vector


def packed(F):
    out = np.empty((F.shape[1], padded(len(F), F.dtype)), F.dtype)
    _core.pack(F, out, 0, F.shape[1])
    return out


def test_pack(level, dtype, rng):
    for k, n in [*((k, 17) for k in range(1, 71)), *((5, n) for n in SIZES)]:
        F = rng.random((k, n)).astype(dtype)
        out = packed(F)
        assert (out[:, :k] == F.T).all()
        assert not out[:, k:].any()
        start, stop = n // 3, n - n // 4
        part = blank(*out.shape, dtype=dtype)
        _core.pack(F, part, start, stop)
        assert untouched(part.T, start, stop)
        assert (part[start:stop] == out[start:stop]).all()


def sparse(rng, m, n, dtype, index):
    """Return a CSR matrix with empty, full and sparse rows: (dense, indptr, indices, data)."""
    X = rng.standard_normal((m, n)) * (rng.random((m, n)) < rng.choice([0, 0.2, 1], size=(m, 1)))
    X = scipy.sparse.csr_array(X.astype(dtype))
    return X.toarray().astype(float), X.indptr.astype(index), X.indices.astype(index), X.data


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_gather(level, dtype, index, rng):
    for k, m, n in [s for s in SHAPES if max(s) < 500]:
        X, *layout = sparse(rng, m, n, dtype, index)
        F, out = rng.standard_normal((k, n)).astype(dtype), blank(k, m, dtype=dtype)
        _core.gather(*layout, packed(F), out, 0, m)
        close(out, *product(F, X.T, dtype))


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_gather_keeps_rows_apart(level, dtype, index, rng):
    for k in (1, 5, 33, 70):
        _, indptr, indices, data = sparse(rng, 97, 49, dtype, index)
        F = packed(rng.standard_normal((k, 49)).astype(dtype))
        whole = blank(k, 97, dtype=dtype)
        _core.gather(indptr, indices, data, F, whole, 0, 97)
        for start, stop in cuts(97):
            part = blank(k, 97, dtype=dtype)
            _core.gather(indptr, indices, data, F, part, start, stop)
            assert untouched(part, start, stop)
            assert (part[:, start:stop] == whole[:, start:stop]).all()
        for i in (0, 50, 96):
            begin, end = indptr[i : i + 2]
            row, alone = np.array([0, end - begin], index), blank(k, 1, dtype=dtype)
            _core.gather(row, indices[begin:end], data[begin:end], F, alone, 0, 1)
            assert (alone[:, 0] == whole[:, i]).all()


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_scatter(level, dtype, index, rng):
    for k, m, n in [*(s for s in SHAPES if max(s) < 500), (5, 1000, 9)]:
        X, *layout = sparse(rng, m, n, dtype, index)
        F, out = rng.standard_normal((k, m)).astype(dtype), blank(k, n, dtype=dtype)
        _core.scatter(*layout, packed(F), out)
        close(out, *product(F, X, dtype))


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_residual(level, dtype, index, rng):
    for k, m, n in [(1, 1, 1), (3, 17, 49), (13, 97, 48), (70, 7, 200)]:
        X, *layout = sparse(rng, m, n, dtype, index)
        W, H = rng.random((k, m)).astype(dtype), rng.random((k, n)).astype(dtype)
        model = W.T.astype(float) @ H.astype(float)
        for start, stop in cuts(m):
            sums = np.array([2.0, 3.0])
            _core.residual(*layout, packed(W), packed(H), sums, start, stop)
            rows = np.zeros((m, 1), bool)
            rows[start:stop] = True
            stored = (X != 0) & rows
            want = [2 + np.sum((X - model)[stored] ** 2), 3 + np.sum(model[stored] ** 2)]
            np.testing.assert_allclose(sums, want, rtol=1e-12)


# --- weighted least squares and missing entries ---------------------------------------------------------

# (k, m, n): each k, each remainder of the lanes and of a line once, and one with blocks of rows.
WEIGHTED_SHAPES = [*((k, 9, 21) for k in range(1, 20)), *((3, m, 2 * m + 1) for m in range(1, 36)), (37, 5, 90)]
# How the kernels may be told what counts. "elsewhere": what is not stored is an observed zero.
WAYS = ("dense", "stored only", "stored, elsewhere")


def weighted_case(rng, k, m, n, dtype, way, *, weights=True, along=True):
    """Return X (NaN: not observed), which entries are stored, H, W, weights and along."""
    X = rng.poisson(1.0, (m, n)) * rng.random((m, n)) + 0.0
    stored = np.ones((m, n), bool) if way == "dense" else rng.random((m, n)) < 0.6
    X[~stored] = 0
    X[stored & (rng.random((m, n)) < 0.2)] = np.nan
    H, W = rng.random((k, n)) * (rng.random((k, n)) < 0.7), rng.random((k, m)) * (rng.random((k, m)) < 0.7)
    each = rng.random((m, n)) * (rng.random((m, n)) < 0.9) if weights else None
    factor = rng.integers(0, 4, n) + 0.5 if along else None
    X, H, W = (F.astype(dtype) for F in (X, H, W))
    each, factor = (None if F is None else F.astype(dtype) for F in (each, factor))
    return X, stored, H, W, each, factor


def lines(H):
    per_line = 64 // H.itemsize
    return np.pad(H, ((0, 0), (0, -H.shape[1] % per_line)))


def counts_of(X, stored, each, along, way):
    """Return what each entry counts, float64; 0 where X was not observed."""
    counts = np.ones(X.shape) if each is None else each.astype(float)
    if way != "dense":
        counts = np.where(stored, counts, float(way == "stored, elsewhere"))
    if along is not None:
        counts = counts * along
    return np.where(np.isnan(X), 0, counts)


def run_weighted(case, way, rule, *, index=np.int32, span=None, threads=1, a=1.0, b=1.0):
    """Call the kernel for a way of storing X: (factor, first step, size, change of the loss)."""
    X, stored, H, W, each, along = case
    W, G = W.copy(), np.zeros((len(H), len(H)), H.dtype)
    span = span or (0, len(X))
    if way == "dense":
        sums = _core.weighted_dense(X, a, b, lines(H), W, G, rule, *span, threads, each, along)
        return W, *sums
    elsewhere = way == "stored, elsewhere"
    if elsewhere:
        G = ((H if along is None else H * along) @ H.T).astype(H.dtype)
    indptr = np.append(0, np.cumsum(stored.sum(axis=1))).astype(index)
    layout = indptr, np.nonzero(stored)[1].astype(index), X[stored]
    weights = None if each is None else each[stored]
    return W, *_core.weighted_stored(*layout, a, b, packed(H), W, G, rule, *span, threads, weights, along, elsewhere)


def own_problems(case, way, l1, l2):
    """Yield what each row solves by itself, in float64: counts, G, b."""
    X, stored, H, _, each, along = case
    H = H.astype(float)
    for x, c in zip(np.nan_to_num(X).astype(float), counts_of(X, stored, each, along, way), strict=True):
        yield c, (H * c) @ H.T + l2 * np.eye(len(H)), H @ (c * x) - l1


@functools.cache
def weighted_cases(dtype, way):
    """Return cases, penalties and what a textbook makes of them: (case, l1, l2, (W, first step, size))."""
    rng, out = np.random.default_rng(0), []
    for at, (k, m, n) in enumerate(WEIGHTED_SHAPES):
        l1, l2 = [(0.0, 0.0), (0.1, 0.0), (0.0, 0.3), (0.1, 0.3)][at % 4]
        case = weighted_case(rng, k, m, n, dtype, way, weights=at % 3 != 0, along=at % 2 == 0)
        W, firsts, sizes = [], 0.0, 0.0
        for i, (_, G, b) in enumerate(own_problems(case, way, l1, l2)):
            dead = np.diag(G) <= l2
            row = np.where(dead, 0, case[3][:, i])[:, None]
            G[dead, dead] = 0
            new, first = textbook(row, b[:, None], G, sweeps=4, tol=0.05)
            W.append(new[:, 0])
            firsts, sizes = firsts + first, sizes + np.sum(np.diag(G) * new[:, 0] ** 2)
        out.append((case, l1, l2, (np.array(W).T, firsts, sizes)))
    return out


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_weighted_sweeps_are_the_textbooks(level, dtype, way, index):
    # In float32 rows near their stop may take one sweep more or less.
    rel = 5e-3 if dtype == np.float32 else 1e-10
    for case, l1, l2, (want, first, size) in weighted_cases(dtype, way):
        W, got_first, got_size, change = run_weighted(case, way, WeightedRule(l1, l2, 4, 0.05), index=index)
        np.testing.assert_allclose(W, want, rtol=rel, atol=rel * max(1, want.max()))
        assert got_first == pytest.approx(first, rel=rel, abs=rel)
        assert got_size == pytest.approx(size, rel=rel, abs=rel)
        # The loss without penalties, beyond that of zeros, from the residual itself.
        X, stored, H, _, each, along = case
        x, model = np.nan_to_num(X).astype(float), W.T.astype(float) @ H.astype(float)
        counts = counts_of(X, stored, each, along, way)
        beyond = 0.5 * np.sum(counts * ((x - model) ** 2 - x**2))
        rounding = 2e-6 if dtype == np.float32 else 1e-14
        assert change == pytest.approx(beyond, rel=0, abs=rounding * np.sum(counts * (x**2 + model**2)))


@pytest.mark.parametrize("way", WAYS)
def test_weighted_rows_end_at_scipys_solution(level, dtype, way, rng):
    for k, m, n in [(1, 5, 9), (4, 19, 30), (9, 8, 40), (21, 5, 60)]:
        for l1, l2 in [(0.0, 0.0), (0.0, 0.3), (0.2, 0.3)]:
            case = weighted_case(rng, k, m, n, dtype, way)
            W, *_ = run_weighted(case, way, WeightedRule(l1, l2, 1, 0.0, "all"))
            X, _, H, *_ = case
            for i, (c, _, _) in enumerate(own_problems(case, way, l1, l2)):
                # The penalties as further rows, completed to a square.
                A, y = (np.sqrt(c) * H.astype(float)).T, np.sqrt(c) * np.nan_to_num(X[i]).astype(float)
                if l2:
                    A = np.vstack([A, np.sqrt(l2) * np.eye(k)])
                    y = np.append(y, np.full(k, -l1 / np.sqrt(l2)))
                want = scipy.optimize.nnls(A, y)[0]
                close = 2e-3 if dtype == np.float32 else 1e-8
                np.testing.assert_allclose(W[:, i], want, rtol=close, atol=close)


def test_weighted_rows_that_still_move_are_finished(level, rng):
    case = weighted_case(rng, 9, 19, 40, np.float64, "dense")
    exact, *_ = run_weighted(case, "dense", WeightedRule(most=1, finish="all"))
    moving, *_ = run_weighted(case, "dense", WeightedRule(most=1, finish="moving"))
    left, *_ = run_weighted(case, "dense", WeightedRule(most=1))
    np.testing.assert_allclose(moving, exact, atol=1e-9)
    assert np.abs(left - exact).max() > 1e-3
    # Rows that have settled are left alone.
    settled, *_ = run_weighted(case, "dense", WeightedRule(most=1, tol=2.0, finish="moving"))
    assert np.array_equal(settled, left)


@pytest.mark.parametrize("way", WAYS)
def test_a_part_that_nothing_observed_speaks_of_becomes_zero(level, dtype, way, rng):
    for _ in range(20):
        X, stored, H, W, each, along = weighted_case(rng, 5, 19, 30, dtype, way)
        # Part 2 lives in columns that only row 3 observed: all that is left of other pivots is rounding.
        H[2, 8:], H[2, :8] = 0, rng.random(8).astype(dtype) + 0.1
        stored[:, :8], X[:, :8] = True, np.nan
        X[3, :8] = 9
        case = X, stored, H, W + dtype.type(0.5), each, along
        for l1, l2, finish in [(0.0, 0.0, "none"), (0.1, 0.3, "none"), (0.0, 0.0, "all")]:
            new, *sums = run_weighted(case, way, WeightedRule(l1, l2, 3, 0.0, finish))
            assert np.flatnonzero(new[2]).tolist() == [3]
            assert np.isfinite(new).all()
            assert np.isfinite(sums).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("finish", ["none", "all"])
def test_weighted_rows_stand_alone(level, dtype, way, finish, rng):
    for k, m, n in [(1, 40, 17), (5, 37, 48), (13, 40, 30)]:
        case = weighted_case(rng, k, m, n, dtype, way)
        X, stored, H, W, each, along = case
        rule = WeightedRule(0.1, 0.2, 5, 0.03, finish)
        whole, *sums = run_weighted(case, way, rule)
        pieces = []
        for span in [(0, m // 3), (m // 3, m // 3), (m // 3, m - 1), (m - 1, m)]:
            part, *some = run_weighted(case, way, rule, span=span)
            pieces.append(some)
            inside = slice(*span)
            outside = np.delete(np.arange(m), inside)
            assert np.array_equal(part[:, inside], whole[:, inside])
            assert np.array_equal(part[:, outside], W[:, outside])
        np.testing.assert_allclose(np.sum(pieces, axis=0), sums, rtol=1e-12)
        for i in (0, m // 2, m - 1):
            one = slice(i, i + 1)
            alone = X[one], stored[one], H, np.ascontiguousarray(W[:, one]), each[one], along
            assert np.array_equal(run_weighted(alone, way, rule)[0][:, 0], whole[:, i])


@pytest.mark.parametrize("way", WAYS)
def test_weighted_bits_do_not_depend_on_threads(level, dtype, way, rng):
    case = weighted_case(rng, 9, 900, 60, dtype, way)
    for rule in (WeightedRule(0.1, 0.2, 5, 0.03), WeightedRule(finish="all")):
        W, *sums = run_weighted(case, way, rule)
        for threads in (2, 3, 7):
            other, *also = run_weighted(case, way, rule, threads=threads)
            assert np.array_equal(W, other)
            assert sums == also


@pytest.mark.parametrize("way", WAYS)
def test_weighted_x_is_scaled_by_both_halves(level, dtype, way, rng):
    case = weighted_case(rng, 4, 9, 21, dtype, way)
    half = case[0] * dtype.type(0.5), *case[1:]
    want = run_weighted(half, way, WeightedRule(most=3))
    got = run_weighted(case, way, WeightedRule(most=3), a=4.0, b=0.125)
    assert np.array_equal(got[0], want[0])
    assert got[1:] == want[1:]


def test_weighted_rows_may_lie_apart(level, dtype, rng):
    X, stored, H, W, each, along = weighted_case(rng, 5, 20, 33, dtype, "dense")
    wide = np.full((2, 60, 40), np.nan, dtype)
    wide[0, ::3, 2:35], wide[1, ::3, 2:35] = X, each
    rule = WeightedRule(most=3)
    want = run_weighted((X, stored, H, W, each, along), "dense", rule)
    got = run_weighted((wide[0, ::3, 2:35], stored, H, W, wide[1, ::3, 2:35], along), "dense", rule)
    assert np.array_equal(got[0], want[0])
    assert got[1:] == want[1:]


def test_weights_of_the_wrong_size(dtype, rng):
    X, stored, H, W, each, along = weighted_case(rng, 4, 9, 21, dtype, "dense")
    rule = WeightedRule()
    for wrong in (each[:-1], each[:, :-1].copy(), each.T.copy()):
        with pytest.raises(ValueError, match="shape of X"):
            run_weighted((X, stored, H, W, wrong, along), "dense", rule)
    for way in WAYS[:2]:
        with pytest.raises(ValueError, match="row of the partner"):
            run_weighted((X, stored, H, W, each, along[:-1].copy()), way, rule)
    layout = np.arange(10, dtype=np.int32), np.zeros(9, np.int32), np.ones(9, dtype)
    rest = [1.0, 1.0, packed(H), W, np.eye(4, dtype=dtype), rule, 0, 9, 1]
    with pytest.raises(ValueError, match="stored entry"):
        _core.weighted_stored(*layout, *rest, np.ones(8, dtype))
    for unknown in ("", "None", "some", None, 1):
        with pytest.raises((ValueError, TypeError)):
            WeightedRule(finish=unknown)


def padded_lines(H, dtype):
    """Rows that end in zeros, whole cache lines."""
    width = -(-H.shape[1] * dtype.itemsize // 64) * 64 // dtype.itemsize
    wide = np.zeros((len(H), width), dtype)
    wide[:, : H.shape[1]] = H
    return wide


EXPECTED_SIZES = [
    *((k, 7, 19) for k in (1, 2, 3, 4, 5, 8, 13, 33)),
    *((3, m, n) for m in (1, 2, 8, 9, 50) for n in (1, 15, 16, 17, 33, 600)),
]


@pytest.mark.parametrize("weighted", [True, False])
def test_expected(level, dtype, rng, weighted):
    # What is to be expected of x is weight x + (1 - weight) w h; and the loss is that of what was observed.
    rel = 1e-4 if dtype == np.float32 else 1e-12
    for k, m, n in EXPECTED_SIZES:
        X, weights, counts = (rng.random(shape).astype(dtype) for shape in ((m, n), (m, n), m))
        X[rng.random((m, n)) < 0.3] = np.nan
        W, H = rng.random((k, m)).astype(dtype), rng.random((k, n)).astype(dtype)
        given = {"weights": weights, "counts": counts} if weighted else {}
        known = np.where(np.isnan(X), 0, weights if weighted else 1).astype(float)
        rows = counts.astype(float) if weighted else np.ones(m)
        x, model = np.nan_to_num(X).astype(float) * 0.5, W.T.astype(float) @ H
        expected, loss = known * x + (1 - known) * model, 0.5 * np.sum(rows[:, None] * known * (x - model) ** 2)
        along, across = blank(k, m, dtype=dtype), blank(k, n, dtype=dtype)
        arguments = X, 1.0, 0.5, W, padded_lines(H, dtype)
        assert _core.expected(*arguments, along, False, **given) == pytest.approx(loss, rel=rel, abs=1e-30)
        assert _core.expected(*arguments, across, True, **given) == pytest.approx(loss, rel=rel, abs=1e-30)
        assert _core.expected(*arguments, None, False, **given) == pytest.approx(loss, rel=rel, abs=1e-30)
        np.testing.assert_allclose(along, H @ expected.T, rtol=rel)
        np.testing.assert_allclose(across, (W * rows) @ expected, rtol=rel)


def gaps_of(missing):
    return np.concatenate([[0], np.cumsum(missing.sum(axis=1))]), np.nonzero(missing)[1].astype(np.int32)


def imputed(X, W, H, F, across, threads=1, a=1.0, b=1.0):
    out = blank(len(F), X.shape[1] if across else len(X), dtype=X.dtype)
    squares = _core.imputed(X, a, b, *gaps_of(np.isnan(X)), packed(W), packed(H), F, out, across, threads)
    return out, squares


IMPUTED_SIZES = [*EXPECTED_SIZES, (5, 3, 5000), (70, 5, 1100), (4, 300, 1030), (3, 20000, 7)]


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1])
def test_imputed(level, dtype, rng, share):
    # Products with the whole of X, w h / (a b) where it is missing; and the squares of w h there.
    a, b, rel = 4.0, 0.125, 1e-5 if dtype == np.float32 else 1e-12
    for k, m, n in IMPUTED_SIZES:
        X, W, H = (rng.random(shape).astype(dtype) for shape in ((m, n), (k, m), (k, n)))
        missing = rng.random((m, n)) < share
        X[missing] = np.nan
        model = W.T.astype(float) @ H
        whole = np.where(missing, model / (a * b), np.nan_to_num(X))
        for across in (False, True):
            F = rng.standard_normal((3, m if across else n)).astype(dtype)
            got, squares = imputed(X, W, H, F, across, 2, a, b)
            close(got, *product(F, whole if across else whole.T, dtype))
            assert squares == pytest.approx(np.sum(model[missing] ** 2), rel=rel)


def test_imputed_rows_may_lie_apart_and_threads_change_no_bit(level, dtype, rng):
    room = rng.random((2000, 1500)).astype(dtype)
    room[rng.random(room.shape) < 0.1] = np.nan
    for X in (room[::7, 3:1203], room[:, :40]):
        W, H = rng.random((6, len(X))).astype(dtype), rng.random((6, X.shape[1])).astype(dtype)
        for across, F in ((False, H), (True, W)):
            (want, squares), *others = (imputed(X, W, H, F, across, threads) for threads in (1, 2, 5))
            assert np.array_equal(want, imputed(X.copy(), W, H, F, across)[0])
            for got in others:
                assert np.array_equal(got[0], want)
                assert got[1] == squares


def test_imputing_nothing_is_the_plain_product(level, dtype, rng):
    X, W, H = (rng.random(shape).astype(dtype) for shape in ((150, 90), (7, 150), (7, 90)))
    along, across = blank(7, 150, dtype=dtype), blank(7, 90, dtype=dtype)
    _core.dots(X, H, along, 0, 150)
    _core.mix(W, X, across, 0, 150, 0, 90)
    for want, got in ((along, imputed(X, W, H, H, False)), (across, imputed(X, W, H, W, True))):
        assert np.array_equal(got[0], want)
        assert got[1] == 0


@pytest.mark.parametrize("elsewhere", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sampled(level, dtype, rng, weighted, elsewhere, index):
    rel = 1e-4 if dtype == np.float32 else 1e-12
    for k, m, n in EXPECTED_SIZES[:-10]:
        stored = rng.random((m, n)) < rng.choice([0, 0.3, 1], size=(m, 1))
        X, weights, along = (rng.random(shape).astype(dtype) for shape in ((m, n), (m, n), n))
        X[rng.random((m, n)) < 0.2] = np.nan
        indptr = np.append(0, np.cumsum(stored.sum(axis=1))).astype(index)
        csr = indptr, np.nonzero(stored)[1].astype(index), X[stored]
        W, F = rng.random((k, m)).astype(dtype), rng.random((k, n)).astype(dtype)
        given = {"weights": weights[stored], "along": along} if weighted else {}
        residual, model = _core.sampled(*csr, 1.0, 0.5, packed(F), W, 0, m, elsewhere=elsewhere, **given)
        wh, base = W.T.astype(float) @ F, along.astype(float) if weighted else np.ones(n)
        known = np.where(np.isnan(X), 0, weights * base if weighted else 1) * stored
        assert residual == pytest.approx(np.sum(known * (0.5 * np.nan_to_num(X) - wh) ** 2), rel=rel, abs=1e-30)
        assert model == pytest.approx(elsewhere * np.sum(base * stored * wh**2), rel=rel, abs=1e-30)


# --- threads -------------------------------------------------------------------------------------------


def large_calls(dtype):
    """Return calls with enough work for the pool: name -> (arguments, position of what is written)."""
    rng = np.random.default_rng(0)

    def some(*shape):
        return rng.standard_normal(shape).astype(dtype)

    F, B, G = problem(rng, 9, 5000, dtype)
    csr = scipy.sparse.random_array((3000, 40), density=0.3, format="csr", dtype=dtype, rng=rng)
    csr = [csr.indptr, csr.indices, csr.data]
    x = rng.standard_normal(1_000_000).astype(dtype)
    rule = DivergenceRule("descend", 1.0, floor=1e-12, most=3, tol=0.1, measure=True)
    other = DivergenceRule("multiply", 0.5, floor=1e-12, most=2, measure=True)
    counts, positive = abs(some(3000, 40)), abs(csr[2])
    W, H, slopes = abs(some(9, 3000)), abs(some(9, 48)), abs(some(9)) + 1
    H[:, 40:] = 0
    own, gappy, G0 = WeightedRule(0.1, 0.2, 5, 0.03, "moving"), counts.copy(), np.zeros((9, 9), dtype)
    gappy[rng.random(gappy.shape) < 0.2] = np.nan
    G1 = (H @ H.T).astype(dtype)
    missing = gappy, 1.0, 0.5, *gaps_of(np.isnan(gappy)), packed(W), packed(H[:, :40].copy())
    return {
        "extent": ([x], None),
        "moments": ([x, 1.0, 1.0], None),
        "dots": ([some(400, 501), some(9, 501), some(9, 400), 3, 400], 2),
        "gram": ([some(9, 20000), some(7, 20000), np.zeros((9, 7)), 5, 20000], 2),
        "gram of one": ([A := some(9, 20000), A, np.zeros((9, 9)), 0, 20000], 2),
        "mix": ([some(9, 300), some(300, 1000), some(9, 1000), 0, 300, 1, 1000], 2),
        "mix tall": ([some(9, 8000), some(8000, 41), some(9, 41), 0, 8000, 0, 41], 2),
        "sweeps": ([F, B, G, 0.1, 5, 0.03, 0, 5000], 0),
        "nnls": ([F.copy(), B, G.astype(float), 0.1, 0, 5000], 0),
        "simplex": ([F.copy(), B, G, np.full(9, 0.5 / np.trace(G), dtype), 1.0, 20, 0.0, 0, 5000], 0),
        "active_set": ([np.full_like(F, 1 / 9), B, G.astype(float), 0.0, 1.0, 0, 5000], 0),
        "extrapolate": ([F.copy(), some(9, 5000), 0.9, F.copy(), 0, 45000], 3),
        "pack": ([some(9, 20000), np.ones((20000, padded(9, dtype)), dtype), 0, 20000], 1),
        "gather": ([*csr, packed(some(9, 40)), some(9, 3000), 0, 3000], 4),
        "scatter": ([*csr, packed(some(9, 3000)), some(9, 40)], 4),
        "residual": ([*csr, packed(some(9, 3000)), packed(some(9, 40)), np.zeros(2), 0, 3000], 5),
        "divergence_dense": ([counts, 1.0, 0.5, H, W, slopes, rule, 1, 3000], 4),
        "divergence_dense multiply": ([counts, 1.0, 0.5, H, W, slopes, other, 1, 3000], 4),
        "divergence_stored": ([*csr[:2], positive, 1.0, 0.5, packed(H[:, :40].copy()), W, slopes, rule, 1, 3000], 6),
        "divergence_expanded": ([*csr[:2], positive, 40, 1.0, 0.5, H, W, slopes, other, 1, 3000], 7),
        "weighted_dense": ([gappy, 1.0, 0.5, H, W, G0, own, 1, 3000], 4),
        "weighted_stored": ([*csr[:2], positive, 1.0, 0.5, packed(H[:, :40].copy()), W, G1, own, 1, 3000], 6),
        "expected": ([gappy, 1.0, 0.5, W, H, some(9, 3000), False], 5),
        "imputed": ([*missing, some(6, 40), some(6, 3000), False], 8),
        "imputed across": ([*missing, some(6, 3000), some(6, 40), True], 8),
        "expected across": ([gappy, 1.0, 0.5, W, H, some(9, 40), True], 5),
        "sampled": ([*csr[:2], positive, 1.0, 0.5, packed(H[:, :40].copy()), W, 1, 3000], None),
    }


def test_every_kernel_has_a_large_call(dtype):
    assert {name.split()[0] for name in large_calls(dtype)} == set(WRITTEN)


def call(name, arguments, written, threads):
    """Call a kernel on a fresh copy of what it writes; return that and what it returns."""
    fresh = [*arguments]
    if written is not None:
        fresh[written] = arguments[written].copy()
    returned = getattr(_core, name.split()[0])(*fresh, threads)
    return None if written is None else fresh[written], returned


def test_bits_do_not_depend_on_threads(level, dtype):
    for name, (arguments, written) in large_calls(dtype).items():
        out, returned = call(name, arguments, written, 1)
        for threads in (2, 3, 7):
            other, also = call(name, arguments, written, threads)
            assert np.array_equal(out, other), name
            assert returned == also, name


def test_many_calls_at_once_do_not_mix(dtype):
    calls = [*large_calls(dtype).items()] * 6
    alone = [call(name, *rest, 3) for name, rest in calls]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda item: call(item[0], *item[1], 3), calls))
    for (a, returned), (b, also) in zip(alone, together, strict=True):
        assert np.array_equal(a, b)
        assert returned == also


# --- wrong calls ----------------------------------------------------------------------------------------


def good_calls(dtype):
    """Return one right call of every kernel: name -> (arguments, positions of its ranges, length of each)."""
    A, B, F = np.ones((6, 5), dtype), np.ones((4, 5), dtype), np.ones((4, 6), dtype)
    G, wide = np.eye(4, dtype=dtype), padded(4, dtype)
    csr = [np.arange(7, dtype=np.int32), np.zeros(6, np.int32), np.ones(6, dtype)]
    tall = np.ones((6, wide), dtype)
    rule, slopes, wide_H = DivergenceRule("descend", 1.0), np.ones(4, dtype), np.ones((4, 16), dtype)
    own, packed_H = WeightedRule(most=2), np.ones((5, wide), dtype)
    gaps = np.arange(7), np.zeros(6, np.int32)
    return {
        "extent": ([A[0]], []),
        "moments": ([A[0], 1.0, 1.0], []),
        "dots": ([A, B, np.ones((4, 6), dtype), 0, 6], [(3, 6)]),
        "gram": ([B, B.copy(), np.ones((4, 4)), 0, 5], [(3, 5)]),
        "mix": ([F, A, np.ones((4, 5), dtype), 0, 6, 0, 5], [(3, 6), (5, 5)]),
        "sweeps": ([F, F.copy(), G, 0.0, 1, 0.0, 0, 6], [(6, 6)]),
        "nnls": ([F, F.copy(), np.eye(4), 0.0, 0, 6], [(4, 6)]),
        "simplex": ([F, F.copy(), G, np.ones(4, dtype), 1.0, 1, 0.0, 0, 6], [(7, 6)]),
        "active_set": ([F, F.copy(), np.eye(4), 0.0, 1.0, 0, 6], [(5, 6)]),
        "extrapolate": ([F, F.copy(), 0.5, F.copy(), 0, 24], [(4, 24)]),
        "pack": ([F, tall.copy(), 0, 6], [(2, 6)]),
        "gather": ([*csr, np.ones((5, wide), dtype), np.ones((4, 6), dtype), 0, 6], [(5, 6)]),
        "scatter": ([*csr, tall, np.ones((4, 5), dtype)], []),
        "residual": ([*csr, tall, np.ones((5, wide), dtype), np.zeros(2), 0, 6], [(6, 6)]),
        "divergence_dense": ([A, 1.0, 1.0, wide_H, F, slopes, rule, 0, 6], [(7, 6)]),
        "divergence_stored": ([*csr, 1.0, 1.0, np.ones((5, wide), dtype), F, slopes, rule, 0, 6], [(9, 6)]),
        "divergence_expanded": ([*csr, 5, 1.0, 1.0, wide_H, F, slopes, rule, 0, 6], [(10, 6)]),
        "weighted_dense": ([A, 1.0, 1.0, wide_H, F, G, own, 0, 6], [(7, 6)]),
        "weighted_stored": ([*csr, 1.0, 1.0, packed_H, F, G, own, 0, 6], [(9, 6)]),
        "imputed": ([A, 1.0, 1.0, *gaps, tall, packed_H, B, np.ones((4, 6), dtype), False], []),
        "expected": ([A, 1.0, 1.0, F, wide_H, np.ones((4, 6), dtype), False], []),
        "sampled": ([*csr, 1.0, 1.0, packed_H, F, 0, 6], [(7, 6)]),
    }


# Sides that may be longer: those that are padded, and rows that the indices need not reach.
FREE = {
    ("extent", 0, 0),
    ("moments", 0, 0),
    ("scatter", 4, 0),
    ("scatter", 4, 1),
    ("pack", 0, 0),
    ("pack", 1, 1),
    ("gather", 3, 0),
    ("gather", 4, 0),
    ("residual", 4, 0),
    ("divergence_dense", 0, 1),
    ("divergence_stored", 5, 0),
    ("weighted_dense", 0, 1),
    ("weighted_stored", 5, 0),
    ("expected", 0, 1),
    ("expected", 4, 1),
    ("sampled", 5, 0),
    ("sampled", 6, 0),
}
# Matrices whose rows may lie apart, as long as each row is contiguous.
APART = {("dots", 0), ("imputed", 0), ("expected", 0), ("mix", 1), ("divergence_dense", 0), ("weighted_dense", 0)}
# What may be None.
OPTIONAL = {("expected", 5)}
WRITTEN = {
    "extent": None,
    "moments": None,
    "dots": 2,
    "gram": 2,
    "mix": 2,
    "sweeps": 0,
    "nnls": 0,
    "simplex": 0,
    "active_set": 0,
    "extrapolate": 3,
    "pack": 1,
    "gather": 4,
    "scatter": 4,
    "residual": 5,
    "divergence_dense": 4,
    "divergence_stored": 6,
    "divergence_expanded": 7,
    "weighted_dense": 4,
    "weighted_stored": 6,
    "imputed": 8,
    "expected": 5,
    "sampled": None,
}


def test_every_kernel_has_a_good_call(dtype):
    names = {name for name in dir(_core) if not name.startswith("_")}
    names -= {"level", "levels", "set_level", "DivergenceRule", "WeightedRule"}
    assert names == set(good_calls(dtype)) == set(WRITTEN)
    for name, (arguments, _) in good_calls(dtype).items():
        getattr(_core, name)(*arguments)


@pytest.mark.parametrize("name", WRITTEN)
def test_wrong_arguments_raise(name, dtype):
    kernel = getattr(_core, name)
    arguments, ranges = good_calls(dtype)[name]

    def refused(error, at, value):
        wrong = [*arguments]
        wrong[at] = value
        with pytest.raises(error):
            kernel(*wrong)

    for at, value in enumerate(arguments):
        if not isinstance(value, np.ndarray):
            refused(TypeError, at, "1")
            continue
        # A kernel of one array takes either type.
        floats = () if WRITTEN[name] is None else (np.float32, np.float64)
        for other in (*floats, np.float16, np.int16, np.complex128, object):
            if other != value.dtype:
                refused(TypeError, at, value.astype(other))
        if (name, at) not in OPTIONAL:
            refused(TypeError, at, None)
        refused(TypeError, at, value.tolist())
        refused(TypeError, at, value[None])
        error = ValueError if (name, at) in APART else TypeError
        if value.ndim == 2:
            refused(error, at, np.asfortranarray(value))
        refused(error, at, np.repeat(value, 2, axis=-1)[..., ::2])
        for axis in range(value.ndim):
            if (name, at, axis) not in FREE:
                refused(ValueError, at, np.concatenate([value, value.take([0], axis)], axis))
    for at, length in ranges:
        refused(ValueError, at, -1)
        refused(ValueError, at, length + 1)
        refused(ValueError, at + 1, length + 1)
        refused(ValueError, at + 1, -1)
    if WRITTEN[name] is not None:
        frozen = arguments[WRITTEN[name]].copy()
        frozen.flags.writeable = False
        refused(TypeError, WRITTEN[name], frozen)


def test_padding_must_hold_the_parts_and_fill_whole_vectors(dtype):
    wide = padded(4, dtype)
    with pytest.raises(ValueError, match="pack"):
        _core.pack(np.ones((wide + 1, 6), dtype), np.ones((6, wide), dtype), 0, 6)
    for name, rows, columns in (("gather", 5, 6), ("scatter", 6, 5)):
        for width, k in ((wide + 1, 4), (wide, wide + 1)):
            arguments, _ = good_calls(dtype)[name]
            arguments[3:5] = np.ones((rows, width), dtype), np.ones((k, columns), dtype)
            with pytest.raises(ValueError, match=name):
                getattr(_core, name)(*arguments)


# In processes of their own: what these guard against would end this one.
CRASHES = {
    "no parts": """
        none, G, out = np.ones((0, 5)), np.ones((0, 0)), np.ones((0, 6))
        calls = [
            lambda: _core.dots(np.ones((6, 5)), none, out, 0, 6),
            lambda: _core.gram(none, none, G, 0, 5),
            lambda: _core.mix(np.ones((0, 6)), np.ones((6, 5)), none, 0, 6, 0, 5),
            lambda: _core.sweeps(none, none, G, 0.0, 1, 0.0, 0, 5),
            lambda: _core.nnls(none, none, G, 0.0, 0, 5),
        ]
    """,
    "no threads": """
        A, F = np.ones((4, 600)), np.ones((4, 4))
        calls = [
            lambda: _core.dots(A, A, F, 0, 4, 0),
            lambda: _core.dots(A, A, F, 0, 4, -2),
            lambda: _core.mix(F, A, A.copy(), 0, 4, 0, 600, 0),
            lambda: _core.extrapolate(A, A, 0.5, A.copy(), 0, 2400, 0),
            lambda: _core.nnls(F.copy(), F, F, 0.0, 0, 4, 0),
        ]
    """,
}


@pytest.mark.parametrize("case", CRASHES)
def test_nonsense_does_not_crash(case):
    script = "import numpy as np\nfrom nonneg import _core\n" + textwrap.dedent(CRASHES[case])
    script += "for call in calls:\n    try:\n        call()\n    except ValueError:\n        pass\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"


# --- choice of the instruction set ----------------------------------------------------------------------


def test_levels():
    before = _core.level()
    assert before == _core.levels()[-1]
    assert _core.levels()[0] == "baseline"
    assert not _core.set_level("no such level")
    assert _core.level() == before
    for name in _core.levels():
        assert _core.set_level(name)
        assert _core.level() == name
    assert _core.set_level(before)
