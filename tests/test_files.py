"""A model file holds numbers: it comes back bit for bit, and nothing in it can do harm."""

import io
import json
import os
import pickle
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

import nonneg
from nonneg import Iterations, Penalty
from nonneg.solve import files


@pytest.fixture
def result(planted):
    return nonneg.factorize(planted(12, 9, 3, noise=0.1)[0], 3, seed=7, stop=Iterations(20))


@pytest.fixture
def path(result, tmp_path):
    result.save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, contents, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def npy(array, **kwargs):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **kwargs)
    return file.getvalue()


def npy_header(text):
    """Return the beginning of an array file that says ``text``, and nothing behind it."""
    text = text.encode().ljust(64 - 10 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def header_of(path, **changes):
    """Return the model's header with some entries changed; None takes one away."""
    header = json.loads(np.load(io.BytesIO(members(path)["header.npy"])).tobytes())
    header.update(changes)
    return npy(np.frombuffer(json.dumps({k: v for k, v in header.items() if v is not None}).encode(), np.uint8))


def refused(path, *words):
    """Loading raises ValueError: one sentence that names the file."""
    with pytest.raises(ValueError, match=r"is not a nonneg model that can be read: ") as caught:
        nonneg.load(path)
    message = str(caught.value)
    assert repr(os.fspath(path)) in message
    assert message.endswith(".")
    assert "\n" not in message
    for word in words:
        assert word in message


# --- round trip -----------------------------------------------------------------------------------------


def same(a, b):
    for F, G in ((a.W, b.W), (a.H, b.H), (a.trace.loss, b.trace.loss), (a.trace.seconds, b.trace.seconds)):
        assert F.dtype == G.dtype
        assert np.array_equal(F, G)
    for name in ("loss_name", "loss_value", "error", "relative_error", "converged", "reason", "kkt", "seed", "k"):
        assert getattr(a, name) == getattr(b, name), name
        assert type(getattr(a, name)) is type(getattr(b, name)), name
    assert dict(a.settings) == dict(b.settings)
    assert repr(a) == repr(b)


CALLS = {
    "plain": {},
    "penalty": {"penalty": Penalty(0.01, 0.02, 0.5)},
    "given start": {"start": (np.ones((12, 3)), np.ones((3, 9)))},
    "several runs": {"n_init": np.int64(2), "stop": Iterations(np.int64(5))},
    "numpy numbers": {"penalty": Penalty(np.float32(0.01), 0.5, np.float32(0.5)), "seed": np.uint32(3)},
    "negative": {"negative": "allow"},
}


@pytest.mark.parametrize("call", CALLS)
def test_round_trip(call, dtype, planted, tmp_path):
    X = planted(12, 9, 3, noise=0.1, dtype=dtype)[0]
    result = nonneg.factorize(X, 3, **{"seed": 0} | CALLS[call])
    result.save(tmp_path / "model")
    again = nonneg.load(tmp_path / "model")
    same(result, again)
    assert np.array_equal(again.transform(X), result.W)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_round_trip_of_a_sketched_run(planted, tmp_path):
    result = nonneg.factorize(planted(120, 110, 3)[0], 3, seed=0)
    assert result.settings["sketch"] is not None
    result.save(tmp_path / "m")
    same(result, nonneg.load(tmp_path / "m"))


@pytest.mark.parametrize("factor", [0.0, 1e300])
def test_round_trip_of_numbers_at_the_edge(factor, tmp_path):
    result = nonneg.factorize(factor * np.random.default_rng(0).random((6, 5)), 2, seed=0)
    result.save(tmp_path / "m")
    same(result, nonneg.load(tmp_path / "m"))


def test_paths_may_be_strings_and_relative(result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result.save("model.npz")
    same(result, nonneg.load("model.npz"))
    result.save(str(tmp_path / "wörter 1.npz"))
    same(result, nonneg.load(str(tmp_path / "wörter 1.npz")))


def test_the_file_is_an_npz_of_plain_arrays(path, result):
    with np.load(path, allow_pickle=False) as archive:
        assert np.array_equal(archive["W"], result.W)
        assert np.array_equal(archive["H"], result.H)


def test_a_new_file_is_readable_by_whom_the_umask_says(path, tmp_path):
    (tmp_path / "other").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


# --- whole or not at all --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["savez", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failing_write_leaves_the_old_file(step, error, path, result, monkeypatch):
    before = path.read_bytes()

    def fail(file, *args, **kwargs):
        if step == "savez":
            file.write(b"half a model")
        raise error

    monkeypatch.setattr(np if step == "savez" else os, step, fail)
    with pytest.raises(type(error)):
        result.save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_good_write_replaces_the_old_file(path, planted):
    other = nonneg.factorize(planted(12, 9, 2, seed=1)[0], 2, seed=0)
    other.save(path)
    same(other, nonneg.load(path))
    assert list(path.parent.iterdir()) == [path]


def test_saving_where_there_is_no_folder(result, tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        result.save(tmp_path / "nowhere" / "model.npz")


# --- files that are no models ---------------------------------------------------------------------------


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        nonneg.load(tmp_path / "missing.npz")


class Trap:
    """Once unpickled, it has run."""

    def __reduce__(self):
        return (exec, ("import sys; sys.nonneg_trap = True",))


def test_nothing_is_run(path, tmp_path):
    contents = members(path)
    trap = np.empty((3, 9), object)
    trap[:] = Trap()
    poisoned = npy(trap, allow_pickle=True)
    for name in contents:
        write(path, contents | {name: poisoned})
        refused(path)
        write(path, contents | {name: pickle.dumps(Trap())})
        refused(path)
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Trap()))
    refused(tmp_path / "pickle.npz")
    # One more member is never opened.
    write(path, contents | {"extra.npy": poisoned})
    nonneg.load(path)
    assert not hasattr(sys, "nonneg_trap")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + 18 * b"\0", b"<html></html>", 4096 * b"\xff"])
def test_other_files(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    refused(tmp_path / "file")


def test_other_archives(tmp_path):
    write(tmp_path / "docx", {"word/document.xml": b"<xml/>"})
    refused(tmp_path / "docx")
    np.savez(tmp_path / "other.npz", W=np.ones((3, 2)), H=np.ones((2, 3)))
    refused(tmp_path / "other.npz")
    np.savez(tmp_path / "other.npz", header=np.frombuffer(b'{"format": "else"}', np.uint8))
    refused(tmp_path / "other.npz", "header")


def test_any_truncation(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 41):
        path.write_bytes(whole[:length])
        refused(path)


def test_any_damaged_byte(path, result):
    # A file with one wrong byte is refused, or the byte did not matter.
    whole = path.read_bytes()
    for at in range(len(whole)):
        for flip in (0xFF,) if at % 2 else (0x01,):
            damaged = bytearray(whole)
            damaged[at] ^= flip
            path.write_bytes(damaged)
            try:
                again = nonneg.load(path)
            except ValueError:
                continue
            assert np.array_equal(again.W, result.W)
            assert np.array_equal(again.H, result.H)


@pytest.mark.parametrize("name", ["header", *files.ARRAYS])
def test_missing_parts(name, path):
    contents = members(path)
    del contents[f"{name}.npy"]
    write(path, contents)
    refused(path, name)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_versions(version, path):
    write(path, members(path) | {"header.npy": header_of(path, version=version)})
    refused(path, "version")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"reason": 5},
        {"reason": ["exact"]},
        {"settings": [1]},
        {"settings": None},
        {"seed": "one"},
        {"seed": float("inf")},
        {"kkt": "small"},
        {"kkt": 10**400},
        {"loss_value": None},
        {"error": {}},
        {"converged": None},
        {"loss_name": None},
    ],
)
def test_damaged_headers(changes, path):
    write(path, members(path) | {"header.npy": header_of(path, **changes)})
    refused(path)


@pytest.mark.parametrize(
    "header",
    [
        npy(np.frombuffer(b"not json", np.uint8)),
        npy(np.frombuffer(b"\xff\xfe", np.uint8)),
        npy(np.frombuffer(b"[1]", np.uint8)),
        npy(np.frombuffer(b"[" * 10**5, np.uint8)),
        npy(np.zeros(3)),
        npy(np.array(["a"])),
        npy(np.array({"a": 1}, object), allow_pickle=True),
        npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': (10**15,)}"),
        npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000,), }"),
        npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': ("),
        npy_header("{'descr': '|u1'}"),
        npy_header("-" * 50 + "1"),
        b"",
    ],
)
def test_headers_that_are_none(header, path):
    write(path, members(path) | {"header.npy": header})
    refused(path)


def test_a_header_may_not_be_endless(path):
    blown_up = npy(np.frombuffer(b'{"a": "' + b"a" * 2**21 + b'"}', np.uint8))
    write(path, members(path) | {"header.npy": blown_up}, zipfile.ZIP_DEFLATED)
    refused(path)


@pytest.mark.parametrize(
    "shape",
    ["(3, 100000000)", "(10000000, 10000000)", "(-3, -9)", "(3,)", "(3, 9, 1)", "()", "(0, 9)", "(9, 3)", "(3, 9.0)"],
)
def test_bombs(shape, path):
    # A few bytes that announce giga- or terabytes, or another shape than the file holds.
    contents = members(path)
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    write(path, contents | {"H.npy": npy_header(text) + contents["H.npy"][-3 * 9 * 8 :]})
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_compressed_bombs(path):
    contents = members(path)
    contents["W.npy"] = npy(np.zeros((1000, 3000)))
    contents["H.npy"] = npy(np.zeros((3000, 1000)))
    write(path, contents, zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_compressed_headers(compression, path):
    # Reading a compressed member raises errors of the library that decompresses.
    write(path, {"header.npy": members(path)["header.npy"]}, compression)
    whole = path.read_bytes()
    for at in range(40, len(whole) - 100, 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        refused(path)


def test_encrypted_members(path):
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    refused(path)


@pytest.mark.parametrize("name", ["W", "H"])
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_values_that_no_model_has(name, value, path, result):
    F = getattr(result, name).copy()
    F[1, 2] = value
    write(path, members(path) | {f"{name}.npy": npy(F)})
    refused(path, name)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("W", np.ones((12, 3), np.float16)),
        ("W", np.ones((12, 3), np.int64)),
        ("W", np.ones((12, 3), ">f8")),
        ("W", np.ones((12, 3), complex)),
        ("W", np.zeros((12, 3), [("a", "f8")])),
        ("W", np.full((12, 3), "a")),
        ("W", np.ones((12, 4))),
        ("H", np.ones((2, 9))),
        ("H", np.ones((3, 9, 1))),
        ("trace_loss", np.ones(3)),
        ("trace_seconds", np.ones((20, 1))),
    ],
)
def test_arrays_that_no_model_has(name, array, path):
    write(path, members(path) | {f"{name}.npy": npy(array)})
    refused(path)


def test_member_names_are_no_paths(path, tmp_path):
    write(path, members(path) | {"../../evil": b"1", "/evil": b"1"})
    nonneg.load(path)
    assert list(tmp_path.iterdir()) == [path]
