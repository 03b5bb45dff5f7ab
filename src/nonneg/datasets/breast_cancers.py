"""Mutations in breast cancers, from the package SigProfilerExtractor."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from nonneg.datasets.shipped import read_shipped

DESCR = """\
183916 mutations in the genomes of 21 breast cancers, counted by 96 types: what became of a base (read from the strand
that holds a C or T there), and the two bases beside it. Read from the package SigProfilerExtractor 1.4.1
(BSD 2-clause licence); nonneg ships none of them.

S. Nik-Zainal et al. (2012). Mutational processes molding the genomes of 21 breast cancers. Cell 149, 979-993.
doi:10.1016/j.cell.2012.04.024
"""


def load_breast_cancers() -> Bunch:
    """Return the mutations of 96 types in 21 breast cancers.

    Returns
    -------
    Bunch
        data : float64 array of shape (21, 96), one cancer a row; 183916 mutations
        sample_names : str array of shape (21,)
        feature_names : str array of shape (96,), "A[C>T]G" for a C between A and G that became T
        DESCR : str, where they come from

    Raises
    ------
    ImportError
        If SigProfilerExtractor is missing.
    """
    (table,) = read_shipped(
        "SigProfilerExtractor",
        ["SigProfilerExtractor/data/TextInput/Samples_SBS.txt"],
        what="The mutations are",
        install="pip install --no-deps SigProfilerExtractor==1.4.1",
    )
    names, *types = [line.split("\t") for line in table.decode().splitlines()]
    return Bunch(
        data=np.array([row[1:] for row in types], float).T.copy(),
        sample_names=np.array(names[1:]),
        feature_names=np.array([row[0] for row in types]),
        DESCR=DESCR,
    )
