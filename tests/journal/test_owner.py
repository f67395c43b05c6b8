"""The owner's edits are law: what they took out stays out, what they added is theirs, in photos and in sidecars."""

import os
import time
from pathlib import Path

import pytest

from phototag.index import Index
from phototag.records import Decoded, Fit, PhotoRef, Place, Tagged
from phototag.vectors import VectorFile
from tests.index.raw import opened
from tests.journal.library import edit, found, held, run_scan, run_undo
from tests.models import ColourBackbone

_PLACES = pytest.mark.parametrize(
    ("name", "word"), [("a.jpg", "red"), ("trip/c.gif", "blue")], ids=["in the photo", "in its sidecar"]
)


@_PLACES
def test_a_word_that_was_taken_out_is_not_written_again(library: Path, index: Index, name: str, word: str) -> None:
    run_scan(library, index)
    edit(library / name, ["colour"], without=[word])
    for decision in ("1", "2"):
        run_scan(library, index, decision=decision, rescan=True)
        assert held(library / name) == {"colour"}
    assert index.entry(str(library / name)).rejected == (word,)  # type: ignore[union-attr]


@_PLACES
def test_a_word_that_was_added_is_the_owners_and_found(library: Path, index: Index, name: str, word: str) -> None:
    run_scan(library, index)
    edit(library / name, [word, "colour", "Rome"])
    run_scan(library, index)
    assert held(library / name) == {word, "colour", "Rome"}
    entry = index.entry(str(library / name))
    assert entry is not None
    assert entry.keywords == ("Rome",)
    assert found(index, "Rome") == {Path(name).name}
    assert found(index, word) == {Path(name).name}


def edit_sidecar(place: Place, photo: Path, words: list[str], without: list[str]) -> None:
    """Edit a sidecar an hour after the last scan, as far as that can tell, and leave its photo as it is."""
    before = photo.stat()
    edit(photo, words, without)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    with opened(place) as raw:
        raw.execute("UPDATE verdicts SET decided_at = decided_at - 3600")


def no_decoding(ref: PhotoRef, image_size: int, fit: Fit) -> Decoded:
    raise AssertionError(f"{ref.path} is decoded")


def test_a_sidecar_that_was_edited_alone_is_seen_and_nothing_is_decoded(
    library: Path, index: Index, place: Place
) -> None:
    photo = library / "trip" / "c.gif"
    vectors = VectorFile(library.parent / "v", ColourBackbone.network)
    run_scan(library, index, vectors=vectors)
    edit_sidecar(place, photo, ["colour", "Rome"], without=["blue"])
    looked_at = run_scan(library, index, vectors=vectors, decode=no_decoding)
    assert [Path(one.ref.path).name for one in looked_at if isinstance(one, Tagged)] == ["c.gif"]
    entry = index.entry(str(photo))
    assert entry is not None
    assert (entry.keywords, entry.rejected) == (("Rome",), ("blue",))
    assert held(photo) == {"colour", "Rome"}
    assert not [event for event in run_scan(library, index, vectors=vectors) if isinstance(event, Tagged)]
    vectors.close()


def test_an_undone_photos_sidecar_and_one_from_the_future_call_for_no_look(
    library: Path, index: Index, place: Place
) -> None:
    run_scan(library, index)
    sidecar = library / "trip" / "c.xmp"
    os.utime(sidecar, (time.time() + 3600,) * 2)
    assert not [event for event in run_scan(library, index) if isinstance(event, Tagged)]
    edit(library / "trip" / "c.gif", ["Rome"])
    run_undo(index, 1)
    edit_sidecar(place, library / "trip" / "c.gif", ["Rome", "2024"], without=[])
    run_scan(library, index)
    assert held(library / "trip" / "c.gif") == {"Rome", "2024"}
