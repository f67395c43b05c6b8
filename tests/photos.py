"""Small real photos of every kind, made on the spot: what is asked for in, a file's bytes out."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 160, 30), (30, 30, 200), (220, 200, 30)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def picture(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Four quarters: red and green above, blue and yellow below. Every turn and mirror image of it looks different."""
    quarters = Image.new("RGB", (2, 2))
    quarters.putdata([RED, GREEN, BLUE, YELLOW])
    return quarters.resize(size, Image.Resampling.NEAREST)


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image as a camera held that way stores it: the EXIF orientation brings it back upright."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def exif(
    orientation: int | None = None, taken: str | None = None, make: str | None = None, model: str | None = None
) -> Image.Exif:
    """An EXIF block with what is given. `taken` is written as it is, right or wrong."""
    block = Image.Exif()
    for tag, value in ((0x0112, orientation), (0x010F, make), (0x0110, model)):
        if value is not None:
            block[tag] = value
    if taken is not None:
        block.get_ifd(0x8769)[0x9003] = taken
    return block


def make_photo(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """The image, by default `picture()`, as a file of one of Pillow's formats, with options of Pillow's writer."""
    buffer = BytesIO()
    (image or picture()).save(buffer, kind, **options)
    return buffer.getvalue()


def make_jpeg(image: Image.Image | None = None, *, size: tuple[int, int] = (96, 64), **options: Any) -> bytes:
    """A JPEG of good quality, by default of `picture(size)`; takes `exif=exif(...)`, `xmp=bytes`, ..."""
    return make_photo("JPEG", image or picture(size), **{"quality": 95, "subsampling": 0, **options})


def make_animation(kind: str) -> bytes:
    """A GIF, WebP or PNG of two frames: `picture()`, then black."""
    black = Image.new("RGB", picture().size)
    return make_photo(kind, save_all=True, append_images=[black], duration=100)


def make_noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """A picture that no compression makes small."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def make_dng(size: tuple[int, int] = (96, 64), *, orientation: int = 1, preview: bytes | None = None) -> bytes:
    """A RAW photo of `picture(size)`: an uncompressed 16-bit Bayer mosaic as DNG 1.4, perhaps with a JPEG preview.

    `orientation` is only noted, the mosaic is not turned.
    """
    pixels = np.asarray(picture(size)).astype(np.uint16) << 8
    mosaic = pixels[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = pixels[0::2, 0::2, 0], pixels[1::2, 1::2, 2]
    strip = mosaic.astype("<u2").tobytes()
    about: _Entries = {
        271: (_ASCII, b"Acme\0"),
        272: (_ASCII, b"One\0"),
        274: (_SHORT, [orientation]),
        306: (_ASCII, b"2020:02:29 12:34:56\0"),
        50706: (_BYTE, bytes([1, 4, 0, 0])),  # DNGVersion
        50708: (_ASCII, b"Acme One\0"),  # UniqueCameraModel
        50721: (_SRATIONAL, [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]),  # ColorMatrix1
        50728: (_RATIONAL, [1, 1, 1, 1, 1, 1]),  # AsShotNeutral
    }
    raw = _image_entries(size, _CFA, 16, 1, _STRIP_AT, len(strip)) | {
        33421: (_SHORT, [2, 2]),  # CFARepeatPatternDim
        33422: (_BYTE, bytes([0, 1, 1, 2])),  # CFAPattern
        50717: (_LONG, [65535]),  # WhiteLevel
    }
    if preview is None:
        return (b"II*\0\x08\0\0\0" + _ifd(about | raw, 8)).ljust(_STRIP_AT, b"\0") + strip
    width, height = Image.open(BytesIO(preview)).size
    small = _image_entries((width, height), _YCBCR, 8, 7, _STRIP_AT + len(strip), len(preview))
    small |= {254: (_LONG, [1]), 330: (_LONG, [_RAW_AT])}
    head = (b"II*\0\x08\0\0\0" + _ifd(about | small, 8)).ljust(_RAW_AT, b"\0") + _ifd(raw, _RAW_AT)
    return head.ljust(_STRIP_AT, b"\0") + strip + preview


_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_CODES = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _SRATIONAL: "i"}
_CFA, _YCBCR = 32803, 6
_RAW_AT, _STRIP_AT = 2048, 4096
_Entries = dict[int, tuple[int, "bytes | list[int]"]]


def _image_entries(size: tuple[int, int], colours: int, bits: int, compression: int, at: int, length: int) -> _Entries:
    samples = 1 if colours == _CFA else 3
    return {
        254: (_LONG, [0]),
        256: (_LONG, [size[0]]),
        257: (_LONG, [size[1]]),
        258: (_SHORT, [bits] * samples),
        259: (_SHORT, [compression]),
        262: (_SHORT, [colours]),
        273: (_LONG, [at]),
        277: (_SHORT, [samples]),
        278: (_LONG, [size[1]]),
        279: (_LONG, [length]),
    }


def _ifd(entries: _Entries, at: int) -> bytes:
    """A TIFF directory for offset `at`, with what does not fit its entries behind it."""
    extra, table = b"", b""
    extra_at = at + 2 + 12 * len(entries) + 4
    for tag, (kind, values) in sorted(entries.items()):
        packed = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
        count = len(values) // (2 if kind in (_RATIONAL, _SRATIONAL) else 1)
        if len(packed) > 4:
            packed, extra = struct.pack("<I", extra_at + len(extra)), extra + packed + b"\0" * (len(packed) % 2)
        table += struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
    return struct.pack("<H", len(entries)) + table + b"\0\0\0\0" + extra
