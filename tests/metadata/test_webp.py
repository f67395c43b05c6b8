"""WebP: the extended header, the order of chunks, and what is refused."""

import pytest
from PIL import Image

from phototag.errors import MetadataError
from phototag.metadata.fields import NewWords
from phototag.metadata.proof import prove_webp
from phototag.metadata.webp import compose, fields_of, parse
from tests.metadata.variants import EXIF, WEBPS
from tests.photos import RED, make_photo

_DOG = NewWords(("dog",))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)


def _with(photo: bytes, *chunks: bytes) -> bytes:
    """The photo with chunks at its end."""
    body = photo[8:] + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("lossless", [False, True], ids=["lossy", "lossless"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (300, 7)], ids=str)
def test_the_header_that_a_simple_photo_gets_has_its_size_and_alpha(
    size: tuple[int, int], mode: str, lossless: bool
) -> None:
    photo = make_photo("WEBP", Image.new(mode, size, (*RED, 128)[: len(mode)]), lossless=lossless)

    (header, *rest) = parse(compose(parse(photo), _DOG)).chunks

    assert header.kind == b"VP8X"
    assert bool(header.data[0] & 0x10) == (mode == "RGBA")
    assert header.data[0] & 0x04
    assert int.from_bytes(header.data[4:7], "little") + 1 == size[0]
    assert int.from_bytes(header.data[7:10], "little") + 1 == size[1]
    assert rest[-1].kind == b"XMP "


def test_other_flags_and_chunks_stay_and_the_packet_goes_last() -> None:
    photo = _with(WEBPS["webp-exif"], _chunk(b"myCH", b"odd"))

    new = compose(parse(photo), _DOG)

    assert [chunk.kind for chunk in parse(new).chunks] == [b"VP8X", b"VP8 ", b"EXIF", b"myCH", b"XMP "]
    assert parse(new).chunks[0].data[0] == parse(photo).chunks[0].data[0] | 0x04
    assert int.from_bytes(new[4:8], "little") == len(new) - 8
    prove_webp(photo, new, _DOG)


@pytest.mark.parametrize("name", ["webp-exif", "webp-bare-exif"])
def test_exif_is_extended_where_it_is_and_keeps_its_header(name: str) -> None:
    words = NewWords(("dog",), ("dog",))
    new = compose(parse(WEBPS[name]), words)

    assert fields_of(parse(new)).xp == ("dog",)
    assert new.count(b"Exif\0\0") == WEBPS[name].count(b"Exif\0\0")
    prove_webp(WEBPS[name], new, words)


def test_exif_is_never_created() -> None:
    assert not fields_of(parse(WEBPS["webp-lossy"])).takes_xp
    with pytest.raises(MetadataError, match="EXIF"):
        compose(parse(WEBPS["webp-lossy"]), NewWords(("dog",), ("dog",)))


def test_content_credentials_are_refused() -> None:
    with pytest.raises(MetadataError, match="C2PA"):
        compose(parse(_with(WEBPS["webp-profile"], _chunk(b"C2PA", b"jumb"))), _DOG)


_SIMPLE = WEBPS["webp-lossy"]


@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(_SIMPLE[:-2], id="cut short"),
        pytest.param(_SIMPLE[:12], id="a header alone"),
        pytest.param(_SIMPLE[:4] + b"\4\0\0\0" + _SIMPLE[8:], id="no chunk"),
        pytest.param(_with(_SIMPLE, b"XXXX\xff\xff\xff\x7f"), id="a chunk past the end"),
        pytest.param(_with(_SIMPLE, _chunk(b"EXIF", EXIF)), id="EXIF that a simple photo does not announce"),
        pytest.param(_with(_SIMPLE).replace(b"VP8 ", b"VP9 "), id="an unknown picture"),
        pytest.param(b"RIFF\x14\0\0\0WEBPVP8X\x08\0\0\0" + b"\0" * 8, id="a header too short"),
    ],
)
def test_what_is_not_well_formed_is_refused(photo: bytes) -> None:
    with pytest.raises(MetadataError, match="malformed WebP"):
        parse(photo)


@pytest.mark.parametrize("kind", [b"VP8 ", b"VP8L"])
def test_a_simple_photo_whose_size_cannot_be_read_is_refused(kind: bytes) -> None:
    with pytest.raises(MetadataError, match="header"):
        compose(parse(_with(b"RIFF....WEBP", _chunk(kind, b"\1\2\3"))), _DOG)
