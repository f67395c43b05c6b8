"""XPKeywords by appending."""

import struct
from typing import Literal

import piexif
import pytest

from phototag.errors import MetadataError
from phototag.metadata.exif import XP_KEYWORDS, can_hold, new_block, read_xp_keywords, with_xp_keywords
from tests.photos import make_jpeg

_MAKER_NOTE = bytes(range(256)) * 4


def _camera_block(order: Literal["<", ">"] = ">") -> bytes:
    """IFD0 with make and Exif pointer, an Exif IFD with a maker note, IFD1 with a thumbnail. Big-endian by piexif."""
    block: bytes = piexif.dump(
        {
            "0th": {piexif.ImageIFD.Make: b"Acme", piexif.ImageIFD.Orientation: 6},
            "Exif": {piexif.ExifIFD.MakerNote: _MAKER_NOTE},
            "1st": {piexif.ImageIFD.Make: b"Acme", piexif.ImageIFD.Compression: 6},
            "thumbnail": make_jpeg(size=(16, 16)),
        }
    ).removeprefix(b"Exif\0\0")
    return block if order == ">" else _little_block()


def _little_block() -> bytes:
    """Little-endian: IFD0 with a make and an Exif pointer, the Exif IFD with a maker note at its end."""
    exif_at, note_at = 64, 100
    ifd0 = struct.pack("<HHHI4sHHIIII", 2, 0x010F, 2, 4, b"Acm\0", 0x8769, 4, 1, exif_at, 0, 0)
    exif = struct.pack("<HHHIII", 1, 0x927C, 7, len(_MAKER_NOTE), note_at, 0)
    return (b"II*\0\x08\0\0\0" + ifd0).ljust(exif_at, b"\0") + exif.ljust(note_at - exif_at, b"\0") + _MAKER_NOTE


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_every_byte_but_the_pointer_to_the_first_directory_keeps_its_place(order: Literal["<", ">"]) -> None:
    block = _camera_block(order)

    grown = with_xp_keywords(block, ["dog", "犬"])

    assert grown[:4] == block[:4]
    assert grown[8 : len(block)] == block[8:]
    assert read_xp_keywords(grown) == ("dog", "犬")
    tags = piexif.load(grown)
    assert tags["Exif"][piexif.ExifIFD.MakerNote] == _MAKER_NOTE
    assert tags["0th"].pop(XP_KEYWORDS)
    assert tags == piexif.load(block)


def test_words_are_replaced_and_taken_out() -> None:
    block = with_xp_keywords(_camera_block(), ["dog"])

    assert read_xp_keywords(with_xp_keywords(block, ["cat", "dog"])) == ("cat", "dog")
    without = with_xp_keywords(block, [])
    assert read_xp_keywords(without) == ()
    assert XP_KEYWORDS not in piexif.load(without)["0th"]


def test_a_photo_without_exif_gets_a_block_with_nothing_else() -> None:
    tags = piexif.load(new_block(["dog", "cat"]))

    assert bytes(tags["0th"].pop(XP_KEYWORDS)).decode("utf-16-le") == "dog;cat\0"
    assert not any(tags.values())


def _unsorted() -> bytes:
    entries = [struct.pack("<HHII", tag, 4, 1, 1) for tag in (0x0100, 0xA000, 0x0101)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + b"".join(entries) + b"\0\0\0\0"


def test_the_order_of_a_camera_that_does_not_sort_is_kept() -> None:
    grown = with_xp_keywords(_unsorted(), ["dog"])

    (at,) = struct.unpack_from("<I", grown, 4)
    tags = [struct.unpack_from("<H", grown, at + 2 + 12 * n)[0] for n in range(4)]
    assert tags == [0x0100, XP_KEYWORDS, 0xA000, 0x0101]


def _one_entry(tag: int, kind: int, count: int, value: int, next_ifd: int = 0) -> bytes:
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, tag, kind, count, value, next_ifd)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"II*\0", id="header cut short"),
        pytest.param(b"II*\0\xff\xff\0\0", id="first directory outside"),
        pytest.param(b"II*\0\x08\0\0\0\xff\xff", id="directory past the end"),
        pytest.param(_one_entry(0x010F, 2, 100, 26), id="value past the end"),
        pytest.param(_one_entry(0x010F, 99, 1, 0), id="unknown type"),
        pytest.param(_one_entry(0x0100, 4, 0xFFFFFFFF, 8), id="a value of 16 GB"),
        pytest.param(_one_entry(0x8769, 4, 1, 8), id="a directory inside itself"),
        pytest.param(_one_entry(0x0100, 4, 1, 1, next_ifd=8), id="a chain in a circle"),
        pytest.param(_one_entry(0x8825, 4, 1, 0), id="a directory at nothing"),
        pytest.param(_one_entry(XP_KEYWORDS, 2, 4, 0), id="XPKeywords of another type"),
        pytest.param(_one_entry(XP_KEYWORDS, 1, 2, 0xD800), id="XPKeywords that is not UTF-16"),
        pytest.param(_camera_block() + b"\0" * 65000, id="no room"),
    ],
)
def test_a_block_that_cannot_be_extended_safely_is_refused(block: bytes) -> None:
    with pytest.raises(MetadataError):
        with_xp_keywords(block, ["dog"])


def test_only_words_that_read_back_are_put_there() -> None:
    assert can_hold("naïve 犬 c, d")
    assert not can_hold("a;b")
    assert not can_hold("🐶")


def test_a_directory_begins_on_an_even_offset_even_behind_a_block_of_odd_length() -> None:
    grown = with_xp_keywords(_camera_block("<") + b"x", ["dog"])

    assert int.from_bytes(grown[4:8], "little") % 2 == 0
    assert read_xp_keywords(grown) == ("dog",)
