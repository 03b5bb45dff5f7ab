"""What holds for every source, start, penalty and number type: generated from the registries, so none escapes.

Under the squared error; other losses have a file of their own.
"""

import functools
import importlib
import inspect
import pkgutil
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from sklearn.decomposition._nmf import _initialize_nmf

import nonneg
import nonneg.data
from nonneg import Iterations, Penalty, RelativeDecrease
from nonneg._core import WeightedRule
from nonneg.solve import warmup
from nonneg.solve.starts import STARTS

PENALTIES = {
    "none": Penalty(),
    "L2": Penalty(0.01),
    "L1": Penalty(0.01, l1_ratio=1.0),
    "mixed": Penalty(0.02, 0.005, l1_ratio=0.5),
}
# Where the product of kinds and starts is fitted: no sketch; and the smallest shape that gets one for k = 3.
SMALL, SKETCHED = (40, 30), (110, 120)
# Both converge on the planted data; in float32 the loss is rounding after six digits.
STOP = {
    np.dtype(np.float64): [RelativeDecrease(1e-9), Iterations(2000)],
    np.dtype(np.float32): [RelativeDecrease(3e-5), Iterations(2000)],
}
TINY = {np.dtype(np.float64): 1e-11, np.dtype(np.float32): 2e-6}


def sources():
    """Name every class of the data room that keeps the protocol of a source."""
    names = set()
    for module in pkgutil.iter_modules(nonneg.data.__path__, "nonneg.data."):
        for name, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            is_source = all(hasattr(value, part) for part in ("dot", "tdot", "loss"))
            if is_source and not getattr(value, "_is_protocol", False):
                names.add(name)
    return names


def test_every_source_has_a_kind_here(kinds):
    named = {source for source, _ in kinds.values()} | {case.source for case in incomplete(np.dtype(float)).values()}
    assert sources() == named | {"LowRank"}


def test_kinds_reach_the_sources_they_name(kinds):
    for source, convert in kinds.values():
        X = nonneg.data.check_matrix(convert(np.eye(3)))
        assert type(nonneg.data.as_source(X)).__name__ == source


# --- sources --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 1e-30, 3e20])
def test_a_source_is_its_matrix(as_kind, factor, dtype, planted):
    X = planted(60, 45, dtype=dtype)[0] * dtype.type(factor)
    source = nonneg.data.as_source(nonneg.data.check_matrix(as_kind(X)))
    same_as(source, X.astype(np.float64) * source.scale.whole, dtype)
    assert 1 <= X.max() * source.scale.whole < 2
    assert np.frexp(source.scale.whole)[0] == 0.5


def test_a_sketch_is_its_product(dtype, planted):
    X = planted(60, 45, 3, noise=0.3, dtype=dtype)[0]
    with nonneg.threads(2):
        source = nonneg.data.sketch(nonneg.data.as_source(X), 12, 1, 0)
        Ut, s, Vt = source.singular(3)
    Q, B = source.Qt.T.astype(np.float64), source.B.astype(np.float64)
    same_as(source, Q @ B, dtype)
    np.testing.assert_allclose(Q.T @ Q, np.eye(Q.shape[1]), atol=1e-5 if dtype == np.float32 else 1e-12)
    scaled = X * float(source.scale.whole)
    best = np.linalg.svd(scaled.astype(np.float64))[1]
    assert np.linalg.norm(scaled - Q @ B) < 1.1 * np.linalg.norm(best[12:])
    U, S, V = np.linalg.svd(Q @ B, full_matrices=False)
    np.testing.assert_allclose(s, S[:3], rtol=1e-4)
    np.testing.assert_allclose((Ut.T * s) @ Vt, (U[:, :3] * S[:3]) @ V[:3], atol=1e-4 * S[0])


@pytest.mark.parametrize("shape", [(60, 45), (45, 60)])
def test_a_thinned_sketch_is_part_of_it(shape, dtype, planted):
    X = planted(*shape, 3, noise=0.3, dtype=dtype)[0]
    with nonneg.threads(2):
        whole = nonneg.data.sketch(nonneg.data.as_source(X), 5, 1, 0)
        side, kept = whole.thinned()
        product = whole.Qt.T.astype(np.float64) @ whole.B.astype(np.float64)
        same_as(kept, product[::11] if side == "W" else product[:, ::11], dtype)
        assert side == ("W" if shape[0] > shape[1] else "H")
        assert kept.scale == whole.scale


def same_as(source, X, dtype):
    """Hold what a source answers against the float64 matrix that it stands for."""
    rng = np.random.default_rng(0)
    rel = 1e-5 if dtype == np.float32 else 1e-13
    m, n = X.shape
    assert source.shape == (m, n)
    assert source.dtype == dtype
    for k in (1, 5, 9):
        W, H = rng.random((k, m)).astype(dtype), rng.random((k, n)).astype(dtype)
        for got, want, size in (
            (source.dot(H), H @ X.T, H @ np.abs(X).T),
            (source.tdot(W), W @ X, W @ np.abs(X)),
        ):
            assert got.dtype == dtype
            assert (np.abs(got - want) <= 20 * rel * size.max()).all()
        residual = X - W.T.astype(np.float64) @ H.astype(np.float64)
        assert source.loss(W, H) == pytest.approx(0.5 * np.sum(residual**2), rel=rel)
    assert source.squared_norm == pytest.approx(np.sum(X**2), rel=rel)
    np.testing.assert_allclose(source.rows(np.array([3, 0, 3])), X[[3, 0, 3]], rtol=0, atol=10 * rel * X.max())
    np.testing.assert_allclose(source.row_norms(), np.sum(X**2, axis=1), rtol=0, atol=10 * rel * np.sum(X**2))
    if not isinstance(source, nonneg.data.LowRank):
        assert source.mean == pytest.approx(X.mean(), rel=rel)


# --- sources of which not all counts the same ------------------------------------------------------------


class Incomplete(NamedTuple):
    """What was given, and what it means: X with NaN, what each entry and each row counts."""

    source: str
    given: Any
    arguments: dict[str, Any]
    X: Any
    weights: Any
    rows: Any


def incomplete(dtype):
    """Name the ways to say what was observed of X and what it counts."""
    rng = np.random.default_rng(0)
    X = (rng.poisson(1.5, (40, 30)) * (1 + rng.random((40, 30)))).astype(dtype)
    weights, rows = rng.integers(0, 5, (40, 30)) / 2, rng.integers(0, 3, 40)
    some, many = (np.where(rng.random(X.shape) < share, X.dtype.type(np.nan), X) for share in (0.2, 0.5))
    csr, csc, one, once = scipy.sparse.csr_array, scipy.sparse.csc_array, np.ones(X.shape), np.ones(40)
    weigh, count = {"weights": weights}, {"sample_weight": rows}
    dense, sparse = "WeightedDense", "WeightedSparse"
    return {
        "weights": Incomplete(dense, X, weigh, X, weights, once),
        "weights, Fortran": Incomplete(dense, np.asfortranarray(X), weigh | count, X, weights, rows),
        "rows": Incomplete(dense, X, count, X, one, rows),
        "some missing": Incomplete(dense, some, {}, some, one, once),
        "some missing, rows": Incomplete(dense, some, count, some, one, rows),
        "many missing": Incomplete(sparse, many, weigh | count, many, weights, rows),
        "csr": Incomplete(sparse, csr(X), {"weights": csr(weights)} | count, X, weights, rows),
        "csc": Incomplete(sparse, csc(X), {"weights": csr(weights)} | count, X, weights, rows),
        "csr, some missing": Incomplete(sparse, csr(some), count, some, one, rows),
        "csc, zeros missing": Incomplete(sparse, csc(X), {"missing_values": 0}, X, one * (X != 0), once),
        "csr, rows": Incomplete(sparse, csr(X), count, X, one, rows),
    }


@pytest.fixture(params=incomplete(np.dtype(float)))
def case(request, dtype):
    return incomplete(dtype)[request.param]


def read(case):
    """Return the source of a case; X (0 where not observed) and weights in its units; and how often rows count."""
    source = nonneg.data.as_source(nonneg.data.observe(case.given, **case.arguments))
    assert type(source).__name__ == case.source
    weights = np.where(np.isnan(case.X), 0, case.weights)
    assert source.scale.weights == weights.max()
    return source, np.nan_to_num(case.X.astype(float)) * source.scale.whole, weights / weights.max(), case.rows


def test_an_incomplete_source_is_what_was_observed(case, dtype):
    rng, rel = np.random.default_rng(0), 1e-5 if dtype == np.float32 else 1e-12
    W, H = rng.random((3, 40)).astype(dtype), rng.random((3, 30)).astype(dtype)
    with nonneg.threads(2):
        source, X, weights, rows = read(case)
        counts = weights * rows[:, None]
        assert source.dtype == dtype
        assert source.squared_norm == pytest.approx(np.sum(counts * X**2), rel=rel)
        assert source.mean == pytest.approx(np.sum(counts * X) / counts.sum(), rel=rel)
        assert source.loss(W, H) == pytest.approx(0.5 * np.sum(counts * (X - W.T.astype(float) @ H) ** 2), rel=rel)
        np.testing.assert_allclose(source.means("W")[0], np.average(X, 1, weights), rtol=10 * rel)
        np.testing.assert_allclose(source.means("H")[0], np.average(X, 0, counts), rtol=10 * rel)


@pytest.mark.parametrize("side", ["W", "H"])
def test_an_incomplete_source_solves_for_its_rows(case, side, dtype):
    rng = np.random.default_rng(0)
    with nonneg.threads(2):
        source, X, weights, rows = read(case)
        if side == "H":
            X, weights = X.T, (weights * rows[:, None]).T
        F, partner = np.zeros((3, len(X)), dtype), rng.random((3, X.shape[1])).astype(dtype)
        source.sweep(side, F, partner, WeightedRule(finish="all"), np.zeros((3, 3)))
    for x, root, got in zip(X, np.sqrt(weights), F.T, strict=True):
        want = scipy.optimize.nnls(root[:, None] * partner.T.astype(float), root * x)[0]
        np.testing.assert_allclose(got, want, atol=1e-4 if dtype == np.float32 else 1e-9)


def test_an_incomplete_source_is_completed_for_a_start(case, dtype):
    with nonneg.threads(2):
        source, X, weights, rows = read(case)
        whole = source.complete().rows(np.arange(40)).astype(float)
    assert np.isfinite(whole).all()
    assert whole.min() >= 0
    want = np.sqrt(rows)[:, None] * X
    np.testing.assert_allclose(whole[weights > 0], want[weights > 0], rtol=1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("side", ["W", "H"])
def test_a_dense_source_knows_what_to_expect(side, dtype):
    rng, rel = np.random.default_rng(0), 1e-4 if dtype == np.float32 else 1e-12
    for case in incomplete(dtype).values():
        if case.source != "WeightedDense":
            continue
        with nonneg.threads(2):
            source, X, weights, rows = read(case)
            W, H = rng.random((3, 40)).astype(dtype), rng.random((3, 30)).astype(dtype)
            model = W.T.astype(float) @ H
            expected = weights * X + (1 - weights) * model
            got, loss = source.expected(side, *((W, H) if side == "W" else (H, W)))
            assert loss == pytest.approx(0.5 * np.sum(rows[:, None] * weights * (X - model) ** 2), rel=rel)
            np.testing.assert_allclose(got, H @ expected.T if side == "W" else (W * rows) @ expected, rtol=rel)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("side", ["W", "H"])
def test_a_dense_source_imputes_what_is_missing(side, order, dtype):
    rng, rel = np.random.default_rng(0), 1e-4 if dtype == np.float32 else 1e-12
    X = np.array(rng.random((40, 30)) * 1000, dtype, order=order)
    missing = rng.random(X.shape) < 0.2
    X[missing] = np.nan
    with nonneg.threads(2):
        source = nonneg.data.as_source(nonneg.data.observe(X))
        W, H = rng.random((3, 40)).astype(dtype), rng.random((3, 30)).astype(dtype)
        got, squares = source.imputed(side, *((W, H) if side == "W" else (H, W)))
    model = W.T.astype(float) @ H
    whole = np.where(missing, model, X.astype(float) * source.scale.whole)
    np.testing.assert_allclose(got, H @ whole.T if side == "W" else W @ whole, rtol=rel)
    assert squares == pytest.approx(np.sum(model[missing] ** 2), rel=rel)


@pytest.mark.parametrize("tall", [True, False])
@pytest.mark.parametrize("layout", ["dense", "csr", "csc", "csr weights"])
def test_long_incomplete_data_are_thinned(layout, tall):
    rng = np.random.default_rng(0)
    X, rows = rng.poisson(1.0, (5000, 9)) + 0.0, rng.integers(1, 4, 5000)
    X[rng.random(X.shape) < 0.1] = np.nan
    weights = rng.random(X.shape)
    if not tall:
        X, weights, rows = np.asfortranarray(X.T), np.asfortranarray(weights.T), rows[:9]
    convert = {"dense": np.asarray, "csr": scipy.sparse.csr_array, "csc": scipy.sparse.csc_array}[layout.split()[0]]
    arguments = {"sample_weight": rows}
    if layout != "csr":
        arguments["weights"] = convert(weights)
    cut = np.s_[::11] if tall else np.s_[:, ::11]
    part = {"sample_weight": rows[::11] if tall else rows}
    if "weights" in arguments:
        part["weights"] = convert(weights[cut])
    with nonneg.threads(2):
        source = nonneg.data.as_source(nonneg.data.observe(convert(X), **arguments))
        side, kept = source.thinned()
        want = nonneg.data.as_source(nonneg.data.observe(convert(X[cut]), **part))
        assert side == ("W" if tall else "H")
        assert kept.shape == want.shape
        assert kept.scale.weights == source.scale.weights
        assert kept.observed.n_missing == want.observed.n_missing > 0
        W, H = rng.random((3, want.shape[0])), rng.random((3, want.shape[1]))
        assert kept.scale.whole == want.scale.whole
        assert kept.loss(W, H) * kept.scale.weights == pytest.approx(want.loss(W, H) * want.scale.weights)


# --- starts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STARTS)
def test_a_start_is_two_factors(name, as_kind, dtype, planted):
    X = planted(40, 30, 4, noise=0.3, dtype=dtype)[0]
    source = nonneg.data.as_source(nonneg.data.check_matrix(as_kind(X)))
    with nonneg.threads(1):
        W, H = STARTS[name](source, 4, 0)
        again, _ = STARTS[name](source, 4, 0)
        other, _ = STARTS[name](source, 4, 1)
    for F, shape in ((W, (4, 40)), (H, (4, 30))):
        assert F.shape == shape
        assert F.dtype == dtype
        assert np.isfinite(F).all()
        assert F.min() >= 0
        assert F.any(axis=1).all()
    assert np.array_equal(W, again)
    if name in ("random", "nndsvdar"):
        assert not np.array_equal(W, other)


@pytest.mark.parametrize("name", ["random", "nndsvd", "nndsvda"])
def test_starts_are_scikit_learns(name, as_kind, planted):
    X = planted(40, 30, 4, noise=0.3)[0]
    X *= 1.5 / X.max()  # the source works at scale one
    W, H = _initialize_nmf(X, 4, init=name, random_state=5)
    source = nonneg.data.as_source(nonneg.data.check_matrix(as_kind(X)))
    with nonneg.threads(1):
        Wt, own_H = STARTS[name](source, 4, 5)
    np.testing.assert_allclose(Wt.T, W, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(own_H, H, rtol=1e-6, atol=1e-6)


# --- fits: every source x every start x every penalty x both number types -------------------------------


@pytest.fixture(scope="session")
def fit(kinds, planted):
    """Fit one combination; every test looks at the same results."""

    @functools.cache
    def run(kind, start, penalty, dtype):
        shape, convert = (SKETCHED, np.asarray) if kind == "sketch" else (SMALL, kinds[kind][1])
        X = planted(*shape, 3, noise=0.3, dtype=dtype)[0]
        result = nonneg.factorize(convert(X), 3, start=start, penalty=PENALTIES[penalty], seed=1, stop=STOP[dtype])
        assert (result.settings["sketch"] is not None) == (kind == "sketch")
        return X, result

    return run


@pytest.fixture(params=[*STARTS, None])
def start(request):
    return request.param


@pytest.fixture(params=PENALTIES)
def penalty(request):
    return request.param


@pytest.fixture
def fits(fit, kinds, start, penalty, dtype):
    """Return X and the result for each kind of data."""
    return {kind: fit(kind, start, penalty, dtype) for kind in [*kinds, "sketch"]}


def test_factors_are_factors(fits, dtype):
    for X, result in fits.values():
        for F, shape in ((result.W, (len(X), 3)), (result.H, (3, X.shape[1]))):
            assert F.shape == shape
            assert F.dtype == dtype
            assert np.isfinite(F).all()
            assert F.min() >= 0
            assert F.any()


def test_loss_is_the_residual(fits, objective, dtype):
    for X, result in fits.values():
        want, half = objective(X, result.W, result.H), objective(X, 0 * result.W, result.H)
        assert result.loss_value == pytest.approx(want, abs=TINY[dtype] * half)
        assert result.error == pytest.approx(np.sqrt(2 * want), rel=1e-3)
        assert result.relative_error == pytest.approx(np.sqrt(want / half), rel=1e-3)


def test_result_is_the_best_of_its_trace(fits, objective, penalty, dtype):
    for X, result in fits.values():
        final = objective(X, result.W, result.H, PENALTIES[penalty])
        half = objective(X, 0 * result.W, result.H)
        assert final <= result.trace.loss.min() + TINY[dtype] * half
        # ... and the trace told the truth: solving W once more cannot win much.
        assert final >= result.trace.loss.min() * (1 - 1e-4)
        assert result.converged
        assert result.reason == "tolerance"


def test_conditions_of_an_optimum(fits, kkt, penalty, dtype):
    limit, rounding = (3e-4, 3e-5) if dtype == np.float32 else (5e-5, 1e-9)
    for X, result in fits.values():
        (l1_W, l2_W), (l1_H, l2_H) = PENALTIES[penalty].shrinks(X.shape)
        own = max(
            kkt(X, result.W, result.H, l1_W, l2_W),
            kkt(X.T, result.H.T, result.W.T, l1_H, l2_H),
        )
        assert own < limit
        assert result.kkt == pytest.approx(own, rel=1e-3, abs=rounding)


@pytest.fixture(scope="session")
def plain(planted, objective, reference_hals):
    """Smallest objective that plain HALS reaches from three random starts."""

    @functools.cache
    def best(shape, penalty):
        X = planted(*shape, 3, noise=0.3)[0]
        (l1_W, l2_W), (l1_H, l2_H) = PENALTIES[penalty].shrinks(shape)
        losses = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            start = rng.random((shape[0], 3)), rng.random((3, shape[1]))
            W, H = reference_hals(X, *start, l1_W, l2_W, l1_H, l2_H, sweeps=500)
            losses.append(objective(X, W, H, PENALTIES[penalty]))
        return min(losses)

    return best


def test_nobody_is_worse_than_plain_hals(fits, objective, plain, penalty, dtype):
    rel = 1e-4 if dtype == np.float32 else 1e-6
    for X, result in fits.values():
        assert objective(X, result.W, result.H, PENALTIES[penalty]) <= plain(X.shape, penalty) * (1 + rel)


def test_scale_is_canonical(fits, penalty, dtype):
    for _, result in fits.values():
        if penalty == "none":
            np.testing.assert_allclose(result.H.sum(axis=1), 1, rtol=1e-5 if dtype == np.float32 else 1e-12)
        assert (np.diff(result.share) <= 1e-6).all()
        assert result.share.sum() == pytest.approx(1)
        amount = result.W.sum(axis=0) * result.H.sum(axis=1)
        np.testing.assert_allclose(result.share, amount / amount.sum(), rtol=1e-5)


def test_kinds_of_the_same_data_agree(fits, penalty, dtype):
    # Another order of additions, and another number of sweeps: the same solution.
    _, first = fits["dense C"]
    for kind, (_, other) in fits.items():
        if kind == "sketch":
            continue
        for a, b in ((first.W, other.W), (first.H, other.H)):
            np.testing.assert_allclose(a, b, rtol=0, atol=(1e-2 if dtype == np.float32 else 1e-3) * a.max())


# --- what a fit does not depend on ----------------------------------------------------------------------


def same_bits(a, b):
    assert np.array_equal(a.W, b.W)
    assert np.array_equal(a.H, b.H)
    assert np.array_equal(a.trace.loss, b.trace.loss)
    for name in ("loss_value", "error", "relative_error", "kkt", "reason", "n_iter", "seed"):
        assert getattr(a, name) == getattr(b, name), name


def test_a_given_start_leads_every_kind_to_the_same_place(kinds, dtype, planted):
    X, W, H = planted(60, 50, 4, noise=0.05, dtype=dtype)
    results = [
        nonneg.factorize(convert(X), 4, start=(W + 0.1, H + 0.1), stop=[RelativeDecrease(1e-13), Iterations(1000)])
        for _, convert in kinds.values()
    ]
    for other in results[1:]:
        for a, b in ((results[0].W, other.W), (results[0].H, other.H)):
            np.testing.assert_allclose(a, b, rtol=0, atol=(1e-3 if dtype == np.float32 else 1e-6) * a.max())


def test_the_sketch_only_shortens_the_way(planted, objective):
    X, W, H = planted(120, 110, 3, noise=0.05)
    start, stop = (W + 0.1, H + 0.1), [RelativeDecrease(1e-13), Iterations(1000)]
    sketched = nonneg.factorize(X, 3, start=start, seed=0, stop=stop)
    plain = nonneg.factorize(scipy.sparse.csr_array(X), 3, start=start, seed=0, stop=stop)
    left = np.linalg.svd(X, compute_uv=False)[warmup.width(3) :]
    assert sketched.settings["sketch"]["energy"] == pytest.approx(1 - np.sum(left**2) / np.sum(X**2), abs=1e-4)
    assert sketched.settings["sketch"]["thinned"] is None
    assert plain.settings["sketch"] is None
    np.testing.assert_allclose(sketched.H, plain.H, atol=1e-6 * plain.H.max())


# Large enough for the native pool in each product; the second one takes the path of tall, narrow data.
@pytest.mark.parametrize("shape", [(350, 400), (4500, 40)])
def test_bits_do_not_depend_on_threads(as_kind, dtype, shape, planted):
    X = planted(*shape, 10, noise=0.1, dtype=dtype)[0]
    X[X < 0.1] = 0
    results = []
    for n in (1, 2, 3):
        with nonneg.threads(n):
            results.append(nonneg.factorize(as_kind(X), 10, seed=0, stop=Iterations(8)))
    same_bits(results[0], results[1])
    same_bits(results[0], results[2])


def test_same_seed_same_bits(fit, planted, start, penalty, dtype):
    X, before = fit("dense C", start, penalty, dtype)
    again = nonneg.factorize(X.copy(), 3, start=start, penalty=PENALTIES[penalty], seed=1, stop=STOP[dtype])
    same_bits(before, again)


@pytest.mark.parametrize("k", [3, 20])
def test_a_drawn_seed_is_recorded_and_reproduces(k, planted):
    X = planted(20, 15, 3, noise=0.1)[0]
    drawn = [nonneg.factorize(X, k, start="random", n_init=2, stop=Iterations(20)) for _ in range(3)]
    assert len({result.seed for result in drawn}) == 3
    for result in drawn:
        same_bits(
            result,
            nonneg.factorize(X, k, start="random", n_init=2, seed=result.seed, stop=Iterations(20)),
        )


def test_the_best_of_several_runs(objective):
    X = np.random.default_rng(0).random((25, 20))
    for penalty in PENALTIES.values():
        runs = []

        def record(state, runs=runs):
            if state.iteration == 1:
                runs.append(None)
            runs[-1] = state.loss

        result = nonneg.factorize(X, 6, seed=0, n_init=7, penalty=penalty, callback=record)
        assert len(runs) == 7
        assert len(set(runs)) == 7
        assert result.trace.loss.min() == min(runs)
        assert objective(X, result.W, result.H, penalty) <= min(runs) * (1 + 1e-9)
        # The first run is the one that a single run makes.
        alone = nonneg.factorize(X, 6, seed=0, penalty=penalty)
        assert alone.trace.loss.min() == runs[0]
        assert result.seed == alone.seed == 0


def test_best_loss_never_rises(planted, start, penalty, dtype):
    X, bests = planted(noise=0.3, dtype=dtype)[0], []
    result = nonneg.factorize(
        X,
        3,
        start=start,
        seed=2,
        penalty=PENALTIES[penalty],
        stop=Iterations(60),
        callback=lambda state: bests.append(state.loss),
    )
    assert (np.diff(bests) <= 0).all()
    np.testing.assert_array_equal(bests, np.minimum.accumulate(result.trace.loss))
    assert bests[-1] < bests[0]
