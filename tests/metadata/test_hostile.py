"""Whatever the bytes are, the parsers refuse or read; they do not crash, hang or grow."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phototag.errors import MetadataError
from phototag.metadata import formats, png, tiff, webp
from phototag.metadata.exif import read_xp_keywords, with_xp_keywords
from phototag.metadata.fields import NewWords
from phototag.metadata.iptc import read_keywords
from phototag.metadata.jpeg import parse
from phototag.metadata.xmp import edit_subject, read_subject
from tests.metadata.files import camera_jpeg, packet, segment, subject, with_segments, with_xmp
from tests.metadata.variants import VARIANTS

_IPTC = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x19\0\x04Anna\0")
_PACKET = packet("<xmp:Rating>5</xmp:Rating>" + subject("Anna", "犬"), attributes=' xmp:Label="x"')
_JPEGS = [
    camera_jpeg(),
    with_xmp(_PACKET),
    with_segments(*(part.raw for part in parse(camera_jpeg()).segments if part.is_exif), _IPTC, trailer=camera_jpeg()),
]
_BLOCK = with_xp_keywords(
    next(part for part in parse(camera_jpeg()).segments if part.is_exif).payload[6:], ["Anna", "犬"]
)

_EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.binary(max_size=4)), max_size=6)
_quick = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _mutate(data: bytes, edits: list[tuple[float, int, bytes]], reach: int) -> bytes:
    """Replace a few stretches of the first `reach` bytes: longer, shorter or of the same length."""
    for place, length, new in edits:
        at = int(place * min(reach, len(data)))
        data = data[:at] + new + data[at + length :]
    return data


@_quick
@given(st.sampled_from(_JPEGS), _EDITS)
def test_a_mutated_jpeg_is_written_provably_or_refused(data: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    _write_or_refuse(_mutate(data, edits, reach=1500))


@_quick
@given(_EDITS)
def test_a_mutated_exif_block_is_extended_or_refused(edits: list[tuple[float, int, bytes]]) -> None:
    block = _mutate(_BLOCK, edits, reach=len(_BLOCK))
    try:
        grown = with_xp_keywords(block, ["dog"])
    except MetadataError:
        return
    assert read_xp_keywords(grown) == ("dog",)
    assert grown[8 : len(block)] == block[8:]


@_quick
@given(_EDITS)
def test_a_mutated_packet_is_edited_or_refused(edits: list[tuple[float, int, bytes]]) -> None:
    mutated = _mutate(_PACKET, edits, reach=len(_PACKET))
    try:
        words = (*read_subject(mutated), "new")
        after = edit_subject(mutated, words)
    except MetadataError:
        return
    assert read_subject(after)[-1] == "new"


@_quick
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    read_keywords([data, b"8BIM\x04\x04\0\0" + data])
    for read in (read_xp_keywords, read_subject, parse):
        for prefix in (b"", b"II*\0\x08\0\0\0", b"<a>", b"\xff\xd8\xff"):
            try:
                read(prefix + data)
            except MetadataError:
                continue


@_quick
@given(st.sampled_from(sorted(VARIANTS)), _EDITS)
def test_a_mutated_photo_of_another_format_is_written_provably_or_refused(
    name: str, edits: list[tuple[float, int, bytes]]
) -> None:
    _write_or_refuse(_mutate(VARIANTS[name], edits, reach=len(VARIANTS[name])))


@_quick
@given(st.sampled_from([png.parse, webp.parse, tiff.parse]), st.binary(max_size=200))
def test_arbitrary_bytes_behind_a_right_beginning_are_read_or_refused(
    parse_one: Callable[[bytes], object], data: bytes
) -> None:
    beginnings = (b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08")
    for beginning in beginnings:
        try:
            parse_one(beginning + data)
        except MetadataError:
            continue


def _pages(count: int, entries: int) -> bytes:
    """A TIFF whose directories overlap, so that a small file seems to hold very many entries."""
    ifd = struct.pack("<H", entries) + b"\0\1\3\0\1\0\0\0\0\0\0\0" * entries
    data = b"II*\0\x08\0\0\0"
    for _ in range(count):
        data += ifd + struct.pack("<I", len(data) + len(ifd) + 4)
    return data + b"\0\0\0\0\0\0"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_pages(300, 1000), id="300,000 entries"),
        pytest.param(_pages(10_001, 1), id="10,001 pages"),
        pytest.param(
            b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x0111, 4, 2_000_000, 26) + b"\0" * 8_000_100,
            id="2,000,000 strips",
        ),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0tEXt\0\0\0\0" * 200_001, id="200,001 PNG chunks"),
        pytest.param(
            b"RIFF" + struct.pack("<I", 8 * 200_001 + 4) + b"WEBP" + b"XXXX\0\0\0\0" * 200_001, id="200,001 WebP chunks"
        ),
    ],
)
def test_what_would_take_too_long_is_refused(data: bytes) -> None:
    with pytest.raises(MetadataError, match=r"too many|more than"):
        formats.parse(data)


def test_broken_photos_are_refused_or_written_provably(real_photos: Path) -> None:
    for path in sorted((real_photos / "broken").iterdir()):
        _write_or_refuse(path.read_bytes())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_mutated_real_photos_are_refused_or_written_provably(real_photos: Path, data: st.DataObject) -> None:
    sources = sorted((real_photos / "metadata" / "exiftool-t").glob("*.jpg"))
    if not sources:
        pytest.skip("no camera files among the real photos")
    original = data.draw(st.sampled_from(sources)).read_bytes()
    _write_or_refuse(_mutate(original, data.draw(_EDITS), reach=4000))


def _write_or_refuse(data: bytes) -> None:
    """Compose as the writer does; what comes out must be provable but for the refusals of the proof itself."""
    try:
        photo = formats.parse(data)
    except MetadataError:
        return
    fields = formats.fields_of(photo)
    subject_words = (*fields.subject, "dog")
    for xp in ((*fields.xp, "dog"), None):
        try:
            formats.write(photo, data, NewWords(subject_words, xp))
        except MetadataError:
            continue
