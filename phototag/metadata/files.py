"""A photo's path in; the photo, its keywords, what stands in the way of writing it, and its sidecar out."""

import os
import stat
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from phototag.errors import MetadataError, UnreadableError
from phototag.metadata.embedded import read_embedded
from phototag.metadata.fields import Fields, read_fields
from phototag.metadata.formats import HEAD_BYTES, Photo, fields_of, is_written_inside, parse
from phototag.metadata.picture import mark_of
from phototag.metadata.replace import is_same_file
from phototag.metadata.sidecar import existing_sidecar
from phototag.metadata.xmp import PACKET_MOST
from phototag.records import FileRead

_INSIDE_MOST = 1 << 30
"""The largest photo written inside, bytes: it is held in memory together with its new bytes."""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo as it was read.

    Attributes:
        path: without symbolic links.
        listed: its size and modification time.
        is_of_known_format: whether it is of a format that is written inside.
        file: all of it as it was read, where it can be written inside.
        parts: the same, taken apart; None where it cannot.
        fields: its keywords.
        obstacle: why a photo of such a format cannot be written inside; empty otherwise.
        picture: the mark of its picture; empty where it was not taken apart, or has none.
    """

    path: str
    listed: tuple[int, int]
    is_of_known_format: bool
    file: FileRead | None
    parts: Photo | None
    fields: Fields
    obstacle: str
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class SidecarFile:
    """A photo's sidecar as it was read.

    Attributes:
        path: without symbolic links; empty where there is none.
        file: as it was read; None where there is none.
        fields: its keywords, and what damage stands in the way of editing them.
    """

    path: str
    file: FileRead | None
    fields: Fields


def read_photo(path: str, file: FileRead | None = None) -> PhotoFile:
    """Read a photo; one that is not of a format written inside is searched for keywords and not kept in memory.

    Args:
        path: the photo.
        file: the photo as it was read before. It is taken as it is, if the file system says that it is the same still.

    Raises:
        UnreadableError: it cannot be opened or read, or is no regular file.
    """
    real = os.path.realpath(path)
    try:
        status = os.stat(real)
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise UnreadableError("unreadable", f"{path} is not a regular file")
        if file is not None and is_same_file(file.status, status) and is_written_inside(path, file.data[:HEAD_BYTES]):
            return _take_apart(real, file)
        with Path(real).open("rb") as opened:
            read_ns, status = time.time_ns(), os.fstat(opened.fileno())
            listed = (status.st_size, status.st_mtime_ns)
            if not is_written_inside(path, opened.read(HEAD_BYTES)):
                return PhotoFile(real, listed, False, None, None, Fields(others=read_embedded(opened)), "")
            if status.st_size > _INSIDE_MOST:
                too_large = f"too large: only photos of up to {_INSIDE_MOST:,} bytes are written inside"
                return PhotoFile(real, listed, True, None, None, Fields(others=read_embedded(opened)), too_large)
            opened.seek(0)
            return _take_apart(real, FileRead(opened.read(), status, read_ns))
    except OSError as exc:
        raise UnreadableError("unreadable", f"{path}: {exc.strerror}") from exc


def _take_apart(real: str, file: FileRead) -> PhotoFile:
    listed = (file.status.st_size, file.status.st_mtime_ns)
    try:
        parts = parse(file.data)
    except MetadataError as exc:
        return PhotoFile(real, listed, True, None, None, Fields(others=read_embedded(BytesIO(file.data))), str(exc))
    fields = fields_of(parts)
    obstacle = _obstacle(real, file.status) or fields.damage
    return PhotoFile(real, listed, True, file, parts, fields, obstacle, mark_of(parts))


def read_sidecar(photo: str) -> SidecarFile:
    """Read the sidecar of a photo, if there is one.

    Args:
        photo: the photo's path without symbolic links.

    Raises:
        UnreadableError: there is one and it cannot be opened or read.
    """
    existing = existing_sidecar(photo)
    if existing is None:
        return SidecarFile("", None, Fields())
    path = os.path.realpath(existing)
    try:
        with Path(path).open("rb") as opened:
            read_ns, status = time.time_ns(), os.fstat(opened.fileno())
            data = opened.read(PACKET_MOST + 1)
    except FileNotFoundError:  # a link that leads nowhere yet
        return SidecarFile(path, None, Fields())
    except OSError as exc:
        raise UnreadableError("unreadable sidecar", f"{path}: {exc.strerror}") from exc
    return SidecarFile(path, FileRead(data, status, read_ns), read_fields([data]))


def require_place(sidecar: SidecarFile) -> None:
    """Check that a sidecar can be written.

    Raises:
        MetadataError: it cannot, and why.
    """
    if sidecar.fields.damage:
        raise MetadataError("damaged sidecar", f"{sidecar.path}: {sidecar.fields.damage}; mend it or move it away")
    obstacle = ""
    if sidecar.file is not None:
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
