"""Rows of X beside what the parts make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from nonneg.data import Array
from nonneg.explain.inspect.residuals import relative_errors
from nonneg.explain.plots.layout import FONT, LINE, check_shape, picture, row_by_row
from nonneg.explain.words import percent
from nonneg.solve import Factorization


def reconstructions(
    result: Factorization, X: Any, *, image_shape: tuple[int, int], rows: Any, axes: Any = None
) -> Array:
    """Draw some rows of X as pictures, and below each what the parts make of it.

    All pictures share one grey scale, from black at zero (or the smallest number, if that is negative) to white at
    the largest number of the rows drawn. The relative error under each is ``||x - w H|| / ||x||``.

    Parameters
    ----------
    result : Factorization
        With pictures as rows of X.
    X : array-like or sparse matrix of shape (m, n)
        The data that were factorized.
    image_shape : (height, width)
        Pixels; their product is n.
    rows : int array
        Which rows of X, at least one, each from 0 to m - 1.
    axes : array of Axes, shape (2, number of rows), optional
        Where to draw: originals first. By default a new figure.

    Returns
    -------
    ndarray of Axes, shape (2, number of rows)

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If `image_shape` or the shape of X do not fit the result, no row is asked for, or the number of Axes is wrong.
    IndexError
        If there is no such row.
    """
    shape = len(result.W), result.H.shape[1]
    X = X.tocsr() if scipy.sparse.issparse(X) else np.asarray(X)
    if X.shape != shape:
        raise ValueError(f"X must have the shape that was factorized, {shape}, got {X.shape}.")
    check_shape(image_shape, shape[1])
    rows = np.atleast_1d(np.arange(shape[0])[np.asarray(rows)])
    if not len(rows):
        raise ValueError("rows must name at least one row of X.")
    originals = X[rows].toarray() if scipy.sparse.issparse(X) else X[rows]
    drawn = np.stack([originals, result.reconstruct(rows)])
    errors = relative_errors(*np.linalg.norm([originals - drawn[1], originals], axis=2))

    count = len(rows)
    grid = row_by_row(2 * count, count, image_shape, margin=LINE) if axes is None else np.asarray(axes, object)
    if grid.size != 2 * count:
        raise ValueError(f"{count} rows need {2 * count} Axes, got {grid.size}.")
    grid = grid.reshape(2, -1)
    extent = min(0, originals.min()), originals.max()
    for ax, x in zip(grid.flat, drawn.reshape(-1, shape[1]), strict=True):
        picture(ax, x, image_shape, "gray", extent)
    for i, row in enumerate(rows):
        grid[0, i].set_title(f"row {row}", fontsize=FONT, pad=3)
        grid[1, i].set_xlabel(f"error {percent(errors[i])}", fontsize=FONT, labelpad=3)
    grid[0, 0].set_ylabel("original", fontsize=FONT)
    grid[1, 0].set_ylabel("sum of its parts", fontsize=FONT)
    return grid
