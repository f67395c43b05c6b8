"""Nothing in; each format, by what it is decoded, and why it is not, out: for `phototag doctor`."""

from collections.abc import Iterator
from io import BytesIO

import pi_heif
import PIL
import rawpy
from PIL import Image

from phototag.decode import LARGE_PHOTO, Limits, decode_bytes
from phototag.decode.apart import Processes
from phototag.errors import PhotoError
from phototag.records import PhotoRef

_BY_PILLOW = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")
_COLOUR = (200, 40, 30)
_SIDE, _NEAR = 32, 24
_START_TIMEOUT_S = 60.0


def decoders() -> Iterator[tuple[str, str, str | None]]:
    """Decode a small photo of each format that can be made here; ask the others' libraries for their versions.

    Yields:
        The format's name, what decodes it, and what is wrong; None where nothing is.
    """
    for kind in _BY_PILLOW:
        yield kind, f"Pillow {PIL.__version__}", _problem(kind)
    yield "HEIF", f"libheif {pi_heif.libheif_version()}", _problem_of_heif()
    yield "RAW", f"LibRaw {'.'.join(map(str, rawpy.libraw_version))}", None
    yield "in a process apart", "disposable process", _problem_apart()


def _problem_of_heif() -> str | None:
    decoders: dict[str, str] = pi_heif.libheif_info()["decoders"]
    return None if any("HEVC" in name for name in decoders.values()) else "libheif has no decoder for HEVC"


def _made(kind: str) -> bytes:
    """A small photo of one colour."""
    buffer = BytesIO()
    Image.new("RGB", (64, 48), _COLOUR).save(buffer, kind)
    return buffer.getvalue()


def _problem(kind: str) -> str | None:
    try:
        data = _made(kind)
    except (OSError, KeyError) as exc:
        return f"this Pillow does not know it: {exc}"
    try:
        decoded = decode_bytes(PhotoRef(f"test.{kind.lower()}", len(data), 0), data, _SIDE, "squash")
    except PhotoError as exc:
        return str(exc)
    middle = decoded.pixels[_SIDE // 2, _SIDE // 2]
    is_near = all(abs(int(seen) - meant) < _NEAR for seen, meant in zip(middle, _COLOUR, strict=True))
    return None if is_near else f"colours are wrong: {middle.tolist()} for {list(_COLOUR)}"


def _problem_apart() -> str | None:
    data = _made("PNG")
    processes = Processes(_START_TIMEOUT_S, LARGE_PHOTO)
    try:
        processes.decode(PhotoRef("test.png", len(data), 0), data, _SIDE, "squash", Limits())
    except PhotoError as exc:
        return str(exc)
    finally:
        processes.close()
    return None
