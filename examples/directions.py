"""
Parts are directions
====================

Two numbers a row, so that rows are points and parts are arrows from the origin. Two parts beside one. The page
:doc:`/what_nmf_is` says more.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg
from nonneg.datasets import make_directions

X = make_directions().data

# %%
# Parts from the rows at the extremes of the cloud, one part alone, and a random start. Wider arrows describe the same
# points: the error of both pairs is next to nothing.

fits = {
    "two parts, spa start": nonneg.factorize(X, 2, start="spa", seed=0),
    "one part": nonneg.factorize(X, 1, seed=0),
    "two parts, random start": nonneg.factorize(X, 2, start="random", seed=0),
}
for name, fit in fits.items():
    print(f"{name:24} relative error {fit.relative_error:.1e}, parts {np.round(fit.H, 2).tolist()}")
nonneg.plots.directions(fits, X)
plt.show()

# %%
# One part is the mean of the rows, exactly, under Kullback-Leibler, and the leading singular direction, close to the
# mean, under the squared error.

mean = X.mean(axis=0) / X.mean(axis=0).sum()
singular = np.abs(np.linalg.svd(X)[2][0])
print("mean               ", mean)
print("Kullback-Leibler   ", nonneg.factorize(X, 1, loss="kullback-leibler", seed=0).H[0])
print("singular direction ", singular / singular.sum())
print("squared error      ", fits["one part"].H[0])
