"""A loaded image in any of Pillow's modes in; upright RGB pixels fitted to a network's square out."""

import numpy as np
from PIL import Image, ImageCms

from phototag.decode.opened import Loaded, Target
from phototag.records import Pixels

_GREY = (127, 127, 127)
_WHITE = (255, 255, 255, 255)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_square(loaded: Loaded, target: Target) -> Pixels:
    """Scale, turn upright and bring to RGB, in the order that touches the fewest pixels.

    Returns:
        `(S, S, 3) uint8`, S the target's size; an array of its own.
    """
    image = _scalable(loaded.image)
    left, upper, right, lower = loaded.box or (0, 0, image.width, image.height)
    width, height = right - left, lower - upper
    size = (target.size, target.size)
    if target.fit == "crop":
        side = min(width, height)
        left, upper = left + (width - side) / 2, upper + (height - side) / 2
        right, lower = left + side, upper + side
    elif target.fit == "pad":
        scale = target.size / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Bicubic is what the networks were trained with; the gap makes large steps cheap and cannot be seen at 3.
    image = image.resize(size, Image.Resampling.BICUBIC, (left, upper, right, lower), reducing_gap=3.0)
    image = _to_rgb(image)
    if loaded.orientation in _TURNS:
        image = image.transpose(_TURNS[loaded.orientation])
    if target.fit == "pad":
        square = Image.new("RGB", (target.size, target.size), _GREY)
        square.paste(image, ((target.size - image.width) // 2, (target.size - image.height) // 2))
        image = square
    return np.array(image, dtype=np.uint8)


def _scalable(image: Image.Image) -> Image.Image:
    """Bring an image to a mode whose pixels can be averaged, at its full size and with as few copies as can be."""
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        return _stretch(image)
    if image.has_transparency_data:
        return image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "RGBX", "CMYK", "YCbCr", "LAB") else image.convert("RGB")


def _stretch(image: Image.Image) -> Image.Image:
    """Bring grey values of 16 or 32 bits, or floating point, to 8 bits, where Pillow itself would clip them.

    The white point is the least of the usual ones, 1 for floating point, 255 but for 16 bits, and 65,535, that no
    value exceeds, and the greatest value where all are exceeded. What is negative or no number is black.
    """
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    values = np.array(image, dtype=np.float32)
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    highest = float(values.max())
    usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    white = next((point for point in usual if highest <= point), highest)
    values.clip(0, white, out=values)
    values *= 255 / white
    return Image.fromarray(values.astype(np.uint8))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Bring a small image to RGB; what is transparent shows white, as in a photo viewer or on paper."""
    if image.mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image).convert("RGB")
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert converted is not None
        return converted
    return image.convert("RGB")
