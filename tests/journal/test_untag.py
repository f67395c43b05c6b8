"""phototag's own words go, the owner's stay."""

from pathlib import Path

from phototag.index import Index
from phototag.records import Unchanged
from tests.journal.library import edit, files, found, held, run_scan, run_untag


def test_a_word_goes_from_photo_sidecar_and_index_and_no_scan_brings_it_back(library: Path, index: Index) -> None:
    run_scan(library, index)
    assert set(run_untag(index, "COLOUR")) == {"a.jpg", "b.jpg", "c.gif"}
    assert held(library / "a.jpg") == {"red"}
    assert held(library / "trip" / "c.gif") == {"blue"}
    assert not found(index, "colour")
    assert found(index, "red") == {"a.jpg"}
    run_scan(library, index, rescan=True)
    assert held(library / "a.jpg") == {"red"}
    assert index.entry(str(library / "a.jpg")).rejected == ("colour",)  # type: ignore[union-attr]


def test_the_owners_own_word_stays(library: Path, index: Index) -> None:
    edit(library / "a.jpg", ["Colour", "Rome"])
    run_scan(library, index)
    run_untag(index, "colour")
    assert held(library / "a.jpg") == {"red", "Colour", "Rome"}
    assert found(index, "colour") == {"a.jpg"}


def test_all_words_go_and_a_nightly_scan_leaves_them_out(library: Path, index: Index) -> None:
    before = {name: data for name, (data, _) in files(library).items()}
    run_scan(library, index)
    edit(library / "a.jpg", ["Rome"])
    run_scan(library, index)
    assert run_untag(index, None)["a.jpg"] == {"red", "colour"}
    assert held(library / "a.jpg") == {"Rome"}
    assert found(index, "red OR colour") == set()
    events = run_scan(library, index)
    assert sum(event.count for event in events if isinstance(event, Unchanged)) == 4
    run_scan(library, index, rescan=True)
    assert held(library / "a.jpg") == {"Rome", "red", "colour"}
    assert before.keys() <= files(library).keys()


def test_only_photos_below_the_folder_lose_it(library: Path, index: Index) -> None:
    run_scan(library, index)
    assert set(run_untag(index, "colour", library / "trip")) == {"c.gif"}
    assert found(index, "colour") == {"a.jpg", "b.jpg"}


def test_a_word_in_the_index_alone_goes_from_there(library: Path, index: Index) -> None:
    before = files(library)
    run_scan(library, index, write=False)
    run_untag(index, "red")
    assert files(library) == before
    assert not found(index, "red")
    assert [(run.kind, run.others) for run in index.runs()] == [("untag", 1)]


def test_a_dry_run_changes_nothing(library: Path, index: Index) -> None:
    run_scan(library, index)
    before = files(library)
    assert run_untag(index, "colour", dry_run=True)["a.jpg"] == {"colour"}
    assert files(library) == before
    assert [run.kind for run in index.runs()] == ["scan"]


def test_an_unknown_word_is_nothing_to_do(library: Path, index: Index) -> None:
    run_scan(library, index)
    assert run_untag(index, "zebra") == {}
    assert [run.kind for run in index.runs()] == ["scan"]


def test_what_the_owner_changed_meanwhile_is_indexed_as_theirs(library: Path, index: Index) -> None:
    run_scan(library, index)
    edit(library / "a.jpg", ["Rome"], without=["red"])
    run_untag(index, "colour")
    assert held(library / "a.jpg") == {"Rome"}
    run_scan(library, index)
    entry = index.entry(str(library / "a.jpg"))
    assert entry is not None
    assert (entry.keywords, entry.rejected) == (("Rome",), ("colour", "red"))
