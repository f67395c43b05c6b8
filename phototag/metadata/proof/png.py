"""A PNG before and after in; silence, or the check that failed, out."""

import zlib
from dataclasses import dataclass, field

from phototag.errors import MetadataError
from phototag.metadata.fields import NewWords
from phototag.metadata.proof.checks import check
from phototag.metadata.proof.exif import prove_exif
from phototag.metadata.proof.xmp import prove_xmp

_PACKET_MOST = 64 * 2**20
_EXIF_HEADER = b"Exif\0\0"


@dataclass(slots=True)
class _Parts:
    """A PNG cut apart: its XMP packet, its EXIF block, all other chunks in order, and how far its image extends."""

    xmp: bytes | None = None
    labels: bytes = b"\0\0"
    exif: bytes | None = None
    rest: list[bytes] = field(default_factory=list)
    counted: int | None = None


def prove_png(old: bytes, new: bytes, words: NewWords) -> None:
    """Prove that a new PNG is the old one with these words.

    Args:
        old: the photo as it is.
        new: what would replace it.
        words: what its fields must hold, in order.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    before, after = _cut(old), _cut(new)
    check(before.rest == after.rest, "another chunk, or what trails the last one, differs")
    check(before.counted == after.counted, "Apple's chunk would count wrong")
    check(before.labels == after.labels, "the labels of the XMP chunk differ")
    if words.xp is None:
        check(before.exif == after.exif, "the EXIF block differs")
    else:
        check(before.exif is not None, "there is a new EXIF block")
        prove_exif(before.exif, after.exif, words.xp)
    prove_xmp(before.xmp, after.xmp, words)


def _cut(data: bytes) -> _Parts:
    parts = _Parts()
    check(data[:8] == b"\x89PNG\r\n\x1a\n", "it does not begin as a PNG")
    at, kind, counts_from = 8, b"", None
    while kind != b"IEND":
        check(at + 12 <= len(data), "the chunks do not read back")
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        raw, kind = data[at:end], data[at + 4 : at + 8]
        check(len(raw) == end - at, "the chunks do not read back")
        payload = raw[8:-4]
        if kind == b"iTXt" and payload.startswith(b"XML:com.adobe.xmp\0") and parts.xmp is None:
            check(_has_right_checksum(raw), "a checksum is wrong")
            parts.labels, parts.xmp = _labels_and_packet(payload[18:])
        elif kind == b"eXIf" and parts.exif is None:
            check(_has_right_checksum(raw), "a checksum is wrong")
            parts.exif = payload.removeprefix(_EXIF_HEADER)
            parts.rest.append(raw[4 : 8 + len(payload) - len(parts.exif)])  # its place, and its header if it has one
        else:
            parts.rest.append(raw)
        if kind == b"iDOT":
            counts_from = at
        if kind == b"IDAT":
            parts.counted = None if counts_from is None else end - counts_from
        at = end
    parts.rest.append(data[at:])
    return parts


def _has_right_checksum(raw: bytes) -> bool:
    return zlib.crc32(raw[4:-4]) == int.from_bytes(raw[-4:], "big")


def _labels_and_packet(payload: bytes) -> tuple[bytes, bytes]:
    """Language and translated keyword of an XMP chunk, and its text, unpacked."""
    compressed, _, rest = payload[:1], payload[1:2], payload[2:]
    check(rest.count(b"\0") >= 2, "the XMP chunk does not read back")
    language, translated, text = rest.split(b"\0", 2)
    if compressed == b"\1":
        try:
            text = zlib.decompressobj().decompress(text, _PACKET_MOST)
        except zlib.error as exc:
            raise MetadataError("proof failed", "the compressed XMP packet cannot be unpacked") from exc
    return language + b"\0" + translated + b"\0", text
