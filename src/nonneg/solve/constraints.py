"""Known parts, upper bounds and the simplex: the user's arguments, checked once and put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nonneg._warnings import warn_caller
from nonneg.data import Array, Scale
from nonneg.solve.bounds import FREE, Bounds, Pair
from nonneg.solve.losses import name_of


class Constraints(NamedTuple):
    """Constraints on W (k x m) and on H (k x n), in the units of the factors that the user sees."""

    on_W: Bounds | None = None
    on_H: Bounds | None = None

    @property
    def keeps_order(self) -> bool:
        """Whether parts are told apart by what is known of them."""
        return any(side is not None and side.low is not None for side in self)

    def scaled(self, scale: Scale) -> Pair:
        """Return the constraints in the source's scaled units."""
        if self == FREE:
            return FREE
        on_W, on_H = (None if side is None else side.times(size) for side, size in zip(self, scale[:2], strict=True))
        return on_W, on_H

    def restore(self, W: Array, H: Array) -> None:
        """Write what is known into W and H (k x rows): the very bits, should scaling have rounded them."""
        for F, side in zip((W, H), self, strict=True):
            if side is not None and side.low is not None:
                np.copyto(F, side.low, where=side.low == side.high)

    def settings(self) -> dict[str, Any]:
        """Return the constraints on W as plain values, for rows that the fit has not seen.

        ``low`` and ``high`` hold a number for each part (None: no bound); "by row" where rows differ.
        """

        def by_part(bound: Array | None) -> Any:
            if bound is None:
                return None
            if (bound != bound[:, :1]).any():
                return "by row"
            return [float(x) if np.isfinite(x) else None for x in bound[:, 0]]

        low, high, total = Bounds() if self.on_W is None else self.on_W
        return {"simplex": total is not None, "low": by_part(low), "high": by_part(high)}


def check_simplex(simplex: Any, beta: float, solver: str) -> None:
    """Check that a solver can keep the rows of W on the simplex."""
    if not isinstance(simplex, (bool, np.bool_)):
        raise TypeError(f"simplex must be True or False, got {simplex!r}.")
    if simplex and (beta not in (1, 2) or solver == "mu"):
        raise ValueError(
            "simplex=True needs the squared error or Kullback-Leibler and solver='auto', got the loss "
            f"{name_of(beta)!r} and {solver=}; without it, divide the rows of W by their sums."
        )


def check_constraints(
    fixed: Any, upper: Any, simplex: Any, shape: tuple[int, int], k: int, dtype: np.dtype[Any]
) -> Constraints:
    """Return the constraints that `factorize` was given for data of this shape and type."""
    fixed = fixed if isinstance(fixed, tuple) else (None, fixed)
    upper = (None, None) if upper is None else upper
    for label, pair in (("fixed", fixed), ("upper", upper)):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"{label} must be a pair, the first for W, the second for H, or None; got {pair!r}.")
    sides = []
    for name, known, most, rows in zip("WH", fixed, upper, shape, strict=True):
        low = None if known is None else _check_fixed(name, known, k, rows, dtype)
        high = None if most is None else _check_upper(name, most, k, rows, dtype)
        sides.append(_joined(name, low, high, simplex and name == "W"))
    return Constraints(*sides)


def warn_of_growth(constraints: Constraints, H: Array, scale: Scale) -> None:
    """Name a part that has left the data far behind; it can where rows of W sum to one.

    Then W H is the same for a large part that is used little, the other parts being what is left.
    """
    on_W, on_H = constraints
    if on_W is None or on_W.total is None:
        return
    largest = 2 / scale.whole  # all of X is less than that
    heights = np.max(H, axis=1)
    free = True if on_H is None else np.logical_not(on_H.held)
    grown = (heights > 10 * largest) & free
    if grown.any():
        part = int(np.argmax(np.where(grown, heights, 0)))
        warn_caller(
            f"Part {part + 1} has grown to {H[part].max():.3g}, beyond anything in X: where rows of W sum to one, a "
            "large part that is used little explains X as well as a small one that is used much; bound it, as by "
            "upper=(None, X.max()), or give it as fixed.",
            UserWarning,
        )


def bounds_of_rows(settings: Mapping[str, Any] | None, k: int, rows: int, dtype: np.dtype[Any]) -> Bounds | None:
    """Return the bounds on the W of new rows from what `Constraints.settings` gave."""
    if settings is None:
        return None
    for name in ("low", "high"):
        if settings[name] == "by row":
            raise ValueError(
                "The fit was given a fixed W or an upper bound on W that differs from row to row, which says nothing "
                "of new rows; give bounds that are the same for all rows, or solve for W with update_H=False."
            )
    total = 1.0 if settings["simplex"] else None
    if settings["low"] is None:
        return None if total is None else Bounds(total=total)
    low, high = (
        np.array([[np.inf if x is None else x] * rows for x in settings[name]], dtype).reshape(k, rows)
        for name in ("low", "high")
    )
    return Bounds(low, high, total)


def _check_fixed(name: str, value: Any, k: int, rows: int, dtype: np.dtype[Any]) -> Array:
    """Return what is known, k x rows, NaN where nothing is."""
    try:
        given = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "fixed must be an array of numbers for H, or a tuple (fixed_W, fixed_H) of arrays and None."
        ) from error
    wanted = f"({rows}, f)" if name == "W" else f"(f, {rows})"
    along = 0 if name == "W" else 1
    if given.ndim != 2 or given.shape[along] != rows:
        raise ValueError(f"fixed: {name} must have shape {wanted} for f known parts, got {given.shape}.")
    given = given.T if name == "W" else given
    if len(given) > k:
        raise ValueError(f"fixed: {name} holds {len(given)} parts, more than k = {k}; raise k or leave some out.")
    with np.errstate(over="ignore"):
        known = np.full((k, rows), np.nan, dtype)
        known[: len(given)] = given
    wrong = (known < 0) | np.isinf(known)
    if wrong.any():
        raise ValueError(
            f"fixed: {name} must hold finite numbers >= 0, and NaN where it is to be learnt; "
            f"got {_at(name, known, wrong)}."
        )
    return known


def _check_upper(name: str, value: Any, k: int, rows: int, dtype: np.dtype[Any]) -> Array:
    """Return the bounds, k x rows."""
    given = np.asarray(value, np.float64)
    shape = (rows, k) if name == "W" else (k, rows)
    try:
        full = np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(
            f"upper: the bound on {name} must be a number or an array that broadcasts to {shape}, got {given.shape}."
        ) from None
    with np.errstate(over="ignore"):
        high = np.array(full.T if name == "W" else full, dtype, order="C")
    wrong = ~(high >= 0)
    if wrong.any():
        raise ValueError(f"upper: the bound on {name} must be >= 0 everywhere, got {_at(name, high, wrong)}.")
    return high


def _joined(name: str, known: Array | None, high: Array | None, simplex: bool) -> Bounds | None:
    """Put together what is known and what is bounded; None where that is nothing."""
    if known is not None and high is not None and (known > high).any():
        where = known > high
        raise ValueError(f"fixed: {name} is {_at(name, known, where)}, above its upper bound {high[where][0]:g}.")
    some = [F for F in (known, high) if F is not None]
    low = None
    if any(np.isfinite(F).any() for F in some):
        low = np.zeros_like(some[0]) if known is None else np.where(np.isnan(known), 0, known).astype(known.dtype)
        high = np.full_like(low, np.inf) if high is None else high
        if known is not None:
            np.copyto(high, known, where=~np.isnan(known))
    else:
        high = None
    if simplex and low is not None and high is not None:
        _check_sums(low, high)
    return Bounds(low, high, 1.0 if simplex else None) if simplex or low is not None else None


def _check_sums(low: Array, high: Array) -> None:
    """Check that rows of W can sum to one; rounding of given numbers is forgiven."""
    slack = 4 * len(low) * float(np.finfo(low.dtype).eps)
    least: Array = low.sum(axis=0, dtype=np.float64)
    most: Array = high.sum(axis=0, dtype=np.float64)
    if least.max() > 1 + slack:
        row = int(np.argmax(least))
        raise ValueError(f"simplex: the fixed numbers of W sum to {least[row]:g} in row {row}, more than one.")
    if most.min() < 1 - slack:
        row = int(np.argmin(most))
        raise ValueError(f"simplex: the bounds on W let row {row} sum to at most {most[row]:g}, which must be one.")


def _at(name: str, F: Array, where: Array) -> str:
    """Name the first number that is marked; F is k x rows."""
    part, row = np.argwhere(where)[0]
    i, j = (row, part) if name == "W" else (part, row)
    return f"{F[part, row]:g} at row {i}, column {j}"
