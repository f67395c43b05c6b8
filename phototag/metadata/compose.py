"""A JPEG taken apart and its new words in, the new file's bytes out; and the words it holds now.

What lies behind the changed segments and is found by its distance from a place before them would be lost: pictures a
multi-picture index counts from itself, previews behind the image that the EXIF block or a maker note points to. Such
a segment changes only in its own length, new ones stand before the index, and what cannot be had so is refused.
"""

from collections.abc import Callable, Iterator, Sequence

from phototag.errors import MetadataError
from phototag.metadata import exif, iptc, xmp
from phototag.metadata.fields import Fields, NewWords, read_fields, refuse_afcp
from phototag.metadata.jpeg import (
    BROKEN_XMP_HEADER,
    EXIF_HEADER,
    EXTENDED_XMP_HEADER,
    PAYLOAD_MOST,
    XMP_HEADER,
    Jpeg,
    Segment,
    app1,
    app13,
    end_of_image,
)

_PICTURE = b"\xff\xd8\xff"
_EXTENSION_PREFIX = len(EXTENDED_XMP_HEADER) + 40
"""Before the text of an extended packet's part: the header, 32 digits of its hash, its length and its offset."""


def fields_of(photo: Jpeg) -> Fields:
    """The words in a photo's keyword fields. A field that is damaged reads as empty."""
    resources = [segment.payload for segment in photo.segments if segment.is_iptc]
    return read_fields(
        [segment.payload.removeprefix(XMP_HEADER) for segment in photo.segments if segment.is_xmp],
        [_block(segment) for segment in photo.segments if segment.is_exif],
        iptc.read_keywords(resources),
        spare_packets=[s.payload.removeprefix(BROKEN_XMP_HEADER) for s in photo.segments if s.is_broken_xmp],
        iptc_takes_ascii_alone=iptc.holds_ascii_alone(resources),
    )


def compose(photo: Jpeg, new: NewWords) -> bytes:
    """The photo with these words in its keyword fields.

    Raises:
        MetadataError: the photo cannot take them without risk; the reason says why.
    """
    end = end_of_image(photo.tail)
    _refuse_what_counts_bytes(photo, end)
    segments = list(photo.segments)
    exif_at = _first(segments, lambda segment: segment.is_exif)
    xmp_at = _first(segments, lambda segment: segment.is_xmp)
    index_at = _first(segments, lambda segment: segment.is_mpf)
    is_pinned = exif_at is not None and _points_behind_the_image(photo, exif_at, end)

    new_xmp = _new_xmp(segments, xmp_at, new, may_grow=not is_pinned and not _is_behind(xmp_at, index_at))
    new_exif = None
    if new.xp is not None:
        new_exif = _new_exif(segments, exif_at, new.xp, may_grow=not is_pinned and not _is_behind(exif_at, index_at))
    if new.iptc is not None:
        iptc_at = _first(segments, lambda segment: segment.is_iptc)
        if iptc_at is None or is_pinned or _is_behind(iptc_at, index_at):
            raise MetadataError("pinned", "its IPTC block cannot grow where it is")
        segments[iptc_at] = app13(iptc.edit_keywords(segments[iptc_at].payload, new.iptc))
    if xmp_at is not None:
        segments[xmp_at : xmp_at + 1] = new_xmp
    else:
        place = _place_for_xmp(segments, exif_at, index_at)
        segments[place:place] = new_xmp
    if new_exif is not None and exif_at is not None:
        segments[exif_at] = new_exif
    elif new_exif is not None:
        segments.insert(_behind_app0(segments), new_exif)
    return Jpeg(tuple(segments), photo.tail).to_bytes()


def _new_xmp(segments: Sequence[Segment], at: int | None, new: NewWords, *, may_grow: bool) -> list[Segment]:
    """The segment of the XMP packet with these words; none where there was none and no word is wanted."""
    if at is None and not any(new.lists.values()):
        return []
    if at is None and not may_grow:
        raise MetadataError("pinned", "pictures behind the image are found by their distance from the EXIF block")
    old = xmp.fresh_packet() if at is None else segments[at].payload.removeprefix(XMP_HEADER)
    packet = xmp.edit_lists(old, new.lists)
    if not may_grow:
        packet = xmp.fit(packet, len(old))
    elif len(packet) > PAYLOAD_MOST - len(XMP_HEADER):
        packet = xmp.fit(packet, PAYLOAD_MOST - len(XMP_HEADER))
    return [app1(XMP_HEADER + packet)]


def _new_exif(segments: Sequence[Segment], at: int | None, words: Sequence[str], *, may_grow: bool) -> Segment | None:
    """The segment of the EXIF block with these words; None where there was none and no word is wanted."""
    if at is None:
        return app1(EXIF_HEADER + exif.new_block(words)) if words else None
    if not may_grow:
        raise MetadataError("pinned", "pictures behind the image are found by their distance from a place before it")
    if sum(segment.is_exif for segment in segments) > 1:
        raise MetadataError("malformed EXIF", "the block is spread over several segments")
    header = segments[at].payload[: len(EXIF_HEADER)]
    return app1(header + exif.with_xp_keywords(_block(segments[at]), words))


def _place_for_xmp(segments: Sequence[Segment], exif_at: int | None, index_at: int | None) -> int:
    """Where a new XMP segment goes: behind EXIF and behind a packet with a spoiled header, so that readers that take
    the last one take this; but never behind a multi-picture index."""
    broken_at = _first(segments, lambda segment: segment.is_broken_xmp)
    places = [at + 1 for at in (exif_at, broken_at) if at is not None and not _is_behind(at, index_at)]
    return max(places, default=_behind_app0(segments))


def _behind_app0(segments: Sequence[Segment]) -> int:
    """The place behind the leading APP0 segments, which is never behind a multi-picture index."""
    other = _first(segments, lambda segment: not segment.is_app0)
    return len(segments) if other is None else other


def _refuse_what_counts_bytes(photo: Jpeg, end: int) -> None:
    """Refuse photos in which something counts the bytes of the whole file.

    Args:
        photo: the photo.
        end: where in its tail the end-of-image marker stands, or -1.

    Raises:
        MetadataError: content credentials, an AFCP trailer, or keywords in an extended XMP packet.
    """
    if any(segment.is_signed for segment in photo.segments):
        raise MetadataError("signed", "its content credentials (C2PA) vouch for every byte of the file")
    refuse_afcp(photo.tail[end:])
    parts = [segment.payload for segment in photo.segments if segment.is_extended_xmp]
    parts.sort(key=lambda part: part[_EXTENSION_PREFIX - 4 : _EXTENSION_PREFIX])
    if b":subject" in b"".join(part[_EXTENSION_PREFIX:] for part in parts):
        raise MetadataError("XMP refused", "its keywords stand in an extended packet")


def _points_behind_the_image(photo: Jpeg, exif_at: int, end: int) -> bool:
    """Whether the EXIF block holds the place of something behind the image, as makers do for large previews.

    Makers' notes are not documented, so any four bytes count that equal the distance from the block's header, or from
    the beginning of the file, to the end of the image or to a picture behind it.
    """
    block = _block(photo.segments[exif_at])
    block_at = 2 + sum(len(segment.raw) for segment in photo.segments[: exif_at + 1]) - len(block)
    tail_at = 2 + sum(len(segment.raw) for segment in photo.segments)
    for place in _places_behind_the_image(photo.tail, end):
        for distance in (tail_at + place - block_at, tail_at + place):
            if distance.to_bytes(4, "little") in block or distance.to_bytes(4, "big") in block:
                return True
    return False


def _places_behind_the_image(tail: bytes, end: int) -> Iterator[int]:
    if end < 0 or end + 2 == len(tail):
        return
    yield end + 2
    at = tail.find(_PICTURE, end)
    while at >= 0:
        yield at
        at = tail.find(_PICTURE, at + 1)


def _block(segment: Segment) -> bytes:
    return segment.payload[len(EXIF_HEADER) :]


def _first(segments: Sequence[Segment], wanted: Callable[[Segment], bool]) -> int | None:
    return next((at for at, segment in enumerate(segments) if wanted(segment)), None)


def _is_behind(at: int | None, index_at: int | None) -> bool:
    return at is not None and index_at is not None and index_at < at
