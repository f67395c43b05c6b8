"""Exceptions of Pillow, libheif and LibRaw in, `PhotoError` out: the one border where they are translated."""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import rawpy
from PIL import Image

from phototag.errors import UndecodableError, UnreadableError

_FOREIGN = (
    # Met on damaged files, which reach far into the libraries before anything is noticed.
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    rawpy.LibRawError,
)

_NOT_FOR_PEOPLE = (TypeError, AttributeError, AssertionError, LookupError, ArithmeticError, struct.error)

_TOO_LARGE = ("too large", "exceeds limit", "out of memory", "overrun", "security limit", "maximum image")
_TRUNCATED = ("truncated", "not enough", "unexpected end", "end of file", "input/output", "no more data", "read error")
_UNSUPPORTED = ("unsupported", "unknown", "not supported", "not implemented", "cannot handle", "no decoder")

_PILLOW_FILTER = r"PIL\."


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the libraries raise inside the block into a `PhotoError`.

    Raises:
        UndecodableError: the photo is to blame.
        UnreadableError: memory ran out; another time it may do.
    """
    try:
        yield
    except MemoryError as exc:
        raise UnreadableError("out of memory", "close other programs, or scan with fewer workers") from exc
    except _FOREIGN as exc:
        raise UndecodableError(_reason(exc), _detail(exc)) from exc


def quiet_python() -> None:
    """Let Pillow neither warn nor log: what it would say of a photo is said by the error, or does not matter.

    Its warnings name no photo, and a warning that is turned into an exception inside Pillow would fail photos that
    are well. Both settings concern Pillow alone. They cannot be made and undone around each photo: Python 3.11 to 3.13
    keep the filters for all threads together.
    """
    if not any(
        action == "ignore" and getattr(where, "pattern", "") == _PILLOW_FILTER
        for action, _, _, where, _ in warnings.filters
    ):
        warnings.filterwarnings("ignore", module=_PILLOW_FILTER)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)


def _reason(exc: Exception) -> str:
    message = str(exc).lower()
    if isinstance(exc, Image.DecompressionBombError) or any(words in message for words in _TOO_LARGE):
        return "too large"
    if isinstance(exc, EOFError) or any(words in message for words in _TRUNCATED):
        return "truncated"
    if isinstance(exc, NotImplementedError) or any(words in message for words in _UNSUPPORTED):
        return "unsupported format"
    return "damaged"


def _detail(exc: Exception) -> str:
    if isinstance(exc, _NOT_FOR_PEOPLE) or isinstance(exc.__cause__, _NOT_FOR_PEOPLE):
        return "its structure makes no sense"
    message = exc.args[0] if exc.args else ""
    if isinstance(message, bytes):  # LibRaw's
        return message.decode("ascii", "replace")
    return "its image data makes no sense" if str(exc).startswith("decoder error") else str(exc)
