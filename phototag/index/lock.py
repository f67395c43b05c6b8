"""One scan at a time on an index: the lock beside it, which the operating system drops with the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from phototag.errors import IndexFileError, LockedError


@contextmanager
def scan_lock(index: Path) -> Iterator[None]:
    """Hold the lock of an index.

    Raises:
        LockedError: another scan holds it.
        IndexFileError: the lock file cannot be made beside the index.
    """
    lock = FileLock(index.with_name(index.name + ".lock"))
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as exc:
        raise LockedError(f"another scan is at work on the index {index}; it goes on, this one leaves") from exc
    except OSError as exc:
        raise IndexFileError(f"no lock can be made beside the index {index}: {exc.strerror or exc}") from exc
    try:
        yield
    finally:
        lock.release()
