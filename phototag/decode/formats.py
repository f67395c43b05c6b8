"""A file's bytes in, an `Opened` photo out: recognises what it is and chooses who opens it."""

import os

from phototag.decode.heif import open_heif
from phototag.decode.opened import Opened, Target
from phototag.decode.pillow import open_pillow
from phototag.decode.raw import RAW_SUFFIXES, open_raw
from phototag.errors import UndecodableError

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WEBP"),
    (8, b"CR\x02", "RAW"),
    (0, b"FUJIFILMCCD-RAW", "RAW"),
    (0, b"FOVb", "RAW"),
    (0, b"\0MRM", "RAW"),
    (0, b"IIU\0", "RAW"),
    (0, b"IIRO", "RAW"),
    (0, b"IIRS", "RAW"),
    (0, b"MMOR", "RAW"),
    (6, b"HEAPCCDR", "RAW"),
    *((0, magic, "TIFF") for magic in _TIFF),
    (0, b"BM", "BMP"),
    (0, b"8BPS", "PSD"),
    (0, b"\xff\x4f\xff\x51", "JPEG2000"),
    (4, b"jP  \r\n\x87\n", "JPEG2000"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\x01\xda", "SGI"),
    *((0, b"\n" + version, "PCX") for version in (b"\0", b"\2", b"\3", b"\5")),
    *((0, b"P" + kind, "PPM") for kind in (b"1", b"2", b"3", b"4", b"5", b"6")),
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIF"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "RAW",
}
_ANY_HEIF = (b"mif1", b"msf1")
_NOT_DECODED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL \r\n\x87\n", "JPEG XL"),
    (0, b"BA", "an OS/2 bitmap array"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"<svg", "SVG"),
)


def open_photo(data: bytes, path: str, target: Target) -> Opened:
    """Open a photo by what its bytes are; the name decides only between RAW and TIFF, and for Targa, which has no mark.

    Raises:
        UndecodableError: not a photo, or of a kind that is not decoded. Beside it whatever the libraries raise, for
            the caller to translate.
    """
    kind = recognise(data, os.path.splitext(path)[1].lower())
    if kind == "RAW":
        return open_raw(data, target)
    if kind == "HEIF":
        return open_heif(data)
    return open_pillow(data, kind, target)


def recognise(data: bytes, suffix: str) -> str:
    """What the bytes are: Pillow's name of the format, or "RAW".

    Raises:
        UndecodableError: "not a photo", or "unsupported format" for a kind that is known and not decoded.
    """
    if data[4:8] == b"ftyp":
        return _brand(data)
    for offset, magic, kind in _MAGIC:
        if data.startswith(magic, offset):
            return "RAW" if kind == "TIFF" and suffix in RAW_SUFFIXES else kind
    if suffix == ".tga":
        return "TGA"
    for offset, magic, kind in _NOT_DECODED:
        if data.startswith(magic, offset):
            raise UndecodableError("unsupported format", f"{kind} is not decoded")
    raise UndecodableError("not a photo", "the file's first bytes are those of no photo format")


def _brand(data: bytes) -> str:
    """The kind of an ISO media file, by its brands: the major one, then those it declares to be compatible with."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    for brand in brands:
        if brand in _BRANDS:
            return _BRANDS[brand]
    if any(brand in _ANY_HEIF for brand in brands):
        return "HEIF"
    raise UndecodableError("not a photo", f"a media file of the kind {brands[0].decode('ascii', 'replace')!r}")
