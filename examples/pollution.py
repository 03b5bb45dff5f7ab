"""
Sources of fine dust
====================

Measurements with uncertainties, and how many sources they bear. The page :doc:`/pollution` says what comes out.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment

import nonneg
from nonneg.datasets import load_pm25

K = 7
OPTIONS = {"seed": 0, "n_init": 20, "stop": (nonneg.RelativeDecrease(1e-6), nonneg.Iterations(5000))}


def shares(fit):  # of each species, by source
    amounts = fit.W.sum(axis=0)[:, None] * fit.H
    return amounts / amounts.sum(axis=0)


dust = load_pm25()
single = dust.feature_names != "OM"  # 1.4 times the organic carbon: it would count twice
X, U, names = dust.data[:, single], dust.uncertainty[:, single], dust.feature_names[single]
fits = {k: nonneg.factorize(X, k, uncertainty=U, **OPTIONS) for k in range(4, 10)}
robust = nonneg.factorize(X, K, uncertainty=U, robust=4.0, **OPTIONS)
for label, fit in [*fits.items(), ("7, robust", robust)]:
    quality = fit.quality(X, U)
    print(label, *(f"{number:.0f}" for number in quality), f"{quality.ratio:.2f}")
fit, residuals, one = fits[K], (X - fits[K].reconstruct()) / U, {**OPTIONS, "n_init": 1, "start": "random"}
runs = [nonneg.factorize(X, K, uncertainty=U, **{**one, "seed": seed}) for seed in range(10)]
print("Q(true) of ten random starts:", *(f"{run.quality(X, U).true:.1f}" for run in runs))
print(f"beyond 4 standard errors: {(abs(residuals) > 4).sum()} of {X.size}; the largest:")
for i, j in np.argwhere(abs(residuals) > 7):
    print(f"  {dust.dates[i]} {names[j]} {X[i, j]:.3g} ± {U[i, j]:.2g}, {residuals[i, j]:.1f} standard errors")
missing, below = (np.isclose(U, factor * X) for factor in (4, 5 / 3))  # by custom
print(f"missing {missing.sum()}, on {missing.all(axis=1).sum()} days all; below the limit {below.sum()}")
profiles, robust_profiles = shares(fit), shares(robust)
correlations = np.corrcoef(profiles, robust_profiles)[:K, K:]
partner = linear_sum_assignment(correlations, maximize=True)[1]
print("correlations with the robust profiles:", *(f"{correlations[j, partner[j]]:.2f}" for j in range(K)))

# %%
figure, axes = plt.subplots(K, 2, figsize=(9, 9.5), sharex="col", width_ratios=[1.1, 1], layout="constrained")
order = np.lexsort((-profiles.max(axis=0), profiles.argmax(axis=0)))
for j, (left, right) in enumerate(axes):
    left.bar(names[order], 100 * profiles[j, order], color="C0")
    left.plot(100 * robust_profiles[partner[j], order], "o", ms=3, mfc="w", mec="k", mew=0.8)
    right.vlines(dust.dates, 0, fit.W[:, j], color="C0", lw=0.6)
    right.set(ylim=(0, None), ylabel="amount", title=f"source {j + 1}: {100 * fit.share[j]:.0f} % of all")
    left.set(ylim=(0, 100), ylabel="%", title=", ".join(names[i] for i in profiles[j].argsort()[:-4:-1]))
    print(f"source {j + 1}, {fit.share[j]:.3f}; most on", *dust.dates[fit.W[:, j].argsort()[:-5:-1]])
left.tick_params(axis="x", rotation=90)
left.set_xlim(-0.7, len(names) - 0.3)
figure.align_ylabels()
plt.show()
