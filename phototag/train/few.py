"""Embedded photos in; the same out, those of small categories with changed views of themselves as further examples.

A head learns from a view as from a photo, and views vote. No view is ever checked with.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from phototag.backbone import Backbone
from phototag.decode import decode
from phototag.errors import PhotoError
from phototag.records import Network, Pixels, Vectors
from phototag.train.augment import MARGIN, Augmentation, view
from phototag.train.cache import EmbeddingCache
from phototag.train.embed import Example

FEW = 20
"""Photos of a category, up to which views help; what they bring stands in docs/training.md."""
VIEWS = 3
_VERSION = 1
"""To be raised whenever the same photo would give other views, so that old embeddings are not taken for new ones."""


def with_views(
    examples: Sequence[Example],
    backbone: Backbone,
    cache: EmbeddingCache,
    *,
    workers: int,
    tell: Callable[[str], None],
) -> list[Example]:
    """Add views to the photos of categories that have no more than `FEW`.

    Args:
        examples: photos to learn from, each of distinct content.
        backbone: the opened network.
        cache: of this network and device; views are kept in it under names of their own.
        workers: threads that decode and change.
        tell: is told once, where something is to be computed.

    Returns:
        All examples in the same order. A photo that cannot be read any more has no views.
    """
    counts = Counter(category for example in examples for category in example.categories)
    few = [n for n, example in enumerate(examples) if any(counts[said] <= FEW for said in example.categories)]
    known: dict[int, Vectors] = {}
    missing: list[int] = []
    for n in few:
        found = [cache.get(_name(examples[n], number)) for number in range(VIEWS)]
        if any(vector is None for vector in found):
            missing.append(n)
        else:
            known[n] = np.stack([vector for vector in found if vector is not None])
    if missing:
        tell("looking at few photos more closely")
    at_once = max(backbone.batch_size // VIEWS, 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="views") as pool:
        for start in range(0, len(missing), at_once):
            some = missing[start : start + at_once]
            seen = list(pool.map(lambda n: _views(examples[n], backbone.network), some))
            for n, pixels in zip(some, seen, strict=True):
                if pixels is not None:
                    known[n] = backbone.embed(pixels)
                    cache.put({_name(examples[n], number): vector for number, vector in enumerate(known[n])})
    return [replace(example, views=known[n]) if n in known else example for n, example in enumerate(examples)]


def _views(example: Example, network: Network) -> Pixels | None:
    """`(VIEWS, S, S, 3) uint8`."""
    size = network.image_size
    try:
        large = decode(example.ref, round(size * MARGIN), network.fit).pixels
    except PhotoError:  # it was read a moment ago, and what was read then serves
        return None
    seeds = (int.from_bytes(_name(example, number)[:8], "big") for number in range(VIEWS))
    return np.stack([view(large, size, Augmentation(), seed) for seed in seeds])


def _name(example: Example, number: int) -> bytes:
    """What a view is kept under, 32 bytes; it decides what the view looks like, too."""
    return hashlib.sha256(f"view {_VERSION} {number} ".encode() + example.content_hash).digest()
