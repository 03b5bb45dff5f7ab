"""What signals cannot be drawn of gets one sentence that says what to do."""

from dataclasses import replace

import numpy as np
import pytest

import nonneg
from nonneg import plots

pytestmark = pytest.mark.usefixtures("clean_drawing")


def test_sources_refuses_what_does_not_fit(short, small):
    with pytest.raises(ValueError, match=r"shape that was factorized, \(120, 12\), got \(119, 12\)"):
        plots.sources(small, short.data[1:])
    with pytest.raises(ValueError, match=r"same X and k: \(120, 12\) with k=3, got \(120, 12\) with k=2"):
        plots.sources([small, nonneg.factorize(short.data, 2, seed=0)])
    with pytest.raises(ValueError, match=r"methods must be some of .*, got 'svd'"):
        plots.sources(small, short.data, methods=["svd"])
    with pytest.raises(ValueError, match="'pca' is computed from X: give X"):
        plots.sources(small, methods=["pca"])
    wide = replace(small, W=np.ones((120, 13)), H=np.ones((13, 12)))
    with pytest.raises(ValueError, match="'ica' finds at most 12 components of this X, the result has 13 parts"):
        plots.sources(wide, short.data, methods=["ica"])
    for times in (np.arange(119), np.full(120, np.nan)):
        with pytest.raises(ValueError, match="times must be 120 finite numbers"):
            plots.sources(small, times=times)
    for truth in (np.ones((119, 3)), np.ones(120), np.ones((120, 0))):
        with pytest.raises(ValueError, match="truth must have 120 rows and a column for each source, got"):
            plots.sources(small, truth=truth)
    with pytest.raises(ValueError, match="results must hold at least one Factorization, got none"):
        plots.sources([])
    with pytest.raises(TypeError, match="result must be a Factorization"):
        plots.sources(short.data)
    with pytest.raises(ValueError, match="1 panels need as many Axes, got 0"):
        plots.sources(small, axes=[])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda X: np.where(X.max() == X, np.nan, X),
            ValueError,
            r"'pca' cannot read missing entries; methods=\('nmf',",
        ),
        (np.ones_like, ValueError, "'pca' finds nothing where all rows of X are alike"),
    ],
)
def test_data_without_principal_components_get_one_sentence(short, change, error, words):
    result = nonneg.factorize(short.data, 3, seed=0)
    with pytest.raises(error, match=words):
        plots.sources(result, change(short.data))
    assert len(plots.sources(result, change(short.data), methods=("nmf",))) == 2


def test_methods_are_a_sequence_of_names(short):
    result = nonneg.factorize(short.data, 3, seed=0)
    with pytest.raises(TypeError, match=r"such as \('nmf',\), got the text 'nmf'"):
        plots.sources(result, short.data, methods="nmf")
    with pytest.raises(ValueError, match="got none"):
        plots.sources(result, short.data, methods=[])
