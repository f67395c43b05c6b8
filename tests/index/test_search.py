"""What every kind of index answers to a query."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phototag.errors import QueryError
from phototag.index import Index, open_index, open_search
from phototag.index.blocks import BLOCK
from phototag.records import Facts, Place, Tag, Tagged
from tests.index.conftest import KINDS, place_of
from tests.index.records import tagged


@dataclass(frozen=True)
class Photo:
    """What a photo is, for the slow reference: its words with their scores, its day, whether its folder is gone."""

    words: dict[str, float]
    taken: date | None
    missing: bool


Question = tuple[str, Callable[[Photo], bool]]
Asked = Callable[[bool], Question]
"""A question, by whether it stands behind a minus."""


def remember(index: Index, *results: Tagged, model: str = "mine") -> None:
    index.remember(results, model, "1")


def names(index: Index, query: str, limit: int | None = None, offset: int = 0) -> list[str]:
    return [Path(hit.path).stem for hit in index.search(query, limit, offset)]


@pytest.fixture
def pets(index: Index) -> Index:
    remember(
        index,
        tagged("/p/rex.jpg", Tag("dog", 0.7, ("animal",)), Tag("beach", 0.95)),
        tagged("/p/fido.jpg", Tag("dog", 0.9, ("animal",))),
        tagged("/p/lunch.jpg", Tag("hot dog", 0.99, ("food",))),
        tagged("/p/tom.jpg", Tag("cat", 0.8, ("animal",)), keywords=("My dogs' friend", "Übergröße")),
        tagged("/p/empty.jpg", keywords=("海滩日落",)),
    )
    return index


def test_an_index_opened_only_to_ask_answers_the_same(pets: Index, place: Place) -> None:
    with closing(open_search(place)) as asked:
        for query in ("dog", "animal -beach", "is:tagged"):
            assert [*asked.search(query)] == [*pets.search(query)]
            assert asked.count(query) == pets.count(query)
        assert asked.suggest("dgo") == pets.suggest("dgo") == {"dgo": ("dog",)}
        assert asked.words("be", 9) == ["beach"]
        some = asked.search("dog")
        assert next(some).path == "/p/fido.jpg"
        assert asked.count("dog") == 4, "a question within another"
        assert len([*some]) == 3


def test_an_index_opened_only_to_ask_follows_what_is_written(index: Index, place: Place) -> None:
    with closing(open_search(place)) as asked:
        assert asked.count("dog") == 0
        remember(index, tagged("/p/a.jpg", "dog"))
        assert asked.count("dog") == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("dog", ["fido", "rex", "tom", "lunch"]),
        ("DOGS", ["fido", "rex", "tom", "lunch"]),
        ("animal", ["fido", "tom", "rex"]),
        ("dog beach", ["rex"]),
        ("dog -beach", ["fido", "tom", "lunch"]),
        ("-animal", ["lunch", "empty"]),
        ('"hot dog"', ["lunch"]),
        ('"dog hot"', []),
        ('dog -"hot dog" -cat', ["fido", "rex"]),
        ("cat OR beach", ["rex", "tom"]),
        ("(cat OR beach) -dog", []),
        ("(cat OR beach) animal", ["tom", "rex"]),
        ("ubergrosse", ["tom"]),
        ("uber*", ["tom"]),
        ("foo*", ["lunch"]),
        ("海滩", ["empty"]),
        ("日落", ["empty"]),
        ("滩海", []),
        ("nothing", []),
        ("-nothing dog beach", ["rex"]),
    ],
)
def test_a_query_finds_its_photos_best_first(pets: Index, query: str, found: list[str]) -> None:
    assert names(pets, query) == found


def test_the_score_is_of_the_matching_tag_and_all_words_come_with_it(pets: Index) -> None:
    (hit,) = pets.search("dog beach")
    assert hit.score == 0.7
    assert hit.tags == ("beach", "animal", "dog")
    (hit,) = pets.search("friend")
    assert (hit.score, hit.tags) == (1, ("My dogs' friend", "Übergröße", "animal", "cat"))


def test_a_synonym_finds_what_people_call_otherwise_behind_the_word_itself(index: Index) -> None:
    remember(
        index,
        tagged("/p/trained.jpg", Tag("Cars", 0.9)),
        tagged("/p/keyword.jpg", keywords=("automobile",)),
        tagged("/p/said.jpg", Tag("automobile", 0.6)),
        tagged("/p/rex.jpg", Tag("dog", 0.8)),
        tagged("/p/pup.jpg", Tag("puppy", 0.7)),
    )
    assert names(index, "automobiles") == ["keyword", "said", "trained"]
    assert names(index, "car") == ["trained", "keyword", "said"]
    assert names(index, "puppies") == ["pup", "rex"]
    assert names(index, "dog") == ["rex"], "not every dog is a puppy"
    assert names(index, "dog -puppy") == ["rex"], "nor is a dog left out for it may be one"
    assert names(index, "puppy -puppy") == ["rex"], "a dog that is not said to be one"
    assert names(index, "-puppy") == ["trained", "keyword", "said", "rex"]
    assert names(index, "-(-puppy)") == ["rex", "pup"]
    assert names(index, "=automobile") == ["keyword", "said"]
    assert names(index, "keyword:car") == ["keyword"]
    assert names(index, "-motorcar") == ["rex", "pup"]
    assert index.suggest("motorcar") == {}


def test_a_photo_two_models_agree_on_is_found_once_by_its_better_score(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", Tag("dog", 0.6)), tagged("/p/b.jpg", Tag("dog", 0.7)))
    remember(index, tagged("/p/a.jpg", Tag("dog", 0.8)), model="theirs")
    assert [(hit.path, hit.score) for hit in index.search("dog")] == [("/p/a.jpg", 0.8), ("/p/b.jpg", 0.7)]


def test_a_guess_and_a_word_no_longer_said_are_not_found(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "cat", guesses=(Tag("dog", 0.4),), added=frozenset({"wolf"})))
    assert names(index, "dog OR wolf") == []


def test_pages_follow_one_another_without_gap_or_repeat(index: Index) -> None:
    rng = random.Random(3)
    photos = [
        tagged(f"/p/{n:04}.jpg", Tag("dog", rng.choice((0.5, 0.9, rng.random()))), Tag(rng.choice("xyz"), rng.random()))
        for n in range(1_500)
    ]
    remember(index, *photos)
    for query in ("dog", "dog (x OR y)", "-x"):
        whole = names(index, query)
        pages = [name for at in range(0, 1_500, 130) for name in names(index, query, limit=130, offset=at)]
        assert whole == pages
        assert len(set(whole)) == len(whole)
    assert names(index, "dog", limit=0) == []


def test_a_search_may_be_left_early(pets: Index) -> None:
    hits = pets.search("dog")
    assert next(hits).path == "/p/fido.jpg"
    hits.close()  # type: ignore[attr-defined]
    remember(pets, tagged("/p/new.jpg", "dog"))
    assert "new" in names(pets, "dog")


def test_a_search_sees_one_moment_while_photos_are_added(index: Index) -> None:
    remember(index, *(tagged(f"/p/{n}.jpg", "dog") for n in range(1_000)))
    hits = index.search("dog")
    next(hits)
    remember(index, *(tagged(f"/q/{n}.jpg", "dog") for n in range(1_000)))
    assert sum(1 for _ in hits) == 999


def test_very_many_tags_may_answer_one_word(index: Index) -> None:
    remember(index, *(tagged(f"/p/{n}.jpg", keywords=tuple(f"trip {n} {m}th" for m in range(100))) for n in range(350)))
    assert len(names(index, "trip")) == 350
    assert len(names(index, "tri* -17")) == 349


def test_the_nearest_words_are_proposed_for_one_that_no_photo_has(pets: Index) -> None:
    assert pets.suggest("dgo caat") == {"dgo": ("dog",), "caat": ("cat",)}
    assert pets.suggest("dog zzzzzz") == {"zzzzzz": ()}
    assert pets.suggest("dog beach") == {}


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_the_blocks_of_the_library_are_many(library: tuple[Index, dict[str, Photo]]) -> None:
    assert len({number // BLOCK for number, _ in library[0].contents()}) == 5


def test_a_word_that_is_to_be_left_out_is_not_a_reason_to_find_nothing(pets: Index) -> None:
    assert pets.suggest("dgo -caat") == {"dgo": ("dog",)}


def test_a_word_only_ever_guessed_is_not_proposed(index: Index) -> None:
    remember(index, tagged("/p/a.jpg", "cat", guesses=(Tag("walrus", 0.1),)))
    assert index.suggest("walruss walrus") == {"walruss": (), "walrus": ()}


@pytest.mark.parametrize("ask", ["search", "suggest"])
def test_what_is_no_query_is_refused(pets: Index, ask: str) -> None:
    with pytest.raises(QueryError):
        list(getattr(pets, ask)('"never closed'))


VOCABULARY = ("dog", "cat", "hot dog", "beach", "animal", "sea", "car", "auto", "sports car", "puppy")
SYNONYMS = {"automobile": {"car", "auto"}, "car": {"auto"}, "auto": {"car"}, "ocean": {"sea"}}
BROADER = {"puppy": {"dog"}}
TODAY = date.today()


@pytest.fixture(scope="module", params=KINDS)
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Index, dict[str, Photo]]]:
    """Photos with random words by two models, taken lately, some in a folder that is gone; and what each is.

    In a file their numbers lie far apart, so that the index keeps them in five blocks.
    """
    with place_of(request, tmp_path_factory.mktemp("library")) as place, closing(open_index(place)) as index:
        yield index, told_to(index, place)


def told_to(index: Index, place: Place) -> dict[str, Photo]:
    rng = random.Random(7)
    photos = {}
    for n in range(150):
        folder = rng.choice(("/p/here", "/p/gone"))
        taken = rng.choice((None, TODAY - timedelta(days=int(rng.expovariate(1 / 40)))))
        photos[f"{folder}/{n}.jpg"] = Photo({}, taken, folder == "/p/gone")
    for model in ("mine", "theirs"):
        batch = []
        for path, photo in photos.items():
            given_ = {
                word: round(rng.random(), 4)
                for word in rng.sample(VOCABULARY, rng.randrange(6) if rng.random() < 0.7 else 0)
            }
            facts = Facts("JPEG", 9, 9, photo.taken and f"{photo.taken}T12:00:00")
            batch.append(tagged(path, *(Tag(word, score) for word, score in given_.items()), facts=facts))
            for word, score in given_.items():
                photo.words[word] = max(score, photo.words.get(word, 0))
        for at in range(0, len(batch), 30):
            remember(index, *batch[at : at + 30], model=model)
            if isinstance(place, Path):
                with closing(sqlite3.connect(place)) as raw, raw:
                    raw.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'photos'", (BLOCK,))
    index.note_missing("/p", ["/p/gone"])
    return photos


def _holds(tag: str, word: str, left_out: bool) -> bool:
    others = SYNONYMS.get(word, set()) | (set() if left_out else BROADER.get(word, set()))
    return word in tag.split() or word == tag or tag in others


def _word(word: str) -> Asked:
    def question(left_out: bool) -> Question:
        text = f'"{word}"' if " " in word else word
        return text, lambda photo: any(_holds(tag, word, left_out) for tag in photo.words)

    return question


def _alone(word: str) -> Asked:
    return lambda _: (f'="{word}"', lambda photo: word in photo.words)


def _taken(words: str, matches: Callable[[date], bool]) -> Question:
    return f'date:"{words}"', lambda photo: photo.taken is not None and matches(photo.taken)


def _months_ago(day: date) -> int:
    return (TODAY.year - day.year) * 12 + TODAY.month - day.month


def _weeks_ago(day: date) -> int:
    return ((TODAY - timedelta(days=TODAY.weekday())) - (day - timedelta(days=day.weekday()))).days // 7


FACTS = [
    ("is:missing", lambda photo: photo.missing),
    ("is:untagged", lambda photo: not photo.words),
    _taken("today", lambda day: day == TODAY),
    _taken("yesterday", lambda day: (TODAY - day).days == 1),
    _taken("this week", lambda day: _weeks_ago(day) == 0),
    _taken("last week", lambda day: _weeks_ago(day) == 1),
    _taken("this-month", lambda day: _months_ago(day) == 0),
    _taken("last month", lambda day: _months_ago(day) == 1),
    _taken("this year", lambda day: day.year == TODAY.year),
    _taken("last year", lambda day: day.year == TODAY.year - 1),
    _taken("last 30 days", lambda day: (TODAY - day).days < 30),
    _taken("last 2 weeks", lambda day: (TODAY - day).days < 14),
]


def _not(asked: Asked) -> Asked:
    def question(left_out: bool) -> Question:
        text, matches = asked(not left_out)
        return f"-({text})", lambda photo: not matches(photo)

    return question


def _and(one: Asked, other: Asked) -> Asked:
    def question(left_out: bool) -> Question:
        (text, matches), (more, too) = one(left_out), other(left_out)
        return f"({text}) ({more})", lambda photo: matches(photo) and too(photo)

    return question


def _or(one: Asked, other: Asked) -> Asked:
    def question(left_out: bool) -> Question:
        (text, matches), (more, too) = one(left_out), other(left_out)
        return f"({text} OR {more})", lambda photo: matches(photo) or too(photo)

    return question


QUESTIONS = st.recursive(
    st.one_of(
        st.sampled_from([*VOCABULARY, *SYNONYMS, "unknown"]).map(_word),
        st.sampled_from([*VOCABULARY, "automobile"]).map(_alone),
        st.sampled_from(FACTS).map(lambda fact: lambda _: fact),
    ),
    lambda inner: st.one_of(
        inner.map(_not), st.tuples(inner, inner).map(lambda p: _and(*p)), st.tuples(inner, inner).map(lambda p: _or(*p))
    ),
    max_leaves=6,
).map(lambda asked: asked(False))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=QUESTIONS, limit=st.one_of(st.none(), st.integers(1, 30)))
def test_a_query_finds_what_a_look_at_every_photo_finds(
    library: tuple[Index, dict[str, Photo]], question: Question, limit: int | None
) -> None:
    index, photos = library
    query, matches = question
    expected = {path for path, photo in photos.items() if matches(photo)}
    found = [hit.path for hit in index.search(query, limit)]
    assert len(found) == len(set(found))
    assert set(found) <= expected
    assert len(found) == (len(expected) if limit is None else min(limit, len(expected)))
    assert found == [hit.path for hit in index.search(query)][: len(found)]
    assert index.count(query) == len(expected)


@pytest.mark.parametrize(("query", "matches"), FACTS, ids=[query for query, _ in FACTS])
def test_every_fact_has_photos_with_and_without_it(
    library: tuple[Index, dict[str, Photo]], query: str, matches: Callable[[Photo], bool]
) -> None:
    index, photos = library
    expected = {path for path, photo in photos.items() if matches(photo)}
    assert len(expected) < len(photos)
    assert {hit.path for hit in index.search(query)} == expected


@pytest.mark.parametrize("words", [("dog",), ("beach", "animal"), ("cat", "sea", "animal")], ids=" ".join)
def test_the_best_come_first(library: tuple[Index, dict[str, Photo]], words: tuple[str, ...]) -> None:
    index, photos = library
    scores = [min(p.words[word] for word in words) for p in photos.values() if set(words) <= set(p.words)]
    assert len(scores) > 5
    exact = [hit.score for hit in index.search(" ".join(words)) if set(words) <= set(hit.tags)]
    assert exact == sorted(scores, reverse=True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.one_of(st.sampled_from("dog cat()\"-*:'^ OR NEAR"), st.characters())))
def test_any_text_is_answered_or_refused(library: tuple[Index, dict[str, Photo]], text: str) -> None:
    try:
        list(library[0].search(text, limit=5))
    except QueryError:
        return
