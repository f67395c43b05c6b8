"""A file's new bytes in, the file replaced whole or not at all; what a killed process leaves behind is removed.

The new bytes go into a hidden file in the same folder, are made durable, get the old file's mode, owner, times and
extended attributes, and take its name in one step. At every moment the name leads to the old bytes or the new ones.
Where many files are replaced, each is staged and put in its place by itself, and each folder is synced once.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from phototag.errors import DiskError, MetadataError
from phototag.metadata.direct import write_all
from phototag.records import FileRead

_LEFTOVER = re.compile(r"\.phototag-(\d+)-[0-9a-f]{8}\.tmp")
_STALE_AFTER_S = 3600
"""A write takes seconds: a temporary file older than an hour is nobody's, even if its process number lives again."""

_CHUNK = 1 << 18
_QUIET_NS = 60 * 10**9
"""A file changed later than this before it was read may have been changed again without another time: clocks of file
systems tick in up to two seconds, and what a program writes into memory it has mapped gets its time from the next
write-back, after half a minute."""

_COARSE_NS = 10_000_000
"""File systems whose times are whole hundredths of a second keep no change time of their own, or lose it (FAT, exFAT,
HFS+, SFTP)."""

_BINARY = getattr(os, "O_BINARY", 0)
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Staged:
    """A file's new bytes, durable under another name.

    Attributes:
        target: the file that is to be replaced or created.
        temporary: where the new bytes are.
        original: the old file as it was read; None: there must be none.
        before: what the file system said of the old file when its attributes were copied.
        after: what it said of the new one then.
        mtime_ns: the modification time that the old one must still have; None: any.
    """

    target: str
    temporary: str
    original: FileRead | bytes | None
    before: os.stat_result | None
    after: os.stat_result
    mtime_ns: int | None


def replace(
    target: str,
    data: bytes,
    original: FileRead | bytes | None,
    *,
    mtime_ns: int | None,
    keep_times: bool,
    new_mtime_ns: int | None = None,
) -> os.stat_result:
    """Replace or create a file atomically and durably: `stage`, `put` and `sync_folder`.

    Returns:
        What the file system says of the new file.

    Raises:
        MetadataError: the target changed since, or cannot be replaced; it is as it was.
        DiskError: the disk is full or over quota; the target is as it was.
    """
    staged = stage(target, data, original, mtime_ns=mtime_ns, keep_times=keep_times, new_mtime_ns=new_mtime_ns)
    now = put(staged)
    sync_folder(os.path.dirname(target))
    return now


def stage(
    target: str,
    data: bytes,
    original: FileRead | bytes | None,
    *,
    mtime_ns: int | None,
    keep_times: bool,
    new_mtime_ns: int | None = None,
) -> Staged:
    """Make a file's new bytes durable beside it. To be followed by `put` or `discard`.

    Args:
        target: the file, not a symbolic link.
        data: its new bytes.
        original: the bytes it must still have, or the file as it was read; None: it must not exist.
        mtime_ns: the modification time it must still have; None: any.
        keep_times: whether the new file keeps the old one's times.
        new_mtime_ns: the modification time it gets with `keep_times`; None: the old one's.

    Raises:
        MetadataError: the folder cannot be written, or the target is gone; nothing is left beside it.
        DiskError: the disk is full or over quota; nothing is left beside the target.
    """
    temporary = os.path.join(os.path.dirname(target), f".phototag-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    mode = 0o666 if original is None else 0o600  # a new file gets what the user's umask leaves
    with _in_words(target):
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
        try:
            try:
                before = _write(handle, target, data, original is not None, keep_times, new_mtime_ns)
                after = os.fstat(handle)
            finally:
                os.close(handle)
        except BaseException:
            _unlink(temporary)
            raise
    return Staged(target, temporary, original, before, after, mtime_ns)


def put(staged: Staged) -> os.stat_result:
    """Let the new bytes take the target's name, if nobody has written it since; the folder is not synced.

    Returns:
        What the file system says of the new file.

    Raises:
        MetadataError: the target changed since, or cannot be replaced; it is as it was.
        DiskError: the disk is full or over quota; the target is as it was.
    """
    with _in_words(staged.target):
        try:
            _require_unchanged(staged.target, staged.original, staged.before, staged.mtime_ns, staged.after)
            os.replace(staged.temporary, staged.target)
        except BaseException:
            discard(staged)
            raise
        return os.stat(staged.target)


def discard(staged: Staged) -> None:
    """Drop new bytes that are not wanted any more."""
    _unlink(staged.temporary)


def sync_folder(folder: str) -> None:
    """Make new names durable. The files are in place by now: a file system that cannot do this changes nothing."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_same_file(before: os.stat_result, now: os.stat_result) -> bool:
    """Whether the file system says the same of a file as it did before, but for when it was last read."""
    return _identity(before) == _identity(now)


def remove(target: str, original: bytes) -> None:
    """Delete a file durably.

    Args:
        target: the file, not a symbolic link.
        original: the bytes it must still have.

    Raises:
        MetadataError: it changed since, or cannot be deleted; it is as it was.
    """
    try:
        before = os.lstat(target)
        _require_unchanged(target, original, before, None)
        os.unlink(target)
        sync_folder(os.path.dirname(target))
    except OSError as exc:
        raise MetadataError("not writable", f"{target}: {exc.strerror}") from exc


def clean_leftovers(folder: str) -> int:
    """Remove the temporary files that killed processes left in a folder; those of a living process stay.

    Returns:
        How many were removed. A folder that cannot be read holds none.
    """
    removed = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _LEFTOVER.fullmatch(entry.name)
            if match and _is_nobodys(entry, int(match[1])):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
                    removed += 1
    return removed


def _write(
    handle: int, target: str, data: bytes, exists: bool, keep_times: bool, new_mtime_ns: int | None
) -> os.stat_result | None:
    """Fill the temporary file and make it durable, attributes included; returns what the target is like."""
    write_all(handle, data)
    before = os.lstat(target) if exists else None
    if before is not None:
        _copy_attributes(handle, target, before)
        if keep_times:
            mtime_ns = before.st_mtime_ns if new_mtime_ns is None else new_mtime_ns
            os.utime(handle, ns=(before.st_atime_ns, mtime_ns))
    os.fsync(handle)
    return before


def _copy_attributes(handle: int, target: str, before: os.stat_result) -> None:
    """Owner, mode and extended attributes (access lists among them), as far as this user may set them."""
    if sys.platform != "win32":
        with contextlib.suppress(PermissionError):
            os.fchown(handle, before.st_uid, before.st_gid)
        os.fchmod(handle, stat.S_IMODE(before.st_mode))
    if sys.platform == "linux":
        for name in _attribute_names(target):
            with contextlib.suppress(OSError):  # security labels are the system's to give
                os.setxattr(handle, name, os.getxattr(target, name))


def _attribute_names(target: str) -> list[str]:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a file system without extended attributes
            return os.listxattr(target)
    return []


def _require_unchanged(
    target: str,
    original: FileRead | bytes | None,
    before: os.stat_result | None,
    mtime_ns: int | None,
    made: os.stat_result | None = None,
) -> None:
    """Check, as late as can be, that nobody has written the target since it was read.

    Its bytes are compared, unless its change time proves that they are the same; see `_is_proved_unchanged`.
    """
    changed = MetadataError("changed meanwhile", f"{target} was written by another program: scan again")
    if original is None or before is None:
        if os.path.lexists(target):
            raise changed
        return
    data = original if isinstance(original, bytes) else original.data
    handle = os.open(target, os.O_RDONLY | _BINARY)  # to open it makes a network share look at the file anew
    with open(handle, "rb", buffering=0) as file:
        now = os.fstat(handle)
        if not _is_alike(before, now) or now.st_size != len(data) or mtime_ns not in {None, now.st_mtime_ns}:
            raise changed
        if not isinstance(original, bytes) and _is_proved_unchanged(original, now, made):
            return
        rest = memoryview(data)
        while chunk := file.read(_CHUNK):
            if rest[: len(chunk)] != chunk:
                raise changed
            rest = rest[len(chunk) :]
    if rest or not _is_alike(now, os.lstat(target)):
        raise changed


def _is_proved_unchanged(read: FileRead, now: os.stat_result, made: os.stat_result | None) -> bool:
    """Whether a file must have the bytes that were read, by its change time, which no program can set.

    That holds where the file was at rest when it was read, and where the file system does keep such a time: the file
    made beside it, whose modification time has been set back, has a change time of its own, later than the old one's.
    """
    return (
        sys.platform != "win32"  # there it is the time of creation
        and made is not None
        and is_same_file(read.status, now)
        and read.read_ns - max(now.st_ctime_ns, now.st_mtime_ns) > _QUIET_NS
        and now.st_ctime_ns % _COARSE_NS != 0
        and made.st_dev == now.st_dev
        and made.st_ctime_ns > max(made.st_mtime_ns, now.st_ctime_ns)
    )


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_alike(before: os.stat_result, now: os.stat_result) -> bool:
    """Whether the file system says the same of a file but for its change time, which new attributes and links move."""
    return (before.st_ino, before.st_size, before.st_mtime_ns) == (now.st_ino, now.st_size, now.st_mtime_ns)


@contextmanager
def _in_words(target: str) -> Iterator[None]:
    """Let no error of the system's through but in phototag's words."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _DISK_FULL:
            folder = os.path.dirname(target)
            raise DiskError(f"cannot write in {folder}: {exc.strerror}; make room and run again") from exc
        raise MetadataError("not writable", f"{target}: {exc.strerror}") from exc


def _unlink(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)


def _is_nobodys(entry: os.DirEntry[str], pid: int) -> bool:
    try:
        is_stale = time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_AFTER_S
    except OSError:
        return False
    return is_stale or not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # a signal of any number would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
