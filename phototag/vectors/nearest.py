"""A vector in, the stored ones most like it out: all sketches compared first, then the best of them exactly.

A sketch takes an eighth of a byte a dimension: those of a million photos, 160 MB, are gone through in some 30 ms. Bits
tell an angle only roughly, so that 2,000 candidates are compared by their full codes; bench/vectors.py shows what that
finds of the true nearest. Nothing is built beforehand, and nothing is kept in memory but the numbers of the vectors.
"""

import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from phototag.records import Vectors
from phototag.vectors.file import VectorFile
from phototag.vectors.layout import MEASURE, ROWS, Records, row_crc
from phototag.vectors.quantise import Codes, Sketches, sketch, unpack

_CANDIDATES = 2000
_CANDIDATES_EACH = 20
_FARTHEST = np.iinfo(np.uint16).max

Rows = npt.NDArray[np.intp]
"""Numbers of vectors in their file."""


class Shelf:
    """The vectors of a file, to be looked through; as they were when it was made, however the file goes on growing.

    Args:
        file: an open file of vectors; may be closed meanwhile.
    """

    def __init__(self, file: VectorFile) -> None:
        self.layout = file.layout
        self.rows: Rows = file.rows()
        self._map: mmap.mmap | None = None
        if len(self.rows):
            with file.path.open("rb") as opened:
                self._map = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            blocks = min(file.blocks, self.layout.blocks_in(len(self._map)))
            self.rows = self.rows[self.rows < blocks * ROWS]

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        self._map = None  # views of it may live on; it goes with the last of them

    def nearest(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """The vectors most like one.

        Args:
            vector: `(D,) float32`.
            limit: how many, at most.

        Returns:
            Their numbers and cosines, -1 to 1, the most like first; equal ones by number.
        """
        candidates = self._candidates(vector, max(_CANDIDATES, _CANDIDATES_EACH * limit))
        measures, codes = self.measures(candidates), self.codes(candidates)
        length = float(np.linalg.norm(vector)) or 1.0
        dots = measures["scale"] * (codes.astype(np.float32) @ vector) + measures["offset"] * float(vector.sum())
        cosines = dots / (np.maximum(measures["length"], np.finfo(np.float32).tiny) * length)
        found: list[tuple[int, float]] = []
        for at in np.lexsort((candidates, -cosines)):
            if len(found) == limit:
                break
            if row_crc(measures[at], codes[at].tobytes()) == measures[at]["crc"]:
                found.append((int(candidates[at]), float(min(1.0, cosines[at]))))
        return found

    def vectors(self, rows: Sequence[int] | Rows) -> Vectors:
        """Vectors `(N, D) float32` by number."""
        measures = self.measures(rows)
        return unpack(self.codes(rows), measures["scale"], measures["offset"])

    def codes(self, rows: Sequence[int] | Rows) -> Codes:
        """Codes `(N, D)` by number."""
        return self._gather(rows, self.layout.codes_at, np.dtype((np.uint8, (self.layout.size,))))

    def measures(self, rows: Sequence[int] | Rows) -> Records:
        """Scale, offset, length and CRC by number."""
        return self._gather(rows, self.layout.measures_at, MEASURE)

    def _candidates(self, vector: Vectors, many: int) -> Rows:
        """The numbers of the vectors whose sketches are most like a vector's."""
        if len(self.rows) <= many:
            return self.rows
        wanted = sketch(vector[None])[0]
        far = np.concatenate([_differing(block, wanted) for block in self._sketches()])[self.rows]
        return np.sort(self.rows[np.argpartition(far, many)[:many]])

    def _sketches(self) -> list[Sketches]:
        """The sketches of each block, `(words, rows)`."""
        assert self._map is not None
        words, blocks = self.layout.words, int(self.rows[-1]) // ROWS + 1
        starts = [self.layout.block_at(block) + self.layout.sketches_at for block in range(blocks)]
        return [np.frombuffer(self._map, "<u8", words * ROWS, start).reshape(words, ROWS) for start in starts]

    def _gather(self, rows: Sequence[int] | Rows, at: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        """Things of one kind, which lie side by side in each block, by number."""
        blocks, places = np.divmod(np.asarray(rows, np.intp), ROWS)
        plain, shape = kind.base, kind.shape
        found = np.empty((len(places), *shape), plain)
        for block in np.unique(blocks):
            assert self._map is not None
            here = blocks == block
            start = self.layout.block_at(int(block)) + at
            side_by_side = np.frombuffer(self._map, plain, ROWS * int(np.prod(shape)), start).reshape(ROWS, *shape)
            found[here] = side_by_side[places[here]]
        return found


def _differing(sketches: Sketches, wanted: Sketches) -> npt.NDArray[np.uint16]:
    """In how many bits each of a block's sketches `(words, rows)` differs from one `(words,)`."""
    return np.asarray(np.bitwise_count(sketches ^ wanted[:, None]).sum(axis=0, dtype=np.uint16))
