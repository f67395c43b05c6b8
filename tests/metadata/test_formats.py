"""Every format that is written inside: words in, pixels and everything else as they were; judged by other programs."""

import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from phototag.metadata import open_writer
from tests.metadata.files import packet, remembered, subject, tag
from tests.metadata.variants import PACKET, VARIANTS, ending_of, make_png
from tests.photos import make_photo

_WORDS = ["naïve café", "犬", "كلب", "🐶", "\"a\" 'b'", "a;b", "c, d", "x|y", "a/b", "R&B <b>"]

_EVERY = pytest.mark.parametrize("name", VARIANTS)


@pytest.fixture
def photo(tmp_path: Path, name: str) -> Path:
    path = tmp_path / f"IMG.{ending_of(name)}"
    path.write_bytes(VARIANTS[name])
    return path


def _frames(data: bytes) -> list[tuple[str, tuple[int, int], bytes]]:
    with Image.open(BytesIO(data)) as image:
        return [(frame.mode, frame.size, frame.tobytes()) for frame in ImageSequence.Iterator(image)]


@_EVERY
def test_a_photo_is_written_inside_and_keeps_its_pixels_and_a_second_run_writes_nothing(photo: Path) -> None:
    before = photo.read_bytes()
    held = open_writer().read(str(photo)).photo

    plan = tag(photo, ["dog", "犬"])
    again = tag(photo, ["dog", "犬"], remembered(plan))

    assert (plan.where, plan.note) == ("photo", "")
    assert plan.keywords == held
    assert open_writer().read(str(photo)).photo == (*held, "dog", "犬")
    assert _frames(photo.read_bytes()) == _frames(before)
    assert again.data is None


@_EVERY
def test_words_go_again_when_the_model_no_longer_stands_by_them(photo: Path) -> None:
    held = open_writer().read(str(photo)).photo
    first = tag(photo, ["dog", "cat"])

    tag(photo, [], remembered(first))

    assert open_writer().read(str(photo)).photo == held


@pytest.mark.parametrize("name", [name for name, data in VARIANTS.items() if PACKET in data or "zipped" in name])
def test_the_owners_packet_changes_at_its_keywords_alone(photo: Path) -> None:
    tag(photo, ["dog"])

    assert PACKET.replace(b"Anna</rdf:li>", b"Anna</rdf:li>\n     <rdf:li>dog</rdf:li>") in photo.read_bytes()


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
@pytest.mark.parametrize(
    "name", ["png-plain", "png-exif", "webp-lossy", "webp-exif", "tiff-RGB-None", "tiff-big-endian"]
)
def test_exiftool_reads_the_words_back_and_has_nothing_to_complain_of(photo: Path) -> None:
    tag(photo, _WORDS)

    command = ["exiftool", "-j", "-XMP-dc:Subject", "-Warning", "-Error", str(photo)]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    assert tags == {"SourceFile": str(photo), "Subject": _WORDS}


@pytest.mark.skipif(shutil.which("exiv2") is None, reason="needs exiv2")
@pytest.mark.parametrize(
    "name", ["png-plain", "png-exif", "webp-lossy", "webp-exif", "tiff-RGB-None", "tiff-big-endian"]
)
def test_exiv2_reads_the_words_back(photo: Path) -> None:
    tag(photo, _WORDS)

    run = subprocess.run(["exiv2", "-K", "Xmp.dc.subject", "-Pt", str(photo)], capture_output=True, check=True)

    assert run.stdout.decode().rstrip("\n") == ", ".join(_WORDS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_photo_cut_short_gets_a_sidecar_with_the_reason(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"IMG.{'tif' if kind == 'TIFF' else kind.lower()}"
    path.write_bytes(make_photo(kind)[:-20])

    plan = tag(path, ["dog"])

    assert plan.where == "sidecar"
    assert plan.note.startswith("malformed")


def test_keywords_in_a_damaged_photo_are_found_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "IMG.png"
    path.write_bytes(make_png(xmp=packet(subject("Anna")))[:-6])

    assert tag(path, ["dog"]).keywords == ("Anna",)
