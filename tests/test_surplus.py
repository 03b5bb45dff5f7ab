"""Large sparse data begin with more parts than asked for: which of them stay, where it is done, what it does."""

import numpy as np
import pytest
import scipy.sparse

import nonneg
from nonneg import Iterations
from nonneg.solve import surplus as surplus_module
from nonneg.solve import warmup
from nonneg.solve.surplus import least_missed_left_out, random_rows, surplus

K = 4
# The smallest side that counts as large for four parts.
SIDE = 4 * warmup.width(K)


def groups(k=K, size=SIDE, seed=0):
    """Return sparse data in which each row holds one of k parts."""
    rng = np.random.default_rng(seed)
    parts = rng.exponential(size=(k, size)) * (rng.random((k, size)) < 0.15)
    rows = parts[rng.integers(k, size=size)] * rng.uniform(0.5, 1.5, (size, 1))
    return scipy.sparse.csr_array(rows * rng.uniform(0.7, 1.3, rows.shape) * (rng.random(rows.shape) < 0.5))


def rise(W, H, p, side):
    """Return by how much 1/2 ||W H - fit||^2 rises without part p, with the best other factor of any sign."""
    X, rest = W.T @ H, np.arange(len(W)) != p
    A, B = (H[rest].T, X.T) if side == "W" else (W[rest].T, X)
    return 0.5 * np.linalg.norm(B - A @ np.linalg.lstsq(A, B, rcond=None)[0]) ** 2


@pytest.mark.parametrize("seed", range(10))
def test_one_after_another_the_part_goes_without_which_least_is_lost(seed):
    rng = np.random.default_rng(seed)
    # Parts that are mixtures of few others, so that what one misses depends on which others are left.
    W, H = (rng.random((8, 4)) @ rng.random((4, n)) + 0.1 * rng.random((8, n)) for n in (30, 40))
    kept_W, kept_H = least_missed_left_out(W, H, 3)
    while len(W) > 3:
        rises = [min(rise(W, H, p, side) for side in "WH") for p in range(len(W))]
        W, H = (np.delete(F, np.argmin(rises), axis=0) for F in (W, H))
    assert np.array_equal(kept_W, W)
    assert np.array_equal(kept_H, H)


def test_of_equal_parts_one_stays_and_empty_ones_go_first():
    W, H = np.eye(6, 20) + 0.01, np.eye(6, 30) + 0.01
    W[1], H[1] = 0, 0
    H[4] = H[3]
    kept_W, kept_H = least_missed_left_out(W, H, 4)
    assert len(kept_W) == len(kept_H) == 4
    held = [np.flatnonzero((row == H).all(axis=1))[0] for row in kept_H]
    assert held == [0, 2, 3, 5]


def test_zeros_are_no_hindrance(dtype):
    W, H = np.zeros((5, 20), dtype), np.zeros((5, 30), dtype)
    kept_W, kept_H = least_missed_left_out(W, H, 2)
    assert kept_W.shape == (2, 20)
    assert kept_H.shape == (2, 30)
    assert kept_W.dtype == kept_H.dtype == dtype


def test_random_rows_have_the_size_of_the_others(dtype):
    F = np.full((3, 1000), 5, dtype)
    rows = random_rows(F, 2, np.random.default_rng(0))
    assert rows.dtype == dtype
    assert rows.shape == (2, 1000)
    assert (rows > 0).all()
    assert rows.mean() == pytest.approx(5 * np.sqrt(2 / np.pi), rel=0.1)


@pytest.mark.parametrize("start", ["random", "nndsvd", "nndsvda", "nndsvdar", "spa"])
def test_large_sparse_data_choose_their_parts(start):
    result = nonneg.factorize(groups(), K, start=start, seed=0, stop=Iterations(2))
    assert result.settings["surplus"] == surplus(K) == 2
    assert result.H.shape == (K, SIDE)
    assert len(result.trace.loss) == 2


@pytest.fixture
def unwanted(monkeypatch):
    """Let no parts be chosen."""

    def refuse(*arguments):
        raise AssertionError("parts were chosen")

    monkeypatch.setattr(warmup, "chosen_parts", refuse)


@pytest.mark.usefixtures("unwanted")
def test_a_start_that_was_given_keeps_its_parts():
    X = groups()
    rng = np.random.default_rng(0)
    given = nonneg.factorize(X, K, start=(rng.random((SIDE, K)), rng.random((K, SIDE))), seed=0, stop=Iterations(2))
    again = nonneg.factorize(X, K, start=given, seed=0, stop=Iterations(2))
    assert given.settings["surplus"] == again.settings["surplus"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"X": groups().toarray()},
        {"X": groups()[:, 1:]},
        {"k": 1},
        {"loss": "kullback-leibler"},
        {"solver": "mu"},
        {"fixed": np.ones((1, SIDE))},
        {"sample_weight": np.arange(SIDE)},
        {"X": scipy.sparse.csr_array(groups() + scipy.sparse.eye_array(SIDE)), "missing_values": 0},
    ],
    ids="-".join,
)
@pytest.mark.usefixtures("unwanted")
def test_where_parts_are_not_chosen(change):
    problem = {"X": groups(), "k": K, "seed": 0, "stop": Iterations(2)} | change
    assert nonneg.factorize(**problem).settings["surplus"] == 0


def test_thinned_data_choose_theirs():
    X = scipy.sparse.vstack([groups()] * (4096 // SIDE + 1)).tocsr()
    result = nonneg.factorize(X, K, start="random", seed=0, stop=Iterations(2))
    assert result.settings["thinned"] is not None
    assert result.settings["surplus"] == 2


def test_fewer_starts_end_in_poor_minima(monkeypatch):
    X = groups(k=8, size=4 * warmup.width(8))
    fits = {}
    for chosen in (True, False):
        if not chosen:
            monkeypatch.setattr(warmup, "surplus", lambda k: 0)
        runs = [nonneg.factorize(X, 8, start="random", seed=seed) for seed in range(10)]
        assert all((run.settings["surplus"] > 0) == chosen for run in runs)
        fits[chosen] = np.array([run.loss_value for run in runs])
    best = min(losses.min() for losses in fits.values())
    poor = {chosen: int((losses > 1.01 * best).sum()) for chosen, losses in fits.items()}
    assert poor[True] <= 1
    assert poor[False] >= 3


def test_bits_depend_on_neither_threads_nor_powers_of_two(dtype, settings_of_equal_bits):
    assert settings_of_equal_bits(groups().astype(dtype), K, start="random")["surplus"] == 2


def test_random_runs_after_a_given_one_choose_theirs():
    X = groups()
    first = nonneg.factorize(X, K, start="random", seed=0)
    again = nonneg.factorize(X, K, start=first, seed=1, n_init=4)
    assert again.loss_value <= first.loss_value * (1 + 1e-9)
    assert again.settings["surplus"] == (0 if again.settings["start"] == "given" else surplus(K))


@pytest.mark.parametrize("limit", [Iterations(1), nonneg.Seconds(1e-9)], ids=["iterations", "seconds"])
def test_limits_hold_for_each_stage(limit, monkeypatch):
    counts, follow = [], surplus_module.iterate

    def noted(*arguments, **options):
        path = follow(*arguments, **options)
        counts.append(path.state.iteration)
        return path

    monkeypatch.setattr(surplus_module, "iterate", noted)
    nonneg.factorize(groups(), K, start="random", seed=0, stop=limit)
    assert counts == [1, 1]
    counts.clear()
    nonneg.factorize(groups(), K, start="random", seed=0, stop=Iterations(20))
    assert counts == [8, 4]


def test_parts_that_are_equal_but_for_rounding():
    rng = np.random.default_rng(0)
    W, H = (rng.random((6, n)).astype(np.float32) for n in (300, 400))
    H[1] = H[0] * np.float32(1 + 1e-7)
    H[2] = H[0] * (1 + 1e-7 * rng.standard_normal(400)).astype(np.float32)
    kept = least_missed_left_out(W, H, 4)[1]
    assert sum(np.allclose(row, H[0], rtol=1e-5) for row in kept) == 1


def test_each_run_adds_parts_of_its_own(monkeypatch):
    seeds, choose = [], warmup.chosen_parts

    def noted(*arguments):
        seeds.append(arguments[-1])
        return choose(*arguments)

    monkeypatch.setattr(warmup, "chosen_parts", noted)
    nonneg.factorize(groups(), K, seed=0, n_init=3, stop=Iterations(1))
    assert seeds[0] == 0
    assert len(set(seeds)) == 3


def test_a_strong_penalty_leaves_nothing():
    result = nonneg.factorize(groups(), K, penalty=nonneg.Penalty(1e6, l1_ratio=1.0), start="random", seed=0)
    assert result.settings["surplus"] == 2
    assert not result.W.any()
    assert not result.H.any()
