"""IPTC keywords: where they are written, in which encoding, and that all else stays."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from phototag.errors import MetadataError
from phototag.metadata import open_writer
from phototag.metadata.iptc import can_hold, edit_keywords, holds_ascii_alone, read_keywords
from phototag.metadata.proof.iptc import prove_iptc
from tests.metadata.files import remembered, segment, tag, with_segments

_HEADER = b"Photoshop 3.0\0"
_UTF8 = b"\x1c\x01\x5a\0\3\x1b%G"


def _set(number: int, value: bytes) -> bytes:
    return bytes([0x1C, 2, number]) + len(value).to_bytes(2, "big") + value


def _resource(number: int, data: bytes, name: bytes = b"\0\0") -> bytes:
    return b"8BIM" + number.to_bytes(2, "big") + name + len(data).to_bytes(4, "big") + data + b"\0" * (len(data) % 2)


def _photoshop(block: bytes, digest: bytes | None = None) -> bytes:
    digest = hashlib.md5(block).digest() if digest is None else digest
    others = _resource(0x03ED, b"resolution", name=b"\3abc"), _resource(0x0425, digest)
    return _HEADER + others[0] + _resource(0x0404, block) + others[1]


_PLAIN = _set(0, b"\0\4") + _set(5, b"title") + _set(25, b"Anna") + _set(120, b"caption")


def test_words_follow_those_that_are_there_and_the_digest_is_kept_right() -> None:
    new = edit_keywords(_photoshop(_PLAIN), ["Anna", "dog"])

    expected = _set(0, b"\0\4") + _set(5, b"title") + _set(25, b"Anna") + _set(25, b"dog") + _set(120, b"caption")
    assert new == _photoshop(expected)
    prove_iptc(_photoshop(_PLAIN), new, ["Anna", "dog"])


def test_a_digest_that_was_wrong_stays_for_it_tells_of_a_change_by_others() -> None:
    old = _photoshop(_PLAIN, digest=b"0123456789abcdef")

    new = edit_keywords(old, ["Anna", "dog"])

    assert b"0123456789abcdef" in new
    prove_iptc(old, new, ["Anna", "dog"])


def test_the_encoding_is_declared_where_a_word_needs_it_and_no_other_text_would_change() -> None:
    assert holds_ascii_alone([_photoshop(_PLAIN)]) is False
    assert _UTF8 not in edit_keywords(_photoshop(_PLAIN), ["Anna", "dog"])

    new = edit_keywords(_photoshop(_PLAIN), ["Anna", "犬"])

    assert new.count(_UTF8) == 1
    assert read_keywords([new]) == ("Anna", "犬")
    prove_iptc(_photoshop(_PLAIN), new, ["Anna", "犬"])


@pytest.mark.parametrize(
    ("block", "ascii_alone"),
    [
        pytest.param(_UTF8 + _set(5, "tïtle".encode()), False, id="declared UTF-8"),
        pytest.param(_set(5, "tïtle".encode()), True, id="UTF-8 that is not declared"),
        pytest.param(_set(5, b"t\xeftle"), True, id="Latin"),
        pytest.param(b"\x1c\x01\x5a\0\3\x1b.A" + _set(5, b"title"), True, id="another declared encoding"),
        pytest.param(b"", False, id="an empty block"),
        pytest.param(_set(0, b"\0\xff") + _set(202, b"\xff\xd8"), False, id="bytes that are no text"),
    ],
)
def test_where_the_encoding_is_not_known_only_ascii_is_added(block: bytes, ascii_alone: bool) -> None:
    assert holds_ascii_alone([_photoshop(block)]) is ascii_alone
    assert can_hold("犬", ascii_alone=ascii_alone) is not ascii_alone
    assert can_hold("dog", ascii_alone=ascii_alone)


def test_a_word_longer_than_the_standard_allows_is_left_out() -> None:
    assert can_hold("a" * 64, ascii_alone=False)
    assert not can_hold("a" * 65, ascii_alone=False)
    assert not can_hold("犬" * 22, ascii_alone=False)


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([], id="no segment"),
        pytest.param([_photoshop(_PLAIN)] * 2, id="two segments"),
        pytest.param([_HEADER + _resource(0x03ED, b"1234")], id="no block"),
        pytest.param([_photoshop(_PLAIN) + _resource(0x0404, _PLAIN)], id="two blocks"),
        pytest.param([_photoshop(_PLAIN)[:-3]], id="cut short"),
        pytest.param([_photoshop(_PLAIN + b"\x1c\x02\x19\0\xff")], id="a data set past the end"),
        pytest.param([_photoshop(_PLAIN) + b"junk"], id="junk behind"),
    ],
)
def test_what_is_not_understood_whole_is_not_written(payloads: list[bytes]) -> None:
    assert holds_ascii_alone(payloads) is None


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        pytest.param(b"resolution", b"Resolution", "another Photoshop resource", id="a resource"),
        pytest.param(_set(5, b"title"), _set(5, b"tight"), "another IPTC data set|digest", id="a data set"),
        pytest.param(_set(25, b"dog"), _set(25, b"dig"), "read back|digest", id="a keyword"),
        pytest.param(b"8BIM", b"8BIN", "read back", id="a mark"),
    ],
)
def test_a_wrong_write_is_caught(old: bytes, new: bytes, check: str) -> None:
    written = edit_keywords(_photoshop(_PLAIN), ["Anna", "dog"])

    with pytest.raises(MetadataError, match=f"proof failed.*({check})"):
        prove_iptc(_photoshop(_PLAIN), written.replace(old, new, 1), ["Anna", "dog"])


def _photo(tmp_path: Path, block: bytes) -> Path:
    path = tmp_path / "IMG.jpg"
    path.write_bytes(with_segments(segment(0xED, _photoshop(block))))
    return path


def test_words_go_into_iptc_and_out_of_it_again(tmp_path: Path) -> None:
    path = _photo(tmp_path, _PLAIN)

    first = tag(path, ["dog", "犬"])
    assert _set(25, "犬".encode()) in path.read_bytes()
    second = tag(path, ["dog"], remembered(first))
    assert _set(25, "犬".encode()) not in path.read_bytes()

    assert second.removed == {"犬"}
    assert tag(path, ["dog"], remembered(second)).data is None
    assert open_writer().read(str(path)).photo == ("Anna", "dog")


def test_a_block_that_cannot_be_written_is_left_alone_and_the_rest_is_written(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    iptc = segment(0xED, _photoshop(_PLAIN))
    path.write_bytes(with_segments(segment(0xE2, b"MPF\0index"), iptc))

    plan = tag(path, ["dog"])

    assert plan.where == "photo"
    assert iptc in path.read_bytes()
    assert open_writer().read(str(path)).photo == ("Anna", "dog")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
def test_exiftool_reads_iptc_and_its_digest_as_right(tmp_path: Path) -> None:
    path = _photo(tmp_path, _PLAIN)
    words = ["naïve", "犬", "c, d", "a;b"]
    tag(path, words)

    command = ["exiftool", "-j", "-IPTC:Keywords", "-IPTCDigest", "-CurrentIPTCDigest", "-Warning", str(path)]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    assert tags["Keywords"] == ["Anna", *words]
    assert tags["IPTCDigest"] == tags["CurrentIPTCDigest"]
    assert "Warning" not in tags
