"""Penalties, starts, sweeps, the one loop and its result."""

from nonneg.solve.constraints import bounds_of_rows, check_constraints, check_simplex
from nonneg.solve.files import load
from nonneg.solve.fit import factorize
from nonneg.solve.given import explained_share, given_H
from nonneg.solve.losses import NAMES, beta_of
from nonneg.solve.penalty import Penalty
from nonneg.solve.quality import Quality
from nonneg.solve.result import Factorization, Trace
from nonneg.solve.stop import Iterations, KKTBelow, RelativeDecrease, Seconds, State

__all__ = [
    "NAMES",
    "Factorization",
    "Iterations",
    "KKTBelow",
    "Penalty",
    "Quality",
    "RelativeDecrease",
    "Seconds",
    "State",
    "Trace",
    "beta_of",
    "bounds_of_rows",
    "check_constraints",
    "check_simplex",
    "explained_share",
    "factorize",
    "given_H",
    "load",
]
