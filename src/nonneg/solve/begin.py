"""The start that was asked for, as a pair of factors in the source's scaled units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nonneg.data import Array, Entries, Source, gram
from nonneg.solve.bounds import FREE, Pair, within
from nonneg.solve.result import Factorization
from nonneg.solve.solvers import Solver
from nonneg.solve.starts import STARTS, Start
from nonneg.solve.warmup import WarmUp

StartArgument = str | tuple[Any, Any] | Factorization | None


def default_start(source: Source, k: int, solver: Solver) -> str:
    """Return the name of the start that nobody asked for: scikit-learn's, but for two parts of two features.

    Two parts always describe two features exactly, in many ways; SPA finds the one that lies closest to the rows.
    """
    if k == source.shape[1] == 2 <= source.shape[0] and not solver.locks:
        return "spa"
    return "nndsvda" if k <= min(source.shape) else "random"


def make_start(
    source: Entries, warm_up: WarmUp, k: int, start: StartArgument, seed: int, bounds: Pair = FREE
) -> tuple[str, Start]:
    """Return the name of the start and the start itself."""
    if isinstance(start, Factorization):
        start = (start.W, start.H)
    if isinstance(start, (tuple, list)):
        pair = _given_start(source, k, start)
        return "given", _not_empty(source, pair, within(bounds, pair))
    name = default_start(source, k, warm_up.solver) if start is None else start
    if not isinstance(name, str) or name not in STARTS:
        given = f"an array of shape {np.shape(start)}" if isinstance(start, np.ndarray) else repr(start)
        raise ValueError(f"Invalid start: got {given} instead of one of {tuple(STARTS)}, (W, H) or a Factorization.")
    if name.startswith("nndsvd") and k > min(source.shape):
        raise ValueError(
            f"init = '{name}' can only be used when n_components <= min(n_samples, n_features); "
            f"here {k} > {min(source.shape)}; use 'random'."
        )
    # An SVD of the smallest problem does; the others read a few rows or none.
    if name == "random":
        pair = STARTS[name](source, k, seed)
    else:
        small = name.startswith("nndsvd")
        W, H = STARTS[name](warm_up.smallest if small else source.complete(), k, seed)
        pair, bounds = (warm_up.counted_once(W), H), warm_up.bounds if small else bounds
    return name, as_shares(bounds, matched(bounds, pair))


def matched(bounds: Pair, start: Start) -> Start:
    """Return a start with its parts in the order, and at the scale, of what is known of them.

    A known part takes the place of the one most like it, so that the others begin with what is not known yet.
    """
    W, H = start
    for name, side in zip("WH", bounds, strict=True):
        if side is None or side.low is None:
            continue
        known = (side.low == side.high) * side.low.astype(np.float64)
        F = np.ascontiguousarray(W if name == "W" else H, np.float64)
        pull, length = gram(known, F), np.sqrt(np.square(known).sum(axis=1))
        size = np.sqrt(gram((known > 0).astype(np.float64), np.square(F)))
        alike = pull / np.maximum(length[:, None] * size, np.finfo(np.float64).tiny)
        order = _closest_first(alike, length > 0)
        step = pull[np.arange(len(F)), order]
        factor = np.where(step > 0, step, 1)[:, None] / np.where(step > 0, length**2, 1)[:, None]
        W, H = (W[order] * factor, H[order] / factor) if name == "H" else (W[order] / factor, H[order] * factor)
    return np.ascontiguousarray(W, start[0].dtype), np.ascontiguousarray(H, start[1].dtype)


def as_shares(bounds: Pair, start: Start) -> Start:
    """Return a start whose W holds each part's share of a row, and H parts as large as rows, where rows sum to one.

    The nearest point to a W of another scale would be a corner: one part for all rows.
    """
    on_W, on_H = bounds
    if on_W is None or on_W.total is None:
        return start
    W, H = (F.astype(np.float64) for F in start)
    sums = H.sum(axis=1, keepdims=True)
    movable = (sums > 0) & ~np.atleast_1d(False if on_H is None else on_H.held)[:, None]
    mean = float((W * sums).sum(axis=0).mean()) or 1.0
    factor = np.where(movable, sums * on_W.total / mean, 1)
    W, H = W * factor, H / factor
    whole = W.sum(axis=0)
    W = np.where(whole > 0, W * on_W.total / np.where(whole > 0, whole, 1), on_W.total / len(W))
    return np.ascontiguousarray(W, start[0].dtype), np.ascontiguousarray(H, start[1].dtype)


def _closest_first(alike: Array, known: Array) -> Array:
    """Return which part of a start becomes each part: the closest pairs first, then the others in their order."""
    left, order = np.where(known[:, None], alike, -1.0), np.full(len(alike), -1)
    for _ in range(int(known.sum())):
        part, place = np.unravel_index(np.argmax(left), left.shape)
        order[part] = place
        left[part], left[:, place] = -2, -2
    order[~known] = np.setdiff1d(np.arange(len(order)), order[known])
    return order


def _not_empty(source: Source, given: Start, start: Start) -> Start:
    """Return a start within bounds; refuse one with a factor of zeros, which most updates cannot leave."""
    for label, before, F in zip("WH", given, start, strict=True):
        if not (before.any() or F.any()) and source.squared_norm > 0:
            raise ValueError(f"start: {label} holds nothing but zeros, which may stay; give some positive numbers.")
    return start


def _given_start(source: Source, k: int, start: Sequence[Any]) -> Start:
    if len(start) != 2:
        raise ValueError(f"start must be a pair (W, H), got {len(start)} item(s).")
    m, n = source.shape
    factors = []
    for label, value, shape, scale in zip("WH", start, ((m, k), (k, n)), source.scale[:2], strict=True):
        F = np.asarray(value)
        if F.shape != shape:
            raise ValueError(f"start: {label} must have shape {shape}, got {F.shape}.")
        F = np.array(F, source.dtype)
        if not np.isfinite(F).all() or F.min() < 0:
            raise ValueError(f"start: {label} must hold finite numbers >= 0.")
        factors.append(F * source.dtype.type(scale))
    return np.ascontiguousarray(factors[0].T), np.ascontiguousarray(factors[1])
