"""What every kind of index promises a scan."""

import os
import sys
import time
from pathlib import Path

import pytest

from phototag.index import Index, Likeness, TagCount
from phototag.index.adopted import Adopted
from phototag.index.journal import Intent, Write
from phototag.records import Facts, Memory, Tag
from tests.index.records import FACTS, failed, ref, tagged


def remember(index: Index, *results: object, model: str = "mine", decision: str = "1") -> None:
    index.remember(results, model, decision)  # type: ignore[arg-type]


def test_a_remembered_photo_is_known_as_it_was(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", added=frozenset({"dog"}), ref=ref("/p/a.jpg", 77, 88)))
    known = index.known_in("/p", "mine")["a.jpg"]
    assert known.ref == ref("/p/a.jpg", 77, 88)
    assert (known.decision, known.where, known.failure, known.pending) == ("1", "photo", None, False)
    assert known.memory == Memory(added=frozenset({"dog"}))


def test_all_of_a_photo_comes_back(index: Index) -> None:
    tags = (Tag("beagle", 0.91, ("animal", "dog")), Tag("animal", 0.99), Tag("dog", 0.95, ("animal",)))
    guesses = (*tags, Tag("cat", 0.0123, ("animal",)))
    result = tagged(
        "/p/a.jpg",
        *tags,
        guesses=guesses,
        distance=0.25,
        where="sidecar",
        note="the file is read-only",
        keywords=("Rome", "2023"),
        rejected=frozenset({"puppy"}),
        content_hash=b"\x07" * 32,
    )
    remember(index, result)
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert (entry.ref, entry.facts, entry.content_hash) == (result.ref, FACTS, b"\x07" * 32)
    assert (entry.keywords, entry.rejected, entry.failure) == (("2023", "Rome"), ("puppy",), None)
    (verdict,) = entry.verdicts
    assert verdict.tags == (tags[1], tags[2], tags[0])
    assert verdict.guesses == guesses
    assert (verdict.model, verdict.where, verdict.distance) == ("mine", "sidecar", 0.25)
    assert verdict.note == "the file is read-only"
    assert verdict.decided_at.endswith("+00:00")


def test_an_unknown_photo_has_no_entry(index: Index) -> None:
    assert index.entry("/p/a.jpg") is None
    assert index.known_in("/p", "mine") == {}


def test_facts_that_are_missing_stay_missing(index: Index) -> None:
    remember(index, tagged("/p/a.png", facts=Facts("PNG", 1, 2)))
    entry = index.entry("/p/a.png")
    assert entry is not None
    assert entry.facts == Facts("PNG", 1, 2)


def test_only_the_folder_itself_is_looked_into(index: Index) -> None:
    remember(index, tagged("/p/a.jpg"), tagged("/p/q/b.jpg"), tagged("/pq/c.jpg"))
    assert list(index.known_in("/p", "mine")) == ["a.jpg"]


def test_a_later_verdict_replaces_the_earlier(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", keywords=("Rome",), rejected=frozenset({"cat"})))
    remember(index, tagged("/p/a.jpg", "wolf", where="index", keywords=("Paris",)), decision="2")
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert [tag.word for tag in entry.verdicts[0].tags] == ["wolf"]
    assert (entry.keywords, entry.rejected) == (("Paris",), ())
    known = index.known_in("/p", "mine")["a.jpg"]
    assert (known.decision, known.where) == ("2", "index")
    assert index.photo_count() == 1


def test_of_two_results_for_one_photo_in_a_batch_the_last_counts(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog"), failed("/p/b.jpg"), tagged("/p/a.jpg", "cat"), tagged("/p/b.jpg", "cow"))
    assert {tag.word for tag in index.tags()} == {"cat", "cow"}
    assert index.known_in("/p", "mine")["b.jpg"].failure is None


def test_each_model_keeps_its_own_verdict_and_words(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", added=frozenset({"dog", "old"})))
    remember(index, tagged("/p/a.jpg", "pet", added=frozenset({"pet"})), model="theirs", decision="9")
    mine, theirs = (index.known_in("/p", model)["a.jpg"] for model in ("mine", "theirs"))
    assert (mine.decision, theirs.decision) == ("1", "9")
    assert mine.memory == Memory(added=frozenset({"dog", "old"}), kept=frozenset({"pet"}), others=frozenset({"pet"}))
    assert theirs.memory == Memory(
        added=frozenset({"pet"}), kept=frozenset({"dog", "old"}), others=frozenset({"dog", "old"})
    )
    third = index.known_in("/p", "third")["a.jpg"]
    assert (third.decision, third.where) == (None, None)
    assert third.memory.kept == {"dog", "old", "pet"}


def test_a_word_said_but_not_written_is_kept_and_not_counted_as_put_into_the_file(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", where="index"))
    assert index.known_in("/p", "theirs")["a.jpg"].memory == Memory(kept=frozenset({"dog"}))


def test_broader_words_are_tags_of_the_photo(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", Tag("beagle", 0.8, ("animal", "dog"))))
    assert {tag.word for tag in index.tags()} == {"animal", "dog", "beagle"}
    assert [hit.score for hit in index.search("animal")] == [0.8]


def test_each_photo_has_the_broader_words_that_were_said_of_it(index: Index) -> None:
    pug, toy = Tag("pug", 0.8, ("animal", "dog")), Tag("pug", 0.7, ("toy",))
    remember(index, tagged("/p/a.jpg", pug), tagged("/p/b.jpg", toy), tagged("/p/c.jpg", pug, guesses=(toy,)))
    found = {hit.path: set(hit.tags) for hit in index.search("pug")}
    dogs = {"animal", "dog", "pug"}
    assert found == {"/p/a.jpg": dogs, "/p/b.jpg": {"toy", "pug"}, "/p/c.jpg": dogs}


def test_an_unfinished_write_is_pending_with_its_words(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", added=frozenset({"dog"})))
    index.intend(ref("/p/a.jpg"), "mine", frozenset({"wolf"}))
    known = index.known_in("/p", "mine")["a.jpg"]
    assert known.pending
    assert known.memory.added == {"dog", "wolf"}
    assert known.decision == "1"


def test_an_unfinished_write_of_a_new_photo_makes_it_known(index: Index) -> None:
    index.intend(ref("/p/new.jpg"), "mine", frozenset({"dog"}))
    known = index.known_in("/p", "mine")["new.jpg"]
    assert (known.pending, known.decision, known.where) == (True, None, None)
    assert known.memory.added == {"dog"}


def test_a_write_that_adds_no_word_is_pending_too(index: Index) -> None:
    index.intend(ref("/p/a.jpg"), "mine", frozenset())
    assert index.known_in("/p", "mine")["a.jpg"].pending


def test_words_of_two_unfinished_writes_add_up(index: Index) -> None:
    index.intend(ref("/p/a.jpg"), "mine", frozenset({"dog"}))
    index.intend(ref("/p/a.jpg"), "mine", frozenset({"cat"}))
    assert index.known_in("/p", "mine")["a.jpg"].memory.added == {"dog", "cat"}


def test_remembering_ends_this_models_unfinished_write_alone(index: Index) -> None:
    index.intend(ref("/p/a.jpg"), "mine", frozenset({"dog"}))
    index.intend(ref("/p/a.jpg"), "theirs", frozenset({"pet"}))
    remember(index, tagged("/p/a.jpg", "dog"))
    mine, theirs = (index.known_in("/p", model)["a.jpg"] for model in ("mine", "theirs"))
    assert (mine.pending, theirs.pending) == (False, True)
    assert mine.memory.kept == {"pet"}
    assert mine.memory.others == frozenset(), "it may never have arrived in the file"


def test_a_failure_is_known_with_its_reason(index: Index) -> None:
    remember(index, failed("/p/a.jpg", "truncated", "ends after 12 bytes", size_bytes=12))
    known = index.known_in("/p", "mine")["a.jpg"]
    assert (known.failure, known.decision, known.ref.size_bytes) == ("truncated", None, 12)
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert entry.failure == "truncated: ends after 12 bytes"
    assert (entry.facts, entry.content_hash, entry.verdicts) == (None, None, ())


def test_a_photo_that_fails_keeps_its_words_and_is_still_found(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", added=frozenset({"dog"})))
    remember(index, failed("/p/a.jpg", size_bytes=9))
    known = index.known_in("/p", "mine")["a.jpg"]
    assert (known.failure, known.decision, known.ref.size_bytes) == ("truncated", "1", 9)
    assert known.memory.added == {"dog"}
    assert [hit.path for hit in index.search("dog")] == ["/p/a.jpg"]


def test_a_failed_photo_that_changed_is_no_longer_known_by_its_content(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", content_hash=b"a" * 32), tagged("/p/b.jpg", content_hash=b"b" * 32))
    remember(index, failed("/p/a.jpg", size_bytes=9), failed("/p/b.jpg"))
    assert index.known_by_content(b"a" * 32, "mine") == []
    assert [known.ref.path for known in index.known_by_content(b"b" * 32, "mine")] == ["/p/b.jpg"]


def test_success_ends_a_failure(index: Index) -> None:
    remember(index, failed("/p/a.jpg"))
    remember(index, tagged("/p/a.jpg", "dog"))
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert entry.failure is None
    assert index.known_in("/p", "mine")["a.jpg"].failure is None


def test_a_failure_does_not_end_an_unfinished_write(index: Index) -> None:
    index.intend(ref("/p/a.jpg"), "mine", frozenset({"dog"}))
    remember(index, failed("/p/a.jpg"))
    assert index.known_in("/p", "mine")["a.jpg"].pending


def test_a_folder_that_could_not_be_listed_is_not_a_photo(index: Index, tmp_path: Path) -> None:
    remember(index, failed(str(tmp_path), "unreadable"))
    assert index.photo_count() == 0


def test_a_photos_likeness_comes_back_and_outlives_a_failure(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", picture=b"\x05" * 8), tagged("/p/b.jpg"), failed("/p/c.jpg"))
    a, b, c = (known.number for _, known in sorted(index.known_in("/p", "mine").items()))
    assert index.likenesses([a, b, c]) == {
        a: Likeness(b"\x01" * 32, b"\x05" * 8, FACTS),
        b: Likeness(b"\x01" * 32, b"", FACTS),
        c: Likeness(None, b"", None),
    }
    remember(index, failed("/p/a.jpg", size_bytes=7))
    assert index.likenesses([a, 99]) == {a: Likeness(None, b"\x05" * 8, FACTS)}


def test_of_a_photo_that_begins_anew_only_the_owners_words_are_left(index: Index) -> None:
    how = {"added": frozenset({"dog"}), "keywords": ("Rome",), "rejected": frozenset({"cat"})}
    remember(index, tagged("/p/a.jpg", "dog", **how), tagged("/p/b.jpg", "dog"))
    remember(index, tagged("/p/a.jpg", "sky", **how | {"added": frozenset({"sky"})}), model="other")
    run = index.start_run("scan", "mine", [])
    index.intend(ref("/p/a.jpg"), "mine", frozenset({"wolf"}), None, Write(run, "photo", "/p/a.jpg"))
    index.begin_anew([index.known_in("/p", "mine")["a.jpg"].number])
    known = index.known_in("/p", "mine")
    assert (known["a.jpg"].decision, known["a.jpg"].pending) == (None, False)
    assert known["a.jpg"].memory == Memory(rejected=frozenset({"cat"}))
    assert [written.photo for written in index.writes_of(run)] == [None]
    assert [index.count(query) for query in ("dog", "sky", "Rome", "tag:dog")] == [1, 0, 1, 1]


def test_it_is_known_when_a_model_decided_on_the_photos_of_a_folder(index: Index) -> None:
    before = int(time.time())
    remember(index, tagged("/p/a.jpg", "dog"), tagged("/p/q/b.jpg"), failed("/p/c.jpg"))
    remember(index, tagged("/p/d.jpg"), model="other")
    decided = index.decided_in("/p", "mine")
    assert list(decided) == ["a.jpg"]
    assert before <= decided["a.jpg"] <= time.time()
    assert index.decided_in("/p", "nobody") == {}


def test_photos_are_known_by_their_content(index: Index) -> None:
    remember(index, *(tagged(f"/p/{n}.jpg", content_hash=bytes([n]) * 32) for n in range(3)))
    remember(index, tagged("/q/copy.jpg", content_hash=b"\x01" * 32))
    found = index.known_by_content(b"\x01" * 32, "mine")
    assert [known.ref.path for known in found] == ["/p/1.jpg", "/q/copy.jpg"]
    assert index.known_by_content(b"\x09" * 32, "mine") == []


def test_many_photos_are_known_by_their_content_at_once(index: Index) -> None:
    remember(index, *(tagged(f"/p/{n}.jpg", content_hash=bytes([n]) * 32) for n in range(3)))
    remember(index, tagged("/q/copy.jpg", content_hash=b"\x01" * 32))
    found = index.known_by_contents([b"\x01" * 32, b"\x02" * 32, b"\x09" * 32], "mine")
    paths = {content: [known.ref.path for known in alike] for content, alike in found.items()}
    assert paths == {b"\x01" * 32: ["/p/1.jpg", "/q/copy.jpg"], b"\x02" * 32: ["/p/2.jpg"]}


def test_many_writes_are_announced_at_once_each_with_its_own_words(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "cat"))
    index.intend(ref("/p/a.jpg"), "mine", frozenset({"cat"}))
    intents = [Intent(ref("/p/a.jpg"), frozenset({"dog"})), Intent(ref("/q/b.jpg"), frozenset({"fox", "pet"}))]
    index.intend_all(intents, "mine")
    a, b = index.known_in("/p", "mine")["a.jpg"], index.known_in("/q", "mine")["b.jpg"]
    assert (a.pending, b.pending) == (True, True)
    assert (a.memory.added, b.memory.added) == ({"cat", "dog"}, {"fox", "pet"})


@pytest.mark.parametrize("intended", [True, False], ids=["announced before the write", "only remembered"])
def test_a_moved_photo_keeps_its_number_and_all_models_words(index: Index, intended: bool) -> None:
    remember(index, tagged("/old/a.jpg", "dog"))
    remember(index, tagged("/old/a.jpg", "pet"), model="theirs")
    number = index.known_in("/old", "mine")["a.jpg"].number
    if intended:
        index.intend(ref("/new/b.jpg"), "mine", frozenset({"dog"}), moved_from=number)
        assert index.known_in("/new", "mine")["b.jpg"].pending
    remember(index, tagged("/new/b.jpg", "dog", moved_from=number))
    assert index.known_in("/new", "mine")["b.jpg"].number == number
    entry = index.entry("/new/b.jpg")
    assert entry is not None
    assert {verdict.model for verdict in entry.verdicts} == {"mine", "theirs"}
    assert index.entry("/old/a.jpg") is None
    assert (index.photo_count(), list(index.folders_below("/"))) == (1, ["/new"])


def test_a_photo_moved_onto_another_takes_its_place(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog"), tagged("/p/b.jpg", "cat", keywords=("gone",)))
    number = index.known_in("/p", "mine")["a.jpg"].number
    remember(index, tagged("/p/b.jpg", "dog", moved_from=number))
    assert {name: known.number for name, known in index.known_in("/p", "mine").items()} == {"b.jpg": number}
    assert [hit.path for hit in index.search("gone OR cat")] == []


def test_a_move_from_a_forgotten_photo_is_a_new_photo(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog"))
    number = index.known_in("/p", "mine")["a.jpg"].number
    index.forget([number])
    remember(index, tagged("/p/b.jpg", "dog", moved_from=number))
    assert list(index.known_in("/p", "mine")) == ["b.jpg"]


def test_forgotten_photos_leave_nothing(index: Index) -> None:
    remember(index, *(tagged(f"/p/{n}.jpg", "dog", rejected=frozenset({"cat"})) for n in range(1_200)))
    remember(index, tagged("/q/a.jpg", "cat"))
    index.intend(ref("/p/0.jpg"), "mine", frozenset({"dog"}))
    index.forget([known.number for known in index.known_in("/p", "mine").values()])
    assert index.photo_count() == 1
    assert list(index.tags()) == [TagCount("cat", 1, "phototag")]
    assert list(index.folders_below("/")) == ["/q"]


def test_a_forgotten_number_is_not_given_again(index: Index) -> None:
    remember(index, tagged("/p/a.jpg"))
    number = index.known_in("/p", "mine")["a.jpg"].number
    index.forget([number])
    remember(index, tagged("/p/b.jpg"))
    assert index.known_in("/p", "mine")["b.jpg"].number > number


def test_folders_below_a_root_are_itself_and_what_lies_in_it(index: Index) -> None:
    inside = ["/lib", "/lib/2023", "/lib/2023/a_b", "/lib/2023/a%b", "/lib/\xff", "/lib/z"]
    outside = ["/library", "/lib.old", "/lib-2", "/li", "/lib0", "/LIB/x"]
    remember(index, *(tagged(f"{folder}/x.jpg") for folder in (*inside, *outside)))
    assert sorted(index.folders_below("/lib")) == sorted(inside)
    assert index.photo_count("/lib") == len(inside)
    assert sorted(index.folders_below("/lib/2023/a_b")) == ["/lib/2023/a_b"]
    assert index.photo_count("/") == index.photo_count() == len(inside) + len(outside)


def test_photos_may_be_forgotten_while_folders_are_listed(index: Index) -> None:
    remember(index, *(tagged(f"/p/{n:04}/x.jpg") for n in range(2_500)))
    listed = []
    for folder in index.folders_below("/p"):
        listed.append(folder)
        if folder.endswith("00"):
            index.forget([known.number for known in index.known_in(folder, "mine").values()])
    assert listed == [f"/p/{n:04}" for n in range(2_500)]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the file system allows only Unicode in names")
@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe.jpg",
        b"new\nline.jpg",
        "e\u0301.jpg".encode(),
        "\u00e9.jpg".encode(),
        b"'\"%_*.jpg",
        "\U0001f415.jpg".encode(),
    ],
    ids=["not UTF-8", "newline", "decomposed", "composed", "quotes and wildcards", "emoji"],
)
def test_a_path_of_any_bytes_comes_back(index: Index, name: bytes) -> None:
    path = os.path.join("/p", os.fsdecode(name), os.fsdecode(name))
    remember(index, tagged(path, "dog", note=f"{path}: cannot be written"), failed(path + "2", "odd", f"{path} is odd"))
    assert [hit.path for hit in index.search("dog")] == [path]
    assert index.known_in(os.path.dirname(path), "mine")[os.fsdecode(name)].ref.path == path
    assert list(index.folders_below("/")) == [os.path.dirname(path)]
    assert index.entry(path) is not None


def test_words_of_any_text_come_back(index: Index) -> None:
    words = ("Übergröße", "海滩日落", "🐕", "a,b", 'say "cheese"', "x" * 5_000, "[]", "")
    remember(index, tagged("/p/a.jpg", keywords=words, added=frozenset(words), rejected=frozenset(words)))
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert set(entry.keywords) == set(entry.rejected) == set(words)
    assert index.known_in("/p", "mine")["a.jpg"].memory.added == set(words)


def test_a_lone_surrogate_in_a_keyword_does_not_stop_the_scan(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", keywords=("caf\udce9",)))
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert entry.keywords == ("caf\\udce9",)


def test_words_are_counted_by_photo_and_by_who_gave_them(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", keywords=("dog", "Rome")), tagged("/p/b.jpg", "dog", "cat"))
    remember(index, tagged("/p/a.jpg", "dog", keywords=("dog", "Rome")), model="theirs")
    assert list(index.tags()) == [
        TagCount("dog", 2, "phototag"),
        TagCount("Rome", 1, "me"),
        TagCount("cat", 1, "phototag"),
        TagCount("dog", 1, "me"),
    ]


def test_guessed_and_removed_words_are_not_counted(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", guesses=(Tag("fox", 0.2),), added=frozenset({"old"})))
    assert list(index.tags()) == []


def test_nothing_is_done_for_an_empty_batch(index: Index) -> None:
    remember(index)
    index.forget([])
    assert index.photo_count() == 0


def test_what_the_last_look_found_comes_back(index: Index) -> None:
    beagle = Tag("beagle", 0.91, ("dog",))
    result = tagged("/p/a.jpg", beagle, added=frozenset({"beagle"}), keywords=("Rome",), note="why")
    remember(index, result, tagged("/p/b.jpg", content_hash=b"\x02" * 32), failed("/p/c.jpg"))
    remember(index, tagged("/p/a.jpg", "hound", keywords=("Rome",)), model="other")
    first, second = index.looks_at([1, 2, 3], "mine")
    assert (first.known, first.content_hash, first.facts) == (
        index.known_in("/p", "mine")["a.jpg"],
        b"\x01" * 32,
        FACTS,
    )
    assert (first.said, first.keywords, first.note) == ({"beagle", "dog"}, ("Rome",), "why")
    assert (second.said, second.keywords, second.note) == (frozenset(), (), "")
    (others,) = index.looks_at([1], "other")
    assert (others.said, others.known.memory.others, others.note) == ({"hound"}, {"beagle"}, "")
    (nobodys,) = index.looks_at([1], "nobody")
    assert (nobodys.said, nobodys.known.decision, nobodys.keywords) == (frozenset(), None, ("Rome",))


def test_contents_sizes_and_times_are_those_of_photos_that_were_read(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", ref=ref("/p/a.jpg", 7, 8)), tagged("/pq/b.jpg", content_hash=b"\x02" * 32))
    remember(index, failed("/p/c.jpg"))
    assert list(index.contents()) == [(1, b"\x01" * 32), (2, b"\x02" * 32)]
    assert list(index.contents("/p")) == [(1, b"\x01" * 32)]
    assert sorted(index.sizes_and_times()) == [(1, 7, 8), (2, 1_000, 5)]


def test_a_moved_photo_is_found_at_its_new_path_with_all_that_is_known(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "dog", added=frozenset({"dog"})), tagged("/p/b.jpg", "cat"))
    index.move([(1, "/q/a.jpg")])
    assert list(index.known_in("/p", "mine")) == ["b.jpg"]
    assert index.known_in("/q", "mine")["a.jpg"].memory.added == {"dog"}
    assert [hit.path for hit in index.search("dog")] == ["/q/a.jpg"]
    index.move([])


def test_a_zero_byte_in_a_keyword_is_spelled_out(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", keywords=("zero\0byte",)))
    entry = index.entry("/p/a.jpg")
    assert entry is not None
    assert entry.keywords == ("zero\\x00byte",)


def test_a_photo_that_is_seen_again_uses_no_number_up(index: Index) -> None:
    for _ in range(3):
        index.intend(ref("/p/a.jpg"), "mine", frozenset({"dog"}))
        remember(index, tagged("/p/a.jpg", "dog"), failed("/p/b.jpg"))
        index.adopt([Adopted(ref("/p/a.jpg"), imported=("Rome",))])
    remember(index, tagged("/p/c.jpg", "dog"))
    assert [index.known_in("/p", "mine")[name].number for name in ("a.jpg", "b.jpg", "c.jpg")] == [1, 2, 3]
