"""What a walk came upon in, the photos to look at out: new ones, and those not as the last scan left them."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby

from phototag.errors import TOO_LONG
from phototag.index import Known
from phototag.records import Failed, PhotoRef, Unchanged
from phototag.scan.familiar import Familiar
from phototag.scan.job import Job, Seen, Work


def select(found: Iterable[Sequence[PhotoRef | Failed]], job: Job, seen: Seen) -> Iterator[Work | Unchanged | Failed]:
    """Leave out the photos that are as the last scan left them.

    Args:
        found: from `walk_folders`.
        job: what to scan for.
        seen: gets what the walk came upon.
    """
    familiar, rescan = Familiar(job), job.rescan
    for folder, lists in groupby(found, key=_Folders().of):
        items = chain.from_iterable(lists)
        if not folder:
            yield from _failures(items, seen)
            continue
        seen.folders.add(folder)
        while seen.leftovers and not job.dry_run:
            job.writer.clean(seen.leftovers.pop())
        glances = job.index.glances_in(folder, job.model, job.decision, write=job.write)
        edited = _edited(folder, seen.sidecars.pop(folder, None), job)
        known: dict[str, Known] | None = None
        name_at = len(os.path.join(folder, ""))
        unchanged = failed_before = 0
        for item in items:
            if isinstance(item, Failed):
                yield from _failures([item], seen)
                continue
            name = item.path[name_at:]
            is_settled = glances.pop(name, None) == (item.size_bytes, item.mtime_ns, True)
            if is_settled and not rescan and name not in edited:
                unchanged += 1
                continue
            is_edited = is_settled and name in edited
            if known is None:  # of most folders a glance is enough
                known = job.index.known_in(folder, job.model)
            before = known.get(name) or familiar.moved(item, seen)
            if before is not None and not is_edited and _is_unchanged(before, item, job):
                unchanged += 1
                failed_before += before.failure is not None
            else:
                yield Work(item, before, familiar.is_size_known(item))
        if glances:  # not met by the walk
            known = known or job.index.known_in(folder, job.model)
            seen.unlisted.extend(known[name] for name in glances if name in known)
        if unchanged:
            yield Unchanged(folder, unchanged, failed_before)


def _edited(folder: str, sidecars: dict[str, int] | None, job: Job) -> set[str]:
    """The photos whose sidecars, or what may be such, have changed since this model last looked, by name."""
    if not sidecars:
        return set()
    now_ns = time.time_ns()  # a time to come is that of a wrong clock: it would be younger than every look
    times = {name: mtime_ns // 10**9 for name, mtime_ns in sidecars.items() if mtime_ns <= now_ns}
    return {
        name
        for name, decided_s in job.index.decided_in(folder, job.model).items()
        if max(times.get(name, 0), times.get(name.rpartition(".")[0], 0)) > decided_s
    }


class _Folders:
    """Tells the folder of each list of a walk. What failed goes with the photos before it: each folder is met once."""

    def __init__(self) -> None:
        self._last = ""

    def of(self, items: Sequence[PhotoRef | Failed]) -> str:
        """The folder's path; empty for what failed before there was a photo."""
        photo = next((item for item in items if isinstance(item, PhotoRef)), None)
        if photo is not None:
            self._last = os.path.dirname(photo.path)
        return self._last


def _failures(items: Iterable[PhotoRef | Failed], seen: Seen) -> Iterator[Failed]:
    for item in items:
        if isinstance(item, Failed):
            if item.reason == TOO_LONG:
                seen.silent.append(item.ref.path)
            yield item


def _is_unchanged(before: Known, now: PhotoRef, job: Job) -> bool:
    if job.rescan or before.pending or before.ref != now:
        return False
    if before.failure is not None:
        return not job.retry_failed
    if before.undone:  # the owner took its words back: only another verdict, or --rescan, gives it words again
        return before.decision == job.decision
    return before.decision == job.decision and not (job.write and before.where == "index")
