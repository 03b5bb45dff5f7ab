"""The value that a factorization returns: frozen, printable, savable."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from nonneg.data import Array, Observed, as_names, warn_of_unobserved
from nonneg.solve.constraints import bounds_of_rows
from nonneg.solve.given import given_H
from nonneg.solve.losses import beta_of_name
from nonneg.solve.penalty import Penalty
from nonneg.solve.quality import Quality, quality_of
from nonneg.solve.reading import read_data, read_rows
from nonneg.solve.stop import why
from nonneg.solve.topics import Topics, topics_of


class Trace(NamedTuple):
    """Objective and time after each iteration on X: float64 arrays of equal length.

    ``loss`` is the objective (with penalties, if any); extrapolation makes it rise now and then, the best pair is
    kept. Where entries of a dense X are missing or weighed, under the squared error, it is a bound from above, too
    large by the square of the last step at most. ``seconds`` counts from the call, so it includes the start and the
    sketch.
    """

    loss: Array
    seconds: Array


@dataclass(frozen=True, eq=False, repr=False)
class Factorization:
    """X ~ W H with W, H >= 0: a table written as a sum of k parts.

    Attributes
    ----------
    W : ndarray of shape (m, k)
        How much of each part each row holds. Without penalties and constraints the rows of H sum to one, so that
        ``W[i, j]`` is the amount of row i that part j explains, in the units of X.
    H : ndarray of shape (k, n)
        The parts, ordered by their share of the total (in the order of the start, of known parts, of bounds, where
        the user gave some).
    loss_name : {"frobenius", "kullback-leibler", "itakura-saito"} or str
        Which loss; "beta=0.5" and the like for a beta-divergence without a name.
    loss_value : float
        The loss summed over all entries, without penalties: ``1/2 ||X - W H||^2``, or the divergence (see
        `factorize`); inf or 0 where it leaves float64's range.
    error : float
        ``sqrt(2 loss_value)``, scikit-learn's ``reconstruction_err_``: under the squared error the Frobenius norm
        ``||X - W H||`` of what is left over, in the units of X.
    relative_error : float
        Under the squared error ``error / ||X||``; else the divergence as a fraction of that from the constant
        matrix of X's mean. From 0 (exact) to 1 (nothing explained), or above, where a strong penalty leaves less than
        nothing; 0 where both are zero.
    trace : Trace
        Objective and seconds after each iteration.
    converged : bool
        Whether it stopped because it was done, not because a limit was reached.
    reason : {"tolerance", "kkt", "exact", "max_iter", "max_seconds", "callback"} or str
        Which rule ended the run; a rule of the user's own gives its own.
    kkt : float
        Distance from an optimum: length of the step that one more sweep would take, relative to the factors
        (the larger of W's and H's). 0 at a stationary point.
    n_iter : int
        Iterations on X.
    seed : int
        Seed of every random number of the run; the same seed gives the same bits.
    settings : mapping
        The arguments of the run, as plain values.
    n_missing : int
        Entries of X that were not observed.
    row_names, feature_names : ndarray of shape (m,) and (n,), or None
        What the rows and features are called: text or numbers, from a data frame or given to `named`.
    """

    W: Array
    H: Array
    loss_name: str
    loss_value: float
    error: float
    relative_error: float
    trace: Trace
    converged: bool
    reason: str
    kkt: float
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    n_missing: int = 0
    row_names: Array | None = None
    feature_names: Array | None = None

    @property
    def k(self) -> int:
        """Number of parts."""
        return int(self.H.shape[0])

    @property
    def n_iter(self) -> int:
        """Number of iterations on X."""
        return len(self.trace.loss)

    @cached_property
    def share(self) -> Array:
        """Share of each part in the total of W H: k fractions that sum to one; zeros for a zero model."""
        with np.errstate(over="ignore"):
            largest_W, largest_H = float(self.W.max(initial=0)), float(self.H.max(initial=0))
            if largest_W == 0 or largest_H == 0:
                return np.zeros(self.k)
            amount: Any = np.sum(self.W / largest_W, axis=0, dtype=np.float64)
            amount = amount * np.sum(self.H / largest_H, axis=1, dtype=np.float64)
        total = amount.sum()
        return amount / total if total > 0 else np.zeros(self.k)

    def named(self, *, rows: Iterable[Any] | None = None, features: Iterable[Any] | None = None) -> Factorization:
        """Return this result with names for its rows and features, which tables and pictures then show.

        Parameters
        ----------
        rows : iterable of length m, optional
            Names of the rows; None keeps those there are. Numbers stay numbers, all else becomes text.
        features : iterable of length n, optional
            Names of the features, such as words, or wavelengths as numbers.

        Returns
        -------
        Factorization

        Raises
        ------
        ValueError
            If there are more or fewer names than rows or features.

        Examples
        --------
        >>> import nonneg
        >>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]], 2, seed=0)
        >>> result.named(features=["red", "green", "blue"]).feature_names.tolist()
        ['red', 'green', 'blue']
        """
        return replace(
            self,
            row_names=self.row_names if rows is None else _counted("row", rows, len(self.W)),
            feature_names=self.feature_names if features is None else _counted("feature", features, self.H.shape[1]),
        )

    def reconstruct(self, rows: Any = slice(None)) -> Array:
        """Return W H, dense, for all rows or for some.

        Parameters
        ----------
        rows : slice, int array or boolean array
            Which rows; all of them by default, which takes m x n numbers.

        Returns
        -------
        ndarray of shape (number of rows, n)

        Raises
        ------
        IndexError
            If there is no such row.
        """
        try:
            weights = np.atleast_2d(self.W[rows])
        except IndexError as error:
            m = len(self.W)
            raise IndexError(
                f"rows must be a slice, positions from 0 to {m - 1}, or {m} booleans: {error}."
            ) from None
        product: Array = weights @ self.H
        return product

    def transform(self, X: Any, *, weights: Any = None, uncertainty: Any = None, exact: bool = False) -> Array:
        """Return W for new rows, H as it is: the problem that the fit solved for W, penalties and bounds included.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, n)
            New rows; a row's result does not depend on the rows beside it (but for rounding, where entries are
            missing or weighed). What was not observed is marked as in the fit (``missing_values``).
        weights, uncertainty : array-like or sparse matrix of shape (rows, n), or broadcastable to it, optional
            What each entry counts, or its standard error; as in `factorize`.
        exact : bool
            Go on to rounding: by block principal pivoting under the squared error, by more sweeps else. Without it
            rows stop a hair's breadth before. With many more parts than features W is one of many, and some rows
            stay above the best by a percent or two of their length, either way.

        Returns
        -------
        ndarray of shape (rows, k)

        Raises
        ------
        ValueError
            For a wrong number of features; if the fit had bounds on W that differ from row to row.

        Examples
        --------
        >>> import numpy as np, nonneg
        >>> X = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0], [2.0, 2.0, 4.0]])
        >>> result = nonneg.factorize(X, 2, seed=0)
        >>> np.round(result.transform([[4.0, 4.0, 2.0]]) @ result.H, 3)
        array([[4., 4., 2.]])
        """
        observed = self._observe(X, "transform", weights=weights, uncertainty=uncertainty)
        return self._given_H(observed, exact=exact)

    def impute(self, X: Any, *, weights: Any = None, uncertainty: Any = None) -> Array:
        """Return X with W H where it was not observed; W is solved for the rows given, as `transform` does.

        Where little of a row was observed and there are many parts, W H may be far off: fit with a penalty.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (rows, n)
            Rows, new or of the fit, with what was not observed marked as in the fit.
        weights, uncertainty : array-like or sparse matrix, optional
            As in `transform`. An entry of weight 0 is filled.

        Returns
        -------
        ndarray of shape (rows, n)
            A dense copy: what was observed stays as it is.

        Examples
        --------
        >>> import numpy as np, nonneg
        >>> X = np.outer([1.0, 2.0, 3.0], [4.0, 2.0, 1.0])
        >>> X[1, 2] = np.nan
        >>> result = nonneg.factorize(X, 1, seed=0)
        >>> round(float(result.impute(X)[1, 2]), 3)
        2.0
        """
        observed = self._observe(X, "impute", weights=weights, uncertainty=uncertainty)
        return observed.or_else(self._given_H(observed) @ self.H.astype(observed.X.dtype))

    def _given_H(self, observed: Observed, *, exact: bool = False) -> Array:
        dtype = observed.X.dtype
        return given_H(
            observed,
            np.ascontiguousarray(self.H, dtype),
            Penalty(**self.settings.get("penalty", {})),
            shape_weight=self.settings.get("shape_weight", 1.0),
            beta=beta_of_name(self.loss_name),
            solver="mu" if self.settings.get("solver") == "mu" else "auto",
            floor=self.settings.get("floor"),
            robust=self.settings.get("robust"),
            exact=exact,
            bounds=bounds_of_rows(self.settings.get("constraints"), self.k, observed.shape[0], dtype),
        )

    def _observe(self, X: Any, method: str, **counts: Any) -> Observed:
        """Check new rows, read as the fit read its own."""
        observed = read_rows(self, X, method, **counts)
        warn_of_unobserved(observed, "row")
        return observed

    def quality(self, X: Any, uncertainty: Any) -> Quality:
        """Compare what is left over with the errors of measurement, as positive matrix factorization does.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (m, n)
            The data of the fit, with what was not observed marked as there.
        uncertainty : array-like or sparse matrix of shape (m, n), or broadcastable to it
            Standard error of each entry, above 0.

        Returns
        -------
        Quality
            ``true``, ``robust`` and ``expected``: Q(true), Q(robust) and the degrees of freedom; ``ratio`` is
            Q(true) over these, near 1 where both model and uncertainties are right.

        Examples
        --------
        >>> import numpy as np, nonneg
        >>> rng = np.random.default_rng(0)
        >>> X = rng.gamma(1.0, size=(200, 3)) @ rng.gamma(1.0, size=(3, 20)) + rng.normal(0, 0.1, (200, 20))
        >>> result = nonneg.factorize(X, 3, uncertainty=0.1, negative="allow", seed=0)
        >>> quality = result.quality(X, 0.1)
        >>> bool(0.9 < quality.ratio < 1.1)
        True
        """
        observed = read_data(self, X, "quality", uncertainty=uncertainty)
        warn_of_unobserved(observed, "row")
        return quality_of(observed, self.W, self.H)

    def topics(self) -> Topics:
        """Read a fit of counts as a topic model.

        A Poisson model of counts with mean W H is a multinomial topic model times a Poisson model of the documents'
        lengths, so the two have the same likelihood up to that of the lengths, and each maximum of the one is a
        maximum of the other (Carbonetto, Sarkar, Wang & Stephens 2021, doi:10.48550/arXiv.2105.13440).

        Returns
        -------
        Topics
            ``documents`` (m x k) and ``words`` (k x n), rows summing to one, and ``lengths`` (m):
            ``W H = lengths[:, None] * documents @ words``.

        Raises
        ------
        ValueError
            If the loss is not Kullback-Leibler.

        Examples
        --------
        >>> import numpy as np, nonneg
        >>> counts = np.array([[4, 2, 0, 0], [0, 0, 3, 3], [2, 1, 2, 2]])
        >>> topics = nonneg.factorize(counts, 2, loss="poisson", seed=0).topics()
        >>> np.round(topics.words, 2)
        array([[0.  , 0.  , 0.5 , 0.5 ],
               [0.67, 0.33, 0.  , 0.  ]])
        >>> np.round(topics.lengths, 2)
        array([6., 6., 7.])
        """
        if self.loss_name != "kullback-leibler":
            raise ValueError(
                f"Only a Kullback-Leibler fit is a topic model, this one has the loss {self.loss_name!r}; "
                'fit with loss="kullback-leibler".'
            )
        return topics_of(self.W, self.H)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to ``path``: an .npz archive with a JSON header, whole or not at all.

        See Also
        --------
        nonneg.load : Read it back.
        """
        from nonneg.solve.files import save

        save(self, path)

    def __repr__(self) -> str:
        m, n = self.W.shape[0], self.H.shape[1]
        lines = [
            f"Factorization of {m} x {n} into k={self.k} parts",
            f"  loss       {self.loss_value:.6g} ({self.loss_name}; {self._left_over})",
            f"  iterations {self.n_iter}, {'converged' if self.converged else 'not converged'}: {why(self.reason)}",
            *([f"  missing    {self.n_missing} of {m * n} entries were not observed"] if self.n_missing else []),
            f"  kkt        {self.kkt:.2g}",
            f"  seed       {self.seed}",
            "  share      " + " ".join(f"{x:.3f}" for x in self.share[:10]) + (" ..." if self.k > 10 else ""),
        ]
        return "\n".join(lines)

    @property
    def _left_over(self) -> str:
        if self.loss_name == "frobenius":
            return f"relative error {self.relative_error:.4g}"
        return f"{100 * self.relative_error:.3g} % of the divergence from the mean; sqrt(2 loss) {self.error:.6g}"

    def _repr_html_(self) -> str:
        head, *body = repr(self).split("\n")
        rows = [line.strip().split(maxsplit=1) for line in body]
        cells = "".join(f"<tr><th>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in rows)
        return f"<table><caption>{html.escape(head)}</caption>{cells}</table>"


def _counted(what: str, names: Iterable[Any], count: int) -> Array:
    array = as_names(names)
    if array.shape != (count,):
        raise ValueError(f"{count} {what}s need as many names, got {len(array)}.")
    return array
