"""Folders in, `Tagged | Failed | Unchanged` out: the whole way of a photo through phototag, on one screen.

    walk → select → decode → embed → decide → write metadata → index

Decoding runs ahead in threads. Everything that embeds, writes and remembers runs a batch at a time, in order, while the
next is decoded; the photos of a batch are written side by side, for half of a write is waiting for the disk. Stopping
loses at most two batches of work and never a photo.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial

from threadpoolctl import threadpool_limits

from phototag.journal import Recorder
from phototag.records import Event, Failed, Stopped, Tagged
from phototag.scan.ahead import decode_ahead
from phototag.scan.bounds import within_bounds
from phototag.scan.finishing import finish_batch
from phototag.scan.gone import forget_gone
from phototag.scan.job import Job, Ready, Seen
from phototag.scan.reclaiming import reclaim
from phototag.scan.selecting import select
from phototag.scan.threads import Threads
from phototag.walk import walk_folders

__all__ = ["Job", "scan"]


def scan(roots: Sequence[str], job: Job) -> Iterator[Event]:
    """Tag every new or changed photo at or below `roots`.

    Photos come in the order of the walk, a batch at a time; a photo is remembered before it is yielded.

    Raises:
        PhotoTagError: the run cannot go on: the index or the model fails, or the disk is full.
    """
    seen = Seen()
    recorder = Recorder(job.index, job.writer, "scan", job.model, roots)
    with closing(Threads(1, job.timeout_s, "disk", "no answer")) as disk:
        seen.patiently = disk.call
        yield from _look_at_all(roots, job, seen, recorder)
        if seen.stopped is not None:
            yield Stopped(seen.stopped)
        elif not job.dry_run and job.only is None:
            yield from forget_gone(roots, job, seen)
            reclaim(job)
    if not job.dry_run:
        recorder.finish()


def _look_at_all(roots: Sequence[str], job: Job, seen: Seen, recorder: Recorder) -> Iterator[Event]:
    """Every photo's way, from the walk to the index."""
    batch: list[Ready] = []
    under_way: Future[list[Tagged | Failed]] | None = None
    with (  # leaving the pools waits for the batch under way
        threadpool_limits(1, user_api="blas"),  # its threads wait for work by spinning, on cores that decode
        ThreadPoolExecutor(1, thread_name_prefix="finish") as finishing,
        ThreadPoolExecutor(job.workers, thread_name_prefix="write") as writing,
    ):
        finish = partial(finish_batch, job=job, seen=seen, recorder=recorder, writing=writing)
        found = walk_folders(roots, seen.leftovers, job.only, seen.patiently, seen.sidecars)
        for item in decode_ahead(within_bounds(select(found, job, seen), job, seen), job):
            if isinstance(item, Ready):
                batch.append(item)
            else:
                yield item
            if batch and len(batch) >= job.backbone.batch_size:
                if under_way is not None:
                    yield from under_way.result()
                under_way = finishing.submit(finish, batch)
                batch = []
        if under_way is not None:
            yield from under_way.result()
        yield from finishing.submit(finish, batch).result()
