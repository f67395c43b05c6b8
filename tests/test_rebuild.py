"""An index made anew from the photos themselves, with and without what is left of the old one."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from phototag.errors import UnreachableError
from phototag.index import Index, open_index
from phototag.index.adopted import Adopted
from phototag.metadata import open_writer
from phototag.rebuild import Restored, rebuild
from phototag.records import Failed, Memory
from tests.conftest import Run
from tests.journal.library import edit
from tests.models import save_always
from tests.photos import make_jpeg


@pytest.fixture
def library(tmp_path: Path, home: Path, phototag: Run) -> Path:
    """Three scanned photos, one with a keyword of the owner's."""
    save_always(home / "models" / "always", "animal", "dog")
    folder = tmp_path / "library"
    folder.mkdir()
    for name, width in (("a.jpg", 320), ("b.jpg", 330), ("c.jpg", 340)):
        (folder / name).write_bytes(make_jpeg(size=(width, 240)))
    edit(folder / "a.jpg", ["Rome"])
    assert phototag("scan", folder).returncode == 0
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Index]:
    index = open_index(tmp_path / "new.sqlite")
    yield index
    index.close()


def rebuilt(library: Path, old: Path | None, new: Index) -> list[Restored | Failed]:
    before = None if old is None else open_index(old, readonly=True)
    events = list(rebuild([str(library)], before, new, open_writer()))
    if before is not None:
        before.close()
    return events


def test_what_the_old_index_knows_is_kept(library: Path, home: Path, new: Index) -> None:
    old = open_index(home / "index.sqlite")
    old.adopt([Adopted(old.known_in(str(library), "always")["b.jpg"].ref, imported=("holiday",))])
    entries = [old.entry(str(library / name)) for name in ("a.jpg", "b.jpg", "c.jpg")]
    known = old.known_in(str(library), "always")
    likeness = old.likenesses([known["a.jpg"].number])[known["a.jpg"].number]
    old.close()
    events = rebuilt(library, home / "index.sqlite", new)
    assert [(event.known, event.keywords, event.placed) for event in events if isinstance(event, Restored)] == [
        (True, 1, 2),
        (True, 1, 2),
        (True, 0, 2),
    ]
    for name, entry in zip(("a.jpg", "b.jpg", "c.jpg"), entries, strict=True):
        now = new.entry(str(library / name))
        assert now is not None and entry is not None
        assert (now.ref, now.facts, now.keywords, now.imported) == (
            entry.ref,
            entry.facts,
            entry.keywords,
            entry.imported,
        )
        assert [(v.model, v.where, v.tags, v.guesses) for v in now.verdicts] == [
            (v.model, v.where, v.tags, v.guesses) for v in entry.verdicts
        ]
    again = new.known_in(str(library), "always")
    assert {name: (k.decision, k.memory) for name, k in again.items()} == {
        name: (k.decision, k.memory) for name, k in known.items()
    }
    assert likeness.picture
    assert new.likenesses([again["a.jpg"].number]) == {again["a.jpg"].number: likeness}


def test_a_photo_that_changed_keeps_its_words_and_whose_they_are(library: Path, home: Path, new: Index) -> None:
    edit(library / "b.jpg", ["animal", "dog", "Oslo"])
    rebuilt(library, home / "index.sqlite", new)
    known = new.known_in(str(library), "always")["b.jpg"]
    assert (known.decision, known.memory) == (None, Memory(added=frozenset({"animal", "dog"})))
    assert [hit.path for hit in new.search("keyword:oslo tag:dog")] == [str(library / "b.jpg")]
    assert new.count("keyword:dog") == 0


def test_without_an_old_index_every_word_is_the_owners(library: Path, new: Index) -> None:
    events = rebuilt(library, None, new)
    assert [event.known for event in events if isinstance(event, Restored)] == [False] * 3
    assert (new.count("keyword:dog"), new.count("tag:dog"), new.count("keyword:rome")) == (3, 0, 1)


def test_words_in_sidecars_count_too(library: Path, home: Path, new: Index) -> None:
    (library / "a.xmp").write_text(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        "<rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:subject><rdf:Bag><rdf:li>summer</rdf:li>"
        "</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    rebuilt(library, home / "index.sqlite", new)
    assert [hit.path for hit in new.search("keyword:summer keyword:rome")] == [str(library / "a.jpg")]


def test_folders_that_are_not_there_are_told_of(tmp_path: Path, new: Index) -> None:
    (event,) = rebuilt(tmp_path / "nowhere", None, new)
    assert isinstance(event, Failed)
    assert event.reason == "not found"


def test_an_old_index_that_cannot_be_reached_for_a_moment_is_not_taken_for_damaged(library: Path, new: Index) -> None:
    class Away:
        def entry(self, path: str) -> None:
            raise UnreachableError(path)

    with pytest.raises(UnreachableError, match=r"a\.jpg"):
        list(rebuild([str(library)], cast("Index", Away()), new, open_writer()))
