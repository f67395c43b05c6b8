"""A photo's path in; the photo, its keywords, what stands in the way of writing it, and its sidecar out."""

import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from phototag.errors import MetadataError, UnreadableError
from phototag.metadata.compose import read_fields
from phototag.metadata.embedded import read_embedded
from phototag.metadata.jpeg import Jpeg, is_jpeg, parse
from phototag.metadata.merge import Fields
from phototag.metadata.sidecar import sidecar_path
from phototag.metadata.xmp import PACKET_MOST, read_subject

_log = logging.getLogger(__name__)

_JPEG_MOST = 1 << 30
"""The largest JPEG written inside, bytes: it is held in memory together with its new bytes."""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo as it was read.

    Attributes:
        path: without symbolic links.
        facts: what the file system says of it.
        is_jpeg: by content, whatever its name.
        data: all its bytes, where it is a JPEG that can be written inside.
        jpeg: the same, taken apart.
        fields: its keywords.
        obstacle: why a JPEG cannot be written inside; empty otherwise.
    """

    path: str
    facts: os.stat_result
    is_jpeg: bool
    data: bytes
    jpeg: Jpeg | None
    fields: Fields
    obstacle: str


@dataclass(frozen=True, slots=True)
class SidecarFile:
    """A photo's sidecar as it was read.

    Attributes:
        path: without symbolic links.
        data: its bytes; None where there is none.
        words: its keywords.
        damage: why it cannot be edited; empty where it can.
    """

    path: str
    data: bytes | None
    words: tuple[str, ...] = ()
    damage: str = ""


def read_photo(path: str) -> PhotoFile:
    """Read a photo; one that is not a JPEG is searched for keywords and not kept in memory.

    Raises:
        UnreadableError: it cannot be opened or read, or is no regular file.
    """
    real = os.path.realpath(path)
    try:
        if not stat.S_ISREG(os.stat(real).st_mode):  # opening a pipe would wait for ever
            raise UnreadableError("unreadable", f"{path} is not a regular file")
        with Path(real).open("rb") as file:
            facts = os.fstat(file.fileno())
            if not is_jpeg(file.read(3)) or facts.st_size > _JPEG_MOST:
                fields = Fields(others=read_embedded(file))
                return PhotoFile(real, facts, False, b"", None, fields, "")
            file.seek(0)
            data = file.read()
    except OSError as exc:
        raise UnreadableError("unreadable", f"{path}: {exc.strerror}") from exc
    try:
        jpeg = parse(data)
    except MetadataError as exc:
        return PhotoFile(real, facts, True, b"", None, Fields(), str(exc))
    fields = read_fields(jpeg)
    return PhotoFile(real, facts, True, data, jpeg, fields, _obstacle(real, facts) or fields.damage)


def read_sidecar(photo: str) -> SidecarFile:
    """Read the sidecar of a photo, if there is one.

    Args:
        photo: the photo's path without symbolic links.

    Raises:
        UnreadableError: there is one and it cannot be opened or read.
    """
    path = os.path.realpath(sidecar_path(photo))
    try:
        with Path(path).open("rb") as file:
            data = file.read(PACKET_MOST + 1)
    except FileNotFoundError:
        return SidecarFile(path, None)
    except OSError as exc:
        raise UnreadableError("unreadable sidecar", f"{path}: {exc.strerror}") from exc
    try:
        return SidecarFile(path, data, read_subject(data))
    except MetadataError as exc:
        _log.debug("%s: %s", path, exc)
        return SidecarFile(path, data, (), str(exc))


def require_place(sidecar: SidecarFile) -> None:
    """Check that a sidecar can be written.

    Raises:
        MetadataError: it cannot, and why.
    """
    if sidecar.damage:
        raise MetadataError("damaged sidecar", f"{sidecar.path}: {sidecar.damage}; mend it or move it away")
    obstacle = ""
    if sidecar.data is not None:
        try:
            obstacle = _obstacle(sidecar.path, os.stat(sidecar.path))
        except OSError as exc:
            raise UnreadableError("unreadable sidecar", f"{sidecar.path}: {exc.strerror}") from exc
    elif not _can_write_in(sidecar.path):
        obstacle = "its folder is read-only"
    if obstacle:
        raise MetadataError("not writable", f"{sidecar.path}: {obstacle}; change that, or scan with --no-write")


def _obstacle(path: str, facts: os.stat_result) -> str:
    """Why a file must not or cannot be replaced; empty where it can."""
    if facts.st_nlink > 1:
        return f"hard-linked: it has {facts.st_nlink} names, and a replaced file keeps only one"
    if not facts.st_mode & 0o222 or not os.access(path, os.W_OK):
        return "read-only"
    return "" if _can_write_in(path) else "its folder is read-only"


def _can_write_in(path: str) -> bool:
    return os.access(os.path.dirname(path), os.W_OK | os.X_OK)
