"""Where the answer is known, it is found."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import nonneg
from nonneg import Iterations, Penalty, RelativeDecrease, datasets
from nonneg.solve.starts import STARTS

LONG = [RelativeDecrease(1e-13), Iterations(3000)]


def same_parts(found, truth, atol):
    """Match parts one to one, each brought to sum one."""
    found, truth = (F / F.sum(axis=1, keepdims=True) for F in (found, truth))
    distance = np.abs(found[:, None] - truth[None]).max(axis=2)
    rows, columns = scipy.optimize.linear_sum_assignment(distance)
    assert distance[rows, columns].max() <= atol * truth.max()


# --- separable data -------------------------------------------------------------------------------------


# Sparse parts hardly overlap, dense ones do.
@pytest.mark.parametrize("density", [0.3, 1.0])
def test_spa_finds_the_pure_rows(as_kind, dtype, density):
    planted = datasets.make_planted(60, 40, 6, separable=True, density=density, seed=2)
    X = nonneg.data.check_matrix(as_kind(planted.data.astype(dtype)))
    source = nonneg.data.as_source(X)
    W, H = STARTS["spa"](source, 6, 0)
    same_parts(H, planted.H, atol=1e-5 if dtype == np.float32 else 1e-12)
    residual = planted.data * source.scale.whole - W.T.astype(float) @ H.astype(float)
    assert np.linalg.norm(residual) < (1e-3 if dtype == np.float32 else 1e-5) * np.linalg.norm(
        planted.data * source.scale.whole
    )


@pytest.mark.parametrize("seed", range(5))
def test_separable_data_are_recovered(as_kind, dtype, seed):
    planted = datasets.make_planted(60, 40, 6, separable=True, density=0.5, seed=seed)
    result = nonneg.factorize(as_kind(planted.data.astype(dtype)), 6, start="spa")
    same_parts(result.H, planted.H, atol=1e-3 if dtype == np.float32 else 1e-5)


def test_spa_compares_the_shape_of_rows_not_their_size():
    # The mixtures are a thousand times as large as the pure rows.
    planted = datasets.make_planted(60, 40, 4, separable=True, seed=1)
    size = np.where((planted.W > 0).sum(axis=1) == 1, 1.0, 1000.0)
    result = nonneg.factorize(planted.data * size[:, None], 4, start="spa")
    same_parts(result.H, planted.H, atol=1e-5)


def test_spa_fills_up_where_rows_do_not_offer_enough_parts():
    X = np.repeat([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]], 4, axis=0)
    result = nonneg.factorize(X, 3, start="spa", seed=0)
    assert result.relative_error < 1e-5
    assert np.isfinite(result.H).all()


def test_noise_moves_the_parts_no_further_than_its_size():
    planted = datasets.make_planted(300, 40, 4, noise=0.01, separable=True, seed=2)
    result = nonneg.factorize(planted.data, 4, start="spa")
    same_parts(result.H, planted.H, atol=0.02)


# --- swimmer --------------------------------------------------------------------------------------------


def test_the_swimmers_limbs_are_found():
    swimmer = datasets.make_swimmer()
    limbs = swimmer.H[:16]
    outside_the_torso = swimmer.H[16] == 0
    result = nonneg.factorize(swimmer.data, 16, start="random", n_init=3, seed=0)
    assert result.relative_error < 1e-4
    same_parts(result.H[:, outside_the_torso], limbs[:, outside_the_torso], atol=1e-3)


# --- data of low rank -----------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray])
@pytest.mark.parametrize(("k", "dtype"), [(3, np.float32), (3, np.float64), (5, np.float64)])
def test_exact_means_exact(convert, k, dtype, planted):
    X = planted(40, 30, 3, dtype=dtype)[0]
    result = nonneg.factorize(convert(X), k, seed=0, stop=Iterations(5000))
    limit = 1e-5 if dtype == np.float32 else 1e-9
    assert result.reason == "exact"
    assert result.converged
    assert result.relative_error < limit
    residual = X - result.W.astype(float) @ result.H.astype(float)
    assert np.linalg.norm(residual) < limit * np.linalg.norm(X)


def test_sparse_data_of_low_rank_are_fitted_as_well(planted, dtype):
    X = planted(40, 30, 3, dtype=dtype)[0]
    result = nonneg.factorize(scipy.sparse.csr_array(X), 3, seed=0, stop=Iterations(1000))
    # Where X is not stored, W H shows only in sums that cancel: half of the digits.
    assert result.relative_error < (1e-3 if dtype == np.float32 else 1e-6)


def test_data_with_noise_are_not_called_exact(planted, dtype):
    X = planted(40, 30, 3, noise=0.1, dtype=dtype)[0]
    assert nonneg.factorize(X, 3, seed=0).reason == "tolerance"


# --- penalties ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("start", ["random", "nndsvda", "spa"])
def test_a_strong_penalty_leaves_nothing(as_kind, l1_ratio, start, dtype, planted):
    X = planted(20, 15, 3, dtype=dtype)[0]
    penalty = Penalty(1e4, l1_ratio=l1_ratio)
    result = nonneg.factorize(as_kind(X), 3, start=start, penalty=penalty, seed=0)
    assert not result.W.any()
    assert not result.H.any()
    assert result.converged
    assert result.kkt == 0
    assert result.relative_error == 1
    assert result.loss_value == pytest.approx(0.5 * np.sum(X.astype(float) ** 2))
    assert result.share.tolist() == [0, 0, 0]
    for exact in (False, True):
        W = result.transform(as_kind(X), exact=exact)
        assert W.shape == (20, 3)
        assert not W.any()


def test_a_strong_l2_penalty_leaves_next_to_nothing(as_kind, dtype, planted):
    X = planted(20, 15, 3, dtype=dtype)[0]
    result = nonneg.factorize(as_kind(X), 3, penalty=Penalty(1e4), seed=0)
    assert (result.W @ result.H).max() < 1e-9 * X.max()
    assert result.converged
    assert result.relative_error == pytest.approx(1)
    assert result.transform(as_kind(X)).max() < 1e-4


def test_a_penalty_shrinks_and_l1_makes_zeros(planted):
    X = planted(40, 30, 3, noise=0.3, zeros=0.0)[0]
    errors, sizes, zeros = [], [], []
    for alpha in (0.001, 0.01, 0.1):
        result = nonneg.factorize(X, 3, seed=0, penalty=Penalty(alpha, l1_ratio=1.0), stop=LONG)
        errors.append(result.loss_value)
        sizes.append(result.W.sum() + result.H.sum())
        zeros.append((result.H == 0).sum() + (result.W == 0).sum())
    assert (np.diff(errors) > 0).all()
    assert (np.diff(sizes) < 0).all()
    assert zeros[-1] > zeros[0]


def test_penalties_are_shared_in_balance(planted):
    # At an optimum no part can win by s W_j, H_j / s: the penalties of its two sides pull alike.
    X = planted(40, 30, 3, noise=0.3)[0]
    for penalty in (Penalty(0.01), Penalty(0.01, l1_ratio=1.0), Penalty(0.02, 0.003, l1_ratio=0.5)):
        result = nonneg.factorize(X, 3, seed=0, penalty=penalty, stop=LONG)
        (l1_W, l2_W), (l1_H, l2_H) = penalty.shrinks(X.shape)
        pull_W = l1_W * result.W.sum(axis=0) + l2_W * np.sum(result.W**2, axis=0)
        pull_H = l1_H * result.H.sum(axis=1) + l2_H * np.sum(result.H**2, axis=1)
        np.testing.assert_allclose(pull_W, pull_H, rtol=1e-3)


@pytest.mark.parametrize(("penalty", "side"), [(Penalty(0.1, 0.0), "W"), (Penalty(0.0, 0.1, l1_ratio=1.0), "H")])
def test_a_penalty_on_one_side_only_warns(penalty, side, planted):
    X = planted(10, 8, 2)[0]
    with pytest.warns(UserWarning, match=f"Only {side} is penalised"):
        result = nonneg.factorize(X, 2, penalty=penalty, seed=0)
    assert np.isfinite(result.W).all()
    assert np.isfinite(result.H).all()


# --- data below zero ------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, scipy.sparse.csr_array])
def test_noise_around_zero(convert, reference_hals, objective):
    rng = np.random.default_rng(0)
    W, H = (rng.exponential(size=shape) * (rng.random(shape) < 0.5) for shape in ((50, 3), (3, 40)))
    X = W @ H + 0.1 * rng.standard_normal((50, 40))
    assert X.min() < -0.1
    start = W + 0.1, H + 0.1
    result = nonneg.factorize(convert(X), 3, start=start, negative="allow", stop=LONG)
    plain_W, plain_H = reference_hals(X, *start, sweeps=2000)
    assert result.loss_value == pytest.approx(objective(X, plain_W, plain_H), rel=1e-9)
    scale = plain_H.sum(axis=1)
    np.testing.assert_allclose(result.H, plain_H / scale[:, None], atol=1e-5)
    np.testing.assert_allclose(result.W, plain_W * scale, atol=1e-3)
    same_parts(result.H, H, atol=0.1)
    assert np.array_equal(result.transform(convert(X)), result.W)


@pytest.mark.parametrize("start", [*STARTS, None])
def test_data_below_zero_everywhere_leave_nothing(start, dtype):
    X = -1 - np.random.default_rng(0).random((12, 9)).astype(dtype)
    result = nonneg.factorize(X, 2, start=start, negative="allow", seed=0)
    assert not result.W.any()
    assert np.isfinite(result.H).all()
    assert result.H.min() >= 0
    assert result.relative_error == 1
