"""Words of the photos of a batch in, out which photo has which, by number: in order, each once, and with its score.

All in columns: a photo has a dozen words, and Python's own steps for each would take longer than the database does.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from phototag.index.gathering import Numbers
from phototag.index.numbers import SCORE_BITS, SCORE_SCALE
from phototag.records import Tag

_TAG_BITS = 28
"""Of a number's 63 bits, for the tag. A photo's place in the list has what a mark and the score leave: 20."""


def pairs(words: Sequence[Collection[str]], ids: Mapping[str, int]) -> Numbers:
    """Which photo has which word.

    Args:
        words: each photo's.
        ids: the words' numbers.

    Returns:
        `(N,)`: place in the list and tag in one number each, in order; see `apart`.
    """
    return np.unique(_pairs(np.arange(len(words)), words, ids))


def scored_pairs(said: Sequence[Sequence[Tag]], ids: Mapping[str, int]) -> tuple[Numbers, Numbers]:
    """As `pairs`, and the scores; a broader word that has none of its own is as sure as the surest tag below it.

    Args:
        said: each photo's tags.
        ids: the numbers of words and broader words.

    Returns:
        pairs: `(N,)`.
        scores: `(N,)`, ten-thousandths.
    """
    every = list(chain.from_iterable(said))
    photo = np.repeat(np.arange(len(said)), [len(tags) for tags in said])
    score = whole_scores(every)
    below = np.repeat(np.arange(len(every)), [len(tag.broader) for tag in every])
    own = photo << _TAG_BITS | numbers_of([tag.word for tag in every], ids)
    above = _pairs(photo, [tag.broader for tag in every], ids)
    # Of several scores of a word the last in order counts: the model's own, else the best.
    marked = np.concatenate(((own << 1 | 1) << SCORE_BITS | score, above << 1 + SCORE_BITS | score[below]))
    marked.sort()
    last = marked[np.diff(marked >> 1 + SCORE_BITS, append=-1) != 0]
    return last >> 1 + SCORE_BITS, last & (1 << SCORE_BITS) - 1


def apart(some: Numbers) -> tuple[Numbers, Numbers]:
    """The photos' places in the list, and the tags."""
    return some >> _TAG_BITS, some & (1 << _TAG_BITS) - 1


def are_among(some: Numbers, others: Numbers) -> npt.NDArray[np.bool_]:
    """Which of some pairs are among others."""
    found: npt.NDArray[np.bool_] = np.append(others, -1)[np.searchsorted(others, some)] == some
    return found


def whole_scores(tags: Sequence[Tag]) -> Numbers:
    """Scores in ten-thousandths, `(N,)`; one that is none, or beyond 0 to 1, is the nearest that is."""
    scores = np.nan_to_num(np.array([tag.score for tag in tags], np.float64))
    return np.rint(np.clip(scores, 0, 1) * SCORE_SCALE).astype(np.int64)


def numbers_of(words: Sequence[str], ids: Mapping[str, int]) -> Numbers:
    """The words' numbers, `(N,)`."""
    return np.array([*map(ids.__getitem__, words)], np.int64)


def _pairs(photo: Numbers, words: Sequence[Collection[str]], ids: Mapping[str, int]) -> Numbers:
    """Photos, `(M,)`, with the words of each, as they come."""
    counts = [len(some) for some in words]
    return np.repeat(photo, counts) << _TAG_BITS | numbers_of(list(chain.from_iterable(words)), ids)
