"""Numbers of vectors in, the pairs among them that are nearly the same out; and groups of such pairs.

Up to some thousand vectors every one is compared with every other. Of more, each is compared with those of the cells
that it lies nearest to: a few of the vectors themselves, drawn by chance, are the middles of the cells. That misses
some pairs whose vectors lie between many cells; bench/vectors.py counts them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from phototag.records import Vectors
from phototag.vectors.nearest import Rows, Shelf

_ALL_BY_ALL = 8192
_IN_A_CELL = 1024
_CELLS_EACH = 6
_BLOCK = 2048

Progress = Callable[[int], None]
"""Is told how many more vectors are done."""


def close_pairs(shelf: Shelf, rows: Rows, threshold: float, progress: Progress) -> Iterator[tuple[int, int]]:
    """Pairs of vectors whose cosine is at least `threshold`, the lesser number first; a pair may come twice.

    Args:
        shelf: where the vectors are.
        rows: which of them, each once.
        threshold: 0 to 1.
        progress: is called with the sum of `len(rows)`, by and by.
    """
    if len(rows) <= _ALL_BY_ALL:
        yield from _between(shelf, rows, rows, threshold)
        progress(len(rows))
        return
    chance = np.random.default_rng(0)
    middles = _unit(shelf, chance.choice(rows, len(rows) // _IN_A_CELL, replace=False))
    cells = np.empty((len(rows), _CELLS_EACH), np.int32)
    for start in range(0, len(rows), _BLOCK):
        near = _unit(shelf, rows[start : start + _BLOCK]) @ middles.T
        best = np.argpartition(-near, _CELLS_EACH - 1, axis=1)[:, :_CELLS_EACH]
        order = np.argsort(-np.take_along_axis(near, best, axis=1), axis=1)
        cells[start : start + _BLOCK] = np.take_along_axis(best, order, axis=1)
    for cell in range(len(middles)):
        visiting = (cells == cell).any(axis=1)
        members = cells[:, 0] == cell
        yield from _between(shelf, rows[visiting], rows[members], threshold)
        progress(int(members.sum()))


def stars(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups out of pairs: a middle, and all that are close to it and not yet in a group.

    The vector that is close to most others comes first. So all of a group look like one photo, where chains of pairs
    would join photos that have nothing in common. The largest group is the first; the middle is the first of a group.
    """
    close: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        close[one].add(other)
        close[other].add(one)
    groups: list[list[int]] = []
    taken: set[int] = set()
    for middle in sorted(close, key=lambda row: (-len(close[row]), row)):
        if middle in taken:
            continue
        others = sorted(close[middle] - taken)
        taken.update(others, [middle])
        if others:
            groups.append([middle, *others])
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def _between(shelf: Shelf, some: Rows, others: Rows, threshold: float) -> Iterator[tuple[int, int]]:
    """Close pairs of one of `some` and one of `others`."""
    for begin in range(0, len(others), _ALL_BY_ALL):
        against = others[begin : begin + _ALL_BY_ALL]
        vectors = _unit(shelf, against)
        for start in range(0, len(some), _BLOCK):
            block = some[start : start + _BLOCK]
            cosines = _unit(shelf, block) @ vectors.T
            for one, other in np.argwhere(cosines >= threshold):
                first, second = int(block[one]), int(against[other])
                if first != second:
                    yield min(first, second), max(first, second)


def _unit(shelf: Shelf, rows: Rows) -> Vectors:
    vectors = shelf.vectors(rows)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
