"""The bytes of a camera's RAW file in, an `Opened` photo out: its embedded preview, or a quick development."""

from dataclasses import replace
from functools import partial
from io import BytesIO

import rawpy
from PIL import Image

from phototag.decode.facts import exif_from
from phototag.decode.opened import Loaded, Opened, Target
from phototag.decode.pillow import open_jpeg
from phototag.errors import UndecodableError

_SUFFIXES = """
    .3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl
    .sr2 .srf .srw .x3f
"""
RAW_SUFFIXES = frozenset(_SUFFIXES.split())
"""Endings, in lower case, that tell a RAW file from the TIFF whose structure most of them borrow."""

_BYTES_PER_PIXEL = 8
_LEAST_BITS_PER_PIXEL = 0.25


def open_raw(data: bytes, target: Target) -> Opened:
    """Open a RAW file with LibRaw.

    The preview is the camera's own development, and cheap; it is taken where it has the pixels the network needs.
    """
    with rawpy.imread(BytesIO(data)) as raw:
        sizes = raw.sizes
        preview = _preview(raw)
    turned = sizes.flip in (5, 6)  # LibRaw's numbers for a quarter turn
    size = (sizes.height, sizes.width) if turned else (sizes.width, sizes.height)
    if preview is not None:
        opened = open_jpeg(preview, target)
        if target.scale_of(opened.size) <= 1:
            return Opened("RAW", size, opened.memory_bytes, partial(_load_preview, opened, data, size))
    if len(data) * 8 < size[0] * size[1] * _LEAST_BITS_PER_PIXEL:
        raise UndecodableError("truncated", "the file is too short for the photo it describes")
    return Opened("RAW", size, size[0] * size[1] * _BYTES_PER_PIXEL, partial(_develop, data, size))


def _preview(raw: rawpy.RawPy) -> bytes | None:
    try:
        thumb = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    return bytes(thumb.data) if thumb.format == rawpy.ThumbFormat.JPEG else None


def _load_preview(preview: Opened, data: bytes, size: tuple[int, int]) -> Loaded:
    loaded = preview.load()
    return replace(loaded, size=size, exif=exif_from(data) or loaded.exif)


def _develop(data: bytes, size: tuple[int, int]) -> Loaded:
    """Develop at half size, upright, with the camera's white balance."""
    with rawpy.imread(BytesIO(data)) as raw:
        image = Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True))
    return Loaded(image, size, exif_from(data))
