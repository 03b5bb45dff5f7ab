"""What holds for every loss and solver, whatever the source, start, penalty and number type; made from registries.

`test_contract.py` does the same for the squared error, where more can be asked for.
"""

import functools

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import Iterations, KKTBelow, Penalty, RelativeDecrease
from nonneg.solve.losses import NAMES, name_of
from nonneg.solve.solvers import SOLVERS, solver_for
from nonneg.solve.starts import STARTS

PENALTIES = {
    "none": Penalty(),
    "L2": Penalty(0.01),
    "L1": Penalty(0.01, l1_ratio=1.0),
    "mixed": Penalty(0.02, 0.005, l1_ratio=0.5),
}
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
# A name for each loss that has one, and numbers between and beyond them.
LOSSES = (*dict.fromkeys(name_of(beta) for beta in NAMES.values()), 0.3, 1.5, 3.0)
# scikit-learn's solver takes a model below this for this, where X is not zero.
MU_FLOOR = float(np.finfo(np.float32).eps)


def beta_of(loss):
    return NAMES.get(loss, loss)


def serves(solver, loss):
    try:
        solver_for(beta_of(loss), solver)
    except ValueError:
        return False
    return True


PAIRS = [(loss, solver) for loss in LOSSES for solver in SOLVERS if serves(solver, loss)]
AUTO = [loss for loss, solver in PAIRS if solver == "auto"]


def counts(loss, m=20, n=15, k=3, seed=0):
    """Return counts around a model of k parts, with an empty row and an empty column where the loss takes zeros."""
    rng = np.random.default_rng(seed)
    W = rng.exponential(size=(m, k)) * (rng.random((m, k)) < 0.7) + 0.05
    H = rng.exponential(size=(k, n)) * (rng.random((k, n)) < 0.7) + 0.05
    X = rng.poisson(3 * W @ H).astype(float)
    if beta_of(loss) <= 0:
        return X + 0.1 + rng.random(X.shape)
    X[4] = X[:, 7] = 0
    return X


def positive(k, m=20, n=15, seed=0):
    """Return X, W and H with no zero: X = W H with a noise of some percents."""
    rng = np.random.default_rng(seed)
    W, H = rng.random((m, k)) + 0.1, rng.random((k, n)) + 0.1
    return rng.gamma(50, W @ H / 50), W, H


def a_start(X, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((X.shape[0], k)) + 0.1, rng.random((k, X.shape[1])) + 0.1


def penalised(X, result, penalty):
    """Return what the penalties add to the loss."""
    factors = (result.W.astype(float), result.H.astype(float))
    shrinks = zip(penalty.shrinks(X.shape), factors, strict=True)
    return sum(l1 * F.sum() + 0.5 * l2 * np.sum(F**2) for (l1, l2), F in shrinks)


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def pair(request):
    return request.param


@pytest.fixture(params=AUTO)
def loss(request):
    return request.param


@pytest.fixture(params=PENALTIES)
def penalty(request):
    return request.param


def test_the_registries_are_what_this_file_knows():
    assert set(NAMES.values()) == {2, 1, 0}
    assert SOLVERS == ("auto", "cd", "mu")
    assert {beta_of(loss) for loss in AUTO} >= set(NAMES.values())
    assert [loss for loss, solver in PAIRS if solver == "cd"] == ["frobenius"]


# --- fits: every loss x solver x penalty x start x number type; sources in turn -------------------------


@pytest.fixture(scope="session")
def fit(kinds):
    """Fit one combination; every test looks at the same results."""

    @functools.cache
    def run(loss, solver, penalty, start, dtype):
        X, bests = counts(loss).astype(dtype), []
        turn = [*STARTS, None].index(start) + [*PENALTIES].index(penalty)
        convert = [*kinds.values()][turn % len(kinds)][1]
        result = nonneg.factorize(
            convert(X),
            3,
            loss=loss,
            solver=solver,
            start=start,
            penalty=PENALTIES[penalty],
            seed=1,
            stop=Iterations(20),
            callback=lambda state: bests.append(state.loss),
        )
        return X, result, bests

    return run


@pytest.fixture
def fits(fit, pair, penalty):
    """Return X, the result and the best objective after each iteration, for each start and number type."""
    return {(start, dtype): fit(*pair, penalty, start, dtype) for start in (*STARTS, None) for dtype in FLOATS}


def test_factors_are_factors(fits, pair, penalty):
    for (_, dtype), (X, result, _) in fits.items():
        for F, shape in ((result.W, (20, 3)), (result.H, (3, 15))):
            assert F.shape == shape
            assert F.dtype == dtype
            assert np.isfinite(F).all()
            assert F.min() >= 0
        assert result.W.any()
        assert not result.W[~X.any(axis=1)].any()
        if penalty == "none":
            np.testing.assert_allclose(result.H.sum(axis=1), 1, rtol=1e-5 if dtype == np.float32 else 1e-12)
        assert (np.diff(result.share) <= 1e-6).all()
        assert result.loss_name == (pair[0] if isinstance(pair[0], str) else f"beta={pair[0]}")
        by_loss = {2: "e-a-hals", 1: "e-ccd"}.get(beta_of(pair[0]), "mm")
        assert result.settings["solver"] == ("mu" if pair[1] == "mu" else by_loss)


def test_the_best_objective_never_rises(fits):
    for _, result, bests in fits.values():
        assert len(bests) == result.n_iter == 20
        assert (np.diff(bests) <= 0).all()
        np.testing.assert_array_equal(bests, np.minimum.accumulate(result.trace.loss))
        assert np.isfinite(result.trace.loss).all()
        assert bests[-1] < bests[0]


def test_the_loss_is_its_definition(fits, pair, penalty, divergence):
    beta = beta_of(pair[0])
    floor = MU_FLOOR if pair[1] == "mu" and beta < 2 else 0
    for (start, dtype), (X, result, _) in fits.items():
        rel = 1e-5 if dtype == np.float32 else 1e-6 if floor else 1e-10
        want = divergence(X, result.W.astype(float) @ result.H.astype(float), beta, floor=floor)
        assert result.loss_value == pytest.approx(want, rel=rel), start
        assert result.error == pytest.approx(np.sqrt(2 * want), rel=rel)
        # The unit is a model that says nothing: zero under the squared error, else the mean.
        alone = divergence(X, 0 * X, 2) if beta == 2 else divergence(X, X.mean(dtype=float), beta)
        share = want / alone
        assert result.relative_error == pytest.approx(np.sqrt(share) if beta == 2 else share, rel=10 * rel)
        # The result is the best of its path; what comes after the last iteration makes nothing worse.
        objective = want + penalised(X, result, PENALTIES[penalty])
        assert objective <= result.trace.loss.min() * (1 + rel), start
        if pair[1] == "mu":
            assert objective == pytest.approx(result.trace.loss.min(), rel=rel)


# --- optima ---------------------------------------------------------------------------------------------


def stationary(X, W, H, beta, l1, l2):
    """How far W is from the conditions of an optimum: (complementarity, slope), as shares of what pulls it down."""
    model = W @ H
    up = np.divide(X, model ** (2 - beta), out=np.zeros_like(model), where=model > 0) @ H.T
    down = model ** (beta - 1) @ H.T + l1 + l2 * W
    return np.abs(W * (down - up)).sum() / (W * down).sum(), max(0, ((up - down) / down.max()).max())


@pytest.mark.parametrize(
    ("loss", "convert"),
    [("frobenius", np.asarray), (1.5, np.asarray), (1.5, scipy.sparse.csc_array)]
    + [
        ("kullback-leibler", convert)
        for convert in (np.asarray, np.asfortranarray, scipy.sparse.csr_array, scipy.sparse.csc_array)
    ],
)
def test_conditions_of_an_optimum(loss, convert, penalty, dtype):
    # Where the divergence is convex in each factor a run gets there.
    X, beta = counts(loss).astype(dtype), beta_of(loss)
    tol = 1e-3 if dtype == np.float32 else 1e-5
    stop = [KKTBelow(tol), Iterations(4000)]
    result = nonneg.factorize(convert(X), 3, loss=loss, penalty=PENALTIES[penalty], seed=1, stop=stop)
    assert result.reason == "kkt"
    assert result.converged
    assert result.kkt < 3 * tol
    W, H = result.W.astype(float), result.H.astype(float)
    on_W, on_H = PENALTIES[penalty].shrinks(X.shape)
    rows, columns = X.any(axis=1), X.any(axis=0)
    for complementarity, slope in (
        stationary(X[rows], W[rows], H, beta, *on_W),
        stationary(X.T[columns], H.T[columns], W.T, beta, *on_H),
    ):
        assert complementarity < tol
        assert slope < 0.03 if dtype == np.float32 else slope < 1e-3


@pytest.mark.parametrize("loss", ["itakura-saito", 0.3, 3.0])
def test_the_distance_from_an_optimum_falls(loss, penalty):
    # Multiplicative updates are slow, and where the divergence is not convex slower; they do get nearer.
    X = counts(loss)
    kkt = [
        nonneg.factorize(X, 2, loss=loss, penalty=PENALTIES[penalty], seed=1, stop=Iterations(n)).kkt
        for n in (5, 50, 1000)
    ]
    assert kkt[2] < 0.3 * max(kkt[1], 1e-7)
    assert kkt[1] < 0.5 * kkt[0]
    assert kkt[2] < 1e-3


# --- sources --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", ["none", "mixed"])
def test_kinds_of_the_same_data_agree(kinds, pair, penalty, dtype):
    X = counts(pair[0]).astype(dtype)
    options = {"loss": pair[0], "solver": pair[1], "start": a_start(X), "penalty": PENALTIES[penalty]}
    results = {
        kind: nonneg.factorize(convert(X), 3, **options, stop=Iterations(12)) for kind, (_, convert) in kinds.items()
    }
    want = results["dense C"]
    for result in results.values():
        for a, b in ((want.W, result.W), (want.H, result.H)):
            np.testing.assert_allclose(b, a, rtol=0, atol=(1e-3 if dtype == np.float32 else 1e-9) * a.max())
        assert result.loss_value == pytest.approx(want.loss_value, rel=1e-4 if dtype == np.float32 else 1e-10)
    # The same arithmetic in the same order, whatever the width of indices or the name of the class.
    for other in ("coo", "csr_array", "csr int64"):
        assert np.array_equal(results["csr"].W, results[other].W)
        assert np.array_equal(results["csr"].H, results[other].H)


@pytest.mark.parametrize(("kind", "dtype"), [*zip(["dense C", "dense F", "csr", "csc"], 2 * FLOATS, strict=True)])
def test_bits_do_not_depend_on_threads(kind, dtype, kinds, pair):
    # Large enough for the native pool.
    X = kinds[kind][1](counts(pair[0], 150, 110, 6).astype(dtype))
    results, transforms = [], []
    for n in (1, 3):
        with nonneg.threads(n):
            results.append(nonneg.factorize(X, 6, loss=pair[0], solver=pair[1], seed=0, stop=Iterations(3)))
            transforms.append(results[0].transform(X[:40]))
    one, three = results
    for name in ("loss_value", "kkt", "n_iter"):
        assert getattr(one, name) == getattr(three, name)
    assert np.array_equal(one.W, three.W)
    assert np.array_equal(one.H, three.H)
    assert np.array_equal(one.trace.loss, three.trace.loss)
    assert np.array_equal(*transforms)


def test_bits_of_a_warmed_up_run_do_not_depend_on_threads(loss):
    X = counts(loss, 4400, 9, 2)
    for data, side in ((X, "W"), (np.asfortranarray(X.T).astype(np.float32), "H")):
        results = []
        for n in (1, 2):
            with nonneg.threads(n):
                results.append(nonneg.factorize(data, 2, loss=loss, seed=0, stop=Iterations(2)))
        one, two = results
        assert one.settings["thinned"] == {"side": side, "step": nonneg.data.THINNING}
        assert np.array_equal(one.W, two.W)
        assert np.array_equal(one.H, two.H)


@pytest.mark.parametrize("loss", ["kullback-leibler", 1.5, "frobenius"])
@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_a_warm_up_only_shortens_the_way(loss, convert, divergence):
    X = counts(loss, 4400, 9, 2)
    X[:, 7] = 1 + X[:, 0]
    warm = nonneg.factorize(convert(X), 2, loss=loss, seed=0, stop=Iterations(15))
    plain = nonneg.factorize(convert(X), 2, loss=loss, solver="mu", seed=0, stop=Iterations(40))
    assert warm.settings["thinned"]["side"] == "W"
    assert plain.settings["thinned"] is None
    assert warm.loss_value <= plain.loss_value * 1.01
    assert warm.loss_value == pytest.approx(divergence(X, warm.reconstruct(), beta_of(loss)), rel=1e-9)


@pytest.mark.parametrize("loss", ["kullback-leibler", 1.5, "frobenius"])
def test_a_warm_up_that_sees_nothing_harms_nothing(loss):
    X = counts(loss, 4400, 9, 2)
    X[:: nonneg.data.THINNING] = 0
    warm = nonneg.factorize(X, 2, loss=loss, start="random", seed=0)
    assert warm.settings["thinned"] is not None
    rest = np.delete(X, np.s_[:: nonneg.data.THINNING], axis=0)
    assert warm.loss_value <= 1.001 * nonneg.factorize(rest, 2, loss=loss, start="random", seed=0).loss_value


def test_same_seed_same_bits(pair, dtype):
    X = counts(pair[0]).astype(dtype)
    options = {"loss": pair[0], "solver": pair[1], "start": "random", "n_init": 2, "seed": 5}
    a, b = (nonneg.factorize(data, 3, **options, stop=Iterations(15)) for data in (X, X.copy()))
    assert np.array_equal(a.W, b.W)
    assert np.array_equal(a.H, b.H)
    assert a.loss_value == b.loss_value


@pytest.mark.parametrize("kind", ["dense C", "dense F", "csr", "csc", "coo"])
def test_nothing_of_the_callers_is_changed(kind, kinds, pair):
    data = kinds[kind][1](counts(pair[0]))
    start = a_start(data)
    held = [*start]
    if scipy.sparse.issparse(data):
        held += [getattr(data, name) for name in ("data", "indices", "indptr", "row", "col") if hasattr(data, name)]
    else:
        held.append(data)
    before = [array.copy() for array in held]
    for begin in (start, "nndsvd", "spa"):
        result = nonneg.factorize(data, 3, loss=pair[0], solver=pair[1], start=begin, seed=0, stop=Iterations(3))
        result.transform(data)
        for array, copy in zip(held, before, strict=True):
            assert np.array_equal(array, copy)
            assert not np.shares_memory(array, result.W)
            assert not np.shares_memory(array, result.H)


# --- invariances ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("convert", "penalty"), [(np.asarray, Penalty()), (scipy.sparse.csr_array, PENALTIES["mixed"])]
)
def test_order_of_rows_and_columns(convert, penalty, pair, dtype):
    X = counts(pair[0]).astype(dtype)
    W, H = a_start(X)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    options = {"loss": pair[0], "solver": pair[1], "penalty": penalty, "stop": Iterations(10)}
    a = nonneg.factorize(convert(X), 3, start=(W, H), **options)
    b = nonneg.factorize(convert(X[rows][:, columns]), 3, start=(W[rows], H[:, columns]), **options)
    rel = 1e-3 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(b.W, a.W[rows], atol=rel * a.W.max())
    np.testing.assert_allclose(b.H, a.H[:, columns], atol=rel * a.H.max())


def test_order_of_parts(pair):
    X = counts(pair[0])
    W, H = a_start(X)
    options = {"loss": pair[0], "solver": pair[1], "stop": Iterations(10)}
    a = nonneg.factorize(X, 3, start=(W, H), **options)
    b = nonneg.factorize(X, 3, start=(W[:, ::-1], H[::-1]), **options)
    if a.settings["solver"] in ("mm", "mu"):  # all at once
        np.testing.assert_allclose(b.H, a.H[::-1], atol=1e-9 * a.H.max())
        np.testing.assert_allclose(b.W, a.W[:, ::-1], atol=1e-9 * a.W.max())
    else:  # in turn
        assert b.loss_value == pytest.approx(a.loss_value, rel=0.05)


def test_transpose(loss):
    X, W, H = positive(2, 12, 9)
    a = nonneg.factorize(X, 2, loss=loss, start=(W, H), stop=Iterations(600))
    b = nonneg.factorize(X.T.copy(), 2, loss=loss, start=(H.T, W.T), stop=Iterations(600))
    assert b.loss_value == pytest.approx(a.loss_value, rel=1e-3)
    np.testing.assert_allclose(b.W @ b.H, (a.W @ a.H).T, atol=3e-2 * X.max())


@pytest.mark.parametrize("start", [*STARTS, None])
def test_a_power_of_two_changes_no_bit(start, loss, dtype):
    X, stop = counts(loss)[:10].astype(dtype), Iterations(12)
    convert = [np.asarray, scipy.sparse.csr_array][[*STARTS, None].index(start) % 2]
    a = nonneg.factorize(convert(X), 3, loss=loss, start=start, seed=1, stop=stop)
    for exponent in (20, -20, 7) if start is None else (-20,):
        factor = dtype.type(2.0**exponent)
        b = nonneg.factorize(convert(X * factor), 3, loss=loss, start=start, seed=1, stop=stop)
        assert np.array_equal(a.H, b.H)
        assert np.array_equal(a.W * factor, b.W)
        assert a.relative_error == b.relative_error
        assert a.kkt == b.kkt
        assert b.loss_value == pytest.approx(a.loss_value * 2.0 ** (exponent * beta_of(loss)), rel=1e-12)
        np.testing.assert_allclose(b.trace.loss, a.trace.loss * 2.0 ** (exponent * beta_of(loss)), rtol=1e-12)
        W, scaled = a.transform(convert(X)), b.transform(convert(X * factor))
        normal = np.finfo(dtype).tiny * 2.0**40 < W
        assert np.array_equal(W[normal] * factor, scaled[normal])


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("exponent", [10, -10])
def test_a_power_of_four_with_penalties_too(l1_ratio, exponent, loss):
    # W and H carry half of c^2 each; the data grow with c^(2 beta), an L2 penalty with c^2 and an L1 penalty with c.
    X, c, beta = counts(loss), 2.0**exponent, beta_of(loss)
    a, b = (
        nonneg.factorize(x, 3, loss=loss, penalty=Penalty(alpha, l1_ratio=l1_ratio), seed=1, stop=Iterations(15))
        for x, alpha in ((X, 0.01), (c**2 * X, 0.01 * c ** (2 * beta - 2 + l1_ratio)))
    )
    np.testing.assert_allclose(b.H, a.H * c, rtol=1e-9, atol=1e-12 * a.H.max() * c)
    np.testing.assert_allclose(b.W, a.W * c, rtol=1e-9, atol=1e-12 * a.W.max() * c)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_any_factor_gives_the_same_parts(factor, convert, loss):
    X = counts(loss)
    a = nonneg.factorize(convert(X), 3, loss=loss, start="random", seed=1, stop=Iterations(30))
    b = nonneg.factorize(convert(X * factor), 3, loss=loss, start="random", seed=1, stop=Iterations(30))
    np.testing.assert_allclose(b.H, a.H, atol=1e-7 * a.H.max())
    np.testing.assert_allclose(b.W / factor, a.W, atol=1e-7 * a.W.max())
    assert b.relative_error == pytest.approx(a.relative_error, rel=1e-9)
    assert b.loss_value == pytest.approx(a.loss_value * factor ** beta_of(loss), rel=1e-9)


# --- zeros ----------------------------------------------------------------------------------------------


def test_zeros_of_a_start_are_unlocked(loss, dtype):
    # Where the truth is positive the start is zero; multiplication alone leaves it there.
    _, W, H = positive(3)
    X = (W @ H).astype(dtype)
    W, H = W.copy(), H.copy()
    W[::3, 0] = W[1::3, 1] = H[2, ::2] = 0
    mu = nonneg.factorize(X, 3, loss=loss, solver="mu", start=(W, H), stop=Iterations(100))
    assert not mu.W[::3, 0].any()
    assert mu.relative_error > 0.04
    result = nonneg.factorize(X, 3, loss=loss, start=(W, H), stop=Iterations(1500))
    assert result.W[::3, 0].any()
    assert result.H[2, ::2].any()
    assert result.relative_error < 0.03


def test_every_start_leads_as_far(loss):
    X = positive(2)[0]
    losses = {
        start: nonneg.factorize(X, 2, loss=loss, start=start, seed=0, stop=Iterations(500)).loss_value
        for start in STARTS
    }
    assert max(losses.values()) <= 1.1 * min(losses.values()), losses


TAKES_ZEROS = [pair for pair in PAIRS if beta_of(pair[0]) > 0]


@pytest.mark.parametrize("start", [*STARTS, None])
@pytest.mark.parametrize("pair", TAKES_ZEROS, ids=str)
def test_empty_rows_and_columns_get_zeros(kinds, start, pair, dtype):
    X = counts(pair[0]).astype(dtype)
    X[[0, 19]] = 0
    turn = [*STARTS, None].index(start)
    penalty = [*PENALTIES.values()][turn % len(PENALTIES)]
    for kind in ("dense C", "csc") if turn % 2 else ("dense F", "csr"):
        convert = kinds[kind][1]
        options = {"loss": pair[0], "solver": pair[1], "start": start, "penalty": penalty}
        result = nonneg.factorize(convert(X), 3, **options, seed=0, stop=Iterations(10))
        for F in (result.W, result.H, result.trace.loss, result.kkt):
            assert np.isfinite(F).all()
        assert not result.W[[0, 4, 19]].any()
        assert result.H[:, 7].max() <= (1e-3 * result.H.max() if beta_of(pair[0]) == 2 else 0)
        new = result.transform(convert(X[:5]))
        assert not new[[0, 4]].any()
        assert np.isfinite(new).all()


@pytest.mark.parametrize("pair", TAKES_ZEROS, ids=str)
def test_nothing_in_nothing_out(kinds, pair, dtype):
    for _, convert in kinds.values():
        for start in (None, "random", "spa"):
            options = {"loss": pair[0], "solver": pair[1], "start": start}
            result = nonneg.factorize(convert(np.zeros((6, 5), dtype)), 2, **options, seed=0)
            assert not result.W.any()
            assert np.isfinite(result.H).all()
            assert result.loss_value == result.error == result.relative_error == 0


def test_a_part_that_no_row_uses_is_empty(loss, dtype):
    # Nothing pulls at the partner of an empty part: whatever the start said of it, it explains nothing.
    X = counts(loss).astype(dtype)
    for empty in "WH":
        W, H = a_start(X)
        if empty == "W":
            W[:, 1] = 0
        else:
            H[1] = 0
        result = nonneg.factorize(X, 3, loss=loss, start=(W, H), stop=Iterations(20))
        for F in (result.W, result.H, result.trace.loss, result.kkt):
            assert np.isfinite(F).all()
        assert result.W[:, 1].any() == result.H[1].any()


# --- penalties ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [Penalty(1e4, l1_ratio=1.0), Penalty(1e4), Penalty(1e4, l1_ratio=0.5)])
def test_a_strong_penalty(penalty, pair, dtype):
    X = counts(pair[0]).astype(dtype)
    for convert in (np.asarray, scipy.sparse.csr_array):
        options = {"loss": pair[0], "solver": pair[1], "penalty": penalty, "seed": 0}
        result = nonneg.factorize(convert(X), 2, **options, stop=Iterations(60))
        for F in (result.W, result.H, result.trace.loss):
            assert np.isfinite(F).all()
        # Below beta = 1 a model near zero costs more than any penalty.
        assert (result.W @ result.H).max() < (0.01 if beta_of(pair[0]) >= 1 else 1) * X.max()


@pytest.mark.parametrize("loss", [loss for loss in AUTO if beta_of(loss) >= 1])
def test_a_penalty_shrinks(loss):
    X = counts(loss)
    sizes, losses = [], []
    for alpha in (0.0, 0.01, 0.1, 1.0):
        result = nonneg.factorize(X, 3, loss=loss, penalty=Penalty(alpha), seed=0, stop=Iterations(300))
        sizes.append(np.linalg.norm(result.W, axis=0) @ np.linalg.norm(result.H, axis=1))
        losses.append(result.loss_value)
    assert (np.diff(sizes) < 0).all()
    assert (np.diff(losses) > 0).all()


@pytest.mark.parametrize("penalty", [Penalty(0.01), Penalty(0.01, l1_ratio=1.0), Penalty(0.02, 0.003, l1_ratio=0.5)])
def test_penalties_are_shared_in_balance(penalty, loss):
    # At an optimum no part can win by s W_j, H_j / s: the penalties of its two sides pull alike.
    X = counts(loss)
    result = nonneg.factorize(X, 3, loss=loss, seed=0, penalty=penalty, stop=Iterations(300))
    (l1_W, l2_W), (l1_H, l2_H) = penalty.shrinks(X.shape)
    pull_W = l1_W * result.W.sum(axis=0) + l2_W * np.sum(result.W**2, axis=0)
    pull_H = l1_H * result.H.sum(axis=1) + l2_H * np.sum(result.H**2, axis=1)
    np.testing.assert_allclose(pull_W, pull_H, rtol=0.03)


# --- several runs ---------------------------------------------------------------------------------------


def test_the_best_of_several_runs(pair):
    X, runs = counts(pair[0]), []

    def record(state):
        if state.iteration == 1:
            runs.append(None)
        runs[-1] = state.loss

    options = {"loss": pair[0], "solver": pair[1], "seed": 0, "n_init": 4, "stop": RelativeDecrease(1e-4)}
    result = nonneg.factorize(X, 3, **options, callback=record)
    assert len(runs) == 4
    assert result.loss_value <= min(runs) * (1 + 1e-9)


# --- stopping -------------------------------------------------------------------------------------------


def test_converged_means_converged(loss):
    for seed, start in ((0, None), (1, "random"), (2, None), (3, "random")):
        X = counts(loss, seed=seed)
        result = nonneg.factorize(X, 3, loss=loss, start=start, seed=seed)
        longer = nonneg.factorize(X, 3, loss=loss, start=start, seed=seed, stop=Iterations(500))
        if result.converged:
            assert result.loss_value < 1.05 * longer.loss_value, seed
        assert longer.kkt <= 10 * result.kkt + 1e-6


@pytest.mark.parametrize("loss", ["kullback-leibler", 1.5])
@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array])
def test_kkt_below_means_it(loss, convert):
    # However far a run may have gone astray before: the rule must look at the pair that is returned.
    for seed in range(8):
        X = counts(loss, 40, 30, 3, seed=seed)
        stop = [KKTBelow(1e-4), Iterations(3000)]
        result = nonneg.factorize(convert(X), 3, loss=loss, start="random", seed=seed, stop=stop)
        assert result.reason == "kkt"
        assert result.kkt < 1e-3, seed
        longer = nonneg.factorize(convert(X), 3, loss=loss, start=result, stop=Iterations(50))
        assert result.loss_value < longer.loss_value * (1 + 1e-3)
