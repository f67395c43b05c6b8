"""Albums of what a search found: links or copies, and never anything overwritten."""

import os
import time
from pathlib import Path

import pytest

from phototag.errors import PhotoTagError
from phototag.index import open_index
from tests.conftest import Run
from tests.index.records import tagged


@pytest.fixture
def photos(home: Path, tmp_path: Path) -> list[Path]:
    """Two dogs of one file name in two folders, known to the index."""
    found = [tmp_path / folder / "a.jpg" for folder in ("one", "two")]
    for number, photo in enumerate(found):
        photo.parent.mkdir()
        photo.write_bytes(b"photo %d" % number)
        os.utime(photo, (1_000 + number, 1_000 + number))
    index = open_index(home / "index.sqlite")
    index.remember([tagged(str(photo), "dog") for photo in found], "mine", "1")
    index.close()
    return found


def test_an_album_is_made_of_links_and_made_again_it_stays_the_same(
    phototag: Run, photos: list[Path], tmp_path: Path
) -> None:
    album = tmp_path / "albums" / "dogs"
    for _ in range(2):
        run = phototag("search", "dog", "--link-to", album)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", f"2 photos in {album}\n")
    assert {path.name: os.readlink(path) for path in album.iterdir()} == {
        "a.jpg": str(photos[0]),
        "a (2).jpg": str(photos[1]),
    }


def test_copies_keep_their_times_and_leave_what_is_there(phototag: Run, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"mine")
    for _ in range(2):
        assert phototag("search", "dog", "--copy-to", tmp_path, "--limit", "1").returncode == 0
    assert (tmp_path / "a.jpg").read_bytes() == b"mine"
    copy = tmp_path / "a (2).jpg"
    assert (copy.read_bytes(), copy.stat().st_mtime) == (b"photo 0", 1_000)
    assert not (tmp_path / "a (3).jpg").exists()


def test_a_photo_that_is_gone_is_told_of_and_the_others_are_copied(
    phototag: Run, photos: list[Path], tmp_path: Path
) -> None:
    photos[0].unlink()
    run = phototag("search", "dog", "--copy-to", tmp_path / "album")
    assert run.returncode == 1
    assert f"phototag: {photos[0]}: No such file" in run.stderr
    assert [path.read_bytes() for path in (tmp_path / "album").iterdir()] == [b"photo 1"]


def test_what_is_no_folder_is_refused(phototag: Run, photos: list[Path]) -> None:
    run = phototag("search", "dog", "--link-to", photos[0] / "in a photo")
    assert (run.returncode, run.stderr.count("cannot be made")) == (PhotoTagError.exit_code, 1)
    assert phototag("search", "dog", "--link-to", "x", "--open").returncode == 2


@pytest.mark.skipif(os.name != "posix" or os.uname().sysname == "Darwin", reason="the viewer is xdg-open's")
def test_photos_are_opened_in_the_systems_viewer(phototag: Run, photos: list[Path], tmp_path: Path) -> None:
    opener, opened = tmp_path / "xdg-open", tmp_path / "opened"
    opener.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    opener.chmod(0o755)
    run = phototag("search", "dog", "--open", env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (run.returncode, run.stderr) == (0, "opened 2 photos\n")
    for _ in range(100):
        if opened.exists() and len(opened.read_text().splitlines()) == 2:
            break
        time.sleep(0.05)
    assert sorted(opened.read_text().splitlines()) == sorted(map(str, photos))
