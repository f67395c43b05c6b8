"""A vector in, the photos that look most like it out."""

from collections.abc import Collection
from dataclasses import dataclass

from phototag.index import Index
from phototag.records import Vectors
from phototag.sight.photos import photos_of
from phototag.vectors import VectorFile
from phototag.vectors.nearest import Shelf

_SPARE = 10
"""How many more vectors are asked for than photos are wanted, for some will be of photos that are gone."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A photo that looks like another.

    Attributes:
        path: as in `PhotoRef`.
        likeness: cosine of the embeddings, at most 1.
    """

    path: str
    likeness: float


def similar(
    vector: Vectors, index: Index, vectors: VectorFile, shelf: Shelf, limit: int, leave_out: Collection[str] = ()
) -> list[Alike]:
    """The photos most like a vector, the most like first.

    Args:
        vector: `(D,) float32`.
        index: knows where the photos are.
        vectors: the open file of vectors.
        shelf: the same, to look through.
        limit: how many, at most.
        leave_out: the paths of the photo itself.
    """
    many = limit + _SPARE
    while True:
        nearest = shelf.nearest(vector, many)
        paths = photos_of([row for row, _ in nearest], index, vectors)
        found = [Alike(path, likeness) for row, likeness in nearest for path in paths[row] if path not in leave_out]
        if len(found) >= limit or len(nearest) < many:
            return found[:limit]
        many *= 4
