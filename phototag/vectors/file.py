"""Content hashes and embeddings in, kept in one file that only grows, and embeddings out again.

One process writes, under the scan's lock; any number read meanwhile, and wait for nothing. A batch goes to the
operating system before the index remembers its photos, so that a process that is killed loses none. A machine that
loses power may lose, or half lose, the last ones: their checks tell, and they count as not there.
"""

import logging
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from phototag.records import Network, Vectors
from phototag.vectors.keys import Keys, Slots, no_keys
from phototag.vectors.layout import (
    HEADER_BYTES,
    KEY,
    KEYS,
    MEASURE,
    PACE_AT,
    ROWS,
    Layout,
    Records,
    header_of,
    key_checks,
    row_crc,
)
from phototag.vectors.quantise import Packed, pack, sketch, unpack

_log = logging.getLogger(__name__)

_PACE = struct.Struct("<d")
_COPIED_AT_ONCE = 1000
_PACE_PHOTOS = 50
"""Of fewer photos a scan's pace says nothing: opening the network takes part of it."""


class VectorFile:
    """The stored embeddings of one network.

    May be shared by threads. A file that is damaged, or that another network's vectors are in, is begun anew by a
    writer; one that cannot be written is left alone, with one warning, for no photo's tags depend on it.

    Args:
        path: from `vectors_path`.
        network: whose embeddings these are.
        readonly: only look; a missing file is an empty one.
    """

    def __init__(self, path: Path, network: Network, *, readonly: bool = False) -> None:
        self.path = path
        self.network = network
        self.layout = Layout(network.embedding_size)
        self._readonly = readonly
        self._turn = threading.RLock()
        self._file: BinaryIO | None = None
        self._keys = no_keys(self.layout)
        self._block = -1  # the one that is being filled
        self._rows_used = ROWS
        self._keys_used = KEYS
        self._stored = 0
        self._first = self._last = time.monotonic()
        try:
            self._open()
        except OSError as exc:
            self._give_up(exc)

    def __len__(self) -> int:
        """How many vectors there are, those of vanished photos among them."""
        return len(self.rows())

    @property
    def blocks(self) -> int:
        """How many blocks the file has."""
        return self._block + 1

    def get(self, content_hash: bytes) -> "Vectors | None":
        """The embedding `(D,) float32` of a photo of these bytes, if it is known."""
        with self._turn:
            row = self._keys.find(content_hash)
            if row is None or self._file is None:
                return None
            try:
                return self._read_row(row)
            except OSError as exc:
                self._give_up(exc)
                return None

    def put(self, embeddings: Sequence[tuple[bytes, Vectors]]) -> None:
        """Store embeddings `(D,) float32` by content hash; those that are known already stay as they are."""
        with self._turn:
            fresh = {digest: vector for digest, vector in embeddings if self._keys.find(digest) is None}
            if not fresh or self._file is None or self._readonly:
                return
            packed = pack(np.stack(list(fresh.values())))
            digests, done = list(fresh), 0
            try:
                while done < len(digests):
                    self._make_room()
                    many = min(len(digests) - done, ROWS - self._rows_used, KEYS - self._keys_used)
                    some = slice(done, done + many)
                    first = self._write_rows(packed, some)
                    self._write_keys([(digest, first + n) for n, digest in enumerate(digests[some])])
                    done += many
                self._stored, self._last = self._stored + done, time.monotonic()
            except OSError as exc:
                self._give_up(exc)

    def alias(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Note that photos of known bytes, the first of each pair, now have the bytes of the second hash."""
        with self._turn:
            rows = ((new, self._keys.find(old)) for old, new in pairs if self._keys.find(new) is None)
            found = {new: row for new, row in rows if row is not None}
            if not found or self._file is None or self._readonly:
                return
            entries = list(found.items())
            try:
                while entries:
                    self._make_room()
                    many = KEYS - self._keys_used
                    self._write_keys(entries[:many])
                    entries = entries[many:]
            except OSError as exc:
                self._give_up(exc)

    def rows_of(self, content_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """The numbers of vectors by content hash, of those that are known."""
        with self._turn:
            found = ((digest, self._keys.find(digest)) for digest in content_hashes)
            return {digest: row for digest, row in found if row is not None}

    def hashes_of(self, rows: Iterable[int]) -> dict[int, list[bytes]]:
        """The content hashes that lead to vectors."""
        with self._turn:
            return self._keys.hashes_of(rows)

    def rows(self) -> "npt.NDArray[np.intp]":
        """The numbers of all vectors that a key leads to, ascending."""
        with self._turn:
            return self._keys.rows()

    def keys(self) -> Iterator[tuple[bytes, int]]:
        """Every content hash and the number of its vector."""
        with self._turn:
            yield from self._keys.all()

    def reclaim(self, rows: Iterable[int]) -> None:
        """Write the file anew with these vectors alone, put it in the old one's place, and go on with it.

        Readers keep the file that they have opened. Where there is no room for both, all stays as it is.
        """
        fresh_path = self.path.with_name(self.path.name + ".new")
        with self._turn:
            if self._file is None or self._readonly:
                return
            try:
                fresh_path.unlink(missing_ok=True)
                if self._copy_to(fresh_path, list(rows)):
                    self.close()
                    os.replace(fresh_path, self.path)
            except OSError as exc:
                _log.warning("%s stays as large as it is: %s", self.path, exc.strerror or exc)
            finally:
                with suppress(OSError):
                    fresh_path.unlink(missing_ok=True)
            self._reopen()

    def close(self) -> None:
        """Hand what was written to the disk itself, and release the file."""
        with self._turn:
            if self._file is None:
                return
            try:
                if self._stored >= _PACE_PHOTOS and self._last > self._first:
                    self._write(PACE_AT, _PACE.pack(self._stored / (self._last - self._first)))
                if self._stored:
                    os.fsync(self._file.fileno())
            except OSError as exc:
                _log.warning("embeddings may be lost: %s: %s", self.path, exc.strerror or exc)
            self._file.close()
            self._file = None

    def _open(self) -> None:
        try:
            self._file = self.path.open("rb" if self._readonly else "r+b", buffering=0)
        except FileNotFoundError:
            if self._readonly:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w+b", buffering=0)
        expected = header_of(self.network)
        if self._file.read(len(expected)) != expected:
            if self._readonly:
                self.close()
                return
            if self._file.seek(0, 2):
                _log.warning("the embeddings in %s are of another version or damaged: they are made anew", self.path)
            self._file.truncate(0)
            self._write(0, expected.ljust(HEADER_BYTES, b"\0"))
        self._block = self.layout.blocks_in(self._file.seek(0, 2)) - 1
        self._load_keys()

    def _load_keys(self) -> None:
        """Read which vectors there are, and find the place where writing goes on."""
        if self.blocks and self._file is not None:
            data = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            self._keys = Keys(data, self.layout, self.blocks, self._read_keys)
            self._rows_used, self._keys_used = self._keys.ends.rows, self._keys.ends.keys

    def _read_keys(self, slots: Slots) -> Records:
        found = np.empty(len(slots), KEY)
        for n, slot in enumerate(slots.tolist()):
            block, at = divmod(slot, KEYS)
            found[n] = np.frombuffer(self._read(self.layout.block_at(block) + at * KEY.itemsize, KEY.itemsize), KEY)[0]
        return found

    def _reopen(self) -> None:
        self.close()
        try:
            self._open()
        except OSError as exc:
            self._give_up(exc)

    def _copy_to(self, path: Path, rows: Sequence[int]) -> bool:
        """Copy vectors, with all of their keys, into a new file; whether there was room for it."""
        fresh = VectorFile(path, self.network)
        for start in range(0, len(rows), _COPIED_AT_ONCE):
            found = self._keys.hashes_of(rows[start : start + _COPIED_AT_ONCE])
            hashes = {row: digests for row, digests in found.items() if digests}
            vectors = [(digests[0], self._read_row(row)) for row, digests in hashes.items()]
            fresh.put([(digest, vector) for digest, vector in vectors if vector is not None])
            fresh.alias((digests[0], other) for digests in hashes.values() for other in digests[1:])
        whole = fresh._file is not None
        if whole:
            fresh._write(PACE_AT, self._read(PACE_AT, _PACE.size))
        fresh._stored = min(fresh._stored, 1)  # how fast vectors are copied is nobody's pace
        fresh.close()
        return whole

    def _make_room(self) -> None:
        """Begin another block where the last one is full."""
        if self._rows_used < ROWS and self._keys_used < KEYS:
            return
        assert self._file is not None
        self._file.truncate(self.layout.block_at(self._block + 2))
        self._block += 1
        self._rows_used = self._keys_used = 0

    def _write_rows(self, packed: Packed, some: slice) -> int:
        """Write vectors, without keys as yet; the number of the first."""
        layout, start, at = self.layout, self.layout.block_at(self._block), self._rows_used
        codes = packed.codes[some]
        measures = np.zeros(len(codes), MEASURE)
        for name in ("scale", "offset", "length"):
            measures[name] = getattr(packed, name)[some]
        for measure, row in zip(measures, codes, strict=True):
            measure["crc"] = row_crc(measure, row.tobytes())
        self._write(start + layout.measures_at + at * MEASURE.itemsize, measures.tobytes())
        self._write(start + layout.codes_at + at * layout.size, codes.tobytes())
        for word, column in enumerate(sketch(codes).T):
            self._write(start + layout.sketches_at + 8 * (word * ROWS + at), column.tobytes())
        self._rows_used += len(codes)
        return self._block * ROWS + at

    def _write_keys(self, entries: Sequence[tuple[bytes, int]]) -> None:
        keys = np.zeros(len(entries), KEY)
        keys["hash"] = np.frombuffer(b"".join(digest for digest, _ in entries), "V32")
        keys["row"] = [row for _, row in entries]
        keys["check"] = key_checks(keys)
        self._write(self.layout.block_at(self._block) + self._keys_used * KEY.itemsize, keys.tobytes())
        self._keys_used += len(entries)
        for digest, row in entries:
            self._keys.add(digest, row)

    def _read_row(self, row: int) -> "Vectors | None":
        block, at = divmod(row, ROWS)
        start = self.layout.block_at(block)
        measures = np.frombuffer(self._read(start + self.layout.measures_at + at * MEASURE.itemsize, 16), MEASURE)
        codes = self._read(start + self.layout.codes_at + at * self.layout.size, self.layout.size)
        if row_crc(measures[0], codes) != measures[0]["crc"]:
            return None
        vectors = unpack(np.frombuffer(codes, np.uint8)[None], measures["scale"], measures["offset"])
        return np.asarray(vectors[0], np.float32)

    def _read(self, at: int, length: int) -> bytes:
        assert self._file is not None
        self._file.seek(at)
        data = self._file.read(length)
        if len(data) != length:
            raise OSError(f"{self.path} ends early")
        return data

    def _write(self, at: int, data: bytes) -> None:
        assert self._file is not None
        self._file.seek(at)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def _give_up(self, exc: OSError) -> None:
        _log.warning("embeddings are not kept: %s: %s", self.path, exc.strerror or exc)
        self._readonly, self._stored = True, 0
        self.close()


def pace_of(path: Path) -> float | None:
    """How many photos a second the last scan that stored a number of them in a file looked at."""
    try:
        with path.open("rb") as file:
            file.seek(PACE_AT)
            noted = file.read(_PACE.size)
    except OSError:
        return None
    pace: float = _PACE.unpack(noted)[0] if len(noted) == _PACE.size else 0.0
    return pace if pace > 0 else None
