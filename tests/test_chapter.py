"""What the chapter says of NMF holds for ours: beside PCA on faces, and for parts in general."""

import functools

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

import nonneg
from nonneg import datasets


@pytest.fixture(scope="module")
def faces(real_data):
    X = real_data(functools.partial(datasets.fetch_faces, resize=0.5)).data
    return train_test_split(X, test_size=100, random_state=0)


def left_over(X, back):
    return np.linalg.norm(X - back) / np.linalg.norm(X)


@pytest.mark.parametrize("k", [10, 50])
def test_no_nmf_comes_closer_to_what_it_has_learnt_than_the_truncated_svd(faces, k):
    train, _ = faces
    singular = np.linalg.svd(train, compute_uv=False).astype(np.float64)
    bound = np.sqrt(np.sum(singular[k:] ** 2) / np.sum(singular**2))
    result = nonneg.factorize(train, k, seed=0)
    assert bound < result.relative_error < 1.1 * bound


@pytest.mark.parametrize("k", [10, 50])
def test_on_faces_held_out_nmf_is_similar_to_pca_and_a_little_worse(faces, k):
    train, test = faces
    result, pca = nonneg.factorize(train, k, seed=0), PCA(k, random_state=0).fit(train)
    ours = left_over(test, result.transform(test) @ result.H)
    assert 1 < ours / left_over(test, pca.inverse_transform(pca.transform(test))) < 1.06


def test_more_parts_come_closer(faces):
    train, test = faces
    results = [nonneg.factorize(train, k, seed=0) for k in (5, 10, 20, 40)]
    assert (np.diff([result.relative_error for result in results]) < 0).all()
    assert (np.diff([left_over(test, result.transform(test) @ result.H) for result in results]) < 0).all()


def test_leaving_out_the_last_part_is_not_the_answer_for_one_part_fewer():
    X = load_digits().data
    three, two = (nonneg.factorize(X, k, seed=0) for k in (3, 2))
    assert left_over(X, three.W[:, :2] @ three.H[:2]) > 1.1 * two.relative_error
    # Nor are the parts the same: at least one of the two has no near partner among the three.
    assert nonneg.inspect.match(two, three).similarity.min() < 0.95


def test_principal_components_cancel_and_parts_do_not(faces):
    comparison = nonneg.compare(faces[0], 10, ("nmf", "pca"), n_seeds=1)
    of = dict(zip(comparison.table["method"], comparison.table["cancellation"], strict=True))
    assert abs(of["nmf"]) < 1e-6
    assert of["pca"] > 0.4
