"""How X is read: one protocol, `Source`, and one short file for each kind of data."""

from nonneg.data.check import check_matrix
from nonneg.data.dense import Dense
from nonneg.data.low_rank import LowRank, sketch
from nonneg.data.source import Array, Source, as_source, gram
from nonneg.data.sparse import Sparse

__all__ = ["Array", "Dense", "LowRank", "Source", "Sparse", "as_source", "check_matrix", "gram", "sketch"]
