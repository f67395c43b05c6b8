"""What a check is, and how large stretches of bytes are compared without copying them."""

from phototag.errors import MetadataError

_CHUNK = 1 << 20


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
