"""Counts of mutations, made from signatures that we make up."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from nonneg.datasets.check import check_positive, check_sizes

DESCR = """\
Counts of mutations in genomes, as they are tabulated for the search for mutational signatures: by what became of
which base, and by its two neighbours. The signatures are random, none is a real one.
"""

SUBSTITUTIONS = ("C>A", "C>G", "C>T", "T>A", "T>C", "T>G")


def make_signatures(m: int = 100, k: int = 5, *, mutations: float = 2000.0, seed: int = 0) -> Bunch:
    """Return counts of 96 types of mutations in genomes, drawn from random signatures.

    Signatures (H) come from a Dirichlet distribution of concentration 0.1, so each has a few high peaks and much that
    is nearly zero. A genome has a total from a gamma distribution of shape 2, which it shares among the signatures
    by a Dirichlet distribution of concentration 0.5. Counts are drawn from Poisson distributions with means W H.

    Parameters
    ----------
    m, k : int
        Genomes and signatures, each at least 1.
    mutations : float
        Mean number of mutations in a genome, above 0.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Bunch
        data : float64 array of shape (m, 96), one genome a row, whole numbers
        W : float64 array of shape (m, k), the mutations to expect of each signature
        H : float64 array of shape (k, 96), the signatures, each of sum 1
        sample_names : str array of shape (m,)
        feature_names : str array of shape (96,), "A[C>T]G" for a C between A and G that became T
        DESCR : str

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from nonneg.datasets import make_signatures
    >>> made = make_signatures(20, 3)
    >>> made.data.shape, made.feature_names[:2].tolist()
    ((20, 96), ['A[C>A]A', 'A[C>A]C'])
    """
    check_sizes(m=m, k=k)
    check_positive(mutations=mutations)
    random = np.random.default_rng(seed)
    H = random.dirichlet(np.full(96, 0.1), k)
    W = random.gamma(2, mutations / 2, (m, 1)) * random.dirichlet(np.full(k, 0.5), m)
    names = [f"{left}[{change}]{right}" for left in "ACGT" for change in SUBSTITUTIONS for right in "ACGT"]
    return Bunch(
        data=random.poisson(W @ H).astype(float),
        W=W,
        H=H,
        sample_names=np.array([f"genome {i}" for i in range(1, m + 1)]),
        feature_names=np.array(names),
        DESCR=DESCR,
    )
