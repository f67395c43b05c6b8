"""TIFF: by appending alone, and photos only."""

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from phototag.errors import MetadataError
from phototag.metadata.fields import NewWords
from phototag.metadata.proof import prove_tiff
from phototag.metadata.tiff import compose, fields_of, parse
from tests.metadata.files import tag
from tests.metadata.variants import TIFFS
from tests.photos import make_dng, make_photo, picture

_DOG = NewWords(("dog",), ("dog",))
_IPTC = b"\x1c\x02\x19\0\x04Anna"


@pytest.mark.parametrize("name", TIFFS)
def test_every_byte_but_the_pointer_to_the_first_directory_keeps_its_place(name: str) -> None:
    photo = TIFFS[name]

    new = compose(parse(photo), _DOG)

    assert new[:4] == photo[:4]
    assert new[8 : len(photo)] == photo[8:]
    assert fields_of(parse(new)).subject == fields_of(parse(new)).xp == ("dog",)
    prove_tiff(photo, new, _DOG)


def test_iptc_keywords_are_read() -> None:
    photo = make_photo("TIFF", tiffinfo={33723: _IPTC, 34377: b"8BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x19\0\x04Otto\0"})

    assert fields_of(parse(photo)).others == ("Anna", "Otto")


def _with_entry(tag_number: int, value: int) -> bytes:
    """A TIFF with an entry of its first directory set to a value."""
    data = bytearray(make_photo("TIFF", tiffinfo={254: 0}))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for place in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, place)[0] == tag_number:
            struct.pack_into("<I", data, place + 8, value)
    return bytes(data)


def _big_tiff() -> bytes:
    buffer = BytesIO()
    picture().save(buffer, "TIFF", big_tiff=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        pytest.param(_big_tiff(), "BigTIFF", id="BigTIFF"),
        pytest.param(make_dng(), "RAW", id="DNG called TIFF"),
        pytest.param(b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 12, "RAW", id="CR2 called TIFF"),
        pytest.param(_with_entry(254, 1), "preview", id="a preview first"),
        pytest.param(_with_entry(262, 32803), "sensor", id="a sensor's mosaic"),
        pytest.param(_with_entry(262, 34892), "sensor", id="a sensor's linear values"),
        pytest.param(_with_entry(259, 34713), "compressed as no TIFF", id="a compression of RAW photos"),
        pytest.param(make_photo("TIFF")[:-50], "malformed TIFF", id="cut short"),
        pytest.param(b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "malformed TIFF", id="a chain in a circle"),
    ],
)
def test_what_is_no_plain_photo_is_refused(photo: bytes, reason: str) -> None:
    with pytest.raises(MetadataError, match=reason):
        parse(photo)


def _cloud_layout() -> bytes:
    photo = make_photo("TIFF")
    at = len(photo) + len(photo) % 2
    first = int.from_bytes(photo[4:8], "little")
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE="
    moved = photo[first:]
    assert first == 8
    return photo[:4] + at.to_bytes(4, "little") + ghost + photo[8 + len(ghost) :].ljust(at - 8 - len(ghost)) + moved


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        pytest.param(make_photo("TIFF") + b"AXS!\0\0\0\0\0\0\0\0", "AFCP", id="an AFCP trailer"),
        pytest.param(make_photo("TIFF") + b"....cbipcbbl", "trailer", id="a Photo Mechanic trailer"),
        pytest.param(_cloud_layout(), "network", id="cloud-optimized"),
        pytest.param(make_photo("TIFF", tiffinfo={52545: b"jumb"}), "C2PA", id="content credentials"),
    ],
)
def test_what_counts_on_the_whole_file_is_refused(photo: bytes, reason: str) -> None:
    with pytest.raises(MetadataError, match=reason):
        compose(parse(photo), _DOG)


@pytest.mark.parametrize("name", ["IMG.dng", "IMG.nef", "IMG.jpg", "IMG"])
def test_what_is_tiff_inside_and_not_called_so_gets_a_sidecar(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(make_photo("TIFF"))

    assert tag(path, ["dog"]).where == "sidecar"
    assert path.read_bytes() == make_photo("TIFF")


def test_the_pages_behind_the_first_are_found_again() -> None:
    photo = TIFFS["tiff-three-pages"]

    with Image.open(BytesIO(compose(parse(photo), _DOG))) as image:
        assert getattr(image, "n_frames", 1) == 3
