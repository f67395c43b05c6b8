"""Photos to look at in, decoded photos out: ahead of the rest of the scan, in threads, and in order."""

import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace

from phototag.errors import PhotoError, UnfinishedError, UnreadableError
from phototag.records import Decoded, Embedded, Failed, FileRead, Unchanged, Waiting
from phototag.scan.job import Job, Ready, Work
from phototag.scan.stored import look
from phototag.scan.threads import Threads

_SHELF_BYTES = 96 << 20
"""Nine photos of 24 megapixels, or all of 12 that are under way at a time."""


def decode_ahead(
    items: Iterable[Work | Unchanged | Failed], job: Job
) -> Iterator[Ready | Unchanged | Failed | Waiting]:
    """Decode in threads, at most two batches ahead, and hand everything on in order; what hangs is given up."""
    ahead: deque[tuple[Work, Future[Decoded | Embedded]] | Unchanged | Failed] = deque()
    threads = Threads(job.workers, job.timeout_s, "decode", "neither read nor decoded")
    shelf = _Shelf()
    most = 0  # until there is something to decode, and the network opened that says how much at once
    try:
        for item in items:
            if isinstance(item, Work):
                ahead.append((item, threads.submit(_look, item, job, shelf)))
                most = job.queue
            else:
                ahead.append(item)
            if len(ahead) > most:
                yield _settle(ahead.popleft())
        while ahead:
            yield _settle(ahead.popleft())
    finally:  # also when the caller stops early: nothing new is begun, what is under way ends by itself
        threads.close()


class _Shelf:
    """Room for the files of photos that are on their way: they are kept until they are written, as far as it goes."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a file may go while its thread holds the lock
        self._free_bytes = _SHELF_BYTES

    def holds(self, file: FileRead) -> bool:
        """Keep a file, if there is room; it takes up room until nobody needs it any more."""
        size = len(file.data)
        with self._lock:
            if size > self._free_bytes:
                return False
            self._free_bytes -= size
        weakref.finalize(file, self._give_back, size).atexit = False
        return True

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._free_bytes += size


def _look(work: Work, job: Job, shelf: _Shelf) -> Decoded | Embedded:
    """Look at a photo; where there is no room for its file it is let go, and read again when it is written."""
    found = look(work, job)
    if isinstance(found, Embedded) or found.file is None or shelf.holds(found.file):
        return found
    return replace(found, file=None)


def _settle(item: tuple[Work, Future[Decoded | Embedded]] | Unchanged | Failed) -> Ready | Unchanged | Failed | Waiting:
    if not isinstance(item, tuple):
        return item
    work, future = item
    try:
        return Ready(work, future.result())
    except UnfinishedError:
        return Waiting(work.ref)
    except UnreadableError as exc:  # a fact about this moment, not about the photo: the next run tries again
        return Failed(work.ref, exc.reason, exc.detail)
    except PhotoError as exc:
        return Ready(work, Failed(work.ref, exc.reason, exc.detail))
