"""Data to try things on: real sets that ship inside packages, and generators with known truth."""

from nonneg.datasets.faces import fetch_faces
from nonneg.datasets.leukemia import fetch_leukemia
from nonneg.datasets.made import make_planted, make_swimmer
from nonneg.datasets.piano import fetch_piano
from nonneg.datasets.pm25 import fetch_pm25
from nonneg.datasets.reuters import fetch_reuters

__all__ = [
    "fetch_faces",
    "fetch_leukemia",
    "fetch_piano",
    "fetch_pm25",
    "fetch_reuters",
    "make_planted",
    "make_swimmer",
]
