"""Extrapolation: where the next half-steps begin, and what the partner sees of the last ones."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from nonneg.data import Array
from nonneg.solve.bounds import Bounds
from nonneg.solve.problem import Problem
from nonneg.solve.sweeps import extrapolate


class Side:
    """One factor during the loop: last plain iterate, next one, what the partner sees, where updates begin.

    The best one is kept without a copy: it is one of these, or the spare array once they are written anew.
    """

    def __init__(self, name: str, F: Array, bounds: Bounds | None = None) -> None:
        self.name, self.bounds = name, bounds
        self.begin, self.plain, self.next, self.spare = F.copy(), F.copy(), np.empty_like(F), F.copy()
        self.seen, self.best = self.begin, self.spare
        self.kkt = float("inf")

    def improve(self, problem: Problem, partner: Array) -> None:
        """Go from the point where updates begin, which may be written anew then, to the next plain iterate."""
        if self.begin is self.best:
            np.copyto(self.next, self.begin)
            self.begin, self.spare = self.spare, self.begin
        else:
            self.begin, self.next = self.next, self.begin
        step = problem.improve(self.name, self.next, partner)
        if step.dead.any():
            # Nothing pulls at the partner of an empty part: it waits, or the extrapolation would carry it away.
            self.next[step.dead] = self.plain[step.dead]
        self.kkt = step.kkt

    def restrict(self, keep: float = 0.0) -> None:
        """Bring the point where updates begin back within the bounds, and leave this share of each entry at least."""
        if self.bounds is None:
            return
        self.bounds.restrict(self.begin)
        if keep > 0 and self.bounds.total is not None:  # else it leaves as much as there was
            self.begin += self.begin.dtype.type(keep) * (self.next - self.begin)

    def advance(self) -> None:
        """Make the next iterate the present one."""
        self.plain, self.next = self.next, self.plain
        if self.next is self.best:
            self.next, self.spare = self.spare, self.next

    def scale(self, factor: Array) -> None:
        """Multiply each part in the present iterates, among which both factors of the best pair are, or none."""
        column = factor[:, None].astype(self.plain.dtype)
        for F in (self.begin, self.plain):
            np.multiply(F, column, out=F)


class Momentum(Protocol):
    """A rule of extrapolation; the loop calls it after each half-step."""

    def after_W(self, W: Side) -> None:
        """Choose what H's half-step sees of W."""
        ...

    def after_H(self, W: Side, H: Side, rose: bool) -> bool:
        """Choose where the next half-steps begin; True if the objective rose and extrapolation begins anew."""
        ...


class Restarting:
    """A step beyond each iterate that the partner sees, its length adapted, begun anew where the objective rises.

    Ang & Gillis (2019), doi:10.1162/neco_a_01157. ``keep`` is the share of an entry that extrapolation leaves at
    least: a divergence is infinite where all that explains an entry of X is cut off at zero.
    """

    def __init__(self, keep: float = 0.0) -> None:
        self.keep = keep
        self.beta, self.last_good, self.ceiling = 0.5, 0.5, 1.0
        self.restarts_in_a_row = 0

    def after_W(self, W: Side) -> None:
        """Show H's half-step the extrapolated W."""
        extrapolate(W.next, W.plain, self._length, self.keep, W.begin)
        W.restrict(self.keep)
        W.seen = W.begin

    def after_H(self, W: Side, H: Side, rose: bool) -> bool:
        """Extrapolate H, or go back to the plain iterates."""
        H.seen = H.begin
        if rose:
            np.copyto(W.begin, W.next)
            np.copyto(H.begin, H.next)
            self.ceiling, self.beta = self.last_good, self.beta / 1.5
            self.restarts_in_a_row += 1
            return True
        extrapolate(H.next, H.plain, self._length, self.keep, H.begin)
        H.restrict(self.keep)
        self.last_good, self.beta = self.beta, min(self.ceiling, 1.05 * self.beta)
        self.ceiling = min(1.0, 1.01 * self.ceiling)
        self.restarts_in_a_row = 0
        return False

    @property
    def _length(self) -> float:
        return self.beta if self.restarts_in_a_row < 2 else 0.0


class Growing:
    """Updates begin beyond the last iterate where it grew; partners see plain iterates.

    Convergence is proved for multiplicative updates under beta-divergences with 1 <= beta <= 2: Hien, Leplat & Gillis
    (2024), doi:10.48550/arXiv.2401.06646.
    """

    def __init__(self) -> None:
        self.t = 1.0

    def after_W(self, W: Side) -> None:
        """Show H's half-step the plain W."""
        W.seen = W.next

    def after_H(self, W: Side, H: Side, rose: bool) -> bool:
        """Begin beyond both iterates, further each time."""
        following = 0.5 * (1 + (1 + 4 * self.t**2) ** 0.5)
        length, self.t = (self.t - 1) / following, following
        for side in (W, H):
            np.subtract(side.next, side.plain, out=side.begin)
            np.maximum(side.begin, 0, out=side.begin)
            side.begin *= side.begin.dtype.type(length)
            side.begin += side.next
            side.restrict()
            side.seen = side.next
        return False


class Plain:
    """No extrapolation."""

    def after_W(self, W: Side) -> None:
        """Show H's half-step the plain W."""
        np.copyto(W.begin, W.next)
        W.seen = W.begin

    def after_H(self, W: Side, H: Side, rose: bool) -> bool:
        """Begin where the last half-step ended."""
        np.copyto(H.begin, H.next)
        H.seen = H.begin
        return False
