"""The bytes of a format that Pillow decodes in, an `Opened` photo out.

Pillow's format classes are called directly: `Image.open` would refuse any photo above 178 megapixels, JPEGs that
decode in a few megabytes among them, by a limit that can only be set for the whole process.
"""

import math
from collections.abc import Callable
from functools import partial
from io import BytesIO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PcxImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    PsdImagePlugin,
    SgiImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from phototag.decode.facts import exif_of, orientation_of
from phototag.decode.opened import Box, Loaded, Opened, Target, upright

_OPENERS: dict[str, Callable[[BytesIO], ImageFile.ImageFile]] = {
    "AVIF": AvifImagePlugin.AvifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "ICO": IcoImagePlugin.IcoImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "JPEG2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
    "PCX": PcxImagePlugin.PcxImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
    "PSD": PsdImagePlugin.PsdImageFile,
    "SGI": SgiImagePlugin.SgiImageFile,
    "TGA": TgaImagePlugin.TgaImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}

# Peak memory a pixel, measured on photos of 24 megapixels and rounded up. What is not named here depends on the mode.
_BYTES_PER_PIXEL = {"AVIF": 10, "JPEG2000": 20, "WEBP": 16}
_BYTES_PER_PIXEL_OF_MODE = {
    **dict.fromkeys(("1", "L", "RGB", "CMYK", "YCbCr", "LAB"), 4),  # scaled as they are
    **dict.fromkeys(("F", "I"), 16),
}
_BYTES_PER_PIXEL_OF_OTHERS = 8  # copied once: transparency, palettes, 16 bits


def open_pillow(data: bytes, kind: str, target: Target) -> Opened:
    """Open a photo with Pillow; of several frames, the first."""
    if kind == "JPEG":
        return open_jpeg(data, target)
    image = _OPENERS[kind](BytesIO(data))
    of_mode = _BYTES_PER_PIXEL_OF_MODE.get(image.mode, _BYTES_PER_PIXEL_OF_OTHERS)
    per_pixel = _BYTES_PER_PIXEL.get(kind, of_mode)
    return Opened(kind, image.size, image.width * image.height * per_pixel, partial(_load, image))


def _load(image: ImageFile.ImageFile) -> Loaded:
    image.load()
    exif = exif_of(image)  # only now: a PNG may hold it behind its pixels, and Pillow would decode them to find it
    orientation = orientation_of(exif)  # 1 for a TIFF: Pillow's loader has turned it upright already
    return Loaded(image, upright(image.size, orientation), exif, orientation)


def open_jpeg(data: bytes, target: Target) -> Opened:
    """Open a JPEG, to be scaled down by 2, 4 or 8 while it is decoded, as far as the target allows.

    A progressive one needs all its coefficients in memory, whatever the scale.
    """
    image = JpegImagePlugin.JpegImageFile(BytesIO(data))
    size = image.size
    coefficients = _coefficients_of(image) if image.info.get("progressive") else 0
    drafted = image.draft(None, target.least_size(size))
    image.decodermaxblock = len(data)  # in one go: each piece would wait for Python's lock once more
    memory_bytes = 2 * coefficients + image.width * image.height * _BYTES_PER_PIXEL_OF_MODE[image.mode]
    return Opened("JPEG", size, memory_bytes, partial(_load_jpeg, image, size, drafted[1] if drafted else None))


def _coefficients_of(image: JpegImagePlugin.JpegImageFile) -> int:
    """How many numbers a JPEG holds: one a pixel for each component, fewer for those that are stored more coarsely."""
    areas = [across * down for _, across, down, _ in image.layer]
    most = max(across for _, across, _, _ in image.layer) * max(down for _, _, down, _ in image.layer)
    return math.ceil(image.width * image.height * sum(areas) / most)


def _load_jpeg(image: JpegImagePlugin.JpegImageFile, size: tuple[int, int], box: Box | None) -> Loaded:
    image.load()
    exif = exif_of(image)
    orientation = orientation_of(exif)
    return Loaded(image, upright(size, orientation), exif, orientation, box)
