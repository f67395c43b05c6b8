"""A row of postings in, scores and sets of photos out, and back: which photos of a block have a value.

Everything that can be asked for is a value of some kind: a word, a camera, a day. For each value and each block of
8,192 photos there is one row, a bit for each photo or a list where they are few (after the containers of Roaring
bitmaps; Lemire et al. 2018). For words the row holds the scores too, so that a block's best photos can be read first.
"""

import os
import sys
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache

from phototag.index.numbers import SCORE_SCALE

BLOCK_BITS = 13
BLOCK = 1 << BLOCK_BITS
LAST = BLOCK - 1
"""The last place in a block, and the mask that makes a photo's number its place."""

_ONE = ord("1")
LISTED_MOST = 96
"""More photos than this in a block are a bitmap, up to 1 KiB; a list of as many is read in about ten microseconds."""


class Kind(IntEnum):
    """What a value is. Numbers stand in files: they are never given again; 8 was."""

    KEYWORD = 0  # a tag's number, given by the owner
    TAG = 1  # a tag's number, given by a model
    FOLDER = 2  # the folder's number
    CAMERA = 3  # the camera's number
    DAY = 4  # 20230714
    ENDING = 5  # `ending_value`
    WIDTH = 6  # pixels
    HEIGHT = 7  # pixels
    MODEL = 9  # the source's number: it has decided on the photo
    IS = 10  # a `State`
    SIZE_BIT = 11  # the position of a bit that is set in the size, in tenths of a megabyte, rounded
    LENS = 12  # the lens's number
    CELL = 13  # `cell_value`: a hundredth of a degree each way


class State(IntEnum):
    """What a photo can be; every photo that was ever recorded is `KNOWN`."""

    KNOWN = 0
    FAILED = 1
    BY_ME = 2
    BY_PHOTOTAG = 3
    UNSURE = 4
    DUPLICATE = 5


SCORED = frozenset({int(Kind.KEYWORD), int(Kind.TAG)})


@lru_cache(maxsize=1024)
def _ending_number(ending: bytes) -> int:
    return int.from_bytes(os.fsdecode(ending).lower().encode("utf-8", "surrogateescape")[:7])


def ending_value(name: bytes) -> int:
    """A file name's ending as a number: "IMG.JPG" and "x.jpg" give the same. Endings count to their seventh byte."""
    stem, _, ending = name.rpartition(b".")
    return _ending_number(ending if stem.strip(b".") else b"")


class Places:
    """A set of places in a block, gathered from many rows; `bits` is the set as one number, a bit for each photo."""

    def __init__(self) -> None:
        self._bits = 0
        self._digits: bytearray | None = None  # the binary number's digits, the highest first

    def add(self, kind: int, entries: bytes | None, bits: bytes | None) -> None:
        """Add those of a row."""
        if bits is not None:
            self._bits |= int.from_bytes(bits, "little")
        elif kind in SCORED:
            self.add_entries(_read("I", entries or b""))
        else:
            digits = self._listed()
            for place in _read("H", entries or b""):
                digits[LAST - place] = _ONE

    def add_entries(self, entries: Iterable[int]) -> None:
        """Add those of a word's entries."""
        digits = self._listed()
        for entry in entries:
            digits[entry & LAST] = _ONE

    @property
    def bits(self) -> int:
        """All of them."""
        return self._bits if self._digits is None else self._bits | int(self._digits, 2)

    def _listed(self) -> bytearray:
        if self._digits is None:
            self._digits = bytearray(b"0") * BLOCK
        return self._digits


def row_bits(entries: bytes | None, bits: bytes | None) -> int:
    """The photos of a row that holds no scores, as one number with a bit for each."""
    if bits is not None:
        return int.from_bytes(bits, "little")
    return _bits_of(_read("H", entries or b""))


def scores_of(entries: bytes, least: int, most: int) -> "array[int]":
    """A word's row as its entries with a score from `least` to `most`, the worst first; see `score_and_place`."""
    every = _read("I", entries)
    low = bisect_left(every, least << BLOCK_BITS) if least > 0 else 0
    high = bisect_left(every, (most + 1) << BLOCK_BITS) if most < SCORE_SCALE else len(every)
    return every[low:high]


def last_of(entries: bytes) -> int:
    """The best of a word's entries."""
    return int.from_bytes(entries[-4:], "little")


def scored_bits(entries: bytes, bits: bytes | None, least: int, most: int) -> int:
    """The photos of a word's row with a score from `least` to `most`, as one number with a bit for each photo."""
    if bits is not None and least <= 0 and most >= SCORE_SCALE:
        return int.from_bytes(bits, "little")
    kept = scores_of(entries, least, most)
    if len(kept) <= LISTED_MOST:
        return _bits_of([LAST - (entry & LAST) for entry in kept])
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


def _bits_of(places: Iterable[int]) -> int:
    """The photos at a few places: less work than `Places` has with any number of them."""
    flags = bytearray(BLOCK // 8)
    for place in places:
        flags[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(flags, "little")


def score_and_place(entry: int) -> tuple[int, int]:
    """What an entry of a word says: the score, and the photo's place in the block: of equals the earlier is last."""
    return entry >> BLOCK_BITS, LAST - (entry & LAST)


def places_in(bits: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first."""
    digits = f"{bits:b}"[::-1]
    at = digits.find("1")
    while at >= 0:
        yield at
        at = digits.find("1", at + 1)


class Row:
    """A row of postings while it is changed; words keep a list beside their bitmap, the others one of the two."""

    def __init__(self, kind: int, entries: bytes | None, bits: bytes | None) -> None:
        self._scored = kind in SCORED
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
            kept = [entry for entry in self._entries if LAST - (entry & LAST) not in gone]
        else:
            kept = [entry for entry in self._entries if entry not in gone]
        self._entries = array(self._entries.typecode, kept)
        return len(kept) < before or not self._listed

    def put(self, more: Sequence[int]) -> None:
        """Put entries in."""
        if self._listed and more:
            self._entries = array(self._entries.typecode, sorted([*self._entries, *more]))
            if self._flags is None and len(self._entries) > LISTED_MOST:
                self._flags, more = bytearray(BLOCK // 8), self._entries
        if self._flags is not None:
            flags = self._flags
            if self._scored:
                more = [LAST - (entry & LAST) for entry in more]
            for place in more:
                flags[place >> 3] |= 1 << (place & 7)

    def packed(self) -> tuple[bytes | None, bytes | None] | None:
        """The columns `entries` and `bits`; None: there is nothing left."""
        if not self._entries and (self._flags is None or not any(self._flags)):
            return None
        if self._flags is None:
            return _written(self._entries), None
        return _written(self._entries) if self._scored else None, bytes(self._flags)


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
