"""The command `nonneg`."""

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ParamSpec

import nonneg

if TYPE_CHECKING:
    import typer

Options = ParamSpec("Options")


def main() -> None:
    """Run the command line: the script `nonneg`."""
    try:
        app = application()
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "jinja2"):
            raise
        sys.exit(f'nonneg: the command line needs {error.name}: pip install "nonneg[app]".')
    app(prog_name="nonneg")


def application() -> "typer.Typer":
    """Return the typer application with all its commands."""
    import typer

    from nonneg.app.demo import demo

    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["--help", "-h"]},
    )

    @app.callback(invoke_without_command=True)
    def root(
        context: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    ) -> None:
        """Non-negative matrix factorization: write data as sums of parts."""
        if version:
            typer.echo(f"nonneg {nonneg.__version__}")
            raise typer.Exit
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    app.command()(in_a_sentence(demo))
    return app


def in_a_sentence(command: Callable[Options, None]) -> Callable[Options, None]:
    """Return the command, such that what the user can mend ends it with a sentence instead of a traceback."""

    @functools.wraps(command)
    def run(*args: Options.args, **options: Options.kwargs) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt:
            print("nonneg: stopped by Ctrl-C; every file is whole or was not written.", file=sys.stderr)
            sys.exit(130)
        except (ImportError, OSError, ValueError, MemoryError) as error:
            sys.exit(f"nonneg: {error}")

    return run
