"""Held-out photos' logits, votes and distances in; out come a classifier whose scores mean what they say, and
thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from phototag.decide import label_scores, off_span, strangeness, with_votes
from phototag.records import Classifier, Dense, Span, Vectors
from phototag.train.embed import Example
from phototag.train.examples import Vocabulary
from phototag.train.neighbours import Chosen, choose_neighbours, span_of
from phototag.train.promise import Promise, promise
from phototag.train.teach import Taught

_KEPT = {"softmax": 0.9, "sigmoid": 0.95}
"""Where categories exclude each other, one of them is the likeliest on photos of anything. What other parts would keep
out or let in stands in docs/training.md."""
_TRIED_ENOUGH = 100
_SOFTMAX_THRESHOLD = 0.6
_SIGMOID_THRESHOLD, _SIGMOID_LEAST = 0.5, 0.4
_PRIOR_PHOTOS = 100
_TEMPERATURES = tuple(map(float, np.geomspace(0.2, 5, 65)))
_WEIGHTS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
_MIXED_MOST = 3000
_USUAL_WEIGHT = 6.0
_PRIOR_PHOTOS_MIXED = 100
"""With ten photos a category, those held out tell little about the weight of a vote, see docs/training.md."""
_BY_HEART_WEIGHT, _BY_HEART_HEAT, _PRIOR_PHOTOS_HEAT = 1.0, 0.9, 300
"""Where the network has learned from the photos that vote, they say much the same as the head, and the smoothing of its
labels settles the scale of its logits better than the few photos held out, see docs/training.md."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Photos to check with, and what a scan would find out about them.

    Attributes:
        logits: `(examples, classes) float32`, calibrated, with votes, from heads and neighbours that have not learned
            from them.
        distances: `(examples,) float32`, how strange they are, measured by training photos other than themselves.
        promises: what a wanted precision came to, a word each; none where none was wanted.
    """

    examples: tuple[Example, ...]
    logits: Vectors
    distances: Vectors
    promises: tuple[Promise, ...] = ()


def calibrate(
    taught: Taught, learned: Sequence[Example], words: Vocabulary, seed: int, precision: float | None = None
) -> tuple[Classifier, Trial]:
    """Make of a head a classifier that knows when to speak.

    Args:
        taught: the head and its trial.
        learned: the photos it learned from.
        words: what it can say.
        seed: chooses the neighbours where there are many.
        precision: the part of the words said that is to be right; None: thresholds as `with_thresholds` chooses them.

    Returns:
        The classifier, and the trial as it looks after calibration.
    """
    truths, targets = words.truths(taught.tried), words.targets(taught.tried)
    chosen = choose_neighbours(learned, words, seed)
    apart, cast = chosen.look(taught.tried, _places(taught, learned, chosen))
    mixed = mix_by_heart if taught.by_heart and words.activation == "softmax" else mix
    heat, weight = mixed(taught.logits, cast, targets, words.activation)
    votes = replace(chosen.votes, weight=weight)
    neighbours = replace(chosen.neighbours, votes=votes)
    strange = strangeness(apart, cast, votes)
    if taught.by_heart and truths.any():
        span = _span(taught, learned, words)
        neighbours = replace(neighbours, span=span)
        strange = off_span(np.stack([example.embedding for example in taught.tried]), span)
    trial = Trial(taught.tried, with_votes(taught.logits / np.float32(heat), cast, votes), strange)
    if votes.known > 1:
        known = _known(taught, learned, words, chosen, trial.distances)
        neighbours = replace(neighbours, threshold=strangeness_threshold(known, words.activation))
    classifier = Classifier(cooled(taught.layers, heat), words.activation, words.labels, neighbours)
    scores = label_scores(trial.logits, classifier)
    classifier = with_thresholds(classifier, scores, truths)
    if precision is None or not trial.examples:
        return classifier, trial
    promises = promise(precision, classifier, scores, truths, trial.distances <= neighbours.threshold)
    labels = [replace(one, threshold=said.threshold) for one, said in zip(classifier.labels, promises, strict=True)]
    return replace(classifier, labels=tuple(labels)), replace(trial, promises=promises)


def strangeness_threshold(known: Vectors, activation: str) -> float:
    """The strangeness within which 95 % of the known photos lie; 90 % where categories exclude each other.

    Args:
        known: `(N,)`, of photos that belong to the categories, none of them measured by itself; at least one.
        activation: "softmax" or "sigmoid".
    """
    return float(np.quantile(known, _KEPT[activation]))


def mix(logits: Vectors, cast: Vectors, targets: Vectors, activation: str) -> tuple[float, float]:
    """How to put the head's logits and the neighbours' votes together so that held-out photos are the least surprising.

    After Guo et al. 2017, On calibration of modern neural networks, with one more number. Targets are drawn a little to
    the middle (Platt 1999), so that a few photos that are all right do not make a model certain. The weight is drawn to
    the usual one as if a hundred photos had spoken for that; logits and votes then get one more temperature together.

    Args:
        logits: `(N, classes) float32` of held-out photos.
        cast: `(N, classes) float32`, the votes on them.
        targets: `(N, classes) float32`, 0 or 1.
        activation: "softmax" or "sigmoid".

    Returns:
        The temperature to divide logits by, and the weight of a vote, 0 or more; 1 and 0 where there are no photos.
    """
    if not len(logits):
        return 1.0, 0.0
    some = slice(None, None, -(-len(logits) // _MIXED_MOST))
    logits, cast, targets = logits[some].astype(np.float64), cast[some].astype(np.float64), targets[some]
    doubt = 1 / (len(logits) + 2)
    softened = targets * (1 - doubt) + doubt / (targets.shape[1] if activation == "softmax" else 2)

    def best(heats: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
        tried = [(heat, weight) for weight in weights for heat in heats]
        surprises = [surprise(logits / heat + weight * (cast - 0.5), softened, activation) for heat, weight in tried]
        return tried[int(np.argmin(surprises))]

    _, found = best(_TEMPERATURES, _WEIGHTS)
    drawn = (len(logits) * found + _PRIOR_PHOTOS_MIXED * _USUAL_WEIGHT) / (len(logits) + _PRIOR_PHOTOS_MIXED)
    heat, weight = best(_TEMPERATURES, (drawn,))
    mixed = logits / heat + weight * (cast - 0.5)
    calm = _TEMPERATURES[int(np.argmin([surprise(mixed / one, softened, activation) for one in _TEMPERATURES]))]
    return heat * calm, weight / calm


def mix_by_heart(logits: Vectors, cast: Vectors, targets: Vectors, activation: str) -> tuple[float, float]:
    """The same for a network that has learned from the photos that vote: they count little, and the temperature is
    drawn to the usual one as if three hundred photos had spoken for that.
    """
    if not len(logits):
        return 1.0, 0.0
    own, others = logits.astype(np.float64), _BY_HEART_WEIGHT * (cast.astype(np.float64) - 0.5)
    surprises = [surprise(own / heat + others, targets, activation) for heat in _TEMPERATURES]
    found = _TEMPERATURES[int(np.argmin(surprises))]
    drawn = len(logits) * np.log(found) + _PRIOR_PHOTOS_HEAT * np.log(_BY_HEART_HEAT)
    return float(np.exp(drawn / (len(logits) + _PRIOR_PHOTOS_HEAT))), _BY_HEART_WEIGHT


def cooled(layers: tuple[Dense, ...], temperature: float) -> tuple[Dense, ...]:
    """The layers with their logits divided by a temperature."""
    last = layers[-1]
    return (*layers[:-1], Dense(last.kernel / np.float32(temperature), last.bias / np.float32(temperature)))


def with_thresholds(classifier: Classifier, scores: Vectors, truths: npt.NDArray[np.bool_]) -> Classifier:
    """Choose the score from which each label is said.

    One category a photo: 0.6 for all, see docs/training.md. Several: the score with the best F1 on held-out photos,
    drawn, as if a hundred photos had voted for that, towards half of the best F1 that one score for all labels gives,
    which is where scores that mean what they say are to be cut for it (Lipton et al. 2014, Optimal thresholding of
    classifiers to maximize F1 measure).

    Args:
        classifier: calibrated.
        scores: `(N, labels) float32` of held-out photos.
        truths: `(N, labels) bool`, which labels are right.
    """
    if classifier.activation == "softmax":
        labels = [replace(label, threshold=_SOFTMAX_THRESHOLD) for label in classifier.labels]
    else:
        usual = _SIGMOID_THRESHOLD
        if truths.any():
            usual = max(_SIGMOID_LEAST, _best_f1(scores.ravel(), truths.ravel())[1] / 2)
        labels = [
            replace(label, threshold=_drawn(scores[:, n], truths[:, n], usual))
            for n, label in enumerate(classifier.labels)
        ]
    return replace(classifier, labels=tuple(labels))


def _places(taught: Taught, learned: Sequence[Example], chosen: Chosen) -> npt.NDArray[np.intp]:
    """Which neighbour each photo tried is, or -1."""
    place = {example.content_hash: int(own) for example, own in zip(learned, chosen.own, strict=True)}
    return np.array([place.get(example.content_hash, -1) for example in taught.tried], np.intp)


def _span(taught: Taught, learned: Sequence[Example], words: Vocabulary) -> Span:
    """Of the photos with a label that the network has learned from."""
    tried = {example.content_hash for example in taught.tried}
    labelled = np.flatnonzero(words.truths(learned).any(axis=1))
    return span_of([learned[int(n)] for n in labelled if learned[int(n)].content_hash not in tried])


def _known(taught: Taught, learned: Sequence[Example], words: Vocabulary, chosen: Chosen, tried: Vectors) -> Vectors:
    """How strange photos of the categories are; those learned from help out where few were held out, unless the
    network knows them by heart.
    """
    known = tried[words.truths(taught.tried).any(axis=1)]
    if taught.apart and len(known) >= (1 if taught.by_heart else _TRIED_ENOUGH):
        return known
    among = [n for n, own in enumerate(chosen.own) if 0 <= own < chosen.votes.known]
    apart, cast = chosen.look([learned[n] for n in among], chosen.own[among])
    others = strangeness(apart, cast, chosen.votes)
    return np.concatenate([known, others]) if taught.apart else others


def surprise(logits: npt.NDArray[np.float64], targets: npt.NDArray[np.floating], activation: str) -> float:
    """Mean cross-entropy."""
    if activation == "softmax":
        raised = logits - logits.max(axis=1, keepdims=True)
        return float((targets * (np.log(np.exp(raised).sum(axis=1, keepdims=True)) - raised)).sum(axis=1).mean())
    return float((np.logaddexp(0, logits) - targets * logits).mean())


def _drawn(scores: Vectors, truths: npt.NDArray[np.bool_], usual: float) -> float:
    """The score with the best F1, drawn towards the usual one."""
    photos = int(truths.sum())
    if not photos:
        return usual
    return (photos * _best_f1(scores, truths)[0] + _PRIOR_PHOTOS * usual) / (photos + _PRIOR_PHOTOS)


def _best_f1(scores: Vectors, truths: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The score from which saying a label gives the best F1, and that F1; at least one must be right."""
    order = np.argsort(-scores, kind="stable")
    said = np.arange(1, len(scores) + 1)
    f1 = 2 * np.cumsum(truths[order]) / (said + truths.sum())
    best = int(np.argmax(f1))
    below = scores[order[best + 1]] if best + 1 < len(scores) else 0.0
    return float(scores[order[best]] + below) / 2, float(f1[best])
