"""An opened photo in, `Facts` out: its size, when it was taken and with what. A broken EXIF block is an absent one."""

import re
import struct
from datetime import datetime
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image

from phototag.decode.opened import Loaded
from phototag.records import Facts

_DATE = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_LONGEST_NAME = 100
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, struct.error)
"""What Pillow raises for EXIF blocks found in the wild."""


def facts_of(format_name: str, loaded: Loaded) -> Facts:
    """The facts of a photo. What its EXIF block does not give, or gives wrongly, is None."""
    exif = loaded.exif
    lens = _text(_value(exif, ExifTags.Base.LensModel, ExifTags.IFD.Exif))[:_LONGEST_NAME].rstrip() or None
    return Facts(format_name, *loaded.size, _taken(exif), _camera(exif), lens, _place(exif))


def exif_of(image: Image.Image) -> Image.Exif:
    """The EXIF block of an image, or an empty one where it is broken."""
    try:
        return image.getexif()
    except _BROKEN:
        return Image.Exif()


def exif_from(data: bytes) -> Image.Exif:
    """The EXIF block that begins with a TIFF header, as HEIF and RAW hold it, or an empty one where it is broken."""
    exif = Image.Exif()
    try:
        exif.load_from_fp(BytesIO(data))
    except _BROKEN:
        return Image.Exif()
    return exif


def orientation_of(exif: Image.Exif) -> int:
    """EXIF orientation, 1 to 8; 1 where it is absent or nonsense."""
    value = _value(exif, ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _value(exif: Image.Exif, tag: int, ifd: int | None = None) -> Any:
    try:
        return (exif if ifd is None else exif.get_ifd(ifd)).get(tag)
    except _BROKEN:
        return None


def _taken(exif: Image.Exif) -> str | None:
    for value in (
        _value(exif, ExifTags.Base.DateTimeOriginal, ExifTags.IFD.Exif),
        _value(exif, ExifTags.Base.DateTimeOriginal),
        _value(exif, ExifTags.Base.DateTime),
    ):
        match = _DATE.match(_text(value))
        if match:
            try:
                return datetime(*map(int, match.groups())).isoformat()  # type: ignore[arg-type]
            except ValueError:  # 0000:00:00 and its like, from cameras whose clock was never set
                continue
    return None


def _camera(exif: Image.Exif) -> str | None:
    make, model = (_text(_value(exif, tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    makers, words = make.lower().split(), model.lower().split()
    if makers and words and (words[0] in makers or words[0].startswith(makers[0])):
        make = ""  # "NIKON CORPORATION" and "NIKON D70", "EASTMAN KODAK COMPANY" and "KODAK EASYSHARE"
    return f"{make} {model}".strip()[:_LONGEST_NAME].rstrip() or None


def _place(exif: Image.Exif) -> tuple[float, float] | None:
    """Degrees north and east. Exactly 0, 0 is what receivers without a fix write: the sea south of Ghana."""
    gps = ExifTags.GPS
    north = _degrees(exif, gps.GPSLatitude, gps.GPSLatitudeRef, "S", 90)
    east = _degrees(exif, gps.GPSLongitude, gps.GPSLongitudeRef, "W", 180)
    return (north, east) if north is not None and east is not None and (north or east) else None


def _degrees(exif: Image.Exif, tag: int, ref_tag: int, negative: str, most: int) -> float | None:
    """Degrees, minutes and seconds as one number, to a seventh place: a centimetre."""
    try:
        degrees, minutes, seconds = (float(part) for part in _value(exif, tag, ExifTags.IFD.GPSInfo))
    except _BROKEN:
        return None
    whole = degrees + minutes / 60 + seconds / 3600
    if not 0 <= whole <= most:  # a division by zero in the file gives "not a number", which this refuses too
        return None
    west_or_south = _text(_value(exif, ref_tag, ExifTags.IFD.GPSInfo)).upper().startswith(negative)
    return round(-whole if west_or_south else whole, 7)


def _text(value: Any) -> str:
    """An EXIF text without the NULs, blanks and control characters that cameras pad it with."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in value.split("\0")[0]).split())
