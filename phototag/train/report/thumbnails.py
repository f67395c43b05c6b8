"""Photos in, small pictures out as `data:` addresses, through the one decoder."""

from base64 import b64encode
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from phototag.decode import decode
from phototag.errors import PhotoError
from phototag.records import PhotoRef

_SIDE = 192  # sharp at 96 points on a telephone's screen; 6 kB each
_QUALITY = 72


def thumbnails(refs: Iterable[PhotoRef], *, workers: int) -> dict[str, str]:
    """Small pictures of photos, each cut to its central square as the network sees it.

    Args:
        refs: the photos; one that comes twice is decoded once.
        workers: threads that decode.

    Returns:
        `data:` addresses by path; photos that cannot be decoded are not among them.
    """
    wanted = {ref.path: ref for ref in refs}
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        made = dict(zip(wanted, pool.map(_thumbnail, wanted.values()), strict=True))
    return {path: address for path, address in made.items() if address is not None}


def _thumbnail(ref: PhotoRef) -> str | None:
    from PIL import Image

    try:
        pixels = decode(ref, _SIDE, "crop").pixels
    except PhotoError:
        return None
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode("ascii")
