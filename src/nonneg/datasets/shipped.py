"""Data that ship inside packages, read as files."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def read_shipped(package: str, paths: Iterable[str], *, what: str, install: str) -> list[bytes]:
    """Return the bytes of files that a package ships, without importing it: that would need its dependencies.

    Parameters
    ----------
    package : str
        Name of the distribution.
    paths : iterable of str
        Where the files are, from the folder of all packages.
    what : str
        What is missing without them, and its verb: the beginning of a sentence.
    install : str
        The command that installs the package.

    Returns
    -------
    list of bytes
        One for each path.

    Raises
    ------
    ImportError
        If the package or one of its files is missing.
    """
    try:
        locate = distribution(package).locate_file
        return [Path(str(locate(path))).read_bytes() for path in paths]
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise ImportError(f"{what} read from the package {package}, which is missing: {install}.") from error
