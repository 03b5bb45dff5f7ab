"""What a loss may be called, and what data it refuses in one sentence."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import NMF, Iterations
from nonneg.data import check_loss_domain
from nonneg.solve.losses import NAMES, beta_of, beta_of_name, name_of

X = np.arange(1.0, 13.0).reshape(4, 3)
NO_ZEROS = [loss for loss in (*NAMES, -0.5, -1) if beta_of(loss) <= 0]
SENTENCE = (
    "When beta_loss <= 0 and X contains zeros, the solver may diverge. Please add small values to X, or use "
    "a positive beta_loss."
)


def fit(data, k=2, **kwargs):
    return nonneg.factorize(data, k, **{"seed": 0, "stop": Iterations(3)} | kwargs)


# --- names ----------------------------------------------------------------------------------------------


def test_names_are_scikit_learns_and_poisson():
    assert NAMES == {"frobenius": 2, "kullback-leibler": 1, "poisson": 1, "itakura-saito": 0}


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_its_number(name, solver):
    want = fit(X, loss=name, solver=solver)
    for number in (NAMES[name], int(NAMES[name]), np.float32(NAMES[name]), np.int64(NAMES[name])):
        result = fit(X, loss=number, solver=solver)
        assert np.array_equal(result.W, want.W)
        assert result.loss_name == want.loss_name
    assert want.loss_name == ("kullback-leibler" if name == "poisson" else name)
    assert fit(X, loss=Fraction(3, 2)).loss_name == "beta=1.5"


@pytest.mark.parametrize("beta", [2.0, 1.0, 0.0, 0.5, -0.25, 1e-5, 1 / 3, 17.0, float(np.nextafter(1, 2))])
def test_the_name_of_a_loss_means_it(beta):
    assert beta_of_name(name_of(beta)) == beta


@pytest.mark.parametrize(
    "loss",
    ["kl", "KULLBACK-LEIBLER", "", "1", None, True, np.True_, np.nan, np.inf, -np.inf, 1j, [1.0], {}, b"poisson"],
)
def test_what_is_no_loss(loss):
    with pytest.raises(
        ValueError, match=r"^loss must be one of \('frobenius', .*'itakura-saito'\) or a finite number"
    ):
        fit(X, loss=loss)


@pytest.mark.parametrize("beta", [np.nan, np.inf, True, "kl", None])
def test_what_is_no_loss_for_the_estimator(beta):
    with pytest.raises(ValueError, match="loss"):
        NMF(2, beta_loss=beta).fit(X)


@pytest.mark.parametrize("solver", ["", "CD", "hals", None, 1])
def test_unknown_solvers(solver):
    with pytest.raises(ValueError, match=r"^solver must be one of \('auto', 'cd', 'mu'\), got"):
        fit(X, solver=solver)


@pytest.mark.parametrize("loss", [*NAMES, 1.5, -1])
def test_coordinate_descent_by_name_is_for_the_squared_error(loss):
    if beta_of(loss) == 2:
        assert np.array_equal(fit(X, loss=loss, solver="cd").W, fit(X, loss=loss).W)
        return
    with pytest.raises(ValueError, match=r"^Invalid beta_loss parameter: solver 'cd' does not handle beta_loss"):
        fit(X, loss=loss, solver="cd")


# --- values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("loss", [*NAMES, 0.5, 3])
def test_bad_values_are_refused_whatever_the_loss(as_kind, loss, solver):
    for value, begins in (
        (-1, r"Negative values in data passed to factorize \(input X\): -1 at row 2, column 1"),
        (np.nan, r"Input X contains NaN: row 2, column 1"),
        (np.inf, r"Input X contains infinity"),
    ):
        bad = X.copy()
        bad[2, 1] = value
        # NaN is an error where nothing is said to be missing, else it is no number to refuse.
        for missing in (None,) if np.isnan(value) else (None, np.nan):
            options = {"loss": loss, "solver": solver, "missing_values": missing}
            with pytest.raises(ValueError, match="^" + begins):
                fit(as_kind(bad), **options)
            good = fit(as_kind(X), **options)
            with pytest.raises(ValueError, match=begins.replace("factorize", "transform")):
                good.transform(as_kind(bad))


@pytest.mark.parametrize("loss", [1, "poisson", 1.5, 0, -1, 3])
def test_numbers_below_zero_are_for_the_squared_error(loss):
    # Whether there are any in X or not: the next X may hold some.
    for data in (X, X - 3):
        with pytest.raises(ValueError, match=r'^negative="allow" needs the squared error'):
            fit(data, loss=loss, negative="allow")
        with pytest.raises(ValueError, match=r'^negative="allow" needs the squared error'):
            NMF(2, beta_loss=loss, negative="allow").fit(data)


def test_counts_need_not_be_whole_numbers(as_kind, divergence):
    rng = np.random.default_rng(0)
    data = rng.random((6, 5)) * (rng.random((6, 5)) < 0.6)
    result = fit(as_kind(data), loss="poisson", stop=Iterations(50))
    assert result.loss_value == pytest.approx(divergence(data, result.reconstruct(), 1))
    # Whole numbers may be integers, too.
    ints = np.round(10 * data).astype(int)
    same = fit(as_kind(ints), loss="poisson"), fit(as_kind(ints.astype(float)), loss="poisson")
    assert np.array_equal(same[0].W, same[1].W)


# --- zeros ----------------------------------------------------------------------------------------------


def with_zeros(dtype=float):
    data = np.arange(1.0, 13).reshape(4, 3).astype(dtype) / 8
    data[1, 2] = data[3, 0] = 0
    data[0, 0] = 0.000625
    return data


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("loss", NO_ZEROS)
def test_zeros_are_refused_with_scikit_learns_sentence(as_kind, loss, solver, dtype):
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0") as caught:
        fit(as_kind(with_zeros(dtype)), loss=loss, solver=solver)
    message = str(caught.value)
    assert message.startswith(SENTENCE)
    assert "\n" not in message
    # The smallest positive value, and the line to paste.
    assert "0.000625;" in message
    assert "floor=0.000625 " in message
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0"):
        NMF(2, beta_loss=loss, solver=solver).fit(as_kind(with_zeros(dtype)))


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_zeros_that_are_stored_are_zeros(convert):
    data = convert(with_zeros())
    if scipy.sparse.issparse(data):
        data = type(data)(scipy.sparse.csr_array(np.ones((4, 3))))
        data.data[5] = 0
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0"):
        fit(data, loss=0)
    # Minus zero is zero.
    data = X.copy()
    data[1, 1] = -0.0
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0"):
        fit(data, loss=0)


def test_only_zeros():
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0") as caught:
        fit(np.zeros((3, 3)), loss=0)
    # There is no smallest positive value to advise.
    assert "floor=none" not in str(caught.value)


@pytest.mark.parametrize("solver", ["auto", "mu"])
@pytest.mark.parametrize("loss", NO_ZEROS)
def test_a_floor_takes_the_place_of_what_is_less(kinds, loss, solver, dtype, divergence):
    floor = 0.05
    raised = np.maximum(with_zeros(dtype), dtype.type(floor))
    want = fit(raised, loss=loss, solver=solver, stop=Iterations(20))
    for _, convert in kinds.values():
        data = convert(with_zeros(dtype))
        result = fit(data, loss=loss, solver=solver, floor=floor, stop=Iterations(20))
        rel = 2e-3 if dtype == np.float32 else 1e-9
        # The start and the unit of the relative error look at X as it is: another start, the same end.
        model = result.W.astype(float) @ result.H
        assert result.loss_value == pytest.approx(divergence(raised, model, beta_of(loss)), rel=rel)
        assert result.loss_value <= 2 * want.loss_value
        assert np.isfinite(result.trace.loss).all()
        assert result.settings["floor"] == floor
        again = fit(convert(with_zeros(dtype)), loss=loss, solver=solver, floor=floor, stop=Iterations(20))
        assert np.array_equal(again.W, result.W)


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_floor_counts_where_entries_are_missing(as_kind, share, divergence):
    # Few gaps of a dense X are filled, with many it is read by what was observed, as a sparse X is.
    rng = np.random.default_rng(0)
    data = rng.integers(0, 4, (30, 20)).astype(float)
    missing = rng.random(data.shape) < share
    data[missing] = np.nan
    for loss in NO_ZEROS:
        result = fit(as_kind(data), loss=loss, floor=0.05, stop=Iterations(20))
        raised, model = np.maximum(data[~missing], 0.05), (result.W @ result.H)[~missing]
        assert result.loss_value == pytest.approx(divergence(raised, model, beta_of(loss)), rel=1e-9)
        assert result.reason == "max_iter"


def test_a_floor_counts_at_zeros_that_are_stored(divergence):
    stored = scipy.sparse.csr_array((np.tile([0.0, 1, 2, 5], 30), (np.arange(120) // 6, np.arange(120) % 13)))
    result = fit(stored, loss=0, floor=0.05, missing_values=0, stop=Iterations(20))
    x, (i, j) = np.maximum(stored.data, 0.05), stored.tocoo().coords
    assert result.loss_value == pytest.approx(divergence(x, (result.W @ result.H)[i, j], 0), rel=1e-9)


def test_a_floor_gives_what_raised_data_give_from_the_same_start(kinds):
    rng = np.random.default_rng(0)
    start = rng.random((4, 2)), rng.random((2, 3))
    for loss in NO_ZEROS:
        for solver in ("auto", "mu"):
            options = {"loss": loss, "solver": solver, "start": start, "stop": Iterations(20)}
            want = fit(np.maximum(with_zeros(), 0.05), **options)
            for _, convert in kinds.values():
                result = fit(convert(with_zeros()), floor=0.05, **options)
                np.testing.assert_allclose(result.W, want.W, rtol=1e-9)
                np.testing.assert_allclose(result.H, want.H, rtol=1e-9)


def test_a_floor_below_everything_changes_nothing(as_kind):
    a, b = fit(as_kind(X), loss=0), fit(as_kind(X), loss=0, floor=1e-9)
    assert np.array_equal(a.W, b.W)
    assert a.loss_value == b.loss_value


def test_a_floor_is_in_the_units_of_x(as_kind):
    a = fit(as_kind(with_zeros()), loss=0, floor=0.05, stop=Iterations(20))
    for factor in (2.0**20, 2.0**-20):
        b = fit(as_kind(with_zeros() * factor), loss=0, floor=0.05 * factor, stop=Iterations(20))
        assert np.array_equal(a.H, b.H)
        assert np.array_equal(a.W * factor, b.W)
        assert a.loss_value == b.loss_value


@pytest.mark.parametrize("loss", NO_ZEROS)
def test_the_advised_line_works(as_kind, loss):
    with pytest.raises(ValueError, match=r"^When") as caught:
        fit(as_kind(with_zeros()), loss=loss)
    line = next(word for word in str(caught.value).split() if word.startswith("floor="))
    result = fit(as_kind(with_zeros()), loss=loss, floor=float(line.removeprefix("floor=")))
    assert np.isfinite(result.loss_value)


def test_new_rows_are_floored_as_the_fit_was(as_kind):
    result = fit(as_kind(with_zeros()), loss=0, floor=0.05, stop=Iterations(20))
    W = result.transform(as_kind(with_zeros()))
    np.testing.assert_allclose(W, result.transform(np.maximum(with_zeros(), 0.05)), rtol=1e-6)
    model = NMF(2, beta_loss=0, floor=0.05, random_state=0, max_iter=20, tol=0).fit(as_kind(with_zeros()))
    np.testing.assert_allclose(
        model.transform(as_kind(with_zeros())), model.transform(np.maximum(with_zeros(), 0.05)), rtol=1e-6
    )
    strict = fit(as_kind(X), loss=0)
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0"):
        strict.transform(as_kind(with_zeros()))
    strict = NMF(2, beta_loss=0, random_state=0, max_iter=20, tol=0).fit(as_kind(X))
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0"):
        strict.transform(as_kind(with_zeros()))
    with pytest.raises(ValueError, match=r"^When beta_loss <= 0"):
        strict.score(as_kind(with_zeros()))


@pytest.mark.parametrize("floor", [0, -1, np.nan, np.inf, "0.1", True, [0.1]])
def test_what_is_no_floor(floor):
    with pytest.raises((ValueError, TypeError), match="floor"):
        fit(X, loss=0, floor=floor)


@pytest.mark.parametrize("loss", ["frobenius", "poisson", 0.5, 3])
def test_a_floor_is_for_losses_that_need_one(loss):
    with pytest.raises(ValueError, match=r"^floor is a number > 0 for losses that cannot take zeros"):
        fit(X, loss=loss, floor=0.1)


@pytest.mark.parametrize("loss", [loss for loss in (*NAMES, 0.1, 0.5, 1.5, 3) if beta_of(loss) > 0])
def test_other_losses_take_zeros_as_they_are(as_kind, loss):
    check_loss_domain(with_zeros(), beta_of(loss), None)
    result = fit(as_kind(with_zeros()), loss=loss, stop=Iterations(50))
    assert np.isfinite(result.loss_value)
    assert result.relative_error < 0.5
