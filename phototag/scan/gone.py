"""Photos the walk did not list in, those that no longer exist forgotten: never those of a disk that is not there."""

import logging
import os
from collections.abc import Iterator, Sequence

from phototag.index import Known
from phototag.records import Forgotten, Missing
from phototag.scan.job import Job, Seen

_log = logging.getLogger(__name__)


def forget_gone(roots: Sequence[str], job: Job, seen: Seen) -> Iterator[Forgotten | Missing]:
    """Drop what no longer exists; leave alone what may only be unmounted."""
    gone: list[int] = []
    for root in map(os.path.abspath, roots):
        missing: dict[str, int] = {}
        folders: set[str] = set()
        for known in _unseen(root, job, seen):
            if known.number in seen.moved or not is_absent(known.ref.path):
                continue
            suspect = _unmounted(known.ref.path, root)
            if suspect is None:
                gone.append(known.number)
            else:
                missing[suspect] = missing.get(suspect, 0) + 1
                folders.add(os.path.dirname(known.ref.path))
        job.index.note_missing(root, folders)
        for folder, count in missing.items():
            yield Missing(folder, count)
    job.index.forget(gone)
    if gone:
        yield Forgotten(len(gone))


def _unseen(root: str, job: Job, seen: Seen) -> Iterator[Known]:
    """Photos known at or below a root that the walk did not list."""
    inside = os.path.join(root, "")
    yield from (known for known in seen.unlisted if known.ref.path.startswith(inside))
    unvisited = [folder for folder in job.index.folders_below(root) if folder not in seen.folders]
    for folder in unvisited:
        yield from job.index.known_in(folder, job.model).values()


def is_absent(path: str) -> bool:
    """Whether there is certainly no such file; an unreadable folder or a stalled share is not certainty."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as exc:
        _log.warning("%s: cannot tell whether it still exists: %s", path, exc.strerror)
    return False


def _unmounted(path: str, root: str) -> str | None:
    """The folder whose emptiness or absence makes a photo's absence doubtful; None where there is no doubt.

    The nearest folder above the photo that exists says it: when it is empty, it may be the mount point of a disk that
    is not there; when it lies above the root, the root itself is not there.
    """
    folder = os.path.dirname(path)
    while is_absent(folder):
        folder = os.path.dirname(folder)
    if not os.path.join(folder, "").startswith(os.path.join(root, "")):
        return root
    try:
        with os.scandir(folder) as entries:
            return None if any(entries) else folder
    except OSError:
        return folder
