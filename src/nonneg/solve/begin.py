"""The start that was asked for, as a pair of factors in the source's scaled units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nonneg.data import Entries, Source
from nonneg.solve.result import Factorization
from nonneg.solve.starts import STARTS, Start
from nonneg.solve.warmup import WarmUp

StartArgument = str | tuple[Any, Any] | Factorization | None


def default_start(source: Source, k: int) -> str:
    """Return the name of the start that nobody asked for."""
    return "nndsvda" if k <= min(source.shape) else "random"


def make_start(source: Entries, warm_up: WarmUp, k: int, start: StartArgument, seed: int) -> tuple[str, Start]:
    """Return the name of the start and the start itself."""
    if isinstance(start, Factorization):
        start = (start.W, start.H)
    if isinstance(start, (tuple, list)):
        return "given", _given_start(source, k, start)
    name = default_start(source, k) if start is None else start
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
        return name, STARTS[name](source, k, seed)
    W, H = STARTS[name](warm_up.smallest if name.startswith("nndsvd") else source.complete(), k, seed)
    return name, (warm_up.counted_once(W), H)


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
