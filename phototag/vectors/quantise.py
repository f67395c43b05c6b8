"""Embeddings in, a byte a dimension with a scale and an offset a vector out, and back; and sketches of a bit each.

The int8 networks that run on a CPU give embeddings of at most 256 evenly spaced values. Those are found out and kept as
they are: what comes back is what went in, to the last digit of float32 or the one before. Embeddings of any other kind
(from a GPU) are rounded to 256 levels between their own least and greatest value.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phototag.records import Vectors

Codes = npt.NDArray[np.uint8]
"""`(N, D)`: a vector is `offset + scale * codes`."""

Sketches = npt.NDArray[np.uint64]
"""`(N, words)`: a bit for each dimension, whether it is above the vector's own mean; unused bits are 0."""

_LEVELS = 255
_DIVISORS = (1, 2, 3, 4)
_EXACT = 1e-3
"""How far from a level, in steps, a value may be for a vector to count as made of levels; rounding alone gives half."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Vectors as they are stored.

    Attributes:
        codes: `(N, D) uint8`.
        scale: `(N,) float32`.
        offset: `(N,) float32`.
        length: `(N,) float32`, Euclidean, of the vectors as they come back.
    """

    codes: Codes
    scale: Vectors
    offset: Vectors
    length: Vectors


def pack(vectors: Vectors) -> Packed:
    """Pack vectors `(N, D) float32`."""
    low, span = vectors.min(axis=1), np.ptp(vectors, axis=1)
    scale = span / _LEVELS
    gaps = np.diff(np.sort(vectors, axis=1), axis=1)
    # A rounding error is no gap: neighbouring levels are at least 1/255 of the span apart.
    smallest = np.where(gaps > 0.5 * scale[:, None], gaps, np.inf).min(axis=1, initial=np.inf)
    settled = np.zeros(len(vectors), np.bool_)
    for divisor in _DIVISORS:  # levels next to one another need not both occur
        steps = np.rint(np.divide(span * divisor, smallest, out=np.zeros_like(span), where=np.isfinite(smallest)))
        step = np.divide(span, steps, out=np.zeros_like(span), where=steps > 0)
        found = ~settled & (steps > 0) & (steps <= _LEVELS)
        at = (vectors[found] - low[found, None]) / step[found, None]
        found[found] = np.abs(at - np.rint(at)).max(axis=1, initial=0) <= _EXACT
        scale = np.where(found, step, scale)
        settled |= found
    safe = np.where(scale > 0, scale, 1)
    codes = np.clip(np.rint((vectors - low[:, None]) / safe[:, None]), 0, _LEVELS).astype(np.uint8)
    scale, low = scale.astype(np.float32), low.astype(np.float32)
    return Packed(codes, scale, low, np.linalg.norm(unpack(codes, scale, low), axis=1).astype(np.float32))


def unpack(codes: Codes, scale: Vectors, offset: Vectors) -> Vectors:
    """Vectors `(N, D) float32` of codes `(N, D)`, scales and offsets `(N,)`."""
    return codes.astype(np.float32) * scale[:, None] + offset[:, None]


def sketch(vectors: Vectors | Codes) -> Sketches:
    """Sketches of vectors `(N, D)`, or of their codes: these have the same, for they differ by scale and offset alone.

    The share of equal bits of two sketches tells their vectors' angle roughly (Charikar, "Similarity estimation
    techniques from rounding algorithms", 2002, with the dimensions themselves for random directions).
    """
    bits = np.packbits(vectors > vectors.mean(axis=1, dtype=np.float32, keepdims=True), axis=1)
    words = sketch_words(vectors.shape[1])
    return np.pad(bits, ((0, 0), (0, 8 * words - bits.shape[1]))).view(np.uint64)


def sketch_words(size: int) -> int:
    """Words of 64 bits in the sketch of a vector of that many dimensions."""
    return -(-size // 64)
