"""`phototag runs`, `undo` and `untag` as their users run them."""

import json
import shutil
from pathlib import Path

import pytest

from phototag.index.lock import scan_lock
from phototag.metadata import open_writer
from tests.conftest import Run
from tests.journal.library import edit, files
from tests.models import save_always
from tests.photos import make_jpeg


@pytest.fixture
def library(tmp_path: Path, home: Path, phototag: Run) -> Path:
    """Two scanned photos."""
    save_always(home / "models" / "always", "animal", "dog")
    folder = tmp_path / "library"
    folder.mkdir()
    for name, width in (("a.jpg", 320), ("b.jpg", 330)):
        (folder / name).write_bytes(make_jpeg(size=(width, 240)))
    assert phototag("scan", folder).returncode == 0
    return folder


def words(photo: Path) -> set[str]:
    return set(open_writer().read(str(photo)).photo)


def test_the_runs_are_listed_and_undone(phototag: Run, library: Path) -> None:
    (run,) = map(json.loads, phototag("runs", "--json").stdout.splitlines())
    assert (run["number"], run["kind"], run["model"], run["photos"], run["left"]) == (1, "scan", "always", 2, 2)
    assert "scan always; 2 photos; " in phototag("runs").stdout

    done = phototag("undo")

    assert done.returncode == 0
    assert "run 1 (scan with always" in done.stdout
    assert "2 restored, bit for bit" in done.stdout
    assert (library / "a.jpg").read_bytes() == make_jpeg(size=(320, 240))
    assert "undone by run 2" in phototag("runs").stdout
    assert "there is nothing to undo" in phototag("undo").stderr
    assert phototag("search", "dog").returncode == 1


def test_an_undo_says_which_way_it_took(phototag: Run, library: Path) -> None:
    edit(library / "a.jpg", ["Rome"])
    dry = phototag("undo", "--dry-run", "1")
    assert "would be undone" in dry.stdout
    done = phototag("undo", "1")
    assert f"{library / 'a.jpg'}: changed since by somebody; taken out: animal, dog" in done.stdout
    assert "1 restored, bit for bit" in done.stdout
    assert dry.stdout.replace("would be undone", "undone") == done.stdout
    assert words(library / "a.jpg") == {"Rome"}


def test_a_folder_may_be_named_and_json_tells_each_file(phototag: Run, library: Path) -> None:
    run = phototag("undo", "--json", library / "nowhere")
    assert json.loads(run.stdout)["restored"] == 0
    run = phototag("undo", "1", "--json", library)
    *events, summary = map(json.loads, run.stdout.splitlines())
    assert {(event["event"], event["way"]) for event in events} == {("undone", "restored")}
    assert (summary["run"], summary["restored"], summary["failed"], summary["dry_run"]) == (1, 2, 0, False)


def test_wrong_usage_says_so(phototag: Run, library: Path) -> None:
    before = files(library)
    for arguments, code, message in (
        (("undo", "9"), 2, "there is no run 9"),
        (("undo", "1", "a", "b"), 2, "at most a run's number and a folder"),
        (("untag",), 2, "a word or --all"),
        (("untag", "--all", "a", "b"), 2, "a word or --all"),
        (("untag", "zebra"), 1, 'no photo has "zebra" from phototag'),
    ):
        run = phototag(*arguments)
        assert run.returncode == code, arguments
        assert message in run.stdout + run.stderr, arguments
    assert files(library) == before


def test_an_undo_cannot_be_undone_but_a_rescan_tags_again(phototag: Run, library: Path) -> None:
    phototag("undo")
    run = phototag("undo", "2")
    assert run.returncode == 2
    assert "phototag scan --rescan" in run.stderr
    phototag("scan", library)
    assert words(library / "a.jpg") == set()
    phototag("scan", "--rescan", library)
    assert words(library / "a.jpg") == {"animal", "dog"}


def test_a_word_is_untagged_and_the_untag_undone(phototag: Run, library: Path) -> None:
    assert f"{library / 'a.jpg'}: dog" in phototag("untag", "dog", "--dry-run").stdout
    run = phototag("untag", "Dog", library)
    assert run.returncode == 0
    assert '"Dog" taken out of 2 photos (2 in the photo)' in run.stdout
    assert words(library / "a.jpg") == {"animal"}
    phototag("scan", "--rescan", library)
    assert words(library / "a.jpg") == {"animal"}
    assert "run 2 (untag" in phototag("undo", "2").stdout
    assert words(library / "a.jpg") == {"animal", "dog"}


def test_all_words_are_untagged(phototag: Run, library: Path) -> None:
    run = phototag("untag", "--all", "--json")
    *events, summary = map(json.loads, run.stdout.splitlines())
    assert [event["words"] for event in events] == [["animal", "dog"]] * 2
    assert (summary["photo"], summary["failed"], summary["word"]) == (2, 0, None)
    assert words(library / "a.jpg") == set()
    phototag("scan", library)
    assert words(library / "a.jpg") == set()


@pytest.mark.parametrize("arguments", [("undo",), ("untag", "dog")], ids=["undo", "untag"])
def test_beside_a_scan_it_leaves_with_3(phototag: Run, library: Path, home: Path, arguments: tuple[str, ...]) -> None:
    before = files(library)
    with scan_lock(home / "index.sqlite"):
        assert phototag(*arguments).returncode == 3
    assert files(library) == before


@pytest.mark.parametrize("arguments", [("undo",), ("untag", "dog"), ("runs",)], ids=["undo", "untag", "runs"])
def test_without_an_index_it_leaves_with_5_and_makes_none(
    phototag: Run, home: Path, arguments: tuple[str, ...]
) -> None:
    run = phototag(*arguments)
    assert run.returncode == 5
    assert "phototag scan DIR" in run.stderr
    assert not (home / "index.sqlite").exists()


def test_every_real_photo_is_restored_bit_for_bit(phototag: Run, real_photos: Path, home: Path, tmp_path: Path) -> None:
    save_always(home / "models" / "always", "animal", "dog")
    library = tmp_path / "library"
    for folder in ("metadata", "orientation"):
        photos = sorted(path for path in (real_photos / folder).rglob("*") if path.is_file())
        for number, path in enumerate(photos[::4]):
            (library / folder).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, library / folder / f"{number}{path.suffix}")
    before = files(library)
    phototag("scan", library)
    assert len(files(library)) > len(before), "no sidecar was written"
    assert phototag("undo").returncode == 0
    assert files(library) == before
