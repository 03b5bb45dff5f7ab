"""scikit-learn's own rules for estimators, and the clients that people run."""

import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import nonneg
from nonneg import NMF, non_negative_factorization


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.random((40, 4)) @ rng.random((4, 12)) + 0.01 * rng.random((40, 12))


def starts_that_count_rows(estimator):
    """Name the checks that fail because the start is another where rows are repeated.

    `test_weights.py` holds whole sample weights against repeated rows from the same start.
    """
    if estimator.init == "spa":  # picks rows, so nothing depends on how often they occur
        return {}
    reason = "the start (random numbers, means of X) depends on the number of rows"
    kinds = ("dense", "sparse")
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in kinds}


@parametrize_with_checks(
    [
        NMF(random_state=0, max_iter=1000),
        NMF(2, init="spa", random_state=0),
        NMF(beta_loss="kullback-leibler", random_state=0, max_iter=1000),
        NMF(2, beta_loss="itakura-saito", floor=1e-3, random_state=0),
        NMF(2, beta_loss=1.5, random_state=0, max_iter=1000),
    ],
    expected_failed_checks=starts_that_count_rows,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_pipeline_beside_pca(digits):
    X, y = (part[::2] for part in digits)
    scores = {
        name: cross_val_score(make_pipeline(reduce, LogisticRegression(max_iter=5000)), X, y, cv=3).mean()
        for name, reduce in {"nmf": NMF(20, random_state=0, tol=1e-3), "pca": PCA(20, random_state=0)}.items()
    }
    assert scores["nmf"] > 0.85
    assert scores["nmf"] > scores["pca"] - 0.05


def test_feature_union_and_names(digits):
    X = pd.DataFrame(digits[0][:200]).rename(columns=lambda j: f"pixel{j}")
    union = FeatureUnion([("nmf", NMF(3, random_state=0)), ("pca", PCA(2))]).set_output(transform="pandas")
    out = union.fit_transform(X)
    assert list(out.columns) == ["nmf__nmf0", "nmf__nmf1", "nmf__nmf2", "pca__pca0", "pca__pca1"]
    model = NMF(3, random_state=0).fit(X)
    assert list(model.feature_names_in_) == list(X.columns)
    assert list(model.get_feature_names_out()) == ["nmf0", "nmf1", "nmf2"]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_equal_arrays(X, frame):
    names = [f"c{j}" for j in range(X.shape[1])]
    table = frame({name: X[:, j] for j, name in enumerate(names)})
    model = NMF(3, random_state=0).set_output(transform="polars" if frame is pl.DataFrame else "pandas")
    out = model.fit_transform(table)
    assert isinstance(out, frame)
    # A frame lies column by column in memory, so its sums are taken in another order.
    np.testing.assert_allclose(out.to_numpy(), NMF(3, random_state=0).fit_transform(X), rtol=1e-6, atol=1e-9)


def test_grid_search_over_alpha(digits):
    search = GridSearchCV(NMF(5, random_state=0), {"alpha_W": [0.0, 10.0]}, cv=2).fit(digits[0][:200])
    assert search.best_params_ == {"alpha_W": 0.0}


def test_score_is_the_explained_share(X):
    model = NMF(2, random_state=0).fit(X)
    rest = X - model.transform(X) @ model.components_
    assert model.score(X) == pytest.approx(1 - (rest**2).sum() / (X**2).sum(), abs=1e-12)
    assert NMF(3, random_state=0).fit(X).score(X) > model.score(X)


def test_clone_pickle_and_joblib(X, tmp_path):
    model = NMF(3, random_state=0, alpha_W=1e-3).fit(X)
    assert clone(model).get_params() == model.get_params()
    joblib.dump(model, tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model")):
        np.testing.assert_array_equal(again.transform(X), model.transform(X))
        assert again.result_.reason == model.result_.reason


def test_transform_of_training_data_is_w(X):
    for options in ({}, {"alpha_W": 1e-3, "l1_ratio": 0.5}, {"init": "spa"}):
        model = NMF(3, random_state=0, **options)
        W = model.fit_transform(X)
        np.testing.assert_array_equal(model.transform(X), W)
        np.testing.assert_allclose(model.inverse_transform(W), W @ model.components_)


def test_same_quality_as_scikit_learn_from_the_same_start(X):
    rng = np.random.default_rng(1)
    W, H = rng.random((40, 3)), rng.random((3, 12))
    theirs = SklearnNMF(3, init="custom", tol=1e-10, max_iter=20000)
    ours = NMF(3, init="custom", tol=1e-10, max_iter=20000)
    theirs.fit_transform(X, W=W.copy(), H=H.copy())
    ours.fit_transform(X, W=W, H=H)
    assert ours.reconstruction_err_ <= theirs.reconstruction_err_ * (1 + 1e-6)


def test_random_start_draws_scikit_learns_numbers(X):
    """One iteration from the same random numbers cannot do worse than scikit-learn's single sweep."""
    with pytest.warns(ConvergenceWarning):
        ours = NMF(3, init="random", random_state=5, max_iter=1).fit(X)
    with pytest.warns(ConvergenceWarning):
        theirs = SklearnNMF(3, init="random", random_state=5, max_iter=1).fit(X)
    assert ours.reconstruction_err_ <= theirs.reconstruction_err_


def test_random_state_instance_and_global(X):
    a = NMF(3, init="random", random_state=np.random.RandomState(3)).fit(X)
    b = NMF(3, init="random", random_state=np.random.RandomState(3)).fit(X)
    np.testing.assert_array_equal(a.components_, b.components_)
    c = NMF(3, init="random", random_state=a.result_.seed).fit(X)
    np.testing.assert_array_equal(a.components_, c.components_)


def test_convergence_warning_says_what_to_do(X):
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 1 reached. Increase it to improve"):
        NMF(3, max_iter=1).fit(np.zeros((4, 5)) + 1)
    NMF(3, max_iter=1, tol=0).fit(X)


@pytest.mark.parametrize(
    ("category", "call"),
    [
        (ConvergenceWarning, lambda X: NMF(3, max_iter=1).fit(X)),
        (ConvergenceWarning, lambda X: NMF(3, max_iter=1).fit_transform(X)),
        (ConvergenceWarning, lambda X: make_pipeline(NMF(3, max_iter=1)).fit(X)),
        (ConvergenceWarning, lambda X: non_negative_factorization(X, n_components=3, max_iter=1)),
        (UserWarning, lambda X: NMF(3, solver="mu", init="nndsvd", tol=0).fit(X)),
        (RuntimeWarning, lambda X: NMF(3).fit(X, W=X[:, :3], H=X[:3])),
        (RuntimeWarning, lambda X: non_negative_factorization(X, X[:, :3], X[:3], update_H=False)),
    ],
)
def test_warnings_point_at_the_caller(X, category, call):
    with pytest.warns(category) as caught:
        call(X)
    assert [warning.filename for warning in caught] == [__file__]


def test_uncertainties_in_the_place_of_y_are_pointed_out(X):
    model = NMF(3, random_state=0)
    for fit in (model.fit, model.fit_transform):
        with pytest.warns(UserWarning, match=r"^y, which is ignored, has the shape of X: .* uncertainty=U\.$"):
            fit(X, np.ones_like(X))
        fit(X, np.ones(len(X)))
        fit(X[:, :1], np.ones((len(X), 1)))


def test_plain_updates_warn_of_zeros_that_stay_as_scikit_learns_do(X):
    for kind in (NMF, SklearnNMF):
        with pytest.warns(UserWarning, match="solver cannot update zeros present in the initialization"):
            kind(3, solver="mu", init="nndsvd", beta_loss=1, tol=0).fit(X)
    # What "auto" picks moves them.
    NMF(3, init="nndsvd", beta_loss="kullback-leibler", tol=1e-3).fit(X)


@pytest.mark.parametrize(
    "beta_loss", ["frobenius", "kullback-leibler", "poisson", "itakura-saito", 0, 1, 2, 0.5, 1.5]
)
@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_every_loss_has_scikit_learns_interface(X, beta_loss, solver):
    model = NMF(3, beta_loss=beta_loss, solver=solver, random_state=0, tol=0, max_iter=60)
    W = model.fit_transform(X)
    result = model.result_
    assert model.reconstruction_err_ == result.error == pytest.approx(np.sqrt(2 * result.loss_value))
    assert model.n_iter_ == 60
    assert model.components_.shape == (3, 12)
    np.testing.assert_array_equal(model.inverse_transform(W), W @ model.components_)
    W, H, n_iter = non_negative_factorization(
        X, n_components=3, beta_loss=beta_loss, solver=solver, random_state=0, tol=0, max_iter=60
    )
    np.testing.assert_array_equal(H, model.components_)
    assert n_iter == 60
    # As good as scikit-learn's updates from the same start; another order of magnitude is another loss.
    start = np.random.default_rng(0).random((40, 3)), np.random.default_rng(1).random((3, 12))
    beta = "kullback-leibler" if beta_loss == "poisson" else beta_loss
    theirs = SklearnNMF(3, beta_loss=beta, solver="mu", init="custom", tol=0, max_iter=60)
    ours = NMF(3, beta_loss=beta_loss, solver=solver, init="custom", tol=0, max_iter=60)
    theirs.fit_transform(X, W=start[0].copy(), H=start[1].copy())
    ours.fit_transform(X, W=start[0], H=start[1])
    assert ours.reconstruction_err_ <= theirs.reconstruction_err_ * (1.1 if solver == "auto" else 1 + 1e-6)


def test_grid_search_over_losses(digits):
    search = GridSearchCV(
        NMF(5, random_state=0, max_iter=50, tol=1e-3), {"beta_loss": ["frobenius", "kullback-leibler"]}, cv=2
    )
    search.fit(digits[0][:150])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_coordinate_descent_refuses_other_losses_as_scikit_learn_does(X):
    with pytest.raises(ValueError, match="Invalid beta_loss parameter: solver 'cd' does not handle beta_loss"):
        NMF(3, solver="cd", beta_loss="kullback-leibler").fit(X)


def test_negative_allow(X):
    noisy = X - X.mean()
    with pytest.raises(ValueError, match="Negative values in data passed to NMF \\(input X\\)"):
        NMF(3).fit(noisy)
    model = NMF(3, negative="allow", random_state=0).fit(noisy)
    assert model.components_.min() >= 0
    assert model.transform(noisy).min() >= 0
    with pytest.raises(ValueError, match="row 0, column"):
        NMF(3, random_state=0).fit(X).transform(noisy - 100)


def test_update_h_false_equals_transform(X):
    model = NMF(3, random_state=0).fit(X)
    W, H, _ = non_negative_factorization(X, H=model.components_, n_components=3, update_H=False)
    np.testing.assert_array_equal(W, model.transform(X))
    np.testing.assert_array_equal(H, model.components_)
    W, H, _ = non_negative_factorization(X, H=np.zeros((2, 12)), update_H=False)
    assert W.shape == (40, 2)
    assert not W.any()


def test_verbose_prints_and_callback_is_called(X, capsys):
    seen = []
    NMF(3, tol=0, max_iter=20, verbose=1, callback=lambda state: seen.append(state.iteration) or False).fit(X)
    assert seen == list(range(1, 21))
    assert capsys.readouterr().out.count("objective") == 2


def test_librosa_decompose():
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(0)
    S = rng.random((30, 3)) @ rng.random((3, 50))
    components, activations = librosa.decompose.decompose(S, transformer=NMF(3, random_state=0, tol=1e-8))
    np.testing.assert_allclose(components @ activations, S, atol=1e-2)


def test_exported_names():
    assert nonneg.NMF is NMF
    for name in nonneg.__all__:
        assert hasattr(nonneg, name)
