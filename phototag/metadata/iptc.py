"""Photoshop resource segments in, the IPTC keywords they hold out; and the segment with other keywords out.

Keywords are written only where there is an IPTC block. Every other data set and resource stays as it is; Photoshop's
digest, by which programs see whether IPTC was changed by one that knows nothing of XMP, is kept right.
Source: IPTC-NAA Information Interchange Model 4.2; Adobe Photoshop File Formats, "Image Resource Blocks"; Metadata
Working Group, Guidelines 2.0, 3.3.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from phototag.errors import MetadataError
from phototag.metadata.jpeg import IPTC_HEADER
from phototag.metadata.words import normal

_IPTC, _DIGEST = 0x0404, 0x0425
_MARK = b"8BIM"
_CODED_CHARACTER_SET, _KEYWORDS = (1, 90), (2, 25)
_BINARY = frozenset({(2, 0), (2, 200), (2, 201), (2, 202)})
_UTF8_ESCAPE = b"\x1b%G"
_WORD_MOST = 64
"""The longest keyword, bytes. A longer one is left out: cut short it would read as another word."""


@dataclass(frozen=True, slots=True)
class _Resource:
    number: int
    head: bytes  # mark, number and name
    data: bytes

    def to_bytes(self) -> bytes:
        return self.head + len(self.data).to_bytes(4, "big") + self.data + b"\0" * (len(self.data) % 2)


@dataclass(frozen=True, slots=True)
class _DataSet:
    kind: tuple[int, int]
    value: bytes
    raw: bytes


def read_keywords(payloads: Sequence[bytes]) -> tuple[str, ...]:
    """The keywords in a photo's Photoshop segments, in order; a long resource may be spread over several segments."""
    resources = b"".join(payload.removeprefix(IPTC_HEADER) for payload in payloads)
    return read_blocks([found.data for found in _resources(resources) if found.number == _IPTC])


def read_blocks(blocks: Sequence[bytes]) -> tuple[str, ...]:
    """The keywords in a photo's IPTC blocks, in order; what is damaged reads as absent."""
    sets = [found for block in blocks for found in _data_sets(block)]
    words = (_decode(found.value, _declares_utf8(sets)).strip() for found in sets if found.kind == _KEYWORDS)
    return tuple(word for word in words if word)


def holds_ascii_alone(payloads: Sequence[bytes]) -> bool | None:
    """Whether only ASCII words can be added, for the encoding of the block is not known; None where nothing can."""
    try:
        _, sets, _ = _take_apart(payloads)
    except MetadataError:
        return None
    if _declares_utf8(sets):
        return False
    texts = [found.value for found in sets if found.kind[0] > 1 and found.kind not in _BINARY]
    is_declared = any(found.kind == _CODED_CHARACTER_SET for found in sets)
    return is_declared or not all(text.isascii() for text in texts)


def can_hold(word: str, *, ascii_alone: bool) -> bool:
    """Whether a word can be a keyword of a block."""
    return len(word.encode()) <= _WORD_MOST and (word.isascii() or not ascii_alone)


def edit_keywords(payload: bytes, words: Sequence[str]) -> bytes:
    """The segment with these words as its IPTC keywords: those it holds keep their bytes, new ones follow them.

    Args:
        payload: of the only Photoshop segment.
        words: those that are held already as they are held, and new ones that `can_hold` allows.

    Raises:
        MetadataError: it is not well-formed, or has not one IPTC block.
    """
    resources, sets, rest = _take_apart([payload])
    is_utf8 = _declares_utf8(sets)
    wanted = frozenset(map(normal, words))
    held = {normal(_decode(one.value, is_utf8).strip()) for one in sets if one.kind == _KEYWORDS}
    kept = [s for s in sets if s.kind != _KEYWORDS or normal(_decode(s.value, is_utf8).strip()) in wanted]
    new = [word.encode() for word in words if normal(word) not in held]
    if not is_utf8 and not all(word.isascii() for word in new):
        _insert(kept, _CODED_CHARACTER_SET, _UTF8_ESCAPE)
    for word in new:
        _insert(kept, _KEYWORDS, word)
    (old,) = (found.data for found in resources if found.number == _IPTC)
    block = b"".join(found.raw for found in kept) + rest
    digests = {hashlib.md5(old, usedforsecurity=False).digest(): hashlib.md5(block, usedforsecurity=False).digest()}
    parts = []
    for found in resources:
        data = block if found.number == _IPTC else found.data
        if found.number == _DIGEST:  # one that was wrong tells that another program changed IPTC: it stays
            data = digests.get(data, data)
        parts.append(_Resource(found.number, found.head, data).to_bytes())
    return IPTC_HEADER + b"".join(parts)


def _insert(sets: list[_DataSet], kind: tuple[int, int], value: bytes) -> None:
    """Put a data set behind the last of its kind, or where its number has it."""
    at = next((at + 1 for at in reversed(range(len(sets))) if sets[at].kind == kind), None)
    if at is None:
        at = next((at for at, found in enumerate(sets) if found.kind > kind), len(sets))
    sets.insert(at, _DataSet(kind, value, bytes([0x1C, *kind]) + len(value).to_bytes(2, "big") + value))


def _take_apart(payloads: Sequence[bytes]) -> tuple[list[_Resource], list[_DataSet], bytes]:
    """Resources, the data sets of the IPTC block among them, and what pads it.

    Raises:
        MetadataError: there is not one segment with one block, all of it understood.
    """
    if len(payloads) != 1:
        raise _malformed("its resources are spread over several segments")
    resources = list(_resources(payloads[0].removeprefix(IPTC_HEADER)))
    if IPTC_HEADER + b"".join(found.to_bytes() for found in resources) != payloads[0]:
        raise _malformed("its resources do not follow one another")
    blocks = [found.data for found in resources if found.number == _IPTC]
    if len(blocks) != 1:
        raise _malformed(f"it has {len(blocks)} IPTC blocks")
    sets = list(_data_sets(blocks[0]))
    rest = blocks[0][sum(len(found.raw) for found in sets) :]
    if rest.strip(b"\0"):
        raise _malformed("its IPTC block has a data set that runs past its end")
    return resources, sets, rest


def _resources(data: bytes) -> Iterator[_Resource]:
    """The resources `8BIM, number, Pascal string, length, data`, all padded to even."""
    at = 0
    while data[at : at + 4] == _MARK and at + 12 <= len(data):
        name = data[at + 6] + 1
        behind = at + 6 + name + name % 2
        length = int.from_bytes(data[behind : behind + 4], "big")
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        yield _Resource(number, data[at:behind], data[behind + 4 : behind + 4 + length])
        at = behind + 4 + length + length % 2


def _data_sets(block: bytes) -> Iterator[_DataSet]:
    """The data sets `0x1C, record, number, length, value` of a block."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        length = int.from_bytes(block[at + 3 : at + 5], "big")
        value_at = at + 5
        if length & 0x8000:  # an extended data set: the length's own length stands here
            width = length & 0x7FFF
            length = int.from_bytes(block[value_at : value_at + width], "big")
            value_at += width
        end = value_at + length
        if end > len(block):
            return
        yield _DataSet((block[at + 1], block[at + 2]), block[value_at:end], block[at:end])
        at = end


def _declares_utf8(sets: Sequence[_DataSet]) -> bool:
    return any(found.kind == _CODED_CHARACTER_SET and _UTF8_ESCAPE in found.value for found in sets)


def _decode(value: bytes, declared_utf8: bool) -> str:
    """A value as text. Many programs write UTF-8 without declaring it; what is not UTF-8 is Windows' Latin."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8" if declared_utf8 else "cp1252", "replace")


def _malformed(what: str) -> MetadataError:
    return MetadataError("malformed IPTC", what)
