"""Numbers of stored vectors in, the photos out that the index knows them to be of; and a photo in, its vector out."""

import os
from collections.abc import Callable, Iterable

import numpy as np

from phototag.backbone import Backbone
from phototag.index import Index
from phototag.journal import listed
from phototag.records import Vectors
from phototag.vectors import VectorFile


def photos_of(rows: Iterable[int], index: Index, vectors: VectorFile) -> dict[int, list[str]]:
    """The paths of the photos of stored vectors, in their order; a vector whose photos are gone has none."""
    found: dict[int, list[str]] = {}
    for row, hashes in vectors.hashes_of(rows).items():
        paths = {known.ref.path for digest in hashes for known in index.known_by_content(digest, "")}
        found[row] = sorted(paths)
    return found


def vector_of(path: str, index: Index, vectors: VectorFile, open_network: Callable[[], Backbone]) -> Vectors:
    """The vector `(D,) float32` of a photo: the stored one if its file is as the index knows it, else a fresh one.

    Raises:
        PhotoError: it cannot be read or decoded.
        ModelError: the network cannot run here.
    """
    ref = listed(path)
    entry = index.entry(path) or index.entry(os.path.realpath(path))
    if entry is not None and entry.content_hash is not None:
        is_same = (entry.ref.size_bytes, entry.ref.mtime_ns) == (ref.size_bytes, ref.mtime_ns)
        stored = vectors.get(entry.content_hash) if is_same else None
        if stored is not None:
            return stored
    from phototag.decode import decode  # not paid for by those whose vector is stored

    network = vectors.network
    decoded = decode(ref, network.image_size, network.fit)
    stored = vectors.get(decoded.content_hash)
    return open_network().embed(np.stack([decoded.pixels]))[0] if stored is None else stored
