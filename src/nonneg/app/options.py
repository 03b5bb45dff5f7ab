"""What an option may be, and a sentence for what it may not: not in the words of the library that reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import typer


class Impossible(typer.BadParameter):
    """A value that an option cannot take; its message is the whole sentence."""

    def format_message(self) -> str:
        """Return the sentence with nothing before it."""
        return self.message


def whole_number(option: str, low: int, high: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number from `low` to `high`, both included."""
    possible = f"of at least {low}" if high is None else f"from {low} to {high}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < low or (high is not None and number > high):
            raise Impossible(f"{option} must be a whole number {possible}; got {text!r}.")
        return number

    return read


def one_of(option: str, choices: Sequence[str]) -> Callable[[str], str]:
    """Return what reads one of some words."""

    def read(text: str) -> str:
        if text not in choices:
            raise Impossible(f"{option} must be {' or '.join(choices)}; got {text!r}.")
        return text

    return read
