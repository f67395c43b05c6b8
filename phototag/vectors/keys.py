"""Which content hash leads to which vector: 16 bytes of memory a key, the rest of it is looked up in the file."""

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phototag.vectors.layout import KEY, KEYS, ROWS, Layout, Records, key_checks

_GLANCE = np.dtype(
    {"names": ["first", "row", "check"], "formats": ["<u8", "<u4", "<u4"], "offsets": [0, 32, 36], "itemsize": 40}
)
"""A `KEY` of whose hash only the first eight bytes are read."""

_FEW = 16
"""So many keys are looked for one by one; for more it pays to sort them all."""

_AT_ONCE = 100_000

ReadKeys = Callable[["Slots"], Records]
"""Reads whole keys from the file."""

Slots = npt.NDArray[np.uint32]
"""Places of keys: their number in the file, counting unused ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Where writing goes on in the last block: rows and keys used in it."""

    rows: int
    keys: int


class Keys:
    """The keys of a file.

    Args:
        data: the file, mapped.
        layout: of the file.
        blocks: how many blocks of it to look at.
        read: reads whole keys; what is damaged is found out then.
    """

    def __init__(self, data: "mmap.mmap | bytes", layout: Layout, blocks: int, read: ReadKeys) -> None:
        self._read = read
        self._sorted = False
        self._looked_for = 0
        self._fresh: dict[bytes, int] = {}
        self._fresh_of: dict[int, list[bytes]] = {}
        self._by_row: npt.NDArray[np.intp] | None = None
        first, row, slot = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)], [np.empty(0, np.uint32)]
        for block in range(blocks):
            keys = np.frombuffer(data, _GLANCE, KEYS, layout.block_at(block))
            used = np.flatnonzero((keys["check"] != 0) & (keys["row"] < (block + 1) * ROWS))
            first.append(keys["first"][used])
            row.append(keys["row"][used])
            slot.append((used + block * KEYS).astype(np.uint32))
        self._first, self._row, self._slot = np.concatenate(first), np.concatenate(row), np.concatenate(slot)
        last = self._row[self._row >= (blocks - 1) * ROWS] if blocks else self._row
        in_last = self._slot[self._slot >= (blocks - 1) * KEYS] if blocks else self._slot
        self.ends = Ends(
            int(last.max()) - (blocks - 1) * ROWS + 1 if len(last) else 0,
            int(in_last.max()) - (blocks - 1) * KEYS + 1 if len(in_last) else 0,
        )

    def add(self, content_hash: bytes, row: int) -> None:
        """Take in a key that was written."""
        self._fresh[content_hash] = row
        self._fresh_of.setdefault(row, []).append(content_hash)

    def find(self, content_hash: bytes) -> int | None:
        """The number of a photo's vector."""
        if (fresh := self._fresh.get(content_hash)) is not None:
            return fresh
        for at in self._like(content_hash):
            key = self._read(self._slot[at : at + 1])
            if key["hash"].tobytes() == content_hash and key["check"] == key_checks(key):
                return int(key["row"][0])
        return None

    def hashes_of(self, rows: Iterable[int]) -> dict[int, list[bytes]]:
        """The content hashes that lead to vectors."""
        found = {row: list(self._fresh_of.get(row, ())) for row in rows}
        if self._by_row is None:
            self._by_row = np.argsort(self._row, kind="stable")
        wanted = np.fromiter(found, np.uint32, len(found))
        starts = np.searchsorted(self._row, wanted, sorter=self._by_row)
        ends = np.searchsorted(self._row, wanted, "right", sorter=self._by_row)
        for row, start, end in zip(found, starts, ends, strict=True):
            for key in self._read(self._slot[self._by_row[start:end]]):
                found[row].append(key["hash"].tobytes())
        return found

    def rows(self) -> npt.NDArray[np.intp]:
        """The numbers of all vectors that a key leads to, ascending."""
        fresh = np.fromiter(self._fresh.values(), np.uint32, len(self._fresh))
        most = max(int(some.max(initial=0)) for some in (self._row, fresh))
        led_to = np.zeros(most + 1, np.bool_)
        led_to[self._row] = led_to[fresh] = True
        if not len(self._row) + len(fresh):
            return np.empty(0, np.intp)
        return np.flatnonzero(led_to)

    def all(self) -> Iterator[tuple[bytes, int]]:
        """Every content hash and the number of its vector."""
        for start in range(0, len(self._slot), _AT_ONCE):
            keys = self._read(np.sort(self._slot[start : start + _AT_ONCE]))
            for key in keys[keys["check"] == key_checks(keys)]:
                yield key["hash"].tobytes(), int(key["row"])
        yield from self._fresh.items()

    def _like(self, content_hash: bytes) -> Iterator[int]:
        """The places of keys that begin like a hash."""
        first = np.frombuffer(content_hash, "<u8")[0]
        self._looked_for += 1
        if not self._sorted:
            if self._looked_for <= _FEW:
                yield from map(int, np.flatnonzero(self._first == first))
                return
            order = np.argsort(self._first, kind="stable")
            self._first, self._row, self._slot = self._first[order], self._row[order], self._slot[order]
            self._sorted, self._by_row = True, None
        at = int(np.searchsorted(self._first, first))
        while at < len(self._first) and self._first[at] == first:
            yield at
            at += 1


def no_keys(layout: Layout) -> Keys:
    """The keys of a file that has none."""
    return Keys(b"", layout, 0, lambda _: np.empty(0, KEY))
