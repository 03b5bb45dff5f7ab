"""What parts, rows and features are called in tables and pictures."""

from __future__ import annotations

import numpy as np

from nonneg.data import Array
from nonneg.solve import Factorization


def part_labels(k: int) -> list[str]:
    """Return "part 1", "part 2", ...: parts count from one."""
    return [f"part {j + 1}" for j in range(k)]


def row_labels(result: Factorization) -> Array:
    """Return the user's names of the rows; "row 0", "row 1", ... where there are none."""
    return _named_or_numbered(result.row_names, "row", len(result.W))


def feature_labels(result: Factorization) -> Array:
    """Return the user's names of the features; "feature 0", "feature 1", ... where there are none."""
    return _named_or_numbered(result.feature_names, "feature", result.H.shape[1])


def _named_or_numbered(names: Array | None, what: str, count: int) -> Array:
    return np.array([f"{what} {i}" for i in range(count)]) if names is None else names
