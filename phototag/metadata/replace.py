"""A file's new bytes in, the file replaced whole or not at all; what a killed process leaves behind is removed.

The new bytes go into a hidden file in the same folder, are made durable, get the old file's mode, owner, times and
extended attributes, and take its name in one step. At every moment the name leads to the old bytes or the new ones.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
import time
from pathlib import Path

from phototag.errors import DiskError, MetadataError

_LEFTOVER = re.compile(r"\.phototag-(\d+)-[0-9a-f]{8}\.tmp")
_STALE_AFTER_S = 3600
"""A write takes seconds: a temporary file older than an hour is nobody's, even if its process number lives again."""

_CHUNK = 1 << 20
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def replace(
    target: str,
    data: bytes,
    original: bytes | None,
    *,
    mtime_ns: int | None,
    keep_times: bool,
    new_mtime_ns: int | None = None,
) -> os.stat_result:
    """Replace or create a file atomically and durably.

    Args:
        target: the file, not a symbolic link.
        data: its new bytes.
        original: the bytes it must still have; None: it must not exist.
        mtime_ns: the modification time it must still have; None: any.
        keep_times: whether the new file keeps the old one's times.
        new_mtime_ns: the modification time it gets with `keep_times`; None: the old one's.

    Returns:
        What the file system says of the new file.

    Raises:
        MetadataError: the target changed since, or cannot be replaced; it is as it was.
        DiskError: the disk is full or over quota; the target is as it was.
    """
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".phototag-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        mode = 0o666 if original is None else 0o600  # a new file gets what the user's umask leaves
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        try:
            try:
                before = _write(handle, target, data, original is not None, keep_times, new_mtime_ns)
            finally:
                os.close(handle)
            _require_unchanged(target, original, before, mtime_ns)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)
        return os.stat(target)
    except OSError as exc:
        if exc.errno in _DISK_FULL:
            raise DiskError(f"cannot write in {folder}: {exc.strerror}; make room and run again") from exc
        raise MetadataError("not writable", f"{target}: {exc.strerror}") from exc


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
        _sync_folder(os.path.dirname(target))
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
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
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
    target: str, original: bytes | None, before: os.stat_result | None, mtime_ns: int | None
) -> None:
    """Check, as late as can be, that nobody has written the target since it was read."""
    changed = MetadataError("changed meanwhile", f"{target} was written by another program: scan again")
    if original is None or before is None:
        if os.path.lexists(target):
            raise changed
        return
    if before.st_size != len(original) or mtime_ns not in {None, before.st_mtime_ns}:
        raise changed
    rest = memoryview(original)
    with Path(target).open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            if rest[: len(chunk)] != chunk:
                raise changed
            rest = rest[len(chunk) :]
    now = os.lstat(target)
    if rest or (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
        raise changed


def _sync_folder(folder: str) -> None:
    """Make the new name durable. The file is in place by now: a file system that cannot do this changes nothing."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
