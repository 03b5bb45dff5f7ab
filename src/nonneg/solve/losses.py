"""The losses by their names: each is a beta-divergence of X from W H."""

from __future__ import annotations

import difflib
import math
from numbers import Real

NAMES = {"frobenius": 2.0, "kullback-leibler": 1.0, "poisson": 1.0, "itakura-saito": 0.0}
SHORT = {"kl": "kullback-leibler", "is": "itakura-saito", "euclidean": "frobenius", "l2": "frobenius"}


def beta_of(loss: object) -> float:
    """Return the beta that a loss stands for: a name or a finite number."""
    if isinstance(loss, str) and loss in NAMES:
        return NAMES[loss]
    if isinstance(loss, Real) and not isinstance(loss, bool) and math.isfinite(float(loss)):
        return float(loss)
    raise ValueError(
        f"loss must be one of {tuple(NAMES)} or a finite number (the beta of a beta-divergence), got {loss!r}"
        f"{_meant(loss)}"
    )


def _meant(loss: object) -> str:
    """Return how a message about a loss that there is not ends: with the name that is closest, if one is close."""
    word = str(loss).lower().replace("_", "-").replace(" ", "-")
    close = [SHORT[word]] if word in SHORT else difflib.get_close_matches(word, NAMES, n=1)
    return f"; did you mean {close[0]!r}?" if close else "."


def name_of(beta: float) -> str:
    """Return the name of a loss; "beta=0.5" where it has none."""
    return next((name for name, value in NAMES.items() if value == beta), f"beta={beta!r}")


def beta_of_name(name: str) -> float:
    """Return the beta of a name that `name_of` has given."""
    return NAMES[name] if name in NAMES else beta_of(float(name.removeprefix("beta=")))
