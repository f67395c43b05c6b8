"""The formats that are written inside: a file's bytes in, a photo that takes words out, whichever format it is."""

import os

from phototag.metadata import compose as jpeg_words
from phototag.metadata import jpeg, png, proof, tiff, webp
from phototag.metadata.fields import Fields, NewWords
from phototag.metadata.jpeg import Jpeg
from phototag.metadata.png import Png
from phototag.metadata.tiff import Tiff
from phototag.metadata.webp import Webp

Photo = Jpeg | Png | Webp | Tiff

HEAD_BYTES = 12
"""By how many bytes of its beginning a format is known."""

_TIFF_ENDINGS = (".tif", ".tiff")


def is_written_inside(path: str, head: bytes) -> bool:
    """Whether a file is of a format that is written inside.

    Its content tells, whatever its name; but what is TIFF inside must also be called so, for most RAW formats are.
    """
    if tiff.is_tiff(head):
        return os.path.splitext(path)[1].lower() in _TIFF_ENDINGS
    return jpeg.is_jpeg(head) or png.is_png(head) or webp.is_webp(head)


def parse(data: bytes) -> Photo:
    """Take a photo apart.

    Raises:
        MetadataError: it is not well-formed, or not what it seems.
    """
    if png.is_png(data[:HEAD_BYTES]):
        return png.parse(data)
    if webp.is_webp(data[:HEAD_BYTES]):
        return webp.parse(data)
    if tiff.is_tiff(data[:HEAD_BYTES]):
        return tiff.parse(data)
    return jpeg.parse(data)


def fields_of(photo: Photo) -> Fields:
    """The words in a photo's keyword fields. A field that is damaged reads as empty."""
    match photo:
        case Jpeg():
            return jpeg_words.fields_of(photo)
        case Png():
            return png.fields_of(photo)
        case Webp():
            return webp.fields_of(photo)
        case Tiff():
            return tiff.fields_of(photo)


def write(photo: Photo, old: bytes, new: NewWords) -> bytes:
    """The photo with these words in its keyword fields, proved to differ in nothing else.

    Args:
        photo: `old`, taken apart.
        old: its bytes.
        new: the words.

    Raises:
        MetadataError: the photo cannot take them without risk, or the proof failed; the reason says why.
    """
    match photo:
        case Jpeg():
            data = jpeg_words.compose(photo, new)
            proof.prove_jpeg(old, data, new)
        case Png():
            data = png.compose(photo, new)
            proof.prove_png(old, data, new)
        case Webp():
            data = webp.compose(photo, new)
            proof.prove_webp(old, data, new)
        case Tiff():
            data = tiff.compose(photo, new)
            proof.prove_tiff(old, data, new)
    return data
