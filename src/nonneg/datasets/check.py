"""What the generators ask of their arguments."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np


def check_sizes(**sizes: int) -> None:
    """Raise ValueError unless every size is a whole number, at least 1."""
    for name, size in sizes.items():
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"{name} must be a whole number, at least 1; got {size!r}.")


def check_noise(noise: float) -> None:
    """Raise ValueError unless the noise is finite and at least 0."""
    if not isinstance(noise, Real) or not 0 <= noise < np.inf:
        raise ValueError(f"noise must be finite and at least 0, got {noise!r}.")


def check_positive(**values: float) -> None:
    """Raise ValueError unless every value is finite and above 0."""
    for name, value in values.items():
        if not isinstance(value, Real) or not 0 < value < np.inf:
            raise ValueError(f"{name} must be finite and above 0, got {value!r}.")
