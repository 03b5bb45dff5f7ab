"""One result or several beside each other: what a picture accepts, and what it calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nonneg.explain.words import percent
from nonneg.solve import Factorization


def listed(results: Any, *, name: str = "results") -> list[Factorization]:
    """Return one result, or those of a sequence, as a list; refuse what is none, and an empty one."""
    if isinstance(results, Factorization):
        return [results]
    if not isinstance(results, Sequence):
        raise TypeError(f"{name} must be a Factorization or a list of them, got {type(results).__name__}.")
    for i, result in enumerate(results):
        if not isinstance(result, Factorization):
            raise TypeError(f"{name} must hold Factorizations only, but number {i} is a {type(result).__name__}.")
    if not results:
        raise ValueError(f"{name} must hold at least one Factorization, got none.")
    return list(results)


def titled(results: Any) -> list[tuple[str, Factorization]]:
    """Return results with a title each: the user's, or how many parts there are, from which start."""
    if isinstance(results, Mapping):
        return list(zip(map(str, results), listed(list(results.values())), strict=True))
    return [(counted(result), result) for result in listed(results)]


def counted(result: Factorization) -> str:
    """Return how many parts a result has, and from which start: "2 parts, spa start"."""
    parts = "1 part" if result.k == 1 else f"{result.k} parts"
    start = result.settings.get("start")
    return f"{parts}, {start} start" if start else parts


def fitted(result: Factorization) -> str:
    """Return the loss of a result, and how much it leaves: "frobenius, error 12 %"."""
    return f"{result.loss_name}, error {percent(result.relative_error)}"
