"""The records of this room: what is wanted of a photo, a photo opened, and a photo loaded."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from phototag.records import Fit

OVERSAMPLING = 1.5
"""How many pixels a side are decoded, at least, for each that the network takes, where a format can be scaled down
while it is decoded. docs/formats.md says what other values cost and change."""

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge, in pixels of the image as it is loaded."""


@dataclass(frozen=True, slots=True)
class Target:
    """The network's square.

    Attributes:
        size: its side in pixels.
        fit: how an upright photo is fitted to it.
    """

    size: int
    fit: Fit

    def scale_of(self, size: tuple[int, int]) -> float:
        """By how much a photo of that width and height is scaled: below 1 is down."""
        return self.size / (max(size) if self.fit == "pad" else min(size))

    def least_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The least width and height, in the photo's own shape, to decode it at."""
        scale = OVERSAMPLING * self.scale_of(size)
        return math.ceil(size[0] * scale), math.ceil(size[1] * scale)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A photo whose pixels are decoded.

    Attributes:
        image: in any of Pillow's modes, perhaps at a smaller scale.
        size: width and height of the upright photo at full size.
        exif: what EXIF block there is; may be empty.
        orientation: EXIF orientation, 1 to 8, still to be applied to the image.
        box: the part of the image that is the photo; None: all of it.
    """

    image: Image.Image
    size: tuple[int, int]
    exif: Image.Exif
    orientation: int = 1
    box: Box | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A photo whose header was read and whose pixels are not yet decoded.

    Attributes:
        format: as in `Facts`.
        size: width and height at full size, before any orientation is applied.
        memory_bytes: what loading takes, estimated rather high.
        load: decodes the pixels; called once.
    """

    format: str
    size: tuple[int, int]
    memory_bytes: int
    load: Callable[[], Loaded]


def upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """The width and height that an image has once its EXIF orientation is applied."""
    return (size[1], size[0]) if orientation >= 5 else size
