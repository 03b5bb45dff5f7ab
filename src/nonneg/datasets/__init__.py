"""Data to try things on: real sets that ship inside packages, and generators with known truth."""

from nonneg.datasets.breast_cancers import load_breast_cancers
from nonneg.datasets.directions import make_directions
from nonneg.datasets.faces import fetch_faces
from nonneg.datasets.leukemia import load_leukemia
from nonneg.datasets.notes import make_notes
from nonneg.datasets.piano import load_piano
from nonneg.datasets.planted import make_planted
from nonneg.datasets.pm25 import load_pm25
from nonneg.datasets.reuters import load_reuters
from nonneg.datasets.signals import make_signals
from nonneg.datasets.signatures import make_signatures
from nonneg.datasets.swimmer import make_swimmer

__all__ = [
    "fetch_faces",
    "load_breast_cancers",
    "load_leukemia",
    "load_piano",
    "load_pm25",
    "load_reuters",
    "make_directions",
    "make_notes",
    "make_planted",
    "make_signals",
    "make_signatures",
    "make_swimmer",
]
