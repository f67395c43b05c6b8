from pathlib import Path

import pytest

from phototag.errors import TrainingDataError
from phototag.index import open_index
from phototag.metadata import open_writer
from phototag.records import Decided, Facts, Failed, Memory, PhotoRef, Tag, Tagged
from phototag.train import KeywordWish
from phototag.train.examples import vocabulary
from phototag.train.keywords import KeywordsFound, leave_out_unsure, merge_spellings, read_keywords
from tests.train.labelled import clusters, example, save_photo


def _ref(path: Path) -> PhotoRef:
    status = path.stat()
    return PhotoRef(str(path), status.st_size, status.st_mtime_ns)


def _photo(path: Path, *words: str) -> Path:
    """A photo with keywords in its own fields."""
    save_photo(path, "noise", 1)
    if words:
        writer = open_writer()
        writer.apply(writer.plan(_ref(path), words, Memory(frozenset())))
    return path


def _read(root: Path, **wish: object) -> tuple[dict[str, list[str]], KeywordsFound]:
    listing, found = read_keywords(root, KeywordWish(**wish), workers=1, seed=0)  # type: ignore[arg-type]
    said = {Path(one.ref.path).name: sorted(word for (word,) in one.categories) for one in listing.photos}
    return said, found


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    for number, words in enumerate([("Dog", "Rome"), ("dog", "beach"), ("dogs", "Beach"), ("dog",), ("beach",), ()]):
        _photo(root / str(number % 2) / f"{number}.jpg", *words)
    return root


def test_frequent_keywords_become_categories_whatever_their_case_and_number(library: Path) -> None:
    said, found = _read(library, min_photos=3)
    assert said == {
        "0.jpg": ["dog"],
        "1.jpg": ["beach", "dog"],
        "2.jpg": ["beach", "dog"],
        "3.jpg": ["dog"],
        "4.jpg": ["beach"],
        "5.jpg": [],
    }
    assert found == KeywordsFound(
        photos=6,
        learned=(("dog", 4), ("beach", 3)),
        merged=(("Beach", "beach"), ("Dog", "dog"), ("dogs", "dog")),
        rare=1,
        own=0,
        without=1,
    )


def test_words_that_are_named_are_learned_alone_and_found_by_any_spelling(library: Path) -> None:
    said, found = _read(library, words=("Dogs",))
    assert found.learned == (("dog", 4),)
    assert (said["1.jpg"], said["4.jpg"]) == (["dog"], [])


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        pytest.param(
            {"min_photos": 5}, "no keyword in .* is on 5 photos: the most frequent, dog, is on 4", id="too few"
        ),
        pytest.param({"words": ("cat", "dog")}, "not on two photos in .*: cat; leave them out", id="a word nowhere"),
        pytest.param({"words": ("rome",)}, "not on two photos in .*: rome", id="a word on one photo"),
    ],
)
def test_what_cannot_be_learned_is_said(library: Path, wish: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        _read(library, **wish)


def test_words_that_phototag_wrote_are_passed_over_unless_the_owner_has_them_too(library: Path, tmp_path: Path) -> None:
    place = tmp_path / "index.sqlite"
    index = open_index(place)
    for name, keywords in (("0/0.jpg", ("Rome",)), ("1/1.jpg", ("dog", "beach"))):
        ref = _ref(library / name)
        decided = Decided(ref, b"h" * 32, Facts("JPEG", 96, 96), (Tag("dog", 0.9),))
        index.remember([Tagged(decided, ref, b"h" * 32, "photo", keywords=keywords)], "model", "decision")
    index.close()
    said, found = _read(library, min_photos=3, index=place)
    assert (said["0.jpg"], said["1.jpg"], found.own) == ([], ["beach", "dog"], 1)


def test_a_photo_that_cannot_be_read_is_told_of(library: Path) -> None:
    (library / "gone.jpg").symlink_to("nowhere.jpg")
    listing, _ = read_keywords(library, KeywordWish(min_photos=3), workers=1, seed=0)
    assert [Path(one.ref.path).name for one in listing.failed if isinstance(one, Failed)] == ["gone.jpg"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param({"Dog": 2, "dog": 5}, {"Dog": "dog", "dog": "dog"}, id="case: the more frequent"),
        pytest.param({"Dog": 5, "dogs": 9}, {"Dog": "dogs", "dogs": "dogs"}, id="plural"),
        pytest.param({"berry": 2, "berries": 1}, {"berry": "berry", "berries": "berry"}, id="a plural in -ies"),
        pytest.param({"beaches": 1, "beach": 2}, {"beaches": "beach", "beach": "beach"}, id="a plural in -es"),
        pytest.param({"glass": 1, "bus": 2, "paris": 1}, {"glass": "glass", "bus": "bus", "paris": "paris"}, id="none"),
        pytest.param(
            {"cafe\u0301": 1, "caf\u00e9": 2}, {"cafe\u0301": "caf\u00e9", "caf\u00e9": "caf\u00e9"}, id="NFC"
        ),
    ],
)
def test_spellings_of_one_word_are_merged(counts: dict[str, int], expected: dict[str, str]) -> None:
    assert merge_spellings(counts) == expected


def test_a_photo_that_looks_as_if_its_keyword_were_missing_is_no_example_of_anything() -> None:
    examples = clusters({"a": 30, "b": 30, "-": 30}, size=32)
    forgotten = [example(5000 + n, embedding=one.embedding + 0.01) for n, one in enumerate(clusters({"a": 4}, size=32))]
    kept, unsure = leave_out_unsure([*examples, *forgotten], vocabulary(examples, one_category=False), seed=0)
    assert unsure == 4
    assert kept == examples
