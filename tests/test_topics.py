"""The bridge from a Poisson fit to a topic model is exact: the same product, the same likelihood."""

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

import nonneg
from nonneg import Iterations, Penalty

KL = "kullback-leibler"


def counts(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.poisson(4 * rng.dirichlet(np.ones(3), 30) @ rng.dirichlet(np.full(25, 0.2), 3) * 25).astype(float)
    X[4] = X[:, 7] = 0
    return X


@pytest.mark.parametrize("penalty", [None, Penalty(0.01), Penalty(0.01, l1_ratio=1.0)], ids=["none", "L2", "L1"])
@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_the_product_is_that_of_the_fit(as_kind, penalty, solver, dtype):
    result = nonneg.factorize(
        as_kind(counts().astype(dtype)),
        3,
        loss="poisson",
        solver=solver,
        penalty=penalty,
        seed=0,
        stop=Iterations(30),
    )
    topics = result.topics()
    rel = 1e-5 if dtype == np.float32 else 1e-12
    product = topics.lengths[:, None] * topics.documents @ topics.words
    np.testing.assert_allclose(product, result.reconstruct(), rtol=rel, atol=rel * product.max())
    full = np.arange(30) != 4
    np.testing.assert_allclose(topics.documents[full].sum(axis=1), 1, rtol=rel)
    np.testing.assert_allclose(topics.words.sum(axis=1), 1, rtol=rel)
    assert min(topics.documents.min(), topics.words.min()) >= 0
    # A document without words has no topics.
    assert not topics.documents[4].any()
    assert topics.lengths[4] == 0


def test_the_likelihood_is_that_of_the_fit(divergence):
    X = counts()
    result = nonneg.factorize(scipy.sparse.csr_array(X), 3, loss=KL, seed=0, stop=Iterations(200))
    documents, words, lengths = result.topics()
    full = X.any(axis=1)
    multinomial = scipy.stats.multinomial.logpmf(
        X[full],
        X[full].sum(axis=1).astype(int),
        documents[full] @ words / (documents[full] @ words).sum(axis=1)[:, None],
    )
    of_lengths = scipy.stats.poisson.logpmf(X[full].sum(axis=1), lengths[full])
    model = np.maximum(result.reconstruct()[full], 1e-300)
    poisson = scipy.stats.poisson.logpmf(X[full], model).sum(axis=1)
    np.testing.assert_allclose(multinomial + of_lengths, poisson, rtol=1e-8, atol=1e-8)
    # The Poisson likelihood is the divergence but for terms of X alone.
    own = scipy.stats.poisson.logpmf(X, X).sum()
    assert own - poisson.sum() == pytest.approx(result.loss_value, rel=1e-9)
    # At the optimum documents are as long as they are.
    np.testing.assert_allclose(lengths, X.sum(axis=1), rtol=1e-4)


def test_parts_that_are_empty_use_no_words():
    X = counts()
    H = np.ones((3, 25))
    H[1] = 0
    start = np.ones((30, 3)), H
    topics = nonneg.factorize(X, 3, loss=KL, solver="mu", start=start, stop=Iterations(3)).topics()
    assert not topics.words[1].any()
    assert not topics.documents[:, 1].any()
    for F in nonneg.factorize(0 * X, 3, loss=KL, seed=0).topics():
        assert np.isfinite(F).all()
    assert not nonneg.factorize(0 * X, 3, loss=KL, seed=0).topics().lengths.any()


def test_a_loaded_fit_has_the_same_topics(tmp_path):
    result = nonneg.factorize(counts(), 3, loss=KL, seed=0)
    result.save(tmp_path / "model")
    for a, b in zip(result.topics(), nonneg.load(tmp_path / "model").topics(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("loss", ["frobenius", "itakura-saito", 1.5])
def test_other_losses_are_no_topic_models(loss):
    result = nonneg.factorize(counts() + 1, 3, loss=loss, seed=0, stop=Iterations(3))
    with pytest.raises(ValueError, match=r"Only a Kullback-Leibler fit is a topic model, this one has the loss"):
        result.topics()
