"""`phototag show` as people and scripts run it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from phototag.index import open_index
from phototag.metadata import open_writer
from phototag.records import Memory, Tag
from tests.conftest import Run
from tests.index.records import failed, ref, tagged


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A real photo that holds the keyword "dog"."""
    path = tmp_path / "rex.jpg"
    Image.new("RGB", (32, 32), (200, 120, 40)).save(path)
    stat = path.stat()
    writer = open_writer()
    writer.apply(writer.plan(ref(str(path), stat.st_size, stat.st_mtime_ns), ["dog"], Memory()))
    return path


def remember(home: Path, photo: Path) -> None:
    index = open_index(home / "index.sqlite")
    tags = (Tag("beagle", 0.81, ("animal", "dog")), Tag("dog", 0.9, ("animal",)), Tag("animal", 0.97))
    guesses = (*tags, Tag("fox", 0.12))
    told = tagged(
        str(photo), *tags, guesses=guesses, distance=0.25, keywords=("Rome",), rejected=frozenset({"pet"}), note="odd"
    )
    index.remember([told], "mine", "1")
    index.close()


def test_everything_known_is_shown(phototag: Run, home: Path, photo: Path) -> None:
    remember(home, photo)
    run = phototag("show", photo.name, cwd=photo.parent)
    assert (run.returncode, run.stderr) == (0, "")
    path, facts, place, model, *rest = run.stdout.splitlines()
    assert path == str(photo)
    assert facts == "  JPEG, 4000 x 3000, 2023-07-14T18:03:00, Canon EOS R5, RF24-70mm F2.8 L"
    assert place == "  taken at 48.858400,2.294500: `phototag search near:` takes these"
    assert model.startswith("  mine, 2")
    assert model.endswith(": in the photo, distance 0.250")
    assert rest == [
        "    0.97  animal",
        "    0.90  animal > dog",
        "    0.81  animal > dog > beagle",
        "    not sure enough: fox 0.12",
        "    odd",
        "  your keywords: Rome",
        "  taken out by you, not written again: pet",
        "  the file holds: dog",
    ]


def test_json_holds_the_same(phototag: Run, home: Path, photo: Path) -> None:
    remember(home, photo)
    shown = json.loads(phototag("show", "--json", photo).stdout)
    assert (shown["path"], shown["known"], shown["keywords"], shown["rejected"]) == (
        str(photo),
        True,
        ["Rome"],
        ["pet"],
    )
    (verdict,) = shown["verdicts"]
    assert verdict["tags"][2] == {"word": "beagle", "score": 0.81, "broader": ["animal", "dog"]}
    assert (verdict["model"], verdict["where"], verdict["distance"]) == ("mine", "photo", 0.25)
    assert shown["file"] == {"photo": ["dog"], "sidecar": [], "sidecar_path": None}


def test_a_photo_that_is_not_in_the_index_still_shows_what_its_file_holds(
    phototag: Run, home: Path, photo: Path
) -> None:
    for _ in ("no index", "an empty one"):
        run = phototag("show", photo)
        assert (run.returncode, run.stderr) == (1, "")
        assert run.stdout.splitlines() == [
            str(photo),
            "  not in the index: `phototag scan` its folder first",
            "  the file holds: dog",
        ]
        assert json.loads(phototag("show", photo, "--json").stdout)["known"] is False
        open_index(home / "index.sqlite").close()


def test_a_photo_that_is_gone_shows_what_the_index_knows(phototag: Run, home: Path, photo: Path) -> None:
    remember(home, photo)
    photo.unlink()
    run = phototag("show", photo)
    assert run.returncode == 0
    assert "animal > dog > beagle" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("  the file: ")
    assert "error" in json.loads(phototag("show", photo, "--json").stdout)["file"]


def test_a_photo_that_failed_shows_its_reason(phototag: Run, home: Path, tmp_path: Path) -> None:
    index = open_index(home / "index.sqlite")
    index.remember([failed(str(tmp_path / "x.jpg"), "truncated", "ends after 12 bytes")], "mine", "1")
    index.close()
    run = phototag("show", tmp_path / "x.jpg")
    assert run.returncode == 0
    assert "  could not be handled: truncated: ends after 12 bytes" in run.stdout


def test_a_link_to_a_photo_finds_it(phototag: Run, home: Path, photo: Path) -> None:
    remember(home, photo)
    link = photo.with_name("link.jpg")
    link.symlink_to(photo)
    run = phototag("show", link)
    assert run.returncode == 0
    assert "animal > dog > beagle" in run.stdout
