"""A TIFF photo before and after in; silence, or the check that failed, out."""

import struct

from phototag.metadata.fields import NewWords
from phototag.metadata.proof.checks import check, is_same
from phototag.metadata.proof.exif import first_directory, split_xp
from phototag.metadata.proof.xmp import prove_xmp

_XMP, _XP_KEYWORDS = 700, 40094
_GROWTH_MOST = 64 * 2**20


def prove_tiff(old: bytes, new: bytes, words: NewWords) -> None:
    """Prove that a new TIFF is the old one, with a first directory of these words behind it and pointed to.

    That every old byte but the pointer is where it was proves the images and all other values; that the other entries
    of the first directory are the same proves that they are found.

    Args:
        old: the photo as it is.
        new: what would replace it.
        words: what its fields must hold, in order.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    check(new[:4] == old[:4] and is_same(old, new, 8, len(old)), "a byte of the file moved")
    check(len(new) - len(old) <= _GROWTH_MOST, "the size is not plausible")
    check(struct.unpack(_order(new) + "I", new[4:8])[0] >= len(old), "the new directory is not behind the file")
    before, after = _ours(old), _ours(new)
    left_out = frozenset({_XMP} if words.xp is None else {_XMP, _XP_KEYWORDS})
    check(first_directory(old, left_out) == first_directory(new, left_out), "another entry differs")
    if words.xp is not None:
        check(split_xp(after.get(_XP_KEYWORDS, b"")) == list(words.xp), "the words do not read back from XPKeywords")
    prove_xmp(before.get(_XMP), after.get(_XMP), words)


def _order(data: bytes) -> str:
    return "<" if data.startswith(b"II") else ">"


def _ours(data: bytes) -> dict[int, bytes]:
    """The values of the keyword entries, all of them bytes."""
    order = _order(data)
    found = {}
    for raw in first_directory(data, frozenset())[0]:
        tag, kind, count = struct.unpack(order + "HHI", raw[:8])
        if tag in {_XMP, _XP_KEYWORDS}:
            check(kind in {1, 2, 7} and tag not in found, "a keyword entry does not read back")
            (at,) = struct.unpack(order + "I", raw[8:])
            value = raw[8 : 8 + count] if count <= 4 else data[at : at + count]
            check(len(value) == count, "a keyword entry runs past the end")
            found[tag] = value
    return found
