"""New bytes arrive whole, whether the file system takes them directly or not."""

import errno
import os
from pathlib import Path

import pytest

from phototag.metadata import direct
from phototag.metadata.direct import write_all

_PIECE = 1 << 19


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(handle, data)
    finally:
        os.close(handle)


@pytest.mark.parametrize(
    "size", [0, 1, 4096, 1 << 18, (1 << 18) + 1, _PIECE - 1, _PIECE, _PIECE + 4096, 3 * _PIECE + 5]
)
def test_bytes_of_any_number_arrive(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    _write(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_file_system_that_takes_no_direct_writes_gets_ordinary_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    data, writes, real = os.urandom(3 * _PIECE + 5), [0], os.write

    def refuse(handle: int, piece: memoryview) -> int:
        writes[0] += 1
        if writes[0] == fails_at:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(handle, piece)

    monkeypatch.setattr(direct.os, "write", refuse)
    if not _takes_direct_writes(tmp_path):
        pytest.skip("this file system takes no direct writes")
    _write(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data


def test_a_disk_error_is_not_taken_for_a_want_of_direct_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int, _piece: memoryview) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(direct.os, "write", fail)
    with pytest.raises(OSError, match="Input/output"):
        _write(tmp_path / "file", bytes(_PIECE))


def _takes_direct_writes(folder: Path) -> bool:
    try:
        os.close(os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
    except (OSError, AttributeError):
        return False
    return True
