"""
Three kinds of leukemia
=======================

Gene expression of 38 patients. Nobody told the method which kind of leukemia each has.
"""

import matplotlib.pyplot as plt
import numpy as np

import nonneg
from nonneg.datasets import load_leukemia

leukemia = load_leukemia()
kinds = leukemia.target_names[leukemia.target]
result = nonneg.factorize(leukemia.data, 3, loss="kullback-leibler", n_init=10, seed=0)
result = result.named(rows=leukemia.sample_names, features=leukemia.feature_names)

part, share, margin = nonneg.inspect.dominant(result)
for j in range(3):
    names, counts = np.unique(kinds[part == j], return_counts=True)
    print(f"part {j + 1} dominates:", ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True)))
for j, genes in enumerate(nonneg.inspect.top_features(result, 4, by="exclusivity").names):
    print(f"genes that mark part {j + 1}:", ", ".join(genes))

# %%
# Each patient as a sum of three parts, patients of one kind beside each other. All but one are ruled by the part of
# their kind; that one, ALL_21302, holds about as much of two parts.

nonneg.plots.shares(result, rows="all", groups=kinds)
plt.show()

# %%
# The two factors. W, left, says how much of each part a patient holds, H, right, where a gene is active. Both are
# ordered by the part that rules them.

nonneg.plots.heatmap(result, groups=kinds)
plt.show()

# %%
# The same patients in the plane: near each other if their shares are alike. Between the corners are the mixed ones.

nonneg.plots.scatter(result, by=kinds, method="pca")
plt.show()
