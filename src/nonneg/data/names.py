"""Names of rows and features: what a user's table calls them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonneg.data.source import Array


def names_of(X: Any) -> tuple[Array | None, Array | None]:
    """Return the names of the rows and the features of a data frame; None where there are none.

    Of a pandas frame the index and the columns, of polars the columns. An index that only counts from 0 holds no
    names, and neither do arrays.
    """
    if not hasattr(X, "columns"):
        return None, None
    return _index(getattr(X, "index", None)), _index(X.columns)


def as_names(names: Any) -> Array:
    """Return names as an array: numbers stay numbers, such as wavelengths; all else becomes text."""
    # Dates of pandas know whether they need the time of day.
    items = list(names.astype(str) if hasattr(names, "strftime") else names)
    if any(isinstance(item, (str, tuple)) for item in items):
        return np.array([" ".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in items])
    array = np.asarray(items)
    return array if array.dtype.kind in "iuf" else array.astype(str)


def _index(index: Any) -> Array | None:
    if index is None or (type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)):
        return None
    return as_names(index)
