"""Sound as a matrix: moments x frequencies."""

from __future__ import annotations

import numpy as np

from nonneg.data import Array


def windows_of(sound: Array, length: int, hop: int) -> Array:
    """Return the windows of a sound, of shape (moments, length); a new one begins after every `hop` samples."""
    return np.lib.stride_tricks.sliding_window_view(sound, length)[::hop]


def magnitudes(sound: Array, length: int, hop: int) -> Array:
    """Return the magnitudes of the Fourier transforms of Hann windows, of shape (moments, length // 2 + 1)."""
    result: Array = np.abs(np.fft.rfft(windows_of(sound, length, hop) * np.hanning(length)))
    return result


def middles(moments: int, length: int, hop: int) -> Array:
    """Return the sample in the middle of each window, of shape (moments,)."""
    return np.arange(moments) * hop + length // 2
