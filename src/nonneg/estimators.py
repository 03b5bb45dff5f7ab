"""scikit-learn's face: a thin estimator around `factorize`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from nonneg.data import Array, check_matrix
from nonneg.solve import (
    Factorization,
    Iterations,
    Penalty,
    RelativeDecrease,
    State,
    explained_share,
    factorize,
    given_H,
)

NAME = "NMF (input X)"
FLOATS = [np.float64, np.float32]


class NMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Non-negative matrix factorization with the interface of `sklearn.decomposition.NMF`.

    Parameters
    ----------
    n_components : int, "auto" or None
        Number of parts. "auto" takes it from W or H where they are given, else the number of features, which None
        always takes.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "spa", "custom"} or None
        Where to begin. None is "nndsvda" if ``n_components <= min(n_samples, n_features)``, else "random".
        "spa" takes the most extreme samples as parts; "custom" takes the W and H given to `fit`.
    solver : {"auto", "cd", "mu"}
        "auto" and "cd" are extrapolated coordinate descent. "mu" raises NotImplementedError.
    beta_loss : {"frobenius", 2}
        Other losses raise NotImplementedError.
    tol : float
        Stop once the best objective fell by less than this fraction over the last ten iterations; 0 never stops.
    max_iter : int
        Most iterations.
    random_state : int, RandomState or None
        Seed of the random numbers. With an int, `fit` gives the same bits each time.
    alpha_W, alpha_H, l1_ratio : float
        Penalties; see Notes. ``alpha_H="same"`` takes ``alpha_W``.
    verbose : int
        Print the objective every ten iterations.
    shuffle : bool
        Accepted for compatibility: coordinates are always taken in turn.
    n_init : int
        Runs; the one with the smallest objective is kept. The first uses `init`, the others are random.
    negative : {"error", "allow"}
        Whether X may hold negative numbers; W and H never do.
    callback : callable or None
        Called with the `nonneg.State` after each iteration; a true answer stops the fit.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The parts, H.
    n_components_ : int
        Number of parts.
    n_iter_ : int
        Iterations done.
    reconstruction_err_ : float
        ``||X - W H||``, the Frobenius norm, in the units of X.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X has them.
    result_ : Factorization
        Everything that is known of the fit: trace, reason, kkt, shares.

    Notes
    -----
    The objective is, for X of shape (m, n), ::

        1/2 ||X - W H||^2
            + alpha_W n l1_ratio sum(W) + 1/2 alpha_W n (1 - l1_ratio) ||W||^2
            + alpha_H m l1_ratio sum(H) + 1/2 alpha_H m (1 - l1_ratio) ||H||^2

    Without penalties each row of ``components_`` sums to one and W is in the units of X; parts come by falling
    share of the total. scikit-learn leaves scale and order to chance.

    References
    ----------
    Gillis & Glineur (2012), doi:10.1162/NECO_a_00256; Ang & Gillis (2019), doi:10.1162/neco_a_01157.

    Examples
    --------
    >>> import numpy as np
    >>> from nonneg import NMF
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> model = NMF(n_components=2, init="random", random_state=0)
    >>> W = model.fit_transform(X)
    >>> W.shape, model.components_.shape
    ((6, 2), (2, 2))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None, StrOptions({"auto"})],
        "init": [StrOptions({"random", "nndsvd", "nndsvda", "nndsvdar", "spa", "custom"}), None],
        "solver": [StrOptions({"auto", "cd", "mu"})],
        "beta_loss": [StrOptions({"frobenius", "kullback-leibler", "itakura-saito"}), Real],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "alpha_W": [Interval(Real, 0, None, closed="left")],
        "alpha_H": [Interval(Real, 0, None, closed="left"), StrOptions({"same"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "verbose": ["verbose"],
        "shuffle": ["boolean"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "negative": [StrOptions({"error", "allow"})],
        "callback": [callable, None],
    }

    components_: Array
    n_components_: int
    n_iter_: int
    reconstruction_err_: float
    result_: Factorization

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        solver: str = "auto",
        beta_loss: str | float = "frobenius",
        tol: float = 1e-4,
        max_iter: int = 200,
        random_state: Any = None,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        verbose: int = 0,
        shuffle: bool = False,
        n_init: int = 1,
        negative: str = "error",
        callback: Callable[[State], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle
        self.n_init = n_init
        self.negative = negative
        self.callback = callback

    def fit(self, X: Any, y: Any = None, *, W: Any = None, H: Any = None) -> Self:
        """Learn the parts of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative data (see `negative`); never changed.
        y : ignored
            For the conventions of scikit-learn.
        W : array-like of shape (n_samples, n_components), optional
            Start with ``init="custom"``.
        H : array-like of shape (n_components, n_features), optional
            Start with ``init="custom"``.

        Returns
        -------
        self : NMF
            Fitted.
        """
        self.fit_transform(X, W=W, H=H)
        return self

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> Array:
        """Learn the parts of X and return how much of each every sample holds.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative data (see `negative`); never changed.
        y : ignored
            For the conventions of scikit-learn.
        W : array-like of shape (n_samples, n_components), optional
            Start with ``init="custom"``.
        H : array-like of shape (n_components, n_features), optional
            Start with ``init="custom"``.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)

        Raises
        ------
        ValueError
            For NaN, infinity, negative numbers (unless allowed), wrong shapes.
        NotImplementedError
            For a loss or a solver that is not there yet.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` ended the fit although ``tol > 0``.
        """
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=FLOATS, ensure_all_finite=False)
        result = self._factorize(X, W, H)
        self.result_ = result
        self.components_ = result.H.copy()  # the result stays as it is, whatever is done to this
        self.n_components_ = result.k
        self.n_iter_ = result.n_iter
        self.reconstruction_err_ = result.error
        return result.W.copy()

    def transform(self, X: Any) -> Array:
        """Return how much of each part new samples hold; the parts stay as they are.

        It solves the problem that `fit` solved for W, penalties included: ``transform(X_train)`` is the W of the fit.
        A sample's result does not depend on the samples beside it.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            New data.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        X = self._validate_new(X)
        return given_H(X, np.ascontiguousarray(self.components_, X.dtype), self._penalty())

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

    def score(self, X: Any, y: Any = None) -> float:
        """Return the share of X's squared norm that the parts explain: 1 - loss / loss of the zero model.

        It grows with the number of parts even on new samples, because W is fitted to them again: use it to choose
        penalties or starts, not `n_components`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data, new or not.
        y : ignored
            For the conventions of scikit-learn.

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
        X = self._validate_new(X)
        H = np.ascontiguousarray(self.components_, X.dtype)
        return explained_share(X, given_H(X, H, self._penalty()), H)

    def _validate_new(self, X: Any) -> Any:
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=FLOATS, reset=False, ensure_all_finite=False)
        return check_matrix(X, negative=self.negative, name=NAME)

    def _penalty(self) -> Penalty:
        return Penalty(self.alpha_W, self.alpha_H, self.l1_ratio)

    def _factorize(self, X: Any, W: Any, H: Any) -> Factorization:
        self._check_solver()
        self._n_components, start = self._start(X, W, H)
        result = factorize(
            X,
            self._n_components,
            penalty=self._penalty(),
            start=start,
            n_init=self.n_init,
            seed=self._seed(),
            stop=(RelativeDecrease(self.tol), Iterations(self.max_iter)),
            callback=_printing(self.callback) if self.verbose else self.callback,
            negative=self.negative,
            name=NAME,
        )
        if self.tol > 0 and (result.reason == "max_iter" or self.max_iter == 1):
            warnings.warn(
                f"Maximum number of iterations {self.max_iter} reached. Increase it to improve convergence. "
                f"result_.kkt = {result.kkt:.2g} tells how far it is from an optimum.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return result

    def _check_solver(self) -> None:
        frobenius = self.beta_loss in (2, "frobenius")
        if self.solver == "cd" and not frobenius:
            raise ValueError(
                f"Invalid beta_loss parameter: solver {self.solver!r} does not handle beta_loss = {self.beta_loss!r}"
            )
        if not frobenius:
            raise NotImplementedError(
                f'beta_loss={self.beta_loss!r} is not implemented yet; "frobenius" is the only loss.'
            )
        if self.solver == "mu":
            raise NotImplementedError('solver="mu" is not implemented yet; "auto" and "cd" are.')

    def _start(self, X: Any, W: Any, H: Any) -> tuple[int, Any]:
        """Return the number of parts and the start, with scikit-learn's checks."""
        k = X.shape[1] if self.n_components is None else self.n_components
        if self.init == "custom":
            if W is None or H is None:
                raise ValueError(f"init='custom' needs both W and H, but {'W' if W is None else 'H'} is None.")
            H = check_start(H, (k, X.shape[1]), "NMF (input H)")
            W = check_start(W, (X.shape[0], k), "NMF (input W)")
            if W.shape[1] != H.shape[0]:
                raise ValueError(f"W has {W.shape[1]} components but H has {H.shape[0]}.")
            if H.dtype != X.dtype or W.dtype != X.dtype:
                raise TypeError(
                    f"H and W should have the same dtype as X. Got H.dtype = {H.dtype} and W.dtype = {W.dtype}. "
                    f"X.dtype = {X.dtype}."
                )
            return int(H.shape[0]), (W, H)
        if W is not None or H is not None:
            warnings.warn(
                "When init!='custom', provided W or H are ignored. Set  init='custom' to use them as initialization.",
                RuntimeWarning,
                stacklevel=4,
            )
        return (X.shape[1] if k == "auto" else int(k)), self.init

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**32, dtype=np.uint32))

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.negative == "error"
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def check_start(factor: Any, shape: tuple[Any, Any], whom: str, *, zero: bool = False) -> Array:
    """Check a factor that the user gave, with scikit-learn's sentences; "auto" in the shape fits all."""
    factor = check_array(factor, input_name=whom.rsplit(" ", maxsplit=1)[-1].rstrip(")"))
    for axis, word in enumerate(("first", "second")):
        if shape[axis] not in ("auto", factor.shape[axis]):
            raise ValueError(
                f"Array with wrong {word} dimension passed to {whom}. Expected {shape[axis]}, "
                f"but got {factor.shape[axis]}."
            )
    check_non_negative(factor, whom)
    if not zero and factor.max() == 0:
        raise ValueError(f"Array passed to {whom} is full of zeros.")
    checked: Array = factor
    return checked


def _printing(callback: Callable[[State], object] | None) -> Callable[[State], object]:
    def report(state: State) -> object:
        if state.iteration % 10 == 0:
            print(f"Iteration {state.iteration:4d}: objective {state.loss:.6g} after {state.seconds[-1]:.2f} s")
        return callback(state) if callback is not None else None

    return report


def non_negative_factorization(
    X: Any,
    W: Any = None,
    H: Any = None,
    n_components: int | str | None = "auto",
    *,
    init: str | None = None,
    update_H: bool = True,
    solver: str = "auto",
    beta_loss: str | float = "frobenius",
    tol: float = 1e-4,
    max_iter: int = 200,
    alpha_W: float = 0.0,
    alpha_H: float | str = "same",
    l1_ratio: float = 0.0,
    random_state: Any = None,
    verbose: int = 0,
    shuffle: bool = False,
) -> tuple[Array, Array, int]:
    """Factorize X by a function call: `sklearn.decomposition.non_negative_factorization`.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Non-negative data; never changed.
    W : array-like of shape (n_samples, n_components), optional
        Start with ``init="custom"``; not used if ``update_H=False``.
    H : array-like of shape (n_components, n_features), optional
        Start with ``init="custom"``; held constant if ``update_H=False``.
    n_components : int, "auto" or None
        Number of parts.
    init, solver, beta_loss, tol, max_iter, alpha_W, alpha_H, l1_ratio, random_state, verbose, shuffle
        See `NMF`.
    update_H : bool
        Whether to learn H; otherwise W is solved for the H given.

    Returns
    -------
    W : ndarray of shape (n_samples, n_components)
    H : ndarray of shape (n_components, n_features)
    n_iter : int
        Iterations; 1 if ``update_H=False``.

    Examples
    --------
    >>> import numpy as np
    >>> from nonneg import non_negative_factorization
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> W, H, n_iter = non_negative_factorization(X, n_components=2, init="random", random_state=0)
    >>> bool(np.allclose(W @ H, X, atol=1e-3))
    True
    """
    model = NMF(
        n_components=n_components,
        init=init,
        solver=solver,
        beta_loss=beta_loss,
        tol=tol,
        max_iter=max_iter,
        random_state=random_state,
        alpha_W=alpha_W,
        alpha_H=alpha_H,
        l1_ratio=l1_ratio,
        verbose=verbose,
        shuffle=shuffle,
    )
    if update_H:
        W = model.fit_transform(X, W=W, H=H)
        return W, model.components_, model.n_iter_
    model._validate_params()
    model._check_solver()
    X = check_array(X, accept_sparse=("csr", "csc"), dtype=FLOATS, ensure_all_finite=False)
    X = check_matrix(X, name=NAME)
    if W is not None:
        warnings.warn("When update_H=False, the provided initial W is not used.", RuntimeWarning, stacklevel=2)
    if H is None:
        raise ValueError("update_H=False needs H, but it is None.")
    k = X.shape[1] if n_components is None else n_components
    H = check_start(H, (k, X.shape[1]), "NMF (input H)", zero=True)
    if H.dtype != X.dtype:
        raise TypeError(f"H should have the same dtype as X. Got H.dtype = {H.dtype}.")
    return given_H(X, np.ascontiguousarray(H), model._penalty()), H, 1
