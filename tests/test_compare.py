"""`compare`: each number against its definition, and the laws that hold between methods."""

import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

import nonneg
from nonneg.explain import decompositions, progress
from nonneg.explain.comparison import HEADINGS, partners
from nonneg.explain.measures import measures

ALL = ("nmf", "pca", "ica", "fa", "dictionary")


@pytest.fixture(scope="module")
def X():
    return load_digits().data[:400]


@pytest.fixture(scope="module")
def digits(X):
    return nonneg.compare(X, 8)


def line(comparison, method):
    i = comparison.methods.index(method)
    return {column: values[i] for column, values in comparison.table.items()}


def relative(X, fitted):
    return np.linalg.norm(X - fitted) / np.linalg.norm(X)


def test_the_table_is_in_the_order_asked_for(X, digits):
    assert digits.methods == tuple(digits.table["method"]) == ALL
    assert list(digits.table) == ["method", *HEADINGS]
    turned = nonneg.compare(X, 8, ("pca", "nmf"), n_seeds=1)
    assert turned.methods == tuple(turned.table["method"]) == ("pca", "nmf")
    for method in turned.methods:
        assert (turned.components[method] == digits.components[method]).all()
        assert line(turned, method)["held_out_error"] == line(digits, method)["held_out_error"]


def test_every_row_is_either_fitted_or_held_out(digits):
    assert len(digits.held_out) == 100
    assert sorted([*digits.train, *digits.held_out]) == list(range(400))


def test_the_parts_of_nmf_only_add(digits):
    ours = line(digits, "nmf")
    assert ours["negative_in_parts"] == ours["negative_in_weights"] == 0
    assert ours["cancellation"] == pytest.approx(0, abs=1e-12)
    for method in ("pca", "ica", "fa"):
        theirs = line(digits, method)
        assert min(theirs["negative_in_parts"], theirs["negative_in_weights"], theirs["cancellation"]) > 0.2


def test_nothing_of_that_size_fits_better_than_pca(digits):
    best = line(digits, "pca")["training_error"]
    assert (digits.table["training_error"] >= best * (1 - 1e-9)).all()
    assert line(digits, "nmf")["training_error"] > best
    assert line(digits, "fa")["training_error"] > best


def test_ica_turns_the_parts_of_pca_within_their_space(X, digits):
    pca, ica = line(digits, "pca"), line(digits, "ica")
    assert X[:, 0].max() == 0  # the constant feature that FastICA's own whitening stumbles over
    for column in ("held_out_error", "training_error"):
        assert ica[column] == pytest.approx(pca[column], rel=1e-9)
    assert np.abs(partners(digits.components["pca"], digits.components["ica"])[1]).min() < 0.9


def test_numbers_of_nmf_are_those_of_factorize(X, digits):
    fitted, rows = X[digits.train], X[digits.held_out]
    result = nonneg.factorize(fitted, 8, seed=int(digits.seeds[0]))
    ours = line(digits, "nmf")
    assert (digits.components["nmf"] == result.H).all()
    assert ours["training_error"] == pytest.approx(relative(fitted, result.W @ result.H))
    assert ours["held_out_error"] == pytest.approx(relative(rows, result.transform(rows) @ result.H))
    assert ours["part_sparsity"] == pytest.approx(nonneg.inspect.sparsity(result).mean())
    assert ours["weight_sparsity"] == pytest.approx(nonneg.inspect.sparsity(result, "W").mean())
    others = [nonneg.factorize(fitted, 8, seed=int(seed), start="random") for seed in digits.seeds[1:]]
    alike = [nonneg.inspect.match(result, other).similarity.mean() for other in others]
    assert ours["stability"] == pytest.approx(np.mean(alike))
    assert ours["stability"] < 0.95  # starts at random end elsewhere


def test_numbers_of_pca_are_those_of_the_singular_vectors(X, digits):
    fitted, rows = X[digits.train], X[digits.held_out]
    mean = fitted.mean(axis=0)
    parts = np.linalg.svd(fitted - mean, full_matrices=False)[2][:8]
    W, new, H = (fitted - mean) @ parts.T, (rows - mean) @ parts.T, digits.components["pca"]
    theirs = line(digits, "pca")
    np.testing.assert_allclose(np.abs(np.sum(H * parts, axis=1)), 1)
    assert theirs["training_error"] == pytest.approx(relative(fitted, W @ parts + mean))
    assert theirs["held_out_error"] == pytest.approx(relative(rows, new @ parts + mean))
    assert theirs["cancellation"] == pytest.approx(1 - np.abs(W @ parts).sum() / (np.abs(W) @ np.abs(parts)).sum())
    root = np.sqrt(X.shape[1])
    hoyer = (root - np.abs(parts).sum(axis=1) / np.linalg.norm(parts, axis=1)) / (root - 1)
    assert theirs["part_sparsity"] == pytest.approx(hoyer.mean())
    # Pixels that are never inked have no part in it, whatever sign rounding gives them.
    assert theirs["negative_in_parts"] == (H[:, np.ptp(fitted, axis=0) > 0] < 0).sum() / H.size
    assert theirs["negative_in_weights"] == ((fitted - mean) @ H.T < 0).mean()
    assert theirs["stability"] == pytest.approx(1)


def test_sums_over_blocks_are_sums_over_all(monkeypatch, X, digits):
    monkeypatch.setattr("nonneg.explain.measures.BLOCK", 700)
    blocks = nonneg.compare(X, 8, ("nmf", "pca"), n_seeds=1)
    for method in blocks.methods:
        for column in ("held_out_error", "training_error", "cancellation"):
            assert line(blocks, method)[column] == pytest.approx(line(digits, method)[column], abs=1e-12)


def test_the_same_random_state_gives_the_same_but_for_the_seconds(X):
    first, again, other = (nonneg.compare(X, 4, n_seeds=2, random_state=seed) for seed in (3, 3, 4))
    for column in first.table:
        if column != "seconds":
            assert (first.table[column] == again.table[column]).all(), column
    for method in ALL:
        assert (first.components[method] == again.components[method]).all()
    assert (first.held_out != other.held_out).any()


def test_the_median_of_the_seconds_and_the_convergence_of_all():
    def run(converged):
        return decompositions.Fitted(np.eye(2), np.zeros(2), lambda rows: rows, converged)

    found = measures([(run(True), 1.0), (run(False), 9.0), (run(True), 2.0)], np.eye(2), np.eye(2))
    assert found["seconds"] == 2
    assert not found["converged"]
    assert measures([(run(True), 1.0)], np.eye(2), np.eye(2))["converged"]
    assert found["held_out_error"] == 0


def test_without_convergence_a_no_and_no_warning(X):
    class Restless:
        def fit(self, X):
            warnings.warn("still moving", ConvergenceWarning, stacklevel=1)

    model = Restless()
    assert decompositions._fitted(model, X) == (model, False)

    class Other:
        def fit(self, X):
            warnings.warn("a word of another kind", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="of another kind"):
        assert decompositions._fitted(Other(), X)[1]


def test_partners_are_the_best_pairs_whatever_their_sign():
    random = np.random.default_rng(0)
    first = random.standard_normal((5, 30))
    order = random.permutation(5)
    second = (first * np.array([1, -2, 3, -4, 5])[:, None])[order]
    found, cosine = partners(first, second)
    np.testing.assert_allclose(second[found] / first, np.array([1, -2, 3, -4, 5])[:, None] * np.ones(30))
    np.testing.assert_allclose(cosine, [1, -1, 1, -1, 1])


def test_lined_up_parts_point_the_way_of_nmf(digits):
    lined, ours = digits.lined_up(), digits.components["nmf"]
    assert (lined["nmf"] == ours).all()
    for method in ALL[1:]:
        theirs = digits.components[method]
        unit = [M / np.linalg.norm(M, axis=1, keepdims=True) for M in (ours, theirs, lined[method])]
        assert (np.sum(unit[0] * unit[2], axis=1) >= 0).all()
        best = np.abs(unit[0] @ unit[1].T)[scipy.optimize.linear_sum_assignment(-np.abs(unit[0] @ unit[1].T))].sum()
        assert np.abs(np.sum(unit[0] * unit[2], axis=1)).sum() == pytest.approx(best)
        assert sorted(np.abs(lined[method]).sum(axis=1)) == pytest.approx(sorted(np.abs(theirs).sum(axis=1)))


def test_without_nmf_the_first_method_leads(X):
    lined = nonneg.compare(X, 3, ("pca", "fa"), n_seeds=1).lined_up()
    assert (lined["pca"].sum(axis=1) >= 0).all()
    assert (np.sum(lined["pca"] * lined["fa"], axis=1) >= 0).all()


def test_swimmer_has_twelve_directions_around_its_mean():
    swimmer = nonneg.datasets.make_swimmer().data
    for method, error in zip(
        ALL[:4], nonneg.compare(swimmer, 12, ALL[:4], n_seeds=1).table["held_out_error"], strict=True
    ):
        assert error > 0.1 if method == "nmf" else error < 1e-6
    assert line(nonneg.compare(swimmer, 16, ("nmf",), n_seeds=1), "nmf")["held_out_error"] < 0.01
    with pytest.raises(
        ValueError, match="ica finds no 13 parts: the rows fitted, less their mean, have a lower rank"
    ):
        nonneg.compare(swimmer, 13, ("ica",))


def test_sparse_data_give_the_numbers_of_dense_ones(kinds, X):
    dense = nonneg.compare(X, 4, ("nmf", "pca", "ica"), n_seeds=1)
    for _, kind in kinds.values():
        given = kind(X)
        other = nonneg.compare(given, 4, ("nmf", "pca", "ica"), n_seeds=1)
        for column in ("held_out_error", "training_error", "negative_in_parts", "cancellation"):
            np.testing.assert_allclose(
                other.table[column], dense.table[column], rtol=2e-3, atol=1e-12, err_msg=column
            )
    with pytest.raises(
        TypeError, match=r"fa, dictionary cannot read a sparse X: compare methods=\('nmf', 'pca', 'ica'\)"
    ):
        nonneg.compare(scipy.sparse.csr_array(X), 4)


def test_as_many_parts_as_rows_or_features():
    X = np.random.default_rng(0).random((20, 5))
    for data in (X, scipy.sparse.csr_array(X)):
        assert (nonneg.compare(data, 5, ("pca", "ica"), n_seeds=1).table["held_out_error"] < 1e-6).all()
    with pytest.raises(
        ValueError, match="k must be at most 5 for pca, fa: 15 rows are fitted and have 5 features; got 6"
    ):
        nonneg.compare(X, 6, ("nmf", "pca", "fa"))
    assert nonneg.compare(X, 6, ("nmf", "dictionary"), n_seeds=1).components["nmf"].shape == (6, 5)


def test_float32_stays(X):
    small = nonneg.compare(X.astype(np.float32), 4, n_seeds=1)
    assert small.components["nmf"].dtype == np.float32
    large = nonneg.compare(X, 4, n_seeds=1)
    np.testing.assert_allclose(small.table["held_out_error"], large.table["held_out_error"], rtol=0.01)


def test_settings_reach_nmf(X):
    poisson = nonneg.compare(X, 4, ("nmf",), n_seeds=1, loss="poisson", penalty=nonneg.Penalty(alpha_W=0.01))
    expected = nonneg.factorize(
        X[poisson.train], 4, loss="poisson", penalty=nonneg.Penalty(alpha_W=0.01), seed=int(poisson.seeds[0])
    )
    assert (poisson.components["nmf"] == expected.H).all()
    below = X - 1
    assert nonneg.compare(below, 4, ("nmf",), n_seeds=1, negative="allow").components["nmf"].min() >= 0
    assert nonneg.compare(below, 4, ("pca",), n_seeds=1).methods == ("pca",)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"methods": ("nmf", "svd")}, ValueError, "methods are 'nmf', 'pca', 'ica', 'fa', 'dictionary'; got 'svd'"),
        ({"methods": "pca"}, TypeError, r"sequence of names, such as \('pca',\)"),
        ({"methods": ()}, ValueError, "at least one of"),
        ({"methods": ("pca", "pca")}, ValueError, "each once"),
        ({"k": 0}, ValueError, "k must be an integer >= 1, got 0"),
        ({"k": True}, ValueError, "k must be an integer >= 1, got True"),
        ({"n_seeds": 0}, ValueError, "n_seeds must be an integer >= 1, got 0"),
        ({"test_size": 1.0}, ValueError, "above 0 and below 1, got 1.0"),
        ({"test_size": 5}, ValueError, "above 0 and below 1, got 5"),
        ({"test_size": 0.01}, ValueError, "test_size=0.01 of 20 rows holds out 0"),
        ({"test_size": 0.99}, ValueError, "holds out 20; at least 1 must be held out and 2 fitted"),
        ({"random_state": -1}, ValueError, r"random_state must be an integer from 0 to 2\*\*32 - 1 or None, got -1"),
        (
            {"X": np.full((20, 5), np.nan)},
            ValueError,
            "Input X contains NaN: row 0, column 0. compare does not accept",
        ),
        ({"X": -np.ones((20, 5))}, ValueError, r"Negative values in data passed to compare \(input X\)"),
        ({"X": np.ones((20, 5)), "methods": ("pca",)}, ValueError, "pca finds no 2 parts"),
        ({"X": np.ones((20, 5)), "methods": ("fa",)}, ValueError, "fa finds no 2 parts"),
        ({"loss": "huber"}, ValueError, "huber"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(change, error, words):
    arguments = {"X": np.random.default_rng(0).random((20, 5)), "k": 2} | change
    with pytest.raises(error, match=words):
        nonneg.compare(**arguments)


def test_zeros_are_described_by_nothing():
    empty = nonneg.compare(np.zeros((12, 4)), 2, ("nmf", "dictionary"))
    assert (empty.table["held_out_error"] == 0).all()
    assert (empty.table["cancellation"] == 0).all()
    late = np.zeros((12, 4))
    late[nonneg.compare(np.ones((12, 4)), 1, ("nmf",)).train] = 1
    assert line(nonneg.compare(late, 1, ("nmf",)), "nmf")["held_out_error"] == 0


def test_one_run_says_nothing_of_stability(X):
    once = nonneg.compare(X, 3, ("nmf", "pca"), n_seeds=1)
    assert np.isnan(once.table["stability"]).all()
    assert "1 run each" in repr(once)


def test_print_frame_and_html_show_the_table(digits):
    head, above, below, *lines = repr(digits).split("\n")
    assert head == "Comparison of k=8 parts, 300 rows fitted and 100 held out, 3 runs each"
    assert [text.split()[0] for text in lines] == list(ALL)
    assert f"{line(digits, 'ica')['held_out_error']:.3f}" == lines[2].split()[1]
    assert max(map(len, [above, below, *lines])) < 120
    frame = digits.frame()
    assert list(frame.index) == list(ALL)
    assert list(frame.columns) == list(HEADINGS)
    assert (frame["cancellation"] == digits.table["cancellation"]).all()
    page = digits._repr_html_()
    assert page.count("<tr>") == 6
    assert "<th>held-out error</th>" in page
    assert "<th>cancellation</th>" in page


def test_frame_without_pandas_says_so(monkeypatch, digits):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        digits.frame()


def test_names_of_a_frame_are_kept(X):
    frame = pd.DataFrame(X[:, :5], columns=list("abcde"))
    assert nonneg.compare(frame, 2, ("nmf",), n_seeds=1).feature_names.tolist() == list("abcde")


def test_a_bar_moves_on_a_terminal_only(monkeypatch):
    items = [1, 2, 3]
    assert progress.shown(items, "comparing") is items
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert progress.shown(items, "comparing") is items


def test_the_bar_goes_through_all(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress.shown([1, 2, 3], "comparing")) == [1, 2, 3]
    assert "comparing" in capsys.readouterr().err
