"""How well a fit agrees with the errors of measurement: the quantities of positive matrix factorization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse

from nonneg.data import Array, Observed

# Residuals beyond so many standard errors count as outliers (EPA PMF 5.0).
OUTLIER = 4.0
ROWS = 2**20  # numbers of a block


class Quality(NamedTuple):
    """What is left over, in standard errors.

    Attributes
    ----------
    true : float
        Sum of squared scaled residuals, ``((X - W H) / uncertainty)^2``, over what was observed.
    robust : float
        The same, where a scaled residual r beyond 4 counts ``4 |r|``.
    expected : float
        Degrees of freedom: observed entries less the numbers in W and H, rows and columns of which nothing was
        observed left out. Numbers that were fixed count as if they had been learnt.
    """

    true: float
    robust: float
    expected: float

    @property
    def ratio(self) -> float:
        """Return ``true / expected``: near 1 where model and uncertainties are right."""
        return self.true / self.expected if self.expected > 0 else float("inf")

    def __repr__(self) -> str:
        numbers = {"ratio": self.ratio, **self._asdict()}
        return f"Quality({', '.join(f'{name}={value:.6g}' for name, value in numbers.items())})"


def quality_of(observed: Observed, W: Array, H: Array) -> Quality:
    """Return the quality of W (m x k) and H (k x n) for data observed with uncertainties."""
    true = robust = 0.0
    for residuals in _scaled_residuals(observed, W.astype(np.float64), H.astype(np.float64)):
        squares, size = residuals**2, np.abs(residuals)
        true += float(squares.sum())
        robust += float(np.where(size > OUTLIER, OUTLIER * size, squares).sum())
    m, n = observed.shape
    known = m + n - sum(len(lines) for lines in observed.unknown_lines)
    return Quality(true, robust, float(m * n - observed.n_missing - W.shape[1] * known))


def _scaled_residuals(observed: Observed, W: Array, H: Array) -> Iterator[Array]:
    """Yield the residuals over the standard errors of what was observed, some at a time."""
    X, weights = observed.X, observed.weights
    if scipy.sparse.issparse(X):
        coo = X.tocoo()
        for top in range(0, coo.nnz, ROWS):
            part = slice(top, top + ROWS)
            model = np.einsum("ip,ip->i", W[coo.row[part]], H.T[coo.col[part]])
            counts = 1.0 if weights is None else weights[part]
            residuals = (coo.data[part] - model) * np.sqrt(counts * observed.largest)
            yield residuals[~np.isnan(residuals)]
        return
    height = max(1, ROWS // X.shape[1])
    for top in range(0, len(X), height):
        rows = slice(top, top + height)
        counts = 1.0 if weights is None else weights[rows].astype(np.float64)
        residuals = (X[rows] - W[rows] @ H) * np.sqrt(counts * observed.largest)
        yield residuals[~np.isnan(residuals)]
