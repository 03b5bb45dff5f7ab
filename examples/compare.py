"""
NMF beside four other methods
=============================

PCA, ICA, factor analysis and dictionary learning write a face as a weighted sum of parts, too. All four take away
again what they have added.
"""

import matplotlib.pyplot as plt

import nonneg
from nonneg.datasets import fetch_faces

faces = fetch_faces("orl", resize=0.5)
comparison = nonneg.compare(faces.data, 8)
print(comparison)

# %%
# The parts side by side, those of the other methods paired with those of NMF. Red adds light, blue takes it away.
# *Cancels* is the share of all that is added and taken away that comes to nothing.

nonneg.plots.comparison(comparison, image_shape=faces.image_shape)
plt.show()
