"""PNG: where words go, and what pins their place."""

import zlib

import pytest

from phototag.errors import MetadataError
from phototag.metadata.fields import NewWords
from phototag.metadata.png import Chunk, Png, compose, fields_of, parse
from phototag.metadata.proof import prove_png
from tests.metadata.files import packet, subject
from tests.metadata.variants import EXIF, PACKET, make_png
from tests.photos import make_animation

_DOG = NewWords(("dog",))


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _insert(photo: bytes, *chunks: bytes, before: bytes) -> bytes:
    at = photo.index(before) - 4
    return photo[:at] + b"".join(chunks) + photo[at:]


def _kinds(photo: bytes) -> list[bytes]:
    return [chunk.kind for chunk in parse(photo).chunks]


def _xmp(properties: str, padding: int = 0) -> bytes:
    return _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet(properties, padding=padding))


@pytest.mark.parametrize(
    ("photo", "kinds"),
    [
        pytest.param(make_png(), [b"IHDR", b"iTXt", b"IDAT", b"IEND"], id="before the image"),
        pytest.param(
            _insert(make_png(), _chunk(b"iDOT", b"apple"), before=b"IDAT"),
            [b"IHDR", b"iTXt", b"iDOT", b"IDAT", b"IEND"],
            id="before Apple's chunk",
        ),
        pytest.param(
            make_animation("PNG"),
            [b"IHDR", b"acTL", b"iTXt", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"IEND"],
            id="before the first frame",
        ),
        pytest.param(
            _insert(make_png(), _xmp(""), _chunk(b"eXIf", EXIF[6:]), before=b"IEND"),
            [b"IHDR", b"IDAT", b"iTXt", b"eXIf", b"IEND"],
            id="where it is, behind the image",
        ),
    ],
)
def test_the_packet_stands_where_it_counts_for_nothing(photo: bytes, kinds: list[bytes]) -> None:
    new = compose(parse(photo), _DOG)

    assert _kinds(new) == kinds
    assert fields_of(parse(new)).subject == ("dog",)
    prove_png(photo, new, _DOG)


def test_unknown_chunks_and_what_trails_them_stay_in_order() -> None:
    photo = _insert(make_png(), _chunk(b"prVt", b"1"), _chunk(b"prVU", b"2"), before=b"IDAT") + b"trailer"

    new = compose(parse(photo), _DOG)

    rest = [chunk for chunk in parse(new).chunks if not chunk.is_xmp]
    assert Png(tuple(rest), parse(new).tail).to_bytes() == photo


def test_the_words_of_a_compressed_packet_are_read_and_the_packet_is_written_plainly() -> None:
    photo = make_png(xmp=PACKET, zipped=True)

    assert fields_of(parse(photo)).subject == ("Anna",)
    new = compose(parse(photo), NewWords(("Anna", "dog")))

    assert b"<rdf:li>dog</rdf:li>" in new
    prove_png(photo, new, NewWords(("Anna", "dog")))


def test_exif_is_extended_where_it_is_and_never_created() -> None:
    photo = make_png(exif=EXIF)
    assert fields_of(parse(photo)).takes_xp
    words = NewWords(("dog",), ("dog",))

    prove_png(photo, compose(parse(photo), words), words)

    assert not fields_of(parse(make_png())).takes_xp
    with pytest.raises(MetadataError, match="eXIf"):
        compose(parse(make_png()), words)


def test_a_packet_that_apples_chunk_counts_takes_the_words_into_its_padding() -> None:
    photo = _insert(make_png(), _chunk(b"iDOT", b"apple"), _xmp("", padding=2000), before=b"IDAT")

    new = compose(parse(photo), _DOG)

    assert len(new) == len(photo)
    prove_png(photo, new, _DOG)


def test_a_bomb_of_a_compressed_packet_reads_as_damaged() -> None:
    bomb = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 2**25)
    photo = _insert(make_png(), _chunk(b"iTXt", bomb), before=b"IDAT")

    assert fields_of(parse(photo)).damage


_APPLE = _chunk(b"iDOT", b"apple")
_BAD_SUM = _xmp("")[:-1] + b"?"


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        pytest.param(_insert(make_png(), _chunk(b"caBX", b"jumb"), before=b"IDAT"), "C2PA", id="content credentials"),
        pytest.param(make_png() + b"AXS!....AXS!", "AFCP", id="an AFCP trailer"),
        pytest.param(_insert(make_png(), _APPLE, _xmp(""), before=b"IDAT"), "padding", id="counted, no padding"),
        pytest.param(_insert(make_png(), _BAD_SUM, before=b"IDAT"), "checksum", id="a wrong checksum"),
        pytest.param(
            _insert(make_png(), _chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0junk"), before=b"IDAT"),
            "XMP refused",
            id="a packet that does not unpack",
        ),
    ],
)
def test_a_photo_that_cannot_take_words_without_risk_is_refused_with_the_reason(photo: bytes, reason: str) -> None:
    with pytest.raises(MetadataError, match=reason):
        compose(parse(photo), _DOG)


@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(make_png()[:8], id="a signature alone"),
        pytest.param(make_png()[:-1], id="cut short"),
        pytest.param(make_png()[:8] + _chunk(b"CgBI", b"1234") + make_png()[8:], id="Apple's own kind of PNG"),
        pytest.param(make_png()[:33] + _chunk(b"IEND"), id="no image"),
        pytest.param(make_png().replace(b"IDAT", b"I\0AT"), id="a chunk without a name"),
    ],
)
def test_what_is_not_well_formed_is_refused(photo: bytes) -> None:
    with pytest.raises(MetadataError, match="malformed PNG"):
        parse(photo)


def test_a_chunk_tells_what_it_holds() -> None:
    assert Chunk(b"eXIf", _chunk(b"eXIf", b"block")).data == b"block"
    assert not Chunk(b"iTXt", _chunk(b"iTXt", b"Comment\0\0\0\0\0" + subject("x").encode())).is_xmp
