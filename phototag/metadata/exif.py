"""An EXIF block in, the block with other `XPKeywords` out, by appending alone.

The new first directory (IFD0) and the new value are put behind the block and the header is pointed to them. Every
byte that was there keeps its offset, but for the four in the header that say where IFD0 is: camera makers' notes,
which address their data by offsets nobody documents, stay whole. Sources: TIFF 6.0; CIPA DC-008 (Exif 2.32).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import piexif

from phototag.errors import MetadataError
from phototag.metadata.jpeg import EXIF_HEADER, PAYLOAD_MOST

XP_KEYWORDS = 0x9C9E
_SEPARATOR = ";"
"""Windows separates the words of the one XPKeywords string by it."""

_BYTE = 1
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SUB_IFDS = frozenset({0x014A, 0x8769, 0x8825, 0xA005})
_DATA_OFFSETS = {0x0111: 0x0117, 0x0144: 0x0145, 0x0201: 0x0202}
"""Entries that say where thumbnail data lies, each with the one that says how long it is."""
_IFDS_MOST = 64

_Order = Literal["<", ">"]


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    raw: bytes  # all twelve bytes
    value_at: int
    size: int


@dataclass(frozen=True, slots=True)
class _Ifd:
    entries: tuple[_Entry, ...]
    next_ifd: bytes  # the four bytes behind the entries


def can_hold(word: str) -> bool:
    """Whether a word can stand in XPKeywords and be read back by all.

    Not one with the separator in it, nor one with a character beyond U+FFFF, such as an emoji: exiftool 12 and exiv2
    0.27 read the field as UCS-2, and the latter then shows none of its words.
    """
    return _SEPARATOR not in word and max(word, default="") <= "\uffff"


def read_xp_keywords(block: bytes) -> tuple[str, ...]:
    """The words in a block's XPKeywords, in order.

    Raises:
        MetadataError: the header or IFD0 is malformed.
    """
    order, start = _header(block)
    for entry in _ifd(block, order, start).entries:
        if entry.tag == XP_KEYWORDS:
            return _words(_value(block, entry))
    return ()


def with_xp_keywords(block: bytes, words: Sequence[str]) -> bytes:
    """The block with these words as its XPKeywords, behind all that was there; no words: without the entry.

    Raises:
        MetadataError: the block is malformed, an offset in it points behind its end (where bytes are now appended),
            or it would outgrow its segment.
    """
    order, start = _header(block)
    _check(block, order, start)
    read_xp_keywords(block)  # what cannot be read must not be replaced
    old = _ifd(block, order, start)
    if sum(entry.tag == XP_KEYWORDS for entry in old.entries) > 1:
        raise _malformed("it holds XPKeywords twice")
    entries = [entry for entry in old.entries if entry.tag != XP_KEYWORDS]
    # Entries ought to be sorted and in some cameras are not: their order is kept, the new one goes before a greater.
    place = next((at for at, entry in enumerate(entries) if entry.tag > XP_KEYWORDS), len(entries))
    value = _SEPARATOR.join(words).encode("utf-16-le") + b"\0\0" if words else b""
    grown = block + b"\0" * (len(block) % 2)  # a directory begins on an even offset
    ifd_at = len(grown)
    raw = [entry.raw for entry in entries]
    if words:
        value_at = ifd_at + 2 + 12 * (len(raw) + 1) + 4
        raw.insert(place, struct.pack(order + "HHII", XP_KEYWORDS, _BYTE, len(value), value_at))
    grown += b"".join((struct.pack(order + "H", len(raw)), *raw, old.next_ifd, value))
    if len(grown) + len(EXIF_HEADER) > PAYLOAD_MOST:
        raise MetadataError("no room", "the EXIF block is full")
    return grown[:4] + struct.pack(order + "I", ifd_at) + grown[8:]


def new_block(words: Sequence[str]) -> bytes:
    """An EXIF block that holds XPKeywords and nothing else.

    Raises:
        MetadataError: the words do not fit.
    """
    value = _SEPARATOR.join(words).encode("utf-16-le") + b"\0\0"
    if len(value) > PAYLOAD_MOST - 64:
        raise MetadataError("no room", "the words do not fit an EXIF block")
    block: bytes = piexif.dump({"0th": {XP_KEYWORDS: tuple(value)}})
    return block.removeprefix(EXIF_HEADER)


def _header(block: bytes) -> tuple[_Order, int]:
    """The byte order and where IFD0 lies."""
    if block[:4] == b"II*\0":
        return "<", int.from_bytes(block[4:8], "little")
    if block[:4] == b"MM\0*":
        return ">", int.from_bytes(block[4:8], "big")
    raise _malformed("no TIFF header")


def _ifd(block: bytes, order: _Order, at: int) -> _Ifd:
    if at < 8 or at + 2 > len(block):
        raise _malformed(f"a directory lies outside it, at {at}")
    (count,) = struct.unpack_from(order + "H", block, at)
    end = at + 2 + 12 * count
    if end + 4 > len(block):
        raise _malformed(f"the directory at {at} runs past its end")
    entries = []
    for place in range(at + 2, end, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, place)
        size = _SIZES.get(kind, 0) * number
        value_at = place + 8 if size <= 4 else struct.unpack_from(order + "I", block, place + 8)[0]
        entries.append(_Entry(tag, kind, number, block[place : place + 12], value_at, size))
    return _Ifd(tuple(entries), block[end : end + 4])


def _value(block: bytes, entry: _Entry) -> bytes:
    if entry.kind != _BYTE or entry.value_at + entry.size > len(block):
        raise _malformed("XPKeywords is not as Windows writes it")
    return block[entry.value_at : entry.value_at + entry.size]


def _words(value: bytes) -> tuple[str, ...]:
    try:
        text = value.decode("utf-16-le").rstrip("\0")
    except UnicodeDecodeError as exc:
        raise _malformed("XPKeywords is not UTF-16") from exc
    return tuple(word.strip() for word in text.split(_SEPARATOR) if word.strip())


def _check(block: bytes, order: _Order, start: int) -> None:
    """Refuse a block in which anything points behind its end or in a circle."""
    waiting, seen = [(start, True)], set[int]()
    while waiting:
        at, in_chain = waiting.pop()
        if at in seen or len(seen) >= _IFDS_MOST:
            raise _malformed("its directories run in a circle")
        seen.add(at)
        ifd = _ifd(block, order, at)
        for entry in ifd.entries:
            if entry.kind not in _SIZES:
                raise _malformed(f"entry 0x{entry.tag:04X} has unknown type {entry.kind}")
            if entry.value_at + entry.size > len(block):
                raise _malformed(f"entry 0x{entry.tag:04X} points behind its end")
        waiting += [(sub, False) for e in ifd.entries if e.tag in _SUB_IFDS for sub in _numbers(block, order, e)]
        (following,) = struct.unpack(order + "I", ifd.next_ifd)
        if in_chain and following:  # only IFD0 and IFD1 are chained; cameras leave anything behind the others
            waiting.append((following, True))
        _check_data(block, order, ifd)


def _check_data(block: bytes, order: _Order, ifd: _Ifd) -> None:
    """Refuse a directory whose thumbnail data lies partly behind the block's end."""
    by_tag = {entry.tag: entry for entry in ifd.entries}
    for offsets, lengths in _DATA_OFFSETS.items():
        if offsets in by_tag and lengths in by_tag:
            starts, sizes = _numbers(block, order, by_tag[offsets]), _numbers(block, order, by_tag[lengths])
            if any(start + size > len(block) for start, size in zip(starts, sizes, strict=False)):
                raise _malformed("its thumbnail lies behind its end")


def _numbers(block: bytes, order: _Order, entry: _Entry) -> tuple[int, ...]:
    """An entry's unsigned integers; none where it is of another type."""
    letter = {3: "H", 4: "I", 13: "I"}.get(entry.kind)
    if letter is None:
        return ()
    return struct.unpack_from(f"{order}{entry.count}{letter}", block, entry.value_at)


def _malformed(what: str) -> MetadataError:
    return MetadataError("malformed EXIF", what)
