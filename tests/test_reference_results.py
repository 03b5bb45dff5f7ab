"""Results that others have published, and divergences that others have reached, on data that ship in packages."""

from importlib.metadata import distribution

import numpy as np
import pytest
import scipy.sparse
from scipy.special import kl_div

import nonneg
from nonneg import Iterations, datasets

KL = "kullback-leibler"


def shipped(package, path):
    return distribution(package).locate_file(path)


def genes_by_samples():
    return np.ascontiguousarray(datasets.load_leukemia().data.T)


def every_eighth_gene():
    """Counts of 4099 of the 32786 genes in 559 immune cells."""
    path = shipped("celltypist", "celltypist/data/samples/sample_cell_by_gene.csv")
    table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(1, 32787, 8))
    return scipy.sparse.csr_array(table.round())


def cosmic_signatures(feature_names):
    """COSMIC's signatures as a dict of 96 numbers each, in the order of the features."""
    path = "SigProfilerAssignment/data/Reference_Signatures/GRCh37/COSMIC_v3.4_SBS_GRCh37.txt"
    names, *rows = (line.split("\t") for line in shipped("SigProfilerAssignment", path).read_text().splitlines())
    table = {row[0]: np.array(row[1:], float) for row in rows}
    signatures = np.array([table[mutation] for mutation in feature_names])
    return dict(zip(names[1:], signatures.T, strict=True))


# --- leukemia -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "best"), [(2, 1.62723e7), (3, 1.38065e7), (4, 1.24537e7), (5, 1.13385e7)])
def test_leukemia_best_of_thirty_starts(real_data, k, best):
    # Best of 30 starts of multiplicative updates, run until the clusters stood still (the method of Brunet 2004).
    X = real_data(genes_by_samples)
    result = nonneg.factorize(X, k, loss=KL, start="random", n_init=30, seed=0)
    assert result.loss_value <= best * (1 + 1e-3)


def test_leukemia_first_200_genes(real_data):
    # The vignette of the R package NMF: nmf(esGolub[1:200, ], 3), 510 updates.
    X = real_data(genes_by_samples)[:200]
    result = nonneg.factorize(X, 3, loss=KL, start="random", n_init=5, seed=0)
    assert result.loss_value <= 543535.7


# --- sound ----------------------------------------------------------------------------------------------


def test_piano_notes_come_back(real_data):
    piano = real_data(datasets.load_piano)
    result = nonneg.factorize(piano.data, 4, loss=KL, start="random", n_init=5, seed=0)
    peaks = piano.frequencies[result.H.argmax(axis=1)]
    notes = np.round(69 + 12 * np.log2(peaks / 440)).astype(int)
    assert sorted(notes) == sorted(piano.notes)
    # And each sounds where it is played.
    for loudness, note in zip(result.W.T, notes, strict=True):
        playing = piano.playing[:, piano.notes == note].ravel()
        assert loudness[playing].mean() > 10 * loudness[~playing].mean()


# --- mutations ------------------------------------------------------------------------------------------


def test_breast_cancers_show_their_signatures(real_data):
    cancers = real_data(datasets.load_breast_cancers)
    signatures = real_data(lambda: cosmic_signatures(cancers.feature_names))
    result = nonneg.factorize(cancers.data, 4, loss=KL, start="random", n_init=10, seed=0)
    # scikit-learn's reconstruction_err_, best of 50 starts, is the root of twice this.
    assert result.loss_value <= 55.9885**2 / 2

    def cosines(name):
        signature = signatures[name]
        return result.H @ signature / (np.linalg.norm(result.H, axis=1) * np.linalg.norm(signature))

    deficient_repair, apobec = cosines("SBS3"), np.maximum(cosines("SBS2"), cosines("SBS13"))
    assert deficient_repair.max() >= 0.90
    assert apobec.max() >= 0.75
    assert deficient_repair.argmax() != apobec.argmax()


# --- convergence ----------------------------------------------------------------------------------------


# What scikit-learn 1.9.1 reaches by 1000 updates from the start below.
@pytest.mark.parametrize(
    ("load", "k", "reached"),
    [
        (lambda: datasets.load_reuters().data, 10, 178805.8817),
        (genes_by_samples, 3, 13806583.76),
        (every_eighth_gene, 15, 212924.2159),
    ],
    ids=["Reuters", "leukemia", "immune cells"],
)
def test_100_iterations_are_worth_1000_multiplicative_updates(real_data, load, k, reached):
    X = real_data(load)
    rng = np.random.RandomState(0)
    size = np.sqrt(X.mean() / k)
    H = np.abs(size * rng.standard_normal((k, X.shape[1])))
    W = np.abs(size * rng.standard_normal((X.shape[0], k)))
    updates = nonneg.factorize(X, k, loss=KL, solver="mu", start=(W, H), stop=Iterations(1000))
    ours = nonneg.factorize(X, k, loss=KL, start=(W, H), stop=Iterations(100), seed=0)
    assert updates.loss_value == pytest.approx(reached, rel=1e-6)
    assert ours.loss_value <= updates.loss_value


# --- the divergence itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [scipy.sparse.csr_array, scipy.sparse.csr_array.toarray], ids=["csr", "dense"])
def test_loss_value_is_the_divergence(real_data, convert, dtype):
    X = convert(real_data(datasets.load_reuters).data.astype(dtype))
    result = nonneg.factorize(X, 5, loss=KL, seed=0, stop=Iterations(20))
    X = (X.toarray() if scipy.sparse.issparse(X) else X).astype(np.longdouble)
    product = result.W.astype(np.longdouble) @ result.H.astype(np.longdouble)
    ratio = np.divide(X, product, out=np.ones_like(X), where=X > 0)
    divergence = np.sum(X * np.log(ratio) - X + product)
    # scipy knows no long double; its float64 says that the formula above is the right one.
    assert kl_div(X.astype(float), product.astype(float)).sum() == pytest.approx(float(divergence), rel=1e-9)
    assert result.loss_value == pytest.approx(float(divergence), rel=1e-5 if dtype == np.float32 else 1e-10)
