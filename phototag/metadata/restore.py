"""A written file and its patch in, the file as it was before out: bytes, hash and time, or gone where it was new."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from phototag.errors import MetadataError, UnreadableError
from phototag.metadata.patch import apply_patch
from phototag.metadata.replace import remove, replace


@dataclass(frozen=True, slots=True)
class FileNow:
    """A file as it was read.

    Attributes:
        path: without symbolic links.
        data: all its bytes.
        digest: their SHA-256.
        mtime_ns: its modification time.
    """

    path: str
    data: bytes
    digest: bytes
    mtime_ns: int


def read_now(path: str) -> FileNow | None:
    """Read a file; None where there is none.

    Raises:
        UnreadableError: it is there and cannot be read.
    """
    real = os.path.realpath(path)
    try:
        if not stat.S_ISREG(os.stat(real).st_mode):  # opening a pipe would wait for ever
            raise UnreadableError("unreadable", f"{path} is not a regular file")
        with Path(real).open("rb") as file:
            data = file.read()
            mtime_ns = os.fstat(file.fileno()).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise UnreadableError("unreadable", f"{path}: {exc.strerror}") from exc
    return FileNow(real, data, hashlib.sha256(data).digest(), mtime_ns)


def put_back(now: FileNow, patch: bytes, hash_before: bytes, mtime_ns: int | None) -> None:
    """Replace a file by what it was before it was written, atomically.

    Args:
        now: the file as phototag wrote it.
        patch: what turns it into the old one.
        hash_before: SHA-256 of the old one; it is checked before anything is touched.
        mtime_ns: the old one's modification time; None: the time stays.

    Raises:
        MetadataError: the patch is damaged, or the file changed meanwhile or cannot be replaced; it is as it was.
        DiskError: the disk is full; the file is as it was.
    """
    try:
        old = apply_patch(now.data, patch)
    except ValueError as exc:
        raise MetadataError("damaged journal", f"{now.path} cannot be restored: {exc}") from exc
    if hashlib.sha256(old).digest() != hash_before:
        raise MetadataError("damaged journal", f"{now.path} would not come out as it was, so it is left alone")
    replace(now.path, old, now.data, mtime_ns=now.mtime_ns, keep_times=True, new_mtime_ns=mtime_ns)


def take_away(now: FileNow) -> None:
    """Delete a file that phototag had created.

    Raises:
        MetadataError: it changed meanwhile or cannot be deleted.
    """
    remove(now.path, now.data)
