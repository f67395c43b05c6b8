"""A photo taken apart in, the mark of its picture out: the same for as long as nobody encodes the picture anew.

Programs that change keywords, ratings or a date leave the encoded picture as it is; whoever edits, scales or converts
it, or puts another photo in its place, does not. The mark is the length and the CRC-32 of the encoded picture: it tells
two states of one file apart and is no proof against forgery.
"""

import struct
import zlib
from collections.abc import Iterable

from phototag.metadata import tiff
from phototag.metadata.formats import Photo
from phototag.metadata.jpeg import Jpeg, end_of_image
from phototag.metadata.png import Png
from phototag.metadata.tiff import Tiff
from phototag.metadata.webp import Webp

_JPEG_PICTURE = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD})
"""Frame header, Huffman and quantisation tables: plain pictures of different colours differ by these alone."""
_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"IDAT", b"fdAT"})
_WEBP_PICTURE = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANMF"})
_MARK = struct.Struct("<II")


def mark_of(photo: Photo) -> bytes:
    """The mark of a photo's picture, 8 bytes; empty where no picture is found in it."""
    pieces = list(_pieces(photo))
    length, crc = sum(map(len, pieces)), 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return _MARK.pack(length & 0xFFFFFFFF, crc) if length else b""


def _pieces(photo: Photo) -> Iterable[memoryview]:
    """The encoded picture, without what trails it: some programs drop a preview or a film when they write keywords."""
    match photo:
        case Jpeg():
            end = end_of_image(photo.tail)
            tables = [memoryview(segment.raw) for segment in photo.segments if segment.marker in _JPEG_PICTURE]
            return [*tables, memoryview(photo.tail)[: end if end >= 0 else None]]
        case Png():
            return [memoryview(chunk.raw)[8:-4] for chunk in photo.chunks if chunk.kind in _PNG_PICTURE]
        case Webp():
            return [memoryview(chunk.raw)[8:] for chunk in photo.chunks if chunk.kind in _WEBP_PICTURE]
        case Tiff():
            return tiff.picture(photo)
