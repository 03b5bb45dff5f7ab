"""The estimator `MiniBatchNMF`: scikit-learn's interface around learning from one batch after the other."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from nonneg._warnings import warn_caller
from nonneg.data import Array, check_loss_domain, check_matrix, check_names, names_of
from nonneg.estimators.arguments import FLOATS, parts_and_start, seed_from, warn_if_locked
from nonneg.estimators.base import _BaseNMF
from nonneg.solve import NAMES, beta_of
from nonneg.solve.online import Task, begin, learn_batch, parts
from nonneg.solve.passes import Patience, learn_all


class MiniBatchNMF(_BaseNMF):
    """NMF from one batch of samples after the other, with the interface of `sklearn.decomposition.MiniBatchNMF`.

    For data that come in pieces (`partial_fit`). Where X fits into memory `NMF` mostly ends sooner, at a lower loss.

    Parameters
    ----------
    n_components : int, "auto" or None
        Number of parts. "auto" takes it from W or H where they are given, else the number of features, which None
        always takes.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "spa", "custom"} or None
        Where to begin, as in `NMF` with ``solver="mu"``. `partial_fit` begins from its first batch.
    batch_size : int
        Samples in a batch of `fit`.
    beta_loss : {"frobenius", "kullback-leibler", "poisson", "itakura-saito"} or float
        What is minimised, as in `NMF`.
    tol : float
        How little a pass through X may teach: `fit` ends when one changes H by less than this fraction of its norm,
        and see `max_no_improvement`. 0 does not end it for the former.
    max_no_improvement : int or None
        `fit` ends after so many batches in a row that have not lowered the objective of all batches by their share of
        the fraction `tol`. None does not end it for that.
    max_iter : int
        Most passes through X.
    alpha_W, alpha_H, l1_ratio : float
        Penalties, as in `NMF`. ``alpha_H="same"`` takes ``alpha_W``.
    forget_factor : float
        From 0 to 1: what the past still counts after as many new samples as X has, or the first batch of
        `partial_fit`. Lower values learn faster under losses other than the squared error, and end less exactly. With
        0 there is no memory: each batch takes one plain multiplicative update of W and H, so that a single batch is
        ``NMF(solver="mu")``.
    fresh_restarts : bool
        W of a batch is always solved for the H at hand, not carried along. False ends roughly at its optimum; True
        goes on until nothing moves, which takes up to forty times as long and hardly gains.
    fresh_restarts_max_iter, transform_max_iter : int
        Accepted for compatibility: W is solved, however many iterations that takes.
    random_state : int, RandomState or None
        Seed of the random numbers of the start. With an int, `fit` gives the same bits each time.
    verbose : int
        Print the objective of each batch.
    floor : float or None
        For losses with beta <= 0, which cannot take zeros: smaller entries of X count as this.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The parts, H.
    n_components_ : int
        Number of parts.
    reconstruction_err_ : float
        ``sqrt(2 loss)``, penalties apart, for the data of `fit`; `partial_fit` leaves it alone.
    n_iter_ : int
        Passes through X that `fit` began.
    n_steps_ : int
        Batches seen.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X has them.

    See Also
    --------
    NMF : All samples at once.

    Notes
    -----
    The objective is that of `NMF`; scale and order of the parts, too, but that `partial_fit` keeps the order it has
    begun with. ``transform(X_train)`` is the W of `fit` unless ``forget_factor=0``.

    Under the squared error all is kept that H depends on, for the W that past batches had, and H is solved by
    coordinate descent: a few passes come close to the loss of `NMF`. Under other losses the numerators and
    denominators of multiplicative updates are kept, which take some ten times the passes.

    ``nonneg.factorize(X, k, loss=beta_loss, fixed=components_)`` gives the parts, with W for any rows X, as the
    `Factorization` that `nonneg.inspect` and `nonneg.plots` read; k is `n_components_`.

    References
    ----------
    Mairal, Bach, Ponce & Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html; Lefevre, Bach & Fevotte (2011),
    doi:10.1109/ASPAA.2011.6082314.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from nonneg import MiniBatchNMF
    >>> X = load_digits().data
    >>> model = MiniBatchNMF(n_components=16, batch_size=200, tol=1e-3, random_state=0)
    >>> model.fit_transform(X).shape, model.components_.shape
    ((1797, 16), (16, 64))

    Data that come in pieces:

    >>> stream = MiniBatchNMF(n_components=16, random_state=0)
    >>> for top in range(0, 1797, 200):
    ...     stream = stream.partial_fit(X[top : top + 200])
    >>> stream.n_steps_
    9
    """

    missing_values = None  # batches are whole

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None, StrOptions({"auto"})],
        "init": [StrOptions({"random", "nndsvd", "nndsvda", "nndsvdar", "spa", "custom"}), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "beta_loss": [StrOptions(set(NAMES)), Real],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_no_improvement": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "alpha_W": [Interval(Real, 0, None, closed="left")],
        "alpha_H": [Interval(Real, 0, None, closed="left"), StrOptions({"same"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "forget_factor": [Interval(Real, 0, 1, closed="both")],
        "fresh_restarts": ["boolean"],
        "fresh_restarts_max_iter": [Interval(Integral, 1, None, closed="left")],
        "transform_max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "floor": [Interval(Real, 0, None, closed="neither"), None],
    }
    negative = "error"
    solver = "auto"

    n_iter_: int
    n_steps_: int
    reconstruction_err_: float

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        batch_size: int = 1024,
        beta_loss: str | float = "frobenius",
        tol: float = 1e-4,
        max_no_improvement: int | None = 10,
        max_iter: int = 200,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        forget_factor: float = 0.7,
        fresh_restarts: bool = False,
        fresh_restarts_max_iter: int = 30,
        transform_max_iter: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        floor: float | None = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.batch_size = batch_size
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.max_iter = max_iter
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.forget_factor = forget_factor
        self.fresh_restarts = fresh_restarts
        self.fresh_restarts_max_iter = fresh_restarts_max_iter
        self.transform_max_iter = transform_max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.floor = floor

    def fit(self, X: Any, y: Any = None, *, W: Any = None, H: Any = None) -> Self:
        """Learn the parts of X, in batches of `batch_size` samples; what was learnt before is dropped.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative data; never changed.
        y : ignored
            For the conventions of scikit-learn.
        W : array-like of shape (n_samples, n_components), optional
            Start with ``init="custom"``; it matters with ``forget_factor=0`` only.
        H : array-like of shape (n_components, n_features), optional
            Start with ``init="custom"``.

        Returns
        -------
        self : MiniBatchNMF
            Fitted.
        """
        self.fit_transform(X, W=W, H=H)
        return self

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> Array:
        """Learn the parts of X as `fit` does, and return how much of each every sample holds.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative data; never changed.
        y : ignored
            For the conventions of scikit-learn.
        W : array-like of shape (n_samples, n_components), optional
            Start with ``init="custom"``; it matters with ``forget_factor=0`` only.
        H : array-like of shape (n_components, n_features), optional
            Start with ``init="custom"``.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)

        Raises
        ------
        ValueError
            For NaN, infinity, negative numbers, wrong shapes, zeros where the loss cannot take them.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` ended the fit although ``tol > 0``.
        """
        X = self._validate(X, W, H, first=True)
        warn_if_locked("auto" if self.forget_factor > 0 else "mu", self.init)
        self._n_components, start = parts_and_start(X, W, H, self.n_components, self.init)
        batches = -(-X.shape[0] // self.batch_size)

        def report(step: int, cost: float) -> None:
            if self.verbose:
                print(f"Batch {step} of at most {self.max_iter * batches}: objective {cost:.6g} a row")

        fitted = learn_all(
            self._task(),
            X,
            self._n_components,
            start,
            seed_from(self.random_state),
            batch_size=min(self.batch_size, X.shape[0]),
            forget_factor=self.forget_factor,
            max_iter=self.max_iter,
            patience=Patience(self.tol, self.max_no_improvement),
            report=report,
        )
        if self.tol > 0 and not fitted.converged:
            warn_caller(
                f"Maximum number of iterations {self.max_iter} reached. Increase it to improve convergence; a lower "
                "forget_factor learns faster, a larger tol is content with less.",
                ConvergenceWarning,
            )
        self._learnt, self._horizon = fitted.learnt, X.shape[0]
        self.components_ = fitted.H
        self.n_components_ = len(fitted.H)
        self.n_steps_ = fitted.n_steps
        self.n_iter_ = fitted.n_iter
        self.reconstruction_err_ = fitted.error
        return fitted.W

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> Self:
        """Learn from one more batch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The batch, whatever its size; never changed.
        y : ignored
            For the conventions of scikit-learn.
        W : array-like of shape (n_samples, n_components), optional
            Start with ``init="custom"``, used by the first call only.
        H : array-like of shape (n_components, n_features), optional
            Start with ``init="custom"``, used by the first call only.

        Returns
        -------
        self : MiniBatchNMF
            Fitted to what it has seen.

        Raises
        ------
        ValueError
            As `fit`; the model then stays as it was.
        """
        first = not hasattr(self, "components_")
        X = self._validate(X, W, H, first=first)
        task = self._task()
        if first or not self._learnt.H.any():
            # Of batches that hold nothing but zeros nothing can be learnt, not even a start.
            self._n_components, start = parts_and_start(X, W, H, self.n_components, self.init)
            learnt, horizon = begin(task, X, self._n_components, start, seed_from(self.random_state)), X.shape[0]
        else:
            learnt, horizon = self._learnt, self._horizon
        self._learnt = learn_batch(task, X, learnt, self.forget_factor ** (X.shape[0] / horizon))
        self._horizon = horizon
        self.components_ = parts(task, self._learnt)
        self.n_components_ = len(self.components_)
        self.n_steps_ = 1 if first else self.n_steps_ + 1
        return self

    def _task(self) -> Task:
        accuracy = "settled" if self.fresh_restarts else "rough"
        return Task(beta_of(self.beta_loss), self._penalty(), self.floor, accuracy, self.forget_factor > 0)

    def _validate(self, X: Any, W: Any, H: Any, *, first: bool) -> Any:
        names = names_of(X)
        X = self._read(X, reset=first, dtype=FLOATS if first else self.components_.dtype)
        check_names(names, W=W, H=H)
        X = check_matrix(X, name=self._input_name)
        check_loss_domain(X, beta_of(self.beta_loss), self.floor)
        return X
