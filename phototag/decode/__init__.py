"""A `PhotoRef` in, upright RGB pixels fitted to a network's square and the photo's facts out: the only decoder.

The file is read once. What it is, its bytes say and not its name. A photo that cannot be decoded raises a
`PhotoError` whose reason is one of a few stable words; docs/formats.md lists formats and reasons.
"""

import hashlib
import threading
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any

from phototag.decode.facts import facts_of
from phototag.decode.files import read_file
from phototag.decode.fit import to_square
from phototag.decode.foreign import quiet_python, translated
from phototag.decode.formats import open_photo
from phototag.decode.opened import Opened, Target
from phototag.errors import UndecodableError
from phototag.records import Decoded, FileRead, Fit, PhotoRef

__all__ = ["LARGE_PHOTO", "Limits", "content_hash", "decode", "decode_bytes", "keep", "read_photo"]

_LARGE_BYTES = 256 << 20

LARGE_PHOTO = threading.RLock()
"""Held by the one photo that is decoding in more than 256 MiB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photo may cost; one beyond it is refused as "too large" before its pixels are decoded.

    The defaults take a 200-megapixel JPEG of a telephone, a 250-megapixel PNG and any camera's RAW.

    Attributes:
        max_file_bytes: of the file, which is read into memory whole.
        max_pixels: of the full-size photo; bounds the time a cleverly compressed file can take.
        max_memory_bytes: for decoding, as estimated from size, format and mode. A JPEG is scaled down while it is
            decoded and needs little.
    """

    max_file_bytes: int = 512 << 20
    max_pixels: int = 1_000_000_000
    max_memory_bytes: int = 1 << 30


def decode(ref: PhotoRef, image_size: int, fit: Fit, limits: Limits | None = None) -> Decoded:
    """Decode a photo for a network.

    May be called from several threads. Photos that need more than 256 MiB are decoded one at a time, so that memory is
    bounded by `threads * 256 MiB + limits.max_file_bytes + limits.max_memory_bytes`.

    Args:
        ref: the photo.
        image_size: S, the side of the network's square in pixels.
        fit: how the upright photo is fitted to it: "crop" takes the centre square over the photo's full short side,
            "squash" ignores its shape, "pad" adds mid grey (127) where it falls short.
        limits: by default `Limits()`.

    Returns:
        Pixels `(S, S, 3) uint8`, the SHA-256 of the file as it was read, and the photo's facts.

    Raises:
        UnreadableError: the file cannot be read.
        UndecodableError: it holds no photo that can be shown.
    """
    limits = limits or Limits()
    with LARGE_PHOTO if ref.size_bytes > _LARGE_BYTES else ExitStack():
        file = read_photo(ref, limits)
        return keep(file, decode_bytes(ref, file.data, image_size, fit, limits))


def read_photo(ref: PhotoRef, limits: Limits | None = None) -> FileRead:
    """A photo's file, whose bytes `decode_bytes` takes.

    Raises:
        UnreadableError: the file cannot be read.
        UndecodableError: it is empty or too large.
    """
    return read_file(ref.path, (limits or Limits()).max_file_bytes)


def keep(file: FileRead, decoded: Decoded) -> Decoded:
    """A decoded photo with the file that it was decoded from, for whoever writes it."""
    return replace(decoded, file=replace(file, digest=decoded.content_hash))


def decode_bytes(
    ref: PhotoRef,
    data: bytes,
    image_size: int,
    fit: Fit,
    limits: Limits | None = None,
    large: AbstractContextManager[Any] = LARGE_PHOTO,
) -> Decoded:
    """Decode a photo that has been read; see `decode`.

    Args:
        ref: the photo.
        data: its file, whole.
        image_size: S, the side of the network's square in pixels.
        fit: how the upright photo is fitted to it.
        limits: by default `Limits()`.
        large: entered before a photo that needs more than 256 MiB is decoded.

    Raises:
        UnreadableError: memory ran out.
        UndecodableError: it holds no photo that can be shown.
    """
    target = Target(image_size, fit)
    quiet_python()
    with ExitStack() as turn, translated():
        opened = open_photo(data, ref.path, target)
        _check(opened, limits or Limits())
        if opened.memory_bytes > _LARGE_BYTES:
            turn.enter_context(large)
        loaded = opened.load()
        pixels = to_square(loaded, target)
        return Decoded(ref, hashlib.sha256(data).digest(), facts_of(opened.format, loaded), pixels)


def content_hash(ref: PhotoRef, limits: Limits | None = None) -> bytes:
    """The SHA-256 that `decode` would give, 32 bytes, without decoding.

    Raises:
        UnreadableError: the file cannot be read.
        UndecodableError: it is empty or too large.
    """
    return read_photo(ref, limits).sha256()


def _check(opened: Opened, limits: Limits) -> None:
    width, height = opened.size
    if width * height > limits.max_pixels or opened.memory_bytes > limits.max_memory_bytes:
        raise UndecodableError(
            "too large", f"{width} x {height} pixels would take {opened.memory_bytes / 1e9:.1f} GB of memory"
        )
