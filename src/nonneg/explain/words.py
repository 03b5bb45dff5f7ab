"""Numbers and names as a reader wants them: short."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile


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
    text = _plain(name)
    if len(text) <= most:
        return text
    head = (most - 1) // 2 + (most - 1) % 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def shortened_all(names: Iterable[object], most: int = 24) -> list[str]:
    """Return names in at most so many letters each; those that would look alike show what tells them apart.

    "concentration of lead in plasma" and "concentration of zinc in plasma" become "concentration of lead…" and
    "concentration of zinc…".
    """
    texts = [_plain(name) for name in names]
    alike: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        alike.setdefault(shortened(text, most), []).append(text)
    labels: dict[str, str] = {}
    for label, group in alike.items():
        labels |= {group[0]: label} if len(group) == 1 else dict(zip(group, _told_apart(group, most), strict=True))
    return [labels[text] for text in texts]


def _told_apart(texts: list[str], most: int) -> list[str]:
    """Return labels of different names without words that they all begin or end with; numbered, if need be."""
    words = [text.split(" ") for text in texts]
    least = min(map(len, words)) - 1  # a name keeps a word
    head = min(_shared(words), least)
    tail = min(_shared([each[::-1] for each in words]), least - head)

    def own(head: int, tail: int) -> list[str]:
        return ["…" * (head > 0) + " ".join(each[head : len(each) - tail]) + "…" * (tail > 0) for each in words]

    # Shared words next to what differs stay where all names have room for them.
    while head and max(map(len, own(head - 1, tail))) <= most:
        head -= 1
    while tail and max(map(len, own(head, tail - 1))) <= most:
        tail -= 1
    labels = [shortened(text, most) for text in own(head, tail)]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{shortened(text, most - len(str(i)) - 3)} ({i})" for i, text in enumerate(own(head, tail), 1)]


def _shared(lists: list[list[str]]) -> int:
    """Return how many words all lists begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*lists, strict=False)))


def _plain(name: object) -> str:
    return " ".join(str(name).split())
