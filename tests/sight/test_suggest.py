"""What a model does not know is suggested: what it cannot decide between, and what it has never seen, in groups."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from phototag.decide import Rules, as_neighbours, layer_logits, normalised
from phototag.index import Index, open_index
from phototag.metadata import open_writer
from phototag.records import Classifier, Dense, Label, Neighbours, Votes
from phototag.scan import Job, scan
from phototag.sight.suggest import Suggestion, suggest, unsureness
from phototag.vectors import VectorFile
from phototag.vectors.nearest import Shelf
from tests.models import COLOURS, ColourBackbone

RED_OR_GREEN = Classifier(
    layers=(Dense(np.float32([[40, 0], [0, 40], [0, 0]]), np.zeros(2, np.float32)),),
    activation="softmax",
    labels=(Label("red", (0,), ("colour",)), Label("green", (1,), ("colour",)), Label("colour", (0, 1))),
    neighbours=Neighbours(normalised(np.float32([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.9, 0.8, 0.1]])), 1, 0.2),
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = open_index(tmp_path / "index.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[VectorFile]:
    opened = VectorFile(tmp_path / "v", ColourBackbone.network)
    yield opened
    opened.close()


def photograph(library: Path, name: str, *colours: tuple[int, int, int]) -> None:
    library.mkdir(exist_ok=True)
    for number, colour in enumerate(colours):
        Image.new("RGB", (40, 30), colour).save(library / f"{name}{number}.png")


def suggested(library: Path, index: Index, vectors: VectorFile, limit: int = 20, **how: Any) -> list[Suggestion]:
    settings: dict[str, Any] = {"model": "m", "decision": "1", "classifier": RED_OR_GREEN, "rules": Rules()}
    settings |= {"backbone": ColourBackbone(), "writer": open_writer(), "index": index, "workers": 2}
    list(scan([str(library)], Job(**settings | {"vectors": vectors, "write": False})))
    done: list[int] = []
    with Shelf(vectors) as shelf:
        found = list(suggest(index, vectors, shelf, how.get("classifier", RED_OR_GREEN), limit, done.append))
    assert sum(done) == len(vectors)
    return found


def names(group: Suggestion) -> set[str]:
    return {Path(path).name for path in group.paths}


def test_the_unsure_and_the_unlike_are_told_apart(tmp_path: Path, index: Index, vectors: VectorFile) -> None:
    library = tmp_path / "library"
    photograph(library, "red", (250, 90, 20), (250, 20, 70))
    photograph(library, "mixed", (200, 199, 60), (220, 220, 160))
    photograph(library, "blue", (10, 10, 240), (120, 10, 250), (10, 120, 250))
    groups = suggested(library, index, vectors, limit=4)
    first = groups[0]
    assert (first.reason, names(first)) == ("unlike", {"blue0.png", "blue1.png", "blue2.png"})
    unsure = [group for group in groups if group.reason == "unsure"]
    assert names(unsure[0]) <= {"mixed0.png", "mixed1.png"}
    assert {word for word, _ in unsure[0].words} == {"red", "green"}, "'colour' is what both stand under"
    assert abs(unsure[0].words[0][1] - 0.5) < 0.1


def test_what_the_model_learned_from_is_not_suggested(tmp_path: Path, index: Index, vectors: VectorFile) -> None:
    photograph(tmp_path / "library", "learned", (230, 204, 26))
    assert suggested(tmp_path / "library", index, vectors) == []


def test_photos_that_are_nearly_the_same_are_suggested_once(tmp_path: Path, index: Index, vectors: VectorFile) -> None:
    photograph(tmp_path / "library", "blue", *((10, 10 + n, 240) for n in range(12)), (150, 0, 255))
    groups = suggested(tmp_path / "library", index, vectors, limit=4)
    assert [(group.reason, group.alike) for group in groups] == [("unlike", 13)]
    assert "blue12.png" in [Path(path).name for path in groups[0].paths[:2]]


def test_no_more_photos_come_than_asked_for_and_none_that_are_gone(
    tmp_path: Path, index: Index, vectors: VectorFile
) -> None:
    library = tmp_path / "library"
    rng = np.random.default_rng(0)
    photograph(library, "odd", *(tuple(map(int, colour)) for colour in rng.integers(0, 256, (40, 3))))
    for limit in (1, 5, 12):
        assert sum(len(group.paths) for group in suggested(library, index, vectors, limit)) <= limit
    before = {path for group in suggested(library, index, vectors, 40) for path in group.paths}
    gone = sorted(before)[0]
    Path(gone).unlink()
    after = {path for group in suggested(library, index, vectors, 40) for path in group.paths}
    assert gone not in after
    assert len(before) == len({*before}) > 5


def test_a_model_without_examples_is_asked_only_what_it_cannot_decide(
    tmp_path: Path, index: Index, vectors: VectorFile
) -> None:
    photograph(tmp_path / "library", "photo", (200, 199, 60), (10, 10, 240), (250, 5, 5))
    groups = suggested(tmp_path / "library", index, vectors, classifier=replace(RED_OR_GREEN, neighbours=None))
    assert {group.reason for group in groups} == {"unsure"}
    assert groups[0].paths[0].endswith(("photo0.png", "photo1.png"))


def test_unsureness_is_one_where_it_could_be_either_and_falls_with_the_lead() -> None:
    vectors = np.float32([[0.5, 0.5, 0], [0.52, 0.5, 0], [0.9, 0.1, 0]])
    found = unsureness(layer_logits(vectors, RED_OR_GREEN.layers), "softmax")
    assert found[0] == pytest.approx(1)
    assert 1 > found[1] > found[2] >= 0
    alone = unsureness(layer_logits(np.float32([[0.5, 0, 0], [1, 0, 0]]), COLOURS.layers), "sigmoid")
    assert alone[0] == pytest.approx(1)
    assert alone[1] < 0.01
    assert unsureness(np.ones((3, 1), np.float32), "softmax").tolist() == [0, 0, 0]


def test_a_model_whose_examples_vote_is_asked_in_its_own_terms(
    tmp_path: Path, index: Index, vectors: VectorFile
) -> None:
    photograph(tmp_path / "library", "learned", (230, 204, 26))
    photograph(tmp_path / "library", "blue", (10, 10, 240))
    examples = as_neighbours(np.float32([[230, 204, 26], [230, 20, 20], [20, 230, 20]]) / 255)
    votes = Votes(np.float32([[0.5, 0.5], [1, 0], [0, 1]]), reach=0.1, weight=1.0, known=3, counted=(0, 1))
    voting = replace(RED_OR_GREEN, neighbours=Neighbours(examples, 1, 0.5, votes))
    groups = suggested(tmp_path / "library", index, vectors, classifier=voting)
    assert [(group.reason, names(group)) for group in groups] == [("unlike", {"blue0.png"})]
