"""A page for a browser: sections of words, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO

from jinja2 import Environment

from nonneg.data import Array
from nonneg.solve.files import whole_file


@dataclass(frozen=True)
class Picture:
    """Axes to be written as PNG under a name, and what stands below them."""

    name: str
    axes: Array
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; numbers, so all but the first column stand at the right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A title, paragraphs, and perhaps a table and pictures."""

    title: str
    words: Sequence[str]
    pictures: Sequence[Picture]
    table: Table | None = None


def write_page(path: Path, title: str, sections: Sequence[Section], closing: str) -> None:
    """Write sections whose pictures lie beside the page: the whole file, or none and the old one stays."""
    # Every word that comes from data is escaped.
    template = Environment(autoescape=True).from_string(files("nonneg.app").joinpath("page.html").read_text("utf-8"))
    text = template.render(title=title, sections=sections, closing=closing)
    with writing(path) as file:
        file.write(text.encode())


def write_picture(picture: Picture, folder: Path) -> Path:
    """Write the figure of some Axes as PNG: the whole file, or none and the old one stays."""
    path = folder / picture.name
    figure = picture.axes.flat[0].figure
    with writing(path) as file:
        figure.savefig(file, format="png", dpi=150)
    return path


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears when it is whole; what goes wrong names it."""
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}.") from error
