"""Held-out photos' scores, distances and truths in, figures out: what a scan with this model would do to them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from phototag.decide import label_scores
from phototag.records import Classifier, Vectors
from phototag.train.calibrate import Trial
from phototag.train.dataset import name_of
from phototag.train.embed import Example
from phototag.train.examples import Vocabulary

_PAIRS = 5

Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """How one word does.

    Attributes:
        name: "animal/dog".
        learned: photos it was learned from.
        checked: photos to check with that have it.
        precision: the part of the photos given the word that have it; None where none was given it.
        recall: the part of the photos that have it and were given it; None where none has it.
    """

    name: str
    learned: int
    checked: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model does on photos it has not learned from, each figure a part of them from 0 to 1.

    Attributes:
        learned: photos learned from.
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

    learned: int
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
    scores, truths = label_scores(trial.logits, classifier), words.truths(trial.examples)
    said = _said(classifier, scores, trial.distances)
    one_category = words.activation == "softmax"
    true_class, best_class = words.targets(trial.examples).argmax(axis=1), trial.logits.argmax(axis=1)
    figures = []
    for n, (label, count) in enumerate(zip(classifier.labels, words.truths(learned).sum(axis=0), strict=True)):
        both, given, there = (said & truths)[:, n].sum(), said[:, n].sum(), truths[:, n].sum()
        figures.append(
            CategoryFigures(
                name=name_of((*label.broader, label.word)),
                learned=int(count),
                checked=int(there),
                precision=float(both / given) if given else None,
                recall=float(both / there) if there else None,
            )
        )
    pairs = Counter(
        (name_of(words.categories[true]), name_of(words.categories[best]))
        for true, best in zip(true_class, best_class, strict=True)
        if one_category and true != best
    )
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:_PAIRS]
    return Evaluation(
        learned=len(learned),
        checked=len(trial.examples),
        accuracy=float((true_class == best_class).mean()) if one_category else None,
        mean_average_precision=None if one_category else _mean_average_precision(scores, truths),
        micro_f1=None if one_category else float(2 * (said & truths).sum() / max(said.sum() + truths.sum(), 1)),
        right=float((said == truths).all(axis=1).mean()),
        wrong=float((said & ~truths).any(axis=1).mean()),
        untagged=float((~said).all(axis=1).mean()),
        categories=tuple(figures),
        confused=tuple((true, best, count) for (true, best), count in ranked),
    )


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


def _mean_average_precision(scores: Vectors, truths: Truths) -> float:
    """Mean over the labels of the average of the precision at each right photo, best score first."""
    found = []
    for column, right in zip(scores.T, truths.T, strict=True):
        if right.any():
            ranked = right[np.argsort(-column, kind="stable")]
            precisions = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
            found.append(precisions[ranked].mean())
    return float(np.mean(found)) if found else 0.0
