"""
Faces from more and more parts
==============================

Pictures that neither method has seen, rebuilt by NMF and by PCA.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

import nonneg
from nonneg.datasets import fetch_faces

faces = fetch_faces("orl", resize=0.5)
train, test = train_test_split(faces.data, test_size=100, random_state=0)

models = {"NMF": [], "PCA": []}
print("parts     learnt: NMF   PCA       held out: NMF   PCA")
for k in (10, 50, 100, 250):
    nmf = nonneg.NMF(k, random_state=0, tol=1e-3, max_iter=1000).fit(train)
    pca = PCA(k, random_state=0).fit(train)
    errors = [
        np.linalg.norm(X - model.inverse_transform(model.transform(X))) / np.linalg.norm(X)
        for X in (train, test)
        for model in (nmf, pca)
    ]
    print(f"{k:5} {errors[0]:17.3f} {errors[1]:6.3f} {errors[2]:16.3f} {errors[3]:6.3f}")
    models["NMF"].append(nmf)
    models["PCA"].append(pca)

# %%
# On the pictures that they have learnt from, PCA is always closer: no product of rank k comes closer than the
# truncated singular value decomposition. On new ones NMF is a little worse with 10 and 50 parts. With 250 parts for
# 300 pictures it has learnt these pictures by heart, and gains nothing more on new ones.

nonneg.plots.reconstructions(models, test, image_shape=faces.image_shape)
plt.show()
