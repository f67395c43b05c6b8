"""Held-out photos' scores and truths and a precision in; out come thresholds that keep it on photos not seen yet.

A threshold is not the lowest score above which the precision was met by chance, but the lowest above which it is met
with some certainty: a word's own photos count for themselves, and what scores like these came to for all words together
counts for ten more, which tells where the word's own are few.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phototag.records import Classifier, Vectors

Truths = npt.NDArray[np.bool_]

_CERTAINTY = 0.8
_LENT = 10.0
_FOREIGN_SHARE = {"softmax": 0.5, "sigmoid": 0.25}
"""Of the mistakes that a precision allows: kept back for photos of other things, of which none are held out. Where
categories exclude each other, one of them must be the likeliest even then, so that more of them get a tag."""
_LEAST_SAID = 20
_DOUBT = 0.5
"""How much of the way to 1 a word that cannot be promised keeps: its threshold was chosen on the same few photos."""
_HOPELESS = 0.05
"""So far below the wanted precision, a certainty need not be worked out."""
_ALMOST_CERTAIN = float(np.nextafter(np.float32(1), np.float32(0)))
_GRID = np.linspace(0, 1, 2001)[1:-1]


@dataclass(frozen=True, slots=True)
class Promise:
    """What a wanted precision means for one word.

    Attributes:
        name: "animal/dog".
        kept: whether the held-out photos are enough to promise it; else the threshold is that for all words together,
            or lies above the word's every mistake, whichever is higher, and then half way to 1.
        threshold: the score from which the word is said.
        recall: the part of the photos that have the word and are given it; None where none was held out.
        recall_before: the same with the threshold chosen without a wanted precision.
    """

    name: str
    kept: bool
    threshold: float
    recall: float | None
    recall_before: float | None


def promise(
    precision: float, classifier: Classifier, scores: Vectors, truths: Truths, near: Truths
) -> tuple[Promise, ...]:
    """Choose the score from which each word is said so that so many of those given it have it.

    Args:
        precision: 0 to below 1.
        classifier: calibrated; its labels with the thresholds they have otherwise.
        scores: `(N, labels) float32`, calibrated, of held-out photos.
        truths: `(N, labels) bool`, which labels are right.
        near: `(N,) bool`, whether a photo is near enough to what was learned to be given a word at all.

    Returns:
        One for each label, in their order.
    """
    wanted = 1 - (1 - precision) * (1 - _FOREIGN_SHARE[classifier.activation])
    said, right = scores[near], truths[near]
    pooled_scores, pooled_right = said.ravel(), right.ravel()
    pooled = _Record.of(pooled_scores, pooled_right)
    common = _lowest(pooled, np.full(len(pooled.scores), wanted), 0.0, wanted)
    common = _ALMOST_CERTAIN if common is None else common
    found = []
    for n, label in enumerate(classifier.labels):
        own = _Record.of(said[:, n], right[:, n])
        alone = _lowest(own, pooled.precision_at(own.scores), _LENT, wanted)
        careful = max(common, label.threshold, own.above_mistakes)
        threshold = min(1 - _DOUBT * (1 - careful), _ALMOST_CERTAIN) if alone is None else alone
        there = truths[:, n]
        found.append(
            Promise(
                name="/".join((*label.broader, label.word)),
                kept=alone is not None,
                threshold=threshold,
                recall=_recall(there, near & (scores[:, n] >= threshold)),
                recall_before=_recall(there, near & (scores[:, n] >= label.threshold)),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Record:
    """Scores in falling order, and how many at or above each were right and wrong."""

    scores: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    wrong: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scores: Vectors, right: Truths) -> "_Record":
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order].astype(np.float64)
        last = np.append(ordered[1:] < ordered[:-1], True) if len(ordered) else np.zeros(0, bool)
        correct = right[order]
        return cls(ordered[last], np.cumsum(correct)[last].astype(float), np.cumsum(~correct)[last].astype(float))

    @property
    def above_mistakes(self) -> float:
        """The least score above all that were wrong, below 1."""
        wrong = np.diff(self.wrong, prepend=0) > 0
        highest = np.float32(self.scores[wrong].max()) if wrong.any() else np.float32(0)
        return min(float(np.nextafter(highest, np.float32(1))), _ALMOST_CERTAIN)

    def precision_at(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The part that was right of all words given from each of these scores on, each of which is in the record."""
        at = np.searchsorted(-self.scores, -scores)
        return (self.right[at] + 0.5) / (self.right[at] + self.wrong[at] + 1)


def _lowest(record: _Record, expected: npt.NDArray[np.float64], lent: float, wanted: float) -> float | None:
    """The lowest score from which precision is at least `wanted` with enough certainty; None where there is none."""
    low = None
    for score, right, wrong, prior in zip(record.scores, record.right, record.wrong, expected, strict=True):
        enough = right + wrong >= _LEAST_SAID and right >= (wanted - _HOPELESS) * (right + wrong)
        if enough and _sure_of(right + lent * prior, wrong + lent * (1 - prior)) >= wanted:
            low = score
    return None if low is None else float(low)


def _sure_of(right: float, wrong: float) -> float:
    """The precision that is exceeded with `_CERTAINTY`, after so many right and wrong ones: a quantile of Beta."""
    log = (right + 0.5 - 1) * np.log(_GRID) + (wrong + 0.5 - 1) * np.log1p(-_GRID)
    mass = np.cumsum(np.exp(log - log.max()))
    return float(_GRID[int(np.searchsorted(mass, (1 - _CERTAINTY) * mass[-1]))])


def _recall(there: Truths, given: Truths) -> float | None:
    return float((there & given).sum() / there.sum()) if there.any() else None
