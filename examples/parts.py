"""
Fifteen parts of faces
======================

What 400 photographs are made of, the pictures that hold most of a part, and how much of it is luck.
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
# In a photograph a large number is light, so what a part adds is light: on a forehead, on one side of a face, on what
# is behind it. Black is nothing, white the most that the part adds. The order is by share of all pictures, a
# convention.

nonneg.plots.parts(result, image_shape=faces.image_shape)
plt.show()

# %%
# The two most concentrated parts, and the ten pictures with the largest amount of each: light at the
# top of the head, and light collars. Above each picture stands the person, below it the amount.

sparsity = nonneg.inspect.sparsity(result)
clearest = sorted(np.argsort(-sparsity)[:2])
nonneg.plots.top_rows(result, faces.data, parts=clearest, image_shape=faces.image_shape)
plt.show()

# %%
# Twenty random starts. Their losses differ by less than half a percent, their parts by more. Each dot on the right is
# a run: how alike its part is to that of the best run. The bar is the median.

runs = [nonneg.factorize(faces.data, 15, start="random", seed=seed) for seed in range(20)]
nonneg.plots.starts(runs)
plt.show()
