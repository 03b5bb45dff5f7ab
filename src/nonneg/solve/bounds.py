"""What the solver keeps to: bounds on the entries of a factor, and rows of it that sum to a number."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data import Array


class Bounds(NamedTuple):
    """Constraints on one factor F, stored k x rows: ``low <= F <= high``, and each column sums to ``total``.

    ``low`` and ``high`` are both arrays of the shape and the type of F, or both None. An entry that is known has
    ``low = high``; for every other ``low`` is zero.
    """

    low: Array | None = None
    high: Array | None = None
    total: float | None = None

    def times(self, size: Any) -> Bounds:
        """Return the bounds on ``size * F``; size is a power of two, or one a part (k x 1), the same in a sum."""
        size = np.asarray(size)
        low, high = (None if bound is None else bound * size.astype(bound.dtype) for bound in self[:2])
        return Bounds(low, high, None if self.total is None else self.total * float(size.flat[0]))

    def every(self, step: int) -> Bounds:
        """Return the bounds on every so manieth column."""
        low, high = (None if bound is None else np.ascontiguousarray(bound[:, ::step]) for bound in self[:2])
        return Bounds(low, high, self.total)

    def unbounded(self, parts: Array) -> Bounds | None:
        """Return the bounds without those above zero on the marked parts; None where that leaves none."""
        if self.low is None or self.high is None:
            return self
        high = np.where(parts[:, None] & (self.high > 0), np.inf, self.high).astype(self.high.dtype)
        return Bounds(self.low, high, self.total) if np.isfinite(high).any() or self.total is not None else None

    def restrict(self, F: Array) -> None:
        """Bring F to the nearest point that keeps to the bounds, in place."""
        if self.total is None:
            np.clip(F, self.low, self.high, out=F)
        else:
            k, rows = F.shape
            nothing, alike = np.zeros((k, k), F.dtype), np.ones(k, F.dtype)
            _core.simplex(F, F, nothing, alike, self.total, 0, 0.0, 0, rows, thread_count(), None, *self[:2])

    @property
    def held(self) -> bool | Array:
        """Which parts must not be rescaled: masks of zeros and infinite bounds allow it."""
        if self.total is not None:
            return True
        return np.asarray(self.bounded.any(axis=1))

    @property
    def bounded(self) -> Array:
        """Which entries have a finite bound above zero, k x rows."""
        assert self.high is not None
        return np.asarray((self.high > 0) & np.isfinite(self.high))


Pair = tuple[Bounds | None, Bounds | None]
FREE: Pair = (None, None)


def held_parts(bounds: Pair, k: int) -> Array:
    """Return which parts have their scale from constraints on W or on H."""
    held = np.zeros(k, bool)
    for side in bounds:
        if side is not None:
            held |= side.held
    return held


def within(bounds: Pair, pair: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the pair (W, H), or the nearest one that keeps to the bounds."""
    W, H = (F if side is None else F.copy() for F, side in zip(pair, bounds, strict=True))
    for F, side in zip((W, H), bounds, strict=True):
        if side is not None:
            side.restrict(F)
    return W, H


def idle_parts(bounds: Pair, k: int) -> tuple[Array, Array]:
    """Return which parts of W and of H have bounds that forbid nothing: the other factor may take over the scale."""
    idle = []
    for side, other in (bounds, bounds[::-1]):
        if side is None or side.total is not None:
            idle.append(np.zeros(k, bool))
            continue
        assert side.low is not None
        idle.append(side.held & ~side.low.any(axis=1) & np.logical_not(False if other is None else other.held))
    return idle[0], idle[1]


def without_idle(bounds: Pair, k: int) -> Pair:
    """Return what there is to keep to while the scale of parts is open: of idle bounds their zeros.

    An entry on an idle bound could only grow beside the others of its part as these shrink: iterations would stop
    where no optimum is.
    """
    idle = idle_parts(bounds, k)
    if not (idle[0].any() or idle[1].any()):
        return bounds
    on_W, on_H = (side and side.unbounded(parts) for side, parts in zip(bounds, idle, strict=True))
    return on_W, on_H


def filled(side: Bounds | None, F: Array) -> Array:
    """Return how far each part fills its bounds: 1 where one of its entries is on its bound, 0 without bounds."""
    if side is None or side.high is None:
        return np.zeros(len(F))
    shares: Array = np.divide(F, side.high, out=np.zeros(F.shape), where=side.bounded, dtype=np.float64)
    return np.asarray(shares.max(axis=1))
