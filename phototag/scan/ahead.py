"""Photos to look at in, decoded photos out: ahead of the rest of the scan, in threads, and in order."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from phototag.errors import PhotoError, UnfinishedError, UnreadableError
from phototag.records import Decoded, Embedded, Failed, Unchanged, Waiting
from phototag.scan.job import Job, Ready, Work
from phototag.scan.stored import look
from phototag.scan.threads import Threads


def decode_ahead(
    items: Iterable[Work | Unchanged | Failed], job: Job
) -> Iterator[Ready | Unchanged | Failed | Waiting]:
    """Decode in threads, at most two batches ahead, and hand everything on in order; what hangs is given up."""
    ahead: deque[tuple[Work, Future[Decoded | Embedded]] | Unchanged | Failed] = deque()
    threads = Threads(job.workers, job.timeout_s, "decode")
    most = 0  # until there is something to decode, and the network opened that says how much at once
    try:
        for item in items:
            if isinstance(item, Work):
                ahead.append((item, threads.submit(look, item, job)))
                most = 2 * job.backbone.batch_size + job.workers
            else:
                ahead.append(item)
            if len(ahead) > most:
                yield _settle(ahead.popleft())
        while ahead:
            yield _settle(ahead.popleft())
    finally:  # also when the caller stops early: nothing new is begun, what is under way ends by itself
        threads.close()


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
