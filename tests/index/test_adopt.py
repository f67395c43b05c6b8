"""Photos that become known, and keywords that come, without a scan."""

from phototag.index import Index
from phototag.index.adopted import Adopted
from phototag.index.journal import Standing
from phototag.records import Memory
from tests.index.records import ref, tagged


def paths(index: Index, query: str) -> list[str]:
    return [hit.path for hit in index.search(query)]


def test_an_adopted_photo_is_known_found_and_still_to_be_scanned(index: Index) -> None:
    photo = Adopted(
        ref("/p/a.jpg", 7, 8),
        keywords=("Rome",),
        imported=("holiday",),
        rejected=frozenset({"puppy"}),
        placed={"mine": {"dog": 0.9}},
    )
    index.adopt([photo, Adopted(ref("/p/b.jpg"))])
    known = index.known_in("/p", "mine")
    assert (known["a.jpg"].ref, known["a.jpg"].decision, known["a.jpg"].pending) == (photo.ref, None, False)
    assert known["a.jpg"].memory == Memory(added=frozenset({"dog"}), rejected=frozenset({"puppy"}))
    assert paths(index, "keyword:rome keyword:holiday tag:dog") == ["/p/a.jpg"]
    assert paths(index, "is:untagged") == ["/p/b.jpg"]
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert (entry.keywords, entry.imported, entry.verdicts) == (("Rome", "holiday"), ("holiday",), ())


def test_adopting_takes_nothing_away(index: Index) -> None:
    index.remember([tagged("/p/a.jpg", "dog", keywords=("Rome",))], "mine", "1")
    index.adopt([Adopted(ref("/p/a.jpg", 99, 99), imported=("Rome", "holiday"))])
    assert paths(index, "dog rome holiday camera:canon") == ["/p/a.jpg"]
    known = index.known_in("/p", "mine")["a.jpg"]
    assert (known.decision, known.ref) == ("1", ref("/p/a.jpg"))


def test_imported_keywords_outlive_scans_and_undoing(index: Index) -> None:
    index.adopt([Adopted(ref("/p/a.jpg"), keywords=("Rome",), imported=("holiday",))])
    index.remember([tagged("/p/a.jpg", "dog", keywords=("Paris",))], "mine", "1")
    assert paths(index, "keyword:holiday keyword:paris -rome") == ["/p/a.jpg"]
    index.remember([tagged("/p/a.jpg", "dog", keywords=("holiday",))], "mine", "2")
    index.remember([tagged("/p/a.jpg", "dog")], "mine", "3")
    assert paths(index, "keyword:holiday") == ["/p/a.jpg"]
    run = index.start_run("untag", "", [])
    number = index.known_in("/p", "mine")["a.jpg"].number
    index.untagged(number, run, None, Standing(None, None, frozenset(), keywords=("Oslo",)))
    assert paths(index, "keyword:holiday keyword:oslo -dog") == ["/p/a.jpg"]


def test_imported_keywords_go_with_their_photo(index: Index) -> None:
    index.adopt([Adopted(ref("/p/a.jpg"), imported=("holiday",))])
    index.forget([index.known_in("/p", "mine")["a.jpg"].number])
    index.remember([tagged("/p/a.jpg", "dog")], "mine", "1")
    assert paths(index, "holiday") == []


def test_words_that_look_alike_are_one(index: Index) -> None:
    index.adopt([Adopted(ref("/p/a.jpg"), imported=("Gro\u0308\u00dfe",))])
    index.adopt([Adopted(ref("/p/a.jpg"), keywords=("Gr\u00f6\u00dfe",))])
    assert [(tag.word, tag.photos) for tag in index.tags()] == [("Größe", 1)]
