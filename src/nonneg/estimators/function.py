"""The function `non_negative_factorization`: `NMF` by one call, and W for a given H."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonneg._warnings import warn_caller
from nonneg.data import Array, check_names, names_of
from nonneg.estimators.arguments import check_start
from nonneg.estimators.nmf import NMF
from nonneg.solve import beta_of, check_constraints, check_simplex, given_H


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
    fixed: Any = None,
    upper: Any = None,
    simplex: bool = False,
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
    fixed, upper, simplex
        See `NMF.fit`. With ``update_H=False`` they constrain W alone: ``fixed=(fixed_W, None)``.

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

    H is known, W is not, and should hold few parts of each sample:

    >>> H = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    >>> X = np.array([[3.0, 0.2, 3.1], [1.0, 2.0, 3.0]])
    >>> W, _, _ = non_negative_factorization(X, H=H, n_components=2, update_H=False, alpha_W=0.2, l1_ratio=1.0)
    >>> W.round(6)
    array([[2.75, 0.  ],
           [0.8 , 1.8 ]])
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
        W = model.fit_transform(X, W=W, H=H, fixed=fixed, upper=upper, simplex=simplex)
        return W, model.components_, model.n_iter_
    model._validate_params()
    names = names_of(X)
    observed = model._observe(X, reset=True)
    check_names(names, H=H, fixed=fixed, upper=upper)
    X = observed.X
    if W is not None:
        warn_caller("When update_H=False, the provided initial W is not used.", RuntimeWarning)
    if H is None:
        raise ValueError("update_H=False needs H, but it is None.")
    k = X.shape[1] if n_components is None else n_components
    H = check_start(H, (k, X.shape[1]), "NMF (input H)", zero=True)
    if H.dtype != X.dtype:
        raise TypeError(f"H should have the same dtype as X. Got H.dtype = {H.dtype}.")
    check_simplex(simplex, beta_of(beta_loss), solver)
    on_W, on_H = check_constraints(fixed, upper, simplex, X.shape, len(H), X.dtype)
    if on_H is not None:
        raise ValueError("update_H=False holds all of H as it is given: fixed and upper can constrain W only.")
    W = given_H(observed, np.ascontiguousarray(H), model._penalty(), bounds=on_W, **model._loss_options())
    return W, H, 1
