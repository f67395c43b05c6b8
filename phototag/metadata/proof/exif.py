"""An EXIF block before and after in; silence, or the check that failed, out. Read by piexif."""

import struct
from collections.abc import Sequence
from typing import Any

import piexif

from phototag.errors import MetadataError
from phototag.metadata.proof.checks import check, is_same

_XP_KEYWORDS = 0x9C9E
_OURS = frozenset({_XP_KEYWORDS})


def prove_exif(old: bytes | None, new: bytes | None, words: Sequence[str]) -> None:
    """Prove that a new EXIF block is the old one with these words in `XPKeywords`, and that no byte of it moved.

    Args:
        old: the block as it is; None where there is none.
        new: what would replace it.
        words: those that it must hold, in order.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    if new is None:
        check(old is None and not words, "the EXIF block is gone")
        return
    new_tags = _load(new)
    value = bytes(new_tags["0th"].pop(_XP_KEYWORDS, ()))
    check(split_xp(value) == list(words), "the words do not read back from XPKeywords")
    if old is None:
        check(not any(new_tags.values()), "the new EXIF block holds more than XPKeywords")
        return
    old_tags = _load(old)
    old_tags["0th"].pop(_XP_KEYWORDS, None)
    check(old_tags == new_tags, "another EXIF tag differs")
    check(new[:4] == old[:4] and is_same(old, new, 8, len(old)), "a byte of the EXIF block moved")
    is_same_directory = first_directory(old, _OURS) == first_directory(new, _OURS)
    check(is_same_directory, "another entry of the first EXIF directory differs")


def _load(block: bytes) -> dict[str, Any]:
    try:
        tags: dict[str, Any] = piexif.load(block)
    except (struct.error, ValueError, TypeError, IndexError, KeyError, piexif.InvalidImageDataError) as exc:
        raise MetadataError("proof failed", f"piexif cannot read the EXIF block ({exc})") from exc
    return tags


def split_xp(value: bytes) -> list[str]:
    """The words of an `XPKeywords` value."""
    return [word for word in value.decode("utf-16-le", "replace").removesuffix("\0").split(";") if word]


def first_directory(block: bytes, left_out: frozenset[int]) -> tuple[list[bytes], bytes]:
    """The raw entries of IFD0 but for some tags, and the pointer behind them."""
    order = "<" if block.startswith(b"II") else ">"
    (at,) = struct.unpack(order + "I", block[4:8])
    (count,) = struct.unpack(order + "H", block[at : at + 2])
    end = at + 2 + 12 * count
    entries = [block[place : place + 12] for place in range(at + 2, end, 12)]
    kept = [entry for entry in entries if struct.unpack(order + "H", entry[:2])[0] not in left_out]
    return kept, block[end : end + 4]
