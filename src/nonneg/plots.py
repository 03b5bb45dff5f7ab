"""Pictures of a factorization: `nonneg.explain.plots` by its public name."""

from nonneg.explain.plots import *  # noqa: F403
from nonneg.explain.plots import __all__  # noqa: F401
