"""Numbers that say what the parts are: `nonneg.explain.inspect` by its public name."""

from nonneg.explain.inspect import *  # noqa: F403
from nonneg.explain.inspect import __all__  # noqa: F401
