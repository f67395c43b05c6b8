"""What a walk came upon in, the photos to look at out: new ones, and those not as the last scan left them."""

import os
from collections.abc import Iterable, Iterator
from itertools import groupby

from phototag.index import Known
from phototag.records import Failed, PhotoRef, Unchanged
from phototag.scan.familiar import Familiar
from phototag.scan.job import Job, Seen, Work


def select(found: Iterable[PhotoRef | Failed], job: Job, seen: Seen) -> Iterator[Work | Unchanged | Failed]:
    """Leave out the photos that are as the last scan left them."""
    familiar = Familiar(job)
    for folder, items in groupby(found, key=_folder_of):
        seen.folders.add(folder)
        known = job.index.known_in(folder, job.model)
        if not job.dry_run and any(photo.pending for photo in known.values()):
            job.writer.clean(folder)
        unchanged = failed_before = 0
        for item in items:
            if isinstance(item, Failed):
                yield item
                continue
            before = known.pop(os.path.basename(item.path), None) or familiar.moved(item, seen)
            if before is not None and _is_unchanged(before, item, job):
                unchanged += 1
                failed_before += before.failure is not None
            else:
                yield Work(item, before, familiar.is_size_known(item))
        seen.unlisted.extend(known.values())
        if unchanged:
            yield Unchanged(folder, unchanged, failed_before)


def _folder_of(item: PhotoRef | Failed) -> str:
    return os.path.dirname((item.ref if isinstance(item, Failed) else item).path)


def _is_unchanged(before: Known, now: PhotoRef, job: Job) -> bool:
    if job.rescan or before.pending or before.ref != now:
        return False
    if before.failure is not None:
        return not job.retry_failed
    if before.undone:  # the owner took its words back: only another verdict, or --rescan, gives it words again
        return before.decision == job.decision
    return before.decision == job.decision and not (job.write and before.where == "index")
