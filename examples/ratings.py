"""
Ratings, nearly all missing
===========================

People rate few films, and a missing rating is no zero. The page :doc:`/ratings` says what comes out.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD
from sklearn.impute import KNNImputer

import nonneg

GENRES = ["comedy", "thriller", "science fiction", "romance"]


def make_ratings(people=1000, films=120):  # stars from 1 to 5 (NaN: not rated), and their means
    rng = np.random.default_rng(0)
    taste = rng.dirichlet([0.4] * 4, people)  # most people like one or two genres
    genre = np.kron(np.eye(4), np.ones(films // 4)) + 0.15 * rng.random((4, films))
    mean = np.clip(1.5 + 4 * taste @ (genre * rng.uniform(0.6, 1, films)), 1, 5)
    stars = np.clip(np.round(mean + 0.5 * rng.standard_normal(mean.shape)), 1, 5)
    return np.where(rng.random(mean.shape) < 0.075 + 0.3 * taste @ genre, stars, np.nan), mean  # rated if liked


def guesses(known):  # name of the method, setting, what it puts where nothing is known, fit
    mean, X = np.nanmean(known, axis=0), sp.csr_array(np.nan_to_num(known))  # X stores the ratings and nothing else
    yield "mean of the film", "", mean, None
    for count in (10, 20, 50, 100):
        yield "nearest neighbours", f"{count=}", KNNImputer(n_neighbors=count).fit_transform(known), None
    for k in (1, 2, 3, 4, 5, 6):
        svd, rest = TruncatedSVD(k, random_state=0), np.nan_to_num(known - mean)  # from the means, 0 if not rated
        yield "truncated SVD", f"{k=}", mean + svd.inverse_transform(svd.fit_transform(rest)), None
    for alpha, missing in [(alpha, missing) for alpha in (0, 0.003, 0.01, 0.03) for missing in (None, 0)]:
        fit = nonneg.factorize(X, 4, missing_values=missing, penalty=nonneg.Penalty(alpha_W=alpha), seed=0)
        yield f"NMF, missing_values={missing}", f"{alpha=}", fit.reconstruct(), fit


(stars, mean), best = make_ratings(), {}
part = np.where(np.isnan(stars), -1, np.random.default_rng(1).integers(10, size=stars.shape))
for name, *made in guesses(known=np.where(part > 1, stars, np.nan)):
    errors = [np.sqrt(np.mean((made[1] - stars)[part == i] ** 2)) for i in (0, 1)]  # to choose settings, to test
    print(f"{name:24} {made[0]:12} {errors[0]:.3f} {errors[1]:.3f}")
    best[name] = min(best.get(name, [9]), [*errors, *made], key=lambda item: item[0])
print("least", np.sqrt(np.mean((mean - stars)[part == 1] ** 2)).round(2), fit := best["NMF, missing_values=0"][-1])

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=[1, 1.5], layout="constrained")
for name in sorted(best, key=lambda name: -best[name][1]):
    left.barh(name, best[name][1], color="C0" if "NMF" in name else "0.7")
left.set_xlabel("error on ratings kept apart (stars)")
drawn = right.imshow((fit.H.T / fit.H.max(axis=1)).T, aspect="auto", cmap="Blues", vmin=0, interpolation="none")
figure.colorbar(drawn, label="weight (largest of part = 1)")
right.set(xticks=[15, 45, 75, 105], xticklabels=GENRES, yticks=range(4), yticklabels=range(1, 5), ylabel="part")
plt.show()
