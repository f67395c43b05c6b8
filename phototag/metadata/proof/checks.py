"""What a check is, and how large stretches of bytes are compared without copying them."""

from phototag.errors import MetadataError

_CHUNK = 1 << 16
"""Small enough to stay in a core's own cache: the copies that slices are cost next to nothing then."""


def check(holds: bool, otherwise: str) -> None:
    """Go on if it holds.

    Raises:
        MetadataError: "proof failed", with what was found otherwise.
    """
    if not holds:
        raise MetadataError("proof failed", otherwise)


def is_same(old: bytes, new: bytes, start: int, end: int) -> bool:
    """Whether two files have the same bytes in a stretch; compared piece by piece, for they may be large."""
    pieces = range(start, end, _CHUNK)
    return len(new) >= end and all(old[at : min(at + _CHUNK, end)] == new[at : min(at + _CHUNK, end)] for at in pieces)


def ends_same(old: bytes, old_from: int, new: bytes, new_from: int) -> bool:
    """Whether two files have the same bytes from two places on to their ends."""
    length = len(old) - old_from
    return len(new) - new_from == length and all(
        old[old_from + at : old_from + at + _CHUNK] == new[new_from + at : new_from + at + _CHUNK]
        for at in range(0, length, _CHUNK)
    )
