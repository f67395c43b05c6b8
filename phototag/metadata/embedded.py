"""A file that is not written inside in, the keywords of the XMP packet in it out.

The packet is found by its outermost tags, as the XMP specification means it to be (Part 3, "packet scanning"), so TIFF,
DNG, PNG, WebP, HEIF and most RAW files are read without taking them apart.
"""

import logging
from typing import BinaryIO

from phototag.errors import MetadataError
from phototag.metadata.xmp import read_subject

_log = logging.getLogger(__name__)

_BEGIN, _END = b"<x:xmpmeta", b"</x:xmpmeta>"
_CHUNK = 1 << 20
_LONGEST = 4 * 2**20
"""Packets inside photos are tens of kilobytes; a longer one is not looked at."""


def read_embedded(file: BinaryIO) -> tuple[str, ...]:
    """The words of `dc:subject` in a file's first XMP packet; none where there is no packet or it is damaged.

    Raises:
        OSError: the file cannot be read.
    """
    packet = _find_packet(file)
    if packet is None:
        return ()
    try:
        return read_subject(packet)
    except MetadataError as exc:
        _log.debug("embedded keywords not read: %s", exc)
        return ()


def _find_packet(file: BinaryIO) -> bytes | None:
    file.seek(0)
    window = b""
    while chunk := file.read(_CHUNK):
        window = window[-len(_BEGIN) :] + chunk
        begin = window.find(_BEGIN)
        if begin >= 0:
            packet = window[begin:] + file.read(_LONGEST)
            end = packet.find(_END)
            return packet[: end + len(_END)] if end >= 0 else None
    return None
