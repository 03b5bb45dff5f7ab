"""The kernels alone, float32 and float64, beside the numpy or scipy call that a user would write instead.

python -m pytest benchmarks/kernels.py
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

from nonneg import _core
from nonneg._threads import same_threads, thread_count
from nonneg.data import as_source, gram
from nonneg.data.sparse import pack
from nonneg.solve.penalty import Shrink
from nonneg.solve.sweeps import sweep

SHAPES = {"faces": (2500, 5655), "patches": (100_000, 500)}
# Rows, columns, share of stored entries. The product W' X of the tall one is small enough to be summed in place.
SPARSE = {"documents": (11_293, 21_393, 0.004), "tall": (100_000, 1000, 0.01)}
DTYPES = ("float32", "float64")


@pytest.mark.parametrize("k", [15, 50, 100])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", ["X H'", "W' X"])
@pytest.mark.parametrize("who", ["nonneg", "numpy"])
def test_dense_product(benchmark, who, side, shape, dtype, k):
    benchmark.group = f"dense {side}, {shape}, {dtype}, k={k}"
    rng = np.random.default_rng(0)
    X = rng.random(SHAPES[shape], dtype=dtype)
    H, Wt = rng.random((k, X.shape[1]), dtype=dtype), rng.random((k, X.shape[0]), dtype=dtype)
    source = as_source(X)
    with same_threads():
        if who == "nonneg":
            benchmark(source.dot if side == "X H'" else source.tdot, H if side == "X H'" else Wt)
        else:
            benchmark(lambda: X @ H.T if side == "X H'" else Wt @ X)


@pytest.mark.parametrize("k", [20, 50])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("who", ["nonneg", "scipy"])
def test_sparse_product(benchmark, who, dtype, k):
    benchmark.group = f"sparse X H', 11293 x 21393, 0.4 %, {dtype}, k={k}"
    X = sp.random_array((11293, 21393), density=0.004, format="csr", dtype=dtype, rng=np.random.default_rng(0))
    H = np.random.default_rng(1).random((k, X.shape[1]), dtype=dtype)
    source, Ht = as_source(X), np.ascontiguousarray(H.T)
    with same_threads():
        benchmark(source.dot, H) if who == "nonneg" else benchmark(lambda: X @ Ht)


@pytest.mark.parametrize("k", [20, 50])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SPARSE)
@pytest.mark.parametrize("who", ["gather", "scatter", "scipy"])
def test_sparse_transposed_product(benchmark, who, shape, dtype, k):
    """W' X by both kernels, so that the choice `Sparse.tdot` makes between them can be checked."""
    m, n, density = SPARSE[shape]
    benchmark.group = f"sparse W' X, {m} x {n}, {density:.1%}, {dtype}, k={k}"
    X = sp.random_array((m, n), density=density, format="csr", dtype=dtype, rng=np.random.default_rng(0))
    Wt = np.random.default_rng(1).random((k, m), dtype=dtype)
    # scatter reads X as it comes; gather reads the transposed copy, made once in a fit and not counted here.
    given = X.tocsc() if who == "gather" else X
    layout, out, W = (given.indptr, given.indices, given.data), np.empty((k, n), dtype), np.ascontiguousarray(Wt.T)
    with same_threads():
        if who == "gather":
            benchmark(lambda: _core.gather(*layout, pack(Wt), out, 0, n, thread_count()))
        elif who == "scatter":
            benchmark(lambda: _core.scatter(*layout, pack(Wt), out, thread_count()))
        else:
            benchmark(lambda: X.T @ W)


@pytest.mark.parametrize("k", [15, 50, 100])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("who", ["nonneg", "numpy"])
def test_gram(benchmark, who, dtype, k):
    """Ours sums in float64 whatever the data, numpy in the precision of the data."""
    benchmark.group = f"Gram of {k} x 20000, {dtype}"
    F = np.random.default_rng(0).random((k, 20_000), dtype=dtype)
    with same_threads():
        benchmark(gram, F) if who == "nonneg" else benchmark(lambda: F @ F.T)


@pytest.mark.parametrize("k", [15, 50, 100])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_sweep(benchmark, dtype, k):
    benchmark.group = f"one sweep over 20000 rows, {dtype}, k={k}"
    rng = np.random.default_rng(0)
    H, F = rng.random((k, 400), dtype=dtype), rng.random((k, 20_000), dtype=dtype)
    G = gram(H)
    B = (G @ F).astype(dtype)
    with same_threads():
        benchmark(sweep, F, B, G, Shrink(), 1, 0.0)


@pytest.mark.parametrize("k", [15, 50])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("who", ["nonneg", "scipy"])
def test_nnls(benchmark, who, dtype, k):
    """Every row from zero, to the end; scipy solves one at a time, in float64."""
    rows = 1000
    benchmark.group = f"nnls of {rows} rows, {dtype}, k={k}"
    rng = np.random.default_rng(0)
    H = rng.random((k, 400), dtype=dtype)
    G, B = gram(H), H @ rng.random((400, rows), dtype=dtype)
    with same_threads():
        if who == "nonneg":

            def from_zero():  # the kernel begins with the support it is given, so its own result is no work
                return (np.zeros_like(B), B, G, 0.0, 0, rows, thread_count()), {}

            benchmark.pedantic(_core.nnls, setup=from_zero, rounds=20, warmup_rounds=1)
        else:
            # 1/2 f' G f - b' f is 1/2 ||L' f - c||^2 with G = L L', L c = b.
            L = np.linalg.cholesky(G)
            C = np.linalg.solve(L, B.astype(float))
            benchmark.pedantic(lambda: [scipy.optimize.nnls(L.T, c) for c in C.T], rounds=3, warmup_rounds=1)
