"""Held-out photos' logits and distances in; out come a head whose scores mean what they say, and thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from phototag.decide import distances, label_scores, normalised
from phototag.records import Classifier, Dense, Neighbours, Vectors
from phototag.train.embed import Example
from phototag.train.examples import Vocabulary
from phototag.train.teach import Taught

_KEPT = 0.95  # what other parts would keep out or let in stands in docs/training.md
_TRIED_ENOUGH = 100
_NEIGHBOURS_A_CATEGORY = 500
_NEAREST = 5
_SOFTMAX_THRESHOLD = 0.6
_SIGMOID_THRESHOLD = 0.5
_PRIOR_PHOTOS = 20
_TEMPERATURES = np.geomspace(0.2, 5, 129)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Photos to check with, and what a scan would find out about them.

    Attributes:
        logits: `(examples, classes) float32`, calibrated, from heads that have not learned from them.
        distances: `(examples,) float32`, to training photos other than themselves.
    """

    examples: tuple[Example, ...]
    logits: Vectors
    distances: Vectors


def calibrate(taught: Taught, learned: Sequence[Example], words: Vocabulary, seed: int) -> tuple[Classifier, Trial]:
    """Make of a head a classifier that knows when to speak.

    Args:
        taught: the head and its trial.
        learned: the photos it learned from.
        words: what it can say.
        seed: chooses the neighbours where there are many.

    Returns:
        The classifier, and the trial as it looks after calibration.
    """
    truths, targets = words.truths(taught.tried), words.targets(taught.tried)
    heat = temperature(taught.logits, targets, words.activation)
    classifier = Classifier(cooled(taught.layers, heat), words.activation, words.labels)
    cool = taught.logits / np.float32(heat)
    classifier = with_thresholds(classifier, label_scores(cool, classifier), truths)

    neighbours, own = choose_neighbours(learned, words, seed)
    among = _distances(learned, neighbours, own)
    if taught.apart:
        apart = _distances(taught.tried, neighbours, np.full(len(taught.tried), -1))
        known = apart[truths.any(axis=1)]
        if len(known) < _TRIED_ENOUGH:
            known = np.concatenate([known, among[own >= 0]])
    else:
        place = {example.content_hash: n for n, example in enumerate(learned)}
        apart = among[[place[example.content_hash] for example in taught.tried]]
        known = among[own >= 0]
    if len(neighbours.embeddings) > 1:  # a single one has no distance to another
        neighbours = replace(neighbours, threshold=distance_threshold(known))
    return replace(classifier, neighbours=neighbours), Trial(taught.tried, cool, apart)


def choose_neighbours(
    learned: Sequence[Example], words: Vocabulary, seed: int
) -> tuple[Neighbours, npt.NDArray[np.intp]]:
    """The training photos that "none of these" is measured against; at most 500 a category, so that scans stay fast.

    Photos without any label are no neighbours: what is like them is none of these. Where the smallest category has
    five photos or fewer, no more neighbours are averaged than a photo of it can have.

    Returns:
        The neighbours, with a threshold that keeps everything, and `(learned,)` which of them each photo is, or -1.
    """
    targets = words.targets(learned) > 0
    order = np.random.default_rng(seed).permutation(len(learned))
    chosen: set[int] = set()
    for column in targets.T:
        chosen.update(order[column[order]][:_NEIGHBOURS_A_CATEGORY].tolist())
    rows = sorted(chosen)
    own = np.full(len(learned), -1, np.intp)
    own[rows] = np.arange(len(rows))
    # Bundles keep them as float16; rounded now, the threshold is measured on what a scan will use.
    vectors = normalised(np.stack([learned[n].embedding for n in rows])).astype(np.float16).astype(np.float32)
    smallest = int(targets.sum(axis=0).min())
    return Neighbours(vectors, k=int(np.clip(smallest - 1, 1, _NEAREST)), threshold=2.0), own


def distance_threshold(known: Vectors) -> float:
    """The distance within which 95 % of the known photos lie.

    Args:
        known: `(N,)`, distances of photos that belong to the categories, none of them to itself; at least one.
    """
    return float(np.quantile(known, _KEPT))


def temperature(logits: Vectors, targets: Vectors, activation: str) -> float:
    """The number to divide logits by so that the held-out photos are the least surprising (Guo et al. 2017).

    Args:
        logits: `(N, classes) float32` of held-out photos.
        targets: `(N, classes) float32`, 0 or 1.
        activation: "softmax" or "sigmoid".

    Returns:
        0.2 to 5; 1 where there are no photos.
    """
    if not len(logits):
        return 1.0
    surprises = [_surprise(logits.astype(np.float64) / t, targets, activation) for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(surprises))])


def cooled(layers: tuple[Dense, ...], temperature: float) -> tuple[Dense, ...]:
    """The layers with their logits divided by a temperature."""
    last = layers[-1]
    return (*layers[:-1], Dense(last.kernel / np.float32(temperature), last.bias / np.float32(temperature)))


def with_thresholds(classifier: Classifier, scores: Vectors, truths: npt.NDArray[np.bool_]) -> Classifier:
    """Choose the score from which each label is said.

    One category a photo: 0.6 for all, see docs/training.md. Several: the score with the best F1 on held-out photos,
    drawn towards 0.5 as if twenty photos had voted for that.

    Args:
        classifier: calibrated.
        scores: `(N, labels) float32` of held-out photos.
        truths: `(N, labels) bool`, which labels are right.
    """
    if classifier.activation == "softmax":
        labels = [replace(label, threshold=_SOFTMAX_THRESHOLD) for label in classifier.labels]
    else:
        labels = [
            replace(label, threshold=_best_f1(scores[:, n], truths[:, n])) for n, label in enumerate(classifier.labels)
        ]
    return replace(classifier, labels=tuple(labels))


def _distances(examples: Sequence[Example], neighbours: Neighbours, own: npt.NDArray[np.intp]) -> Vectors:
    if len(neighbours.embeddings) == 1:
        return np.zeros(len(examples), np.float32)
    return distances(np.stack([example.embedding for example in examples]), neighbours, own)


def _surprise(logits: npt.NDArray[np.float64], targets: Vectors, activation: str) -> float:
    """Mean cross-entropy."""
    if activation == "softmax":
        raised = logits - logits.max(axis=1, keepdims=True)
        return float((targets * (np.log(np.exp(raised).sum(axis=1, keepdims=True)) - raised)).sum(axis=1).mean())
    return float((np.logaddexp(0, logits) - targets * logits).mean())


def _best_f1(scores: Vectors, truths: npt.NDArray[np.bool_]) -> float:
    photos = int(truths.sum())
    if not photos:
        return _SIGMOID_THRESHOLD
    order = np.argsort(-scores, kind="stable")
    said = np.arange(1, len(scores) + 1)
    f1 = 2 * np.cumsum(truths[order]) / (said + photos)
    best = int(np.argmax(f1))
    below = scores[order[best + 1]] if best + 1 < len(scores) else 0.0
    found = float(scores[order[best]] + below) / 2
    return (photos * found + _PRIOR_PHOTOS * _SIGMOID_THRESHOLD) / (photos + _PRIOR_PHOTOS)
