"""Walking: each photo once, folder by folder, and nothing that is not the owner's photo."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from phototag.records import Failed, PhotoRef
from phototag.scan.threads import Threads
from phototag.walk import walk


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names_in(folder: Path, *roots: Path) -> list[str]:
    """What a walk lists, relative to `folder`; what failed, with its reason."""
    found = []
    for item in walk([str(root) for root in roots or (folder,)]):
        ref = item.ref if isinstance(item, Failed) else item
        name = os.path.relpath(ref.path, folder)
        found.append(f"{name}: {item.reason}" if isinstance(item, Failed) else name)
    return found


def test_photos_come_folder_by_folder_sorted_by_name(tmp_path: Path) -> None:
    make(tmp_path, "b.jpg", "a.JPG", "z/1.png", "m/deep/2.heic", "m/1.cr2", "m/notes.txt", "m/film.mp4", "a.xmp", "jpg")
    assert names_in(tmp_path) == ["a.JPG", "b.jpg", "m/1.cr2", "m/deep/2.heic", "z/1.png"]


def test_a_photo_has_its_size_and_time_and_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "album/1.jpg")
    os.utime(tmp_path / "album/1.jpg", ns=(5, 1_234_567_890))
    monkeypatch.chdir(tmp_path)
    assert list(walk(["album"])) == [PhotoRef(str(tmp_path / "album/1.jpg"), 1, 1_234_567_890)]


def test_the_times_of_sidecars_are_there_before_the_photos_of_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phototag.walk._ENTRIES_AT_ONCE", 2)
    make(tmp_path, "a.cr2", "a.cr2.xmp", "b.jpg", "z.XMP", "empty/c.jpg", "more/d.nef", "more/d.xmp", "more/notes.txt")
    (tmp_path / "gone.xmp").symlink_to("nowhere")
    for number, name in enumerate(("a.cr2.xmp", "z.XMP", "more/d.xmp")):
        os.utime(tmp_path / name, ns=(0, number))
    sidecars: dict[str, dict[str, int]] = {}
    found = walk([str(tmp_path)], sidecars=sidecars)
    assert next(found)
    assert sidecars == {str(tmp_path): {"a.cr2": 0, "z": 1}}
    list(found)
    assert sidecars.keys() == {str(tmp_path), str(tmp_path / "more")}
    assert sidecars[str(tmp_path / "more")] == {"d": 2}


def test_each_folder_is_one_run_of_the_stream(tmp_path: Path) -> None:
    make(tmp_path, *(f"{folder}/{n}.jpg" for folder in ("a", "a/b", "a/b/c", "d") for n in range(3)))
    make(tmp_path, "a/x.jpg")
    refs = [ref for ref in walk([str(tmp_path), str(tmp_path / "a/1.jpg")]) if isinstance(ref, PhotoRef)]
    folders = [folder for folder, _ in groupby(os.path.dirname(ref.path) for ref in refs)]
    assert len(folders) == len(set(folders)) == 4


@pytest.mark.parametrize(
    "left_out",
    [
        ".hidden.jpg",
        "._1.jpg",
        ".thumbnails/1.jpg",
        "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg",
        "Catalog Previews.lrdata/0/1.jpg",
        "Photos Library.photoslibrary/originals/0/1.jpg",
        "iPod Photo Cache/1.jpg",
        "Thumbs/1.jpg",
        "#recycle/1.jpg",
        "$RECYCLE.BIN/1.jpg",
        "1.xmp",
        "1.jpg.xmp",
        "1.pdf",
    ],
)
def test_what_is_not_the_owners_photo_is_left_out(tmp_path: Path, left_out: str) -> None:
    make(tmp_path, "1.jpg", "sub/2.jpg", left_out, f"sub/{left_out}")
    assert names_in(tmp_path) == ["1.jpg", "sub/2.jpg"]


def test_a_root_is_visited_whatever_its_name(tmp_path: Path) -> None:
    make(tmp_path, ".hidden/1.jpg", "My.photoslibrary/originals/2.jpg", ".hidden/Thumbs/3.jpg")
    roots = [tmp_path / ".hidden", tmp_path / "My.photoslibrary"]
    assert names_in(tmp_path, *roots) == [".hidden/1.jpg", "My.photoslibrary/originals/2.jpg"]


def test_names_of_any_bytes_come_back(tmp_path: Path) -> None:
    names = [b"new\nline.jpg", b"latin1-\xe9.jpg", "grün.jpg".encode(), b" blank .jpg", b"\xff\xfe.jpg"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    assert {os.path.basename(os.fsencode(ref.path)) for ref in walk([str(tmp_path)]) if isinstance(ref, PhotoRef)} == {
        *names
    }


# Roots


def test_overlapping_roots_list_each_photo_once(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg", "a/2.jpg", "a/b/3.jpg")
    everything = ["1.jpg", "a/2.jpg", "a/b/3.jpg"]
    a = tmp_path / "a"
    for roots in ([tmp_path, a], [a, tmp_path], [a, a, a / "b", tmp_path], [tmp_path / "a/b/../.."]):
        assert sorted(names_in(tmp_path, *roots)) == everything


def test_a_file_may_be_a_root(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "a/2.jpg", "a/.hidden.jpg", "a/scan.bak")
    a = tmp_path / "a"
    assert names_in(a, a / "2.jpg") == ["2.jpg"]
    assert names_in(a, a / "2.jpg", a / "1.jpg", a / "2.jpg") == ["1.jpg", "2.jpg"]
    assert names_in(a, a / ".hidden.jpg", a / "scan.bak", a) == [".hidden.jpg", "1.jpg", "2.jpg", "scan.bak"]


def test_a_root_that_is_not_there_fails_and_the_others_are_walked(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg")
    os.mkfifo(tmp_path / "pipe")
    roots = [tmp_path / "gone", tmp_path / "a/1.jpg/sub", tmp_path / "pipe", tmp_path / "a"]
    assert names_in(tmp_path, *roots) == ["gone: not found", "a/1.jpg/sub: not found", "pipe: not found", "a/1.jpg"]


# Links and odd files


def test_loops_of_links_end(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(".")
    (tmp_path / "b/a").symlink_to(tmp_path / "a")
    (tmp_path / "endless.jpg").symlink_to("endless.jpg")
    assert names_in(tmp_path) == ["endless.jpg: broken link", "a/1.jpg", "b/2.jpg"]


def test_a_photo_is_met_by_its_own_path_rather_than_by_a_links(tmp_path: Path) -> None:
    make(tmp_path, "z/1.jpg")
    make(tmp_path.parent / "elsewhere", "2.jpg")
    (tmp_path / "a").symlink_to(tmp_path / "z")
    (tmp_path / "b").symlink_to(tmp_path.parent / "elsewhere")
    assert names_in(tmp_path) == ["z/1.jpg", "b/2.jpg"]


def test_a_link_to_a_photo_has_the_size_of_the_photo(tmp_path: Path) -> None:
    (tmp_path / "original").write_bytes(b"12345")
    (tmp_path / "link.jpg").symlink_to("original")
    assert [ref.size_bytes for ref in walk([str(tmp_path)]) if isinstance(ref, PhotoRef)] == [5]


def test_a_broken_link_is_told_if_photos_could_be_behind_it(tmp_path: Path) -> None:
    for name in ("photo.jpg", "holidays", "notes.txt", ".hidden"):
        (tmp_path / name).symlink_to(tmp_path / "gone" / name)
    assert names_in(tmp_path) == ["holidays: broken link", "photo.jpg: broken link"]


def test_what_is_no_regular_file_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    make(tmp_path, "folder.jpg/1.jpg")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
        assert names_in(tmp_path) == ["folder.jpg/1.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_fails_and_the_others_are_walked(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg", "c/3.jpg")
    (tmp_path / "b").chmod(0)
    try:
        assert names_in(tmp_path) == ["a/1.jpg", "b: folder cannot be read", "c/3.jpg"]
    finally:
        (tmp_path / "b").chmod(0o700)


def test_a_disk_that_fails_under_the_walk_fails_its_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg", "c/3.jpg", "d/4.jpg")
    scandir = os.scandir

    def failing(path: str) -> "os.ScandirIterator[str]":
        if path.endswith("/b"):
            raise OSError(5, "Input/output error", path)
        if path.endswith("/c"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    assert names_in(tmp_path) == ["a/1.jpg", "b: folder cannot be read", "d/4.jpg"]


def test_what_vanishes_under_the_walk_is_passed_by(tmp_path: Path) -> None:
    make(tmp_path, *(f"{n:03}.jpg" for n in range(1000)), "a/3.jpg", "b/4.jpg")
    items = walk([str(tmp_path)])
    assert isinstance(next(items), PhotoRef)
    (tmp_path / "999.jpg").unlink()
    (tmp_path / "a/3.jpg").unlink()
    (tmp_path / "a").rmdir()
    left = [os.path.relpath(item.path, tmp_path) for item in items if isinstance(item, PhotoRef)]
    assert left[-2:] == ["998.jpg", "b/4.jpg"]


# Disks that do not answer


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Folders, named by the test, whose listing does not come back."""
    silent: set[str] = set()
    alive = threading.Event()
    scandir, listdir = os.scandir, os.listdir

    def wait_for(path: str) -> str:
        if os.path.relpath(path, tmp_path) in silent:
            alive.wait()
        return path

    monkeypatch.setattr(os, "scandir", lambda path: scandir(wait_for(path)))
    monkeypatch.setattr(os, "listdir", lambda path: listdir(wait_for(path)))
    yield silent
    alive.set()


def told(items: Iterable[PhotoRef | Failed], folder: Path) -> list[str]:
    """Photos by name, failures with what is said of them."""
    return [
        f"{os.path.relpath(item.ref.path, folder)}: {item.reason}: {item.detail}"
        if isinstance(item, Failed)
        else os.path.relpath(item.path, folder)
        for item in items
    ]


def test_a_folder_that_does_not_answer_is_named_and_the_rest_is_listed(tmp_path: Path, share: set[str]) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg", "b/below/3.jpg", "c/4.jpg")
    share.add("b")
    with closing(Threads(1, 0.2, "disk", "no answer")) as disk:
        found = told(walk([str(tmp_path)], patiently=disk.call), tmp_path)
    assert found == ["a/1.jpg", "b: took too long: no answer after 0.2 s: is its disk still there?", "c/4.jpg"]


def test_of_a_disk_that_stops_answering_no_other_folder_is_waited_for(tmp_path: Path, share: set[str]) -> None:
    make(tmp_path, "0.jpg", *(f"{n:02}/1.jpg" for n in range(50)))
    began = time.monotonic()
    with closing(Threads(1, 0.2, "disk", "no answer")) as disk:
        listed = walk([str(tmp_path)], patiently=disk.call)
        assert isinstance(next(listed), PhotoRef)
        share |= {".", *(f"{n:02}" for n in range(50))}
        found = told(listed, tmp_path)
    assert time.monotonic() - began < 5
    passed_by = "took too long: not listed: its disk has stopped answering"
    assert found[1:] == [f"{n:02}: {passed_by}" for n in range(1, 50)]


def test_a_link_to_a_disk_that_does_not_answer_costs_the_link_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "1.jpg", "a/2.jpg", "outside/3.jpg")
    library = tmp_path / "library"
    make(library, "1.jpg", "z/2.jpg")
    os.utime(library / "1.jpg", (5, 5))
    (library / "0.jpg").symlink_to(tmp_path / "1.jpg")
    (library / "share").symlink_to(tmp_path / "outside")
    (library / "share2").symlink_to(tmp_path / "outside")
    alive = threading.Event()

    class Entry:
        """An entry of a folder; what the links to the share lead to does not answer."""

        def __init__(self, entry: Any) -> None:
            self._entry = entry

        def __getattr__(self, name: str) -> Any:
            return getattr(self._entry, name)

        def is_dir(self, **how: bool) -> bool:
            if self._entry.name.startswith("share"):
                alive.wait()
            return bool(self._entry.is_dir(**how))

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: nullcontext(map(Entry, list(scandir(path)))))
    with closing(Threads(1, 0.2, "disk", "no answer")) as disk:
        found = told(walk([str(library)], patiently=disk.call), library)
    alive.set()
    silent = "took too long: no answer after 0.2 s: is its disk still there?"
    assert sorted(found) == ["0.jpg", "1.jpg", f"share2: {silent}", f"share: {silent}", "z/2.jpg"]


def test_patience_is_measured_by_some_entries_of_a_folder_and_not_by_all(tmp_path: Path) -> None:
    make(tmp_path, *(f"{n:04}.jpg" for n in range(1200)))
    looks = []

    def patiently(look: Callable[..., Any], /, *args: Any) -> Any:
        looks.append(look)
        return look(*args)

    assert len(list(walk([str(tmp_path)], patiently=patiently))) == 1200
    assert len(looks) > 4


# Ignore files


def test_an_ignore_file_speaks_the_language_of_gitignore(tmp_path: Path) -> None:
    make(tmp_path, "keep.jpg", "a.png", "drafts/1.jpg", "sub/drafts/2.jpg", "sub/a.png", "only/here.jpg", "x/here.jpg")
    make(tmp_path, "sub/keep.png")
    (tmp_path / ".phototagignore").write_text("# mine\n*.png\n!keep.png\ndrafts/\n/only/here.jpg\n\n")
    assert names_in(tmp_path) == ["keep.jpg", "sub/keep.png", "x/here.jpg"]


def test_the_nearest_ignore_file_decides(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "a/2.png", "a/3.jpg", "a/b/4.png", "a/b/5.jpg", "a/b/3.jpg", "c/6.png")
    (tmp_path / ".phototagignore").write_text("*.png\n")
    (tmp_path / "a/.phototagignore").write_text("!*.png\n3.jpg\n")
    (tmp_path / "a/b/.phototagignore").write_text("/4.png\n")
    assert names_in(tmp_path) == ["a/2.png", "a/b/5.jpg"]


def test_what_lies_in_an_ignored_folder_stays_ignored_as_in_git(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg")
    (tmp_path / ".phototagignore").write_text("a/\n!a/1.jpg\n")
    (tmp_path / "a/.phototagignore").write_text("!*\n")
    assert names_in(tmp_path) == []


def test_a_file_named_as_root_is_listed_though_it_is_ignored(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / ".phototagignore").write_text("*\n")
    assert names_in(tmp_path, tmp_path, tmp_path / "2.jpg") == ["2.jpg"]


def test_a_folder_whose_ignore_file_cannot_be_understood_is_not_walked(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "a/b/2.jpg", "c/3.jpg")
    (tmp_path / "a/.phototagignore").write_text("fine.jpg\n/\n!\n")
    (failed, photo) = list(walk([str(tmp_path)]))
    assert isinstance(failed, Failed)
    assert (failed.ref.path, failed.reason) == (str(tmp_path / "a"), "folder cannot be read")
    assert ".phototagignore" in failed.detail
    assert isinstance(photo, PhotoRef)


# Size


def test_only_names_that_look_like_a_photos_cost_a_stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, *(f"{n}.txt" for n in range(50)), "1.jpg")
    stats: list[str] = []
    stat = os.stat

    def counting(path: str) -> os.stat_result:
        stats.append(path)
        return stat(path)

    monkeypatch.setattr(os, "stat", counting)
    assert names_in(tmp_path) == ["1.jpg"]
    assert stats == [str(tmp_path)] * 2


def test_every_broken_file_of_the_collections_is_seen(real_photos: Path) -> None:
    assert len(list(walk([str(real_photos / "broken")]))) == 90
