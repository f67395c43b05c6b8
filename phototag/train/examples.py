"""Embedded photos in; out come those that can be learned from, the words they teach, and folds to check with.

From here on everything is ordered by content hash: names and listing order make no difference.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from phototag.errors import TrainingDataError
from phototag.records import Label, Vectors
from phototag.train.dataset import NONE, Category, name_of
from phototag.train.embed import Example

_log = logging.getLogger(__name__)

_NAMED = 10

Folds = npt.NDArray[np.intp]
"""`(N,)`: the fold in which a photo is held out, or -1 for one that is always learned from."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a model is to learn to say.

    Attributes:
        categories: the head's classes, in alphabetical order; where they exclude each other and there are photos of
            none of them, the first is `NONE`, which no label says.
        labels: the words, with the default threshold. A category in a folder of its own and every broader word is one.
        activation: "softmax" where every photo has one category, else "sigmoid".
    """

    categories: tuple[Category, ...]
    labels: tuple[Label, ...]
    activation: Literal["softmax", "sigmoid"]

    def targets(self, examples: Sequence[Example]) -> Vectors:
        """Which classes are on each photo, `(N, classes) float32`, 0 or 1. A broader class is on all below it, if
        several may be on a photo.
        """
        rows = np.zeros((len(examples), len(self.categories)), np.float32)
        for row, example in zip(rows, examples, strict=True):
            for number, category in enumerate(self.categories):
                row[number] = (
                    category in example.categories
                    if self.activation == "softmax"
                    else any(said[: len(category)] == category for said in example.categories)
                )
        return rows

    def truths(self, examples: Sequence[Example]) -> npt.NDArray[np.bool_]:
        """Which labels are right for each photo, `(N, labels) bool`."""
        targets = self.targets(examples) > 0
        return np.stack([targets[:, list(label.classes)].any(axis=1) for label in self.labels], axis=1)


def settle(examples: Iterable[Example]) -> list[Example]:
    """Take each photo once, by content, and leave out those that are said to be different things.

    Args:
        examples: as embedded.

    Returns:
        Examples of distinct content, ordered by it.
    """
    by_content: dict[bytes, list[Example]] = defaultdict(list)
    for example in examples:
        by_content[example.content_hash].append(example)
    kept, torn = [], []
    for _, same in sorted(by_content.items()):
        if len({example.categories for example in same}) == 1:
            kept.append(same[0])
        else:
            torn.append(same)
    for same in torn[:_NAMED]:
        said = " and ".join(sorted(f"{example.ref.path} ({_named(example)})" for example in same))
        _log.warning("the same photo is in different categories: %s: left out", said)
    if len(torn) > _NAMED:
        _log.warning("%d more photo(s) are in different categories: left out", len(torn) - _NAMED)
    copies = sum(map(len, by_content.values())) - len(kept) - sum(map(len, torn))
    if copies:
        _log.warning("%d photo(s) are copies of others: each is learned from once", copies)
    return kept


def vocabulary(examples: Sequence[Example], *, one_category: bool) -> Vocabulary:
    """The words that examples teach.

    Raises:
        TrainingDataError: there are not two things to tell apart.
    """
    counts = Counter(category for example in examples for category in example.categories)
    named = sorted(set(counts) - {NONE})
    without = sum(example.categories <= {NONE} for example in examples)
    if not named or len(named) + (without > 0) < 2 or len({example.categories - {NONE} for example in examples}) < 2:
        found = ", ".join(f"{name_of(category)} ({counts[category]} photos)" for category in sorted(counts)) or "none"
        raise TrainingDataError(
            f"two categories are needed to tell them apart, found: {found}; add a folder with photos of something else"
        )
    if few := [name_of(category) for category in named if counts[category] == 1]:
        _log.warning("learned from one photo, which leaves none to check with: %s; ten make a start", ", ".join(few))
    categories = (NONE, *named) if one_category and without else tuple(named)
    places = sorted({category[:depth] for category in named for depth in range(1, len(category) + 1)})
    labels = tuple(
        Label(
            word=place[-1],
            classes=tuple(n for n, category in enumerate(categories) if category[: len(place)] == place),
            broader=place[:-1],
        )
        for place in places
    )
    return Vocabulary(categories, labels, "softmax" if one_category else "sigmoid")


def fold(examples: Sequence[Example], folds: int) -> Folds:
    """Deal photos into folds that hold each combination of categories as evenly as can be.

    The deal follows content: the same photos are dealt the same way whatever their names and order. The only photo
    of a category is never held out.
    """
    counts = Counter(category for example in examples for category in example.categories)
    dealt = np.full(len(examples), -1, np.intp)
    order = sorted(range(len(examples)), key=lambda n: (sorted(examples[n].categories), examples[n].content_hash))
    turn = 0
    for n in order:
        if all(counts[category] > 1 for category in examples[n].categories):
            dealt[n] = turn % folds
            turn += 1
    return dealt


def leave_out(examples: Sequence[Example], others: Sequence[Example]) -> list[Example]:
    """The examples whose content is not among `others`: photos to check with are never learned from."""
    taken = {example.content_hash for example in others}
    kept = [example for example in examples if example.content_hash not in taken]
    if len(kept) < len(examples):
        _log.warning("%d photo(s) are also among those to check with: not learned from", len(examples) - len(kept))
    return kept


def check_known(said: Iterable[frozenset[Category]], taught: Iterable[Category]) -> None:
    """Refuse photos to check with whose categories are not learned.

    Raises:
        TrainingDataError: names the categories.
    """
    unknown = frozenset[Category]().union(*said) - set(taught)
    if unknown:
        names = ", ".join(sorted(map(name_of, unknown)))
        raise TrainingDataError(f"categories to check with that have no photos to learn from: {names}")


def _named(example: Example) -> str:
    return ", ".join(sorted(map(name_of, example.categories or {NONE})))
