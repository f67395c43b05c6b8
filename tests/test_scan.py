"""The whole way of a photo: real files, real index, real writer; only the network is small."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from phototag.decide import Rules
from phototag.decode import decode
from phototag.errors import UnfinishedError
from phototag.index import Index, open_index
from phototag.metadata import open_writer
from phototag.records import (
    Decoded,
    Event,
    Failed,
    Fit,
    Forgotten,
    Missing,
    PhotoRef,
    Stopped,
    Tagged,
    Unchanged,
    Waiting,
)
from phototag.scan import Job, ahead, scan
from phototag.vectors import VectorFile
from tests.models import COLOURS, ColourBackbone

_PAINT = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220), "grey": (128, 128, 128)}
_opened: list[str] = []
_watching: list[str] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and _watching and isinstance(args[0], str | bytes):
        path = os.fsdecode(args[0])
        if path.startswith(_watching[0]):
            _opened.append(path)


sys.addaudithook(_audit)


def paint(path: Path, colour: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), _PAINT[colour]).save(path)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    for name, colour in (("a.jpg", "red"), ("b.jpg", "green"), ("trip/c.png", "blue"), ("trip/d.jpg", "grey")):
        paint(folder / name, colour)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = open_index(tmp_path / "index.sqlite")
    yield opened
    opened.close()


def run(library: Path, index: Index, **how: Any) -> list[Event]:
    settings: dict[str, Any] = {"model": "colours", "decision": "1", "classifier": COLOURS, "rules": Rules(None, None)}
    settings |= {"backbone": ColourBackbone(), "writer": open_writer(), "index": index, "workers": 2} | how
    return list(scan([str(library)], Job(**settings)))


def tagged(events: list[Event]) -> dict[str, set[str]]:
    return {Path(e.ref.path).name: {t.word for t in e.decided.tags} for e in events if isinstance(e, Tagged)}


def held(path: Path) -> set[str]:
    found = open_writer().read(str(path))
    return {*found.photo, *found.sidecar}


def test_photos_are_tagged_written_and_found(library: Path, index: Index) -> None:
    events = run(library, index)
    assert tagged(events) == {
        "a.jpg": {"red", "colour"},
        "b.jpg": {"green", "colour"},
        "c.png": {"blue", "colour"},
        "d.jpg": set(),
    }
    assert held(library / "a.jpg") == {"red", "colour"}
    assert not (library / "trip" / "c.xmp").exists()
    assert held(library / "trip" / "c.png") == {"blue", "colour"}
    assert [Path(hit.path).name for hit in index.search("red")] == ["a.jpg"]
    assert {Path(hit.path).name for hit in index.search("colour -red")} == {"b.jpg", "c.png"}


def test_a_second_scan_opens_no_photo_and_says_unchanged(library: Path, index: Index) -> None:
    run(library, index)
    before = {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    _opened.clear()
    _watching.append(str(library))
    try:
        events = run(library, index)
        (library / "a.jpg").read_bytes()
    finally:
        _watching.clear()
    assert sum(event.count for event in events if isinstance(event, Unchanged)) == 4
    assert not tagged(events)
    assert _opened == [str(library / "a.jpg")], "the test's own read alone, which proves that opens are seen"
    assert before == {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}


def test_rescan_looks_again_and_writes_nothing_new(library: Path, index: Index) -> None:
    run(library, index)
    events = run(library, index, rescan=True)
    assert len(tagged(events)) == 4
    assert not any(event.changed for event in events if isinstance(event, Tagged))


def test_the_owners_keywords_stay_and_are_found(library: Path, index: Index) -> None:
    run(library, index)
    run(library, index, model="other", decision="2", rescan=True)
    assert held(library / "a.jpg") == {"red", "colour"}
    assert index.entry(str(library / "a.jpg")).keywords == ()  # type: ignore[union-attr]


def test_another_verdict_of_the_same_model_takes_its_old_words_out(library: Path, index: Index) -> None:
    run(library, index)
    events = run(library, index, decision="2", rules=Rules(1.1, None))
    assert {Path(e.ref.path).name: set(e.removed) for e in events if isinstance(e, Tagged)}["a.jpg"] == {
        "red",
        "colour",
    }
    assert held(library / "a.jpg") == set()
    assert not list(index.search("red"))


def test_a_word_the_owner_removed_is_not_written_again(library: Path, index: Index) -> None:
    run(library, index)
    photo = library / "a.jpg"
    paint(photo, "red")  # as a program would that drops all keywords
    os.utime(photo, (1, 1))
    run(library, index)
    assert held(photo) == set()
    assert set(index.entry(str(photo)).rejected) == {"red", "colour"}  # type: ignore[union-attr]


def test_no_write_leaves_the_photos_alone_and_a_later_scan_writes_them(library: Path, index: Index) -> None:
    before = {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    events = run(library, index, write=False)
    assert {event.where for event in events if isinstance(event, Tagged)} == {"index"}
    assert before == {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    assert [Path(hit.path).name for hit in index.search("red")] == ["a.jpg"]
    run(library, index)
    assert held(library / "a.jpg") == {"red", "colour"}


def test_a_dry_run_changes_neither_photos_nor_index(library: Path, index: Index) -> None:
    before = {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    assert tagged(run(library, index, dry_run=True))["a.jpg"] == {"red", "colour"}
    assert before == {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    assert index.photo_count() == 0


def test_a_broken_photo_is_reported_once_and_tried_again_when_it_changes(library: Path, index: Index) -> None:
    broken = library / "a.jpg"
    broken.write_bytes(b"\xff\xd8\xff not a photo")
    assert [Path(e.ref.path).name for e in run(library, index) if isinstance(e, Failed)] == ["a.jpg"]
    again = run(library, index)
    assert not [event for event in again if isinstance(event, Failed)]
    assert sum(event.failed_before for event in again if isinstance(event, Unchanged)) == 1
    paint(broken, "red")
    assert tagged(run(library, index)) == {"a.jpg": {"red", "colour"}}


def test_a_photo_that_failed_is_tried_again_on_request(library: Path, index: Index) -> None:
    (library / "a.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    run(library, index)
    assert [Path(e.ref.path).name for e in run(library, index, retry_failed=True) if isinstance(e, Failed)] == ["a.jpg"]


def test_a_scan_within_bounds_stops_forgets_nothing_and_the_next_goes_on(library: Path, index: Index) -> None:
    events = run(library, index, max_photos=3)
    assert len(tagged(events)) == 3
    assert events[-1] == Stopped("photos")
    (library / "a.jpg").unlink()
    events = run(library, index, until=time.monotonic())
    assert events == [Stopped("time")]
    assert index.photo_count() == 3
    events = run(library, index, max_photos=1)
    assert list(tagged(events)) == ["d.jpg"]
    assert events[-1] == Forgotten(1), "it came to the end of the library"


def test_a_photo_that_somebody_is_writing_waits_for_the_next_scan(library: Path, index: Index) -> None:
    def grows(ref: PhotoRef, *_: Any) -> Decoded:
        raise UnfinishedError("still being written")

    events = run(library, index, decode=grows)
    assert {type(event) for event in events} == {Waiting}
    assert index.photo_count() == 0


def test_a_photo_whose_disk_does_not_answer_fails_alone_and_is_tried_again(library: Path, index: Index) -> None:
    dead_share = threading.Event()

    def reads_from_it(ref: PhotoRef, size: int, fit: Fit) -> Decoded:
        if ref.path.endswith("b.jpg"):
            dead_share.wait()
        return decode(ref, size, fit)

    events = run(library, index, decode=reads_from_it, timeout_s=0.5)
    assert [(e.reason, Path(e.ref.path).name) for e in events if isinstance(e, Failed)] == [("took too long", "b.jpg")]
    assert len(tagged(events)) == 3
    dead_share.set()
    assert list(tagged(run(library, index))) == ["b.jpg"]


def test_a_folder_that_does_not_answer_fails_and_its_photos_are_not_taken_as_gone(
    library: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(library / "zoo" / "e.jpg", "red")
    paint(library / "zoo" / "below" / "f.jpg", "green")
    run(library, index)
    (library / "b.jpg").unlink()
    paint(library / "new.jpg", "red")
    alive = threading.Event()
    scandir, lstat = os.scandir, os.lstat

    def wait_for(path: str) -> str:
        if str(path).startswith(str(library / "zoo")):
            alive.wait()
        return path

    monkeypatch.setattr(os, "scandir", lambda path: scandir(wait_for(path)))
    monkeypatch.setattr(os, "lstat", lambda path: lstat(wait_for(path)))
    events = run(library, index, timeout_s=0.3)
    failed = [event for event in events if isinstance(event, Failed)]
    assert [(event.reason, event.ref.path) for event in failed] == [("took too long", str(library / "zoo"))]
    assert list(tagged(events)) == ["new.jpg"]
    assert events[-1] == Forgotten(1)
    assert index.known_in(str(library / "zoo" / "below"), "colours")
    alive.set()
    monkeypatch.undo()
    assert not [event for event in run(library, index) if not isinstance(event, Unchanged)]


def test_a_disk_that_stops_answering_while_gone_photos_are_looked_for_forgets_none(
    library: Path, index: Index, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run(library, index)
    gone = [str(library / name) for name in ("a.jpg", "b.jpg")]
    for path in gone:
        os.unlink(path)
    alive, lstat = threading.Event(), os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: alive.wait() if path in gone else lstat(path))
    assert all(isinstance(event, Unchanged) for event in run(library, index, timeout_s=0.3))
    assert "a later scan forgets" in caplog.text
    alive.set()
    monkeypatch.undo()
    assert run(library, index)[-1] == Forgotten(2)


def test_a_photo_that_is_met_through_links_too_is_written_once(library: Path, index: Index, tmp_path: Path) -> None:
    outside = paint(tmp_path / "outside.jpg", "red")
    for link, target in (("1.jpg", "a.jpg"), ("2.jpg", "b.jpg"), ("3.jpg", outside), ("trip/4.jpg", outside)):
        (library / link).symlink_to(target)
    events = run(library, index)
    assert not [event for event in events if isinstance(event, Failed)]
    assert sorted(tagged(events)) == ["3.jpg", "a.jpg", "b.jpg", "c.png", "d.jpg"]
    assert held(outside) == {"red", "colour"}
    assert not tagged(run(library, index))


def test_a_killed_runs_temporary_files_go_whatever_model_scans_next(library: Path, index: Index) -> None:
    run(library, index)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    leftover = library / "trip" / f".phototag-{int(dead.stdout)}-0123abcd.tmp"
    alive = library / f".phototag-{os.getpid()}-0123abcd.tmp"
    for path in (leftover, alive):
        path.write_bytes(b"half a photo")
    run(library, index, model="other", dry_run=True)
    assert leftover.exists()
    run(library, index, model="other")
    assert not leftover.exists()
    assert alive.exists(), "somebody is writing it"


def test_a_moved_photo_keeps_its_words_as_phototags_own(library: Path, index: Index) -> None:
    run(library, index)
    (library / "new").mkdir()
    (library / "a.jpg").rename(library / "new" / "z.jpg")
    events = run(library, index)
    assert tagged(events) == {"z.jpg": {"red", "colour"}}
    assert not [event for event in events if isinstance(event, Forgotten)]
    entry = index.entry(str(library / "new" / "z.jpg"))
    assert entry is not None
    assert entry.keywords == ()
    assert index.entry(str(library / "a.jpg")) is None
    assert index.photo_count() == 4


def test_two_copies_of_a_moved_photo_do_not_both_take_its_place(library: Path, index: Index) -> None:
    run(library, index)
    number = index.known_in(str(library), "colours")["a.jpg"].number
    for name in ("b2.jpg", "c2.jpg"):
        shutil.copy2(library / "a.jpg", library / name)
    (library / "a.jpg").unlink()
    events = [event for event in run(library, index) if isinstance(event, Tagged)]
    assert sorted(event.moved_from or 0 for event in events) == [0, number]
    known = index.known_in(str(library), "colours")
    assert {name for name in known if name.endswith("2.jpg")} == {"b2.jpg", "c2.jpg"}
    assert {Path(hit.path).name for hit in index.search("red")} == {"b2.jpg", "c2.jpg"}


@pytest.mark.parametrize("room", [0, 1 << 20], ids=["its file is let go", "its file is kept"])
@pytest.mark.parametrize("write", [True, False], ids=["written", "index only"])
def test_a_photo_is_read_once_and_looked_at_once_more_before_it_is_replaced(
    library: Path, index: Index, monkeypatch: pytest.MonkeyPatch, room: int, write: bool
) -> None:
    monkeypatch.setattr(ahead, "_SHELF_BYTES", room)
    _opened.clear()
    _watching.append(str(library))
    try:
        run(library, index, write=write)
    finally:
        _watching.clear()
    opens = _opened.count(str(library / "a.jpg"))
    assert opens == 1 + (room == 0) + write
    assert [Path(hit.path).name for hit in index.search("red")] == ["a.jpg"]


def test_a_copy_of_a_tagged_photo_has_no_keywords_of_the_owners(library: Path, index: Index) -> None:
    run(library, index)
    shutil.copy(library / "a.jpg", library / "copy.jpg")
    run(library, index)
    assert index.entry(str(library / "copy.jpg")).keywords == ()  # type: ignore[union-attr]
    assert index.photo_count() == 5


def test_a_deleted_photo_is_forgotten(library: Path, index: Index) -> None:
    run(library, index)
    (library / "a.jpg").unlink()
    shutil.rmtree(library / "trip")
    events = run(library, index)
    assert [event.count for event in events if isinstance(event, Forgotten)] == [3]
    assert index.photo_count() == 1


@pytest.mark.parametrize("empty", [pytest.param(True, id="mount point"), pytest.param(False, id="missing")])
def test_an_unmounted_library_is_left_alone(library: Path, index: Index, empty: bool) -> None:
    run(library, index)
    shutil.rmtree(library)
    if empty:
        library.mkdir()
    events = run(library, index)
    assert [event.count for event in events if isinstance(event, Missing)] == [4]
    assert index.photo_count() == 4


def test_an_unmounted_disk_inside_the_library_is_left_alone(library: Path, index: Index) -> None:
    run(library, index)
    for path in (library / "trip").iterdir():
        path.unlink()
    events = run(library, index)
    assert [(event.folder, event.count) for event in events if isinstance(event, Missing)] == [
        (str(library / "trip"), 2)
    ]
    assert index.photo_count() == 4


def test_after_a_write_cut_short_the_next_scan_finishes_the_work(library: Path, index: Index) -> None:
    photo = library / "a.jpg"
    stat = photo.stat()
    index.intend(PhotoRef(str(photo), stat.st_size, stat.st_mtime_ns), "colours", frozenset({"red", "colour"}))
    run(library, index)
    assert held(photo) == {"red", "colour"}
    entry = index.entry(str(photo))
    assert entry is not None
    assert entry.rejected == ()
    assert entry.keywords == ()


def test_a_name_of_any_bytes_goes_all_the_way(library: Path, index: Index) -> None:
    odd = os.fsdecode(b"caf\xe9 \xff\nline.jpg")
    os.rename(library / "a.jpg", os.path.join(library, odd))
    assert tagged(run(library, index))[odd] == {"red", "colour"}
    assert [os.path.basename(hit.path) for hit in index.search("red")] == [odd]
    assert sum(event.count for event in run(library, index) if isinstance(event, Unchanged)) == 4


class _Decoding:
    """Decodes, and counts."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, ref: PhotoRef, image_size: int, fit: Fit) -> Decoded:
        self.paths.append(Path(ref.path).name)
        return decode(ref, image_size, fit)


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[VectorFile]:
    opened = VectorFile(tmp_path / "v", ColourBackbone.network)
    yield opened
    opened.close()


@pytest.mark.parametrize("write", [True, False], ids=["written", "not written"])
def test_another_model_on_the_same_network_decodes_nothing(
    library: Path, index: Index, vectors: VectorFile, write: bool
) -> None:
    decoding = _Decoding()
    run(library, index, vectors=vectors, decode=decoding, write=write)
    assert len(decoding.paths) == len(vectors) == 4
    events = run(library, index, vectors=vectors, decode=decoding, model="other", decision="2", write=write)
    assert len(decoding.paths) == 4
    assert tagged(events)["a.jpg"] == {"red", "colour"}
    paint(library / "a.jpg", "blue")
    assert tagged(run(library, index, vectors=vectors, decode=decoding, write=write))["a.jpg"] == {"blue", "colour"}
    assert decoding.paths[4:] == ["a.jpg"]


@pytest.mark.parametrize("of", ["original", "tagged"])
def test_a_copy_is_decoded_once(library: Path, index: Index, vectors: VectorFile, tmp_path: Path, of: str) -> None:
    original = shutil.copy(library / "a.jpg", tmp_path / "original.jpg")
    decoding = _Decoding()
    run(library, index, vectors=vectors, decode=decoding)
    shutil.copy(original if of == "original" else library / "a.jpg", library / "copy.jpg")
    if of == "original":  # of the size that it had, and that no file in the library has any more
        (library / "twin.jpg").write_bytes((library / "copy.jpg").read_bytes())
    events = run(library, index, vectors=vectors, decode=decoding)
    assert tagged(events)["copy.jpg"] == {"red", "colour"}
    assert len(decoding.paths) <= (5 if of == "original" else 4)
    entry = index.entry(str(library / "copy.jpg"))
    assert entry is not None
    assert entry.facts == index.entry(str(library / "a.jpg")).facts  # type: ignore[union-attr]


def test_a_moved_photo_is_not_opened(library: Path, index: Index, vectors: VectorFile) -> None:
    run(library, index, vectors=vectors)
    (library / "new").mkdir()
    (library / "a.jpg").rename(library / "new" / "a.jpg")
    _opened.clear()
    _watching.append(str(library))
    try:
        events = run(library, index, vectors=vectors)
    finally:
        _watching.clear()
    assert _opened == []
    assert not [event for event in events if not isinstance(event, Unchanged)]
    assert sum(event.count for event in events if isinstance(event, Unchanged)) == 4
    assert [hit.path for hit in index.search("red")] == [str(library / "new" / "a.jpg")]
    assert index.photo_count() == 4


def test_a_photo_moved_before_another_model_looks_at_it_keeps_what_the_first_one_said(
    library: Path, index: Index, vectors: VectorFile
) -> None:
    run(library, index, vectors=vectors)
    (library / "a.jpg").rename(library / "trip" / "a.jpg")
    run(library, index, vectors=vectors, model="other", decision="2")
    entry = index.entry(str(library / "trip" / "a.jpg"))
    assert entry is not None
    assert {verdict.model for verdict in entry.verdicts} == {"colours", "other"}
    assert entry.keywords == ()
    assert index.photo_count() == 4


def test_a_renamed_photo_is_read_but_not_decoded(library: Path, index: Index, vectors: VectorFile) -> None:
    decoding = _Decoding()
    run(library, index, vectors=vectors, decode=decoding)
    (library / "a.jpg").rename(library / "z.jpg")
    assert tagged(run(library, index, vectors=vectors, decode=decoding)) == {"z.jpg": {"red", "colour"}}
    assert "z.jpg" not in decoding.paths
    assert index.photo_count() == 4


def test_a_rescan_goes_by_the_bytes_and_not_by_the_time(library: Path, index: Index, vectors: VectorFile) -> None:
    decoding = _Decoding()
    run(library, index, vectors=vectors, decode=decoding, write=False)
    photo = library / "trip" / "c.png"
    before, data = photo.stat(), photo.read_bytes()
    other = paint(library / "other.png", "red").read_bytes()
    assert len(other) == len(data)
    photo.write_bytes(other)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = tagged(run(library, index, vectors=vectors, decode=decoding, write=False, rescan=True))
    assert found["c.png"] == {"red", "colour"}
    assert found["a.jpg"] == {"red", "colour"}
    assert "a.jpg" not in decoding.paths[4:]


def test_a_dry_run_stores_no_embeddings(library: Path, index: Index, vectors: VectorFile) -> None:
    run(library, index, vectors=vectors, dry_run=True)
    assert len(vectors) == 0


def test_embeddings_of_photos_that_are_gone_are_dropped_once_they_are_many(
    library: Path, index: Index, vectors: VectorFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phototag.scan.reclaiming._SPARE", 0)
    run(library, index, vectors=vectors)
    before = vectors.path.stat().st_ino
    (library / "trip" / "c.png").unlink()
    run(library, index, vectors=vectors)
    assert len(vectors) == 4, "one of four is not many"
    (library / "b.jpg").unlink()
    run(library, index, vectors=vectors)
    assert len(vectors) == 2
    assert vectors.path.stat().st_ino != before
    decoding = _Decoding()
    events = run(library, index, vectors=vectors, decode=decoding, model="other", decision="2")
    assert set(tagged(events)) == {"a.jpg", "d.jpg"}
    assert decoding.paths == []
    assert sorted(path.name for path in vectors.path.parent.glob("v*")) == ["v"]
