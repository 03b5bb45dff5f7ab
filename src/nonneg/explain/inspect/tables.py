"""Tables for those who ask for them: pandas is needed nowhere else."""

from __future__ import annotations

from typing import Any

from nonneg.data import Array


def table(values: Any, *, index: Any = None, columns: Any = None) -> Any:
    """Return a DataFrame, its rows counted from 0 where there is no index, as those of the user's own frame."""
    return _pandas().DataFrame(values, index=index, columns=columns)


def series(values: Array, index: Any, name: str) -> Any:
    """Return a Series, counted from 0 where there is no index."""
    return _pandas().Series(values, index=index, name=name)


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("as_frame=True needs pandas: pip install pandas.") from error
    return pd
