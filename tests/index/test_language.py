"""The fields of the query language, against a slow look at every photo; and the postings that answer them."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phototag.errors import QueryError
from phototag.index import Index, Sort, contents, open_index
from phototag.index.blocks import BLOCK
from phototag.index.places import EARTH_RADIUS_M
from phototag.records import Facts, Place, Tag
from tests.index.conftest import KINDS, place_of
from tests.index.raw import next_number, opened
from tests.index.records import failed, ref, tagged

WORDS = ("dog", "cat", "hot dog", "beach", "animal")
FOLDERS = ("/lib/2022", "/lib/2023/Italy trip", "/lib/2023/Home", "/other")
LENSES = ("EF50mm f/1.8 STM", None)
CAMERAS = ("Canon EOS R5", "Nikon Z 6", None)


@dataclass
class Photo:
    """What a photo is, as the tests know it."""

    folder: str
    name: str
    size: int
    facts: Facts
    content: bytes
    tags: dict[str, float] = field(default_factory=dict)
    keywords: frozenset[str] = frozenset()
    failed: bool = False
    models: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"

    def scores(self, giver: str = "") -> dict[str, float]:
        mine = dict.fromkeys(self.keywords, 1.0)
        return {"tag": self.tags, "keyword": mine, "": self.tags | mine}[giver]


Test = Callable[[Photo], bool]
Question = tuple[str, Test]


def random_photo(rng: random.Random, number: int) -> Photo:
    day = date(2022, rng.randint(1, 12), rng.randint(1, 28)).replace(year=rng.choice((2022, 2023)))
    taken = f"{day.isoformat()}T12:{rng.randrange(60):02}:00" if rng.random() < 0.9 else None
    place = (48.85 + rng.gauss(0, 0.1), 2.35 + rng.gauss(0, 0.1)) if rng.random() < 0.8 else None
    size = (rng.choice((1000, 4000)), rng.choice((800, 3000)))
    facts = Facts("JPEG", *size, taken, rng.choice(CAMERAS), rng.choice(LENSES), place)
    name = f"{rng.choice(('IMG', 'dsc'))}_{number:04}.{rng.choice(('jpg', 'JPG', 'cr3'))}"
    photo = Photo(rng.choice(FOLDERS), name, rng.randrange(10**7), facts, bytes([rng.randrange(250)]) * 32)
    photo.tags = {word: round(rng.random(), 4) for word in rng.sample(WORDS, rng.randrange(4))}
    photo.keywords = frozenset(rng.sample(WORDS, rng.choice((0, 0, 0, 1, 2))))
    photo.failed = rng.random() < 0.1
    return photo


def tell(index: Index, photos: list[Photo], model: str) -> None:
    told = [
        tagged(
            photo.path,
            *(Tag(word, score) for word, score in photo.tags.items()),
            keywords=tuple(photo.keywords),
            facts=photo.facts,
            ref=ref(photo.path, photo.size),
            content_hash=photo.content,
        )
        for photo in photos
    ]
    index.remember(told, model, "1")
    lost = [failed(photo.path, size_bytes=photo.size) for photo in photos if photo.failed]
    index.remember(lost, model, "1")
    for photo in photos:
        photo.models = (*photo.models, model)


@pytest.fixture(scope="module", params=KINDS)
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Index, list[Photo]]]:
    """Photos on both sides of the border between two blocks."""
    rng = random.Random(11)
    with place_of(request, tmp_path_factory.mktemp("library")) as place:
        index = open_index(place)
        next_number(place, BLOCK - 199)
        photos = [random_photo(rng, number) for number in range(500)]
        tell(index, photos[:250], "mine")
        tell(index, photos[250:], "theirs")
        yield index, photos
        index.close()


def word_question(word: str, giver: str, bounds: tuple[float, float] | None) -> Question:
    holding = [tag for tag in WORDS if word in tag.split() or word == tag]
    low, high = bounds or (0, 1)
    text = f'{giver}:"{word}"' if giver else f'"{word}"'
    text += f" score:{low}..{high}" if bounds else ""

    def matches(photo: Photo) -> bool:
        given = [
            s for g in ([giver] if giver else ["tag", "keyword"]) for w, s in photo.scores(g).items() if w in holding
        ]
        return any(low <= score <= high for score in given)

    return f"({text})", matches


def day_of(photo: Photo) -> str:
    return (photo.facts.taken or "")[:10]


def tenths(photo: Photo) -> int:
    return (photo.size + 50_000) // 100_000


def metres_from(photo: Photo, latitude: float, longitude: float) -> float:
    """By the angle between two vectors: another way than the index's own."""
    if photo.facts.place is None:
        return math.inf
    one, other = (
        (math.cos(n) * math.cos(e), math.cos(n) * math.sin(e), math.sin(n))
        for n, e in (map(math.radians, photo.facts.place), map(math.radians, (latitude, longitude)))
    )
    return EARTH_RADIUS_M * math.acos(min(1, sum(a * b for a, b in zip(one, other, strict=True))))


FACTS: list[Question] = [
    ("lens:50mm", lambda p: p.facts.lens == LENSES[0]),
    ("near:48.85,2.35,5km", lambda p: metres_from(p, 48.85, 2.35) <= 5_000),
    ("near:48.9,2.3,700m", lambda p: metres_from(p, 48.9, 2.3) <= 700),
    ("near:48.9,2.3", lambda p: metres_from(p, 48.9, 2.3) <= 1_000),
    ('near:"48.8, 2.4, 20 mi"', lambda p: metres_from(p, 48.8, 2.4) <= 20 * 1_609.344),
    ("near:-90,0,9000km", lambda p: metres_from(p, -90, 0) <= 9_000_000),
    ("name:0", lambda p: "0" in p.name),
    ("name:g_01", lambda p: "g_01" in p.name.lower()),
    ("name:jpg/img", lambda p: False),
    ("size:3..", lambda p: tenths(p) >= 30),
    ("size:0", lambda p: tenths(p) == 0),
    ("size:<0.1", lambda p: tenths(p) < 1),
    ("by:me", lambda p: bool(p.keywords)),
    ("by:phototag", lambda p: bool(p.tags)),
    ("folder:italy", lambda p: "Italy" in p.folder),
    ("folder:2023/home/", lambda p: p.folder == "/lib/2023/Home"),
    ('folder:"italy trip"', lambda p: "Italy" in p.folder),
    ("path:/lib/2023", lambda p: p.folder.startswith("/lib/2023")),
    ("path:/lib/2", lambda p: p.folder.startswith("/lib/2")),
    ("path:/other/IMG", lambda p: p.path.startswith("/other/IMG")),
    ("name:img_00", lambda p: "img_00" in p.name.lower()),
    ("ext:jpg", lambda p: p.name.lower().endswith(".jpg")),
    ("ext:.CR3", lambda p: p.name.endswith(".cr3")),
    ("camera:canon", lambda p: p.facts.camera == CAMERAS[0]),
    ("camera:z", lambda p: p.facts.camera == CAMERAS[1]),
    ("date:2023", lambda p: day_of(p).startswith("2023")),
    ("date:2023-07", lambda p: day_of(p).startswith("2023-07")),
    ("date:2022-11..2023-02", lambda p: "2022-11" <= day_of(p) <= "2023-02-31"),
    ("date:>2022-06-15", lambda p: day_of(p) > "2022-06-15"),
    ("date:..2022", lambda p: "" < day_of(p) <= "2022-99"),
    ("date:<2022-03", lambda p: "" < day_of(p) < "2022-03"),
    ("width:>=4000", lambda p: p.facts.width >= 4000),
    ("width:>4000", lambda p: False),
    ("height:800", lambda p: p.facts.height == 800),
    ("size:>5", lambda p: tenths(p) > 50),
    ("size:500kb..2mb", lambda p: 5 <= tenths(p) <= 20),
    ("size:<=100kb", lambda p: tenths(p) <= 1),
    ("model:mine", lambda p: "mine" in p.models),
    ("is:failed", lambda p: p.failed),
    ("is:tagged", lambda p: bool(p.tags or p.keywords)),
    ("is:untagged", lambda p: not (p.tags or p.keywords)),
    ("is:unsure", lambda p: bool(p.tags) and max(p.tags.values()) < 0.6),
]
WORD_QUESTIONS = st.builds(
    word_question,
    st.sampled_from([*WORDS, "unknown"]),
    st.sampled_from(["", "tag", "keyword"]),
    st.one_of(st.none(), st.tuples(st.sampled_from([0, 0.25]), st.sampled_from([0.5, 0.9, 1]))),
)


def _not(question: Question) -> Question:
    return f"-({question[0]})", lambda photo: not question[1](photo)


def _and(one: Question, other: Question) -> Question:
    return f"({one[0]} {other[0]})", lambda photo: one[1](photo) and other[1](photo)


def _or(one: Question, other: Question) -> Question:
    return f"({one[0]} OR {other[0]})", lambda photo: one[1](photo) or other[1](photo)


QUESTIONS = st.recursive(
    st.one_of(WORD_QUESTIONS, st.sampled_from(FACTS)),
    lambda inner: st.one_of(
        inner.map(_not), st.tuples(inner, inner).map(lambda p: _and(*p)), st.tuples(inner, inner).map(lambda p: _or(*p))
    ),
    max_leaves=6,
)
PIECES = (
    *("tag:", "date:", "near:", "48,2", ",1km", "=", "score:", "is:", "size:", ">", "..", "2023", "-07", "0.8", "dog"),
    *("(", ")", " ", " OR ", "-", '"', "*", "tagged", "mb", "last week", "\u0663", "é", "\x00"),
)
many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(("query", "matches"), FACTS, ids=[query for query, _ in FACTS])
def test_a_field_finds_what_a_look_at_every_photo_finds(
    library: tuple[Index, list[Photo]], query: str, matches: Test
) -> None:
    index, photos = library
    assert {hit.path for hit in index.search(query)} == {photo.path for photo in photos if matches(photo)}


@many
@given(
    question=QUESTIONS, sort=st.sampled_from(["score", "date", "path"]), limit=st.one_of(st.none(), st.integers(1, 40))
)
def test_any_query_finds_what_a_look_at_every_photo_finds(
    library: tuple[Index, list[Photo]], question: Question, sort: Sort, limit: int | None
) -> None:
    index, photos = library
    expected = {photo.path: photo for photo in photos if question[1](photo)}
    found = [hit.path for hit in index.search(question[0], limit, sort=sort)]
    assert index.count(question[0]) == len(expected)
    assert len(found) == len(set(found)) == (len(expected) if limit is None else min(limit, len(expected)))
    assert set(found) <= expected.keys()
    if sort == "path":
        assert found == sorted(expected, key=lambda path: tuple(path.rsplit("/", 1)))[: len(found)]
    if sort == "date":
        dates = sorted((photo.facts.taken or "" for photo in expected.values()), reverse=True)
        assert [expected[path].facts.taken or "" for path in found] == dates[: len(found)]


@many
@given(text=st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_with_fields_is_answered_or_refused(library: tuple[Index, list[Photo]], text: str) -> None:
    try:
        assert len(list(library[0].search(text))) == library[0].count(text)
    except QueryError as exc:
        assert str(exc)


def test_photos_of_the_same_bytes_are_duplicates(library: tuple[Index, list[Photo]]) -> None:
    index, photos = library
    contents = [photo.content for photo in photos]
    expected = {photo.path for photo in photos if contents.count(photo.content) > 1}
    assert {hit.path for hit in index.search("is:duplicate")} == expected


def test_the_best_come_first_among_many(index: Index) -> None:
    rng = random.Random(5)
    scores = {f"/p/{n}.jpg": (round(rng.random(), 4), round(rng.random(), 4)) for n in range(4_000)}
    index.remember([tagged(p, Tag("dog", d), Tag("sea", s), facts=Facts("JPEG", n % 2 + 1, 1))
                    for n, (p, (d, s)) in enumerate(scores.items())], "mine", "1")  # fmt: skip
    both = sorted((min(pair) for pair in scores.values()), reverse=True)
    assert [hit.score for hit in index.search("dog sea", 300)] == both[:300]
    assert [hit.score for hit in index.search("dog OR sea", 300)] == sorted(map(max, scores.values()), reverse=True)[
        :300
    ]
    wide = sorted((d for n, (d, _) in enumerate(scores.values()) if n % 2), reverse=True)
    assert [hit.score for hit in index.search("dog width:2", 300)] == wide[:300]
    bound = [d for d in sorted((d for d, _ in scores.values()), reverse=True) if d <= 0.9]
    assert [hit.score for hit in index.search("dog score:..0.9", 300)] == bound[:300]


def test_equally_good_photos_come_in_the_order_of_the_index_however_many_they_are(index: Index) -> None:
    rng = random.Random(7)
    scores = [(round(rng.random(), 2), round(rng.random(), 2)) for _ in range(3_000)]
    index.remember(
        [tagged(f"/p/{n:04}.jpg", Tag("dog", d), Tag("sea", s)) for n, (d, s) in enumerate(scores)], "m", "1"
    )
    best = sorted(range(3_000), key=lambda n: (-min(scores[n]), n))
    assert [hit.path for hit in index.search("dog sea")] == [f"/p/{n:04}.jpg" for n in best]
    assert [hit.path for hit in index.search("dog sea", 40, offset=700)] == [f"/p/{n:04}.jpg" for n in best[700:740]]
    low, high = (sorted(range(3_000), key=lambda n: (-pair(scores[n]), n)) for pair in (min, max))
    assert [hit.path for hit in index.search("dog OR sea")] == [f"/p/{n:04}.jpg" for n in high]
    assert [hit.path for hit in index.search("dog sea score:..0.4")] == [
        f"/p/{n:04}.jpg" for n in low if max(scores[n]) <= 0.4
    ]


@pytest.mark.parametrize("sort", ["score", "date", "path"])
def test_photos_are_found_in_whichever_block_they_are(place: Place, sort: Sort) -> None:
    index, expected = open_index(place), []
    for block in (0, 3, 4, 5, 40):
        next_number(place, block * BLOCK + 7)
        day = f"{2023 - block}-07-14T10:00:00"
        told = [tagged(f"/p/{block:02}/{n}.jpg", facts=Facts("JPEG", 1, 1, day)) for n in range(2)]
        index.remember(told, "mine", "1")
        expected += [result.ref.path for result in told]
    for query in ("name:jpg", "folder:p path:/p", "date:1980..", "-dog", "-dog OR cat"):
        assert [hit.path for hit in index.search(query, sort=sort)] == expected
        assert [hit.path for hit in index.search(query, 3, offset=6, sort=sort)] == expected[6:9]
        assert index.count(query) == len(expected)
    index.close()


def test_days_a_century_apart_come_in_order(index: Index) -> None:
    days = ["2023-12-31", "2023-12-01", "2023-01-01", "2022-12-31", "2022-12-30", "1999-01-01", "1900-02-03"]
    told = [tagged(f"/p/{n}.jpg", facts=Facts("JPEG", 1, 1, f"{day}T10:00:00")) for n, day in enumerate(days)]
    index.remember([*reversed(told), tagged("/p/undated.jpg", facts=Facts("JPEG", 1, 1))], "mine", "1")
    assert [hit.path for hit in index.search("name:jpg", sort="date")] == [
        *(f"/p/{n}.jpg" for n in range(len(days))),
        "/p/undated.jpg",
    ]


def postings_of(place: Place) -> list[tuple[object, ...]]:
    with opened(place) as raw:
        return raw.execute("SELECT * FROM postings ORDER BY block, kind, value").fetchall()


def answers_of(place: Place) -> list[tuple[int, list[str]]]:
    index = open_index(place, readonly=True)
    answers = [(index.count(q), [h.path for h in index.search(q)]) for q in [*WORDS, "-dog", *(q for q, _ in FACTS)]]
    index.close()
    return answers


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happened_to_photos_they_are_found_as_if_told_afresh(place: Place, seed: int) -> None:
    rng = random.Random(seed)
    index = open_index(place)
    next_number(place, BLOCK - 149)
    photos = [random_photo(rng, number) for number in range(400)]
    for _ in range(6):
        changed = rng.sample(photos, rng.choice((3, 300)))
        for photo in changed:
            photo.tags, photo.keywords = random_photo(rng, 0).tags, random_photo(rng, 0).keywords
        tell(index, changed, rng.choice(("mine", "theirs")))
        known = [k for folder in FOLDERS for k in index.known_in(folder, "mine").values()]
        index.forget([k.number for k in rng.sample(known, len(known) // 10)])
        known = [k for folder in FOLDERS for k in index.known_in(folder, "mine").values()]
        one, other = rng.sample(known, 2)
        index.intend(other.ref, "mine", frozenset(), moved_from=one.number)
    index.close()
    before = answers_of(place)
    with opened(place) as raw:
        raw.execute("DELETE FROM postings")
        raw.execute("INSERT INTO unposted SELECT DISTINCT id >> 13 FROM photos")
    open_index(place).close()
    assert answers_of(place) == before
    assert before[0][0] > 0


def duplicates_in(index: Index) -> set[str]:
    return {hit.path for hit in index.search("is:duplicate")}


def test_a_photo_is_a_duplicate_only_as_long_as_there_is_another(index: Index) -> None:
    index.remember([tagged(f"/p/{n}.jpg", content_hash=bytes([n % 3]) * 32) for n in range(4)], "mine", "1")
    assert duplicates_in(index) == {"/p/0.jpg", "/p/3.jpg"}
    index.remember([tagged("/p/9.jpg", content_hash=b"\x02" * 32)], "mine", "1")
    assert duplicates_in(index) == {"/p/0.jpg", "/p/3.jpg", "/p/2.jpg", "/p/9.jpg"}
    index.remember([tagged("/p/3.jpg", content_hash=b"new" * 8)], "mine", "1")
    assert duplicates_in(index) == {"/p/2.jpg", "/p/9.jpg"}
    index.forget([index.known_in("/p", "mine")["2.jpg"].number])
    assert duplicates_in(index) == set()


def test_hashes_that_begin_alike_are_told_apart(index: Index) -> None:
    index.remember([tagged(f"/p/{n}.jpg", content_hash=b"8 bytes." + bytes([n]) * 24) for n in (1, 2)], "mine", "1")
    assert duplicates_in(index) == set()
    assert [known.ref.path for known in index.known_by_content(b"8 bytes." + b"\x02" * 24, "mine")] == ["/p/2.jpg"]


def test_hashes_are_known_after_they_are_moved_on(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_FRESH_MOST", 5)
    for n in range(8):
        index.remember([tagged(f"/p/{n}{m}.jpg", content_hash=bytes([n * 3 + m]) * 32) for m in range(4)], "mine", "1")
    assert len(duplicates_in(index)) == 14
    assert [known.ref.path for known in index.known_by_content(b"\x03" * 32, "mine")] == ["/p/03.jpg", "/p/10.jpg"]


def test_photos_of_folders_that_are_gone_are_missing_until_these_are_back(index: Index) -> None:
    index.remember([tagged(path) for path in ("/p/a/1.jpg", "/p/b/2.jpg", "/q/3.jpg")], "mine", "1")
    index.note_missing("/q", ["/q"])
    index.note_missing("/p", ["/p/a", "/p/b"])
    index.note_missing("/p", ["/p/a"])
    assert {hit.path for hit in index.search("is:missing")} == {"/p/a/1.jpg", "/q/3.jpg"}
    index.note_missing("/", [])
    assert index.count("is:missing") == 0


def test_an_exact_word_is_a_whole_tag(index: Index) -> None:
    index.remember([tagged("/p/a.jpg", "dog"), tagged("/p/b.jpg", "hot dog")], "mine", "1")
    assert [hit.path for hit in index.search("=dogs")] == ["/p/a.jpg"]
    assert [hit.path for hit in index.search('tag:="Hot Dog"')] == ["/p/b.jpg"]
    assert index.count("dog") == 2


def test_a_folder_is_found_whether_or_not_an_accent_is_a_character_of_its_own(index: Index) -> None:
    index.remember([tagged("/p/u\u0308ber/x.jpg"), tagged("/p/y.jpg")], "mine", "1")
    assert [hit.path for hit in index.search("folder:\u00dcber")] == ["/p/u\u0308ber/x.jpg"]


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("ÜBER.jpg", "über"),
        ("u\u0308ber.jpg", "\u00fc"),
        ("100%_a.jpg", "%_"),
        ("\udcff.jpg", "\udcff"),
        ("aaa.jpg", "aa"),
    ],
    ids=["case", "accents composed or not", "wildcards", "not UTF-8", "overlapping"],
)
def test_a_piece_of_a_name_is_found(index: Index, name: str, piece: str) -> None:
    index.remember([tagged("/p/x.jpg"), tagged(f"/p/{name}"), tagged("/p/y.jpg")], "mine", "1")
    assert [hit.path for hit in index.search(f'name:"{piece}"')] == [f"/p/{name}"]
