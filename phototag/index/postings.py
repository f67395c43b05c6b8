"""Photos' numbers in, the bitmaps that a search reads out: what each photo stands under, block by block.

Everything that can be asked for is a value of some kind: a word, a camera, a day. For each value and each block of
8,192 photos there is one row that says which photos have it, as a bit for each photo or as a list where they are
few (after the containers of Roaring bitmaps; Lemire et al. 2018). For words the row holds the scores too, so that a
block's best photos can be read first. Laid out by block: a scan, whose photos are neighbours, changes few pages.
"""

import os
import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import groupby
from typing import TypeAlias

from sqlalchemy import Connection

from phototag.index.rows import CHUNK, chunks, fetch, run_many
from phototag.index.tables import OWNER, SCORE_SCALE

BLOCK_BITS = 13
BLOCK = 1 << BLOCK_BITS
_LAST = BLOCK - 1
_ONE = ord("1")
_LISTED_MOST = 96
"""More photos than this in a block are a bitmap, up to 1 KiB; a list of as many is read in about ten microseconds."""

MEGABYTE_TENTH = 100_000
UNSURE_BELOW = 6_000
"""`is:unsure`: the surest word scores less, in ten-thousandths: little better than one in two."""


class Kind(IntEnum):
    """What a value is. Numbers stand in files: they are never given again."""

    KEYWORD = 0  # a tag's number, given by the owner
    TAG = 1  # a tag's number, given by a model
    FOLDER = 2  # the folder's number
    CAMERA = 3  # the camera's number
    DAY = 4  # 20230714
    ENDING = 5  # `ending_value`
    WIDTH = 6  # pixels
    HEIGHT = 7  # pixels
    SIZE = 8  # tenths of a megabyte, rounded
    MODEL = 9  # the source's number: it has decided on the photo
    IS = 10  # a `State`


class State(IntEnum):
    """What a photo can be; every photo that was ever recorded is `KNOWN`."""

    KNOWN = 0
    FAILED = 1
    BY_ME = 2
    BY_PHOTOTAG = 3
    UNSURE = 4


# Plain numbers, for loops that run for every word of every photo.
_KEYWORD, _TAG, _FOLDER, _CAMERA, _DAY, _ENDING, _WIDTH, _HEIGHT, _SIZE = map(int, list(Kind)[:9])
_IS, _KNOWN = int(Kind.IS), int(State.KNOWN)
_SCORED = frozenset({_KEYWORD, _TAG})

_Added: TypeAlias = dict[tuple[int, int], list[int]]
"""By kind and value, entries to be put into one block."""


def renew(connection: Connection, numbers: Iterable[int], fresh: Collection[int] = ()) -> None:
    """Bring the postings of photos in line with their rows; of photos that are gone nothing stays.

    Args:
        fresh: those of them that had no postings before.
    """
    for block, group in groupby(sorted(numbers), key=lambda number: number >> BLOCK_BITS):
        some = list(group)
        added: _Added = defaultdict(list)
        for chunk in chunks(some, CHUNK):
            _add_words(connection, chunk, added)
            _add_facts(connection, chunk, added)
        _renew_block(connection, block, added, {number & _LAST for number in some if number not in fresh})


def catch_up(connection: Connection) -> None:
    """Make the postings of an index that an older phototag left."""
    for (block,) in fetch(connection, "SELECT block FROM unposted"):
        first = block << BLOCK_BITS
        numbers = fetch(connection, "SELECT id FROM photos WHERE id BETWEEN ? AND ?", (first, first + _LAST))
        renew(connection, [number for (number,) in numbers])
    connection.exec_driver_sql("DELETE FROM unposted")


@lru_cache(maxsize=1024)
def _ending_number(ending: bytes) -> int:
    return int.from_bytes(os.fsdecode(ending).lower().encode("utf-8", "surrogateescape")[:7])


def ending_value(name: bytes) -> int:
    """A file name's ending as a number: "IMG.JPG" and "x.jpg" give the same. Endings count to their seventh byte."""
    return _ending_number(os.path.splitext(name)[1][1:])


class Places:
    """A set of places in a block, gathered from many rows; `bits` is the set as one number, a bit for each photo."""

    def __init__(self) -> None:
        self._bits = 0
        self._digits: bytearray | None = None  # the binary number's digits, the highest first

    def add(self, kind: int, entries: bytes | None, bits: bytes | None) -> None:
        """Add those of a row."""
        if bits is not None:
            self._bits |= int.from_bytes(bits, "little")
        elif kind in _SCORED:
            self.add_entries(_read("I", entries or b""))
        else:
            digits = self._listed()
            for place in _read("H", entries or b""):
                digits[_LAST - place] = _ONE

    def add_entries(self, entries: Iterable[int]) -> None:
        """Add those of a word's entries."""
        digits = self._listed()
        for entry in entries:
            digits[entry & _LAST] = _ONE

    @property
    def bits(self) -> int:
        """All of them."""
        return self._bits if self._digits is None else self._bits | int(self._digits, 2)

    def _listed(self) -> bytearray:
        if self._digits is None:
            self._digits = bytearray(b"0") * BLOCK
        return self._digits


def scores_of(entries: bytes, least: int, most: int) -> "array[int]":
    """A word's row as its entries with a score from `least` to `most`, the worst first; see `score_and_place`."""
    every = _read("I", entries)
    low = bisect_left(every, least << BLOCK_BITS) if least > 0 else 0
    high = bisect_left(every, (most + 1) << BLOCK_BITS) if most < SCORE_SCALE else len(every)
    return every[low:high]


def scored_bits(entries: bytes, bits: bytes | None, least: int, most: int) -> int:
    """The photos of a word's row with a score from `least` to `most`, as one number with a bit for each photo."""
    kept = scores_of(entries, least, most)
    places = Places()
    if bits is None or 2 * len(kept) * kept.itemsize < len(entries):
        places.add_entries(kept)
        return places.bits
    # Most are kept: it is less work to take the others out of the bitmap.
    if least > 0:
        places.add_entries(scores_of(entries, 0, least - 1))
    if most < SCORE_SCALE:
        places.add_entries(scores_of(entries, most + 1, SCORE_SCALE))
    return int.from_bytes(bits, "little") & ~places.bits


def score_and_place(entry: int) -> tuple[int, int]:
    """What an entry of a word says: the score, and the photo's place in the block."""
    return entry >> BLOCK_BITS, _LAST - (entry & _LAST)


def places_in(bits: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first."""
    for at, byte in enumerate(bits.to_bytes(BLOCK // 8, "little")):
        if byte:
            yield from (at * 8 + bit for bit in range(8) if byte >> bit & 1)


def _renew_block(connection: Connection, block: int, added: _Added, gone: Collection[int]) -> None:
    """Take places out of all of a block's rows and put entries in."""
    rows, empty = [], []
    mask = sum(1 << place for place in gone)
    query = "SELECT kind, value, entries, bits FROM postings WHERE block = ?"
    for kind, value, entries, bits in fetch(connection, query, (block,)):
        more = added.pop((kind, value), ())
        row = _Row(kind, entries, bits)
        if (mask and row.take(mask, gone)) or more:
            row.put(more)
            if packed := row.packed():
                rows.append((block, kind, value, *packed))
            else:
                empty.append((block, kind, value))
    for (kind, value), more in added.items():
        row = _Row(kind, None, None)
        row.put(more)
        rows.append((block, kind, value, *(row.packed() or (None, None))))
    if rows:
        run_many(connection, "INSERT OR REPLACE INTO postings VALUES (?, ?, ?, ?, ?)", sorted(rows))
    if empty:
        run_many(connection, "DELETE FROM postings WHERE block = ? AND kind = ? AND value = ?", empty)


class _Row:
    """A row of postings while it is changed; words keep a list beside their bitmap, the others one of the two."""

    def __init__(self, kind: int, entries: bytes | None, bits: bytes | None) -> None:
        self._scored = kind in _SCORED
        self._flags = None if bits is None else bytearray(bits)
        self._listed = bits is None or self._scored
        self._entries = _read("I" if self._scored else "H", entries or b"")

    def take(self, mask: int, gone: Collection[int]) -> bool:
        """Take places out; whether there were any."""
        if self._flags is not None:
            here = int.from_bytes(self._flags, "little")
            if not here & mask:
                return False
            self._flags = bytearray((here & ~mask).to_bytes(BLOCK // 8, "little"))
        before = len(self._entries)
        if self._scored:
            kept = [entry for entry in self._entries if _LAST - (entry & _LAST) not in gone]
        else:
            kept = [entry for entry in self._entries if entry not in gone]
        self._entries = array(self._entries.typecode, kept)
        return len(kept) < before or not self._listed

    def put(self, more: Sequence[int]) -> None:
        """Put entries in."""
        if self._listed and more:
            self._entries = array(self._entries.typecode, sorted([*self._entries, *more]))
            if self._flags is None and len(self._entries) > _LISTED_MOST:
                self._flags, more = bytearray(BLOCK // 8), self._entries
        if self._flags is not None:
            flags = self._flags
            for entry in more:
                place = _LAST - (entry & _LAST) if self._scored else entry
                flags[place >> 3] |= 1 << (place & 7)

    def packed(self) -> tuple[bytes | None, bytes | None] | None:
        """The columns `entries` and `bits`; None: there is nothing left."""
        if not self._entries and (self._flags is None or not any(self._flags)):
            return None
        if self._flags is None:
            return _written(self._entries), None
        return _written(self._entries) if self._scored else None, bytes(self._flags)


def _which(numbers: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """A condition for photos' numbers, in order: a range where they are neighbours, as a scan's photos are."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return "BETWEEN ? AND ?", (numbers[0], numbers[-1])
    return f"IN ({','.join('?' * len(numbers))})", tuple(numbers)


def _add_words(connection: Connection, numbers: Sequence[int], added: _Added) -> None:
    """The words of photos, each by its best score, who gave them, and which models have decided."""
    which, limits = _which(numbers)
    query = f"SELECT photo_id, source_id, tag_id, score FROM photo_tags WHERE photo_id {which} AND score IS NOT NULL"
    said: dict[tuple[int, int, int], int] = {}
    best: dict[int, int] = {}
    mine: set[int] = set()
    for number, source, tag, score in fetch(connection, query, limits):
        if source == OWNER:
            said[number, _KEYWORD, tag] = score
            mine.add(number)
            continue
        if score > said.get((number, _TAG, tag), -1):  # two models may have said it
            said[number, _TAG, tag] = score
        if score > best.get(number, -1):
            best[number] = score
    for (number, kind, tag), score in said.items():
        added[kind, tag].append(score << BLOCK_BITS | (_LAST - (number & _LAST)))
    states = {State.BY_ME: mine, State.BY_PHOTOTAG: best, State.UNSURE: [n for n in best if best[n] < UNSURE_BELOW]}
    for state, some in states.items():
        if some:
            added[Kind.IS, state] += [number & _LAST for number in some]
    decided = f"SELECT photo_id, source_id FROM verdicts WHERE photo_id {which}"
    for number, source in fetch(connection, decided, limits):
        added[Kind.MODEL, source].append(number & _LAST)


def _add_facts(connection: Connection, numbers: Sequence[int], added: _Added) -> None:
    """What photos are of themselves."""
    which, limits = _which(numbers)
    query = (
        "SELECT id, folder_id, name, size_bytes, width, height, taken, camera_id, failure IS NOT NULL "
        f"FROM photos WHERE id {which}"
    )
    for number, folder, name, size_bytes, width, height, taken, camera, failed in fetch(connection, query, limits):
        place = number & _LAST
        added[_IS, _KNOWN].append(place)
        added[_FOLDER, folder].append(place)
        added[_ENDING, ending_value(name)].append(place)
        added[_SIZE, (size_bytes + MEGABYTE_TENTH // 2) // MEGABYTE_TENTH].append(place)
        if width is not None and height is not None:
            added[_WIDTH, width].append(place)
            added[_HEIGHT, height].append(place)
        if taken is not None and (day := taken[:10].replace("-", "")).isdecimal():
            added[_DAY, int(day)].append(place)
        if camera is not None:
            added[_CAMERA, camera].append(place)
        if failed:
            added[Kind.IS, State.FAILED].append(place)


def _read(typecode: str, packed: bytes) -> "array[int]":
    numbers = array(typecode, packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _written(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
