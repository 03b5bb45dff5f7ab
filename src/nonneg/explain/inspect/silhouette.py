"""How well the parts of several runs agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nonneg.explain.inspect.matching import match
from nonneg.explain.inspect.tables import series
from nonneg.explain.inspect.vectors import vectors_of
from nonneg.explain.labels import part_labels
from nonneg.solve import Factorization


def silhouette(results: Iterable[Factorization], *, side: str = "H", as_frame: bool = False) -> Any:
    """Return the silhouette of each part over several runs: 1 where every run finds it, 0 or below where none agree.

    The parts of each run are matched to those of the run with the smallest loss (`match`), so that each group holds
    one part of every run. A part's silhouette is ``(b - a) / max(a, b)`` with a its mean cosine distance to its own
    group and b that to the nearest other one (Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7); the mean over a
    group is how reproducible the part is, as in studies of mutational signatures (Alexandrov et al. 2013,
    doi:10.1016/j.celrep.2012.12.008).

    Parameters
    ----------
    results : list of Factorization
        At least two runs on the same data, with the same loss and the same k of at least 2; of random starts, say.
    side : {"H", "W"}
        Compare rows of H, or columns of W.
    as_frame : bool
        Return a pandas Series, named by part.

    Returns
    -------
    ndarray of shape (k,), or Series
        From -1 to 1, in the order of the parts of the run with the smallest loss.

    Raises
    ------
    ValueError
        If there are fewer than two runs, or they differ in k, in loss or in the length of parts.

    Examples
    --------
    >>> import numpy as np, nonneg
    >>> X = [[1.0, 1.0, 0.0], [0.0, 0.0, 4.0], [2.0, 2.0, 4.0]]
    >>> runs = [nonneg.factorize(X, 2, start="random", seed=seed) for seed in range(5)]
    >>> np.round(nonneg.inspect.silhouette(runs), 2)
    array([1., 1.])
    """
    runs = [] if isinstance(results, Factorization) or hasattr(results, "result_") else list(results)
    if len(runs) < 2:
        raise ValueError("silhouette needs a list of at least two results; run factorize with several seeds.")
    parts = [vectors_of(run, side) for run in runs]
    for what, found in (
        ("k", {len(F) for F in parts}),
        ("length of parts", {F.shape[1] for F in parts}),
        ("loss", {run.loss_name for run in runs}),
    ):
        if len(found) > 1:
            raise ValueError(f"All runs must have the same {what}, got {', '.join(map(str, sorted(found)))}.")
    k = runs[0].k
    if k < 2:
        raise ValueError("silhouette needs runs of at least two parts: one part has no other to be told from.")

    from sklearn.metrics import silhouette_samples

    best = parts[int(np.argmin([run.loss_value for run in runs]))]
    grouped = np.concatenate([F[match(best, F).order] for F in parts])
    each = silhouette_samples(grouped, np.tile(np.arange(k), len(runs)), metric="cosine")
    values = each.reshape(len(runs), k).mean(axis=0)
    return series(values, part_labels(k), "silhouette") if as_frame else values
