"""What a run did can be taken back: bit for bit, or word by word where somebody has changed the file since."""

import os
import shutil
from pathlib import Path

import pytest

from phototag.decide import Rules
from phototag.errors import DiskError
from phototag.index import Index
from phototag.records import Place, Tagged, Unchanged
from tests.index.raw import opened
from tests.journal.library import edit, files, found, held, paint, run_scan, run_undo, run_untag


def test_every_file_is_as_before_with_its_time_and_no_sidecar_remains(library: Path, index: Index) -> None:
    before = files(library)
    run_scan(library, index)
    assert files(library) != before
    assert run_undo(index, 1) == {"a.jpg": "restored", "b.jpg": "restored", "c.xmp": "deleted"}
    assert files(library) == before
    assert not found(index, "red OR green OR blue")


def test_the_runs_tell_what_happened(library: Path, index: Index) -> None:
    run_scan(library, index)
    run_scan(library, index)
    run_undo(index, 1)
    undo, scan = index.runs()
    assert (scan.number, scan.kind, scan.model, scan.folders) == (1, "scan", "colours", (str(library),))
    assert (scan.photos, scan.sidecars, scan.left, scan.undone_by) == (2, 1, 0, 2)
    assert scan.finished is not None
    assert 0 < scan.patch_bytes < 400, "two photos' patches"
    assert (undo.kind, undo.undoes, undo.left) == ("undo", 1, 0)


def test_a_later_scan_leaves_undone_photos_alone_and_rejects_nothing(library: Path, index: Index) -> None:
    run_scan(library, index)
    run_undo(index, 1)
    before = files(library)
    events = run_scan(library, index)
    assert sum(event.count for event in events if isinstance(event, Unchanged)) == 4
    assert files(library) == before
    entry = index.entry(str(library / "a.jpg"))
    assert entry is not None
    assert (entry.rejected, entry.keywords) == ((), ())
    assert "undone by run 2" in entry.verdicts[0].note


@pytest.mark.parametrize("how", [{"rescan": True}, {"decision": "2"}], ids=["rescan", "another verdict"])
def test_a_wish_to_scan_again_writes_the_words_again(library: Path, index: Index, how: dict[str, object]) -> None:
    run_scan(library, index)
    after = {name: data for name, (data, _) in files(library).items()}
    run_undo(index, 1)
    run_scan(library, index, **how)
    assert {name: data for name, (data, _) in files(library).items()} == after
    assert found(index, "red") == {"a.jpg"}


def test_words_that_were_in_the_index_alone_before_are_so_again_and_stay_so(library: Path, index: Index) -> None:
    before = files(library)
    run_scan(library, index, write=False)
    run_scan(library, index)
    run_undo(index, 1)
    assert files(library) == before
    assert found(index, "red") == {"a.jpg"}
    run_scan(library, index)
    assert files(library) == before


def test_a_file_changed_since_loses_phototags_words_alone(library: Path, index: Index) -> None:
    run_scan(library, index)
    edit(library / "a.jpg", ["Rome", "Anna"])
    edit(library / "trip" / "c.gif", ["Rome"])
    assert run_undo(index, 1) == {"a.jpg": "words", "b.jpg": "restored", "c.xmp": "words"}
    assert held(library / "a.jpg") == {"Rome", "Anna"}
    assert held(library / "trip" / "c.gif") == {"Rome"}
    assert found(index, "Rome") == {"a.jpg", "c.gif"}
    assert not found(index, "red")
    run_scan(library, index)
    assert held(library / "a.jpg") == {"Rome", "Anna"}


def test_a_word_the_owner_had_taken_out_since_stays_rejected(library: Path, index: Index) -> None:
    run_scan(library, index)
    edit(library / "a.jpg", ["colour"], without=["red"])
    assert held(library / "a.jpg") == {"colour"}
    assert run_undo(index, 1)["a.jpg"] == "words"
    assert held(library / "a.jpg") == set()
    run_scan(library, index, rescan=True)
    assert held(library / "a.jpg") == {"colour"}


def test_two_runs_are_undone_one_after_the_other(library: Path, index: Index) -> None:
    first = files(library)
    run_scan(library, index)
    second = files(library)
    run_scan(library, index, decision="2", rules=Rules(1.1, None))
    assert held(library / "a.jpg") == set()
    assert run_undo(index, 1)["a.jpg"] == "written later"
    assert run_undo(index, 2) == {"a.jpg": "restored", "b.jpg": "restored", "c.xmp": "restored"}
    assert files(library) == second
    assert found(index, "red") == {"a.jpg"}, "the index says again what it said then"
    assert index.entry(str(library / "a.jpg")).keywords == ()  # type: ignore[union-attr]
    assert run_undo(index, 1) == {"a.jpg": "restored", "b.jpg": "restored", "c.xmp": "deleted"}
    assert files(library) == first


def test_the_owners_keywords_of_before_survive(library: Path, index: Index) -> None:
    edit(library / "a.jpg", ["Rome", "red"])
    before = files(library)
    run_scan(library, index)
    assert held(library / "a.jpg") == {"Rome", "red", "colour"}
    run_undo(index, 1)
    assert files(library) == before
    assert set(index.entry(str(library / "a.jpg")).keywords) == {"Rome", "red"}  # type: ignore[union-attr]


def test_another_models_word_in_the_file_is_no_longer_counted_as_there(library: Path, index: Index) -> None:
    run_scan(library, index)
    run_scan(library, index, model="other")
    run_undo(index, 1)
    assert held(library / "a.jpg") == set()
    run_scan(library, index, model="other", rescan=True)
    assert held(library / "a.jpg") == {"red", "colour"}
    assert index.entry(str(library / "a.jpg")).rejected == ()  # type: ignore[union-attr]


def test_only_one_folder_may_be_undone(library: Path, index: Index) -> None:
    before = files(library)
    run_scan(library, index)
    assert run_undo(index, 1, library / "trip") == {"c.xmp": "deleted"}
    assert held(library / "a.jpg") == {"red", "colour"}
    assert run_undo(index, 1) == {"a.jpg": "restored", "b.jpg": "restored"}
    assert files(library) == before


def test_a_moved_photo_is_restored_where_it_is_now(library: Path, index: Index) -> None:
    before = (library / "a.jpg").read_bytes()
    run_scan(library, index)
    (library / "a.jpg").rename(library / "trip" / "z.jpg")
    run_scan(library, index)
    assert run_undo(index, 1)["z.jpg"] == "restored"
    assert (library / "trip" / "z.jpg").read_bytes() == before


def test_a_photo_that_is_gone_is_named_and_the_rest_undone(library: Path, index: Index) -> None:
    run_scan(library, index)
    kept = (library / "a.jpg").read_bytes()
    (library / "a.jpg").unlink()
    assert run_undo(index, 1) == {"a.jpg": "not found", "b.jpg": "restored", "c.xmp": "deleted"}
    (library / "a.jpg").write_bytes(kept)
    assert run_undo(index, 1) == {"a.jpg": "restored"}


def test_a_sidecar_that_the_owner_deleted_is_no_loss(library: Path, index: Index) -> None:
    run_scan(library, index)
    (library / "trip" / "c.xmp").unlink()
    assert run_undo(index, 1)["c.xmp"] == "nothing"


def test_a_write_that_never_happened_is_nothing_to_undo(library: Path, index: Index) -> None:
    original = (library / "a.jpg").read_bytes()
    run_scan(library, index)
    (library / "a.jpg").write_bytes(original)  # as if the machine had stopped before the file was replaced
    assert run_undo(index, 1)["a.jpg"] == "nothing"
    assert (library / "a.jpg").read_bytes() == original
    assert not found(index, "red")


def test_a_dry_run_says_the_same_and_changes_nothing(library: Path, index: Index) -> None:
    run_scan(library, index)
    edit(library / "a.jpg", ["Rome"])
    before = files(library)
    planned = run_undo(index, 1, dry_run=True)
    assert files(library) == before
    assert [run.kind for run in index.runs()] == ["scan"]
    assert planned == run_undo(index, 1)


def test_after_an_undo_cut_short_a_scan_does_not_think_that_the_owner_took_words_out(
    library: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_scan(library, index)

    def full(*_: object, **__: object) -> None:
        raise DiskError("full")

    with monkeypatch.context() as broken:
        broken.setattr(type(index), "undone", full)
        with pytest.raises(DiskError):
            run_undo(index, 1)
    gone = [path for path in (library / "trip" / "c.xmp", library / "b.jpg") if not path.exists() or not held(path)]
    assert gone, "a file was put back and not recorded"
    run_scan(library, index)
    assert held(library / "trip" / "c.gif") == {"blue", "colour"}
    assert held(library / "b.jpg") == {"green", "colour"}
    assert all(not index.entry(str(path)).rejected for path in library.rglob("*.[jg]*"))  # type: ignore[union-attr]


def test_a_read_only_photo_is_named_and_stays_in_the_journal(library: Path, index: Index) -> None:
    run_scan(library, index)
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    library.chmod(0o555)
    try:
        assert run_undo(index, 1)["a.jpg"] == "not writable"
    finally:
        library.chmod(0o755)
    assert run_undo(index, 1) == {"a.jpg": "restored", "b.jpg": "restored"}


def test_a_scan_that_wrote_nothing_is_no_run(library: Path, index: Index) -> None:
    run_scan(library, index, dry_run=True)
    run_scan(library, index, write=False)
    assert list(index.runs()) == []


def test_a_forgotten_photo_that_came_back_is_still_restored(library: Path, index: Index) -> None:
    before = (library / "a.jpg").read_bytes()
    run_scan(library, index)
    aside = shutil.move(library / "a.jpg", library.parent / "aside")
    run_scan(library, index)
    shutil.move(aside, library / "a.jpg")
    assert run_undo(index, 1)["a.jpg"] == "restored"
    assert (library / "a.jpg").read_bytes() == before


def test_what_old_runs_did_can_be_forgotten_and_later_runs_still_be_undone(
    library: Path, index: Index, place: Place
) -> None:
    run_scan(library, index)
    middle = files(library)
    run_untag(index, "colour")
    with opened(place) as raw:
        raw.execute("UPDATE runs SET started_at = 1000 * id")
    assert index.forget_writes(1000) == (0, 0)
    assert index.forget_writes(2000) == (1, 3)
    untagging, scan = index.runs()
    assert (scan.photos, scan.sidecars, scan.left, scan.forgotten, scan.patch_bytes) == (2, 1, 0, 3, 0)
    assert (untagging.left, untagging.forgotten) == (3, 0)
    assert run_undo(index, 1) == {}
    assert run_undo(index, 2) == {"a.jpg": "restored", "b.jpg": "restored", "c.xmp": "restored"}
    assert files(library) == middle
    assert not [event for event in run_scan(library, index) if isinstance(event, Tagged)]


def test_an_untagged_word_comes_back(library: Path, index: Index) -> None:
    run_scan(library, index)
    before = files(library)
    run_untag(index, "colour")
    assert held(library / "a.jpg") == {"red"}
    assert run_undo(index, 2) == {"a.jpg": "restored", "b.jpg": "restored", "c.xmp": "restored"}
    assert files(library) == before
    assert found(index, "colour") == {"a.jpg", "b.jpg", "c.gif"}
    assert index.entry(str(library / "a.jpg")).rejected == ()  # type: ignore[union-attr]
    assert not [event for event in run_scan(library, index) if isinstance(event, Tagged)]


def test_an_untagged_word_comes_back_into_a_file_changed_since(library: Path, index: Index) -> None:
    run_scan(library, index)
    run_untag(index, "colour")
    edit(library / "a.jpg", ["Rome"])
    assert run_undo(index, 2)["a.jpg"] == "words"
    assert held(library / "a.jpg") == {"red", "Rome", "colour"}
    entry = index.entry(str(library / "a.jpg"))
    assert entry is not None
    assert (entry.keywords, entry.rejected) == (("Rome",), ())
    assert paint(library / "new.jpg", "red")
    run_scan(library, index)
    assert held(library / "a.jpg") == {"red", "Rome", "colour"}
