"""A PNG's bytes in, its chunks out; its new words in, the new file out. No other chunk changes a byte or its order.

XMP stands in an `iTXt` chunk, EXIF in `eXIf`. Apple's `iDOT` chunk, in every screenshot of a Mac or iPhone, holds the
distance from itself to the second half of the image: nothing between it and the image changes its length.
Source: PNG Specification, third edition, 5 and 11.3; XMP Specification Part 3, 1.1.5; Apple's chunk as observed.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from phototag.errors import MetadataError
from phototag.metadata import exif, xmp
from phototag.metadata.fields import Fields, NewWords, read_fields, refuse_afcp

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_IMAGE = b"IDAT"
_IMAGE_BEGINS = frozenset({_IMAGE, b"iDOT", b"fcTL"})
"""The first of these is what new chunks are put before: `fcTL` announces the first frame of an animation."""
_SIGNED = b"caBX"
_CHUNKS_MOST = 200_000
"""Writers cut images into chunks of 8 KiB and more: a file of a gigabyte has fewer."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk.

    Attributes:
        kind: its type, four letters.
        raw: all of it: length, type, data, checksum.
    """

    kind: bytes
    raw: bytes

    @property
    def data(self) -> bytes:
        """What it holds."""
        return self.raw[8:-4]

    @property
    def is_xmp(self) -> bool:
        """Whether it holds an XMP packet."""
        return self.kind == b"iTXt" and self.raw.startswith(_XMP_KEYWORD, 8)

    @property
    def is_exif(self) -> bool:
        """Whether it holds the EXIF block."""
        return self.kind == b"eXIf"


@dataclass(frozen=True, slots=True)
class Png:
    """A PNG taken apart: signature, `chunks` and `tail` are the file, byte for byte.

    Attributes:
        tail: whatever trails the last chunk.
    """

    chunks: tuple[Chunk, ...]
    tail: bytes

    def to_bytes(self) -> bytes:
        """The file."""
        return b"".join((_SIGNATURE, *(chunk.raw for chunk in self.chunks), self.tail))


def is_png(head: bytes) -> bool:
    """Whether a file that begins so is a PNG, whatever its name says."""
    return head.startswith(_SIGNATURE)


def parse(data: bytes) -> Png:
    """Take a PNG apart.

    Raises:
        MetadataError: its chunks are not well-formed.
    """
    chunks: list[Chunk] = []
    at = len(_SIGNATURE)
    while not chunks or chunks[-1].kind != b"IEND":
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data) or not kind.isalpha():
            raise _malformed(f"the chunk at byte {at} is none, or runs past the end of the file")
        if len(chunks) >= _CHUNKS_MOST:
            raise _malformed(f"more than {_CHUNKS_MOST} chunks")
        chunks.append(Chunk(kind, data[at:end]))
        at = end
    if chunks[0].kind != b"IHDR" or not any(chunk.kind == _IMAGE for chunk in chunks):
        raise _malformed("it does not begin with its header, or has no image")
    return Png(tuple(chunks), data[at:])


def fields_of(photo: Png) -> Fields:
    """The words in a photo's keyword fields. A field that is damaged reads as empty."""
    packets = [xmp_text(chunk) for chunk in photo.chunks if chunk.is_xmp]
    blocks = [exif.split_header(chunk.data)[1] for chunk in photo.chunks if chunk.is_exif]
    return read_fields(packets, blocks, takes_xp=bool(blocks))


def compose(photo: Png, new: NewWords) -> bytes:
    """The photo with these words in its keyword fields.

    Raises:
        MetadataError: the photo cannot take them without risk; the reason says why.
    """
    refuse_afcp(photo.tail)
    if any(chunk.kind == _SIGNED for chunk in photo.chunks):
        raise MetadataError("signed", "its content credentials (C2PA) vouch for every byte of the file")
    chunks = list(photo.chunks)
    xmp_at = _first(chunks, lambda chunk: chunk.is_xmp)
    if new.xp is not None:
        exif_at = _first(chunks, lambda chunk: chunk.is_exif)
        if exif_at is None or sum(chunk.is_exif for chunk in chunks) > 1:
            raise MetadataError("malformed EXIF", "it has no eXIf chunk, or more than one")
        chunks[exif_at] = _new_exif(chunks, exif_at, new.xp)
    if xmp_at is not None:
        chunks[xmp_at] = _new_xmp(chunks, xmp_at, new)
    elif any(new.lists.values()):
        place = _first(chunks, lambda chunk: chunk.kind in _IMAGE_BEGINS)
        chunks.insert(place or 1, _xmp_chunk(xmp.edit_lists(xmp.fresh_packet(), new.lists)))
    return Png(tuple(chunks), photo.tail).to_bytes()


def xmp_text(chunk: Chunk) -> bytes:
    """The packet in an XMP chunk; a compressed one is unpacked. What cannot be had reads as empty, which is no XMP."""
    is_compressed, _, text = _xmp_parts(chunk)
    if not is_compressed:
        return text
    unpacker = zlib.decompressobj()
    try:
        packet = unpacker.decompress(text, xmp.PACKET_MOST)
    except zlib.error:
        return b""
    return packet if unpacker.eof else b""


def _xmp_parts(chunk: Chunk) -> tuple[bool, bytes, bytes]:
    """Whether an XMP chunk is compressed; its language and translated keyword with their ends; its text."""
    rest = chunk.data[len(_XMP_KEYWORD) :]
    language, translated, text = (*rest[2:].split(b"\0", 2), b"", b"")[:3]
    return rest[:1] != b"\0", language + b"\0" + translated + b"\0", text


def _new_xmp(chunks: Sequence[Chunk], at: int, new: NewWords) -> Chunk:
    """The XMP chunk with these words, not compressed: the XMP specification has it so."""
    _require_checksum(chunks[at])
    is_compressed, labels, text = _xmp_parts(chunks[at])
    old = xmp_text(chunks[at])
    packet = xmp.edit_lists(old, new.lists)
    if _is_pinned(chunks, at):
        if is_compressed:
            raise _pinned()
        packet = xmp.fit(packet, len(text))
    return _xmp_chunk(packet, labels)


def _xmp_chunk(packet: bytes, labels: bytes = b"\0\0") -> Chunk:
    return _chunk(b"iTXt", _XMP_KEYWORD + b"\0\0" + labels + packet)


def _new_exif(chunks: Sequence[Chunk], at: int, words: Sequence[str]) -> Chunk:
    _require_checksum(chunks[at])
    if _is_pinned(chunks, at):
        raise _pinned()
    header, block = exif.split_header(chunks[at].data)
    return _chunk(b"eXIf", header + exif.with_xp_keywords(block, words))


def _is_pinned(chunks: Sequence[Chunk], at: int) -> bool:
    """Whether a chunk stands where Apple's chunk counts bytes."""
    counts_from = _first(chunks, lambda chunk: chunk.kind == b"iDOT")
    return counts_from is not None and counts_from < at and any(chunk.kind == _IMAGE for chunk in chunks[at:])


def _pinned() -> MetadataError:
    return MetadataError("pinned", "its image is found by its distance from a chunk before the metadata")


def _chunk(kind: bytes, data: bytes) -> Chunk:
    return Chunk(kind, len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big"))


def _require_checksum(chunk: Chunk) -> None:
    if zlib.crc32(chunk.raw[4:-4]).to_bytes(4, "big") != chunk.raw[-4:]:
        raise _malformed(f"the checksum of its {chunk.kind.decode()} chunk is wrong")


def _first(chunks: Sequence[Chunk], wanted: Callable[[Chunk], bool]) -> int | None:
    return next((at for at, chunk in enumerate(chunks) if wanted(chunk)), None)


def _malformed(what: str) -> MetadataError:
    return MetadataError("malformed PNG", what)
