"""What `nonneg.inspect` says of W and H is what its formulas say, written out in plain loops."""

import sys

import numpy as np
import pandas as pd
import pytest

import nonneg
from nonneg import inspect


def made(W, H, **known):
    """Return a result with these factors."""
    W, H = np.asarray(W), np.asarray(H)
    trace = nonneg.Trace(np.zeros(1), np.zeros(1))
    return nonneg.Factorization(W, H, "frobenius", 0.0, 0.0, 0.0, trace, True, "tolerance", 0.0, 0, **known)


@pytest.fixture
def result(planted, dtype):
    """Factors with zeros, an empty row (4), a feature that nobody uses (2) and a part of zeros (3)."""
    _, W, H = planted(25, 40, 5)
    W[4], H[:, 2], W[:, 3], H[3] = 0, 0, 0, 0
    return made(W.astype(dtype), H.astype(dtype))


def scaled(result):
    """Return the same W H with scale moved between the factors."""
    s = 2.0 ** np.arange(-3, -3 + result.k)
    return made(result.W * s, result.H / s[:, None])


def permuted(result, order):
    return made(result.W[:, order], result.H[order])


def shares_of(result):
    W, H = result.W.astype(np.float64), result.H.astype(np.float64)
    amounts = np.array([[W[i, j] * sum(H[j]) for j in range(result.k)] for i in range(len(W))])
    return np.array([a / a.sum() if a.sum() > 0 else a for a in amounts])


def test_shares_of_the_total_are_those_of_w_h(result):
    totals = [np.sum(result.W[:, j].astype(np.float64)) * np.sum(result.H[j]) for j in range(result.k)]
    shares = inspect.shares(result)
    np.testing.assert_allclose(shares, totals / np.sum(totals), rtol=1e-6)
    named = inspect.shares(result, as_frame=True)
    assert named.index.tolist() == [f"part {j + 1}" for j in range(result.k)]
    assert (named.to_numpy() == shares).all()


def test_row_shares_are_those_of_w_h(result):
    shares = inspect.row_shares(result)
    np.testing.assert_allclose(shares, shares_of(result), rtol=1e-12)
    assert shares.dtype == np.float64
    assert (shares[4] == 0).all()
    assert (shares[:, 3] == 0).all()
    totals = (result.W.astype(np.float64) @ result.H).sum(axis=1)
    np.testing.assert_allclose(totals @ shares / totals.sum(), result.share, rtol=1e-6)
    np.testing.assert_allclose(inspect.row_shares(scaled(result)), shares, rtol=1e-12)
    np.testing.assert_allclose(inspect.row_shares(permuted(result, [2, 0, 4, 1, 3])), shares[:, [2, 0, 4, 1, 3]])


@pytest.mark.parametrize(("w", "h"), [(1e300, 1e300), (1e-300, 1e-300), (1e300, 1e-300), (1e-300, 1e308)])
def test_row_shares_at_the_ends_of_the_range(w, h):
    shares = inspect.row_shares(made(w * np.array([[1.0, 3.0], [0.5, 0.5]]), h * np.array([[0.5, 0.5], [0.5, 0.5]])))
    np.testing.assert_allclose(shares, [[0.25, 0.75], [0.5, 0.5]])


def test_rows_of_very_different_size_have_shares():
    W = np.array([[1e300, 1e300], [1e-300, 3e-300]])
    np.testing.assert_allclose(inspect.row_shares(made(W, np.ones((2, 3)))), [[0.5, 0.5], [0.25, 0.75]])


def test_the_dominant_part_has_the_largest_share(result):
    most = inspect.dominant(result)
    for i, shares in enumerate(shares_of(result)):
        first, second = sorted(shares, reverse=True)[:2]
        assert most.part[i] == (list(shares).index(first) if first > 0 else -1)
        assert most.share[i] == pytest.approx(first)
        assert most.margin[i] == pytest.approx(first - second)
    assert most.part[4] == -1
    assert most.share[4] == most.margin[4] == 0


def test_the_dominant_part_of_ties_and_of_a_single_part():
    most = inspect.dominant(made([[1.0, 1.0], [0.0, 2.0]], [[0.5, 0.5], [0.0, 1.0]]))
    assert most.part.tolist() == [0, 1]
    assert most.margin.tolist() == [0, 1]
    alone = inspect.dominant(made([[1.0], [0.0]], [[2.0, 1.0]]))
    assert alone.part.tolist() == [0, -1]
    assert alone.share.tolist() == alone.margin.tolist() == [1, 0]


def scores_of(parts, share, by):
    """Return scores (k x n) by their definitions; parts are rows of H or columns of W."""
    p = np.array([f / f.sum() if f.sum() > 0 else f for f in parts.astype(np.float64)])
    k, n = p.shape
    q = [sum(share[j] * p[j, i] for j in range(k)) for i in range(n)]
    out = np.zeros((k, n))
    for j in range(k):
        held = [i for i in range(n) if p[j, i] > 0]
        own = {i: share[j] * p[j, i] / q[i] for i in held}
        for i in held:
            if by == "lift":
                out[j, i] = p[j, i] / q[i]
            else:
                r = sum(p[j, other] <= p[j, i] for other in held) / len(held)
                s = sum(own[other] <= own[i] * (1 + 1e-12) for other in held) / len(held)
                out[j, i] = 2 * r * s / (r + s)
    return out


@pytest.mark.parametrize("by", ["weight", "lift", "exclusivity"])
@pytest.mark.parametrize("what", ["features", "rows"])
def test_top_is_ordered_by_its_score(result, what, by):
    parts = result.H if what == "features" else result.W.T
    find = inspect.top_features if what == "features" else inspect.top_rows
    portions = np.array([f / f.sum() if f.sum() > 0 else f for f in parts.astype(np.float64)])
    if by != "weight":
        scores = scores_of(parts, result.share, by)
    elif what == "features":
        scores = portions
    else:
        scores = parts.astype(np.float64) * result.H.astype(np.float64).sum(axis=1, keepdims=True)
    top = find(result, 7, by=by)
    assert top.index.shape == top.score.shape == top.amount.shape == top.names.shape == (5, 7)
    best = -np.sort(-scores, axis=1)[:, :7]
    np.testing.assert_allclose(top.score, best, rtol=1e-10)
    for j in range(5):
        np.testing.assert_allclose(top.score[j], scores[j, top.index[j]], rtol=1e-10)
        np.testing.assert_allclose(top.amount[j], portions[j, top.index[j]], rtol=1e-10)
        assert len(set(top.index[j])) == 7
        assert top.names[j].tolist() == [f"{what[:-1]} {i}" for i in top.index[j]]
    assert (top.score[3] == 0).all()
    assert top.index[3].tolist() == list(range(7))
    np.testing.assert_allclose(find(scaled(result), 7, by=by).score, top.score, rtol=1e-6)
    order = [2, 0, 4, 1, 3]
    np.testing.assert_allclose(find(permuted(result, order), 7, by=by).score, top.score[order], rtol=1e-6)


def test_the_scores_tell_common_from_rare_from_telling():
    # Feature 0 is large everywhere, 1 a tiny thing of part 0 alone, 2 large there and nowhere else, 3 of part 1.
    H = np.array([[0.6, 0.0001, 0.3, 0.0999], [0.6, 0.0, 0.0, 0.4]])
    result = made(np.ones((3, 2)), H)
    first = {by: inspect.top_features(result, 1, by=by).index[0, 0] for by in ("weight", "lift", "exclusivity")}
    assert first == {"weight": 0, "lift": 1, "exclusivity": 2}
    assert inspect.top_features(result, 1, by="lift").score[0, 0] == pytest.approx(2)


def test_features_of_one_part_alone_are_equally_exclusive():
    # 1/3 of 0.1 and the like: rounding must not rank what is wholly exclusive.
    H = np.array([[0.1, 0.7, 0.2, 0.0], [0.0, 0.0, 0.0, 1.0]])
    top = inspect.top_features(made([[1 / 3, 1 / 7]], H), 3, by="exclusivity")
    assert top.index[0].tolist() == [1, 2, 0]
    np.testing.assert_allclose(top.score[0], [1, 2 * (2 / 3) / (5 / 3), 2 * (1 / 3) / (4 / 3)])


def test_top_keeps_the_order_of_equals_and_gives_no_more_than_there_are():
    top = inspect.top_features(made([[1.0]], [[0.25, 0.25, 0.25, 0.25]]), 10)
    assert top.index.tolist() == [[0, 1, 2, 3]]
    assert inspect.top_rows(made([[1.0]], [[2.0, 2.0]]), 3).score.tolist() == [[4.0]]


@pytest.mark.parametrize("by", ["weight", "lift", "exclusivity"])
def test_top_of_nothing_at_all(by):
    nothing = made(np.zeros((4, 2)), np.zeros((2, 3)))
    for top in (inspect.top_features(nothing, by=by), inspect.top_rows(nothing, by=by)):
        assert (top.score == 0).all()
        assert (top.amount == 0).all()


def test_ten_thousand_named_columns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((12, 10_000)), columns=[f"gene {i}" for i in range(10_000)])
    result = nonneg.factorize(X, 3, seed=0, stop=nonneg.Iterations(1))
    for by in ("weight", "lift", "exclusivity"):
        frame = inspect.top_features(result, 5, by=by, as_frame=True)
        assert list(frame.columns) == ["part", "rank", "feature", "score", "amount"]
        assert frame["part"].tolist() == [f"part {j}" for j in (1, 2, 3) for _ in range(5)]
        assert frame["rank"].tolist() == [1, 2, 3, 4, 5] * 3
        top = inspect.top_features(result, 5, by=by)
        assert frame["feature"].tolist() == [f"gene {i}" for i in top.index.ravel()]
        np.testing.assert_array_equal(frame["score"], top.score.ravel())
        np.testing.assert_array_equal(frame["amount"], top.amount.ravel())


@pytest.mark.parametrize("count", [0, -1, 2.0, True, None, "ten"])
def test_top_refuses_a_wrong_count(result, count):
    for find in (inspect.top_features, inspect.top_rows):
        with pytest.raises(ValueError, match="count must be an integer >= 1, got"):
            find(result, count)


@pytest.mark.parametrize("find", [inspect.top_features, inspect.top_rows])
def test_top_refuses_an_unknown_score(result, find):
    with pytest.raises(ValueError, match=r"by must be one of \('weight', 'lift', 'exclusivity'\), got 'size'"):
        find(result, by="size")


@pytest.mark.parametrize("side", ["H", "W"])
def test_sparsity_is_hoyers(result, side):
    values = inspect.sparsity(result, side)
    for j, f in enumerate((result.H if side == "H" else result.W.T).astype(np.float64)):
        root = np.sqrt(len(f))
        expected = (root - f.sum() / np.sqrt((f**2).sum())) / (root - 1) if f.any() else 0
        assert values[j] == pytest.approx(expected, rel=1e-12)
    assert values.shape == (5,)
    np.testing.assert_allclose(inspect.sparsity(scaled(result), side), values, rtol=1e-12)


def test_sparsity_from_equal_entries_to_a_single_one():
    H = [[3.0, 3.0, 3.0], [0.0, 1e-300, 0.0], [0.0, 0.0, 0.0], [1e300, 1e300, 1e300], [1.0, 1.0, 0.0]]
    between = (np.sqrt(3) - np.sqrt(2)) / (np.sqrt(3) - 1)
    np.testing.assert_allclose(inspect.sparsity(made(np.ones((2, 5)), H)), [0, 1, 0, 0, between], atol=1e-15)
    assert inspect.sparsity(made([[1.0, 0.0]], np.ones((2, 3))), "W").tolist() == [1, 0]


@pytest.mark.parametrize("side", ["H", "W"])
def test_overlap_is_the_cosine(result, side):
    cosine = inspect.overlap(result, side)
    F = (result.H if side == "H" else result.W.T).astype(np.float64)
    for a in range(5):
        for b in range(5):
            size = np.sqrt((F[a] ** 2).sum() * (F[b] ** 2).sum())
            assert cosine[a, b] == pytest.approx((F[a] * F[b]).sum() / size if size else 0, rel=1e-12)
    assert (cosine == cosine.T).all()
    assert np.diag(cosine).tolist() == [1, 1, 1, 0, 1]
    np.testing.assert_allclose(inspect.overlap(scaled(result), side), cosine, rtol=1e-12)


def test_overlap_at_the_ends_of_the_range():
    cosine = inspect.overlap(made(np.ones((1, 2)), [[1e200, 1e200], [1e-200, 0.0]]))
    np.testing.assert_allclose(cosine, [[1, np.sqrt(0.5)], [np.sqrt(0.5), 1]])


@pytest.mark.parametrize("measure", [inspect.sparsity, inspect.overlap])
def test_a_side_is_h_or_w(result, measure):
    with pytest.raises(ValueError, match='side must be "H" or "W", got \'h\''):
        measure(result, "h")


def test_frames_carry_the_names(result):
    result = result.named(rows=[f"r{i}" for i in range(25)], features=range(40))
    parts = [f"part {j}" for j in range(1, 6)]
    shares = inspect.row_shares(result, as_frame=True)
    assert shares.index.tolist() == [f"r{i}" for i in range(25)]
    assert shares.columns.tolist() == parts
    np.testing.assert_array_equal(shares.to_numpy(), inspect.row_shares(result))
    most, plain = inspect.dominant(result, as_frame=True), inspect.dominant(result)
    assert most.columns.tolist() == ["part", "share", "margin"]
    assert most["part"].isna().tolist() == (plain.part < 0).tolist()
    assert most["part"].dropna().tolist() == [parts[j] for j in plain.part if j >= 0]
    assert most.index.tolist() == shares.index.tolist()
    assert inspect.sparsity(result, as_frame=True).index.tolist() == parts
    overlap = inspect.overlap(result, as_frame=True)
    assert overlap.index.tolist() == overlap.columns.tolist() == parts
    assert inspect.top_rows(result, 1, as_frame=True)["row"].str.startswith("r").all()
    assert inspect.top_features(result, 1, as_frame=True)["feature"].dtype.kind == "i"  # numbers stay numbers


def test_without_names_numbers(result):
    assert inspect.row_shares(result, as_frame=True).index.tolist() == list(range(len(result.W)))


def test_frames_need_pandas(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    inspect.row_shares(result)
    with pytest.raises(ImportError, match=r"as_frame=True needs pandas: pip install pandas\."):
        inspect.row_shares(result, as_frame=True)


@pytest.mark.parametrize(
    "function",
    [
        inspect.row_shares,
        inspect.dominant,
        inspect.sparsity,
        inspect.overlap,
        inspect.top_features,
        inspect.top_rows,
        lambda x: inspect.explained(x, [[1.0]]),
        lambda x: inspect.residuals(x, [[1.0]]),
        lambda x: inspect.silhouette([x, x]),
    ],
)
def test_an_estimator_is_no_result(function):
    with pytest.raises(TypeError, match=r"result must be a Factorization.*model\.result_.*got NMF"):
        function(nonneg.NMF(2))
