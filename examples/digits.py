"""
Fewer numbers for a classifier
==============================

NMF as a step before logistic regression, beside PCA with as many components.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nonneg

X, y = load_digits(return_X_y=True)
COUNTS = (4, 8, 16, 32)

accuracy = {"NMF": [], "PCA": []}
for k in COUNTS:
    for name, reduce in (("NMF", nonneg.NMF(k, random_state=0)), ("PCA", PCA(k, random_state=0))):
        classifier = make_pipeline(reduce, StandardScaler(), LogisticRegression(max_iter=2000))
        accuracy[name].append(cross_val_score(classifier, X, y).mean())
classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
every_pixel = cross_val_score(classifier, X, y).mean()
for name, values in accuracy.items():
    print(name, *(f"{k} parts {value:.3f}" for k, value in zip(COUNTS, values, strict=True)), sep="  ")
print(f"all 64 pixels {every_pixel:.3f}")

# %%
# With few parts PCA serves the classifier better; from 16 on there is little between them, and 32 parts do as well as
# all 64 pixels.

figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for name, values in accuracy.items():
    ax.plot(COUNTS, values, "o-", label=name)
ax.axhline(every_pixel, color="0.6", lw=1, label="all 64 pixels")
ax.set(xlabel="parts", ylabel="accuracy, five folds", xscale="log", xticks=COUNTS, xticklabels=COUNTS)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# What NMF gives besides: its parts are strokes. A number of W says how much of a stroke a picture holds, so the
# weights of the classifier say which strokes speak for a digit and which against it.

figure, axes = plt.subplots(2, 8, figsize=(9, 2.7), layout="constrained")
nonneg.plots.parts(nonneg.NMF(16, random_state=0).fit(X).result_, image_shape=(8, 8), axes=axes)
plt.show()
