"""Embedded photos in; out come groups that are the same file, or show the same picture.

Embeddings tell which photos may be copies of each other; those few are decoded again, small, and their brightness
compared step by step. Scaled, recompressed, brightened and mirrored copies of 120 photos of `pets`, `flowers` and
`clothing` differed in 11 of the 128 steps at most, different photos in 16 at least. Mild crops are found by their
embeddings alone. `bench/linter.py` counts what is recognised.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from phototag.decide import normalised
from phototag.decode import decode
from phototag.errors import PhotoError
from phototag.train.check.findings import Copies
from phototag.train.dataset import NONE, name_of
from phototag.train.embed import Example

_NEAR = 0.3
"""Cosine distance within which photos are compared. Only of photos of 240 pixels, halved, a tenth lies beyond it."""

_SAME = 0.06
"""Cosine distance within which pairs are taken for copies as they are; different photos were 0.10 apart at least."""

_CANDIDATES = 3
_STEPS = 12
_SIDE = 72  # divisible by both 8 and 9
_BLOCK_BYTES = 64 * 2**20

Steps = npt.NDArray[np.bool_]


def find_copies(examples: Sequence[Example], *, workers: int) -> tuple[Copies, ...]:
    """Group the photos that show the same.

    Args:
        examples: as embedded.
        workers: threads that decode.
    """
    by_content: dict[bytes, list[Example]] = defaultdict(list)
    for example in examples:
        by_content[example.content_hash].append(example)
    distinct = [same[0] for _, same in sorted(by_content.items())]
    joined = _joined(len(distinct), _same_pictures(distinct, workers))
    groups = [[one for n in members for one in by_content[distinct[n].content_hash]] for members in joined]
    found = [_as_copies(group) for group in groups if len(group) > 1]
    return tuple(sorted(found, key=lambda group: (not group.torn, group.photos[0][0].path)))


def steps(pixels: npt.NDArray[np.uint8]) -> Steps:
    """Where brightness rises, from left to right and downwards, over an 8 x 8 grid: a difference hash.

    Args:
        pixels: `(72, 72, 3) uint8`.

    Returns:
        `(128,) bool`.
    """
    grey = pixels.mean(axis=2)
    across = grey.reshape(8, 9, 9, 8).mean(axis=(1, 3))
    down = grey.reshape(9, 8, 8, 9).mean(axis=(1, 3))
    return np.concatenate([(across[:, 1:] > across[:, :-1]).ravel(), (down[1:] > down[:-1]).ravel()])


def _as_copies(group: Iterable[Example]) -> Copies:
    photos = sorted(group, key=lambda example: example.ref.path)
    said = [", ".join(sorted(map(name_of, example.categories or {NONE}))) for example in photos]
    return Copies(
        how="file" if len({example.content_hash for example in photos}) == 1 else "picture",
        photos=tuple(zip((example.ref for example in photos), said, strict=True)),
        torn=len(set(said)) > 1,
    )


def _same_pictures(examples: Sequence[Example], workers: int) -> Iterator[tuple[int, int]]:
    """Pairs that show the same."""
    unsure = []
    for first, second, distance in _near_pairs(examples):
        if distance <= _SAME:
            yield first, second
        else:
            unsure.append((first, second))
    wanted = sorted({n for pair in unsure for n in pair})
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        looked = dict(zip(wanted, pool.map(_look, (examples[n] for n in wanted)), strict=True))
    for first, second in unsure:
        one, other = looked[first], looked[second]
        if one and other and min(int((one[0] != steps).sum()) for steps in other) <= _STEPS:
            yield first, second


def _look(example: Example) -> "tuple[Steps, Steps] | None":
    """The steps of a photo and of its mirror image; None where it can no longer be read."""
    try:
        pixels = decode(example.ref, _SIDE, "squash").pixels
    except PhotoError:
        return None
    return steps(pixels), steps(pixels[:, ::-1])


def _near_pairs(examples: Sequence[Example]) -> Iterator[tuple[int, int, float]]:
    """For each photo its nearest ones, where they are near: pairs in rising order, with their cosine distance."""
    if len(examples) < 2:
        return
    unit = normalised(np.stack([example.embedding for example in examples]))
    rows = max(1, _BLOCK_BYTES // (4 * len(unit)))
    seen: set[tuple[int, int]] = set()
    for start in range(0, len(unit), rows):
        apart = 1 - unit[start : start + rows] @ unit.T
        apart[np.arange(len(apart)), np.arange(start, start + len(apart))] = np.inf
        nearest = np.argpartition(apart, min(_CANDIDATES, len(unit) - 2), axis=1)[:, :_CANDIDATES]
        for row, others in enumerate(nearest):
            for other in others:
                pair = (min(start + row, int(other)), max(start + row, int(other)))
                if apart[row, other] <= _NEAR and pair not in seen:
                    seen.add(pair)
                    yield *pair, float(apart[row, other])


def _joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Numbers up to `count`, grouped by the pairs that join them."""
    leader = list(range(count))

    def lead(n: int) -> int:
        while leader[n] != n:
            leader[n] = leader[leader[n]]
            n = leader[n]
        return n

    for first, second in pairs:
        leader[lead(second)] = lead(first)
    groups: dict[int, list[int]] = defaultdict(list)
    for n in range(count):
        groups[lead(n)].append(n)
    return list(groups.values())
