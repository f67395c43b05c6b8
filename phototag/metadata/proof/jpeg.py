"""A JPEG before and after in; silence, or the check that failed, out."""

from collections.abc import Sequence

from phototag.metadata.fields import NewWords
from phototag.metadata.proof.checks import check, ends_same
from phototag.metadata.proof.exif import prove_exif
from phototag.metadata.proof.iptc import prove_iptc
from phototag.metadata.proof.xmp import prove_xmp

_GROWTH_MOST = 3 * 65_537
"""Three segments at their largest: no write makes a photo longer or shorter by more."""


def prove_jpeg(old: bytes, new: bytes, words: NewWords) -> None:
    """Prove that a new JPEG is the old one with these words.

    Args:
        old: the photo as it is.
        new: what would replace it.
        words: what its fields must hold, in order.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    old_parts, old_tail = _cut(old)
    new_parts, new_tail = _cut(new)
    check(ends_same(old, old_tail, new, new_tail), "the image data differs")
    check(abs(len(new) - len(old)) <= _GROWTH_MOST, "the size is not plausible")
    old_exif, old_xmp, old_rest = _sort_out(old_parts)
    new_exif, new_xmp, new_rest = _sort_out(new_parts)
    if words.iptc is not None:
        old_resources, new_resources = _take_resources(old_rest), _take_resources(new_rest)
        prove_iptc(old_resources, new_resources, words.iptc)
    check(old_rest == new_rest, "another segment differs")
    check(_behind_index(old_parts) == _behind_index(new_parts), "a multi-picture index would count wrong")
    if words.xp is None:
        check(old_exif == new_exif, "the EXIF block differs")
    else:
        prove_exif(old_exif, new_exif, words.xp)
    prove_xmp(old_xmp, new_xmp, words)


def _cut(data: bytes) -> tuple[list[bytes], int]:
    """A JPEG's segments before the first scan, each from its marker on, and where the rest begins."""
    parts: list[bytes] = []
    at = 2
    while data[at : at + 2] != b"\xff\xda":
        check(data[at : at + 1] == b"\xff", "the segments do not read back")
        begin = at
        while data[at + 1 : at + 2] == b"\xff":
            at += 1
        marker = data[at + 1 : at + 2]
        if marker == b"\xda":
            return parts, begin
        alone = marker == b"\x01" or b"\xd0" <= marker <= b"\xd7"
        length = 0 if alone else int.from_bytes(data[at + 2 : at + 4], "big")
        at += 2 + length
        check(at < len(data), "the segments do not read back")
        parts.append(data[begin:at])
    return parts, at


def _sort_out(parts: Sequence[bytes]) -> tuple[bytes | None, bytes | None, list[bytes]]:
    """The first EXIF block, the first XMP packet, and all other segments in order."""
    block: bytes | None = None
    packet: bytes | None = None
    rest = []
    for part in parts:
        payload = _payload(part, b"\xe1")
        if block is None and payload.startswith(b"Exif\0") and len(payload) > 6:
            block = payload[6:]
        elif packet is None and payload.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            packet = payload[29:]
        else:
            rest.append(part)
    return block, packet, rest


def _take_resources(rest: list[bytes]) -> bytes:
    """What the first Photoshop segment holds; its place in the list is kept by its header."""
    for at, part in enumerate(rest):
        payload = _payload(part, b"\xed")
        if payload.startswith(b"Photoshop 3.0\0"):
            rest[at] = b"Photoshop 3.0\0"
            return payload
    return b""


def _payload(part: bytes, marker: bytes) -> bytes:
    """What a segment holds, if it is of this kind."""
    unfilled = part.lstrip(b"\xff")
    return unfilled[3:] if unfilled.startswith(marker) else b""


def _behind_index(parts: Sequence[bytes]) -> int | None:
    """How many bytes before the image follow the header of a multi-picture index, from which it counts."""
    for number, part in enumerate(parts):
        if _payload(part, b"\xe2").startswith(b"MPF\0"):
            return sum(map(len, parts[number:]))
    return None
