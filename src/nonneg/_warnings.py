"""Warnings that point at the caller's line."""

from __future__ import annotations

import sys
import warnings

OWN_FRAMES = ("nonneg", "sklearn")


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called the library.

    scikit-learn wraps the methods of estimators in frames of its own, a number that depends on the method and on
    the version, so the frames are looked at instead of counted.
    """
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in OWN_FRAMES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
