"""Stored vectors in, groups of photos that are nearly the same out, the best of each first. Nothing is deleted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phototag.decode import decode
from phototag.errors import PhotoError
from phototag.index import Index
from phototag.records import Facts, PhotoRef, Pixels
from phototag.vectors import VectorFile
from phototag.vectors.nearest import Shelf
from phototag.vectors.pairs import Progress, close_pairs, stars

THRESHOLD = 0.9
"""Of the four million pairs among 2,807 photos of six collections 21 reach it, most of them one scene taken twice. Of
copies of these small photos, those brightened, mirrored or shifted by 3 % nearly all reach it, those saved at quality
50 mostly, those of half the size every other one, those of a quarter hardly any."""

_SHARPNESS_SIZE = 512


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A photo of a group.

    Attributes:
        ref: as the index knows it.
        facts: what it says of itself.
        sharpness: the variance of its Laplacian, where it had to be looked at to tell which photo is the best.
    """

    ref: PhotoRef
    facts: Facts
    sharpness: float | None = None


def duplicates(
    index: Index, vectors: VectorFile, shelf: Shelf, root: str | None, threshold: float, progress: Progress
) -> Iterator[list[Duplicate]]:
    """Groups of near duplicates at or below `root`, the largest first; exact copies are in them.

    The best photo has the most pixels; of several as large, the sharpest; of equally sharp ones, the largest file.

    Args:
        index: knows where the photos are.
        vectors: the open file of vectors.
        shelf: the same, to look through.
        root: a folder; None: the whole index.
        threshold: the least cosine of two embeddings, 0 to 1.
        progress: see `close_pairs`.
    """
    photos = _photos_by_row(index, vectors, root)
    rows = np.array(sorted(photos), np.intp)
    rows = rows[np.isin(rows, shelf.rows)]
    groups = stars(close_pairs(shelf, rows, threshold, progress))
    in_groups = {row for group in groups for row in group}
    groups += [[row] for row in rows.tolist() if len(photos[row]) > 1 and row not in in_groups]
    numbers = [[number for row in group for number in photos[row]] for group in groups]
    for group in sorted(numbers, key=lambda group: -len(group)):
        yield _best_first([Duplicate(look.known.ref, look.facts) for look in index.looks_at(group, "")])


def sharpness(pixels: Pixels) -> float:
    """The variance of the Laplacian of a photo's brightness: the more fine detail, the higher.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000.

    Args:
        pixels: `(S, S, 3) uint8`.
    """
    grey = pixels.astype(np.float32).mean(axis=2)
    inner = grey[1:-1, 1:-1]
    return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner).var())


def _photos_by_row(index: Index, vectors: VectorFile, root: str | None) -> dict[int, list[int]]:
    """The numbers of the photos of each vector."""
    found: dict[int, list[int]] = {}
    for number, digest in index.contents(root):
        for row in vectors.rows_of([digest]).values():
            found.setdefault(row, []).append(number)
    return found


def _best_first(photos: list[Duplicate]) -> list[Duplicate]:
    most = max(_pixels(photo) for photo in photos)
    largest = [photo for photo in photos if _pixels(photo) == most]
    if len(largest) > 1:
        seen = {photo.ref: Duplicate(photo.ref, photo.facts, _sharpness_of(photo.ref)) for photo in largest}
        photos = [seen.get(photo.ref, photo) for photo in photos]
    return sorted(photos, key=lambda one: (-_pixels(one), -(one.sharpness or 0.0), -one.ref.size_bytes, one.ref.path))


def _pixels(photo: Duplicate) -> int:
    return photo.facts.width * photo.facts.height


def _sharpness_of(ref: PhotoRef) -> float | None:
    """None where the photo cannot be looked at now; it is then not called the best."""
    try:
        return sharpness(decode(ref, _SHARPNESS_SIZE, "crop").pixels)
    except PhotoError:
        return None
