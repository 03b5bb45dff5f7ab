"""The kernels alone, float32 and float64, beside the numpy or scipy call that a user would write instead.

python -m pytest benchmarks/kernels.py
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from nonneg._threads import same_threads
from nonneg.data import as_source, gram
from nonneg.solve.penalty import Shrink
from nonneg.solve.sweeps import sweep

SHAPES = {"faces": (2500, 5655), "patches": (100_000, 500)}
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
