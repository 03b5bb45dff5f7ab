"""One result or several beside each other: what a picture accepts, and what it calls them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nonneg.explain.inspect.vectors import check_result
from nonneg.explain.words import percent
from nonneg.solve import Factorization


def listed(results: Any) -> list[Factorization]:
    """Return one result, or several, as a list; refuse what is none, and an empty one."""
    several = isinstance(results, Iterable) and not isinstance(results, Factorization)
    runs = [check_result(result) for result in (results if several else [results])]
    if not runs:
        raise ValueError("results must hold at least one Factorization, got none.")
    return runs


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
