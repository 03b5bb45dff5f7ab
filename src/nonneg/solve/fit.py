"""`factorize`: from a matrix to a Factorization."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from nonneg._threads import same_threads
from nonneg.data import Array, Source, as_source, check_matrix, gram
from nonneg.solve.loop import Objective, Path, iterate, objective_of
from nonneg.solve.penalty import Penalty, Shrink, scaled_shrinks
from nonneg.solve.result import Factorization, Trace
from nonneg.solve.starts import STARTS, Start
from nonneg.solve.stop import CONVERGED, Rule, State, stop_rules
from nonneg.solve.transform import kkt_residual, solve_W
from nonneg.solve.warmup import WarmUp

# k x k matrices beyond this leave 32-bit indices, and any machine's memory.
MOST_PARTS = 46340

StartArgument = str | tuple[Any, Any] | Factorization | None


def factorize(
    X: Any,
    k: int,
    *,
    loss: str = "frobenius",
    penalty: Penalty | None = None,
    start: StartArgument = None,
    solver: str = "auto",
    n_init: int = 1,
    seed: int | None = None,
    stop: Rule | Sequence[Rule] | None = None,
    callback: Callable[[State], object] | None = None,
    negative: str = "error",
    name: str = "factorize (input X)",
) -> Factorization:
    """Write a non-negative matrix as a sum of k parts: X ~ W H with W, H >= 0.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (m, n)
        Rows are what is described, columns are features. float32 and float64 are kept, other numbers become
        float64; sparse data are never made dense; X is never changed.
    k : int
        Number of parts, at least 1.
    loss : {"frobenius"}
        What is minimised: ``1/2 ||X - W H||^2``, summed over all entries, plus penalties.
    penalty : Penalty, optional
        L1 and L2 penalties on W and H.
    start : {"random", "nndsvd", "nndsvda", "nndsvdar", "spa"}, (W, H), Factorization or None
        Where to begin. None is "nndsvda" if k <= min(m, n), else "random". A pair or a previous result keeps
        its order of parts.
    solver : {"auto", "cd"}
        Both are extrapolated coordinate descent (E-A-HALS).
    n_init : int
        Runs; the one with the smallest objective is returned. The first uses `start`, the others are random.
    seed : int, optional
        Seed of all random numbers, 0 to 2**32 - 1. None draws one; the result records it.
    stop : rule or sequence of rules, optional
        When to stop; by default ``RelativeDecrease(1e-4)`` and ``Iterations(200)``. Others: `KKTBelow`, `Seconds`
        (counted from the call, over all runs). Rules that hold neither limit get ``Iterations(200)`` besides.
    callback : callable, optional
        Called with the `State` after every iteration on X; a true answer ends the call, further runs included.
    negative : {"error", "allow"}
        Whether X may hold negative numbers (background-subtracted data); W and H stay non-negative.
    name : str
        What error messages call the input.

    Returns
    -------
    Factorization

    Raises
    ------
    TypeError, ValueError
        One sentence: what was given, what was needed, what to do.

    Warns
    -----
    UserWarning
        If only one of W and H is penalised: the other then grows without end and the penalty has no effect.

    Notes
    -----
    Long data are factorized on every eleventh row (or column) first, large dense data of low rank in a random sketch
    (Tepper & Sapiro 2016, doi:10.1109/TSP.2016.2516971), then on X from there. Results are the
    same to the last bit for any number of threads.

    Examples
    --------
    >>> import nonneg
    >>> X = [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0], [2.0, 2.0, 4.0]]
    >>> result = nonneg.factorize(X, 2, seed=0)
    >>> result.W.shape, result.H.shape, result.converged
    ((3, 2), (2, 3), True)
    """
    began = time.perf_counter()
    _check_arguments(k, loss, solver, n_init)
    seed = _check_seed(seed)
    penalty = Penalty() if penalty is None else penalty
    if not isinstance(penalty, Penalty):
        raise TypeError(f"penalty must be a Penalty, such as Penalty(alpha_W=0.1), got {penalty!r}.")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be a function of the State, got {callback!r}.")
    _warn_if_one_sided(penalty)
    with same_threads():
        X = check_matrix(X, negative=negative, name=name)
        source = as_source(X)
        return _fit(source, k, penalty, start, n_init, seed, stop_rules(stop), callback, negative, began)


def _fit(
    source: Source,
    k: int,
    penalty: Penalty,
    start: StartArgument,
    n_init: int,
    seed: int,
    rules: Sequence[Rule],
    callback: Callable[[State], object] | None,
    negative: str,
    began: float,
) -> Factorization:
    """Warm up, run from every start, finish every run and keep the best."""
    shrinks = scaled_shrinks(penalty, source)
    warm_up = WarmUp(source, k, penalty, seed)
    settings = {
        "k": int(k),
        "penalty": asdict(penalty),
        "solver": "e-a-hals",
        "n_init": int(n_init),
        "negative": negative,
        "stop": [repr(rule) for rule in rules],
        **warm_up.settings,
    }
    best: tuple[float, Factorization] | None = None
    for run_seed in [seed, *np.random.SeedSequence(seed).generate_state(n_init - 1).tolist()]:
        state = State(began=began, scale=source.scale)
        name, given = _make_start(source, warm_up, k, start if best is None else "random", run_seed)
        # A result is not improved by beginning it anew on less data.
        first = given if isinstance(start, Factorization) else warm_up(given, rules, state)
        path = iterate(source, first, shrinks, rules, callback, state)
        if name == "given" and objective_of(source, given, shrinks) < path.state.best[-1]:
            path = replace(path, W=given[0], H=given[1])
        run = _finish(source, path, shrinks, seed, {**settings, "start": name}, keep_order=name == "given")
        if best is None or run[0] < best[0]:
            best = run
        if path.cancelled:
            break
    assert best is not None
    return best[1]


def _check_arguments(k: object, loss: str, solver: str, n_init: object) -> None:
    for label, value in (("k", k), ("n_init", n_init)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{label} must be an integer >= 1, got {value!r}.")
    if int(k) > MOST_PARTS:  # type: ignore[call-overload]
        raise ValueError(f"k must be at most {MOST_PARTS}, got {k}.")
    if loss != "frobenius":
        raise NotImplementedError(f'loss={loss!r} is not implemented yet; use "frobenius".')
    if solver not in ("auto", "cd"):
        raise NotImplementedError(f'solver={solver!r} is not implemented yet; use "auto".')


def _warn_if_one_sided(penalty: Penalty) -> None:
    on_W, on_H = (any(shrink) for shrink in penalty.shrinks((1, 1)))
    if on_W != on_H:
        shrinking, growing = ("W", "H") if on_W else ("H", "W")
        warnings.warn(
            f"Only {shrinking} is penalised: {growing} can grow while {shrinking} shrinks, so the objective has no "
            "minimum and the result depends on where the run stops; penalise both, as alpha_H='same' does.",
            UserWarning,
            stacklevel=3,
        )


def _check_seed(seed: int | None) -> int:
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer from 0 to 2**32 - 1 or None, got {seed!r}.")
    return int(seed)


def _default_start(source: Source, k: int) -> str:
    return "nndsvda" if k <= min(source.shape) else "random"


def _make_start(source: Source, warm_up: WarmUp, k: int, start: StartArgument, seed: int) -> tuple[str, Start]:
    """Return the name of the start and the start itself."""
    if isinstance(start, Factorization):
        start = (start.W, start.H)
    if isinstance(start, (tuple, list)):
        return "given", _given_start(source, k, start)
    name = _default_start(source, k) if start is None else start
    if not isinstance(name, str) or name not in STARTS:
        given = f"an array of shape {np.shape(start)}" if isinstance(start, np.ndarray) else repr(start)
        raise ValueError(f"Invalid start: got {given} instead of one of {tuple(STARTS)}, (W, H) or a Factorization.")
    if name.startswith("nndsvd") and k > min(source.shape):
        raise ValueError(
            f"init = '{name}' can only be used when n_components <= min(n_samples, n_features); "
            f"here {k} > {min(source.shape)}; use 'random'."
        )
    # An SVD of the smallest problem does; the others read a few rows or none.
    return name, STARTS[name](warm_up.smallest if name.startswith("nndsvd") else source, k, seed)


def _given_start(source: Source, k: int, start: Sequence[Any]) -> Start:
    if len(start) != 2:
        raise ValueError(f"start must be a pair (W, H), got {len(start)} item(s).")
    m, n = source.shape
    factors = []
    for label, value, shape, scale in zip("WH", start, ((m, k), (k, n)), source.scale, strict=True):
        F = np.asarray(value)
        if F.shape != shape:
            raise ValueError(f"start: {label} must have shape {shape}, got {F.shape}.")
        F = np.array(F, source.dtype)
        if not np.isfinite(F).all() or F.min() < 0:
            raise ValueError(f"start: {label} must hold finite numbers >= 0.")
        factors.append(F * source.dtype.type(scale))
    return np.ascontiguousarray(factors[0].T), np.ascontiguousarray(factors[1])


def _finish(
    source: Source,
    path: Path,
    shrinks: tuple[Shrink, Shrink],
    seed: int,
    settings: dict[str, Any],
    keep_order: bool,
) -> tuple[float, Factorization]:
    """Bring the best pair to canonical scale and order, solve W as `transform` would, and measure.

    Returns the objective, in scaled units, with the result.
    """
    on_W, on_H = shrinks
    W, H = path.W, path.H
    free = not any(on_W) and not any(on_H)
    if free:
        sums = H.sum(axis=1, dtype=np.float64, keepdims=True)
        H = (H / np.where(sums > 0, sums, 1)).astype(H.dtype)
        W = W * sums.astype(W.dtype)
    W, H = _solve_in_order(source, W, H, on_W, keep_order)

    A, gram_W, gram_H = source.tdot(W), gram(W), gram(H)
    kkt = max(kkt_residual(W, source.dot(H), gram_H, on_W), kkt_residual(H, A, gram_W, on_H))
    product = float(np.einsum("pj,pj->", A, H, dtype=np.float64))
    measure = Objective(source, on_W, on_H)
    value = measure.data(W, H, product, gram_W, gram_H)
    objective = value + on_W.value(W, gram_W) + on_H.value(H, gram_H)
    W, H = np.ascontiguousarray(W.T), np.ascontiguousarray(H)
    if free:  # H sums to one, W carries the whole scale of X
        W = source.scale.down(W)
    else:
        W, H = W / W.dtype.type(source.scale.W), H / H.dtype.type(source.scale.H)
    if not (np.isfinite(W).all() and np.isfinite(H).all()):
        raise ValueError(
            f"X is too large: the sum of one of its rows leaves the range of {source.dtype}; divide X first."
        )
    for F in (W, H):
        F.setflags(write=False)
    down = source.scale.down_number
    return objective, Factorization(
        W=W,
        H=H,
        loss_name="frobenius",
        loss_value=down(down(value)),
        error=down(float(np.sqrt(2 * value))),
        relative_error=float(np.sqrt(value / measure.total)) if measure.total > 0 else 0.0,
        trace=Trace(np.array([path.state.unscaled(x) for x in path.state.losses]), np.array(path.state.seconds)),
        converged=path.reason in CONVERGED,
        reason=path.reason,
        kkt=kkt,
        seed=seed,
        settings=settings,
    )


def _solve_in_order(source: Source, W: Array, H: Array, on_W: Shrink, keep_order: bool) -> Start:
    """Solve W for H with the parts in their final order, which is part of the arithmetic of `transform`."""
    for _ in range(3):
        if not keep_order:
            # Nearly always the order of the path's W is the final one.
            amount = W.sum(axis=1, dtype=np.float64) * H.sum(axis=1, dtype=np.float64)
            H = np.ascontiguousarray(H[np.argsort(-amount, kind="stable")])
        W = solve_W(source, H, on_W)
        # A part that no row uses is empty: its H is arbitrary, or zero under a penalty.
        H = np.where(W.any(axis=1, keepdims=True), H, 0).astype(H.dtype)
        amount = W.sum(axis=1, dtype=np.float64) * H.sum(axis=1, dtype=np.float64)
        if keep_order or (np.diff(amount) <= 0).all():
            return W, H
    # H is rank-deficient: W is one of many and changes with the order. Sort, with this W.
    order = np.argsort(-amount, kind="stable")
    return np.ascontiguousarray(W[order]), np.ascontiguousarray(H[order])
