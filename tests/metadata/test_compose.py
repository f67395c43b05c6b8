"""What may change in a JPEG, and what pins its bytes."""

import pytest

from phototag.errors import MetadataError
from phototag.metadata.compose import compose, fields_of
from phototag.metadata.fields import NewWords
from phototag.metadata.jpeg import BROKEN_XMP_HEADER, EXTENDED_XMP_HEADER, XMP_HEADER, app1, parse
from phototag.metadata.proof import prove_jpeg
from tests.metadata.files import camera_jpeg, packet, segment, subject, with_segments

_EXIF = next(part for part in parse(camera_jpeg()).segments if part.is_exif)
_MPF = segment(0xE2, b"MPF\0index")
_IPTC = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x19\0\x04Anna\0")


def _xmp(properties: str, padding: int = 0) -> bytes:
    return app1(XMP_HEADER + packet(properties, padding=padding)).raw


def test_every_field_is_read() -> None:
    broken = app1(BROKEN_XMP_HEADER + packet(subject("four"))).raw
    photo = with_segments(_xmp(subject("one")), _xmp(subject("three")), broken, _IPTC)

    fields = fields_of(parse(photo))

    assert fields.subject == ("one",)
    assert fields.iptc == ("Anna",)
    assert fields.others == ("three", "four")
    assert fields.all == ("one", "Anna", "three", "four")


def test_a_damaged_field_reads_as_empty() -> None:
    photo = with_segments(app1(XMP_HEADER + b"<x").raw, app1(b"Exif\0\0II*\0\xff\xff\xff\xff").raw, _IPTC)

    assert fields_of(parse(photo)).all == ("Anna",)


def test_new_segments_go_behind_exif_and_before_the_index_of_a_multi_picture_file() -> None:
    photo = with_segments(_EXIF.raw, _MPF, trailer=camera_jpeg())

    new = compose(parse(photo), NewWords(("dog",), ("dog",)))

    assert [part.payload[:4] for part in parse(new).segments[:3]] == [b"Exif", b"http", b"MPF\0"]
    prove_jpeg(photo, new, NewWords(("dog",), ("dog",)))


def test_a_packet_behind_the_index_takes_the_words_into_its_padding() -> None:
    photo = with_segments(_EXIF.raw, _MPF, _xmp("", padding=2000), trailer=camera_jpeg())

    new = compose(parse(photo), NewWords(("dog",), None))

    assert len(new) == len(photo)
    prove_jpeg(photo, new, NewWords(("dog",), None))


def _with_preview(pointer_from: int) -> bytes:
    """A photo with a preview behind the image; the EXIF block gives its distance from a place in the file."""
    photo = with_segments(_EXIF.raw, trailer=b"vendor\0" + camera_jpeg())
    trailer_at = photo.index(b"vendor\0") + 7
    place = (trailer_at - pointer_from).to_bytes(4, "big")
    block = app1(_EXIF.payload[:-4] + place).raw
    return photo.replace(_EXIF.raw, block)


_C2PA = segment(0xEB, b"JP\0\1\0\0\0\1....jumb....c2pa")
_EXTENSION = EXTENDED_XMP_HEADER + b"0" * 32 + b"\0\0\1\0" + b"\0\0\0\0" + b"<dc:subject>"


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        pytest.param(with_segments(_C2PA), "C2PA", id="content credentials"),
        pytest.param(with_segments(trailer=b"AXS!....AXS!\0\0\0\0\0\0\0\0"), "AFCP", id="an AFCP trailer"),
        pytest.param(with_segments(app1(_EXTENSION).raw), "extended", id="keywords in an extended packet"),
        pytest.param(with_segments(_EXIF.raw, _MPF, _xmp("")), "padding", id="a packet behind an index, no padding"),
        pytest.param(_with_preview(12), "behind the image", id="a preview found from the EXIF block"),
        pytest.param(_with_preview(0), "behind the image", id="a preview found from the beginning"),
        pytest.param(with_segments(_xmp("<dc:subject><xmp:a/></dc:subject>")), "plain words", id="odd keywords"),
        pytest.param(with_segments(_xmp("x" * 65000)), "no room", id="a packet that is full"),
    ],
)
def test_a_photo_that_cannot_take_words_without_risk_is_refused_with_the_reason(photo: bytes, reason: str) -> None:
    with pytest.raises(MetadataError, match=reason):
        compose(parse(photo), NewWords(("dog" * 100,), None))


def test_exif_behind_the_index_or_in_two_segments_is_left_to_itself() -> None:
    for photo in (with_segments(_MPF, _EXIF.raw), with_segments(_EXIF.raw, _EXIF.raw)):
        with pytest.raises(MetadataError):
            compose(parse(photo), NewWords(("dog",), ("dog",)))
        prove_jpeg(photo, compose(parse(photo), NewWords(("dog",), None)), NewWords(("dog",), None))
