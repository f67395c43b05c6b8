"""A Photoshop segment before and after in; silence, or the check that failed, out."""

import hashlib
import re
from collections.abc import Sequence

from phototag.metadata.proof.checks import check

_HEADER = b"Photoshop 3.0\0"
_IPTC, _DIGEST = b"\x04\x04", b"\x04\x25"
_KEYWORD, _CHARACTER_SET = b"\x1c\x02\x19", b"\x1c\x01\x5a"
_UTF8 = _CHARACTER_SET + b"\0\3\x1b%G"


def prove_iptc(old: bytes, new: bytes, words: Sequence[str]) -> None:
    """Prove that a new Photoshop segment is the old one with these words as its IPTC keywords.

    Args:
        old: the payload as it is.
        new: what would replace it.
        words: those that it must hold, in order.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    before, after = _cut(old), _cut(new)
    check([head for head, _ in before] == [head for head, _ in after], "another Photoshop resource came or went")
    old_sets = new_sets = [b""]
    old_digest = new_digest = b""
    was_right = is_right = False
    for (head, was), (_, now) in zip(before, after, strict=True):
        kind = head[4:6]
        if kind == _IPTC:
            old_sets, new_sets = _sets(was), _sets(now)
            old_digest, new_digest = (hashlib.md5(block, usedforsecurity=False).digest() for block in (was, now))
        elif kind != _DIGEST:
            check(was == now, "another Photoshop resource differs")
    for (head, was), (_, now) in zip(before, after, strict=True):
        if head[4:6] == _DIGEST:
            was_right, is_right = was == old_digest, now == new_digest
            check(is_right if was_right else was == now, "the digest of the IPTC block is wrong")
    check(_others(old_sets) == _others(new_sets), "another IPTC data set differs")
    is_utf8 = any(one.startswith(_CHARACTER_SET) and b"\x1b%G" in one for one in new_sets)
    added_mark = _UTF8 in new_sets and not any(one.startswith(_CHARACTER_SET) for one in old_sets)
    kept_sets = [one for one in new_sets if not (added_mark and one == _UTF8)]
    marks = [one for one in old_sets if one.startswith(_CHARACTER_SET)]
    check([one for one in kept_sets if one.startswith(_CHARACTER_SET)] == marks, "the IPTC encoding differs")
    check(not added_mark or b"".join(_others(old_sets, texts=True)).isascii(), "the IPTC encoding would change")
    held = (_text(one[5:], is_utf8) for one in new_sets if one.startswith(_KEYWORD))
    check([word for word in held if word] == list(words), "the words do not read back from IPTC")


def _cut(payload: bytes) -> list[tuple[bytes, bytes]]:
    """Each resource's mark, number and name, and its data."""
    check(payload.startswith(_HEADER), "the Photoshop segment does not read back")
    parts, at = [], len(_HEADER)
    while at < len(payload):
        check(payload[at : at + 4] == b"8BIM", "the Photoshop resources do not read back")
        start = at + 6 + (payload[at + 6] + 2) // 2 * 2
        size = int.from_bytes(payload[start : start + 4], "big")
        parts.append((payload[at:start], payload[start + 4 : start + 4 + size]))
        at = start + 4 + (size + 1) // 2 * 2
    check(at == len(payload), "the Photoshop resources do not read back")
    return parts


def _sets(block: bytes) -> list[bytes]:
    """Each data set as it stands; the last item is what pads the block."""
    sets, at = [], 0
    while re.match(rb"\x1c..[\0-\x7f].", block[at : at + 5], re.DOTALL):
        size = 5 + int.from_bytes(block[at + 3 : at + 5], "big")
        sets.append(block[at : at + size])
        at += size
    return [*sets, block[at:]]


def _others(sets: Sequence[bytes], *, texts: bool = False) -> list[bytes]:
    """All data sets but the keywords and the mark of the encoding; or only the text of the second record."""
    if texts:
        return [one[5:] for one in sets if one.startswith(b"\x1c\x02") and one[2:3] not in b"\0\xc8\xc9\xca"]
    return [one for one in sets if not one.startswith((_KEYWORD, _CHARACTER_SET))]


def _text(value: bytes, is_utf8: bool) -> str:
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        return value.decode("utf-8" if is_utf8 else "cp1252", "replace").strip()
