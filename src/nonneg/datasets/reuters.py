"""News of Reuters, from the package lda."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

from nonneg.datasets.shipped import read_shipped

DESCR = """\
How often each of 4258 words occurs in 395 news of Reuters, August 1996 to August 1997; rare and very common words
are left out. The counts ship with the package lda 3.0.2 (MPL-2.0), from which they are read; nonneg ships none of
them, and nobody the texts.

D. D. Lewis, Y. Yang, T. G. Rose, F. Li (2004). RCV1: a new benchmark collection for text categorization research.
Journal of Machine Learning Research 5, 361-397.
"""


def load_reuters() -> Bunch:
    """Return the word counts of 395 news (Reuters-395).

    Returns
    -------
    Bunch
        data : float64 CSR array of shape (395, 4258), one document a row; 60114 counts, 84010 words
        titles : str array of shape (395,), headline, place and date
        feature_names : str array of shape (4258,), the words
        DESCR : str, where they come from

    Raises
    ------
    ImportError
        If the package lda is missing.
    """
    paths = [f"lda/tests/reuters.{part}" for part in ("ldac", "titles", "tokens")]
    counts, titles, words = (
        file.decode().splitlines()
        for file in read_shipped("lda", paths, what="The news are", install="pip install lda==3.0.2")
    )
    # Each line: how many words are different, then word:count for each.
    documents = [line.split()[1:] for line in counts]
    pairs = np.array([pair.split(":") for document in documents for pair in document], np.int32)
    starts = np.cumsum([0] + [len(document) for document in documents], dtype=np.int32)
    data = sp.csr_array((pairs[:, 1].astype(float), pairs[:, 0], starts), shape=(len(documents), len(words)))
    return Bunch(
        data=data,
        titles=np.array([title.split(" ", 1)[1] for title in titles]),
        feature_names=np.array(words),
        DESCR=DESCR,
    )
