"""A JPEG's bytes in, its segments out, and back: nothing but the segments that are changed ever moves its bytes.

Only what stands before the first scan is taken apart. The scans, the end marker and whatever trails it (preview
pictures, motion photos, vendors' trailers) are one opaque tail. Source: ITU-T T.81, annex B.
"""

from dataclasses import dataclass

import numpy as np

from phototag.errors import MetadataError

EXIF_HEADER = b"Exif\0\0"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
BROKEN_XMP_HEADER = b"XMP\0://ns.adobe.com/xap/1.0/\0"
"""What a photo site once made of the XMP header; such a packet is read, and left alone."""
IPTC_HEADER = b"Photoshop 3.0\0"
MPF_HEADER = b"MPF\0"
PAYLOAD_MOST = 65533
"""The longest payload of a segment: its two length bytes count themselves."""

_SOI = b"\xff\xd8"
_END_OF_IMAGE = b"\xff\xd9"
_END_OF_IMAGE_PAIR = int.from_bytes(_END_OF_IMAGE, "little")
_STRIDE = 1 << 17
_APP0, _APP1, _APP2, _APP11, _APP13 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED
_SOS = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_NOT_A_SEGMENT = frozenset({0x00, 0xD8, 0xD9})
_SEGMENTS_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker segment.

    Attributes:
        marker: the byte after 0xFF.
        payload: what follows the length; empty for a standalone marker.
        raw: all of it as it stands in the file, fill bytes, marker and length included.
    """

    marker: int
    payload: bytes
    raw: bytes

    @property
    def is_exif(self) -> bool:
        """Whether it holds the EXIF block."""
        return self.marker == _APP1 and self.payload.startswith(EXIF_HEADER[:5]) and len(self.payload) > 6

    @property
    def is_xmp(self) -> bool:
        """Whether it holds an XMP packet (not a part of an extended one)."""
        return self.marker == _APP1 and self.payload.startswith(XMP_HEADER)

    @property
    def is_broken_xmp(self) -> bool:
        """Whether it holds an XMP packet under a header that one photo site has spoiled."""
        return self.marker == _APP1 and self.payload.startswith(BROKEN_XMP_HEADER)

    @property
    def is_extended_xmp(self) -> bool:
        """Whether it holds a part of an extended XMP packet."""
        return self.marker == _APP1 and self.payload.startswith(EXTENDED_XMP_HEADER)

    @property
    def is_iptc(self) -> bool:
        """Whether it holds Photoshop resources, IPTC among them."""
        return self.marker == _APP13 and self.payload.startswith(IPTC_HEADER)

    @property
    def is_mpf(self) -> bool:
        """Whether it is the index of a multi-picture file, which counts offsets from itself to later pictures."""
        return self.marker == _APP2 and self.payload.startswith(MPF_HEADER)

    @property
    def is_signed(self) -> bool:
        """Whether it belongs to content credentials (C2PA), whose signature covers the bytes of the whole file."""
        return self.marker == _APP11 and self.payload.startswith(b"JP") and b"c2pa" in self.payload

    @property
    def is_app0(self) -> bool:
        """Whether it is an APP0 segment (JFIF, its thumbnail, CIFF), which stand first in a file."""
        return self.marker == _APP0


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG taken apart: `SOI + segments + tail` is the file, byte for byte.

    Attributes:
        tail: everything from the first start-of-scan marker on.
    """

    segments: tuple[Segment, ...]
    tail: bytes

    def to_bytes(self) -> bytes:
        """The file."""
        return b"".join((_SOI, *(segment.raw for segment in self.segments), self.tail))


def is_jpeg(head: bytes) -> bool:
    """Whether a file that begins so is a JPEG, whatever its name says."""
    return head.startswith(b"\xff\xd8\xff")


def parse(data: bytes) -> Jpeg:
    """Take a JPEG apart.

    Raises:
        MetadataError: not a JPEG, or not well-formed before the first scan.
    """
    if not is_jpeg(data):
        raise MetadataError("not a JPEG")
    segments: list[Segment] = []
    at = len(_SOI)
    while len(segments) < _SEGMENTS_MOST:
        begin, at = at, _skip_fill(data, at)
        marker = data[at - 1]
        if marker == _SOS:
            return Jpeg(tuple(segments), data[begin:])
        if marker in _NOT_A_SEGMENT:
            raise _malformed(f"marker 0xFF{marker:02X} before the image at byte {at - 2}")
        if marker in _STANDALONE:
            segments.append(Segment(marker, b"", data[begin:at]))
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise _malformed(f"segment 0xFF{marker:02X} at byte {at - 2} runs past the end of the file")
        segments.append(Segment(marker, data[at + 2 : at + length], data[begin : at + length]))
        at += length
    raise _malformed(f"more than {_SEGMENTS_MOST} segments")


def end_of_image(tail: bytes) -> int:
    """Where the first end-of-image marker stands in a JPEG's tail; -1 where there is none.

    Every byte before it has to be looked at: numpy does that nine times as fast as `bytes.find`, for which each 0xFF
    of the image is a false start, and lets other threads run meanwhile.
    """
    for start in range(0, len(tail), _STRIDE):
        for odd in (0, 1):
            pairs = np.frombuffer(tail, "<u2", max(0, min(_STRIDE, len(tail) - start - odd)) // 2, start + odd)
            if (pairs == _END_OF_IMAGE_PAIR).any():
                return tail.index(_END_OF_IMAGE, start)
    return -1


def app1(payload: bytes) -> Segment:
    """An APP1 segment, where EXIF and XMP live.

    Raises:
        MetadataError: the payload is longer than a segment can be.
    """
    return _segment(_APP1, payload)


def app13(payload: bytes) -> Segment:
    """An APP13 segment, where Photoshop resources live.

    Raises:
        MetadataError: the payload is longer than a segment can be.
    """
    return _segment(_APP13, payload)


def _segment(marker: int, payload: bytes) -> Segment:
    if len(payload) > PAYLOAD_MOST:
        raise MetadataError("no room", f"a metadata segment would hold {len(payload)} bytes, {PAYLOAD_MOST} fit")
    return Segment(marker, payload, bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload)


def _skip_fill(data: bytes, at: int) -> int:
    """The place after the next marker, which may be preceded by any number of fill bytes."""
    start = at
    while data[at : at + 1] == b"\xff":
        at += 1
    if at == start or at >= len(data):
        raise _malformed(f"no marker at byte {at}")
    return at + 1


def _malformed(what: str) -> MetadataError:
    return MetadataError("malformed JPEG", what)
