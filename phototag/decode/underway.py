"""Paths of photos that are being decoded in, those that were when an earlier scan died out.

A crash in a decoder ends the process without a word. So each photo is noted in a small file before it is decoded in
the scan's own process, and taken out afterwards; what stands there when a scan begins is suspect, and is decoded in a
process of its own. The file survives the process, which is all that is asked of it: nothing is synced.
"""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from phototag.errors import IndexFileError

_SLOT_BYTES = hashlib.sha256().digest_size
_EMPTY = bytes(_SLOT_BYTES)


class UnderWay:
    """The note: a slot of 32 bytes, the SHA-256 of a path, for each photo that is being decoded or is suspect.

    May be used by several threads. What one process notes no other may: hold the scan's lock.

    Args:
        path: the file; made here, and deleted by `close` unless a photo is still under way or suspect.

    Raises:
        IndexFileError: it cannot be read or made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_open = True
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            with open(self._file, "rb", closefd=False) as file:
                before = file.read()
            slots = {before[at : at + _SLOT_BYTES] for at in range(0, len(before), _SLOT_BYTES)}
            self._suspects = {digest: slot for slot, digest in enumerate(sorted(slots - {_EMPTY}))}
            os.ftruncate(self._file, 0)
            for digest, slot in self._suspects.items():
                self._write(slot, digest)
        except OSError as exc:
            raise IndexFileError(f"{path} cannot be written: {exc.strerror or exc}") from exc
        self._free: list[int] = []
        self._slots = len(self._suspects)

    def is_suspect(self, path: str) -> bool:
        """Whether a photo was being decoded when an earlier scan died."""
        return bool(self._suspects) and _digest(path) in self._suspects

    def clear_suspect(self, path: str) -> None:
        """Clear a photo of suspicion: it has been decoded apart, well or not."""
        with self._lock:
            slot = self._suspects.pop(_digest(path), None)
        if slot is not None:
            self._write(slot, _EMPTY)

    @contextmanager
    def noted(self, path: str) -> Iterator[None]:
        """Note that a photo is being decoded, as long as it is."""
        with self._lock:
            if not self._free:
                self._free.append(self._slots)
                self._slots += 1
            slot = self._free.pop()
        self._write(slot, _digest(path))
        try:
            yield
        finally:
            self._write(slot, _EMPTY)
            self._free.append(slot)

    def close(self) -> None:
        """Delete the note, unless a thread hangs in a decoder or a suspect was not met: that is for the next scan."""
        with self._lock:
            self._is_open = False
            os.close(self._file)
        with suppress(OSError):
            if not any(self._path.read_bytes()):
                self._path.unlink()

    def _write(self, slot: int, digest: bytes) -> None:
        with self._lock, suppress(OSError):  # a full disk: decoding is not to fail for want of a note
            if self._is_open:
                os.lseek(self._file, slot * _SLOT_BYTES, os.SEEK_SET)
                os.write(self._file, digest)


def _digest(path: str) -> bytes:
    return hashlib.sha256(os.fsencode(path)).digest()
