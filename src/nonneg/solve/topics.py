"""The exact bridge from a Poisson fit to a topic model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nonneg.data import Array


class Topics(NamedTuple):
    """A fit of counts read as a topic model: ``W H = lengths[:, None] * documents @ words``.

    ``documents`` (m x k) says how much of each topic a document holds, ``words`` (k x n) how often a topic uses each
    word: rows sum to one, or are zero where there is nothing. ``lengths`` (m) is the expected length of a document.
    """

    documents: Array
    words: Array
    lengths: Array


def topics_of(W: Array, H: Array) -> Topics:
    """Share the scale of W (m x k) and H (k x n) out to rows that sum to one and the lengths of documents."""
    sizes = H.sum(axis=1, dtype=np.float64)
    amounts = W * sizes
    lengths = amounts.sum(axis=1)
    return Topics(
        documents=amounts / np.where(lengths > 0, lengths, 1)[:, None],
        words=H / np.where(sizes > 0, sizes, 1)[:, None],
        lengths=lengths,
    )
