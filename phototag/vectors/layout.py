"""How vectors lie in their file: the header, the blocks, and the checks by which half a write is told from a whole one.

    header | block | block | ...        a block is: keys | measures | sketches | codes

A block has room for 4,096 vectors and twice as many keys: a photo has the hash of its bytes as they were when it was
looked at, and mostly another one since its tags were written. Sketches lie word by word, so that all photos' first
words stand side by side. A vector is there once a key leads to it, and a key is written after its vector.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from phototag.records import Network
from phototag.vectors.quantise import sketch_words

VERSION = 1
"""To be raised when the layout changes, or when decoding changes what a network sees: old files are then made anew."""

ROWS = 4096
KEYS = 2 * ROWS
HEADER_BYTES = 4096
PACE_AT = 128
"""Where the header notes how fast photos were last embedded: photos a second, float64; 0: not known."""


KEY = np.dtype([("hash", "V32"), ("row", "<u4"), ("check", "<u4")])
"""SHA-256 of a photo's bytes, the vector's number in the whole file, and `key_checks` of both; all 0 where unused."""

MEASURE = np.dtype([("scale", "<f4"), ("offset", "<f4"), ("length", "<f4"), ("crc", "<u4")])
"""See `quantise.Packed`; the CRC-32 is of scale, offset, length and codes."""

_HEADER = struct.Struct("<16sII64s")
_MAGIC = b"phototag vectors"

Records = npt.NDArray[Any]
"""A structured array of `KEY` or `MEASURE`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in a file of vectors of `size` dimensions; positions and lengths in bytes."""

    size: int

    @property
    def words(self) -> int:
        """Words of 64 bits in a sketch."""
        return sketch_words(self.size)

    @property
    def measures_at(self) -> int:
        """Within a block."""
        return KEYS * KEY.itemsize

    @property
    def sketches_at(self) -> int:
        """Within a block."""
        return self.measures_at + ROWS * MEASURE.itemsize

    @property
    def codes_at(self) -> int:
        """Within a block."""
        return self.sketches_at + ROWS * self.words * 8

    @property
    def block_bytes(self) -> int:
        """Of a whole block."""
        return self.codes_at + ROWS * self.size

    def block_at(self, block: int) -> int:
        """Where a block begins in the file."""
        return HEADER_BYTES + block * self.block_bytes

    def blocks_in(self, file_bytes: int) -> int:
        """How many whole blocks a file of that length has."""
        return max(0, file_bytes - HEADER_BYTES) // self.block_bytes


def header_of(network: Network) -> bytes:
    """What a network's file begins with."""
    return _HEADER.pack(_MAGIC, VERSION, network.embedding_size, network.fingerprint.encode())


def key_checks(keys: Records) -> npt.NDArray[np.uint32]:
    """What `check` of keys must be; never 0, so that an unused key is none."""
    words = np.ascontiguousarray(keys["hash"]).view("<u4").reshape(len(keys), 8)
    folded = np.bitwise_xor.reduce(words, axis=1) ^ (keys["row"] * np.uint32(2654435761))
    return np.asarray(folded | np.uint32(1), np.uint32)


def row_crc(measure: Any, codes: bytes) -> int:
    """The CRC-32 of one vector: of its measures but for the CRC itself, and of its codes."""
    return zlib.crc32(codes, zlib.crc32(measure.tobytes()[: MEASURE.fields["crc"][1]]))  # type: ignore[index]
