"""Originals stand beside what each model makes of them, with the error of exactly that."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from sklearn.decomposition import PCA

mpl.use("agg")
import matplotlib.pyplot as plt

import nonneg
from nonneg import plots
from nonneg.explain.words import percent

SHAPE = (6, 8)
pytestmark = pytest.mark.usefixtures("clean_drawing")


@pytest.fixture(scope="module")
def X():
    return nonneg.datasets.make_planted(30, 48, 5, noise=0.2).data


@pytest.fixture(scope="module")
def held_out():
    return nonneg.datasets.make_planted(9, 48, 5, noise=0.2, seed=1).data


@pytest.fixture(scope="module")
def results(X):
    return [nonneg.factorize(X, k, seed=0) for k in (2, 5)]


@pytest.fixture(scope="module")
def pcas(X):
    return [PCA(k, random_state=0).fit(X) for k in (2, 5)]


def shown(ax):
    (image,) = ax.images
    return np.asarray(image.get_array()).ravel()


def error_text(x, fitted):
    return f"error {percent(np.linalg.norm(x - fitted) / np.linalg.norm(x))}"


@pytest.mark.parametrize("kind", [np.asarray, list, scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_originals_beside_back_transforms(results, held_out, kind):
    axes = plots.reconstructions(results, kind(held_out), image_shape=SHAPE, rows=(3, 0, -1))
    assert axes.shape == (3, 3)
    for line, row in zip(axes, (3, 0, 8), strict=True):
        np.testing.assert_allclose(shown(line[0]), held_out[row])
        assert line[0].get_xlabel() == f"row {row}"
        for ax, result in zip(line[1:], results, strict=True):
            fitted = (result.transform(held_out[[row]]) @ result.H)[0]
            np.testing.assert_allclose(shown(ax), fitted, rtol=1e-6)
            assert ax.get_xlabel() == error_text(held_out[row], fitted)
    assert [ax.get_title() for ax in axes[0]] == ["original", "k = 2", "k = 5"]


def test_nmf_above_pca(results, pcas, held_out):
    axes = plots.reconstructions({"NMF": results, "PCA": pcas}, held_out, image_shape=SHAPE)
    assert axes.shape == (6, 3)
    for row in range(3):
        above, below = axes[2 * row], axes[2 * row + 1]
        np.testing.assert_allclose(shown(above[0]), held_out[row])
        assert not below[0].images
        assert (above[1].get_ylabel(), below[1].get_ylabel()) == ("NMF", "PCA")
        for ax, pca in zip(below[1:], pcas, strict=True):
            fitted = pca.inverse_transform(pca.transform(held_out[[row]]))[0]
            np.testing.assert_allclose(shown(ax), fitted)
            assert ax.get_xlabel() == error_text(held_out[row], fitted)


def test_a_list_is_sorted_into_lines(results, pcas, held_out):
    axes = plots.reconstructions([results[1], pcas[0], results[0]], held_out, image_shape=SHAPE, rows=4)
    assert axes.shape == (2, 3)
    assert [ax.get_title() for ax in axes[0]] == ["original", "k = 2", "k = 5"]
    np.testing.assert_allclose(shown(axes[0, 1]), (results[0].transform(held_out[[4]]) @ results[0].H)[0])
    assert [bool(ax.images) for ax in axes[1]] == [False, True, False]
    assert [ax.get_ylabel() for ax in axes[:, 1]] == ["NMF", "PCA"]


def test_one_model_and_estimators(results, X):
    model = nonneg.NMF(2, random_state=0).fit(X)
    (line,) = plots.reconstructions(model, X, image_shape=SHAPE, rows=[7])
    fitted = model.inverse_transform(model.transform(X[[7]]))[0]
    np.testing.assert_allclose(shown(line[1]), fitted)
    assert line[1].get_ylabel() == "NMF"
    assert plots.reconstructions(results[0], X, image_shape=SHAPE).shape == (3, 2)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_rows_of_frames_keep_their_columns(X, frame):
    # scikit-learn warns, and warnings are errors, where a model of named columns is given others.
    columns = [f"pixel {i}" for i in range(48)]
    data = frame(X, **({"columns": columns} if frame is pd.DataFrame else {"schema": columns}))
    pca = PCA(2, random_state=0).set_output(transform="pandas").fit(data)
    axes = plots.reconstructions([pca, nonneg.factorize(data, 2, seed=0)], data, image_shape=SHAPE, rows=[2, 5])
    np.testing.assert_allclose(shown(axes[2, 0]), X[5])
    np.testing.assert_allclose(
        shown(axes[2, 1]), PCA(2, random_state=0).fit(X).inverse_transform(np.asarray(pca.transform(data)))[5]
    )


def test_rows_are_called_by_their_names(results, held_out):
    frame = pd.DataFrame(held_out, index=[f"face of ${i}_" for i in range(9)])
    axes = plots.reconstructions(results, frame, image_shape=SHAPE, rows=[1, 2])
    assert [ax.get_xlabel() for ax in axes[:, 0]] == ["face of $1_", "face of $2_"]
    axes[0, 0].figure.draw_without_rendering()


def test_names_use_the_room(results, held_out, clashes):
    label = "NMF with the squared error"
    frame = pd.DataFrame(held_out, index=[f"picture number {i} of all pictures" for i in range(9)])
    axes = plots.reconstructions({label: results[0]}, frame, image_shape=(8, 6), rows=[1, 2])
    assert [ax.get_xlabel() for ax in axes[:, 0]] == [f"picture number {i} of all pictures" for i in (1, 2)]
    assert axes[0, 1].get_ylabel() == label
    assert clashes(axes[0, 0].figure) == []


def test_one_grey_scale(results, pcas, held_out):
    axes = plots.reconstructions([*results, *pcas], held_out, image_shape=SHAPE, rows=[1, 2])
    drawn = [ax.images[0] for ax in axes.flat if ax.images]
    assert {image.get_clim() for image in drawn} == {(0, held_out[1:3].max())}
    assert drawn[0].cmap(0.0) == (0, 0, 0, 1)
    assert drawn[0].cmap(1.0) == (1, 1, 1, 1)


def test_negative_numbers(pcas, X):
    axes = plots.reconstructions(pcas, X - 1, image_shape=SHAPE, rows=[1, 2])
    assert {ax.images[0].get_clim() for ax in axes.flat} == {((X[1:3] - 1).min(), (X[1:3] - 1).max())}


def test_an_empty_row_has_no_error(results, held_out):
    Y = held_out.copy()
    Y[4] = 0
    axes = plots.reconstructions(results, Y, image_shape=SHAPE, rows=[4])
    assert axes[0, 1].get_xlabel() == "error 0 %"


def test_what_was_not_observed_is_no_error(results, held_out):
    Y = held_out.copy()
    Y[0, :20] = np.nan
    axes = plots.reconstructions(results[1], Y, image_shape=SHAPE, rows=0)
    fitted = (results[1].transform(Y[[0]]) @ results[1].H)[0]
    assert axes[0, 1].get_xlabel() == error_text(Y[0, 20:], fitted[20:])


def test_zeros_that_say_nothing_are_no_error(X, held_out):
    told, Y = {"missing_values": 0}, held_out[:1].copy()
    Y[0, :20] = 0
    result = nonneg.factorize(X, 5, seed=0, **told)
    model = nonneg.NMF(5, random_state=0, **told).fit(X)
    fitted = (result.transform(Y) @ result.H)[0]
    want = error_text(Y[Y != 0], fitted[Y[0] != 0])
    assert want != error_text(Y[0], fitted)
    assert plots.reconstructions([result], Y, image_shape=SHAPE)[0, 1].get_xlabel() == want
    assert plots.reconstructions([model], Y, image_shape=SHAPE)[0, 1].get_xlabel() == want


@pytest.mark.parametrize(("rows", "shape"), [(1, SHAPE), (12, SHAPE), (3, (48, 1)), (3, (1, 48))])
def test_no_text_overlaps(results, pcas, X, clashes, rows, shape):
    label = "A method with a name that is far too long for its line"
    frame = pd.DataFrame(X, index=[f"{'W' * 30} {i}" for i in range(30)])
    for models in (results, {label: results, "PCA": pcas}):
        axes = plots.reconstructions(models, frame.to_numpy(), image_shape=shape, rows=range(rows))
        assert clashes(axes[0, 0].figure) == []
    axes = plots.reconstructions(results[0], frame, image_shape=shape, rows=range(rows))
    assert clashes(axes[0, 0].figure) == []


def test_on_given_axes(results, held_out):
    figure, given = plt.subplots(2, 3)
    axes = plots.reconstructions(results, held_out, image_shape=SHAPE, rows=[0, 1], axes=given)
    assert (axes == given).all()
    assert plt.get_fignums() == [figure.number]


def test_refuses_what_does_not_fit(results, pcas, X):
    def draw(models=results, X=X, image_shape=SHAPE, **arguments):
        with pytest.raises((ValueError, TypeError, IndexError)) as caught:
            plots.reconstructions(models, X, image_shape=image_shape, **arguments)
        assert not plt.get_fignums()
        return f"{caught.type.__name__}: {caught.value}"

    assert "ValueError: image_shape must be (height, width) of 48 pixels" in draw(image_shape=(48, 2))
    assert "rows and features, got the shape (48,)" in draw(X=X[0])
    assert "ValueError: rows must name at least one of 30" in draw(rows=np.zeros(30, bool))
    assert "rows must name at least one of 30" in draw(rows=[])
    assert "IndexError" in draw(rows=[30])
    assert "at least one model" in draw(models=[])
    assert "at least one model" in draw(models={"NMF": []})
    assert "TypeError: a model must be a Factorization" in draw(models="NMF")
    assert "those of 'NMF' have [2, 2]" in draw(models=[results[0], results[0]])
    assert "47 features" in draw(models=results, X=X[:, 1:], image_shape=(47, 1))


def test_too_few_axes(results, X):
    with pytest.raises(ValueError, match="6 pictures and their originals need as many Axes, got 4"):
        plots.reconstructions(results, X, image_shape=SHAPE, rows=[0, 1], axes=plt.subplots(2, 2)[1])
