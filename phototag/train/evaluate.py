"""What a model says of photos and what is true in, figures out: what a scan with this model would do to them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from phototag.decide import label_scores
from phototag.records import Classifier, Label, Vectors
from phototag.train.answers import FOREIGN, Answers, Truths, class_chances, narrowest
from phototag.train.calibrate import Trial, surprise
from phototag.train.dataset import NONE, name_of
from phototag.train.embed import Example
from phototag.train.examples import Vocabulary

_PAIRS = 5


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """How one word does.

    Attributes:
        name: "animal/dog".
        learned: photos it was learned from; None where that is not known.
        checked: photos to check with that have it.
        precision: the part of the photos given the word that have it; None where none was given it.
        recall: the part of the photos that have it and were given it; None where none has it.
    """

    name: str
    learned: int | None
    checked: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model does on photos it has not learned from, each figure a part of them from 0 to 1.

    Attributes:
        learned: photos learned from; None where that is not known.
        checked: photos to check with.
        accuracy: the most likely category is right; None where a photo may have several.
        mean_average_precision: over the categories; None where a photo has one category.
        micro_f1: of all words given to all photos; None where a photo has one category.
        right: given all of their words and no other.
        wrong: given a word they do not have.
        untagged: given no word.
        categories: every word, in alphabetical order of its place.
        confused: true category, category it was taken for, how often; most frequent first.
    """

    learned: int | None
    checked: int
    accuracy: float | None
    mean_average_precision: float | None
    micro_f1: float | None
    right: float
    wrong: float
    untagged: float
    categories: tuple[CategoryFigures, ...]
    confused: tuple[tuple[str, str, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """As a bundle's metrics: what does not apply is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def evaluate(
    classifier: Classifier,
    words: Vocabulary,
    learned: Sequence[Example],
    trial: Trial,
) -> Evaluation:
    """Measure a model on held-out photos.

    Args:
        classifier: with its final thresholds.
        words: what it was taught.
        learned: photos it was learned from, for counting.
        trial: at least one photo.
    """
    counts = words.truths(learned).sum(axis=0)
    named = {_name(label): int(count) for label, count in zip(classifier.labels, counts, strict=True)}
    return measure(answers_of(classifier, words, trial), named, learned=len(learned))


def answers_of(classifier: Classifier, words: Vocabulary, trial: Trial) -> Answers:
    """What a model says of held-out photos, and what is true."""
    scores, exclusive = label_scores(trial.logits, classifier), words.activation == "softmax"
    labels_of = narrowest(classifier.labels, len(words.categories))
    named = labels_of >= 0
    targets = words.targets(trial.examples)[:, named]
    single = exclusive & targets.any(axis=1)
    return Answers(
        refs=tuple(example.ref for example in trial.examples),
        exclusive=exclusive,
        classes=tuple(name_of(category) for category in words.categories if category != NONE),
        class_labels=labels_of[named],
        chances=class_chances(classifier, trial.logits)[:, named],
        true_class=np.where(single, targets.argmax(axis=1), FOREIGN),
        labels=classifier.labels,
        scores=scores,
        truths=words.truths(trial.examples),
        said=_said(classifier, scores, trial.distances),
    )


def measure(
    answers: Answers, learned_from: Mapping[str, int] | None = None, *, learned: int | None = None
) -> Evaluation:
    """Figures on what a model says.

    Args:
        answers: of at least one photo.
        learned_from: photos that each word was learned from, by name; for counting.
        learned: photos learned from altogether.
    """
    said, truths = answers.said, answers.truths
    known = answers.true_class != FOREIGN
    true, best = answers.true_class[known], answers.likeliest[known]
    one_category = answers.exclusive and bool(known.any())
    figures = []
    for n, label in enumerate(answers.labels):
        both, given, there = (said & truths)[:, n].sum(), said[:, n].sum(), truths[:, n].sum()
        figures.append(
            CategoryFigures(
                name=_name(label),
                learned=None if learned_from is None else learned_from.get(_name(label)),
                checked=int(there),
                precision=float(both / given) if given else None,
                recall=float(both / there) if there else None,
            )
        )
    pairs = Counter(
        (answers.classes[one], answers.classes[other])
        for one, other in zip(true, best, strict=True)
        if one_category and one != other
    )
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:_PAIRS]
    return Evaluation(
        learned=learned,
        checked=len(answers.refs),
        accuracy=float((true == best).mean()) if one_category else None,
        mean_average_precision=None if answers.exclusive else mean_average_precision(answers.scores, truths),
        micro_f1=None if answers.exclusive else float(2 * (said & truths).sum() / max(said.sum() + truths.sum(), 1)),
        right=float((said == truths).all(axis=1).mean()),
        wrong=float((said & ~truths).any(axis=1).mean()),
        untagged=float((~said).all(axis=1).mean()),
        categories=tuple(figures),
        confused=tuple((one, other, count) for (one, other), count in ranked),
    )


def _name(label: Label) -> str:
    return name_of((*label.broader, label.word))


def _said(classifier: Classifier, scores: Vectors, distances: Vectors) -> Truths:
    """Which labels a scan would give each photo, `(N, labels) bool`, as `decide` does."""
    said = scores >= np.array([label.threshold for label in classifier.labels], np.float32)
    if classifier.neighbours is not None:
        said &= (distances <= classifier.neighbours.threshold)[:, None]
    number = {label.word: n for n, label in enumerate(classifier.labels)}
    given = said.copy()
    for n, label in enumerate(classifier.labels):
        for word in label.broader:
            given[:, number[word]] |= said[:, n]
    return given


class Merit(NamedTuple):
    """How good answers are; of two, the greater is better.

    Attributes:
        right: accuracy, or mean average precision where a photo may have several words.
        calm: the negative cross-entropy.
    """

    right: float
    calm: float


def merit(logits: Vectors, targets: Vectors, activation: Literal["softmax", "sigmoid"]) -> Merit:
    """Judge logits `(N, classes) float32` by what is true, `(N, classes) float32`, 0 or 1; at least one photo."""
    calm = -surprise(logits.astype(np.float64), targets, activation)
    if activation == "softmax":
        return Merit(float((logits.argmax(axis=1) == targets.argmax(axis=1)).mean()), calm)
    return Merit(mean_average_precision(logits, targets > 0), calm)


def mean_average_precision(scores: Vectors, truths: Truths) -> float:
    """Mean over the labels of the average of the precision at each right photo, best score first."""
    found = []
    for column, right in zip(scores.T, truths.T, strict=True):
        if right.any():
            ranked = right[np.argsort(-column, kind="stable")]
            precisions = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
            found.append(precisions[ranked].mean())
    return float(np.mean(found)) if found else 0.0
