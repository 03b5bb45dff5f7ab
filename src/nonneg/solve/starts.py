"""Where a run begins. Factors are returned k x rows, in the source's scaled units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nonneg.data import Array, LowRank, Source, sketch
from nonneg.solve.penalty import Shrink
from nonneg.solve.squared_error import SquaredError

Start = tuple[Array, Array]


def random_start(source: Source, k: int, seed: int) -> Start:
    """Absolute normal numbers of the size that fits the mean of X: the numbers scikit-learn draws for this seed."""
    rng = np.random.RandomState(seed)
    m, n = source.shape
    size = np.sqrt(source.mean / k) if source.mean > 0 else 1.0
    H = np.abs(size * rng.standard_normal(size=(k, n)))
    W = np.abs(size * rng.standard_normal(size=(m, k)))
    return np.ascontiguousarray(W.T, source.dtype), H.astype(source.dtype)


def nndsvd(source: Source, k: int, seed: int) -> Start:
    """Non-negative double SVD, zeros kept (Boutsidis & Gallopoulos 2008, doi:10.1016/j.patcog.2007.09.010)."""
    small = source if isinstance(source, LowRank) else sketch(source, k + 10, 4, seed)
    Ut, s, Vt = small.singular(k)
    m, n = source.shape
    W, H = np.zeros((k, m), source.dtype), np.zeros((k, n), source.dtype)
    for j in range(len(s)):
        u, v = Ut[j], Vt[j]
        if j == 0:
            # The leading pair has one sign.
            W[j], H[j] = np.sqrt(s[j]) * np.abs(u), np.sqrt(s[j]) * np.abs(v)
            continue
        sides = [(np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for sign in (1, -1)]
        norms = [(float(np.linalg.norm(a)), float(np.linalg.norm(b))) for a, b in sides]
        best = int(norms[1][0] * norms[1][1] > norms[0][0] * norms[0][1])
        (a, b), (norm_a, norm_b) = sides[best], norms[best]
        if norm_a * norm_b > 0:
            size = np.sqrt(s[j] * norm_a * norm_b)
            W[j], H[j] = size / norm_a * a, size / norm_b * b
    W[W < 1e-6], H[H < 1e-6] = 0, 0
    return W, H


def nndsvda(source: Source, k: int, seed: int) -> Start:
    """`nndsvd` with its zeros set to the mean of X."""
    W, H = nndsvd(source, k, seed)
    W[W == 0], H[H == 0] = source.mean, source.mean
    return W, H


def nndsvdar(source: Source, k: int, seed: int) -> Start:
    """`nndsvd` with its zeros set to small random numbers, around a hundredth of the mean of X."""
    W, H = nndsvd(source, k, seed)
    rng = np.random.default_rng(seed)
    for F in (W, H):
        zero = F == 0
        F[zero] = np.abs(source.mean * rng.standard_normal(int(zero.sum())) / 100)
    return W, H


def spa(source: Source, k: int, seed: int) -> Start:
    """Successive projection: the k most extreme rows of X as parts, W fitted to them.

    Rows are compared by their shape (brought to sum one). Exact where every part occurs pure in some row.
    Gillis & Vavasis (2014), doi:10.1109/TPAMI.2013.226. Parts that the rows do not offer are random.
    """
    n = source.shape[1]
    sums = source.dot(np.ones((1, n), source.dtype))[0].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(sums > 0, source.row_norms() / sums**2, 0)
    floor = 1e-10 * left.max(initial=0)
    directions: list[Array] = []
    H = random_start(source, k, seed)[1]
    for part in range(k):
        if not left.max(initial=0) > floor:
            break
        row = int(np.argmax(left))
        H[part] = source.rows(np.array([row]))[0]
        direction = H[part].astype(np.float64) / sums[row]
        for other in directions:
            direction = direction - (direction @ other) * other
        norm = float(np.linalg.norm(direction))
        if norm == 0:
            break
        directions.append(direction / norm)
        along = source.dot(directions[-1][None].astype(source.dtype))[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(sums > 0, np.maximum(left - (along / sums) ** 2, 0), 0)
        left[row] = 0
    # Rows of unit sum times the typical sum: W and H of similar size.
    H *= source.dtype.type(np.sqrt(abs(source.mean) * n) or 1) / np.maximum(H.sum(axis=1, keepdims=True), 1e-30)
    return SquaredError(source, (Shrink(), Shrink())).solve("W", H), H


STARTS: dict[str, Callable[[Source, int, int], Start]] = {
    "random": random_start,
    "nndsvd": nndsvd,
    "nndsvda": nndsvda,
    "nndsvdar": nndsvdar,
    "spa": spa,
}
