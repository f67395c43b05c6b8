"""Reading IPTC keywords."""

import pytest

from phototag.metadata.iptc import read_keywords


def _data_set(record: int, number: int, value: bytes) -> bytes:
    return bytes([0x1C, record, number]) + len(value).to_bytes(2, "big") + value


def _photoshop(block: bytes, number: int = 0x0404, name: bytes = b"\0\0") -> bytes:
    return b"8BIM" + number.to_bytes(2, "big") + name + len(block).to_bytes(4, "big") + block + b"\0" * (len(block) % 2)


_UTF8 = _data_set(1, 90, b"\x1b%G")


@pytest.mark.parametrize(
    ("block", "words"),
    [
        pytest.param(_data_set(2, 25, b"dog") + _data_set(2, 25, b"cat"), ("dog", "cat"), id="ascii"),
        pytest.param(_UTF8 + _data_set(2, 25, "café 犬".encode()), ("café 犬",), id="declared UTF-8"),
        pytest.param(_data_set(2, 25, "café".encode()), ("café",), id="UTF-8 that is not declared"),
        pytest.param(_data_set(2, 25, "café €".encode("cp1252")), ("café €",), id="Latin"),
        pytest.param(_data_set(2, 5, b"a title"), (), id="other fields"),
        pytest.param(_data_set(2, 25, b"dog") + b"\x1c\x02\x19\xff", ("dog",), id="cut short"),
        pytest.param(b"\x1c\x02\x19\x80\x02\x00\x03dog", ("dog",), id="an extended length"),
    ],
)
def test_keywords_are_read_in_either_encoding(block: bytes, words: tuple[str, ...]) -> None:
    first = _photoshop(b"other", number=0x0425, name=b"\x03abc")

    assert read_keywords([b"Photoshop 3.0\0" + first + _photoshop(block)]) == words


def test_a_resource_that_is_spread_over_two_segments_is_read_whole() -> None:
    resource = _photoshop(_data_set(2, 25, b"dog") + _data_set(2, 25, b"cat"))

    assert read_keywords([b"Photoshop 3.0\0" + resource[:15], b"Photoshop 3.0\0" + resource[15:]]) == ("dog", "cat")
