"""What a comparison of methods holds: a table, and the parts of each."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nonneg.data import Array
from nonneg.explain.inspect.vectors import cosines, paired, picked

# Columns of the table, and their headings in print: two lines each.
HEADINGS = {
    "held_out_error": ("held-out", "error"),
    "training_error": ("training", "error"),
    "part_sparsity": ("sparsity", "of parts"),
    "weight_sparsity": ("sparsity", "of weights"),
    "negative_in_parts": ("negative", "in parts"),
    "negative_in_weights": ("negative", "in weights"),
    "cancellation": ("cancel-", "lation"),
    "stability": ("", "stability"),
    "seconds": ("", "seconds"),
    "converged": ("", "converged"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What `compare` found: one table, and the parts of each method.

    Attributes
    ----------
    table : dict of str to ndarray
        Columns, a number for each method in the order they were asked for; "method" holds their names.

        - held_out_error, training_error: ``||X - X^|| / ||X||`` over the rows held out, and over those of the fit
        - part_sparsity, weight_sparsity: mean of Hoyer's sparsity (0 to 1) of the sizes of a part's entries, and of
          its weights in the rows of the fit
        - negative_in_parts, negative_in_weights: share of entries below zero (by more than rounding)
        - cancellation: what part of the sum takes back, ``1 - sum|W H| / sum(|W| |H|)``, from 0 (nothing: all parts
          only add) to 1; of the rows of the fit, without the mean that a method takes off first
        - stability: mean absolute cosine between the parts kept and their partners in the runs of other seeds; nan
          if there is one run only
        - seconds: median time of a fit
        - converged: whether all runs did
    components : dict of str to ndarray of shape (k, n)
        The parts of the first run of each method, in its own order, scale and sign.
    k : int
    train, held_out : ndarray of int
        Numbers of the rows of X that were fitted, and of those that were not.
    seeds : ndarray of int
        Seeds of the runs.
    feature_names : ndarray of shape (n,) or None
    """

    table: dict[str, Array]
    components: dict[str, Array]
    k: int
    train: Array
    held_out: Array
    seeds: Array
    feature_names: Array | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order they were asked for."""
        return tuple(self.components)

    def frame(self) -> Any:
        """Return the table as a pandas DataFrame, a line for each method."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("frame() needs pandas: pip install pandas.") from error
        return pd.DataFrame(self.table).set_index("method")

    def lined_up(self) -> dict[str, Array]:
        """Return the parts of each method in the order and direction of those of NMF.

        Parts are paired with those of NMF (of the first method, where NMF is not there) such that the sum of their
        absolute cosines is largest, and turned so that the cosine is not negative. The reference keeps its order; a
        part of it whose entries sum to less than zero is turned.

        Returns
        -------
        dict of str to ndarray of shape (k, n)
        """
        reference = self.components["nmf" if "nmf" in self.components else self.methods[0]]
        reference = reference * _sign(reference.sum(axis=1))
        lined = {}
        for name, parts in self.components.items():
            order, cosine = partners(reference, parts)
            lined[name] = parts[order] * _sign(cosine)
        return lined

    def __repr__(self) -> str:
        lines = [f"Comparison of {self._what}", *_aligned([*self._heads(), *self._cells()])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        above, below = self._heads()
        heads = [
            f"{a.removesuffix('-')}{'' if a.endswith('-') else ' '}{b}".strip()
            for a, b in zip(above, below, strict=True)
        ]
        body = "".join(row(cells, "td") for cells in self._cells())
        return f"<table><caption>{html.escape(self._what)}</caption>{row(heads, 'th')}{body}</table>"

    @property
    def _what(self) -> str:
        runs = f"{len(self.seeds)} run{'s' if len(self.seeds) > 1 else ''}"
        return f"k={self.k} parts, {len(self.train)} rows fitted and {len(self.held_out)} held out, {runs} each"

    def _heads(self) -> list[list[str]]:
        return [
            ["", *(above for above, _ in HEADINGS.values())],
            ["method", *(below for _, below in HEADINGS.values())],
        ]

    def _cells(self) -> list[list[str]]:
        columns = [[_cell(name, value) for value in self.table[name]] for name in ("method", *HEADINGS)]
        return [list(cells) for cells in zip(*columns, strict=True)]


def partners(first: Array, second: Array) -> tuple[Array, Array]:
    """Return which row of the second goes with each of the first, whatever its sign, and the cosine between them."""
    cosine = cosines(np.asarray(first, np.float64), np.asarray(second, np.float64))
    order = paired(np.abs(cosine))
    return order, picked(cosine, order)


def _sign(values: Array) -> Array:
    return np.where(values < 0, -1, 1)[:, None]


def _cell(column: str, value: Any) -> str:
    if column == "method":
        return str(value)
    if column == "converged":
        return "yes" if value else "no"
    return f"{value:.{2 if column == 'seconds' else 3}f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of text: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]
        ).rstrip()
        for cells in rows
    ]
