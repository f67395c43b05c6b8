"""The bytes of a HEIF or HEIC photo in, an `Opened` photo out."""

import re
from functools import partial

import pi_heif
from PIL import Image

from phototag.decode.facts import exif_from
from phototag.decode.opened import Loaded, Opened

_BYTES_PER_PIXEL = 10  # measured: 8.4
_EXIF = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
_EXIF_MOST_BYTES = 1 << 20
_DESCRIBES, _DESCRIBES_NOT = b"cdsc", b"skip"


def open_heif(data: bytes) -> Opened:
    """Open the primary image. libheif turns it upright by the container's own marks, and those alone count.

    The EXIF orientation beside them, which telephones write too, must not be applied again (ISO/IEC 23008-12).
    """
    photos = pi_heif.open_heif(_without_metadata(data), convert_hdr_to_8bit=True)
    photo = photos[photos.primary_index]
    width, height = photo.size
    return Opened("HEIF", (width, height), width * height * _BYTES_PER_PIXEL, partial(_load, photo, data))


def _load(photo: pi_heif.HeifImage, data: bytes) -> Loaded:
    image = photo.to_pillow()
    return Loaded(image, image.size, _exif_of(data))


def _exif_of(data: bytes) -> Image.Exif:
    found = _EXIF.search(data)
    return exif_from(data[found.end() : found.end() + _EXIF_MOST_BYTES]) if found else Image.Exif()


def _without_metadata(data: bytes) -> bytes:
    """The file with the links from metadata to image cut, at the same length, so that nothing reads its metadata.

    pi-heif 1.4 brings the whole process down when the type of an item of metadata is not UTF-8. Only the "meta" box is
    changed: elsewhere the four letters would be pixels.
    """
    start = 0
    while start + 8 <= len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        if size < 8:  # to the end of the file, or of 64 bits: pixels
            break
        if data[start + 4 : start + 8] == b"meta":
            end = start + size
            return data[:start] + data[start:end].replace(_DESCRIBES, _DESCRIBES_NOT) + data[end:]
        start += size
    return data
