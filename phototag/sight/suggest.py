"""Stored vectors in, photos worth labelling next out: those a model is unsure of, and those unlike all it learned from.

The photos are gone through once; of both kinds a few thousand stay. Among these, photos are picked one after the other,
each as unlike as can be from those picked before (Gonzalez, "Clustering to minimize the maximum intercluster distance",
1985); each becomes the middle of a group of those that look most like it. The groups with the most photos come first: a
label there teaches the model most.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from phototag.decide import as_neighbours, normalised, outputs, scores
from phototag.index import Index
from phototag.records import Classifier, Vectors
from phototag.sight.photos import photos_of
from phototag.vectors import VectorFile
from phototag.vectors.nearest import Rows, Shelf

_AT_ONCE = 2048
_POOL = 2000
_A_GROUP = 4
_LEARNED = 0.005
"""A photo this close (cosine distance) to one the model learned from is that photo, or another shot of it."""

_LEAST_DOUBT = 0.5
"""Below it the likeliest class leads by more than half: nobody needs to be asked."""

_TWINS = 0.05
"""Photos this close to one another need no label each."""

_WORDS = 2

Reason = Literal["unsure", "unlike"]
Progress = Callable[[int], None]
"""Is told how many more vectors are done."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A group of photos that look alike and that are worth a label.

    Attributes:
        reason: the model cannot decide between words, or the photos are unlike all that it learned from.
        paths: some of them, the middle of the group first.
        alike: how many photos, of those that are worth a label, look most like this middle.
        words: the likeliest words for the middle, with their scores.
    """

    reason: Reason
    paths: tuple[str, ...]
    alike: int
    words: tuple[tuple[str, float], ...]


def suggest(
    index: Index, vectors: VectorFile, shelf: Shelf, classifier: Classifier, limit: int, progress: Progress
) -> Iterator[Suggestion]:
    """Groups of photos worth labelling, about `limit` photos in all.

    Args:
        index: knows where the photos are.
        vectors: the open file of vectors.
        shelf: the same, to look through.
        classifier: of the model that is to learn.
        limit: how many photos, at most.
        progress: is called with the sum of `len(shelf.rows)`, by and by.
    """
    pools = _pools(shelf, classifier, progress)
    groups = [(reason, group) for reason, pool in pools.items() for group in _groups(shelf, pool, limit)]
    for reason, group in sorted(groups, key=lambda one: -len(one[1])):
        if limit <= 0:
            return
        paths = [path for path in (_first_path(row, index, vectors) for row in group[: 4 * _A_GROUP]) if path]
        paths = paths[: min(_A_GROUP, limit)]
        if paths:
            limit -= len(paths)
            yield Suggestion(reason, tuple(paths), len(group), _likeliest(shelf, group[0], classifier))


def unsureness(logits: Vectors, activation: Literal["softmax", "sigmoid"]) -> Vectors:
    """How little logits `(N, classes)` decide, `(N,) float32`, 0 to 1.

    Where classes exclude each other, one less the lead of the likeliest over the next; else how close the class that
    is closest to it comes to a chance of one half.
    """
    if activation == "sigmoid":
        return np.asarray(1 - np.abs(np.tanh(logits / 2)).min(axis=1), np.float32)
    if logits.shape[1] < 2:
        return np.zeros(len(logits), np.float32)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    best = np.partition(raised, -2, axis=1)[:, -2:]
    return np.asarray(1 - (best[:, 1] - best[:, 0]) / raised.sum(axis=1), np.float32)


def _pools(shelf: Shelf, classifier: Classifier, progress: Progress) -> dict[Reason, Rows]:
    """The vectors that a model is least sure of, and some of those that are unlike all it learned from."""
    chance = np.random.default_rng(0)
    best: dict[Reason, tuple[Vectors, Rows]] = {
        "unsure": (np.empty(0, np.float32), np.empty(0, np.intp)),
        "unlike": (np.empty(0, np.float32), np.empty(0, np.intp)),
    }
    for start in range(0, len(shelf.rows), _AT_ONCE):
        rows = shelf.rows[start : start + _AT_ONCE]
        vectors = shelf.vectors(rows)
        found: dict[Reason, tuple[Vectors, Rows]] = {}
        known = np.ones(len(rows), np.bool_)
        logits, strange = outputs(vectors, classifier)
        near = classifier.neighbours
        if near is not None and strange is not None:
            known = strange <= near.threshold
            found["unlike"] = chance.random(int((~known).sum()), np.float32), rows[~known]
            compared = normalised(vectors) if near.votes is None else as_neighbours(vectors)
            known &= (compared @ near.embeddings.T).max(axis=1) < 1 - _LEARNED
        doubts = unsureness(logits, classifier.activation)
        known &= doubts >= _LEAST_DOUBT
        found["unsure"] = doubts[known], rows[known]
        for reason, (values, some) in found.items():
            every, which = np.concatenate([best[reason][0], values]), np.concatenate([best[reason][1], some])
            most = np.argsort(-every, kind="stable")[:_POOL]
            best[reason] = every[most], which[most]
        progress(len(rows))
    return {reason: rows for reason, (_, rows) in best.items()}


def _groups(shelf: Shelf, pool: Rows, limit: int) -> list[list[int]]:
    """Groups of like vectors, each with its middle first, and then those that differ from one another."""
    if not len(pool):
        return []
    unit = normalised(shelf.vectors(pool))
    middles = [0]
    apart = 1 - unit @ unit[0]
    owner = np.zeros(len(pool), np.intp)
    while len(middles) < -(-limit // _A_GROUP) and apart.max() > _TWINS:
        middle = int(apart.argmax())
        distance = 1 - unit @ unit[middle]
        owner[distance < apart] = len(middles)
        apart = np.minimum(apart, distance)
        middles.append(middle)
    return [_middle_first(unit, np.flatnonzero(owner == n), middle, pool) for n, middle in enumerate(middles)]


def _middle_first(unit: Vectors, members: Rows, middle: int, pool: Rows) -> list[int]:
    """The numbers of a group's vectors: the middle, those near it but unlike each other, then their twins."""
    order = members[np.argsort(1 - unit[members] @ unit[middle], kind="stable")]
    chosen: list[int] = [middle]
    twins: list[int] = []
    for member in order.tolist():
        if member == middle:
            continue
        is_twin = (1 - unit[chosen[: 4 * _A_GROUP]] @ unit[member]).min() < _TWINS
        (twins if is_twin else chosen).append(member)
    return [int(row) for row in pool[[*chosen, *twins]]]


def _first_path(row: int, index: Index, vectors: VectorFile) -> str | None:
    return next(iter(photos_of([row], index, vectors)[row]), None)


def _likeliest(shelf: Shelf, row: int, classifier: Classifier) -> tuple[tuple[str, float], ...]:
    """The likeliest of the words that are nothing's broader word."""
    said = scores(shelf.vectors([row]), classifier)[0]
    broader = {word for label in classifier.labels for word in label.broader}
    own = [(float(score), label.word) for score, label in zip(said, classifier.labels, strict=True)]
    best = sorted((one for one in own if one[1] not in broader), key=lambda one: (-one[0], one[1]))
    return tuple((word, score) for score, word in best[:_WORDS])
