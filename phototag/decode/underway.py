"""Photos that are being decoded in, those that were when an earlier scan died out, and for how long they had been.

A crash in a decoder ends the process without a word, and a scan that is killed while a photo hangs its decoder never
comes to tell of it. So each photo is noted in a small file before it is decoded, and how long it takes, second by
second. What stands there when a scan begins is suspect and is decoded in a process of its own; what has taken
`PATIENCE_S` in scans that were killed is passed by, or each scan would begin at it again. So is what did crash or hang
its process, until the index knows it. The file survives the process, which is all that is asked of it: nothing is
synced.
"""

import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from phototag.decode.apart import CRASHED
from phototag.errors import TOO_LONG, IndexFileError, UndecodableError
from phototag.records import PhotoRef

PATIENCE_S = 10.0
"""What a photo may take in scans that were killed meanwhile, all of them together: the largest takes a few seconds."""

_TICK_S = 1.0
_HEAD = struct.Struct("<BHfQq")
_SLOT_BYTES = 4_352
_PATH_MOST = _SLOT_BYTES - _HEAD.size
"""A path of 4,096 bytes, the longest that Linux knows, has room; a longer one of another system is not noted."""

_FREE, _DECODING, _HANGS, _CRASHES = 0, 1, 2, 3
_FOUND = {TOO_LONG: _HANGS, CRASHED: _CRASHES}
_REASONS = {state: reason for reason, state in _FOUND.items()}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A slot of the note.

    Attributes:
        slot: its number.
        ref: the photo.
        state: that it is, or was, being decoded, or what it did to its decoder.
        spent_s: how long it had been in scans that died.
        began: when this scan began to decode it, as `time.monotonic` counts.
    """

    slot: int
    ref: PhotoRef
    state: int = _DECODING
    spent_s: float = 0.0
    began: float = 0.0


class UnderWay:
    """The note: a slot for each photo that is being decoded, or was when a scan died.

    May be used by several threads. What one process notes no other may: hold the scan's lock.

    Args:
        path: the file; made here, and deleted by `close` unless a photo is still under way or suspect.
        forgive: whether what was found to crash or hang its decoder gets another try.

    Raises:
        IndexFileError: it cannot be read or made.
    """

    def __init__(self, path: Path, *, forgive: bool = False) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            with open(self._file, "rb", closefd=False) as file:
                before = file.read()
        except OSError as exc:
            raise IndexFileError(f"{path} cannot be written: {exc.strerror or exc}") from exc
        self._slots = -(-len(before) // _SLOT_BYTES)
        found = [_read(before, slot) for slot in range(self._slots)]
        self._suspects = {entry.ref: entry for entry in found if entry.state != _FREE}
        if forgive:
            self._suspects = {ref: _Entry(entry.slot, ref) for ref, entry in self._suspects.items()}
        used = {entry.slot for entry in self._suspects.values()}
        self._free = [slot for slot in range(self._slots) if slot not in used]
        self._decoding: dict[int, _Entry] = {}
        self._settled: set[int] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._count, name="under way", daemon=True).start()

    def suspects(self) -> list[PhotoRef]:
        """What was being decoded when an earlier scan died, or was found to crash or hang its decoder."""
        return list(self._suspects)

    def clear(self, ref: PhotoRef) -> None:
        """Take a photo out of the note: the index knows what is wrong with it, and nobody will decode it again."""
        with self._lock:
            entry = self._suspects.pop(ref)
            self._write(replace(entry, state=_FREE))
            self._free.append(entry.slot)

    def reason(self, ref: PhotoRef) -> str | None:
        """Why a photo is not to be decoded: it crashed or hung its decoder, and no scan came to tell of it."""
        entry = self._suspects.get(ref)
        if entry is None or (entry.state == _DECODING and entry.spent_s < PATIENCE_S):
            return None
        self._settled.add(entry.slot)
        return _REASONS.get(entry.state, TOO_LONG)

    def is_suspect(self, ref: PhotoRef) -> bool:
        """Whether a photo was being decoded when an earlier scan died."""
        return ref in self._suspects

    @contextmanager
    def noted(self, ref: PhotoRef) -> Iterator[None]:
        """Note that a photo is being decoded, as long as it is; that it crashed or hung its decoder stays noted."""
        with self._lock:
            entry = self._suspects.pop(ref, None) or _Entry(self._new_slot(), ref)
            entry = self._decoding[entry.slot] = replace(entry, began=time.monotonic())
            self._write(entry)
        state = _FREE
        try:
            yield
        except UndecodableError as exc:
            state = _FOUND.get(exc.reason, _FREE)
            raise
        finally:
            with self._lock:
                del self._decoding[entry.slot]
                self._write(replace(entry, state=state))
                if state == _FREE:
                    self._free.append(entry.slot)
                else:
                    self._settled.add(entry.slot)

    def close(self) -> None:
        """Delete the note, unless a thread hangs in a decoder or a suspect was not met: that is for the next scan."""
        self._closed.set()
        with self._lock:
            left = [one for one in self._suspects.values() if one.slot not in self._settled and not _is_gone(one.ref)]
            kept = {one.slot for one in left} | self._decoding.keys()
            for slot in range(self._slots):
                if slot not in kept:
                    self._write(_Entry(slot, PhotoRef("", 0, 0), _FREE))
            os.close(self._file)
            self._file = -1
        if not kept:
            with suppress(OSError):
                self._path.unlink()

    def _new_slot(self) -> int:
        if self._free:
            return self._free.pop()
        self._slots += 1
        return self._slots - 1

    def _count(self) -> None:
        """Note every second how long photos have been under way; most are done before."""
        while not self._closed.wait(_TICK_S):
            with self._lock:
                for entry in self._decoding.values():
                    spent_s = entry.spent_s + time.monotonic() - entry.began
                    self._write(replace(entry, spent_s=spent_s))

    def _write(self, entry: _Entry) -> None:
        """Write a slot; the caller holds the lock."""
        path = os.fsencode(entry.ref.path)
        if self._file < 0 or len(path) > _PATH_MOST:
            return
        data = _HEAD.pack(entry.state, len(path), entry.spent_s, entry.ref.size_bytes, entry.ref.mtime_ns) + path
        with suppress(OSError):  # a full disk: decoding is not to fail for want of a note
            os.lseek(self._file, entry.slot * _SLOT_BYTES, os.SEEK_SET)
            os.write(self._file, data if entry.state != _FREE else bytes([_FREE]))


def _read(note: bytes, slot: int) -> _Entry:
    """A slot; one that is damaged is free."""
    data = note[slot * _SLOT_BYTES : (slot + 1) * _SLOT_BYTES].ljust(_SLOT_BYTES, b"\0")
    state, length, spent_s, size_bytes, mtime_ns = _HEAD.unpack_from(data)
    path = data[_HEAD.size : _HEAD.size + length]
    is_damaged = state > _CRASHES or b"\0" in path
    return _Entry(slot, PhotoRef(os.fsdecode(path), size_bytes, mtime_ns), _FREE if is_damaged else state, spent_s)


def _is_gone(ref: PhotoRef) -> bool:
    """Whether a photo is no longer there, or another, though its folder is there: nobody will meet it again."""
    try:
        now = os.stat(ref.path)
    except FileNotFoundError:
        return os.path.isdir(os.path.dirname(ref.path))
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) != (ref.size_bytes, ref.mtime_ns)
