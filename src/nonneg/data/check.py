"""What may be factorized, and one sentence for each thing that may not."""

from __future__ import annotations

from datetime import date, timedelta
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse

from nonneg import _core
from nonneg._threads import thread_count
from nonneg.data.source import Array


def check_matrix(X: Any, *, negative: str = "error", name: str = "factorize (input X)") -> Any:
    """Return X as a float32 or float64 array or CSR/CSC matrix that a source can read; never changed in place.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (m, n)
        float32 and float64 are kept, other real numbers and booleans become float64.
    negative : {"error", "allow"}
        Whether negative entries are refused.
    name : str
        What messages call the input.

    Returns
    -------
    ndarray (C or F contiguous) or CSR/CSC matrix with sorted, summed indices

    Raises
    ------
    TypeError
        If X does not hold real numbers.
    ValueError
        If X is not two-dimensional, is empty, or holds NaN, infinity or (by default) a negative number.
    """
    X = check_form(X)
    check_values(X, negative, name)
    return X


def check_form(X: Any, *, missing: bool = False) -> Any:
    """Return X as a matrix of floats that a source can read; masked entries become NaN if some may be missing."""
    check_given(X)
    X = _check_sparse(X) if scipy.sparse.issparse(X) else _check_dense(X, missing)
    if 0 in X.shape:
        raise ValueError(f"Input X is empty: shape {X.shape}; at least one row and one column are needed.")
    return X


def check_given(X: Any) -> None:
    """Refuse None, which numpy takes for a number."""
    if X is None:
        raise ValueError("X is None; give a matrix of numbers, such as an array, a data frame or a sparse matrix.")


def check_values(X: Any, negative: str, name: str, *, missing: bool = False) -> tuple[int, float]:
    """Refuse infinity, negative entries and, unless some may be missing, NaN.

    Returns the number of NaN and the largest absolute entry, which a source needs too: a pass over X is dear.
    """
    if negative not in ("error", "allow"):
        raise ValueError(f'negative must be "error" or "allow", got {negative!r}.')
    flat = X.data if scipy.sparse.issparse(X) else (X if X.flags.c_contiguous else X.T).reshape(-1)
    low, high, n_missing = _core.extent(flat, thread_count())
    if n_missing and not missing:
        row, column, _ = first_of(X, np.isnan)
        raise ValueError(
            f"Input X contains NaN: row {row}, column {column}. "
            f"{name.split(' ', maxsplit=1)[0]} does not accept missing values encoded as NaN natively; "
            "fill them or leave out their rows or columns."
        )
    if not (np.isfinite(low) and np.isfinite(high)):
        row, column, _ = first_of(X, np.isinf)
        raise ValueError(
            f"Input X contains infinity or a value too large for {X.dtype!r}: row {row}, column {column}."
        )
    if negative == "error" and low < 0:
        row, column, value = first_of(X, lambda x: x < 0)
        raise ValueError(
            f"Negative values in data passed to {name}: {value:g} at row {row}, column {column}; "
            'negative="allow" fits such data under W, H >= 0.'
        )
    return int(n_missing), max(-low, high)


def check_loss_domain(
    X: Any, beta: float, floor: float | None, *, negative: str = "error", elsewhere: bool = True
) -> None:
    """Refuse what a loss cannot take: zeros for beta <= 0 without a floor, negative numbers for all but beta = 2.

    NaN is no zero, nor is what a sparse X does not store if not `elsewhere`.
    """
    a_number = isinstance(floor, Real) and not isinstance(floor, bool)
    if floor is not None and (beta > 0 or not a_number or not 0 < float(floor) < np.inf):
        raise ValueError(
            f"floor is a number > 0 for losses that cannot take zeros, such as itakura-saito; got {floor!r} with "
            f"beta={beta:g}."
        )
    if negative == "allow" and beta != 2:
        raise ValueError('negative="allow" needs the squared error; other losses have no meaning below zero.')
    if beta > 0 or floor is not None:
        return
    values = X.data if scipy.sparse.issparse(X) else X
    if (elsewhere and values.size < X.shape[0] * X.shape[1]) or (values == 0).any():
        positive = values[values > 0]
        advice = "X holds no positive value at all."
        if positive.size:
            smallest = f"{positive.min():.3g}"
            advice = f"The smallest positive value of X is {smallest}; floor={smallest} counts smaller ones as that."
        raise ValueError(
            "When beta_loss <= 0 and X contains zeros, the solver may diverge. Please add small values to X, or use "
            f"a positive beta_loss. {advice}"
        )


def _check_sparse(X: Any) -> Any:
    if X.ndim != 2:
        raise ValueError(f"Expected a two-dimensional sparse X, got {X.ndim} dimension(s).")
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X must hold real numbers, got a sparse matrix of dtype {X.dtype}.")
    if X.format not in ("csr", "csc"):
        X = X.tocsr()
    if X.dtype not in (np.float32, np.float64):
        X = X.astype(np.float64)
    # Products index memory by what these arrays say. The check trims spare room: not the caller's.
    X = type(X)((X.data, X.indices, X.indptr), shape=X.shape)
    X.check_format(full_check=True)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _check_dense(X: Any, missing: bool) -> Array:
    if hasattr(X, "to_numpy") and not isinstance(X, np.ndarray):
        X = _frame_values(X)
    given = X
    X = np.asarray(fill_masked(X, missing=missing))
    if X.dtype.kind == "O":
        if any(isinstance(value, (str, bytes)) for value in X.flat):
            raise TypeError("X must hold real numbers, got text.")
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"X must hold real numbers, got {_kind_of(given)}.") from error
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X must hold real numbers, got an array of dtype {X.dtype}.")
    if X.ndim > 2:
        raise ValueError(
            f"X must be a matrix, got {X.ndim} dimensions {X.shape}: reshape a cube to pixels x bands by "
            "X.reshape(-1, X.shape[-1])."
        )
    if X.ndim != 2 and X.size:
        hint = " Use X.reshape(-1, 1) for one feature or X.reshape(1, -1) for one sample." if X.ndim == 1 else ""
        raise ValueError(f"Expected a 2D array, got {X.ndim}D array instead.{hint}")
    X = X if X.dtype.isnative else X.astype(X.dtype.newbyteorder("="))
    if X.dtype not in (np.float32, np.float64):
        X = X.astype(np.float64)
    return X if X.flags.c_contiguous or X.flags.f_contiguous else np.ascontiguousarray(X)


def _kind_of(X: Any) -> str:
    """Say what holds no numbers, and which table to give in place of what only holds one: a Bunch, an AnnData."""
    if isinstance(X, (np.ndarray, list, tuple)):
        return "an array of objects"
    table = next((f"; give its table, X.{name}" for name in ("X", "data") if hasattr(X, name)), "")
    return f"an object of type {type(X).__name__}{table}"


def fill_masked(X: Any, *, missing: bool) -> Any:
    """Return a masked array with NaN under its mask, if some may be missing; anything else as it is."""
    if not (isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X)):
        return X
    if not missing:
        raise ValueError("X has masked entries; fill them or leave out their rows or columns.")
    return np.where(np.ma.getmaskarray(X), np.nan, X.data)


def _frame_values(X: Any) -> Any:
    """Return the values of a pandas or polars frame; what is null in a column of numbers is NaN."""
    values = X.to_numpy()
    if hasattr(X, "columns"):
        # polars makes numbers of dates.
        dates = any(getattr(dtype, "is_temporal", bool)() for dtype in X.dtypes)
        if dates or values.dtype.kind not in "fiub":
            _check_columns(X)
    if values.dtype.kind == "O" and hasattr(X, "isna"):
        return X.to_numpy(dtype=np.float64, na_value=np.nan) if X.isna().to_numpy().any() else values
    return values


def _check_columns(X: Any) -> None:
    """Name the first column of a frame that holds text or dates."""
    for name, column in X.items() if hasattr(X, "items") else zip(X.columns, X.iter_columns(), strict=True):
        if getattr(column.dtype, "kind", "O") in "fiub":
            continue  # numbers, though those that may be null come as objects
        values = column.to_numpy()
        text = any(isinstance(value, (str, bytes)) for value in values)
        if text or values.dtype.kind in "Mm" or any(isinstance(value, (date, timedelta)) for value in values):
            raise TypeError(
                f"X must hold real numbers, but its column {name!r} holds {'text' if text else 'dates or times'}; "
                "leave it out or turn it into numbers."
            )


def first_of(X: Any, bad: Any) -> tuple[int, int, float]:
    """Row, column and value of the first bad entry, row by row."""
    if scipy.sparse.issparse(X):
        coo = X.tocsr().tocoo()
        at = int(np.argmax(bad(coo.data)))
        return int(coo.row[at]), int(coo.col[at]), float(coo.data[at])
    for row in range(X.shape[0]):
        wrong = bad(X[row])
        if wrong.any():
            column = int(np.argmax(wrong))
            return row, column, float(X[row, column])
    raise AssertionError("no bad entry found")


def check_counts(**counts: object) -> None:
    """Refuse what is no number of things: an integer, at least 1."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {count!r}.")


def check_seed(**seeds: object) -> None:
    """Refuse what is neither a seed nor None."""
    for name, seed in seeds.items():
        whole = isinstance(seed, Integral) and not isinstance(seed, bool)
        if seed is not None and not (whole and 0 <= int(seed) < 2**32):  # type: ignore[call-overload]
            raise ValueError(f"{name} must be an integer from 0 to 2**32 - 1 or None, got {seed!r}.")
