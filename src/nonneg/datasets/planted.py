"""Matrices made from random factors."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

from nonneg.data import Array
from nonneg.datasets.check import check_noise, check_positive, check_sizes

DESCR = "A matrix made from random sparse factors W and H: exactly W H, W H with noise, or counts around it."


def make_planted(
    m: int = 200,
    n: int = 100,
    k: int = 5,
    *,
    kind: Literal["dense", "sparse", "counts"] = "dense",
    noise: float = 0.0,
    density: float = 0.3,
    separable: bool = False,
    mean_count: float = 10.0,
    missing: float = 0.0,
    seed: int = 0,
) -> Bunch:
    """Return X = W H of random sparse factors: exact, with noise, as counts, with entries missing.

    The same seed gives the same W H up to a factor, whatever the kind, noise and missing entries.

    Parameters
    ----------
    m, n, k : int
        Rows, features and parts, each at least 1.
    kind : {"dense", "sparse", "counts"}
        "dense" is W H and noise on every entry. "sparse" is a CSR array which stores the entries where W H is not
        zero; only they have noise. With few parts and a small `density` they are few. "counts" is dense and holds
        whole numbers, drawn from Poisson distributions whose means are the entries of W H.
    noise : float
        Standard deviation of the Gaussian noise, relative to the root mean square of W H; at least 0. What it makes
        negative becomes 0. Counts take none: their noise is that of Poisson.
    density : float
        Share of the factors' entries that are not zero, above 0 and at most 1. No part is ever empty.
    separable : bool
        Give each part one row of its own that holds nothing else. Then (without noise) the parts can be found
        exactly, up to order and scale.
    mean_count : float
        Counts only: mean of W H, above 0, to which W is scaled.
    missing : float
        Share of the entries that are missing: NaN, at random places; at least 0 and below 1. A sparse X stores them.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Bunch
        data : float64 array of shape (m, n), a CSR array if sparse
        W : float64 array of shape (m, k)
        H : float64 array of shape (k, n), entries of both from a gamma distribution of shape 1
        DESCR : str

    Raises
    ------
    ValueError
        If an argument is out of range, `separable` is asked of fewer rows than parts, or `noise` of counts.

    Examples
    --------
    >>> import numpy as np
    >>> from nonneg.datasets import make_planted
    >>> planted = make_planted(30, 20, 3, separable=True)
    >>> bool((planted.data == planted.W @ planted.H).all())
    True
    >>> int(np.isnan(make_planted(30, 20, 3, kind="counts", missing=0.1).data).sum())
    60
    """
    check_sizes(m=m, n=n, k=k)
    check_noise(noise)
    check_positive(mean_count=mean_count)
    if kind not in {"dense", "sparse", "counts"}:
        raise ValueError(f'kind must be "dense", "sparse" or "counts", got {kind!r}.')
    if not 0 < density <= 1:
        raise ValueError(f"density must be above 0 and at most 1, got {density!r}.")
    if not 0 <= missing < 1:
        raise ValueError(f"missing must be at least 0 and below 1, got {missing!r}.")
    if noise and kind == "counts":
        raise ValueError(f"Counts have the noise of Poisson and take no other: noise must be 0, got {noise!r}.")
    if separable and m < k:
        raise ValueError(f"separable=True needs a row of its own for each of k={k} parts, but there are m={m} rows.")
    random = np.random.default_rng(seed)
    H = _sparse_gamma(random, (k, n), density)
    W = np.ascontiguousarray(_sparse_gamma(random, (k, m), density).T)
    if separable:
        pure = random.choice(m, k, replace=False)
        W[pure] = np.diag(random.gamma(1, 1, k))
    data = W @ H
    if kind == "counts":
        W *= mean_count / data.mean()
        data = random.poisson(W @ H).astype(float)
    elif noise:
        present = data > 0
        data += noise * np.sqrt(np.mean(data**2)) * random.standard_normal((m, n))
        np.maximum(data, 0, out=data)
        if kind == "sparse":
            data *= present
    data.flat[random.choice(m * n, round(missing * m * n), replace=False)] = np.nan
    return Bunch(data=sp.csr_array(data) if kind == "sparse" else data, W=W, H=H, DESCR=DESCR)


def _sparse_gamma(random: np.random.Generator, shape: tuple[int, int], density: float) -> Array:
    """Return a random matrix with at least one entry above zero in each row."""
    present = random.random(shape) < density
    present[np.arange(shape[0]), random.integers(shape[1], size=shape[0])] = True
    return random.gamma(1, 1, shape) * present
