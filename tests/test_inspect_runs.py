"""Parts of several results: who is whose partner, and do the runs agree?"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples
from sklearn.metrics.pairwise import cosine_distances

import nonneg
from nonneg import inspect


@pytest.fixture(scope="module")
def result(planted):
    return nonneg.factorize(planted(30, 20, 4)[0], 4, seed=0, stop=nonneg.Iterations(5))


def cosine(a, b):
    size = np.sqrt((a**2).sum() * (b**2).sum())
    return (a * b).sum() / size if size else 0.0


@pytest.mark.parametrize("side", ["H", "W"])
def test_parts_find_themselves_in_any_order_and_scale(result, side):
    order = [2, 0, 3, 1]
    s = np.array([0.1, 3.0, 1e9, 1.0])
    other = replace(result, W=result.W[:, order] * s, H=result.H[order] / s[:, None])
    found = inspect.match(result, other, side=side)
    np.testing.assert_allclose(other.H[found.order] * s[found.order, None], result.H)
    np.testing.assert_allclose(found.similarity, 1)


@pytest.mark.parametrize(("many", "few"), [(4, 4), (4, 2), (2, 4), (1, 1), (1, 3)])
def test_no_other_pairing_is_better(many, few):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        A, B = rng.random((many, 6)) ** 4, rng.random((few, 6)) ** 4
        order, similarity = inspect.match(A, B)
        table = np.array([[cosine(a, b) for b in B] for a in A])
        wide = table if many <= few else table.T
        best = max(
            sum(wide[i, j] for i, j in enumerate(chosen))
            for chosen in itertools.permutations(range(wide.shape[1]), len(wide))
        )
        assert similarity.sum() == pytest.approx(best)
        paired = order >= 0
        assert paired.sum() == len(set(order[paired])) == min(many, few)
        np.testing.assert_allclose(similarity[paired], [table[i, order[i]] for i in np.flatnonzero(paired)])
        assert (similarity[~paired] == 0).all()


def test_the_best_partner_for_all_is_not_always_the_nearest():
    A, B = np.array([[1.0, 0.5, 0.0], [1.0, 0.0, 0.0]]), np.array([[1.0, 0.1, 0.0], [0.0, 0.5, 1.0]])
    assert cosine(A[0], B[0]) > cosine(A[0], B[1])
    assert inspect.match(A, B).order.tolist() == [1, 0]


def test_signals_are_columns_of_w(result):
    truth = result.W.T[[3, 1, 0, 2]] * 7
    found = inspect.match(truth, result, side="W")
    assert found.order.tolist() == [3, 1, 0, 2]
    np.testing.assert_allclose(found.similarity, 1)


def test_a_part_of_zeros_is_like_nothing(result):
    order, similarity = inspect.match(np.vstack([result.H, np.zeros((1, 20))]), result)
    assert order.tolist() == [0, 1, 2, 3, -1]
    np.testing.assert_allclose(similarity, [1, 1, 1, 1, 0])
    assert np.isfinite(inspect.match(np.zeros((2, 3)), np.zeros((3, 3))).similarity).all()


def test_match_as_a_frame(result):
    frame = inspect.match(result, result.H[:2], as_frame=True)
    assert frame.index.tolist() == ["part 1", "part 2", "part 3", "part 4"]
    assert frame["partner"].tolist()[:2] == ["part 1", "part 2"]
    assert frame["partner"].isna().tolist() == [False, False, True, True]
    np.testing.assert_allclose(frame["similarity"], [1, 1, 0, 0])


def test_match_refuses_what_cannot_be_compared(result):
    with pytest.raises(ValueError, match="equally long to be compared by H, got 20 and 19"):
        inspect.match(result, result.H[:, 1:])
    with pytest.raises(ValueError, match='side must be "H" or "W"'):
        inspect.match(result, result, side="X")
    for wrong in (np.ones(20), np.full((2, 20), np.nan), np.ones((0, 20))):
        with pytest.raises(ValueError, match=r"finite numbers of shape \(parts, n\)"):
            inspect.match(result, wrong)


def runs_of(result, noise, count=6):
    """Return noisy copies of a result with their parts in turn in another order; the third has the smallest loss."""
    rng = np.random.default_rng(0)
    runs = []
    for i in range(count):
        order = np.roll([0, 2, 1, 3], i)
        H = np.maximum(0, result.H + noise[:, None] * rng.standard_normal(result.H.shape))
        runs.append(replace(result, W=result.W[:, order], H=H[order], loss_value=float((i - 2) ** 2 + 1)))
    return runs


@pytest.mark.parametrize("side", ["H", "W"])
def test_silhouette_is_scikit_learns_of_the_matched_groups(result, side):
    runs = runs_of(result, np.array([0.0, 0.01, 0.03, 0.3]) * result.H.max())
    values = inspect.silhouette(runs, side=side)
    vectors = [run.H if side == "H" else run.W.T for run in runs]
    best = vectors[2]
    labels = []
    for F in vectors:
        table = np.array([[cosine(a, b) for b in F] for a in best])
        chosen = max(itertools.permutations(range(4)), key=lambda p: sum(table[i, j] for i, j in enumerate(p)))
        labels.extend(np.argsort(chosen))
    samples = silhouette_samples(cosine_distances(np.vstack(vectors)), labels, metric="precomputed")
    np.testing.assert_allclose(values, [samples[np.array(labels) == j].mean() for j in range(4)], atol=1e-12)
    assert values.shape == (4,)


def test_silhouette_is_one_where_all_agree_and_falls_with_noise(result):
    np.testing.assert_allclose(inspect.silhouette(runs_of(result, np.zeros(4))), 1)
    reference = runs_of(result, np.zeros(4))[2]
    noise = np.where(np.isin(np.arange(4), [1]), 1.0, 0.0) * result.H.max()
    runs = runs_of(result, noise)
    runs[2] = reference
    values = inspect.silhouette(runs)
    shaken = inspect.match(result, reference).order[1]
    assert values.argmin() == shaken
    assert values[shaken] < 0.5 < np.delete(values, shaken).min()


def test_silhouette_knows_parts_of_zeros(result):
    empty = [replace(run, H=np.zeros_like(run.H)) for run in runs_of(result, np.zeros(4), 2)]
    assert inspect.silhouette(empty).tolist() == [0, 0, 0, 0]


def test_silhouette_as_a_series(result):
    runs = runs_of(result, np.full(4, 0.01))
    series = inspect.silhouette(iter(runs), as_frame=True)
    assert series.index.tolist() == ["part 1", "part 2", "part 3", "part 4"]
    np.testing.assert_array_equal(series, inspect.silhouette(runs))


def test_silhouette_refuses_runs_that_cannot_be_compared(result):
    for wrong in ([], [result], result):
        with pytest.raises(ValueError, match="at least two results"):
            inspect.silhouette(wrong)
    fewer = replace(result, W=result.W[:, :3], H=result.H[:3])
    with pytest.raises(ValueError, match="All runs must have the same k, got 3, 4"):
        inspect.silhouette([result, fewer])
    with pytest.raises(ValueError, match="same length of parts, got 19, 20"):
        inspect.silhouette([result, replace(result, H=result.H[:, 1:])])
    with pytest.raises(ValueError, match="same loss, got frobenius, kullback-leibler"):
        inspect.silhouette([result, replace(result, loss_name="kullback-leibler")])
    single = replace(result, W=result.W[:, :1], H=result.H[:1])
    with pytest.raises(ValueError, match="at least two parts"):
        inspect.silhouette([single, single])
