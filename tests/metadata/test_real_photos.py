"""Real photos of many cameras, with exiftool and exiv2 as the judges. Skipped where photos or programs are absent."""

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from phototag.metadata import open_writer
from phototag.metadata.exif import can_hold
from phototag.records import Memory
from tests.metadata.files import camera_jpeg, ref_of, remembered, tag

_WORDS = ["naïve café", "犬", "كلب", "שלום", "हिन्दी", "🐶", "\"a\" 'b'", "a;b", "c, d", "x|y", "a/b", "R&B <b>"]

_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
_exiv2 = pytest.mark.skipif(shutil.which("exiv2") is None, reason="needs exiv2")


def _tags(path: Path, *options: str) -> dict[str, object]:
    run = subprocess.run(["exiftool", "-j", *options, str(path)], capture_output=True, check=True)
    (tags,) = json.loads(run.stdout)
    return dict(tags)


@_exiftool
def test_exiftool_reads_the_words_back(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    path.write_bytes(camera_jpeg())
    tag(path, _WORDS)

    tags = _tags(path, "-XMP-dc:Subject", "-XPKeywords")

    assert tags["Subject"] == _WORDS
    assert str(tags["XPKeywords"]).split(";") == [word for word in _WORDS if can_hold(word)]


@_exiv2
def test_exiv2_reads_the_words_back(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    path.write_bytes(camera_jpeg())
    tag(path, _WORDS)

    run = subprocess.run(["exiv2", "-K", "Xmp.dc.subject", "-Pt", str(path)], capture_output=True, check=True)

    assert run.stdout.decode().rstrip("\n") == ", ".join(_WORDS)


@_exiftool
def test_no_tag_of_any_camera_is_lost_or_changed(real_photos: Path, tmp_path: Path) -> None:
    names: list[str] = []
    for source in sorted((real_photos / "metadata" / "exiftool-t").glob("*.jpg")):
        (tmp_path / source.name).write_bytes(source.read_bytes())
        names.append(source.name)
    before = _all_tags(tmp_path)

    for name in names:
        plan = tag(tmp_path / name, ["dog", "犬"])
        assert tag(tmp_path / name, ["dog", "犬"], remembered(plan)).data is None

    after = _all_tags(tmp_path)
    assert {name: before[name] - after[name] for name in names if before[name] - after[name]} == {}


def _all_tags(folder: Path) -> dict[str, Counter[tuple[str, str]]]:
    """Each photo's tags by exiftool, but for the keywords, their places, and the file system's own."""
    run = subprocess.run(
        ["exiftool", "-j", "-a", "-u", "-n", "-G1:4", "-ext", "jpg", "-api", "struct=2", str(folder)],
        capture_output=True,
        check=False,
    )
    left_out = (
        "Keywords",
        "Subject",
        "IPTCDigest",
        "CodedCharacterSet",
        "Offset",
        "Start",
        "MPImage",
        "OriginalDecisionData",
        "ByteOrder",
    )
    groups = ("File:", "System:", "ExifTool:", "Composite:", "SourceFile")
    return {
        Path(tags["SourceFile"]).name: Counter(
            (name, str(value))
            for name, value in tags.items()
            if not name.startswith(groups) and not any(word in name for word in left_out)
        )
        for tags in json.loads(run.stdout)
    }


def test_nearly_every_real_jpeg_is_written_inside(real_photos: Path, tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for folder in ("metadata", "orientation"):
        for source in sorted((real_photos / folder).rglob("*.jpg")):
            path = tmp_path / "IMG.jpg"
            path.write_bytes(source.read_bytes())
            plan = open_writer().plan(ref_of(path), ["dog"], Memory())
            outcomes[plan.note or plan.where] += 1

    assert outcomes["photo"] >= 0.97 * outcomes.total(), outcomes
