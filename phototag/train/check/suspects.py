"""Embedded photos in; out comes what the others say of each, and those that do not look like their category.

Every photo is judged by a ridge regression from embeddings to categories that has learned from all photos but this
one. That needs no training in turn: the residual of a linear fit, divided by one minus the photo's leverage, is exactly
what a fit without the photo would leave (Allen's PRESS statistic). So each photo is held out against all others in less
than a second, where confident learning (Northcutt et al. 2021) trains five heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phototag.decide import normalised
from phototag.train.check.findings import Suspect
from phototag.train.dataset import NONE, Category, name_of
from phototag.train.embed import Example

_RIDGE = 2.0
"""Of 1 to 5, all find flipped labels of `pets`, `flowers` and `clothing` equally well within the noise."""

_SURE = 0.3
"""With 5 % of the labels flipped, 98 % (`pets`) and 73 % (`flowers`) of the photos beyond it were flipped ones."""

_PHOTOS_LEAST = 3
_BLOCK = 4096
_TEMPERATURES = np.geomspace(0.02, 1, 60)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What the other photos say of each.

    Attributes:
        examples: the photos judged.
        categories: the columns; `NONE` is that of photos without a label.
        exclusive: whether each photo has one category only.
        targets: `(photos, categories) bool`, what their owner says.
        says: `(photos, categories) float64`, about 1 where a photo looks like a category and about 0 where not, from
            all photos but this one.
    """

    examples: tuple[Example, ...]
    categories: tuple[Category, ...]
    exclusive: bool
    targets: npt.NDArray[np.bool_]
    says: Floats


def judge(examples: Sequence[Example]) -> Judgement:
    """Ask of each photo what all others make of it.

    Args:
        examples: distinct photos; those of categories with fewer than three photos are not judged, nor do they judge.
    """
    exclusive = all(len(example.categories) <= 1 for example in examples)
    said = [_classes(example, exclusive=exclusive) for example in examples]
    counts: dict[Category, int] = {}
    for categories in said:
        for category in categories:
            counts[category] = counts.get(category, 0) + 1
    columns = tuple(sorted(category for category, count in counts.items() if count >= _PHOTOS_LEAST))
    rows = [n for n, categories in enumerate(said) if not exclusive or categories & set(columns)]
    targets = np.array([[column in said[n] for column in columns] for n in rows], bool).reshape(len(rows), len(columns))
    judged = tuple(examples[n] for n in rows)
    if not rows or len(columns) < (2 if exclusive else 1):
        return Judgement((), (), exclusive, np.empty((0, 0), bool), np.empty((0, 0)))
    embeddings = normalised(np.stack([example.embedding for example in judged]))
    says = left_out(embeddings, targets.astype(np.float64), _weights(targets) if exclusive else np.ones(len(rows)))
    return Judgement(judged, columns, exclusive, targets, says)


def find_suspects(judgement: Judgement) -> tuple[Suspect, ...]:
    """The photos that look more like something else than what they are said to be, the most doubtful first."""
    if not judgement.examples:
        return ()
    found = _exclusive(judgement) if judgement.exclusive else _several(judgement)
    return tuple(sorted(found, key=lambda suspect: (-suspect.doubt, suspect.ref.path, suspect.looks)))


def left_out(embeddings: npt.NDArray[np.float32], targets: Floats, weights: Floats) -> Floats:
    """What a ridge regression that has learned from all other rows says of each.

    Args:
        embeddings: `(N, D) float32`, of unit length.
        targets: `(N, C)`.
        weights: `(N,)`, how much each row counts, 1 on average.

    Returns:
        `(N, C) float64`.
    """
    centre = embeddings.mean(axis=0, dtype=np.float64)
    size = embeddings.shape[1] + 1
    gram, moments = _RIDGE * np.eye(size), np.zeros((size, targets.shape[1]))
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(embeddings), _BLOCK)]
    for rows in blocks:
        inputs = _with_constant(embeddings[rows] - centre)
        weighed = inputs * weights[rows, None]
        gram += weighed.T @ inputs
        moments += weighed.T @ targets[rows]
    inverse = np.linalg.inv(gram)
    kernel = inverse @ moments
    says = np.empty_like(targets)
    for rows in blocks:
        inputs = _with_constant(embeddings[rows] - centre)
        leverage = (weights[rows] * ((inputs @ inverse) * inputs).sum(axis=1))[:, None]
        says[rows] = (inputs @ kernel - leverage * targets[rows]) / (1 - leverage)
    return says


def _classes(example: Example, *, exclusive: bool) -> set[Category]:
    """Its categories and, where a photo may have several, the broader ones they imply."""
    if exclusive:
        return set(example.categories) or {NONE}
    return {said[:depth] for said in example.categories for depth in range(1, len(said) + 1)}


def _weights(targets: npt.NDArray[np.bool_]) -> Floats:
    """As heads learn: each photo weighs one over the square root of its category's size, 1 on average."""
    counts = targets.sum(axis=0)
    weights = targets @ np.sqrt(counts.max() / counts)
    return np.asarray(weights / weights.mean())


def _with_constant(inputs: Floats) -> Floats:
    return np.hstack([inputs, np.ones((len(inputs), 1))])


def _exclusive(judgement: Judgement) -> list[Suspect]:
    says, rows = judgement.says, np.arange(len(judgement.examples))
    given = judgement.targets.argmax(axis=1)
    others = np.where(judgement.targets, -np.inf, says)
    best = others.argmax(axis=1)
    doubts = others[rows, best] - says[rows, given]
    chances = _chances(says, given)
    names = [name_of(category) for category in judgement.categories]
    return [
        Suspect(
            ref=judgement.examples[n].ref,
            given=names[given[n]],
            looks=names[best[n]],
            confidence=float(chances[n, best[n]]),
            doubt=float(doubts[n]),
            sure=bool(doubts[n] >= _SURE),
        )
        for n in np.flatnonzero(doubts > 0)
    ]


def _several(judgement: Judgement) -> list[Suspect]:
    """Each category for itself: photos that have it and do not look so, and the other way round."""
    found = []
    for column, category in enumerate(judgement.categories):
        has, name = judgement.targets[:, column], name_of(category)
        against = np.where(has, 0.5 - judgement.says[:, column], judgement.says[:, column] - 0.5)
        sides = np.stack([1 - judgement.says[:, column], judgement.says[:, column]], axis=1)
        chances = _chances(sides, has.astype(np.intp))
        for n in np.flatnonzero(against > 0):
            yes, no = name, f"not {name}"
            found.append(
                Suspect(
                    ref=judgement.examples[n].ref,
                    given=yes if has[n] else no,
                    looks=no if has[n] else yes,
                    confidence=float(chances[n, 0 if has[n] else 1]),
                    doubt=float(2 * against[n]),  # the distance between the two sides, as for exclusive categories
                    sure=bool(2 * against[n] >= _SURE),
                )
            )
    return found


def _chances(says: Floats, given: npt.NDArray[np.intp]) -> Floats:
    """Probabilities: a softmax at the temperature that makes what is given the least surprising."""
    rows = np.arange(len(given))
    tried = [_softmax(says / temperature) for temperature in _TEMPERATURES]
    return min(tried, key=lambda chances: float(-np.log(np.maximum(chances[rows, given], 1e-12)).mean()))


def _softmax(x: Floats) -> Floats:
    raised = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
