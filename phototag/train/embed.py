"""Labelled photos in, their embeddings out, from the cache where it has them."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from phototag.backbone import Backbone
from phototag.decode import content_hash, decode
from phototag.errors import PhotoError
from phototag.records import Failed, Network, PhotoRef, Pixels, Vectors
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import Category, Labelled

Progress = Callable[[int], None]
"""Is told after each batch how many more photos are done."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A photo to learn from.

    Attributes:
        content_hash: SHA-256 of the file, 32 bytes.
        embedding: `(D,) float32`, as the network gives it.
        views: `(views, D) float32`, of the same photo a little changed, to learn from besides; None: there are none.
    """

    ref: PhotoRef
    categories: frozenset[Category]
    content_hash: bytes
    embedding: Vectors
    views: "Vectors | None" = None


def seen(example: Example) -> Vectors:
    """All that is to be learned from a photo, `(1 + views, D) float32`, the photo itself first."""
    own = example.embedding[np.newaxis]
    return own if example.views is None else np.concatenate([own, example.views])


def embed(
    photos: Sequence[Labelled], backbone: Backbone, cache: EmbeddingCache, *, workers: int, progress: Progress
) -> Iterator[Example | Failed]:
    """Embed photos, in order; files are read, and decoded where the cache does not know them, ahead in threads.

    Args:
        photos: what to embed.
        backbone: the opened network.
        cache: of this network and device.
        workers: threads that read and decode.
        progress: is called for each batch that is done.

    Yields:
        An `Example` for each photo, or `Failed` where it cannot be read or decoded.

    Raises:
        ModelError: the network cannot run here.
    """
    pending: list[_Found | Failed] = []
    with closing(_read_ahead(photos, backbone, cache, workers)) as found:
        for item in found:
            pending.append(item)
            if len(pending) >= backbone.batch_size:
                yield from _finish(pending, backbone, cache)
                progress(len(pending))
                pending = []
    if pending:
        yield from _finish(pending, backbone, cache)
        progress(len(pending))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A photo that was read: either its embedding was known, or its pixels are there."""

    photo: Labelled
    content_hash: bytes
    embedding: "Vectors | None"
    pixels: "Pixels | None"


def _read_ahead(
    photos: Iterable[Labelled], backbone: Backbone, cache: EmbeddingCache, workers: int
) -> Generator[_Found | Failed, None, None]:
    """Read in threads, two batches ahead at most, so that memory is bounded."""
    ahead: deque[Future[_Found | Failed]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        for photo in photos:
            ahead.append(pool.submit(_read, photo, backbone.network, cache))
            if len(ahead) > 2 * backbone.batch_size + workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:  # also when the caller stops early: nothing new is begun
        pool.shutdown(wait=True, cancel_futures=True)


def _read(photo: Labelled, network: Network, cache: EmbeddingCache) -> _Found | Failed:
    try:
        digest = content_hash(photo.ref)
        known = cache.get(digest)
        if known is not None:
            return _Found(photo, digest, known, None)
        decoded = decode(photo.ref, network.image_size, network.fit)
        return _Found(photo, decoded.content_hash, None, decoded.pixels)
    except PhotoError as exc:
        return Failed(photo.ref, exc.reason, exc.detail)


def _finish(batch: Sequence[_Found | Failed], backbone: Backbone, cache: EmbeddingCache) -> Iterator[Example | Failed]:
    """Embed and remember what a batch holds in pixels, and give it all back in order."""
    hashes = [item.content_hash for item in batch if isinstance(item, _Found) and item.pixels is not None]
    pixels = [item.pixels for item in batch if isinstance(item, _Found) and item.pixels is not None]
    fresh = dict(zip(hashes, backbone.embed(np.stack(pixels)), strict=True)) if pixels else {}
    cache.put(fresh)
    for item in batch:
        if isinstance(item, Failed):
            yield item
        else:
            vector = fresh[item.content_hash] if item.embedding is None else item.embedding
            yield Example(item.photo.ref, item.photo.categories, item.content_hash, vector)
