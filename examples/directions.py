"""
Parts are directions
====================

Rows of two numbers are points, and parts are arrows from the origin. Two parts are drawn beside one. The page
:doc:`/what_nmf_is` says what there is to see.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg
from nonneg.datasets import make_directions

X = make_directions().data

# %%
# Left: ``start="spa"`` takes the rows at the extremes of the cloud. Right: a random start ends with wider arrows, and
# they describe the same points as well, for the error of both pairs is next to nothing. One arrow, in the middle,
# leaves out all that lies beside it.

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
# The direction of a single part is known beforehand. Under Kullback-Leibler it is exactly the mean of the rows; under
# the squared error it is the leading singular direction, here close to the mean.

mean = X.mean(axis=0) / X.mean(axis=0).sum()
singular = np.abs(np.linalg.svd(X)[2][0])
print("mean               ", mean)
print("Kullback-Leibler   ", nonneg.factorize(X, 1, loss="kullback-leibler", seed=0).H[0])
print("singular direction ", singular / singular.sum())
print("squared error      ", fits["one part"].H[0])
