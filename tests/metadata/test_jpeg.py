"""Taking a JPEG apart and putting it together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phototag.errors import MetadataError
from phototag.metadata.jpeg import app1, end_of_image, parse
from tests.metadata.files import SOI, camera_jpeg, segment, with_segments


def test_a_photo_put_together_again_is_the_same_bytes() -> None:
    data = with_segments(
        segment(0xE1, b"Exif\0\0rest"),
        b"\xff\xff\xff" + segment(0xE2, b"fill bytes before it")[1:],
        b"\xff\x01",
        segment(0xED, b"Photoshop 3.0\0"),
        segment(0xFE, b"a comment"),
        trailer=b"\0\0motion photo" + camera_jpeg(),
    )

    assert parse(data).to_bytes() == data


def test_everything_from_the_first_scan_on_is_one_tail() -> None:
    data = with_segments(trailer=b"trailer")

    assert parse(data).tail.startswith(b"\xff\xda")
    assert parse(data).tail.endswith(b"\xff\xd9trailer")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="another format"),
        pytest.param(SOI + b"\xff", id="a marker cut short"),
        pytest.param(SOI + b"\xff\xe1\x00", id="a length cut short"),
        pytest.param(SOI + b"\xff\xe1\x00\x01", id="a length below two"),
        pytest.param(SOI + b"\xff\xe1\x00\x09Exif", id="a segment past the end"),
        pytest.param(SOI + segment(0xE0, b"JFIF\0"), id="no scan"),
        pytest.param(SOI + segment(0xE0, b"JFIF\0") + b"junk", id="junk between segments"),
        pytest.param(SOI + segment(0xE0, b"JFIF\0") + b"\xff\xd9", id="an end without a scan"),
        pytest.param(SOI + segment(0xE0, b"JFIF\0") + b"\xff\xd8", id="a second beginning"),
        pytest.param(SOI + segment(0xE0, b"") * 20_000, id="endless segments"),
    ],
)
def test_what_is_not_well_formed_before_the_image_is_refused(data: bytes) -> None:
    with pytest.raises(MetadataError):
        parse(data)


def test_a_segment_that_cannot_hold_its_payload_is_refused() -> None:
    assert len(app1(b"x" * 65533).raw) == 65537
    with pytest.raises(MetadataError, match="no room"):
        app1(b"x" * 65534)


_LONG = 131_072  # so many bytes are looked at in one go


@given(st.sampled_from([0, 1, _LONG - 3, _LONG - 2, _LONG - 1, _LONG, 2 * _LONG + 1]), st.binary(max_size=9))
def test_the_end_of_the_image_is_the_first_of_its_marks(before: int, after: bytes) -> None:
    tail = b"\xff" * before + b"\xd9\xff" + after
    assert end_of_image(tail) == tail.find(b"\xff\xd9")
    assert end_of_image(bytes(before)) == -1
