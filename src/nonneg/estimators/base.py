"""What an estimator does with the parts it has learnt, however it learnt them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from nonneg.data import (
    Array,
    Observed,
    check_given,
    check_loss_domain,
    check_names,
    fill_masked,
    names_of,
    observe,
    warn_of_unobserved,
)
from nonneg.estimators.arguments import FLOATS
from nonneg.solve import Penalty, beta_of, bounds_of_rows, explained_share, given_H


class _BaseNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fitted parts at work. A subclass brings the parameters named here, and a `fit` that sets the attributes."""

    alpha_W: float
    alpha_H: float | str
    l1_ratio: float
    negative: str
    beta_loss: str | float
    solver: str
    floor: float | None
    missing_values: float | None

    components_: Array
    n_components_: int
    _constraints: Mapping[str, Any] | None = None  # on W, where the fit had some
    _robust: float | None = None  # as the fit had it
    _shape_weight: float = 1.0  # of what the fit saw, where shape penalties ask for it

    def transform(self, X: Any, *, weights: Any = None, uncertainty: Any = None) -> Array:
        """Return how much of each part new samples hold; the parts stay as they are.

        It solves the problem that `fit` solved for W, penalties and bounds included: ``transform(X_train)`` is the W
        of the fit. For losses outside 1 <= beta <= 2 (Itakura-Saito) and with ``solver="mu"`` it is another W, some
        percent away: there rows have several optima, or stop before theirs. A sample's result does not depend on the
        samples beside it.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            New data; what was not observed is marked as in `fit`.
        weights, uncertainty : array-like or sparse matrix of that shape, or broadcastable to it, optional
            As in `fit`.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)

        Raises
        ------
        ValueError
            As `fit`; if the fit had bounds on W that differ from sample to sample.
        """
        check_is_fitted(self)
        observed = self._observe(X, reset=False, weights=weights, uncertainty=uncertainty)
        warn_of_unobserved(observed, "row")
        return self._given_H(observed, np.ascontiguousarray(self.components_, observed.X.dtype))

    def inverse_transform(self, X: Any) -> Array:
        """Return the data that amounts of parts stand for: ``X @ components_``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_components)
            Amounts, as `transform` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = check_array(X, accept_sparse=True)
        if X.shape[1] != self.n_components_:
            raise ValueError(f"X has {X.shape[1]} columns, but the model has {self.n_components_} components.")
        rebuilt: Array = X @ self.components_
        return rebuilt

    def score(
        self, X: Any, y: Any = None, *, weights: Any = None, uncertainty: Any = None, sample_weight: Any = None
    ) -> float:
        """Return the share of X that the parts explain: 1 - loss / loss of a model that says nothing.

        Under the squared error that model is zero, so the share is one of X's squared norm; under other losses it is
        the constant matrix of X's mean.

        It grows with the number of parts even on new samples, because W is fitted to them again: use it to choose
        penalties or starts, not `n_components`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data, new or not.
        y : ignored
            For the conventions of scikit-learn.
        weights, uncertainty, sample_weight : optional
            As in `fit`; only what was observed counts.

        Returns
        -------
        float
            At most 1; 1 for an exact fit.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.model_selection import GridSearchCV
        >>> from nonneg import NMF
        >>> X = load_digits().data[:200]
        >>> search = GridSearchCV(NMF(5, random_state=0), {"alpha_W": [0.0, 0.01, 1.0]}, cv=3).fit(X)
        >>> search.best_params_
        {'alpha_W': 0.01}
        """
        check_is_fitted(self)
        counts = {"weights": weights, "uncertainty": uncertainty, "sample_weight": sample_weight}
        observed = self._observe(X, reset=False, **counts)
        H = np.ascontiguousarray(self.components_, observed.X.dtype)
        return explained_share(observed, self._given_H(observed, H), H, **self._loss_options())

    def _given_H(self, observed: Observed, H: Array) -> Array:
        bounds = bounds_of_rows(self._constraints, len(H), observed.shape[0], H.dtype)
        return given_H(
            observed,
            H,
            self._penalty(),
            bounds=bounds,
            robust=self._robust,
            shape_weight=self._shape_weight,
            **self._loss_options(),
        )

    def _loss_options(self) -> dict[str, Any]:
        return {
            "beta": beta_of(self.beta_loss),
            "solver": "mu" if self.solver == "mu" else "auto",
            "floor": self.floor,
        }

    def _observe(self, X: Any, *, reset: bool, **counts: Any) -> Observed:
        """Check data and what their entries count, and that the loss can take them."""
        names = names_of(X)
        X = self._read(X, reset=reset)
        if not reset and names[1] is None:
            names = names[0], getattr(self, "feature_names_in_", None)
        check_names(names, **counts)
        observed = observe(
            X,
            **counts,
            missing_values=self.missing_values,
            negative=self.negative,
            name=self._input_name,
            new_rows=not reset,
        )
        check_loss_domain(observed.X, beta_of(self.beta_loss), self.floor, elsewhere=observed.elsewhere)
        return observed

    def _read(self, X: Any, *, reset: bool, dtype: Any = FLOATS) -> Any:
        """Return X as scikit-learn reads it."""
        check_given(X)
        X = fill_masked(X, missing=self.missing_values is not None)  # scikit-learn would drop the mask
        return validate_data(self, X, accept_sparse=("csr", "csc"), dtype=dtype, reset=reset, ensure_all_finite=False)

    def _penalty(self) -> Penalty:
        return Penalty(self.alpha_W, self.alpha_H, self.l1_ratio)

    @property
    def _input_name(self) -> str:
        """What error messages call X, as in scikit-learn."""
        return f"{type(self).__name__} (input X)"

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.negative == "error"
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.missing_values is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
