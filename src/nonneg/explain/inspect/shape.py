"""How concentrated each part is, and how alike parts are."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect.tables import series, table
from nonneg.explain.inspect.vectors import cosines, live, near_one, vectors_of
from nonneg.explain.labels import part_labels
from nonneg.solve import Factorization


def sparsity(result: Factorization, side: str = "H", *, as_frame: bool = False) -> Any:
    """Return Hoyer's sparsity of each part: 0 where all its entries are equal, 1 where a single one is not zero.

    ``(sqrt(n) - sum(h) / ||h||) / (sqrt(n) - 1)`` for a part h of n entries (Hoyer 2004, Journal of Machine Learning
    Research 5, 1457-1469, https://www.jmlr.org/papers/v5/hoyer04a.html).

    Parameters
    ----------
    result : Factorization
    side : {"H", "W"}
        Rows of H (how few features make a part) or columns of W (how few rows hold it).
    as_frame : bool
        Return a pandas Series, named by part.

    Returns
    -------
    ndarray of shape (k,), or Series
        From 0 to 1. A part of zeros has 0; a part of one entry, not zero, has 1.

    Raises
    ------
    ValueError
        If side is neither "H" nor "W".

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]], 2, seed=0)
    >>> np.round(nonneg.inspect.sparsity(result), 3)
    array([1.   , 0.434])
    """
    F = vectors_of(result, side)
    values = hoyer(F)
    return series(values, part_labels(len(F)), "sparsity") if as_frame else values


def hoyer(F: Array) -> Array:
    """Return Hoyer's sparsity of the sizes of the entries in each row."""
    F = near_one(F)
    root, some = F.shape[1] ** 0.5, live(F)
    length = np.linalg.norm(F, axis=1)
    spread = np.divide(np.abs(F).sum(axis=1), length, out=np.full(len(F), root), where=some)
    values: Array = np.clip((root - spread) / (root - 1), 0, 1) if root > 1 else some.astype(np.float64)
    return values


def overlap(result: Factorization, side: str = "H", *, as_frame: bool = False) -> Any:
    """Return the cosine between each two parts: 0 where they share no entry, 1 where they are proportional.

    Parameters
    ----------
    result : Factorization
    side : {"H", "W"}
        Rows of H (parts made of the same features) or columns of W (parts held by the same rows).
    as_frame : bool
        Return a pandas DataFrame, parts by parts.

    Returns
    -------
    ndarray of shape (k, k), or DataFrame
        Symmetric, from 0 to 1, with ones on its diagonal; row and column of a part of zeros are zero.

    Raises
    ------
    ValueError
        If side is neither "H" nor "W".

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]], 2, seed=0)
    >>> np.round(nonneg.inspect.overlap(result, "W"), 3)
    array([[1. , 0.632],
           [0.632, 1. ]])
    """
    F = vectors_of(result, side)
    cosine = cosines(F, F)
    cosine = (cosine + cosine.T) / 2  # libraries of linear algebra round the two differently
    np.fill_diagonal(cosine, live(F))
    labels = part_labels(len(F))
    return table(cosine, index=labels, columns=labels) if as_frame else cosine
