"""A model and photos whose categories are known in; what it says of them beside what is true out.

Figures and pages are made from this alone, whether the photos were held out in training or come from elsewhere.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from phototag.decide import Rules, decide, label_scores, outputs
from phototag.records import Classifier, Embedded, Facts, Label, PhotoRef, Vectors
from phototag.train.dataset import Category, name_of
from phototag.train.embed import Example

Truths = npt.NDArray[np.bool_]

FOREIGN = -1
"""The class of a photo that has none of the model's classes, or more than one."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model says of photos, and what is true.

    Attributes:
        refs: the photos.
        exclusive: whether the model's classes exclude each other.
        classes: the names of the head's classes: "animal/dog"; without the one of photos that show none of them.
        class_labels: `(classes,)`, the label that names each class, or -1 where that one is not asked for.
        chances: `(photos, classes) float32`, 0 to 1.
        true_class: `(photos,)`, the class of each photo, or `FOREIGN`.
        labels: the words the model can say, with their thresholds.
        scores: `(photos, labels) float32`.
        truths: `(photos, labels) bool`, the words that are right.
        said: `(photos, labels) bool`, the words that a scan would give.
    """

    refs: tuple[PhotoRef, ...]
    exclusive: bool
    classes: tuple[str, ...]
    class_labels: npt.NDArray[np.intp]
    chances: Vectors
    true_class: npt.NDArray[np.intp]
    labels: tuple[Label, ...]
    scores: Vectors
    truths: Truths
    said: Truths

    @property
    def likeliest(self) -> npt.NDArray[np.intp]:
        """The class with the best chance, `(photos,)`."""
        return np.asarray(self.chances.argmax(axis=1))


def answer(classifier: Classifier, examples: Sequence[Example]) -> Answers:
    """Ask a model about photos as a scan would.

    What is not known is not held against it: where a photo is said to show a dog, the words for kinds of dogs are
    left out. A photo of none of the model's words is foreign: it should get no tag. Of a model that was not trained on
    photos of its user (the built-in one, with a thousand words), only the words that some photo has are asked for.

    Args:
        classifier: of a loaded bundle.
        examples: photos embedded by its network, at least one.
    """
    embeddings = np.stack([example.embedding for example in examples])
    logits, _ = outputs(embeddings, classifier)
    scores = label_scores(logits, classifier)
    photos = [Embedded(one.ref, one.content_hash, Facts("", 0, 0), one.embedding) for one in examples]
    number = {label.word: n for n, label in enumerate(classifier.labels)}
    said = np.zeros(scores.shape, bool)
    for row, decided in zip(said, decide(photos, classifier, Rules()), strict=True):
        row[[number[tag.word] for tag in decided.tags if tag.word in number]] = True
    truths, unknown = _truths(classifier.labels, examples)
    labels_of = narrowest(classifier.labels, logits.shape[1])
    classes = labels_of[labels_of >= 0]
    asked = np.arange(len(classifier.labels))
    if classifier.neighbours is None:
        known = _by_name(classifier.labels)
        named = {_find(category, known) for example in examples for category in example.categories}
        asked = np.array(sorted(n for n in named if n is not None), np.intp)
    place = {int(n): place for place, n in enumerate(asked)}
    return Answers(
        refs=tuple(example.ref for example in examples),
        exclusive=classifier.activation == "softmax",
        classes=tuple(_name(classifier.labels[n]) for n in classes),
        class_labels=np.array([place.get(int(n), -1) for n in classes], np.intp),
        chances=class_chances(classifier, logits)[:, labels_of >= 0],
        true_class=_true_classes(classifier, classes, examples),
        labels=tuple(classifier.labels[n] for n in asked),
        scores=np.where(unknown, np.float32(0), scores)[:, asked],
        truths=truths[:, asked],
        said=(said & ~unknown)[:, asked],
    )


def class_chances(classifier: Classifier, logits: Vectors) -> Vectors:
    """The probability of each class, `(photos, classes) float32`, from its logits."""
    plain = tuple(Label(str(n), (n,)) for n in range(logits.shape[1]))
    return label_scores(logits, replace(classifier, labels=plain))


def narrowest(labels: Sequence[Label], classes: int) -> npt.NDArray[np.intp]:
    """For each class the label with the fewest classes that it belongs to; the first of them; -1: it has none."""
    found = np.full(classes, -1, np.intp)
    fewest = np.full(classes, np.inf)
    for n, label in enumerate(labels):
        for member in label.classes:
            if len(label.classes) < fewest[member]:
                found[member], fewest[member] = n, len(label.classes)
    return found


def _name(label: Label) -> str:
    return name_of((*label.broader, label.word))


def _truths(labels: Sequence[Label], examples: Sequence[Example]) -> tuple[Truths, Truths]:
    """The words that are right, and those of which nothing is known, each `(photos, labels) bool`."""
    known = _by_name(labels)
    truths, unknown = np.zeros((2, len(examples), len(labels)), bool)
    for row, doubt, example in zip(truths, unknown, examples, strict=True):
        for category in example.categories:
            label = _find(category, known)
            if label is None:
                continue
            row[label] = True
            row[[n for n, other in enumerate(labels) if other.word in labels[label].broader]] = True
            doubt[[n for n, other in enumerate(labels) if labels[label].word in other.broader]] = True
    return truths, unknown & ~truths


def _true_classes(
    classifier: Classifier, classes: npt.NDArray[np.intp], examples: Sequence[Example]
) -> npt.NDArray[np.intp]:
    """The class that each photo's only category is. A folder "dog" is one, of a model that learned from such a folder;
    of another it may be any of the kinds of dogs.
    """
    known = _by_name(classifier.labels)
    own = classifier.neighbours is not None
    of_label = {int(n): place for place, n in enumerate(classes) if own or len(classifier.labels[n].classes) == 1}
    found = np.full(len(examples), FOREIGN, np.intp)
    for n, example in enumerate(examples):
        if len(example.categories) == 1:
            label = _find(next(iter(example.categories)), known)
            found[n] = FOREIGN if label is None else of_label.get(label, FOREIGN)
    return found


def _by_name(labels: Sequence[Label]) -> dict[str, int]:
    """Labels by name and, after those, by word alone: a folder "dog" means the model's "animal/dog"."""
    words = {_folded(label.word): n for n, label in enumerate(labels)}
    return words | {_folded(_name(label)): n for n, label in enumerate(labels)}


def _find(category: Category, known: Mapping[str, int]) -> int | None:
    return known.get(_folded(name_of(category)), known.get(_folded(category[-1]))) if category else None


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()
