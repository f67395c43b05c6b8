"""The built-in model: its words, its labels, and that both can be made again."""

import filecmp
import importlib
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from phototag.backbone import open_backbone
from phototag.bundle import BUILT_IN, Bundle, find_bundle
from phototag.decide import Rules, decide
from phototag.decode import decode
from phototag.records import Decided, Embedded, Label, PhotoRef

TOOLS = Path(__file__).parents[1] / "tools"
FIRST_DOG, LAST_DOG = 2085620, 2113978  # WordNet's domestic dogs, Chihuahua to Mexican hairless

# Words that begin with a capital letter or hold one: proper nouns and abbreviations. All others are lower case.
CAPITALS = """
Afghan African Airedale Alaskan American Angora Appenzeller Arctic Asian ATM Australian Band-Aid Bay Bedlington
Belgian Bernese Blenheim Border Boston Bouvier Brittany Brussels Cardigan CD Chesapeake Chihuahua Chin Christmas
CRT Dandie Dane Dinmont Doberman Dungeness Dutch English Entlebucher Flandres French German Gila Gordon Great
Greater Highland Ibizan iPod Irish Italian Japanese Kerry Komodo Labrador Lakeland Leonberger Lhasa Malinois
Maltese Mexican Model Mountain Newfoundland Norfolk Norwegian Norwich Old Pekingese Pembroke Persian Petri
Polaroid Pomeranian Pyrenees Rhodesian Rottweiler RV Saint Bernard Saluki Samoyed Scottish Sealyham Shetland
Shih Siamese Siberian SLR Staffordshire Sussex Swiss T T-shirt Tibetan Tzu Walker Weimaraner Welsh West
Yorkshire
"""


@pytest.fixture(scope="module")
def tools() -> Iterator[ModuleType]:
    """`tools/build_imagenet_model.py` as a module; it holds the other script as well."""
    sys.path.insert(0, str(TOOLS))
    try:
        yield importlib.import_module("build_imagenet_model")
    finally:
        sys.path.remove(str(TOOLS))


@pytest.fixture(scope="module")
def words(tools: ModuleType) -> ModuleType:
    return importlib.import_module("build_imagenet_words")


@pytest.fixture(scope="module")
def lines(words: ModuleType) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Class to its word and broader words."""
    return {line.wnid: (line.word, line.broader) for line in words.read_words()}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return find_bundle(BUILT_IN, Path("no-such-folder"))


@pytest.fixture(scope="module")
def labels(bundle: Bundle) -> dict[str, Label]:
    return {label.word: label for label in bundle.classifier.labels}


def test_there_are_a_thousand_classes_in_the_order_of_the_network(lines):
    assert len(lines) == 1000
    assert list(lines) == sorted(lines)


def test_every_word_is_plain(lines):
    said = {name for word, broader in lines.values() for name in (word, *broader)}
    assert {
        name for name in said if name != unicodedata.normalize("NFC", name) or name != " ".join(name.split())
    } == set()
    assert {part for name in said for part in name.split() if part != part.lower()} <= set(CAPITALS.split())


def test_every_dog_breed_is_a_dog_and_an_animal(lines, labels):
    breeds = [wnid for wnid in lines if FIRST_DOG <= int(wnid[1:]) <= LAST_DOG]
    assert len(breeds) == 118
    assert [wnid for wnid in breeds if lines[wnid][1][:2] != ("animal", "dog")] == []
    assert {list(lines).index(wnid) for wnid in breeds} <= set(labels["dog"].classes)


ODD = [
    ("n02099601", "golden retriever", ("animal", "dog", "retriever")),
    ("n02113186", "Cardigan Welsh corgi", ("animal", "dog", "corgi")),
    ("n02963159", "cardigan", ("clothing", "sweater")),
    ("n02123045", "tabby cat", ("animal", "cat")),
    ("n02012849", "crane bird", ("animal", "bird")),
    ("n03126707", "construction crane", ()),
    ("n01930112", "nematode", ("animal", "worm")),
    ("n02825657", "bell cote", ("architecture",)),
    ("n04389033", "military tank", ("vehicle", "military")),
    ("n03642806", "laptop", ("electronics", "computer")),
    ("n03028079", "church", ("architecture", "building", "place of worship")),
    ("n09193705", "mountain", ("landscape",)),
    ("n09428293", "seashore", ("landscape", "coast")),
    ("n10148035", "groom", ("person", "wedding")),
    ("n02892767", "bra", ("clothing",)),
    ("n06359193", "website", ("screenshot",)),
]


@pytest.mark.parametrize(("wnid", "word", "broader"), ODD, ids=[word for _, word, _ in ODD])
def test_odd_classes_are_right(lines, wnid, word, broader):
    assert lines[wnid] == (word, broader)


@pytest.mark.parametrize(
    ("word", "classes"), [("missile", 2), ("sunglasses", 2), ("laptop", 2), ("swimsuit", 4), ("elephant", 3)]
)
def test_classes_that_share_a_word_are_one_label(labels, word, classes):
    assert len(labels[word].classes) == classes


def test_a_broader_word_covers_all_that_is_said_to_be_below_it(labels):
    for label in labels.values():
        assert label.word not in label.broader
        assert len(set(label.broader)) == len(label.broader)
        for depth, word in enumerate(label.broader):
            above = labels[word]
            assert set(label.classes) <= set(above.classes), (label.word, word)
            assert set(above.broader) <= set(label.broader[:depth]), (label.word, word)  # so there are no circles


def test_the_bundle_says_what_the_words_file_says(lines, labels):
    assert set(labels) == {name for word, broader in lines.values() for name in (word, *broader)}
    for number, (word, broader) in enumerate(lines.values()):
        assert labels[word].broader == broader
        assert all(number in labels[name].classes for name in (word, *broader))


def test_a_word_of_more_classes_needs_a_higher_score(tools, labels):
    assert labels["animal"].threshold == tools.threshold(len(labels["animal"].classes)) > tools.threshold(100)
    assert labels["beagle"].threshold == tools.threshold(1) == tools.LEAST_THRESHOLD
    assert all(0.5 <= label.threshold < 1 for label in labels.values())


def test_building_the_model_again_gives_the_same_bytes(tools, bundle, tmp_path):
    tools.build(tmp_path / BUILT_IN, bundle.metrics)
    same, different, missing = filecmp.cmpfiles(
        bundle.folder, tmp_path / BUILT_IN, ["manifest.json", "head.npz"], shallow=False
    )
    assert (sorted(same), different, missing) == (["head.npz", "manifest.json"], [], [])


def test_building_the_words_again_gives_the_same_file(words):
    if not words.WORDNET.is_file():
        pytest.skip(f"no WordNet at {words.WORDNET}")
    wnids = [line.wnid for line in words.read_words()]
    built = words.build(wnids, words.read_wordnet(), words.read_reviewed())
    assert words.as_text(built) == words.WORDS.read_text(encoding="utf-8")


def test_an_unknown_broader_word_is_refused(words, tmp_path):
    overrides = tmp_path / "overrides.tsv"
    overrides.write_text("n02099601\t\tquadruped\n")
    with pytest.raises(ValueError, match="quadruped"):
        words.read_reviewed(overrides=overrides)


@pytest.fixture(scope="module")
def decided(real_photos: Path, bundle: Bundle) -> list[Decided]:
    """Forty dogs, forty cats and forty ImageNet photos, decided on as a scan does."""
    network = bundle.network
    folders = ("pets/dog", "pets/cat", "unknown")
    paths = [path for folder in folders for path in sorted((real_photos / folder).iterdir())[:40]]
    photos = [decode(PhotoRef(str(p), p.stat().st_size, 0), network.image_size, network.fit) for p in paths]
    vectors = open_backbone(network, "cpu").embed(np.stack([photo.pixels for photo in photos]))
    embedded = [
        Embedded(photo.ref, photo.content_hash, photo.facts, vector)
        for photo, vector in zip(photos, vectors, strict=True)
    ]
    return decide(embedded, bundle.classifier, Rules(None, None))


def test_the_first_dogs_found_are_dogs(decided):
    score = {d.ref.path: max((tag.score for tag in d.tags if tag.word == "dog"), default=0) for d in decided}
    first = sorted(score, key=lambda path: -score[path])[:20]
    assert {Path(path).parent.name for path in first} == {"dog"}


def test_what_is_written_on_imagenet_photos_is_right(decided, lines):
    photos = [photo for photo in decided if Path(photo.ref.path).parent.name == "unknown"]
    said = right = 0
    for photo in photos:
        word, broader = lines[Path(photo.ref.path).name[:9]]
        written = {tag.word for tag in photo.tags}
        said, right = said + len(written), right + len(written & {word, *broader})
    assert said > 2 * len(photos)
    assert right / said > 0.9
