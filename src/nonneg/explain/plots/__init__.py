"""Pictures of a factorization: every function draws on the Axes given, or on a new figure, and returns the Axes."""

try:
    import matplotlib.pyplot as plt  # noqa: F401
except ImportError as error:
    raise ImportError('Pictures need matplotlib: pip install "nonneg[plot]".') from error

from nonneg.explain.plots.comparison import comparison
from nonneg.explain.plots.directions import directions
from nonneg.explain.plots.heatmap import heatmap
from nonneg.explain.plots.maps import maps
from nonneg.explain.plots.parts import parts
from nonneg.explain.plots.reconstructions import reconstructions
from nonneg.explain.plots.scatter import scatter
from nonneg.explain.plots.shares import shares
from nonneg.explain.plots.sources import sources
from nonneg.explain.plots.starts import starts
from nonneg.explain.plots.top_rows import top_rows
from nonneg.explain.plots.trace import trace

__all__ = [
    "comparison",
    "directions",
    "heatmap",
    "maps",
    "parts",
    "reconstructions",
    "scatter",
    "shares",
    "sources",
    "starts",
    "top_rows",
    "trace",
]
