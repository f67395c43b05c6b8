"""A TIFF structure in (an EXIF block, or a whole TIFF file), the same with other entries in its first directory out.

The new first directory (IFD0) and the new values are put behind all that was there and the header is pointed to them.
Every byte that was there keeps its offset, but for the four in the header that say where IFD0 is. Source: TIFF 6.0.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from phototag.errors import MetadataError

BYTE, UNDEFINED = 1, 7
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SUB_IFDS = frozenset({0x014A, 0x8769, 0x8825, 0xA005})
_DATA_OFFSETS = {0x0111: 0x0117, 0x0144: 0x0145, 0x0201: 0x0202}
"""Entries that say where image data lies (strips, tiles, a thumbnail), each with the one that says how long it is."""
_NUMBERS = _SUB_IFDS | {*_DATA_OFFSETS.keys(), *_DATA_OFFSETS.values()}
_IFDS_MOST, _ENTRIES_MOST, _NUMBERS_MOST = 64, 200_000, 1_000_000
"""Bounds for hostile files: directories, entries of all of them together, and pieces of one image."""

Order = Literal["<", ">"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A directory's entry.

    Attributes:
        tag: what it is.
        kind: its type's number.
        count: how many values it has.
        raw: all twelve bytes.
        value_at: where its values begin.
        size: how many bytes they take; 0 for an unknown type.
    """

    tag: int
    kind: int
    count: int
    raw: bytes
    value_at: int
    size: int


@dataclass(frozen=True, slots=True)
class Ifd:
    """A directory.

    Attributes:
        entries: in their order.
        next_ifd: the four bytes behind them, which say where the next directory is.
    """

    entries: tuple[Entry, ...]
    next_ifd: bytes


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be, of bytes; without a value, the entry goes.

    Attributes:
        kind: its type's number: 1 or 7.
    """

    tag: int
    kind: int
    value: bytes


def with_entries(block: bytes, new: Sequence[NewEntry], *, size_most: int, directories_most: int = _IFDS_MOST) -> bytes:
    """The block with a first directory that has these entries in place of its own, appended behind all that was there.

    Raises:
        MetadataError: the structure is malformed, an offset in it points behind its end (where bytes are now appended),
            or it would be longer than `size_most`.
    """
    order, _ = read_header(block)
    old = walk(block, directories_most)[0]
    replaced = {entry.tag for entry in new}
    for tag in replaced:
        if sum(entry.tag == tag for entry in old.entries) > 1:
            raise malformed(f"it holds entry 0x{tag:04X} twice")
    kept = [(entry.tag, entry.raw) for entry in old.entries if entry.tag not in replaced]
    wanted = [entry for entry in new if entry.value]
    ifd_at = len(block) + len(block) % 2  # a directory begins on an even offset
    value_at = ifd_at + 2 + 12 * (len(kept) + len(wanted)) + 4
    values = b""
    for entry in wanted:
        raw = struct.pack(order + "HHI", entry.tag, entry.kind, len(entry.value))
        if len(entry.value) <= 4:
            raw += entry.value.ljust(4, b"\0")
        else:
            raw += struct.pack(order + "I", value_at + len(values))
            values += entry.value + b"\0" * (len(entry.value) % 2)
        # Entries ought to be sorted and in some cameras are not: their order is kept, a new one goes before a greater.
        place = next((at for at, (tag, _) in enumerate(kept) if tag > entry.tag), len(kept))
        kept.insert(place, (entry.tag, raw))
    if value_at + len(values) > size_most:
        raise MetadataError("no room", f"with its keywords it would be longer than {size_most:,} bytes")
    directory = (struct.pack(order + "H", len(kept)), *(raw for _, raw in kept), old.next_ifd, values)
    padding = b"\0" * (ifd_at - len(block))
    return b"".join((block[:4], struct.pack(order + "I", ifd_at), memoryview(block)[8:], padding, *directory))


def walk(block: bytes, directories_most: int = _IFDS_MOST) -> list[Ifd]:
    """All directories, the first one first; none points behind the block's end.

    Raises:
        MetadataError: one does, or they run in a circle, or they are too many.
    """
    order, start = read_header(block)
    waiting, found = [(start, True)], dict[int, Ifd]()
    entries = 0
    while waiting:
        at, in_chain = waiting.pop()
        if at in found or len(found) >= directories_most or entries > _ENTRIES_MOST:
            raise malformed("its directories run in a circle, or are too many")
        ifd = found[at] = read_ifd(block, order, at)
        entries += len(ifd.entries)
        _check_entries(block, ifd)
        waiting += [(sub, False) for e in ifd.entries if e.tag in _SUB_IFDS for sub in read_numbers(block, order, e)]
        (following,) = struct.unpack(order + "I", ifd.next_ifd)
        if in_chain and following:  # only IFD0 and its successors are chained; cameras leave anything behind the others
            waiting.append((following, True))
        _check_data(block, order, ifd)
    return list(found.values())


def read_header(block: bytes) -> tuple[Order, int]:
    """The byte order and where IFD0 lies."""
    if block[:4] == b"II*\0":
        return "<", int.from_bytes(block[4:8], "little")
    if block[:4] == b"MM\0*":
        return ">", int.from_bytes(block[4:8], "big")
    raise malformed("no TIFF header")


def read_ifd(block: bytes, order: Order, at: int) -> Ifd:
    """The directory at an offset.

    Raises:
        MetadataError: it does not lie within the block.
    """
    if at < 8 or at + 2 > len(block):
        raise malformed(f"a directory lies outside it, at {at}")
    (count,) = struct.unpack_from(order + "H", block, at)
    end = at + 2 + 12 * count
    if end + 4 > len(block):
        raise malformed(f"the directory at {at} runs past its end")
    entries = []
    for place in range(at + 2, end, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, place)
        size = _SIZES.get(kind, 0) * number
        value_at = place + 8 if size <= 4 else struct.unpack_from(order + "I", block, place + 8)[0]
        entries.append(Entry(tag, kind, number, block[place : place + 12], value_at, size))
    return Ifd(tuple(entries), block[end : end + 4])


def read_numbers(block: bytes, order: Order, entry: Entry) -> tuple[int, ...]:
    """An entry's unsigned integers; none where it is of another type."""
    letter = {3: "H", 4: "I", 13: "I"}.get(entry.kind)
    if letter is None:
        return ()
    return struct.unpack_from(f"{order}{entry.count}{letter}", block, entry.value_at)


def malformed(what: str) -> MetadataError:
    """The error of a structure that cannot be read or extended safely."""
    return MetadataError("malformed EXIF", what)


def _check_entries(block: bytes, ifd: Ifd) -> None:
    """Refuse a directory with an entry that points behind the block's end, or whose length is not known."""
    for entry in ifd.entries:
        if entry.kind not in _SIZES:
            raise malformed(f"entry 0x{entry.tag:04X} has unknown type {entry.kind}")
        if entry.value_at + entry.size > len(block):
            raise malformed(f"entry 0x{entry.tag:04X} points behind its end")
    if sum(entry.count for entry in ifd.entries if entry.tag in _NUMBERS) > _NUMBERS_MOST:
        raise malformed("it is cut into too many pieces")


def _check_data(block: bytes, order: Order, ifd: Ifd) -> None:
    """Refuse a directory whose image data lies partly behind the block's end."""
    by_tag = {entry.tag: entry for entry in ifd.entries}
    for offsets, lengths in _DATA_OFFSETS.items():
        if offsets in by_tag and lengths in by_tag:
            starts, sizes = read_numbers(block, order, by_tag[offsets]), read_numbers(block, order, by_tag[lengths])
            if any(start + size > len(block) for start, size in zip(starts, sizes, strict=False)):
                raise malformed("image data lies behind its end")
