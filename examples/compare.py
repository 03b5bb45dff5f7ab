"""
NMF beside PCA, ICA, factor analysis and dictionary learning
============================================================

Five ways to write a face as a weighted sum of parts. Four of them take away again what they have added.
"""

import matplotlib.pyplot as plt

import nonneg
from nonneg.datasets import fetch_faces

faces = fetch_faces("orl", resize=0.5)
comparison = nonneg.compare(faces.data, 8)
print(comparison)

# %%
# The parts side by side, in the order of those of NMF.

nonneg.plots.comparison(comparison, image_shape=faces.image_shape)
plt.show()
