"""Names and folders in, whether they are left out of a walk; docs/formats.md lists what is."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".phototagignore"
"""Patterns of what to leave out, in the language of `.gitignore`; valid in its folder and below."""

_SUFFIXES = """
    jpg jpeg jpe jfif mpo png apng gif webp tif tiff heic heif hif avif jxl jp2 j2k jpx jpf jpc j2c
    bmp dib psd tga ico pcx ppm pgm pbm pnm sgi
    3fr arw cr2 cr3 crw dcr dng erf fff iiq k25 kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f
"""
PHOTO_SUFFIXES = frozenset(_SUFFIXES.split())
"""What photos' names end in, in lower case and without the dot. What a file really is, the decoder finds out."""

FOREIGN_FOLDERS = frozenset(
    {
        "@eadir",  # thumbnails of Synology's NAS
        "@__thumb",  # thumbnails of QNAP's NAS
        "#recycle",  # deleted files of a NAS
        "#snapshot",  # old states of a NAS
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "ipod photo cache",
        "thumbs",  # thumbnails of web galleries
        "thumbnails",  # of iPhoto and many cameras' programs
        "__macosx",  # resource forks out of zip files
    }
)
"""Names, in lower case, of folders whose pictures are another program's copies or rubbish."""

FOREIGN_LIBRARIES = (".lrdata", ".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary")
"""Endings of folders that are another program's database: Lightroom's previews, and libraries of Photos, iPhoto and
Aperture, whose files must not be changed behind that program's back."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns of one `.phototagignore` and, above it, those of the folders that hold it."""

    folder: str
    spec: "GitIgnoreSpec"
    above: "Rules | None"

    def leave_out(self, path: str) -> bool:
        """Whether a path is left out, a folder's with a slash at its end; the nearest rule that fits decides."""
        rules: Rules | None = self
        while rules is not None:
            relative = path[len(rules.folder.rstrip(os.sep)) + 1 :]
            verdict = rules.spec.check_file(relative.replace(os.sep, "/")).include
            if verdict is not None:
                return verdict
            rules = rules.above
        return False


def read_rules(folder: str, entries: Iterable[os.DirEntry[str]], above: Rules | None) -> Rules | None:
    """The rules that hold in a folder: its own, if it has an ignore file, before those from above.

    Raises:
        OSError: the file cannot be read; better to pass the folder by than to tag what its owner wants left alone.
        ValueError: the file has a line that is no pattern.
    """
    for entry in entries:
        if entry.name == IGNORE_FILE and entry.is_file():
            from pathspec import GitIgnoreSpec  # most libraries have no such file

            with open(entry.path, encoding="utf-8-sig", errors="surrogateescape") as file:
                return Rules(folder, GitIgnoreSpec.from_lines(file.read().splitlines()), above)
    return above


def has_photo_suffix(name: str) -> bool:
    """Whether a file is called as photos are."""
    stem, _, suffix = name.rpartition(".")
    return bool(stem) and suffix.lower() in PHOTO_SUFFIXES


def is_foreign(name: str) -> bool:
    """Whether a folder of that name is another program's."""
    lower = name.lower()
    return lower in FOREIGN_FOLDERS or lower.endswith(FOREIGN_LIBRARIES)
