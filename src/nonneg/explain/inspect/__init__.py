"""Numbers that say what the parts of a factorization are: arrays, or tables with the user's own names."""

from nonneg.explain.inspect.explained import explained
from nonneg.explain.inspect.matching import Match, match
from nonneg.explain.inspect.residuals import Residuals, residuals
from nonneg.explain.inspect.shape import overlap, sparsity
from nonneg.explain.inspect.shares import Dominant, dominant, row_shares, shares
from nonneg.explain.inspect.silhouette import silhouette
from nonneg.explain.inspect.top import Top, top_features, top_rows

__all__ = [
    "Dominant",
    "Match",
    "Residuals",
    "Top",
    "dominant",
    "explained",
    "match",
    "overlap",
    "residuals",
    "row_shares",
    "shares",
    "silhouette",
    "sparsity",
    "top_features",
    "top_rows",
]
