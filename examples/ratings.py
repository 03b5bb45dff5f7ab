"""Ratings: most are missing, and a missing one is no zero. Prints the numbers of the page and draws its picture."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD
from sklearn.impute import KNNImputer

import nonneg

HERE, GENRES = Path(__file__).parent, ["comedy", "thriller", "science fiction", "romance"]


def make_ratings(people=1000, films=120):
    """Return stars from 1 to 5, NaN where a film was not rated, and their means; 30 films of each genre in turn."""
    rng = np.random.default_rng(0)
    taste = rng.dirichlet(np.full(4, 0.4), people)  # most people like one or two genres
    genre = np.kron(np.eye(4), np.ones(films // 4)) + 0.15 * rng.random((4, films))
    mean = 1.5 + 4 * taste @ (genre * rng.uniform(0.6, 1, films))
    stars = np.clip(np.round(mean + 0.5 * rng.standard_normal((people, films))), 1, 5)
    rated = rng.random((people, films)) < 0.075 + 0.3 * taste @ genre  # people watch what they like
    return np.where(rated, stars, np.nan), np.clip(mean, 1, 5)


def guesses(known):
    """Yield the name of a method, its setting, what it puts where nothing is known, and its parts."""
    mean = np.nanmean(known, axis=0)
    fills = {"zero": np.nan_to_num(known), "the film's mean": np.where(np.isnan(known), mean, known)}
    yield "mean of the film", "", np.broadcast_to(mean, known.shape), None
    for count in (10, 20, 50, 100):
        yield "nearest neighbours", f"{count} of them", KNNImputer(n_neighbors=count).fit_transform(known), None
    for k in (1, 2, 3, 4, 5, 6):
        for name, X in fills.items():
            svd = TruncatedSVD(k, random_state=0)
            yield f"SVD, missing = {name}", f"k={k}", svd.inverse_transform(svd.fit_transform(X)), None
    for alpha in (0.003, 0.01, 0.03):
        for name, missing in (("NMF, missing = zero", None), ("NMF, missing = missing", 0)):
            X = sp.csr_array(fills["zero"])  # stores the ratings and nothing else
            fit = nonneg.factorize(X, 5, missing_values=missing, penalty=nonneg.Penalty(alpha_W=alpha), seed=0)
            yield name, f"{alpha=}", fit.reconstruct(), fit


def main():
    (stars, mean), best = make_ratings(), {}
    seen, lot = ~np.isnan(stars), np.random.default_rng(1).random(stars.shape)
    known = np.where(seen & (lot >= 0.2), stars, np.nan)  # a tenth chooses the settings, another one is the test
    choose, test = ((seen & (low <= lot) & (lot < low + 0.1)) for low in (0, 0.1))
    for name, setting, guess, fit in guesses(known):
        on_choose, on_test = (float(np.sqrt(np.mean((guess - stars)[where] ** 2))) for where in (choose, test))
        best[name] = min(best.get(name, (9.0,)), (on_choose, on_test, setting, fit), key=lambda item: item[0])
    print(
        fit := best["NMF, missing = missing"][3],
        f"\nlowest possible {np.sqrt(np.mean((mean - stars)[test] ** 2)):.2f}",
    )
    for name, (_, error, setting, _) in best.items():
        print(f"{name:28} {setting:12} {error:.2f}")
    plt.style.use(HERE / "figures.mplstyle")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=[1, 1.5])
    ranked = sorted(best, key=lambda name: -best[name][1])
    left.barh(ranked, [best[name][1] for name in ranked], color=["C0" if "NMF" in name else "0.7" for name in ranked])
    left.set_xlabel("error on ratings kept apart (stars)")
    image = right.imshow(fit.H / fit.H.max(axis=1, keepdims=True), aspect="auto", cmap="Blues", interpolation="none")
    right.set(xticks=[15, 45, 75, 105], xticklabels=GENRES, yticks=range(5), yticklabels=range(1, 6), ylabel="part")
    right.set_xlabel("films, by genre")
    figure.colorbar(image, label="weight (largest of part = 1)")
    figure.savefig(HERE / "../docs/ratings.png")


if __name__ == "__main__":
    main()
