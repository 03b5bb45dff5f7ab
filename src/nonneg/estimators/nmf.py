"""The estimator `NMF`: scikit-learn's interface around `factorize`."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from nonneg._warnings import warn_caller
from nonneg.data import Array, check_names, names_of
from nonneg.estimators.arguments import parts_and_start, printing, seed_from, warn_if_locked
from nonneg.estimators.base import _BaseNMF
from nonneg.solve import NAMES, Factorization, Iterations, Penalty, RelativeDecrease, State, factorize


class NMF(_BaseNMF):
    """Non-negative matrix factorization with the interface of `sklearn.decomposition.NMF`.

    Parameters
    ----------
    n_components : int, "auto" or None
        Number of parts. "auto" takes it from W or H where they are given, else the number of features, which None
        always takes.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "spa", "custom"} or None
        Where to begin. None is "nndsvda" if ``n_components <= min(n_samples, n_features)``, else "random"; for two
        parts of two features it is "spa" (but for ``solver="mu"``). "spa" takes the most extreme samples as parts;
        "custom" takes the W and H given to `fit`.
    solver : {"auto", "cd", "mu"}
        "auto" picks by the loss: extrapolated coordinate descent for the squared error (also by "cd") and for
        Kullback-Leibler, multiplicative updates for other losses. "mu" is plain multiplicative updates as
        scikit-learn does them.
    beta_loss : {"frobenius", "kullback-leibler", "poisson", "itakura-saito"} or float
        What is minimised: 2 or "frobenius" the squared error, 1 or "kullback-leibler" or "poisson" the divergence
        for counts, 0 or "itakura-saito" that for power spectra, any other number that beta-divergence. See
        `factorize` for the formulas.
    tol : float
        Stop once the best objective fell by less than this fraction over the last ten iterations; 0 never stops.
    max_iter : int
        Most iterations.
    random_state : int, RandomState or None
        Seed of the random numbers. With an int, `fit` gives the same bits each time.
    alpha_W, alpha_H, l1_ratio : float
        Penalties; see Notes. ``alpha_H="same"`` takes ``alpha_W``.
    smooth_W, smooth_H : float
        Make the columns of W smooth along the samples (time), or the parts along the features (wavelength): the
        length, in samples or features, of a wave that is halved; 0 for none. See `Penalty`.
    min_volume : {"W", "H"} or None
        Of all the parts that fit, take those that lie closest together: the rows of H if samples are mixtures of
        parts ("H"), the columns of W if features are mixtures of sources over the samples ("W"). See `Penalty`.
    min_volume_strength : float
        Factor on the strength of `min_volume`, which adapts to the noise during the run; 1 is maximum likelihood.
    verbose : int
        Print the objective every ten iterations.
    shuffle : bool
        Accepted for compatibility: coordinates are always taken in turn.
    n_init : int
        Runs; the one with the smallest objective is kept. The first uses `init`, the others are random.
    missing_values : nan, 0 or None
        What stands for an entry that was not observed: nan; with 0 zeros, too (of a sparse X: what it does not
        store), as in tables of ratings; with None NaN is an error.
    negative : {"error", "allow"}
        Whether X may hold negative numbers (squared error only); W and H never do.
    floor : float or None
        For losses with beta <= 0, which cannot take zeros: smaller entries of X count as this.
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
        ``sqrt(2 loss)``, penalties apart: the Frobenius norm ``||X - W H||`` under the squared error.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X has them.
    result_ : Factorization
        Everything that is known of the fit: trace, reason, kkt, shares.

    Notes
    -----
    The objective is, for X of shape (m, n), ::

        loss(X, W H)        (1/2 ||X - W H||^2 by default)
            + alpha_W n l1_ratio sum(W) + 1/2 alpha_W n (1 - l1_ratio) ||W||^2
            + alpha_H m l1_ratio sum(H) + 1/2 alpha_H m (1 - l1_ratio) ||H||^2

    Without penalties each row of ``components_`` sums to one and W is in the units of X; parts come by falling
    share of the total. scikit-learn leaves scale and order to chance. Known parts, bounds and the simplex keep the
    scale that they fix, known parts and bounds the order, too.

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
        "beta_loss": [StrOptions(set(NAMES)), Real],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "alpha_W": [Interval(Real, 0, None, closed="left")],
        "alpha_H": [Interval(Real, 0, None, closed="left"), StrOptions({"same"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "smooth_W": [Interval(Real, 0, None, closed="left")],
        "smooth_H": [Interval(Real, 0, None, closed="left")],
        "min_volume": [StrOptions({"W", "H"}), None],
        "min_volume_strength": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "shuffle": ["boolean"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "missing_values": [Real, None],
        "negative": [StrOptions({"error", "allow"})],
        "floor": [Interval(Real, 0, None, closed="neither"), None],
        "callback": [callable, None],
    }

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
        smooth_W: float = 0.0,
        smooth_H: float = 0.0,
        min_volume: str | None = None,
        min_volume_strength: float = 1.0,
        verbose: int = 0,
        shuffle: bool = False,
        n_init: int = 1,
        missing_values: float | None = float("nan"),
        negative: str = "error",
        floor: float | None = None,
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
        self.smooth_W = smooth_W
        self.smooth_H = smooth_H
        self.min_volume = min_volume
        self.min_volume_strength = min_volume_strength
        self.verbose = verbose
        self.shuffle = shuffle
        self.n_init = n_init
        self.missing_values = missing_values
        self.negative = negative
        self.floor = floor
        self.callback = callback

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        W: Any = None,
        H: Any = None,
        weights: Any = None,
        uncertainty: Any = None,
        sample_weight: Any = None,
        robust: float | None = None,
        fixed: Any = None,
        upper: Any = None,
        simplex: bool = False,
    ) -> Self:
        """Learn the parts of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative data (see `negative`), NaN where it was not observed (see `missing_values`); never changed.
        y : ignored
            For the conventions of scikit-learn.
        W : array-like of shape (n_samples, n_components), optional
            Start with ``init="custom"``.
        H : array-like of shape (n_components, n_features), optional
            Start with ``init="custom"``.
        weights : array-like or sparse matrix of X's shape, or broadcastable to it, optional
            What each entry counts, at least 0; 0 is the same as not observed. For a sparse X see `factorize`.
        uncertainty : like weights, optional
            Standard error of each entry, above 0: weights of ``1 / uncertainty^2``.
        sample_weight : array-like of shape (n_samples,), optional
            How often each sample counts.
        robust : float, optional
            Residuals beyond so many standard errors count by their size, not its square; see `factorize`.
        fixed : array-like of shape (f, n_features) with f <= n_components, or a tuple (fixed_W, fixed_H), optional
            What is known of the first f components: numbers stay as they are for ever, NaN is learnt. The array is
            for H; in a tuple, the first item is for W, of shape (n_samples, f), the second for H, and None knows
            nothing. ``H`` is only where the fit begins, and all of it changes; what is fixed never does.
        upper : (upper_W, upper_H), optional
            Upper bounds on the entries of W and of H: a number, an array that broadcasts to their shape, or None; see
            `factorize`.
        simplex : bool
            Whether each row of W sums to one (squared error and Kullback-Leibler).

        Returns
        -------
        self : NMF
            Fitted.
        """
        counts = {"weights": weights, "uncertainty": uncertainty, "sample_weight": sample_weight, "robust": robust}
        self.fit_transform(X, y, W=W, H=H, **counts, fixed=fixed, upper=upper, simplex=simplex)
        return self

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        W: Any = None,
        H: Any = None,
        *,
        weights: Any = None,
        uncertainty: Any = None,
        sample_weight: Any = None,
        robust: float | None = None,
        fixed: Any = None,
        upper: Any = None,
        simplex: bool = False,
    ) -> Array:
        """Learn the parts of X and return how much of each every sample holds.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative data (see `negative`), NaN where it was not observed (see `missing_values`); never changed.
        y : ignored
            For the conventions of scikit-learn.
        W : array-like of shape (n_samples, n_components), optional
            Start with ``init="custom"``.
        H : array-like of shape (n_components, n_features), optional
            Start with ``init="custom"``.
        weights : array-like or sparse matrix of X's shape, or broadcastable to it, optional
            What each entry counts, at least 0; 0 is the same as not observed. For a sparse X see `factorize`.
        uncertainty : like weights, optional
            Standard error of each entry, above 0: weights of ``1 / uncertainty^2``.
        sample_weight : array-like of shape (n_samples,), optional
            How often each sample counts.
        robust : float, optional
            Residuals beyond so many standard errors count by their size, not its square; see `factorize`.
        fixed : array-like of shape (f, n_features) with f <= n_components, or a tuple (fixed_W, fixed_H), optional
            What is known of the first f components: numbers stay as they are for ever, NaN is learnt. The array is
            for H; in a tuple, the first item is for W, of shape (n_samples, f), the second for H, and None knows
            nothing. ``H`` is only where the fit begins, and all of it changes; what is fixed never does.
        upper : (upper_W, upper_H), optional
            Upper bounds on the entries of W and of H: a number, an array that broadcasts to their shape, or None; see
            `factorize`.
        simplex : bool
            Whether each row of W sums to one (squared error and Kullback-Leibler).

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)

        Raises
        ------
        ValueError
            For infinity, negative numbers (unless allowed), wrong shapes, zeros where the loss cannot take them,
            constraints that cannot be met.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` ended the fit although ``tol > 0``.
        UserWarning
            If `y` has the shape of X, as uncertainties have.
        """
        rows, features = names_of(X)
        X = self._read(X, reset=True)
        if X.shape[1] > 1 and getattr(y, "shape", None) == X.shape:
            warn_caller(
                "y, which is ignored, has the shape of X: give uncertainties or weights by name, as uncertainty=U.",
                UserWarning,
            )
        tables = {"weights": weights, "uncertainty": uncertainty, "sample_weight": sample_weight}
        tables |= {"fixed": fixed, "upper": upper}
        check_names((rows, features), W=W, H=H, **tables)
        result = self._factorize(X, W, H, **tables, robust=robust, simplex=simplex)
        self.result_ = result.named(rows=rows, features=features)
        self._constraints, self._robust = result.settings["constraints"], result.settings["robust"]
        self._shape_weight = result.settings["shape_weight"]
        self.components_ = result.H.copy()  # the result stays as it is, whatever is done to this
        self.n_components_ = result.k
        self.n_iter_ = result.n_iter
        self.reconstruction_err_ = result.error
        return result.W.copy()

    def _penalty(self) -> Penalty:
        return Penalty(
            self.alpha_W,
            self.alpha_H,
            self.l1_ratio,
            self.smooth_W,
            self.smooth_H,
            self.min_volume,
            self.min_volume_strength,
        )

    def _factorize(self, X: Any, W: Any, H: Any, **of_data: Any) -> Factorization:
        warn_if_locked(self.solver, self.init)
        self._n_components, start = parts_and_start(X, W, H, self.n_components, self.init)
        result = factorize(
            X,
            self._n_components,
            loss=self.beta_loss,
            penalty=self._penalty(),
            solver=self.solver,
            start=start,
            **of_data,
            missing_values=self.missing_values,
            n_init=self.n_init,
            seed=seed_from(self.random_state),
            stop=(RelativeDecrease(self.tol), Iterations(self.max_iter)),
            callback=printing(self.callback) if self.verbose else self.callback,
            negative=self.negative,
            floor=self.floor,
            name=self._input_name,
        )
        if self.tol > 0 and (result.reason == "max_iter" or self.max_iter == 1):
            warn_caller(
                f"Maximum number of iterations {self.max_iter} reached. Increase it to improve convergence. "
                f"result_.kkt = {result.kkt:.2g} tells how far it is from an optimum.",
                ConvergenceWarning,
            )
        return result
