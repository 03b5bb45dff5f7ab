"""What scikit-learn's arguments mean here: losses, starts, seeds, verbosity."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_non_negative

from nonneg._warnings import warn_caller
from nonneg.data import Array
from nonneg.solve import State

FLOATS = [np.float64, np.float32]


def warn_if_locked(solver: str, init: str | None) -> None:
    """Warn where plain multiplicative updates keep the zeros of a start for ever, with scikit-learn's sentence."""
    if solver == "mu" and init == "nndsvd":
        warn_caller(
            "The multiplicative update ('mu') solver cannot update zeros present in the initialization, and so leads "
            "to poorer results when used jointly with init='nndsvd'. You may try init='nndsvda' or init='nndsvdar' "
            "instead; solver='auto' has no such limit.",
            UserWarning,
        )


def parts_and_start(X: Any, W: Any, H: Any, n_components: int | str | None, init: str | None) -> tuple[int, Any]:
    """Return the number of parts and the start for `factorize`, with scikit-learn's checks."""
    k = X.shape[1] if n_components is None else n_components
    if init == "custom":
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
        warn_caller(
            "When init!='custom', provided W or H are ignored. Set  init='custom' to use them as initialization.",
            RuntimeWarning,
        )
    return (X.shape[1] if k == "auto" else int(k)), init


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


def seed_from(random_state: Any) -> int:
    """Return the seed that a random_state stands for: an int is its own, a generator or None draws one."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**32, dtype=np.uint32))


def printing(callback: Callable[[State], object] | None) -> Callable[[State], object]:
    """Return a callback that prints the objective every ten iterations and then calls the one given."""

    def report(state: State) -> object:
        if state.iteration % 10 == 0:
            print(f"Iteration {state.iteration:4d}: objective {state.loss:.6g} after {state.seconds[-1]:.2f} s")
        return callback(state) if callback is not None else None

    return report
