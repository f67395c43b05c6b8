"""Answers in; out comes what a page draws: reliability, precision and recall, the confusion matrix, mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phototag.records import PhotoRef
from phototag.train.answers import FOREIGN, Answers
from phototag.train.dataset import name_of

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers given with about the same confidence.

    Attributes:
        confidence: their mean, 0 to 1.
        right: the part of them that is right.
        count: how many they are.
    """

    confidence: float
    right: float
    count: int


@dataclass(frozen=True, slots=True)
class Trade:
    """What a word's threshold trades: precision for recall.

    Attributes:
        name: "animal/dog".
        threshold: the chosen one.
        recalls: rising, one for each photo that has the word, best score first.
        precisions: at the same places.
        chosen: recall and precision at the chosen threshold; None where no photo reaches it.
    """

    name: str
    threshold: float
    recalls: tuple[float, ...]
    precisions: tuple[float, ...]
    chosen: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A photo that a scan would give a wrong word, or that looks most like the wrong category.

    Attributes:
        truth: what is true, as one text.
        said: the wrong word.
        score: how sure the model is of it, 0 to 1.
        tagged: whether a scan would write it.
    """

    ref: PhotoRef
    truth: str
    said: str
    score: float
    tagged: bool


def reliability(answers: Answers) -> tuple[Bin, ...]:
    """How often the model is right when it says it is so sure: of the likeliest category, or of every word's score."""
    if answers.exclusive:
        known = answers.true_class != FOREIGN
        sure = answers.chances[known].max(axis=1, initial=0)
        right = answers.likeliest[known] == answers.true_class[known]
    else:
        sure, right = answers.scores.ravel(), answers.truths.ravel()
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(float(sure[places == n].mean()), float(right[places == n].mean()), int((places == n).sum()))
        for n in range(BINS)
        if (places == n).any()
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: how far confidence and the part that is right are apart, on average."""
    count = sum(one.count for one in bins)
    return sum(one.count * abs(one.confidence - one.right) for one in bins) / count if count else 0.0


def trades(answers: Answers) -> tuple[Trade, ...]:
    """Precision and recall of each word that some photo has, over all thresholds."""
    found = []
    for n, label in enumerate(answers.labels):
        right, scores = answers.truths[:, n], answers.scores[:, n]
        if not right.any():
            continue
        order = np.argsort(-scores, kind="stable")
        hits = right[order]
        precisions = (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits]
        recalls = np.arange(1, hits.sum() + 1) / hits.sum()
        reached = scores >= label.threshold
        both = (reached & right).sum()
        found.append(
            Trade(
                name=name_of((*label.broader, label.word)),
                threshold=label.threshold,
                recalls=tuple(recalls.tolist()),
                precisions=tuple(precisions.tolist()),
                chosen=(float(both / right.sum()), float(both / reached.sum())) if reached.any() else None,
            )
        )
    return tuple(found)


def confusion(answers: Answers) -> tuple[tuple[str, ...], npt.NDArray[np.int_]]:
    """Which tag a scan gives the photos of each category.

    Returns:
        Names of the rows, and `(rows, classes + 1)` counts: a row for each class and, where there are photos of none
        of them, one more; a column for each class, the surest one where several are said, and one for no tag.
    """
    size = len(answers.classes)
    said = answers.said[:, answers.class_labels] & (answers.class_labels >= 0)
    surest = np.where(said, answers.chances, -1).argmax(axis=1)
    given = np.where(said.any(axis=1), surest, size)
    true = np.where(answers.true_class == FOREIGN, size, answers.true_class)
    counts = np.zeros((size + 1, size + 1), int)
    np.add.at(counts, (true, given), 1)
    names = (*answers.classes, "none of these")
    return (names, counts) if counts[size].any() else (names[:size], counts[:size])


def mistakes(answers: Answers, most: int) -> tuple[Mistake, ...]:
    """The photos the model is most confidently wrong about: wrong tags first, then wrong guesses that stay untagged."""
    names = [name_of((*label.broader, label.word)) for label in answers.labels]
    wrong = np.where(answers.said & ~answers.truths, answers.scores, -1)
    found: dict[int, Mistake] = {}
    for n in np.flatnonzero(wrong.max(axis=1, initial=-1) >= 0):
        # A broader word is as wrong as the narrow one that brings it along, and says less: the last of equals counts.
        word = max(
            range(len(names)), key=lambda word: (wrong[n, word] >= 0, len(answers.labels[word].broader), wrong[n, word])
        )
        found[int(n)] = Mistake(
            answers.refs[n], _truth(answers, int(n), names), names[word], float(wrong[n, word]), True
        )
    if answers.exclusive:
        best, chances = answers.likeliest, answers.chances.max(axis=1, initial=0)
        for n in np.flatnonzero((answers.true_class != FOREIGN) & (best != answers.true_class)):
            said = Mistake(
                answers.refs[n],
                answers.classes[answers.true_class[n]],
                answers.classes[best[n]],
                float(chances[n]),
                False,
            )
            found.setdefault(int(n), said)
    return tuple(sorted(found.values(), key=lambda one: (not one.tagged, -one.score, one.ref.path))[:most])


def _truth(answers: Answers, photo: int, names: Sequence[str]) -> str:
    if answers.true_class[photo] != FOREIGN:
        return answers.classes[int(answers.true_class[photo])]
    return ", ".join(name for name, right in zip(names, answers.truths[photo], strict=True) if right) or "none of these"
