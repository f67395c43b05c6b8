"""The owner's edits are law: what they took out stays out, what they added is theirs, in photos and in sidecars."""

from pathlib import Path

import pytest

from phototag.index import Index
from tests.journal.library import edit, found, held, run_scan

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
