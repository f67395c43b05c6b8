"""The proof catches whatever a writer might do wrong."""

from collections.abc import Callable

import pytest

from phototag.errors import MetadataError
from phototag.metadata.compose import compose
from phototag.metadata.fields import NewWords
from phototag.metadata.jpeg import XMP_HEADER, app1, parse
from phototag.metadata.proof import prove_jpeg, prove_xmp
from tests.metadata.files import camera_jpeg, packet, segment, subject

_MPF = segment(0xE2, b"MPF\0index")
_OTHERS = segment(0xFE, b"comment") + segment(0xED, b"Photoshop 3.0\0")
_XMP = app1(XMP_HEADER + packet("<xmp:Rating>5</xmp:Rating>" + subject("Anna"))).raw


def _photo() -> bytes:
    photo = parse(camera_jpeg())
    head, rest = photo.segments[:2], photo.segments[2:]
    segments = [app1(part.payload + b"dead").raw if part.is_exif else part.raw for part in head]
    rear = b"".join(part.raw for part in rest) + photo.tail
    return b"\xff\xd8" + b"".join(segments) + _XMP + _MPF + _OTHERS + rear + b"trailer"


_OLD = _photo()  # its EXIF block ends with bytes that no tag owns, as maker notes do for all that piexif knows
_NEW = compose(parse(_OLD), NewWords(("Anna", "dog"), ("dog",)))


def test_a_right_write_passes() -> None:
    prove_jpeg(_OLD, _NEW, NewWords(("Anna", "dog"), ("dog",)))


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        pytest.param(lambda new: new[:-20] + b"\1" + new[-19:], "image data", id="a byte of the image"),
        pytest.param(lambda new: new[:-1], "image data", id="a trailer cut short"),
        pytest.param(lambda new: new.replace(b"comment", b"Comment"), "another segment", id="a comment"),
        pytest.param(lambda new: new.replace(_OTHERS, b""), "another segment", id="segments lost"),
        pytest.param(
            lambda new: new.replace(_MPF, b"").replace(_XMP[:2], _MPF + _XMP[:2], 1), "index", id="index moved"
        ),
        pytest.param(lambda new: new.replace(b"Acme", b"Bcme"), "EXIF tag", id="an EXIF value"),
        pytest.param(lambda new: new.replace(b"dead", b"DEAD"), "EXIF block moved", id="EXIF bytes nobody knows"),
        pytest.param(lambda new: new.replace(b"d\0o\0g", b"d\0i\0g"), "XPKeywords", id="an EXIF keyword"),
        pytest.param(lambda new: new.replace(b"Rating>5", b"Rating>1"), "XMP property", id="an XMP property"),
        pytest.param(lambda new: new.replace(b"uuid:1", b"uuid:2"), "XMP property", id="whom the XMP is about"),
        pytest.param(lambda new: new.replace(b">Anna<", b">Anno<"), "from XMP", id="a keyword of the owner's"),
        pytest.param(lambda new: new.replace(b"<x:xmpmeta", b"<y:xmpmeta"), "lxml", id="XMP that is not XML"),
        pytest.param(lambda new: b"\xff\xd8\xff\xe1", "read back", id="nothing but a beginning"),
    ],
)
def test_a_wrong_write_is_caught_and_named(damage: Callable[[bytes], bytes], check: str) -> None:
    damaged = damage(_NEW)
    assert damaged != _NEW

    with pytest.raises(MetadataError, match=f"proof failed.*{check}"):
        prove_jpeg(_OLD, damaged, NewWords(("Anna", "dog"), ("dog",)))


def test_a_single_byte_anywhere_in_the_image_data_is_noticed() -> None:
    old = camera_jpeg()
    long = old[:-2] + bytes(200_000) + old[-2:]
    new = compose(parse(long), NewWords(("dog",)))
    prove_jpeg(long, new, NewWords(("dog",)))
    for place in (-1, -3, -65_537, -65_538, -150_000, -200_002):
        wrong = bytearray(new)
        wrong[place] ^= 1
        with pytest.raises(MetadataError, match="image data differs"):
            prove_jpeg(long, bytes(wrong), NewWords(("dog",)))


def test_an_exif_block_that_was_to_be_left_alone_must_be_the_same() -> None:
    with pytest.raises(MetadataError, match="EXIF block differs"):
        prove_jpeg(_OLD, _NEW, NewWords(("Anna", "dog"), None))


def test_a_packet_must_hold_the_words_in_order() -> None:
    with pytest.raises(MetadataError, match="read back"):
        prove_xmp(None, packet(subject("a", "b")), NewWords(("b", "a")))
