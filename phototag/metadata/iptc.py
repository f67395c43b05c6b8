"""Photoshop resource segments in, the IPTC keywords they hold out. Reading only; what is damaged reads as absent.

Source: IPTC-NAA Information Interchange Model 4.2; Adobe Photoshop File Formats, "Image Resource Blocks".
"""

from collections.abc import Iterator, Sequence

from phototag.metadata.jpeg import IPTC_HEADER

_IPTC_RESOURCE = 0x0404
_CODED_CHARACTER_SET = (1, 90)
_KEYWORDS = (2, 25)
_UTF8_ESCAPE = b"\x1b%G"


def read_keywords(payloads: Sequence[bytes]) -> tuple[str, ...]:
    """The keywords in a photo's Photoshop segments, in order; a long resource may be spread over several segments."""
    resources = b"".join(payload.removeprefix(IPTC_HEADER) for payload in payloads)
    sets = [found for block in _iptc_blocks(resources) for found in _data_sets(block)]
    declared = any(kind == _CODED_CHARACTER_SET and _UTF8_ESCAPE in value for kind, value in sets)
    words = (_decode(value, declared).strip() for kind, value in sets if kind == _KEYWORDS)
    return tuple(word for word in words if word)


def _iptc_blocks(resources: bytes) -> Iterator[bytes]:
    """The IPTC resources among `8BIM, number, Pascal string, length, data`, all padded to even."""
    at = 0
    while resources[at : at + 4] == b"8BIM" and at + 7 <= len(resources):
        number = int.from_bytes(resources[at + 4 : at + 6], "big")
        name = resources[at + 6] + 1
        at += 6 + name + name % 2
        length = int.from_bytes(resources[at : at + 4], "big")
        if number == _IPTC_RESOURCE:
            yield resources[at + 4 : at + 4 + length]
        at += 4 + length + length % 2


def _data_sets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The data sets `0x1C, record, number, length, value` of a block."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        length = int.from_bytes(block[at + 3 : at + 5], "big")
        value_at = at + 5
        if length & 0x8000:  # an extended data set: the length's own length stands here
            width = length & 0x7FFF
            length = int.from_bytes(block[value_at : value_at + width], "big")
            value_at += width
        if value_at + length > len(block):
            return
        yield (block[at + 1], block[at + 2]), block[value_at : value_at + length]
        at = value_at + length


def _decode(value: bytes, declared_utf8: bool) -> str:
    """A value as text. Many programs write UTF-8 without declaring it; what is not UTF-8 is Windows' Latin."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8" if declared_utf8 else "cp1252", "replace")
