"""
Fifteen parts of faces
======================

What 400 faces are made of, and the pictures that hold most of a part.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg
from nonneg.datasets import fetch_faces

faces = fetch_faces("orl", resize=0.5)
people = faces.target_names[faces.target]
result = nonneg.factorize(faces.data, 15, seed=0).named(rows=people)
print(result)

# %%
# White is nothing, black the most that the part adds. The order is by share of all pictures, a convention.

nonneg.plots.parts(result, image_shape=faces.image_shape)
plt.show()

# %%
# The two most concentrated parts, and the ten pictures with the largest amount of each.

sparsity = nonneg.inspect.sparsity(result)
clearest = sorted(np.argsort(-sparsity)[:2])
nonneg.plots.top_rows(result, faces.data, parts=clearest, image_shape=faces.image_shape)
plt.show()

# %%
# Twenty random starts. Their losses are nearly the same, their parts are not: in half of the runs the partner of a
# part is at least as alike as the bar says.

runs = [nonneg.factorize(faces.data, 15, start="random", seed=seed) for seed in range(20)]
nonneg.plots.starts(runs)
plt.show()
