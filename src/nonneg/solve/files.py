"""Model files: an .npz archive of plain arrays and one JSON header. Data, never code."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from nonneg.data import Array, as_names
from nonneg.solve.losses import beta_of_name
from nonneg.solve.penalty import Penalty
from nonneg.solve.result import Factorization, Trace

FORMAT = "nonneg factorization"
VERSION = 1
ARRAYS = ("W", "H", "trace_loss", "trace_seconds")
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
NAMES = ("row_names", "feature_names")
NUMBERS = ("loss_value", "error", "relative_error", "kkt")


def save(result: Factorization, path: str | os.PathLike[str]) -> None:
    """Write a factorization; a crash leaves the old file or the new one."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "loss_name": result.loss_name,
        "converged": result.converged,
        "reason": result.reason,
        "seed": result.seed,
        "n_missing": result.n_missing,
        "settings": dict(result.settings),
        **{name: getattr(result, name) for name in NUMBERS},
    }
    arrays: dict[str, Any] = dict(zip(ARRAYS, (result.W, result.H, *result.trace), strict=True))
    arrays["header"] = _text(header)
    named = {name: getattr(result, name) for name in NAMES}
    arrays |= {name: _text(names.tolist()) for name, names in named.items() if names is not None}
    with whole_file(path) as file:
        np.savez(file, **arrays)


def _text(value: Any) -> Array:
    """Return the bytes of a value in JSON: in an .npz archive, an array of text in UTF-8 is the smallest."""
    text = json.dumps(value, default=lambda number: number.item())
    return np.frombuffer(text.encode(), np.uint8)


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when it is complete."""
    path = os.path.abspath(os.fspath(path))
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(f"The folder {os.path.dirname(path)!r} does not exist.")
    temporary = f"{path}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def load(path: str | os.PathLike[str]) -> Factorization:
    """Read a model that `Factorization.save` wrote.

    Loading runs no code. Shapes and sizes are checked before anything is allocated.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    Factorization

    Raises
    ------
    ValueError
        If the file is not a model, is damaged, or comes from a newer version.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import nonneg, os, tempfile
    >>> result = nonneg.factorize([[1.0, 2.0], [2.0, 4.0]], 1, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result.save(os.path.join(folder, "model.npz"))
    ...     again = nonneg.load(os.path.join(folder, "model.npz"))
    >>> bool((again.W == result.W).all())
    True
    """
    with open(path, "rb") as file:
        try:
            return _read_model(file)
        except Exception as error:
            # Whatever a damaged or hostile file provokes in the readers of zip, npy and JSON, it is no model.
            raise ValueError(f"{os.fspath(path)!r} is not a nonneg model that can be read: {error}.") from error


def _read_model(file: BinaryIO) -> Factorization:
    with zipfile.ZipFile(file) as archive:
        header = _read_header(archive)
        shapes = {name: _check_member(archive, name, FLOATS, 2 if name in "WH" else 1) for name in ARRAYS}
        (m, k), (k_H, n) = shapes["W"], shapes["H"]
        if k != k_H or min(m, k, n) < 1 or shapes["trace_loss"] != shapes["trace_seconds"]:
            raise ValueError(f"shapes do not fit: {shapes}")
        arrays = {name: _read(archive, name) for name in ARRAYS}
        row_names, feature_names = (_read_names(archive, *of) for of in zip(NAMES, (m, n), strict=True))
    for name in ("W", "H"):
        if not np.isfinite(arrays[name]).all() or arrays[name].min() < 0:
            raise ValueError(f"{name} holds a number that is negative or not finite")
    return Factorization(
        W=arrays["W"],
        H=arrays["H"],
        loss_name=str(header["loss_name"]),
        trace=Trace(arrays["trace_loss"], arrays["trace_seconds"]),
        converged=bool(header["converged"]),
        reason=str(header["reason"]),
        seed=int(header["seed"]),
        settings=header["settings"],
        n_missing=int(header.get("n_missing", 0)),
        row_names=row_names,
        feature_names=feature_names,
        **{name: float(header[name]) for name in NUMBERS},
    )


def _read_header(archive: zipfile.ZipFile) -> dict[str, Any]:
    (size,) = _check_member(archive, "header", (np.dtype(np.uint8),), 1)
    if size > 2**20:
        raise ValueError("its header is larger than 1 MiB")
    header = json.loads(_read(archive, "header").tobytes())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("it lacks the header of a model")
    if header.get("version") != VERSION:
        raise ValueError(f"its format version is {header.get('version')!r}, this nonneg reads version {VERSION}")
    settings = header["settings"]
    if not isinstance(header["reason"], str) or settings.get("negative", "error") not in ("error", "allow"):
        raise ValueError("its header is damaged")
    Penalty(**settings.get("penalty", {})).against(settings.get("shape_weight", 1.0))  # refuses what is none
    beta_of_name(header["loss_name"])
    return header


def _read_names(archive: zipfile.ZipFile, name: str, count: int) -> Array | None:
    if f"{name}.npy" not in archive.namelist():
        return None
    _check_member(archive, name, (np.dtype(np.uint8),), 1)
    names = json.loads(_read(archive, name).tobytes())
    if not isinstance(names, list) or len(names) != count or not all(isinstance(x, (str, int, float)) for x in names):
        raise ValueError(f"{name} are not {count} names")
    return as_names(names)


def _check_member(
    archive: zipfile.ZipFile, name: str, dtypes: tuple[np.dtype[Any], ...], dimensions: int
) -> tuple[int, ...]:
    """Return the shape that an array announces, if it is what its bytes can hold."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise ValueError(f"{name} is compressed")
    if archive.fp is None or info.header_offset + info.file_size > archive.fp.seek(0, os.SEEK_END):
        raise ValueError(f"{name} announces more bytes than the file has")
    with archive.open(info) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} has an unknown array format")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        header_size = file.tell()
    if dtype not in dtypes or len(shape) != dimensions:
        raise ValueError(f"{name} has dtype {dtype} and shape {shape}")
    size = dtype.itemsize * math.prod(shape)
    if info.file_size != header_size + size:
        raise ValueError(f"{name} announces {size} bytes but the file holds {info.file_size - header_size}")
    return tuple(int(x) for x in shape)


def _read(archive: zipfile.ZipFile, name: str) -> Array:
    with archive.open(f"{name}.npy") as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array
