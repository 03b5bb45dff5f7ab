"""MiniBatchNMF: learning from one batch after the other."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import nonneg
from nonneg import NMF, MiniBatchNMF, Penalty
from nonneg.solve.online import Memory, Task, recall
from nonneg.solve.penalty import Shrink

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BETAS = [2, 1, 0, 0.5, 1.5, 3]
# All passes, whatever they bring.
EVERY_PASS = {"tol": 0, "max_no_improvement": None}


@pytest.fixture(scope="module")
def counts():
    """Poisson counts of five parts: 230 rows, 30 columns, a third zeros."""
    rng = np.random.default_rng(0)
    return rng.poisson(rng.gamma(0.3, 1, (230, 5)) @ rng.gamma(0.5, 4, (5, 30))).astype(float)


@pytest.fixture(scope="module")
def positive(counts):
    return counts + 0.1


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


@parametrize_with_checks(
    [
        MiniBatchNMF(random_state=0, max_iter=50),
        MiniBatchNMF(2, batch_size=7, beta_loss="poisson", random_state=0, max_iter=50),
        MiniBatchNMF(3, batch_size=7, alpha_W=1e-3, init="random", random_state=0, max_iter=50),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("beta", "passes", "near"), [(2, 5, 1.05), (2, 40, 1.01), (1, 40, 1.02), (0, 40, 1.05)])
def test_batches_reach_the_loss_of_all_rows_at_once(positive, divergence, beta, passes, near):
    """scikit-learn's MiniBatchNMF is at 2.98, 1.27, 1.10 and 1.16 times the loss by then."""
    whole = NMF(5, beta_loss=beta, random_state=0, tol=1e-7, max_iter=2000)
    whole.fit(positive)
    model = MiniBatchNMF(5, batch_size=23, beta_loss=beta, random_state=0, max_iter=passes)
    W = model.fit_transform(positive)
    loss = divergence(positive, W @ model.components_, beta)
    assert loss < near * whole.result_.loss_value
    assert model.reconstruction_err_ == pytest.approx(np.sqrt(2 * loss), rel=1e-6)


@pytest.mark.parametrize(("beta", "near"), [(2, 1.04), (1, 1.15)])
def test_digits_with_all_defaults(digits, beta, near):
    """Small batches of data that need many passes: scikit-learn ends 29 % and 18 % above NMF."""
    whole = NMF(16, beta_loss=beta, random_state=0).fit(digits)
    model = MiniBatchNMF(16, batch_size=200, beta_loss=beta, random_state=0).fit(digits)
    assert model.reconstruction_err_**2 < near * whole.reconstruction_err_**2


@pytest.mark.parametrize("penalties", [{}, {"alpha_W": 1e-3, "l1_ratio": 0.5}])
@pytest.mark.parametrize("beta", BETAS)
def test_one_batch_comes_to_an_optimum(positive, beta, penalties):
    """Where nothing moves any more, W and H are stationary for the whole objective, penalties included."""
    X = positive[:20]
    model = MiniBatchNMF(2, beta_loss=beta, forget_factor=0.1, fresh_restarts=True, random_state=0, **penalties)
    model.set_params(max_iter=500, **EVERY_PASS)
    W = model.fit_transform(X)
    H = model.components_
    l1 = model.alpha_W * model.l1_ratio
    l2 = model.alpha_W * (1 - model.l1_ratio)
    WH = W @ H
    slope = W.T @ (WH ** (beta - 2) * (WH - X)) + len(X) * (l1 + l2 * H)
    size = W.T @ WH ** (beta - 1) + len(X) * (l1 + l2 * H)
    assert np.abs(slope * H).sum() < 2e-3 * (size * H).sum()
    assert (slope / size)[H == 0].min(initial=0) > -1e-3


@pytest.mark.parametrize("beta", BETAS)
def test_partial_fit_on_the_batches_is_the_path_of_fit(positive, beta):
    """The last batch is shorter. One call forgets what a batch's share of a pass forgets."""
    X, k, height = positive, 4, 50
    rng = np.random.default_rng(1)
    W, H = rng.random((len(X), k)), rng.random((k, X.shape[1]))
    whole = MiniBatchNMF(k, init="custom", batch_size=height, beta_loss=beta, max_iter=3, **EVERY_PASS)
    whole.fit(X, W=W, H=H)
    parts = MiniBatchNMF(k, init="custom", beta_loss=beta, forget_factor=0.7 ** (height / len(X)))
    for _ in range(3):
        for top in range(0, len(X), height):
            batch = slice(top, top + height)
            parts.partial_fit(X[batch], W=W[batch], H=H)
    assert parts.n_steps_ == whole.n_steps_ == 15
    np.testing.assert_allclose(parts.components_, whole.components_, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(parts.transform(X), whole.transform(X), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("forget_factor", [0.0, 0.7])
def test_partial_fit_goes_on_where_fit_has_ended(positive, beta, forget_factor):
    """Parts were sorted and scaled meanwhile: what is remembered goes with them."""
    # W is solved anew by partial_fit but carried along by fit where nothing is remembered.
    options = {"batch_size": 46, "beta_loss": beta, "random_state": 0, "forget_factor": forget_factor, **EVERY_PASS}
    model = MiniBatchNMF(4, max_iter=3, **options).fit(positive)
    before = model.components_.copy()
    for top in range(0, 230, 46):
        model.partial_fit(positive[top : top + 46])
    assert model.n_steps_ == 20
    np.testing.assert_allclose(model.components_.sum(axis=1), 1)
    moved = np.abs(model.components_ - before).sum(axis=1)
    assert (moved < 0.6).all()  # of at most 2: part by part it is the same one
    if forget_factor:
        longer = MiniBatchNMF(4, max_iter=4, **options).fit(positive)
        # Coordinates are taken in turn: in another order they end nearby.
        same = {"rtol": 1e-6, "atol": 1e-10} if beta != 2 else {"atol": 2e-3}
        np.testing.assert_allclose(by_feature(model), by_feature(longer), **same)


def by_feature(model):
    return model.components_[np.argsort(model.components_ @ np.arange(30))]


@pytest.mark.parametrize("beta", BETAS)
def test_without_memory_a_single_batch_is_the_mu_solver(positive, beta):
    whole = NMF(4, solver="mu", beta_loss=beta, random_state=0, tol=0, max_iter=30)
    W = whole.fit_transform(positive)
    model = MiniBatchNMF(4, beta_loss=beta, random_state=0, forget_factor=0, max_iter=30, **EVERY_PASS)
    np.testing.assert_allclose(model.fit_transform(positive), W, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(model.components_, whole.components_, rtol=1e-7, atol=1e-12)
    assert model.reconstruction_err_ == pytest.approx(whole.reconstruction_err_)


def test_the_past_fades(counts):
    """After data of another kind H follows them; sooner, the less the past counts."""
    first, then = counts[:100], counts[:100, ::-1].copy()
    loss = []
    for forget_factor in (0.1, 0.7, 1.0):
        model = MiniBatchNMF(5, random_state=0, forget_factor=forget_factor)
        for batch in [first] * 5 + [then] * 5:
            model.partial_fit(batch)
        loss.append(1 - model.score(then))
    assert loss == sorted(loss)
    assert loss[0] < 0.8 * loss[-1]


@pytest.mark.parametrize("beta", BETAS)
def test_kinds_of_data_take_the_same_path(positive, counts, kinds, beta):
    X = positive if beta <= 0 else counts
    reference = None
    for _, as_kind in kinds.values():
        model = MiniBatchNMF(3, batch_size=60, beta_loss=beta, random_state=0, max_iter=10, init="random")
        W = model.fit_transform(as_kind(X))
        reference = reference or (W, model.components_)
        np.testing.assert_allclose(W, reference[0], rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(model.components_, reference[1], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("penalties", [{}, {"alpha_W": 1e-3, "l1_ratio": 0.5}])
def test_transform_of_the_training_data_is_w(positive, dtype, beta, penalties):
    X = positive.astype(dtype)
    model = MiniBatchNMF(4, batch_size=60, beta_loss=beta, random_state=0, max_iter=5, **penalties)
    W = model.fit_transform(X)
    assert W.dtype == model.components_.dtype == dtype
    np.testing.assert_array_equal(model.transform(X), W)
    np.testing.assert_allclose(model.transform(X[17:18]), W[17:18], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.inverse_transform(W), W @ model.components_)
    assert 0.5 < model.score(X) <= 1


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("forget_factor", [0.0, 0.7])
def test_same_seed_same_bits_on_any_number_of_threads(positive, beta, forget_factor):
    options = {"batch_size": 60, "beta_loss": beta, "max_iter": 5, "init": "random", "forget_factor": forget_factor}
    one, two, three, other = (
        MiniBatchNMF(4, random_state=seed, **options) for seed in (3, 3, np.random.RandomState(5), 4)
    )
    W = one.fit_transform(positive)
    with nonneg.threads(3):
        np.testing.assert_array_equal(two.fit_transform(positive), W)
    np.testing.assert_array_equal(one.components_, two.components_)
    np.testing.assert_array_equal(
        three.fit_transform(positive),
        clone(three).set_params(random_state=np.random.RandomState(5)).fit_transform(positive),
    )
    assert not np.array_equal(other.fit_transform(positive), W)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("exponent", [-400, -40, 40, 400])
def test_scale_of_x_does_not_matter(positive, beta, exponent):
    model, scaled = (MiniBatchNMF(4, batch_size=60, beta_loss=beta, random_state=0, max_iter=5) for _ in range(2))
    W = model.fit_transform(positive)
    W_scaled = scaled.fit_transform(np.ldexp(positive, exponent))
    np.testing.assert_array_equal(scaled.components_, model.components_)
    np.testing.assert_array_equal(W_scaled, np.ldexp(W, exponent))
    assert np.isfinite(scaled.reconstruction_err_) or beta * exponent > 1000


@pytest.mark.parametrize("beta", [2, 1, 0.5, 1.5])
def test_rows_and_columns_of_zeros_get_zeros(counts, beta):
    X = counts.copy()
    X[[0, 60, 61, 62]], X[:, [3, 9]] = 0, 0
    for data in (X, scipy.sparse.csr_array(X)):
        model = MiniBatchNMF(4, batch_size=3, beta_loss=beta, random_state=0, max_iter=3)
        W = model.fit_transform(data)
        assert not W[[0, 60, 61, 62]].any()
        assert not model.components_[:, [3, 9]].any()
        assert np.isfinite(W).all()
        assert np.isfinite(model.components_).all()


@pytest.mark.parametrize("beta", [2, 1, 0.5, 1.5])
def test_a_feature_that_comes_late_is_learnt(counts, beta, dtype):
    """Multiplication must not lock what has been zero in a long past."""
    X = counts.astype(dtype)
    early = X.copy()
    early[:, 7] = 0
    model = MiniBatchNMF(4, beta_loss=beta, random_state=0, forget_factor=0.5)
    for _ in range(300):
        model.partial_fit(early[:40])
    assert not model.components_[:, 7].any()
    for _ in range(20):
        model.partial_fit(X[:40])
    rebuilt = model.inverse_transform(model.transform(X[:40]))[:, 7]
    assert rebuilt.sum() > 0.5 * X[:40, 7].sum()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_rounding_leaves_of_a_part_that_only_a_penalty_pulls_at_is_zero(dtype):
    H = np.random.default_rng(0).random((2, 200)).astype(dtype)
    # The second part was in no batch: its optimum is zero, and a W solved for anything else would be huge.
    memory = Memory(H * np.array([[2], [0]], dtype), np.diag([1.0, 0.0]), Shrink(0.0, 0.3), np.ones(200, bool))
    found = recall(Task(2, Penalty(0, 1)), memory, H, np.array([True, False]))
    assert (found[1] == 0).all()
    np.testing.assert_allclose(found[0], 2 * H[0] / 1.3, rtol=1e-6)


@pytest.mark.parametrize("beta", [2, 1])
def test_batches_of_zeros_teach_nothing(counts, beta):
    model = MiniBatchNMF(4, beta_loss=beta, random_state=0)
    model.partial_fit(np.zeros((5, 30)))
    assert not model.components_.any()
    model.partial_fit(counts[:50])
    learnt = model.components_.copy()
    assert learnt.any()
    model.partial_fit(np.zeros((5, 30)))
    np.testing.assert_allclose(model.components_, learnt, atol=1e-9 if beta == 1 else 1e-3)
    assert model.n_steps_ == 3


@pytest.mark.parametrize("beta", [2, 1, 0])
def test_fresh_restarts_solve_w_to_the_end(positive, beta):
    """Both come to the same place; the options about iterations change nothing."""
    options = {"batch_size": 60, "beta_loss": beta, "random_state": 0, "max_iter": 30}
    rough, settled = (MiniBatchNMF(4, fresh_restarts=fresh, **options).fit(positive) for fresh in (False, True))
    assert rough.reconstruction_err_ == pytest.approx(settled.reconstruction_err_, rel=0.02)
    limited = MiniBatchNMF(4, fresh_restarts_max_iter=1, transform_max_iter=1, **options)
    np.testing.assert_array_equal(limited.fit_transform(positive), rough.transform(positive))


def test_penalties_are_shared_among_the_batches(counts):
    """The same objective whatever the batches: l1 strong enough gives zeros, and both sizes end alike."""
    options = {"alpha_W": 0.02, "l1_ratio": 1.0, "random_state": 0, "max_iter": 100, "forget_factor": 0.1}
    small, large = (MiniBatchNMF(5, batch_size=size, **options) for size in (46, 230))
    free = MiniBatchNMF(5, batch_size=46, random_state=0, max_iter=100, forget_factor=0.1).fit(counts)

    def objective(model):
        W, H = model.transform(counts), model.components_
        return 0.5 * ((counts - W @ H) ** 2).sum() + 0.02 * (30 * W.sum() + 230 * H.sum())

    one, two, three = (objective(model) for model in (small.fit(counts), large.fit(counts), free))
    assert one == pytest.approx(two, rel=0.03)
    assert one < three


def test_stops_once_a_pass_teaches_little(counts):
    quick, exact = (MiniBatchNMF(5, batch_size=40, random_state=0, tol=tol) for tol in (1e-2, 1e-5))
    assert 1 < quick.fit(counts).n_iter_ < exact.fit(counts).n_iter_
    assert quick.reconstruction_err_ > exact.reconstruction_err_
    assert quick.n_iter_ == -(-quick.n_steps_ // 6)
    impatient = MiniBatchNMF(5, batch_size=40, random_state=0, tol=1e-5, max_no_improvement=1).fit(counts)
    assert impatient.n_steps_ < exact.n_steps_


def test_says_when_it_has_not_ended_by_itself(counts):
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 1 reached. Increase it") as caught:
        MiniBatchNMF(3, max_iter=1).fit(counts)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MiniBatchNMF(3, max_iter=1, tol=0).fit(counts)
        MiniBatchNMF(3, tol=0.1).fit(counts)


def test_verbose_prints_each_batch(counts, capsys):
    model = MiniBatchNMF(3, batch_size=100, max_iter=2, verbose=1, **EVERY_PASS).fit(counts)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_steps_ == 6
    assert lines[0].startswith("Batch 1 of at most 6: objective ")


def test_a_model_travels_with_its_memory(counts):
    model = MiniBatchNMF(3, beta_loss=1, random_state=0).partial_fit(counts[:50])
    again = pickle.loads(pickle.dumps(model))
    for each in (model, again):
        each.partial_fit(counts[50:100])
    np.testing.assert_array_equal(again.components_, model.components_)
    assert not hasattr(clone(model), "components_")


def test_scikit_learns_parameters_and_defaults_come_first():
    import inspect

    from sklearn.decomposition import MiniBatchNMF as Theirs

    ours, theirs = (inspect.signature(cls.__init__).parameters for cls in (MiniBatchNMF, Theirs))
    assert [p.name for p in ours.values()][: len(theirs)] == list(theirs)
    assert {name: p.default for name, p in theirs.items()}.items() <= {n: p.default for n, p in ours.items()}.items()


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_bad_input_is_named(counts, call):
    def learn(X, *, W=None, H=None, **options):
        return getattr(MiniBatchNMF(**{"n_components": 3, "random_state": 0, **options}), call)(X, W=W, H=H)

    bad = counts.copy()
    bad[4, 2] = -1
    with pytest.raises(
        ValueError, match=r"Negative values in data passed to MiniBatchNMF \(input X\).*row 4, column 2"
    ):
        learn(bad)
    bad[4, 2] = np.nan
    with pytest.raises(ValueError, match=r"NaN.*row 4, column 2"):
        learn(bad)
    for beta in (0, -0.5):
        with pytest.raises(ValueError, match=r"When beta_loss <= 0 and X contains zeros.*floor="):
            learn(counts, beta_loss=beta)
        assert learn(counts, beta_loss=beta, floor=0.1).components_.any()
    with pytest.raises(ValueError, match="n_components <= min"):
        learn(counts[:2], init="nndsvd")
    with pytest.raises(ValueError, match="init='custom' needs both W and H"):
        learn(counts, init="custom")
    with pytest.raises(ValueError, match="Array with wrong second dimension passed to NMF"):
        learn(counts, init="custom", W=np.ones((230, 3)), H=np.ones((3, 29)))
    with pytest.warns(RuntimeWarning, match="When init!='custom', provided W or H are ignored"):
        learn(counts, H=np.ones((3, 30)))
    for options in ({"forget_factor": 1.1}, {"batch_size": 0}, {"max_no_improvement": 0}, {"beta_loss": "l1"}):
        with pytest.raises(ValueError, match=f"The '{next(iter(options))}' parameter of MiniBatchNMF"):
            learn(counts, **options)


def test_a_bad_batch_leaves_the_model_as_it_was(counts):
    model = MiniBatchNMF(3, beta_loss=3, random_state=0).partial_fit(counts.astype(np.float32))
    before = model.components_.copy()
    with pytest.raises(ValueError, match="This batch is too large beside those before it"):
        model.partial_fit((counts * 1e30).astype(np.float32))
    with pytest.raises(ValueError, match="X has 29 features, but MiniBatchNMF is expecting 30"):
        model.partial_fit(counts[:, 1:])
    np.testing.assert_array_equal(model.components_, before)
    assert model.n_steps_ == 1


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_parts_learnt_in_pieces_become_a_factorization(digits, loss):
    model = MiniBatchNMF(8, random_state=0, beta_loss=loss)
    for top in range(0, 1797, 300):
        model.partial_fit(digits[top : top + 300])
    result = nonneg.factorize(digits, model.n_components_, loss=loss, fixed=model.components_, seed=0)
    np.testing.assert_array_equal(result.H, model.components_)
    W = model.transform(digits)
    np.testing.assert_allclose(result.W @ result.H, W @ model.components_, atol=0.02)
    assert nonneg.inspect.row_shares(result).shape == (1797, 8)
