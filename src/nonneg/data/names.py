"""Names of rows and features: what a user's table calls them, and whether other tables call them the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonneg.data.source import Array

Names = tuple[Array | None, Array | None]
# Arguments that say something of W, of H, or of both.
PAIRS = ("fixed", "upper", "start")


def names_of(X: Any) -> Names:
    """Return the names of the rows and the features of a data frame; None where there are none.

    Of a pandas frame the index and the columns, of polars the columns. An index that only counts from 0 holds no
    names, and neither do arrays. A pandas series lies along the features.
    """
    index = getattr(X, "index", None)
    index = None if callable(index) else _index(index)  # that of a list is a method
    return (index, _index(X.columns)) if hasattr(X, "columns") else (None, index)


def check_names(names: Names, *, of: str = "X", renamed: bool = False, **tables: Any) -> None:
    """Refuse tables that name rows or features, but not as X (or the fit) does and in its order.

    What has no names goes by position.

    Parameters
    ----------
    names : (rows, features)
        What X calls them, as `names_of` returns it; None for what is not to be compared.
    of : str
        What messages call the owner of these names.
    renamed : bool
        Whether only names in another order are refused, not other names.
    **tables
        By the names of the arguments: what has the shape of X or broadcasts to it, `sample_weight`, W, H, and pairs
        (W, H).
    """
    for label, table in tables.items():
        pair = table if isinstance(table, (tuple, list)) and len(table) == 2 else (None, table)
        named = zip("WH", pair, strict=True) if label in PAIRS else [(label, table)]
        for kind, one in named:
            whose = kind if kind == label else f"{kind} in {label}"
            for side, given, wanted in zip(("rows", "columns"), _names_along(kind, one), names, strict=True):
                _check_order(f"The {side} of {whose} must stand in the order of {of}", given, wanted, renamed)


def as_names(names: Any) -> Array:
    """Return names as an array: numbers stay numbers, such as wavelengths; all else becomes text."""
    # Dates of pandas know whether they need the time of day.
    items = list(names.astype(str) if hasattr(names, "strftime") else names)
    if any(isinstance(item, (str, tuple)) for item in items):
        return np.array([" ".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in items])
    array = np.asarray(items)
    return array if array.dtype.kind in "iuf" else array.astype(str)


def _names_along(kind: str, table: Any) -> Names:
    """Return what a table calls the rows and the features of X; those of W and H are parts else."""
    rows, features = names_of(table)
    if kind == "sample_weight":
        return features, None  # a series with a number for each row
    return None if kind == "H" else rows, None if kind == "W" else features


def _check_order(must: str, given: Array | None, wanted: Array | None, renamed: bool) -> None:
    """Refuse names in another order; nothing is said of another number of them, which is broadcast or refused."""
    if given is None or wanted is None or len(given) != len(wanted) or len(given) == 1:
        return
    if np.array_equal(given, wanted):
        return
    theirs, renamed = wanted.tolist(), renamed or _only_count(given) or _only_count(wanted)
    known = set(theirs)
    for i, (name, other) in enumerate(zip(given.tolist(), theirs, strict=True)):
        same = name == other or str(name) == str(other)  # nan is nan
        if not same and (name in known or not renamed):
            raise ValueError(
                f"{must}: number {i} is {name!r}, there it is {other!r}; bring them to it, as by table[names] or "
                "table.loc[names], or give arrays, which go by position."
            )


def _index(index: Any) -> Array | None:
    if index is None or (type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)):
        return None
    return as_names(index)


def _only_count(names: Array) -> bool:
    """Whether a frame's maker has numbered what nobody named: 0, 1, ... or, in polars, column_0, ..."""
    return all(str(name) in (str(i), f"column_{i}") for i, name in enumerate(names.tolist()))
