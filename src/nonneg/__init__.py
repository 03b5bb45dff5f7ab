"""Non-negative matrix factorization: write non-negative data as sums of parts.

>>> import nonneg
>>> result = nonneg.factorize([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0], [2.0, 2.0, 4.0]], 2, seed=0)
>>> result.H.shape
(2, 3)
"""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import Any as _Any

from nonneg._threads import threads
from nonneg.solve import (
    Factorization,
    Iterations,
    KKTBelow,
    Penalty,
    Quality,
    RelativeDecrease,
    Seconds,
    State,
    Trace,
    factorize,
    load,
)

__version__ = _version("nonneg")
__all__ = [
    "NMF",
    "Comparison",
    "Factorization",
    "Iterations",
    "KKTBelow",
    "MiniBatchNMF",
    "Penalty",
    "Quality",
    "RelativeDecrease",
    "Seconds",
    "State",
    "Trace",
    "compare",
    "datasets",
    "factorize",
    "inspect",
    "load",
    "non_negative_factorization",
    "plots",
    "threads",
]

# Rooms that need scikit-learn's estimators or matplotlib open when they are first asked for.
_LAZY = {
    "NMF": ("nonneg.estimators", "NMF"),
    "MiniBatchNMF": ("nonneg.estimators", "MiniBatchNMF"),
    "non_negative_factorization": ("nonneg.estimators", "non_negative_factorization"),
    "Comparison": ("nonneg.explain.comparison", "Comparison"),
    "compare": ("nonneg.explain.compare", "compare"),
    "datasets": ("nonneg.datasets", None),
    "inspect": ("nonneg.inspect", None),
    "plots": ("nonneg.plots", None),
}


def __getattr__(name: str) -> _Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'nonneg' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    value = _import_module(module)
    return value if attribute is None else getattr(value, attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
