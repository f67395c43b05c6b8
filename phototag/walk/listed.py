"""A folder's entries, and what they are found to be: what a walk passes from hand to hand."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from phototag.records import Failed, PhotoRef
from phototag.walk.rules import Rules

_SIDECAR_ENDINGS = (".xmp", ".XMP", ".Xmp")  # as phototag.metadata.sidecar knows them


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to visit: the rules that hold above it, and the disk of the folder that it was found in."""

    path: str
    rules: Rules | None = None
    disk_above: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder that was listed.

    Attributes:
        identity: device and inode.
        entries: by name.
        rules: those in it.
        real: its real path, if asked for.
        sidecars: the times of its sidecars, if asked for.
    """

    identity: tuple[int, int]
    entries: list[os.DirEntry[str]]
    rules: Rules | None
    real: str
    sidecars: dict[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What some entries of a folder are.

    Attributes:
        photos: and what failed.
        below: its folders.
        links: to folders.
        linked: real paths of photos outside that links lead to.
    """

    photos: list[PhotoRef | Failed] = field(default_factory=list)
    below: list[Folder] = field(default_factory=list)
    links: list[Folder] = field(default_factory=list)
    linked: set[str] = field(default_factory=set)


def times_of_sidecars(entries: Iterable[os.DirEntry[str]], *, links: bool) -> dict[str, int]:
    """The modification times of `.xmp` files, of links to them if asked for, by their names without that ending."""
    found: dict[str, int] = {}
    for entry in entries:
        if entry.name.endswith(_SIDECAR_ENDINGS) and (links or not entry.is_symlink()):
            with suppress(OSError):  # gone meanwhile, or a link that leads nowhere
                found[entry.name[:-4]] = entry.stat().st_mtime_ns
    return found
