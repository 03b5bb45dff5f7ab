"""`factorize`: from a matrix to a Factorization."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from numbers import Real
from typing import Any

import numpy as np

from nonneg._threads import same_threads
from nonneg._warnings import warn_caller
from nonneg.data import (
    Array,
    Entries,
    WeightedDense,
    WeightedSparse,
    as_source,
    check_counts,
    check_loss_domain,
    check_names,
    check_seed,
    names_of,
    observe,
    warn_of_unobserved,
)
from nonneg.solve.begin import StartArgument, make_start
from nonneg.solve.bounds import FREE, held_parts, without_idle
from nonneg.solve.constraints import Constraints, check_constraints, check_simplex, warn_of_growth
from nonneg.solve.finish import finish
from nonneg.solve.loop import iterate
from nonneg.solve.losses import beta_of
from nonneg.solve.penalty import Penalty, scaled_shrinks
from nonneg.solve.problem import Problem
from nonneg.solve.result import Factorization
from nonneg.solve.solvers import Solver, solver_for
from nonneg.solve.stop import Rule, State, stop_rules
from nonneg.solve.warmup import WarmUp

# k x k matrices beyond this leave 32-bit indices, and any machine's memory.
MOST_PARTS = 46340


def factorize(
    X: Any,
    k: int,
    *,
    loss: str | float = "frobenius",
    penalty: Penalty | None = None,
    start: StartArgument = None,
    solver: str = "auto",
    weights: Any = None,
    uncertainty: Any = None,
    sample_weight: Any = None,
    robust: float | None = None,
    missing_values: float | None = float("nan"),
    n_init: int = 1,
    seed: int | None = None,
    fixed: Any = None,
    upper: Any = None,
    simplex: bool = False,
    stop: Rule | Sequence[Rule] | None = None,
    callback: Callable[[State], object] | None = None,
    negative: str = "error",
    floor: float | None = None,
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
    loss : {"frobenius", "kullback-leibler", "poisson", "itakura-saito"} or float
        What is minimised, summed over all entries, plus penalties; a number is the beta of a beta-divergence. With
        x an entry of X and y one of W H:

        - "frobenius", beta = 2: ``1/2 (x - y)^2``
        - "kullback-leibler" or "poisson", beta = 1, for counts: ``x log(x / y) - x + y``
        - "itakura-saito", beta = 0, for power spectra: ``x / y - log(x / y) - 1``
        - else ``(x^beta + (beta - 1) y^beta - beta x y^(beta - 1)) / (beta (beta - 1))``
    penalty : Penalty, optional
        L1 and L2 penalties on W and H, smooth parts, parts of least volume.
    start : {"random", "nndsvd", "nndsvda", "nndsvdar", "spa"}, (W, H), Factorization or None
        Where to begin. None is "nndsvda" if k <= min(m, n), else "random"; for two parts of two features it is
        "spa" (but for ``solver="mu"``). A pair or a previous result keeps its order of parts.
    solver : {"auto", "cd", "mu"}
        "auto" picks by the loss, and ``settings["solver"]`` says what: extrapolated coordinate descent for the
        squared error ("e-a-hals", which "cd" names, too) and for Kullback-Leibler ("e-ccd"), multiplicative updates
        for other losses ("mm"), extrapolated where 1 < beta < 2. "mu" is plain multiplicative updates as scikit-learn
        does them, for comparison.
    weights : array-like or sparse matrix of shape (m, n), or broadcastable to it, optional
        What each entry counts, at least 0: the loss is the sum of ``weight d(x, y)``. Weight 0 is the same as not
        observed, whatever X holds there. Entries that a sparse matrix of weights does not store count 0.
        For a sparse X, whole rows or columns of weights need ``missing_values=0``, so that zeros need none.
    uncertainty : like weights, optional
        Standard error of each entry, above 0, in the units of X: weights of ``1 / uncertainty^2``. See `Quality`.
    sample_weight : array-like of shape (m,), optional
        How often each row counts, at least 0. A whole number does what repeating the row does.
    robust : float, optional
        Residuals beyond so many standard errors (see `uncertainty`) count by their size, not its square, as in robust
        positive matrix factorization, which takes 4: the loss is Huber's. Squared error and dense X only.
    missing_values : nan, 0 or None
        What stands for an entry that was not observed: nan; with 0 zeros, too (of a sparse X: what it does not
        store), as in tables of ratings; with None NaN is an error.
    n_init : int
        Runs; the one with the smallest objective is returned. The first uses `start`, the others are random.
    seed : int, optional
        Seed of all random numbers, 0 to 2**32 - 1. None draws one; the result records it.
    fixed : array-like of shape (f, n) with f <= k, or a tuple (fixed_W, fixed_H), optional
        What is known of the first f parts: numbers stay as they are for ever, NaN is learnt. The array is for H; in a
        tuple, the first item is for W, of shape (m, f), the second for H, and None knows nothing. Zeros forbid a part
        to use a feature. A start is only where a run begins, it keeps none of its numbers.
    upper : (upper_W, upper_H), optional
        Upper bounds on the entries of W and of H: a number, an array that broadcasts to (m, k) or (k, n), or None. A
        bound on one of them alone forbids nothing where the other may take over the scale of a part: the fit then
        chooses a scale within it.
    simplex : bool
        Whether each row of W sums to one: shares, abundances, weights of a mixture. It is a constraint of the
        minimisation, exact to rounding, not a rescaling afterwards. For the squared error and Kullback-Leibler.
    stop : rule or sequence of rules, optional
        When to stop; by default ``RelativeDecrease(1e-4)`` and ``Iterations(200)``. Others: `KKTBelow`, `Seconds`
        (counted from the call, over all runs). Rules that hold neither limit get ``Iterations(200)`` besides.
    callback : callable, optional
        Called with the `State` after every iteration on X; a true answer ends the call, further runs included.
    negative : {"error", "allow"}
        Whether X may hold negative numbers (background-subtracted data); W and H stay non-negative.
    floor : float, optional
        For losses with beta <= 0, which cannot take zeros: smaller entries of X count as this, in the units of X.
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
    Known parts and bounds keep the order of parts; they, and the simplex, keep the scale that they fix.

    Long data are factorized on every eleventh row (or column) first, large dense data under the squared error, in a
    random sketch if their rank is low (Tepper & Sapiro 2016, doi:10.1109/TSP.2016.2516971), then X and the loss go on
    from there. Results are the same to the last bit for any number of threads.

    Examples
    --------
    >>> import nonneg
    >>> X = [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0], [2.0, 2.0, 4.0]]
    >>> result = nonneg.factorize(X, 2, seed=0)
    >>> result.W.shape, result.H.shape, result.converged
    ((3, 2), (2, 3), True)

    One part is known, the other is not and has no third feature:

    >>> known = [[0.0, 0.0, 1.0], [float("nan"), float("nan"), 0.0]]
    >>> nonneg.factorize(X, 2, fixed=known, seed=0).H.round(6)
    array([[0. , 0. , 1. ],
           [0.5, 0.5, 0. ]])

    Both parts are known (signatures, spectra): W says how much of each the rows hold, and a penalty makes it sparse.

    >>> both = [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]
    >>> sparse = nonneg.Penalty(alpha_W=0.1, alpha_H=0.0, l1_ratio=1.0)
    >>> nonneg.factorize(X, 2, fixed=both, penalty=sparse, seed=0).W.round(6)
    array([[0. , 1.4],
           [1.7, 0. ],
           [3.7, 3.4]])
    """
    began = time.perf_counter()
    _check_arguments(k, n_init)
    beta = beta_of(loss)
    penalty = Penalty() if penalty is None else penalty
    if not isinstance(penalty, Penalty):
        raise TypeError(f"penalty must be a Penalty, such as Penalty(alpha_W=0.1), got {penalty!r}.")
    threshold = _check_robust(robust, weights, uncertainty)
    seed = _seed_or_drawn(seed)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be a function of the State, got {callback!r}.")
    check_simplex(simplex, beta, solver)
    counts = {"weights": weights, "uncertainty": uncertainty, "sample_weight": sample_weight}
    with same_threads():
        observed = observe(
            X,
            **counts,
            missing_values=missing_values,
            negative=negative,
            name=name,
        )
        names = names_of(X)
        check_names(names, **counts, fixed=fixed, upper=upper, start=start)
        check_loss_domain(observed.X, beta, floor, negative=negative, elsewhere=observed.elsewhere)
        warn_of_unobserved(observed)
        constraints = check_constraints(fixed, upper, simplex, observed.shape, k, observed.X.dtype)
        _warn_if_one_sided(penalty, constraints, k)
        rules = stop_rules(stop)
        source = as_source(observed, filled=penalty.shapes)
        # Shape penalties count as much as what was observed does, on average.
        shape_weight = observed.largest if penalty.shapes else 1.0
        if penalty.shapes and isinstance(source, WeightedDense):
            shape_weight *= source.known_share / source.seen_share
        arguments = {
            "negative": negative,
            "floor": floor,
            "robust": None if robust is None else float(robust),
            # JSON knows no NaN.
            "missing_values": missing_values if missing_values is None or missing_values == 0 else "nan",
            "shape_weight": shape_weight,
        }
        result = _fit(
            source,
            k,
            beta,
            solver_for(beta, solver, floor, penalty.against(shape_weight), threshold),
            penalty,
            start,
            n_init,
            seed,
            rules,
            callback,
            arguments,
            constraints,
            began,
        )
        warn_of_growth(constraints, result.H, source.scale)
        return replace(result, n_missing=observed.n_missing, row_names=names[0], feature_names=names[1])


def _fit(
    source: Entries,
    k: int,
    beta: float,
    solver: Solver,
    penalty: Penalty,
    start: StartArgument,
    n_init: int,
    seed: int,
    rules: Sequence[Rule],
    callback: Callable[[State], object] | None,
    arguments: dict[str, Any],
    constraints: Constraints,
    began: float,
) -> Factorization:
    """Warm up, run from every start, finish every run and keep the best."""
    bounds, shrinks = constraints.scaled(source.scale), scaled_shrinks(penalty, source, beta)
    # A penalty fixes the scale of parts, and so what bounds on them forbid.
    binding = bounds if any(map(any, shrinks)) or penalty.shapes else without_idle(bounds, k)
    warm_up = WarmUp(source, k, penalty, beta, solver, seed, binding)
    gaps = source.observed.unknown_lines if isinstance(source, (WeightedDense, WeightedSparse)) else None
    best: tuple[float, Factorization] | None = None
    for run_seed in [seed, *np.random.SeedSequence(seed).generate_state(n_init - 1).tolist()]:
        problem = solver.problem(source, shrinks, binding)
        state = State(began=began, scale=source.scale, degree=beta)
        name, given = make_start(source, warm_up, k, start if best is None else "random", run_seed, binding)
        # Parts that were given are not replaced, and a result is not improved by beginning it anew on less data.
        own_seed = None if name == "given" else run_seed
        resumed = name == "given" and isinstance(start, Factorization)
        first = given if resumed else warm_up(problem, given, rules, state, own_seed)
        if gaps is not None:
            # Where nothing was observed nothing pulls: the start would stay.
            for W, H in (first, given) if name == "given" else (first,):
                W[:, gaps[0]], H[:, gaps[1]] = 0, 0
        path = iterate(problem, solver.momentum(), first, rules, callback, state)
        if name == "given" and solver.warms_up and objective(problem, given) < path.state.best[-1]:
            path = replace(path, W=given[0], H=given[1])
        if binding is not bounds:
            path = replace(path, W=problem.settle_W(path.W, path.H))
            problem = solver.problem(source, shrinks, bounds)
        settings = {
            "k": int(k),
            "penalty": asdict(penalty),
            "constraints": constraints.settings() if bounds != FREE else None,
            "solver": problem.solver,
            "n_init": int(n_init),
            "stop": [repr(rule) for rule in rules],
            "start": name,
            **arguments,
            **warm_up.settings,
            "surplus": 0 if own_seed is None else warm_up.surplus,
        }
        keep_order = name == "given" or constraints.keeps_order
        run = finish(problem, path, seed, settings, constraints, keep_order)
        if best is None or run[0] < best[0]:
            best = run
        if path.cancelled:
            break
    assert best is not None
    return best[1]


def objective(problem: Problem, pair: tuple[Array, Array]) -> float:
    """Return the objective at any pair (W, H), k x rows, in scaled units."""
    return problem.value(*pair) + problem.penalty(*pair)


def _check_arguments(k: object, n_init: object) -> None:
    check_counts(k=k, n_init=n_init)
    if int(k) > MOST_PARTS:  # type: ignore[call-overload]
        raise ValueError(f"k must be at most {MOST_PARTS}, got {k}.")


def _check_robust(robust: object, weights: object, uncertainty: object) -> float | None:
    if robust is None:
        return None
    if isinstance(robust, bool) or not isinstance(robust, Real) or not 0 < float(robust) < float("inf"):
        raise ValueError(f"robust must be a number of standard errors > 0, such as 4, or None, got {robust!r}.")
    if weights is None and uncertainty is None:
        raise ValueError("robust counts residuals in standard errors: give them as uncertainty.")
    return float(robust)


def _warn_if_one_sided(penalty: Penalty, constraints: Constraints, k: int) -> None:
    on_W, on_H = (any(shrink) for shrink in penalty.shrinks((1, 1)))
    if on_W != on_H and not held_parts(constraints, k).all():
        shrinking, growing = ("W", "H") if on_W else ("H", "W")
        warn_caller(
            f"Only {shrinking} is penalised: {growing} can grow while {shrinking} shrinks, so the objective has no "
            "minimum and the result depends on where the run stops; penalise both, as alpha_H='same' does.",
            UserWarning,
        )


def _seed_or_drawn(seed: int | None) -> int:
    check_seed(seed=seed)
    return int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
