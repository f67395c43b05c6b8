"""Embeddings in, tags out: scores, distances to the training photos, their votes, thresholds. Pure, numpy only."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from phototag.records import Classifier, Decided, Dense, Embedded, Label, Neighbours, Span, Tag, Vectors, Votes

GUESSES = 5
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user asks of the tags.

    Attributes:
        min_confidence: replaces every label's threshold, 0 to 1; None keeps them.
        max_tags: the most tags a photo, broader words not counted; None: no bound.
    """

    min_confidence: float | None = None
    max_tags: int | None = None


def decision_of(model: str, rules: Rules) -> str:
    """A fingerprint of all that decides: of a bundle, given by its own, and of the rules."""
    return hashlib.sha256(f"{model} {rules}".encode()).hexdigest()


def decide(photos: Sequence[Embedded], classifier: Classifier, rules: Rules) -> list[Decided]:
    """Say what is on each photo.

    A label is said where its score reaches its threshold, and its broader words with it, each with its own score.
    A photo stranger than the model's threshold is "none of these": it gets guesses only.
    Equal scores are ordered by word, so that the same photo always gets the same answer.

    Args:
        photos: embeddings `(D,)` of the network the classifier was trained with.
        classifier: of a loaded bundle.
        rules: what the user asks.

    Returns:
        One `Decided` a photo, in the same order.
    """
    if not photos:
        return []
    logits, strange = outputs(np.stack([photo.embedding for photo in photos]), classifier)
    scored = label_scores(logits, classifier)
    apart: list[float | None] = [None] * len(photos) if strange is None else [float(one) for one in strange]
    limit = np.inf if classifier.neighbours is None else classifier.neighbours.threshold
    words = _Words.of(classifier.labels, rules)
    return [
        Decided(
            ref=photo.ref,
            content_hash=photo.content_hash,
            facts=photo.facts,
            tags=() if distance is not None and distance > limit else _tags(row, words, rules.max_tags),
            guesses=_guesses(row, words),
            distance=distance,
        )
        for photo, row, distance in zip(photos, scored, apart, strict=True)
    ]


def layer_logits(embeddings: Vectors, layers: Sequence[Dense]) -> Vectors:
    """What a head's last layer gives before its activation.

    Args:
        embeddings: `(N, D) float32`, as the network gives them.
        layers: at least one.

    Returns:
        `(N, classes) float32`.
    """
    x = embeddings
    for layer in layers[:-1]:
        x = np.maximum(x @ layer.kernel + layer.bias, 0)
    return x @ layers[-1].kernel + layers[-1].bias


def outputs(embeddings: Vectors, classifier: Classifier) -> tuple[Vectors, Vectors | None]:
    """What a classifier makes of photos before it says a word.

    Args:
        embeddings: `(N, D) float32`, as the network gives them.

    Returns:
        Logits `(N, classes) float32`, of the head and the neighbours' votes together, and how strange each photo is,
        `(N,) float32`, None where the model has no neighbours.
    """
    logits, neighbours = layer_logits(embeddings, classifier.layers), classifier.neighbours
    if neighbours is None:
        return logits, None
    if neighbours.votes is None:
        return logits, distances(embeddings, neighbours)
    cast = votes(embeddings, neighbours, neighbours.votes)
    logits = with_votes(logits, cast, neighbours.votes)
    if neighbours.span is not None:
        return logits, off_span(embeddings, neighbours.span)
    return logits, strangeness(distances(embeddings, neighbours), cast, neighbours.votes)


def scores(embeddings: Vectors, classifier: Classifier) -> Vectors:
    """Score every label on every photo.

    A label's score is the sum of its classes' probabilities (softmax: they exclude each other) or the largest of
    them (sigmoid: they do not).

    Args:
        embeddings: `(N, D) float32`, as the network gives them.

    Returns:
        `(N, labels) float32`, 0 to 1.
    """
    return label_scores(outputs(embeddings, classifier)[0], classifier)


def label_scores(outputs: Vectors, classifier: Classifier) -> Vectors:
    """The second half of `scores`: `(N, classes)` logits to `(N, labels)` scores."""
    softmax = classifier.activation == "softmax"
    chances = _softmax(outputs) if softmax else _sigmoid(outputs)
    members = np.fromiter(chain.from_iterable(label.classes for label in classifier.labels), np.intp)
    starts = np.cumsum([0, *(len(label.classes) for label in classifier.labels[:-1])])
    pooled = (np.add if softmax else np.maximum).reduceat(chances[:, members], starts, axis=1)
    return np.minimum(pooled, 1)  # a sum of float32 may end a hair above it


def distances(embeddings: Vectors, neighbours: Neighbours, own: npt.NDArray[np.intp] | None = None) -> Vectors:
    """How far photos are from the training photos that have a label.

    Args:
        embeddings: `(N, D) float32`, as the network gives them.
        neighbours: at least one training photo, and one more with `own`.
        own: `(N,)`, which neighbour each photo is itself and must not be measured against; -1 for none.

    Returns:
        `(N,) float32`: mean cosine distance, 0 to 2, to the k nearest training photos (all of them, if fewer).
    """
    known = len(neighbours.embeddings) if neighbours.votes is None else neighbours.votes.known
    near = min(neighbours.k, known - (own is not None))
    found = [np.empty(0, np.float32)]
    for start, block in _blocks(embeddings, neighbours, known):
        if own is not None:
            mine = own[start : start + len(block)]
            among = (mine >= 0) & (mine < known)
            block[among, mine[among]] = np.inf
        found.append(np.partition(block, near - 1, axis=1)[:, :near].mean(axis=1))
    return np.maximum(np.concatenate(found), 0)


def votes(embeddings: Vectors, neighbours: Neighbours, shares: Votes) -> Vectors:
    """How the training photos vote: about 1 for a class whose photos are like this one, about 0 far from all.

    Args:
        embeddings: `(N, D) float32`, as the network gives them.
        neighbours: at least one.
        shares: theirs.

    Returns:
        `(N, classes) float32`.
    """
    found = [np.empty((0, shares.shares.shape[1]), np.float32)]
    for _, block in _blocks(embeddings, neighbours, len(neighbours.embeddings)):
        found.append(np.exp(block / np.float32(-shares.reach)) @ shares.shares)
    return np.concatenate(found)


def with_votes(logits: Vectors, cast: Vectors, shares: Votes) -> Vectors:
    """A head's logits and the votes together, `(N, classes) float32`; half a vote speaks neither for nor against."""
    return np.asarray(logits + np.float32(shares.weight) * (cast - np.float32(0.5)), np.float32)


def strangeness(apart: Vectors, cast: Vectors, shares: Votes) -> Vectors:
    """`(N,) float32`: the distance, and what the strongest vote for a class with a label lacks to 1."""
    return np.asarray(apart + np.maximum(1 - cast[:, list(shares.counted)].max(axis=1), 0), np.float32)


def off_span(embeddings: Vectors, span: Span) -> Vectors:
    """How much of each photo lies in no direction in which training photos differ, `(N,) float32`, 0 to 2.

    After Wang et al. 2022, ViM: out-of-distribution with virtual-logit matching, the residual.

    Args:
        embeddings: `(N, D) float32`, as the network gives them.
        span: of the training photos.
    """
    moved = as_neighbours(embeddings) - span.centre
    return np.asarray(np.linalg.norm(moved - (moved @ span.axes.T) @ span.axes, axis=1), np.float32)


def as_neighbours(embeddings: Vectors) -> Vectors:
    """`(N, D) float32`, unit length: the space in which neighbours that vote are compared, see `Neighbours`."""
    return normalised(np.sign(embeddings) * np.sqrt(np.abs(embeddings)))


def _blocks(embeddings: Vectors, neighbours: Neighbours, first: int) -> Iterator[tuple[int, Vectors]]:
    """Cosine distances to the first of the neighbours, in blocks of photos, so that memory is bounded."""
    unit = normalised(embeddings) if neighbours.votes is None else as_neighbours(embeddings)
    rows = max(1, _BLOCK_BYTES // (4 * first))
    for start in range(0, len(unit), rows):
        yield start, 1 - unit[start : start + rows] @ neighbours.embeddings[:first].T


def normalised(embeddings: Vectors) -> Vectors:
    """`(N, D) float32` scaled to unit length; a vector of zeros stays one."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """Labels made ready to be asked many times.

    Attributes:
        thresholds: `(labels,) float32`.
        ranks: `(labels,)`, each word's place in the alphabet, for ties.
        number: word to label number.
    """

    labels: Sequence[Label]
    thresholds: Vectors
    ranks: npt.NDArray[np.intp]
    number: dict[str, int]

    @classmethod
    def of(cls, labels: Sequence[Label], rules: Rules) -> "_Words":
        own = [label.threshold if rules.min_confidence is None else rules.min_confidence for label in labels]
        words = [label.word for label in labels]
        return cls(
            labels, np.array(own, np.float32), np.argsort(np.argsort(words)), {w: n for n, w in enumerate(words)}
        )


def _tags(row: Vectors, words: _Words, most: int | None) -> tuple[Tag, ...]:
    """The labels that reach their threshold, no more than asked for, and the broader words they bring along."""
    said = [int(n) for n in np.flatnonzero(row >= words.thresholds)]
    implied = {word for n in said for word in words.labels[n].broader}
    specific = [n for n in said if words.labels[n].word not in implied]
    tags: dict[str, Tag] = {}
    for n in sorted(specific, key=lambda n: (-row[n], words.ranks[n]))[:most]:
        label = words.labels[n]
        tags[label.word] = Tag(label.word, float(row[n]), label.broader)
        for depth, word in enumerate(label.broader):
            if word in words.number:
                own = words.number[word]
                tags[word] = Tag(word, float(row[own]), words.labels[own].broader)
            else:  # no label itself: as sure as the surest word that implies it, which comes first
                tags.setdefault(word, Tag(word, float(row[n]), label.broader[:depth]))
    return tuple(sorted(tags.values(), key=lambda tag: (-tag.score, tag.word)))


def _guesses(row: Vectors, words: _Words) -> tuple[Tag, ...]:
    # Of a thousand labels only those that may be among the best are put in order.
    least = np.partition(row, -GUESSES)[-GUESSES] if len(row) > GUESSES else -np.inf
    near = np.flatnonzero(row >= least)
    best = near[np.lexsort((words.ranks[near], -row[near]))][:GUESSES]
    return tuple(Tag(words.labels[n].word, float(row[n]), words.labels[n].broader) for n in best)


def _softmax(x: Vectors) -> Vectors:
    raised = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def _sigmoid(x: Vectors) -> Vectors:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), np.float32)
