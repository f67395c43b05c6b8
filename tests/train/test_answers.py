"""What a model says of photos from elsewhere is held against what is known of them, and nothing else."""

import numpy as np
import pytest

from phototag.records import Classifier, Dense, Label, Neighbours
from phototag.train.answers import FOREIGN, answer
from phototag.train.embed import Example
from phototag.train.evaluate import measure
from tests.train.labelled import example

_LABELS = (
    Label("animal", (0, 1), (), 0.6),
    Label("cat", (0,), ("animal",), 0.6),
    Label("dog", (1,), ("animal",), 0.6),
    Label("rose", (2,), (), 0.6),
)


def _classifier(*, trained: bool = True) -> Classifier:
    """Tells cats, dogs and roses by the embedding's largest number; what points elsewhere is none of these."""
    head = Dense(np.eye(4, 3, dtype=np.float32) * 9, np.zeros(3, np.float32))
    near = Neighbours(np.eye(3, 4, dtype=np.float32), 1, 0.5)
    return Classifier((head,), "softmax", _LABELS, near if trained else None)


def _photo(number: int, category: str, looks: int) -> Example:
    return example(number, category, embedding=np.eye(4, dtype=np.float32)[looks])


def test_right_wrong_and_foreign_photos_are_told_apart() -> None:
    photos = [_photo(1, "animal/cat", 0), _photo(2, "animal/dog", 0), _photo(3, "car", 3), _photo(4, "boat", 2)]
    found = answer(_classifier(), photos)
    assert found.classes == ("animal/cat", "animal/dog", "rose")
    assert found.true_class.tolist() == [0, 1, FOREIGN, FOREIGN]
    figures = measure(found)
    assert (figures.accuracy, figures.right, figures.wrong, figures.untagged) == (0.5, 0.5, 0.5, 0.25)
    assert figures.confused == (("animal/dog", "animal/cat", 1),)


def test_a_folder_may_be_called_by_the_word_alone_in_any_case() -> None:
    found = answer(_classifier(), [_photo(1, "Cat", 0)])
    assert found.truths.tolist() == [[True, True, False, False]]
    assert measure(found).right == 1


def test_narrower_words_than_the_owner_gave_are_not_held_against_the_model() -> None:
    found = answer(_classifier(), [_photo(1, "animal", 1)])
    assert found.said.tolist() == [[True, False, False, False]]
    assert measure(found).right == 1


def test_of_a_model_from_elsewhere_only_the_words_asked_for_count() -> None:
    found = answer(_classifier(trained=False), [_photo(1, "animal", 0), _photo(2, "dog", 2), _photo(3, "animal", 1)])
    assert [label.word for label in found.labels] == ["animal", "dog"]
    assert found.said.tolist() == [[True, False], [False, False], [True, False]]
    assert found.true_class.tolist() == [FOREIGN, 1, FOREIGN]


@pytest.mark.parametrize("words", [("sea", "sunset"), ("sea",)])
def test_several_labels_on_a_photo(words: tuple[str, ...]) -> None:
    labels = (Label("sea", (0,)), Label("sunset", (1,)))
    head = Dense(np.eye(2, dtype=np.float32) * 9, np.full(2, -4, np.float32))
    near = Neighbours(np.eye(2, dtype=np.float32), 1, 2.0)
    photo = example(1, *words, embedding=np.array([1, "sunset" in words], np.float32))
    figures = measure(answer(Classifier((head,), "sigmoid", labels, near), [photo]))
    assert (figures.right, figures.micro_f1, figures.accuracy) == (1, 1, None)
