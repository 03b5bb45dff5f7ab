"""Penalties, starts, sweeps, the one loop and its result."""

from nonneg.solve.constraints import bounds_of_rows, check_constraints, check_simplex
from nonneg.solve.files import load
from nonneg.solve.fit import factorize
from nonneg.solve.given import explained_share, explained_shares, given_H
from nonneg.solve.losses import NAMES, beta_of, beta_of_name
from nonneg.solve.penalty import Penalty
from nonneg.solve.quality import Quality
from nonneg.solve.reading import read_data
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
    "beta_of_name",
    "bounds_of_rows",
    "check_constraints",
    "check_simplex",
    "explained_share",
    "explained_shares",
    "factorize",
    "given_H",
    "load",
    "read_data",
]
