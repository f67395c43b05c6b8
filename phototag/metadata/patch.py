"""A file's old and new bytes in, a small patch that turns the new ones back into the old ones out. Pure functions.

What phototag writes leaves nearly all of a file where it was or shifts it, so the old file is told as pieces of the new
one and the few bytes that are nowhere in it. Those of a photo come to some hundred bytes, however large it is.
"""

import zlib
from collections.abc import Iterator

_BLOCK = 32
"""Pieces are looked for by runs of so many bytes: long enough that a chance match is rare, short enough for XMP."""

_STRIDE = 1 << 16
_LEVEL = 9


def make_patch(new: bytes, old: bytes) -> bytes:
    """Tell the old bytes by the new ones.

    Returns:
        Deflated steps, each: how many bytes follow, those bytes, then from where and how many bytes of the new file
        come next. Numbers are LEB128, seven bits a byte, the lowest first.
    """
    head = _common_start(new, old, 0, 0)
    tail = _common_end(new, old, min(len(new), len(old)) - head)
    found = [(head, 0, head)] if head else []
    found += _pieces(new, old, head, (len(new) - tail, len(old) - tail))
    if tail:
        found.append((len(old), len(new) - tail, tail))
    steps = bytearray()
    position = 0
    for end, start, length in found:
        _put(steps, old[position : end - length], start, length)
        position = end
    _put(steps, old[position:], 0, 0)
    return zlib.compress(bytes(steps), _LEVEL)


def apply_patch(new: bytes, patch: bytes) -> bytes:
    """Turn the new bytes back into the old ones.

    Raises:
        ValueError: the patch is damaged, or not one for these bytes.
    """
    try:
        steps = zlib.decompress(patch)
    except zlib.error as exc:
        raise ValueError(f"the patch is damaged: {exc}") from exc
    old = bytearray()
    position = 0
    while position < len(steps):
        count, position = _number(steps, position)
        old += steps[position : position + count]
        position += count
        start, position = _number(steps, position)
        length, position = _number(steps, position)
        if start + length > len(new) or position > len(steps):
            raise ValueError("the patch is damaged, or not one for this file")
        old += memoryview(new)[start : start + length]
    return bytes(old)


def _pieces(new: bytes, old: bytes, start: int, ends: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Find what the middles of both files share, in the order of the old one.

    Yields:
        Where the piece ends in the old file, where it starts in the new one, and its length.
    """
    new_end, old_end = ends
    blocks: dict[bytes, int] = {}
    for offset in range(start, new_end - _BLOCK + 1, _BLOCK):
        blocks.setdefault(new[offset : offset + _BLOCK], offset)
    position = taken = start
    while blocks and position <= old_end - _BLOCK:
        found = blocks.get(old[position : position + _BLOCK])
        if found is None:
            position += 1
            continue
        offset = found
        while position > taken and offset > start and old[position - 1] == new[offset - 1]:
            position, offset = position - 1, offset - 1
        length = min(_common_start(new, old, offset, position), new_end - offset, old_end - position)
        position += length
        taken = position
        yield position, offset, length


def _common_start(new: bytes, old: bytes, new_from: int, old_from: int) -> int:
    """How many bytes are the same from two places on."""
    most = min(len(new) - new_from, len(old) - old_from)
    same, stride = 0, _STRIDE
    while stride := min(stride, most - same):
        at, there = new_from + same, old_from + same
        if new[at : at + stride] == old[there : there + stride]:
            same += stride
        else:  # the difference lies within: halve in on it
            stride //= 2
    return same


def _common_end(new: bytes, old: bytes, most: int) -> int:
    """How many bytes are the same before both ends."""
    same, stride = 0, _STRIDE
    while stride := min(stride, most - same):
        at, there = len(new) - same, len(old) - same
        if new[at - stride : at] == old[there - stride : there]:
            same += stride
        else:
            stride //= 2
    return same


def _put(steps: bytearray, literal: bytes, start: int, length: int) -> None:
    if literal or length:
        _put_number(steps, len(literal))
        steps += literal
        _put_number(steps, start)
        _put_number(steps, length)


def _put_number(steps: bytearray, number: int) -> None:
    while number > 0x7F:
        steps.append(number & 0x7F | 0x80)
        number >>= 7
    steps.append(number)


def _number(steps: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if position >= len(steps):
            raise ValueError("the patch ends too soon")
        byte = steps[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
