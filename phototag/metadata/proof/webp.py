"""A WebP before and after in; silence, or the check that failed, out."""

import struct
from dataclasses import dataclass

from phototag.metadata.fields import NewWords
from phototag.metadata.proof.checks import check
from phototag.metadata.proof.exif import prove_exif
from phototag.metadata.proof.xmp import prove_xmp

_HAS_XMP, _HAS_ALPHA = 4, 16


@dataclass(frozen=True, slots=True)
class _Parts:
    """A WebP cut apart: its extended header, its XMP packet, its EXIF block, all else in order."""

    header: bytes | None
    xmp: bytes | None
    exif: bytes | None
    rest: list[bytes]


def prove_webp(old: bytes, new: bytes, words: NewWords) -> None:
    """Prove that a new WebP is the old one with these words.

    Args:
        old: the photo as it is.
        new: what would replace it.
        words: what its fields must hold, in order.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    before, after = _cut(old), _cut(new)
    check(before.rest == after.rest, "another chunk, or what trails the last one, differs")
    if after.header is not None:
        expected = before.header or _expected_header(before.rest[0])
        has_xmp = _HAS_XMP if after.xmp is not None else 0
        check(after.header == bytes([expected[0] | has_xmp]) + expected[1:], "its header is not that of the picture")
    check(after.header is not None or after.xmp is None, "it has XMP without the header that says so")
    if words.xp is None:
        check(before.exif == after.exif, "the EXIF block differs")
    else:
        check(before.exif is not None, "there is a new EXIF block")
        prove_exif(before.exif, after.exif, words.xp)
    prove_xmp(before.xmp, after.xmp, words)


def _cut(data: bytes) -> _Parts:
    check(len(data) >= 20 and data[:4] == b"RIFF" and data[8:12] == b"WEBP", "it does not begin as a WebP")
    end = 8 + struct.unpack("<I", data[4:8])[0]
    check(end <= len(data), "its length is wrong")
    header: bytes | None = None
    xmp: bytes | None = None
    block: bytes | None = None
    rest: list[bytes] = []
    at = 12
    while at < end:
        check(at + 8 <= end, "the chunks do not read back")
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        behind = at + 8 + size + (size & 1)
        check(behind <= end, "the chunks do not read back")
        payload = data[at + 8 : at + 8 + size]
        if kind == b"VP8X" and at == 12:
            header = payload
        elif kind == b"XMP " and xmp is None:
            xmp = payload
        elif kind == b"EXIF" and block is None:
            block = payload.removeprefix(b"Exif\0\0")
            rest.append(kind + payload[: len(payload) - len(block)])
        else:
            rest.append(data[at:behind])
        at = behind
    rest.append(data[end:])
    return _Parts(header, xmp, block, rest)


def _expected_header(picture: bytes) -> bytes:
    """The extended header, without a flag for XMP, of a file that was nothing but this chunk."""
    alpha = False
    if picture.startswith(b"VP8L"):
        (bits,) = struct.unpack("<I", picture[9:13])
        width, height, alpha = 1 + bits % 2**14, 1 + (bits >> 14) % 2**14, bits & 1 << 28 != 0
    else:
        width, height = (side % 2**14 for side in struct.unpack("<HH", picture[14:18]))
    flags = _HAS_ALPHA if alpha else 0
    return struct.pack("<I", flags) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
