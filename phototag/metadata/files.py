"""A photo's path in; the photo, its keywords, what stands in the way of writing it, and its sidecar out."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from phototag.errors import MetadataError, UnreadableError
from phototag.metadata.embedded import read_embedded
from phototag.metadata.fields import Fields, read_fields
from phototag.metadata.formats import HEAD_BYTES, Photo, fields_of, is_written_inside, parse
from phototag.metadata.sidecar import existing_sidecar
from phototag.metadata.xmp import PACKET_MOST

_INSIDE_MOST = 1 << 30
"""The largest photo written inside, bytes: it is held in memory together with its new bytes."""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo as it was read.

    Attributes:
        path: without symbolic links.
        facts: what the file system says of it.
        is_of_known_format: whether it is of a format that is written inside.
        data: all its bytes, where it can be written inside.
        parts: the same, taken apart; None where it cannot.
        fields: its keywords.
        obstacle: why a photo of such a format cannot be written inside; empty otherwise.
    """

    path: str
    facts: os.stat_result
    is_of_known_format: bool
    data: bytes
    parts: Photo | None
    fields: Fields
    obstacle: str


@dataclass(frozen=True, slots=True)
class SidecarFile:
    """A photo's sidecar as it was read.

    Attributes:
        path: without symbolic links; empty where there is none.
        data: its bytes; None where there is none.
        fields: its keywords, and what damage stands in the way of editing them.
    """

    path: str
    data: bytes | None
    fields: Fields


def read_photo(path: str) -> PhotoFile:
    """Read a photo; one that is not of a format written inside is searched for keywords and not kept in memory.

    Raises:
        UnreadableError: it cannot be opened or read, or is no regular file.
    """
    real = os.path.realpath(path)
    try:
        if not stat.S_ISREG(os.stat(real).st_mode):  # opening a pipe would wait for ever
            raise UnreadableError("unreadable", f"{path} is not a regular file")
        with Path(real).open("rb") as file:
            facts = os.fstat(file.fileno())
            if not is_written_inside(path, file.read(HEAD_BYTES)):
                return PhotoFile(real, facts, False, b"", None, Fields(others=read_embedded(file)), "")
            if facts.st_size > _INSIDE_MOST:
                too_large = f"too large: only photos of up to {_INSIDE_MOST:,} bytes are written inside"
                return PhotoFile(real, facts, True, b"", None, Fields(others=read_embedded(file)), too_large)
            file.seek(0)
            data = file.read()
            try:
                parts = parse(data)
            except MetadataError as exc:
                return PhotoFile(real, facts, True, b"", None, Fields(others=read_embedded(file)), str(exc))
    except OSError as exc:
        raise UnreadableError("unreadable", f"{path}: {exc.strerror}") from exc
    fields = fields_of(parts)
    return PhotoFile(real, facts, True, data, parts, fields, _obstacle(real, facts) or fields.damage)


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
        with Path(path).open("rb") as file:
            data = file.read(PACKET_MOST + 1)
    except FileNotFoundError:  # a link that leads nowhere yet
        return SidecarFile(path, None, Fields())
    except OSError as exc:
        raise UnreadableError("unreadable sidecar", f"{path}: {exc.strerror}") from exc
    return SidecarFile(path, data, read_fields([data]))


def require_place(sidecar: SidecarFile) -> None:
    """Check that a sidecar can be written.

    Raises:
        MetadataError: it cannot, and why.
    """
    if sidecar.fields.damage:
        raise MetadataError("damaged sidecar", f"{sidecar.path}: {sidecar.fields.damage}; mend it or move it away")
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
