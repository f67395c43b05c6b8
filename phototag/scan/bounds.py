"""Selected photos in, the same out as long as the owner's bounds on time and number allow."""

import time
from collections.abc import Iterable, Iterator

from phototag.records import Failed, Unchanged
from phototag.scan.job import Job, Seen, Work


def within_bounds(
    items: Iterable[Work | Unchanged | Failed], job: Job, seen: Seen
) -> Iterator[Work | Unchanged | Failed]:
    """Hand on until the time is up or enough photos have been looked at, and note in `seen` what ended it."""
    looked_at = 0
    for item in items:
        if job.until is not None and time.monotonic() >= job.until:
            seen.stopped = "time"
            return
        if isinstance(item, Work):
            if looked_at == job.max_photos:
                seen.stopped = "photos"
                return
            looked_at += 1
        yield item
