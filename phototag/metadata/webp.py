"""A WebP's bytes in, its chunks out; its new words in, the new file out. No other chunk changes a byte or its order.

A simple file, of a picture and nothing else, becomes an extended one: a `VP8X` header, with the size and the alpha flag
that the picture has, is put before it. Source: WebP Container Specification; RFC 6386, 9.1 (VP8 frame header); WebP
Lossless Bitstream Specification, 3 (VP8L header).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from phototag.errors import MetadataError
from phototag.metadata import exif, xmp
from phototag.metadata.fields import Fields, NewWords, read_fields, refuse_afcp

_HAS_XMP, _HAS_ALPHA = 0x04, 0x10
_EXTENDED, _LOSSY, _LOSSLESS = b"VP8X", b"VP8 ", b"VP8L"
_ONLY_IN_EXTENDED = frozenset({b"ICCP", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"XMP "})
_SIGNED = b"C2PA"
_CHUNKS_MOST = 200_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk.

    Attributes:
        kind: its FourCC.
        raw: all of it: FourCC, length, data, and the byte that pads it to even.
    """

    kind: bytes
    raw: bytes

    @property
    def data(self) -> bytes:
        """What it holds."""
        return self.raw[8 : 8 + int.from_bytes(self.raw[4:8], "little")]


@dataclass(frozen=True, slots=True)
class Webp:
    """A WebP taken apart: the RIFF header, `chunks` and `tail` are the file.

    Attributes:
        tail: whatever trails the RIFF form.
    """

    chunks: tuple[Chunk, ...]
    tail: bytes

    def to_bytes(self) -> bytes:
        """The file."""
        body = b"".join((b"WEBP", *(chunk.raw for chunk in self.chunks)))
        return b"".join((b"RIFF", len(body).to_bytes(4, "little"), body, self.tail))


def is_webp(head: bytes) -> bool:
    """Whether a file that begins so is a WebP, whatever its name says; 12 bytes tell."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def parse(data: bytes) -> Webp:
    """Take a WebP apart.

    Raises:
        MetadataError: its chunks are not well-formed, or not in the order that the specification gives.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise _malformed("it is cut short")
    chunks: list[Chunk] = []
    at = 12
    while at < end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        behind = at + 8 + length + length % 2
        if behind > end:
            raise _malformed(f"the chunk at byte {at} runs past the end")
        if len(chunks) >= _CHUNKS_MOST:
            raise _malformed(f"more than {_CHUNKS_MOST} chunks")
        chunks.append(Chunk(data[at : at + 4], data[at:behind]))
        at = behind
    kinds = [chunk.kind for chunk in chunks]
    if kinds[:1] == [_EXTENDED]:
        if len(chunks[0].data) != 10 or kinds.count(_EXTENDED) > 1:
            raise _malformed("its header is not as the specification has it")
    elif kinds[:1] not in ([_LOSSY], [_LOSSLESS]) or not _ONLY_IN_EXTENDED.isdisjoint(kinds):
        raise _malformed("it begins neither with an extended header nor with a picture alone")
    return Webp(tuple(chunks), data[end:])


def fields_of(photo: Webp) -> Fields:
    """The words in a photo's keyword fields. A field that is damaged reads as empty."""
    packets = [chunk.data for chunk in photo.chunks if chunk.kind == b"XMP "]
    blocks = [exif.split_header(chunk.data)[1] for chunk in photo.chunks if chunk.kind == b"EXIF"]
    return read_fields(packets, blocks, takes_xp=bool(blocks))


def compose(photo: Webp, new: NewWords) -> bytes:
    """The photo with these words in its keyword fields.

    Raises:
        MetadataError: the photo cannot take them without risk; the reason says why.
    """
    refuse_afcp(photo.tail)
    if any(chunk.kind == _SIGNED for chunk in photo.chunks):
        raise MetadataError("signed", "its content credentials (C2PA) vouch for every byte of the file")
    chunks = list(photo.chunks)
    xmp_at = _first(chunks, lambda chunk: chunk.kind == b"XMP ")
    if new.xp is not None:
        exif_at = _first(chunks, lambda chunk: chunk.kind == b"EXIF")
        if exif_at is None or sum(chunk.kind == b"EXIF" for chunk in chunks) > 1:
            raise MetadataError("malformed EXIF", "it has no EXIF chunk, or more than one")
        header, block = exif.split_header(chunks[exif_at].data)
        chunks[exif_at] = _chunk(b"EXIF", header + exif.with_xp_keywords(block, new.xp))
    if xmp_at is not None:
        chunks[xmp_at] = _chunk(b"XMP ", xmp.edit_lists(chunks[xmp_at].data, new.lists))
    elif any(new.lists.values()):
        chunks.append(_chunk(b"XMP ", xmp.edit_lists(xmp.fresh_packet(), new.lists)))
    if any(chunk.kind == b"XMP " for chunk in chunks):
        chunks[:1] = _flagged(chunks[0])
    return Webp(tuple(chunks), photo.tail).to_bytes()


def _flagged(first: Chunk) -> list[Chunk]:
    """The extended header that says there is XMP, in place of the old one or before the picture of a simple file."""
    if first.kind == _EXTENDED:
        return [_chunk(_EXTENDED, bytes([first.data[0] | _HAS_XMP]) + first.data[1:])]
    width, height, has_alpha = _lossy_size(first.data) if first.kind == _LOSSY else _lossless_size(first.data)
    flags = _HAS_XMP | (_HAS_ALPHA if has_alpha else 0)
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return [_chunk(_EXTENDED, bytes([flags, 0, 0, 0]) + sides), first]


def _lossy_size(data: bytes) -> tuple[int, int, bool]:
    """Width and height in a VP8 key frame's header, 14 bits each below two of scaling; it has no alpha."""
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a" or not width or not height:
        raise _malformed("its picture has no key frame header")
    return width, height, False


def _lossless_size(data: bytes) -> tuple[int, int, bool]:
    """Width and height less one, 14 bits each, and the alpha bit in a VP8L header, lowest bit first."""
    bits = int.from_bytes(data[1:5], "little")
    if len(data) < 5 or data[0] != 0x2F or bits >> 29:
        raise _malformed("its picture has no lossless header")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)


def _chunk(kind: bytes, data: bytes) -> Chunk:
    return Chunk(kind, kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2))


def _first(chunks: Sequence[Chunk], wanted: Callable[[Chunk], bool]) -> int | None:
    return next((at for at, chunk in enumerate(chunks) if wanted(chunk)), None)


def _malformed(what: str) -> MetadataError:
    return MetadataError("malformed WebP", what)
