"""The proofs of PNG, WebP and TIFF catch whatever a writer might do wrong."""

import zlib
from collections.abc import Callable

import pytest

from phototag.errors import MetadataError
from phototag.metadata import png, tiff, webp
from phototag.metadata.fields import NewWords
from phototag.metadata.proof import prove_png, prove_tiff, prove_webp
from tests.metadata.variants import EXIF, PACKET, make_png
from tests.photos import make_photo

_WORDS = NewWords(("Anna", "dog"), ("dog",))


def _rechecked(photo: bytes) -> bytes:
    """A PNG with the checksums of its chunks made right again."""
    data, at = photo[:8], 8
    while at < len(photo):
        end = at + 12 + int.from_bytes(photo[at : at + 4], "big")
        data += photo[at : end - 4] + zlib.crc32(photo[at + 4 : end - 4]).to_bytes(4, "big")
        at = end
    return data


_OLD_PNG = make_png(xmp=PACKET, exif=EXIF)
_NEW_PNG = png.compose(png.parse(_OLD_PNG), _WORDS)
_OLD_WEBP = make_photo("WEBP", xmp=PACKET, exif=EXIF)
_NEW_WEBP = webp.compose(webp.parse(_OLD_WEBP), _WORDS)
_SIMPLE = make_photo("WEBP")
_OLD_TIFF = make_photo("TIFF", tiffinfo={700: PACKET, 315: "Acme"})
_NEW_TIFF = tiff.compose(tiff.parse(_OLD_TIFF), _WORDS)


def _without_iend(photo: bytes) -> bytes:
    return photo[:-12]


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        pytest.param(lambda new: new.replace(b"IDAT", b"IDAt"), "another chunk", id="a chunk's name"),
        pytest.param(lambda new: new[:-13] + b"?" + new[-12:], "another chunk", id="a byte of the image"),
        pytest.param(lambda new: new + b"!", "another chunk", id="a new trailer"),
        pytest.param(lambda new: new.replace(b"Anna", b"Anno"), "checksum", id="a checksum"),
        pytest.param(lambda new: _rechecked(new.replace(b">Anna", b">Anno")), "from XMP", id="a keyword"),
        pytest.param(lambda new: _rechecked(new.replace(b"Rating>5", b"Rating>1")), "XMP property", id="a property"),
        pytest.param(lambda new: _rechecked(new.replace(b"Acme", b"Bcme")), "EXIF tag", id="an EXIF value"),
        pytest.param(lambda new: new.replace(b"\x89PNG", b"\x88PNG"), "begin", id="the signature"),
        pytest.param(_without_iend, "read back", id="the end"),
    ],
)
def test_a_wrong_png_is_caught_and_named(damage: Callable[[bytes], bytes], check: str) -> None:
    prove_png(_OLD_PNG, _NEW_PNG, _WORDS)
    damaged = damage(_NEW_PNG)
    assert damaged != _NEW_PNG

    with pytest.raises(MetadataError, match=f"proof failed.*{check}"):
        prove_png(_OLD_PNG, damaged, _WORDS)


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        pytest.param(lambda new: new.replace(b"VP8 ", b"VP9 "), "another chunk", id="a chunk's name"),
        pytest.param(lambda new: new[:24] + b"\1" + new[25:], "header", id="the canvas"),
        pytest.param(lambda new: new[:20] + b"\0" + new[21:], "header", id="the flags"),
        pytest.param(lambda new: new[:4] + b"\xff\xff\xff\0" + new[8:], "length", id="the length"),
        pytest.param(lambda new: new.replace(b">Anna", b">Anno"), "from XMP", id="a keyword"),
        pytest.param(lambda new: new.replace(b"Acme", b"Bcme"), "EXIF tag", id="an EXIF value"),
        pytest.param(lambda new: new + b"!", "another chunk", id="a new trailer"),
    ],
)
def test_a_wrong_webp_is_caught_and_named(damage: Callable[[bytes], bytes], check: str) -> None:
    prove_webp(_OLD_WEBP, _NEW_WEBP, _WORDS)
    damaged = damage(_NEW_WEBP)
    assert damaged != _NEW_WEBP

    with pytest.raises(MetadataError, match=f"proof failed.*{check}"):
        prove_webp(_OLD_WEBP, damaged, _WORDS)


@pytest.mark.parametrize("place", [20, 24, 27], ids=["the flags", "the width", "the height"])
def test_a_new_webp_header_must_be_that_of_the_picture(place: int) -> None:
    new = bytearray(webp.compose(webp.parse(_SIMPLE), NewWords(("dog",))))
    new[place] ^= 0x10

    with pytest.raises(MetadataError, match=r"proof failed.*header"):
        prove_webp(_SIMPLE, bytes(new), NewWords(("dog",)))


def test_a_webp_with_xmp_needs_the_header() -> None:
    body = _SIMPLE[8:] + b"XMP " + len(PACKET).to_bytes(4, "little") + PACKET + b"\0" * (len(PACKET) % 2)
    new = b"RIFF" + len(body).to_bytes(4, "little") + body

    with pytest.raises(MetadataError, match=r"proof failed.*header"):
        prove_webp(_SIMPLE, new, NewWords(("Anna",)))


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        pytest.param(lambda new: new[:100] + b"?" + new[101:], "moved", id="a byte of the file"),
        pytest.param(lambda new: new[: len(_OLD_TIFF) - 9], "moved", id="cut short"),
        pytest.param(lambda new: _OLD_TIFF + b"\0" * 99, "behind the file", id="not pointed to"),
        pytest.param(lambda new: new[:-9].replace(b">dog<", b">dig<") + new[-9:], "from XMP", id="a keyword"),
        pytest.param(lambda new: new.replace(b"d\0o\0g", b"d\0i\0g"), "XPKeywords", id="an EXIF keyword"),
        pytest.param(lambda new: new + b"\0" * 2**27, "plausible", id="too long"),
    ],
)
def test_a_wrong_tiff_is_caught_and_named(damage: Callable[[bytes], bytes], check: str) -> None:
    prove_tiff(_OLD_TIFF, _NEW_TIFF, _WORDS)
    damaged = damage(_NEW_TIFF)
    assert damaged != _NEW_TIFF

    with pytest.raises(MetadataError, match=f"proof failed.*{check}"):
        prove_tiff(_OLD_TIFF, damaged, _WORDS)


def test_every_other_entry_of_a_tiffs_first_directory_is_compared() -> None:
    new = bytearray(_NEW_TIFF)
    at = int.from_bytes(new[4:8], "little")
    new[at + 2 + 8] ^= 1

    with pytest.raises(MetadataError, match=r"proof failed.*another entry"):
        prove_tiff(_OLD_TIFF, bytes(new), _WORDS)
