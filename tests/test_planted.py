"""Planted factors and the swimmer: their truth is true, and it can be found."""

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import datasets


def cosines(found, truth):
    """Return how alike each true part is to the found one that is most like it."""
    found, truth = (F / np.linalg.norm(F, axis=1, keepdims=True) for F in (found, truth))
    return (truth @ found.T).max(axis=1)


# --- swimmer --------------------------------------------------------------------------------------------


def test_swimmer_is_every_combination_of_its_parts():
    swimmer = datasets.make_swimmer()
    assert swimmer.data.shape == (256, 32 * 32)
    assert swimmer.image_shape == (32, 32)
    assert len(np.unique(swimmer.data, axis=0)) == 256
    assert set(np.unique(swimmer.data)) == {0, 1}
    limbs = swimmer.H[:16].reshape(4, 4, -1)
    for picture, positions in zip(swimmer.data, swimmer.positions, strict=True):
        drawn = swimmer.H[16] + sum(limbs[limb, position] for limb, position in enumerate(positions))
        assert (picture == drawn).all()
    assert (swimmer.data == swimmer.W @ swimmer.H).all()


def test_swimmer_has_ordinary_rank_13_and_non_negative_rank_at_most_16():
    swimmer = datasets.make_swimmer()
    assert np.linalg.matrix_rank(swimmer.data) == 13
    H = swimmer.H[:16].copy()
    H[:4] += swimmer.H[16]
    W = np.zeros((256, 4, 4))
    np.put_along_axis(W, swimmer.positions[:, :, None], 1, axis=2)
    assert (W.reshape(256, 16) @ H == swimmer.data).all()


def test_swimmer_limbs_are_found():
    swimmer = datasets.make_swimmer()
    result = nonneg.factorize(swimmer.data, 16, start="random", n_init=5, seed=0)
    assert result.relative_error < 1e-5
    limbs = swimmer.H[:16]
    torso = swimmer.H[16] > 0
    found = np.where(torso, 0, result.H) @ limbs.T > 1e-6
    assert (found.sum(axis=0) == 1).all()
    assert (found.sum(axis=1) == 1).all()


# --- planted --------------------------------------------------------------------------------------------


def test_planted_is_the_product_of_its_factors():
    planted = datasets.make_planted(300, 200, 4, density=0.2, seed=1)
    assert planted.W.shape == (300, 4)
    assert planted.H.shape == (4, 200)
    assert (planted.data == planted.W @ planted.H).all()
    assert min(planted.W.min(), planted.H.min()) == 0
    for F in (planted.W, planted.H):
        assert np.mean(F > 0) == pytest.approx(0.2, abs=0.05)
        assert F[F > 0].mean() == pytest.approx(1, abs=0.15)


def test_planted_depends_on_its_seed_alone():
    one, same, other = (datasets.make_planted(noise=0.1, seed=seed).data for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_planted_noise_is_relative_to_the_data():
    clean, noisy = (datasets.make_planted(density=1, noise=noise) for noise in (0, 0.05))
    assert (clean.W == noisy.W).all()
    assert noisy.data.min() >= 0
    rms = np.sqrt(np.mean(clean.data**2))
    assert np.std(noisy.data - clean.data) == pytest.approx(0.05 * rms, rel=0.03)
    assert datasets.make_planted(density=0.1, noise=0.5).data.min() == 0


def test_planted_has_no_empty_part():
    planted = datasets.make_planted(density=1e-9)
    assert (planted.W.max(axis=0) > 0).all()
    assert (planted.H.max(axis=1) > 0).all()


def test_separable_parts_are_found_exactly():
    planted = datasets.make_planted(60, 40, 5, density=0.9, separable=True, seed=2)
    pure = (planted.W > 0).sum(axis=1) == 1
    assert set(planted.W[pure].argmax(axis=1)) == set(range(5))
    result = nonneg.factorize(planted.data, 5, start="spa", seed=0)
    truth = planted.H / planted.H.sum(axis=1, keepdims=True)
    distance = np.abs(result.H[:, None] - truth).max(axis=2)
    assert sorted(distance.argmin(axis=0)) == list(range(5))
    assert distance.min(axis=0).max() < 1e-6


def test_planted_sparse_stores_what_is_not_zero():
    dense, sparse = (datasets.make_planted(density=0.1, kind=kind, seed=1) for kind in ("dense", "sparse"))
    assert isinstance(sparse.data, scipy.sparse.csr_array)
    assert sparse.data.nnz == np.count_nonzero(dense.data)
    assert 0 < sparse.data.nnz < 0.2 * dense.data.size
    assert (sparse.data.toarray() == dense.data).all()
    assert (sparse.W == dense.W).all()


def test_planted_sparse_has_no_noise_where_nothing_is():
    dense, sparse = (datasets.make_planted(density=0.1, kind=kind, noise=0.1) for kind in ("dense", "sparse"))
    there = sparse.W @ sparse.H > 0
    noisy = sparse.data.toarray()
    assert (noisy[~there] == 0).all()
    assert (dense.data[~there] > 0).any()
    assert (noisy[there] == dense.data[there]).all()


@pytest.mark.parametrize("mean_count", [10.0, 0.5])
def test_planted_counts_are_poisson_around_the_truth(mean_count):
    counts = datasets.make_planted(400, 300, kind="counts", mean_count=mean_count, seed=1)
    expected = counts.W @ counts.H
    assert counts.data.dtype == np.float64
    assert (counts.data == np.floor(counts.data)).all()
    assert expected.mean() == pytest.approx(mean_count)
    assert counts.data.mean() == pytest.approx(mean_count, rel=0.02)
    # Variance is the mean, and nothing is counted where nothing is expected.
    some = expected > 0
    assert counts.data[~some].max() == 0
    assert np.mean((counts.data[some] - expected[some]) ** 2 / expected[some]) == pytest.approx(1, abs=0.05)
    # W H is that of dense data, up to a factor.
    dense = datasets.make_planted(400, 300, seed=1)
    assert (counts.H == dense.H).all()
    np.testing.assert_allclose(counts.W / counts.W.sum(), dense.W / dense.W.sum())


@pytest.mark.parametrize("kind", ["dense", "sparse", "counts"])
def test_planted_lacks_the_share_that_is_missing(kind):
    whole, holed = (datasets.make_planted(60, 50, kind=kind, missing=missing, seed=3) for missing in (0, 0.25))
    X, Y = (scipy.sparse.csr_array(made.data).toarray() for made in (whole, holed))
    gone = np.isnan(Y)
    assert gone.sum() == 750
    assert (X[~gone] == Y[~gone]).all()
    assert not np.isnan(X).any()
    assert not np.isnan(holed.W @ holed.H).any()
    # At random places: no row and no column holds far more than others.
    assert gone.sum(axis=0).max() < 30
    assert gone.sum(axis=1).max() < 30
    assert nonneg.factorize(holed.data, 2, seed=0).n_missing == 750


@pytest.mark.parametrize(
    ("kind", "loss", "likeness"),
    [("dense", "frobenius", 1 - 1e-9), ("sparse", "frobenius", 1 - 1e-9), ("counts", "kullback-leibler", 0.999)],
)
def test_planted_parts_are_found_behind_the_gaps(kind, loss, likeness):
    planted = datasets.make_planted(300, 200, 4, kind=kind, missing=0.2, seed=1)
    result = nonneg.factorize(planted.data, 4, loss=loss, seed=0)
    assert cosines(result.H, planted.H).min() > likeness


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"m": 0}, "m must be a whole number, at least 1; got 0"),
        ({"n": 0}, "n must be a whole number, at least 1; got 0"),
        ({"k": -1}, "k must be a whole number, at least 1; got -1"),
        ({"density": 0}, "density must be above 0"),
        ({"density": 1.5}, "density must be above 0 and at most 1, got 1.5"),
        ({"noise": -1}, "noise must be finite and at least 0, got -1"),
        ({"noise": np.nan}, "noise must be finite"),
        ({"noise": np.inf}, "noise must be finite"),
        ({"m": 2.5}, r"m must be a whole number, at least 1; got 2\.5"),
        ({"noise": "loud"}, "noise must be finite and at least 0, got 'loud'"),
        ({"kind": "csr"}, 'kind must be "dense", "sparse" or "counts", got \'csr\''),
        ({"kind": "counts", "noise": 0.1}, r"noise must be 0, got 0\.1"),
        ({"kind": "counts", "mean_count": 0}, "mean_count must be finite and above 0, got 0"),
        ({"kind": "counts", "mean_count": np.inf}, "mean_count must be finite and above 0, got inf"),
        ({"missing": 1}, "missing must be at least 0 and below 1, got 1"),
        ({"missing": -0.1}, r"missing must be at least 0 and below 1, got -0\.1"),
        ({"missing": np.nan}, "missing must be at least 0 and below 1, got nan"),
        ({"m": 3, "separable": True}, "k=5 parts, but there are m=3 rows"),
    ],
)
def test_planted_refuses_what_makes_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.make_planted(**arguments)
