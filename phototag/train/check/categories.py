"""Photos and what others say of them in; categories that are too small or too alike out."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from phototag.train.check.findings import Alike, Small
from phototag.train.check.suspects import Judgement
from phototag.train.dataset import NONE, name_of
from phototag.train.embed import Example

_PHOTOS_LEAST = 10  # what docs/training.md calls a start
_CONFUSED_PART = 0.25
_CONFUSED_LEAST = 3


def find_small(examples: Sequence[Example]) -> tuple[Small, ...]:
    """The categories of fewer than ten distinct photos, the smallest first."""
    counts = Counter(category for example in examples for category in example.categories if category != NONE)
    few = [Small(name_of(category), count) for category, count in counts.items() if count < _PHOTOS_LEAST]
    return tuple(sorted(few, key=lambda small: (small.photos, small.name)))


def find_alike(judgement: Judgement) -> tuple[Alike, ...]:
    """Pairs of exclusive categories of which a quarter of the photos look more like the other, the worst first."""
    if not judgement.exclusive or not judgement.examples:
        return ()
    given = judgement.targets.argmax(axis=1)
    found = []
    kinds = [n for n, category in enumerate(judgement.categories) if category != NONE]
    for first, second in combinations(kinds, 2):
        of_first, of_second = judgement.says[given == first], judgement.says[given == second]
        confused = int((of_first[:, second] > of_first[:, first]).sum())
        confused += int((of_second[:, first] > of_second[:, second]).sum())
        photos = len(of_first) + len(of_second)
        if confused >= max(_CONFUSED_LEAST, np.ceil(_CONFUSED_PART * photos)):
            names = name_of(judgement.categories[first]), name_of(judgement.categories[second])
            found.append(Alike(*names, photos=photos, confused=confused))
    return tuple(sorted(found, key=lambda pair: (-pair.confused / pair.photos, pair.first, pair.second)))
