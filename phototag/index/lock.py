"""One scan at a time on an index, held by a lock that goes with the process.

Beside a file it is the operating system's; on a server, for scans of several machines, the server's own.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout, UnixFileLock

from phototag.errors import IndexFileError, LockedError
from phototag.records import Place, Server

_PATIENCE_S = 0.2
"""Enough to try again where the last holder took its lock file away between our opening and locking it."""


@contextmanager
def scan_lock(index: Place) -> Iterator[None]:
    """Hold the lock of an index.

    Raises:
        LockedError: another scan holds it.
        IndexFileError: the lock file cannot be made beside the index, or the server cannot be reached.
    """
    with _on_server(index) if isinstance(index, Server) else _beside(index):
        yield


@contextmanager
def _on_server(index: Server) -> Iterator[None]:
    from phototag.index.opening import open_server

    with closing(open_server(index)) as server, server.scanning() as held:
        if not held:
            raise LockedError(f"another scan is at work on the index {index}; it goes on, this one leaves")
        yield


@contextmanager
def _beside(index: Path) -> Iterator[None]:
    """The lock file is gone afterwards, but for a killed process's, which locks nothing."""
    path = index.with_name(index.name + ".lock")
    lock = FileLock(path)
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_PATIENCE_S, poll_interval=_PATIENCE_S / 10)
    except Timeout as exc:
        raise LockedError(f"another scan is at work on the index {index}; it goes on, this one leaves") from exc
    except OSError as exc:
        raise IndexFileError(f"no lock can be made beside the index {index}: {exc.strerror or exc}") from exc
    held = _identity(path)
    try:
        yield
    finally:
        if isinstance(lock, UnixFileLock) and held == _identity(path):
            _take_away(path)
        lock.release()


def _take_away(path: Path) -> None:
    """Delete the lock file, which only its holder may do, and only before it lets go.

    Whoever has opened it meanwhile gets the lock of a file without a name, sees that (filelock looks for `st_nlink` 0)
    and tries again on a new one; deleted after the release, two processes could each hold "the" lock. On other systems
    filelock deletes it itself.
    """
    with suppress(OSError):  # a folder that cannot be written any more: the file that stays locks nothing
        path.unlink()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file has the name; None: none."""
    with suppress(OSError):
        status = os.stat(path)
        return status.st_dev, status.st_ino
    return None
