"""A photo in, the same photo a little different out: what a network learns from so as not to learn photos by heart.

Photos to check with are never changed.
"""

from dataclasses import dataclass, fields

import numpy as np
from PIL import Image

from phototag.records import Pixels, Vectors

MARGIN = 1.15
"""How much larger than the network's square a photo is decoded, so that a part of it still has all its pixels."""

_LEAST_AREA = 0.56
_STRETCH = 1.15
_ZOOM = 1.2
_SHIFT = 0.1
_DEGREES = 8.0
_COLOUR = 0.15


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may be changed.

    Attributes:
        flip: left and right, in half of the views.
        crop: a part of 56 to 100 % of the area, up to 15 % wider or higher than the whole.
        rotate: by up to 8 degrees.
        zoom: in by up to 20 %.
        shift: by up to 10 % of the side.
        colour: brightness, contrast, saturation and tint, by up to 15 %.
    """

    flip: bool = True
    crop: bool = True
    rotate: bool = True
    zoom: bool = False
    shift: bool = False
    colour: bool = True

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What there is to switch."""
        return tuple(one.name for one in fields(cls))

    @property
    def any(self) -> bool:
        """Whether anything is changed at all."""
        return any(getattr(self, name) for name in self.names())


def view(photo: Pixels, size: int, allowed: Augmentation, seed: int) -> Pixels:
    """Show a photo in a changed way.

    Args:
        photo: `(B, B, 3) uint8`; B should be `MARGIN` times the size.
        size: S, side of the view in pixels.
        allowed: what may be changed.
        seed: the same seed gives the same view.

    Returns:
        `(S, S, 3) uint8`. What lies outside the photo mirrors it.
    """
    random = np.random.default_rng(seed)
    pixels = _moved(photo, size, allowed, random)
    return _coloured(pixels, random) if allowed.colour else pixels


def _moved(photo: Pixels, size: int, allowed: Augmentation, random: np.random.Generator) -> Pixels:
    """Sample the photo along a turned and stretched grid."""
    side = photo.shape[0]
    area = random.uniform(_LEAST_AREA, 1) if allowed.crop else 1.0
    stretch = np.exp(random.uniform(-1, 1) * np.log(_STRETCH)) if allowed.crop else 1.0
    zoom = random.uniform(1, _ZOOM) if allowed.zoom else 1.0
    width, height = (min(1.0, np.sqrt(area * by)) * side / zoom for by in (stretch, 1 / stretch))
    centre = [side / 2, side / 2]
    if allowed.crop:
        centre = [random.uniform(width / 2, side - width / 2), random.uniform(height / 2, side - height / 2)]
    if allowed.shift:
        centre = [at + random.uniform(-_SHIFT, _SHIFT) * side for at in centre]
    turn = np.deg2rad(random.uniform(-_DEGREES, _DEGREES)) if allowed.rotate else 0.0
    mirror = -1 if allowed.flip and random.random() < 0.5 else 1

    border = int(side * 0.2)
    wide = np.pad(photo, ((border, border), (border, border), (0, 0)), mode="reflect")
    across, down = mirror * width / size, height / size
    a, b = np.cos(turn) * across, -np.sin(turn) * down
    d, e = np.sin(turn) * across, np.cos(turn) * down
    c = centre[0] + border - (a + b) * size / 2
    f = centre[1] + border - (d + e) * size / 2
    image = Image.fromarray(wide).transform(
        (size, size), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    return np.asarray(image)


def _coloured(pixels: Pixels, random: np.random.Generator) -> Pixels:
    contrast, saturation = 1 + random.uniform(-_COLOUR, _COLOUR, 2)
    brightness = random.uniform(-_COLOUR, _COLOUR) * 80
    tint = 1 + random.uniform(-_COLOUR, _COLOUR, 3) * 0.3
    x: Vectors = pixels.astype(np.float32)
    mean = x.mean()
    x = ((x - mean) * contrast + mean + brightness) * tint
    grey = x.mean(axis=2, keepdims=True)
    clipped: Pixels = np.clip((x - grey) * saturation + grey, 0, 255).astype(np.uint8)
    return clipped
