"""An EXIF block in, the block with other `XPKeywords` out, by appending alone (see `ifd`).

Camera makers' notes, which address their data by offsets nobody documents, stay whole that way.
Source: CIPA DC-008 (Exif 2.32).
"""

from collections.abc import Sequence

import piexif

from phototag.errors import MetadataError
from phototag.metadata.ifd import BYTE, Entry, NewEntry, malformed, read_header, read_ifd, with_entries
from phototag.metadata.jpeg import EXIF_HEADER, PAYLOAD_MOST

XP_KEYWORDS = 0x9C9E
BLOCK_MOST = PAYLOAD_MOST - len(EXIF_HEADER)
"""The longest EXIF block that a segment of a JPEG holds, bytes; other formats are kept to it too."""

_SEPARATOR = ";"
"""Windows separates the words of the one XPKeywords string by it."""


def can_hold(word: str) -> bool:
    """Whether a word can stand in XPKeywords and be read back by all.

    Not one with the separator in it, nor one with a character beyond U+FFFF, such as an emoji: exiftool 12 and exiv2
    0.27 read the field as UCS-2, and the latter then shows none of its words.
    """
    return _SEPARATOR not in word and max(word, default="") <= "\uffff"


def read_xp_keywords(block: bytes) -> tuple[str, ...]:
    """The words in a block's XPKeywords, in order.

    Raises:
        MetadataError: the header or IFD0 is malformed.
    """
    order, start = read_header(block)
    for entry in read_ifd(block, order, start).entries:
        if entry.tag == XP_KEYWORDS:
            return _words(_value(block, entry))
    return ()


def with_xp_keywords(block: bytes, words: Sequence[str], size_most: int = BLOCK_MOST) -> bytes:
    """The block with these words as its XPKeywords, behind all that was there; no words: without the entry.

    Args:
        block: an EXIF block, or a whole TIFF file.
        words: those that `can_hold` allows.
        size_most: the longest that the new block may be, bytes.

    Raises:
        MetadataError: the block is malformed, an offset in it points behind its end (where bytes are now appended),
            or it would outgrow its place.
    """
    read_xp_keywords(block)  # what cannot be read must not be replaced
    return with_entries(block, [xp_entry(words)], size_most=size_most)


def xp_entry(words: Sequence[str]) -> NewEntry:
    """The XPKeywords entry with these words; without words, none."""
    value = _SEPARATOR.join(words).encode("utf-16-le") + b"\0\0" if words else b""
    return NewEntry(XP_KEYWORDS, BYTE, value)


def split_header(data: bytes) -> tuple[bytes, bytes]:
    """The `Exif` header that some programs put before the block in PNG and WebP too, or nothing; and the block."""
    size = len(EXIF_HEADER) if data.startswith(EXIF_HEADER) else 0
    return data[:size], data[size:]


def new_block(words: Sequence[str]) -> bytes:
    """An EXIF block that holds XPKeywords and nothing else.

    Raises:
        MetadataError: the words do not fit.
    """
    value = _SEPARATOR.join(words).encode("utf-16-le") + b"\0\0"
    if len(value) > PAYLOAD_MOST - 64:
        raise MetadataError("no room", "the words do not fit an EXIF block")
    block: bytes = piexif.dump({"0th": {XP_KEYWORDS: tuple(value)}})
    return block.removeprefix(EXIF_HEADER)


def _value(block: bytes, entry: Entry) -> bytes:
    if entry.kind != BYTE or entry.value_at + entry.size > len(block):
        raise malformed("XPKeywords is not as Windows writes it")
    return block[entry.value_at : entry.value_at + entry.size]


def _words(value: bytes) -> tuple[str, ...]:
    try:
        text = value.decode("utf-16-le").rstrip("\0")
    except UnicodeDecodeError as exc:
        raise malformed("XPKeywords is not UTF-16") from exc
    return tuple(word.strip() for word in text.split(_SEPARATOR) if word.strip())
