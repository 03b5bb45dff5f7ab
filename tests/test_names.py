"""A result calls rows and features what the user's table calls them."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nonneg

X = np.random.default_rng(0).random((6, 4))


def fit(X):
    return nonneg.factorize(X, 2, seed=0)


def test_names_of_a_pandas_frame():
    result = fit(pd.DataFrame(X, index=list("uvwxyz"), columns=["a", "b", "c", "ä"]))
    assert result.row_names.tolist() == list("uvwxyz")
    assert result.feature_names.tolist() == ["a", "b", "c", "ä"]
    np.testing.assert_allclose(result.H, fit(X).H, rtol=1e-10)


def test_numbers_stay_numbers_and_dates_become_text():
    frame = pd.DataFrame(X, index=pd.date_range("2020-02-28", periods=6), columns=[400.5, 401, 402, 403])
    result = fit(frame)
    assert result.feature_names.tolist() == [400.5, 401, 402, 403]
    assert result.row_names[:2].tolist() == ["2020-02-28", "2020-02-29"]


def test_names_of_several_levels_are_joined():
    columns = pd.MultiIndex.from_product([["red", "blue"], [1, 2]])
    assert fit(pd.DataFrame(X, columns=columns)).feature_names.tolist() == ["red 1", "red 2", "blue 1", "blue 2"]


def test_an_index_that_only_counts_holds_no_names():
    frame = pd.DataFrame(np.vstack([X, X]), columns=list("abcd"))
    assert fit(frame).row_names is None
    assert fit(frame.drop(3)).row_names.tolist() == [0, 1, 2, *range(4, 12)]
    assert fit(frame.iloc[6:]).row_names.tolist() == list(range(6, 12))


def test_polars_frames_name_features():
    result = fit(pl.DataFrame(X, schema=list("abcd")))
    assert result.row_names is None
    assert result.feature_names.tolist() == list("abcd")


def test_arrays_have_no_names():
    assert fit(X).row_names is None
    assert fit(X).feature_names is None


@pytest.mark.parametrize("columns", [list("abcd"), [1.0, 2.0, 3.0, 4.0]])
def test_the_estimator_keeps_names(columns):
    model = nonneg.NMF(2, random_state=0).fit(pd.DataFrame(X, index=list("uvwxyz"), columns=columns))
    assert model.result_.feature_names.tolist() == columns
    assert model.result_.row_names.tolist() == list("uvwxyz")


def test_named_gives_names_and_keeps_the_rest():
    bare = fit(X)
    half = bare.named(features=np.array(["a", "b", "c", "d"]))
    both = half.named(rows=(f"row {i}" for i in range(6)))
    assert bare.feature_names is None
    assert (both.row_names[5], both.feature_names[3]) == ("row 5", "d")
    assert both.W is bare.W


@pytest.mark.parametrize("names", [{"rows": list("abc")}, {"features": list("abc")}, {"features": []}])
def test_named_counts(names):
    with pytest.raises(ValueError, match=r"need as many names, got [03]\."):
        fit(X).named(**names)


@pytest.mark.parametrize("names", [["a", "b", "c", "ä → b"], [1, 2, 3, 4], [0.5, 1.5, np.inf, np.nan]])
def test_names_are_saved(tmp_path, names):
    fit(X).named(features=names).save(tmp_path / "model.npz")
    again = nonneg.load(tmp_path / "model.npz")
    assert again.row_names is None
    np.testing.assert_array_equal(again.feature_names, np.array(names))


@pytest.mark.parametrize("names", [["a"], "abcd", [None] * 4, [["a"]] * 4, {"a": 1}])
def test_a_file_with_other_names_is_no_model(tmp_path, names):
    path = tmp_path / "model.npz"
    fit(X).save(path)
    text = io.BytesIO()
    np.save(text, np.frombuffer(json.dumps(names).encode(), np.uint8))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("feature_names.npy", text.getvalue())
    with pytest.raises(ValueError, match="feature_names are not 4 names"):
        nonneg.load(path)


@pytest.mark.parametrize(
    "call",
    [
        lambda result, frame: result.transform(frame),
        lambda result, frame: result.impute(frame),
        nonneg.inspect.residuals,
        nonneg.inspect.explained,
    ],
)
def test_names_in_another_order_are_refused(call):
    frame = pd.DataFrame(X, index=list("uvwxyz"), columns=list("abcd"))
    result = fit(frame)
    call(result, frame)
    with pytest.raises(
        ValueError, match="The columns of X must stand in the order of the fit: number 0 is 'd', there"
    ):
        call(result, frame[list("dcba")])
    call(result.named(features=["w", "x", "y", "z"]), frame)  # names for the reader need not be those of the frame


def test_rows_of_the_fit_in_another_order_are_refused_and_new_ones_are_not():
    frame = pd.DataFrame(X, index=list("uvwxyz"), columns=list("abcd"))
    result = fit(frame)
    with pytest.raises(
        ValueError, match="The rows of X must stand in the order of the fit: number 0 is 'z', there it"
    ):
        nonneg.inspect.residuals(result, frame[::-1])
    assert result.transform(frame[::-1]).shape == (6, 2)


def test_names_that_come_twice_are_no_order():
    frame = pd.DataFrame(X, index=list("uuvvww"))
    nonneg.inspect.residuals(fit(frame), frame)
