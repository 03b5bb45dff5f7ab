"""Numbers and names as a reader wants them: short."""

from __future__ import annotations


def part_title(share: float, j: int) -> str:
    """Return what a part is called: "part 3 · 12 %"."""
    return f"part {j + 1} · {percent(share)}"


def percent(fraction: float) -> str:
    """Write a fraction for a reader: "12 %", "4.7 %", "<0.1 %", "0 %"."""
    value = 100 * fraction
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


def rounded(value: float) -> str:
    """Write an amount in three digits, without an exponent up to a million: "0.0123", "1650", "1.23e+07"."""
    return f"{float(f'{value:.3g}'):g}"


def shortened(name: object, most: int = 24) -> str:
    """Return a name in at most so many letters, a long one with its middle left out."""
    text = " ".join(str(name).split())
    if len(text) <= most:
        return text
    head = (most - 1) // 2 + (most - 1) % 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
