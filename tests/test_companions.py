"""Tables beside X (uncertainties, weights, known parts, starts) name rows and features as X does, or not at all."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nonneg
from nonneg import NMF, Iterations, MiniBatchNMF, non_negative_factorization

rng = np.random.default_rng(0)
A, SIGMA = rng.random((6, 4)) + 0.1, rng.random((6, 4)) + 0.1
ROWS, COLUMNS = list("uvwxyz"), list("abcd")
X = pd.DataFrame(A, index=ROWS, columns=COLUMNS)
U = pd.DataFrame(SIGMA, index=ROWS, columns=COLUMNS)
W0 = pd.DataFrame(rng.random((6, 2)) + 0.1, index=ROWS)
H0 = pd.DataFrame(rng.random((2, 4)) + 0.1, columns=COLUMNS)
EACH_ROW = pd.Series(rng.random(6) + 0.1, index=ROWS)
EACH_COLUMN = pd.Series(rng.random(4) + 0.1, index=COLUMNS)


def fit(data=X, **arguments):
    return nonneg.factorize(data, 2, **{"seed": 0, "stop": Iterations(3)} | arguments)


def custom(kind, **arguments):
    return kind(2, init="custom", tol=0, max_iter=3).fit(X, **{"W": W0, "H": H0} | arguments)


def backwards(table):
    return table[::-1]


def turned(table):
    return table[COLUMNS[::-1]]


def renamed(table):
    return table.rename(columns=str.upper)


def numbers(table):
    """Return what goes by position: the numbers of a table, those of a pair, or anything else as it is."""
    if isinstance(table, (tuple, list)):
        return tuple(numbers(item) for item in table)
    return table.to_numpy() if hasattr(table, "to_numpy") else table


WRONG = {
    "uncertainty, columns turned": ("columns of uncertainty", {"uncertainty": turned(U)}),
    "uncertainty, columns renamed": ("columns of uncertainty", {"uncertainty": renamed(U)}),
    "uncertainty, rows turned": ("rows of uncertainty", {"uncertainty": backwards(U)}),
    "uncertainty of columns": ("columns of uncertainty", {"uncertainty": backwards(EACH_COLUMN)}),
    "uncertainty of columns, in a frame": ("columns of uncertainty", {"uncertainty": turned(U.iloc[:1])}),
    "uncertainty of rows, in a frame": ("rows of uncertainty", {"uncertainty": backwards(U[["b"]])}),
    "weights, columns turned": ("columns of weights", {"weights": turned(U)}),
    "weights, rows turned": ("rows of weights", {"weights": backwards(U)}),
    "sample_weight": ("rows of sample_weight", {"sample_weight": backwards(EACH_ROW)}),
    "fixed": ("columns of H in fixed", {"fixed": turned(H0[:1])}),
    "fixed, a pair": ("columns of H in fixed", {"fixed": (None, turned(H0[:1]))}),
    "fixed W": ("rows of W in fixed", {"fixed": (backwards(W0[[0]]), None)}),
    "upper": ("columns of H in upper", {"upper": (None, turned(H0 + 9))}),
    "upper of columns": ("columns of H in upper", {"upper": (9.0, backwards(EACH_COLUMN + 9))}),
    "upper W": ("rows of W in upper", {"upper": (backwards(W0 + 9), None)}),
}
FACTORIZE_ONLY = {
    "start": ("columns of H in start", {"start": (W0, turned(H0))}),
    "start, a list": ("columns of H in start", {"start": [W0.to_numpy(), turned(H0)]}),
    "start W": ("rows of W in start", {"start": (backwards(W0), H0)}),
}


@pytest.mark.parametrize("case", WRONG | FACTORIZE_ONLY)
def test_another_order_is_refused(case):
    whose, arguments = (WRONG | FACTORIZE_ONLY)[case]
    message = rf"^The {whose} must stand in the order of X: number 0 is '\w', there it is '\w'; .*\.$"
    for call in [fit] if case in FACTORIZE_ONLY else [fit, NMF(2).fit]:
        with pytest.raises(ValueError, match=message):
            call(X, **arguments)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", WRONG | FACTORIZE_ONLY)
def test_without_names_position_counts(case):
    _, arguments = (WRONG | FACTORIZE_ONLY)[case]
    ((label, table),) = arguments.items()
    want = fit(A, **{label: numbers(table)})
    for data, given in ((X, numbers(table)), (A, table)):
        got = fit(data, **{label: given})
        np.testing.assert_allclose(got.H, want.H, rtol=1e-9)
        if case not in FACTORIZE_ONLY:
            NMF(2, random_state=0).fit(data, **{label: given})


def test_the_names_of_x_are_taken():
    tables = {"uncertainty": U, "sample_weight": EACH_ROW, "fixed": H0[:1], "upper": (None, EACH_COLUMN + 99)}
    want, got = fit(A, **{label: numbers(table) for label, table in tables.items()}), fit(**tables)
    np.testing.assert_allclose(got.H, want.H, rtol=1e-9)
    plain = pd.DataFrame(SIGMA)
    for unnamed in (plain, plain[[0, 1, 2, 3]], plain.set_axis(COLUMNS, axis=1), pl.DataFrame(SIGMA)):
        assert np.array_equal(fit(uncertainty=unnamed).H, fit(uncertainty=U).H)
        fit(unnamed, uncertainty=U)
    half = plain.set_axis(COLUMNS[::-1], axis=1)
    with pytest.raises(ValueError, match="columns of uncertainty"):
        fit(uncertainty=half)
    counted, turned = (plain.set_axis(names, axis=1) for names in ([0, 1, 2, 3], [3, 2, 1, 0]))
    for data, sigma in ((counted, turned), (turned, counted)):
        with pytest.raises(ValueError, match="columns of uncertainty must stand in the order of X"):
            fit(data, uncertainty=sigma)


def test_a_default_index_holds_no_names():
    unnamed = X.reset_index(drop=True)
    fit(unnamed, uncertainty=backwards(U), sample_weight=backwards(EACH_ROW))
    fit(X, uncertainty=U.reset_index(drop=True), sample_weight=EACH_ROW.reset_index(drop=True))


def test_numbers_dates_and_gaps_are_names():
    for names in ([400.0, 401.5, 402.0, 403.0], [400, 401, 402, 403], pd.date_range("2020", periods=4)):
        data, sigma = (pd.DataFrame(values, columns=names) for values in (A, SIGMA))
        fit(data, uncertainty=sigma)
        with pytest.raises(ValueError, match="columns of uncertainty"):
            fit(data, uncertainty=sigma.iloc[:, ::-1])
    gap = [1.0, np.nan, 2.0, 3.0]
    fit(pd.DataFrame(A, columns=gap), uncertainty=pd.DataFrame(SIGMA, columns=gap))


def test_polars():
    data, sigma = pl.DataFrame(A, schema=COLUMNS), pl.DataFrame(SIGMA, schema=COLUMNS)
    for right in (sigma, U, pl.DataFrame(SIGMA), pl.Series([0.1, 0.2, 0.3, 0.4])):
        fit(data, uncertainty=right)
    for wrong in (turned(sigma), turned(U)):
        for call in (fit, NMF(2).fit):
            with pytest.raises(
                ValueError, match="columns of uncertainty must stand in the order of X: number 0 is 'd'"
            ):
                call(data, uncertainty=wrong)


@pytest.mark.parametrize("sigma", [turned(U), backwards(U)])
def test_the_data_of_the_fit(sigma):
    result = fit()
    for data in (X, A):  # an array means the rows and the columns of the fit
        assert result.quality(data, U) == result.quality(data, SIGMA)
        for call in (result.quality, nonneg.inspect.residuals, nonneg.inspect.explained):
            arguments = (data,) if call == result.quality else (result, data)
            with pytest.raises(ValueError, match=r"^The (rows|columns) of uncertainty must stand in the order of"):
                call(*arguments, uncertainty=sigma)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_new_rows():
    result, model = fit(), NMF(2, random_state=0).fit(X)
    new, sigma = X[3:], U[3:]
    for call in (result.transform, result.impute, model.transform, model.score):
        call(new, uncertainty=sigma)
        for data in (new, new.to_numpy()):
            with pytest.raises(ValueError, match=r"^The columns of weights must stand in the order of"):
                call(data, weights=turned(sigma))
        with pytest.raises(
            ValueError, match=r"^The rows of uncertainty must stand in the order of X: number 0 is 'z'"
        ):
            call(new, uncertainty=backwards(sigma))
    with pytest.raises(ValueError, match=r"^The rows of sample_weight must stand in the order of X"):
        model.score(X, sample_weight=backwards(EACH_ROW))


def test_a_result_with_other_names_takes_the_tables_of_the_fit():
    result = fit().named(features=["red", "green", "blue", "grey"])
    assert result.quality(X, U) == result.quality(A, U) == result.quality(A, SIGMA)
    with pytest.raises(ValueError, match="columns of uncertainty must stand in the order of X: number 0 is 'd'"):
        result.quality(X, turned(U))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_starts_of_the_estimators():
    for kind in (NMF, MiniBatchNMF):
        custom(kind)
        with pytest.raises(ValueError, match=r"^The columns of H must stand in the order of X: number 0 is 'd'"):
            custom(kind, H=turned(H0))
        with pytest.raises(ValueError, match=r"^The rows of W must stand in the order of X: number 0 is 'z'"):
            custom(kind, W=backwards(W0))
    with pytest.raises(ValueError, match=r"^The columns of H must stand in the order of X"):
        MiniBatchNMF(2, init="custom").partial_fit(X, W=W0, H=turned(H0))


def test_a_given_h():
    options = {"n_components": 2, "update_H": False}
    non_negative_factorization(X, H=H0, fixed=(W0[[0]], None), **options)
    with pytest.raises(ValueError, match=r"^The columns of H must stand in the order of X"):
        non_negative_factorization(X, H=turned(H0), **options)
    with pytest.raises(ValueError, match=r"^The rows of W in fixed must stand in the order of X"):
        non_negative_factorization(X, H=H0, fixed=(backwards(W0[[0]]), None), **options)


def test_none_is_no_data():
    for call in (NMF(2).fit, MiniBatchNMF(2).fit, NMF(2, random_state=0).fit(A).transform):
        with pytest.raises(ValueError, match=r"^X is None; give a matrix of numbers"):
            call(None)


@pytest.mark.parametrize(
    ("loss", "meant"),
    [
        ("kl", "kullback-leibler"),
        ("KL", "kullback-leibler"),
        ("kullback_leibler", "kullback-leibler"),
        ("Kullback-Leibler", "kullback-leibler"),
        ("is", "itakura-saito"),
        ("itakura", "itakura-saito"),
        ("Poisson", "poisson"),
        ("frobenious", "frobenius"),
    ],
)
def test_the_loss_that_was_meant(loss, meant):
    with pytest.raises(ValueError, match=rf"^loss must be one of .*, got '{loss}'; did you mean '{meant}'\?$"):
        fit(loss=loss)


@pytest.mark.parametrize("loss", ["", "other", None, [1.0]])
def test_no_loss_was_meant(loss):
    with pytest.raises(ValueError, match=r"^loss must be one of [^;]*\.$"):
        fit(loss=loss)
