"""Photos the walk did not list in, those that no longer exist forgotten: never those of a disk that is not there."""

import logging
import os
from collections.abc import Iterator, Sequence

from phototag.errors import UnreadableError
from phototag.index import Known
from phototag.records import Forgotten, Missing
from phototag.scan.job import Job, Seen
from phototag.walk import Patiently, at_once

_log = logging.getLogger(__name__)


def forget_gone(roots: Sequence[str], job: Job, seen: Seen) -> Iterator[Forgotten | Missing]:
    """Drop what no longer exists; leave alone what may only be unmounted."""
    gone: list[int] = []
    for root in map(os.path.abspath, roots):
        missing: dict[str, int] = {}
        folders: set[str] = set()
        for known in _unseen(root, job, seen):
            path = known.ref.path
            if known.number in seen.moved:
                continue
            try:
                absent, suspect = seen.patiently(_look_for, path, root)
            except UnreadableError as exc:
                _log.warning("%s: %s; whatever else is gone from %s, a later scan forgets", path, exc.detail, root)
                break
            if absent and suspect is None:
                gone.append(known.number)
            elif absent and suspect is not None:
                missing[suspect] = missing.get(suspect, 0) + 1
                folders.add(os.path.dirname(path))
        else:
            job.index.note_missing(root, folders)
        for folder, count in missing.items():
            yield Missing(folder, count)
    job.index.forget(gone)
    if gone:
        yield Forgotten(len(gone))


def _unseen(root: str, job: Job, seen: Seen) -> Iterator[Known]:
    """Photos known at or below a root that the walk did not list, but for those in folders that do not answer."""
    inside = os.path.join(root, "")
    silent = tuple(os.path.join(folder, "") for folder in seen.silent)
    listed = (known for known in seen.unlisted if known.ref.path.startswith(inside))
    yield from (known for known in listed if not known.ref.path.startswith(silent))
    unvisited = [folder for folder in job.index.folders_below(root) if folder not in seen.folders]
    for folder in unvisited:
        if not os.path.join(folder, "").startswith(silent):
            yield from job.index.known_in(folder, job.model).values()


def is_absent(path: str, patiently: Patiently = at_once) -> bool:
    """Whether there is certainly no such file; an unreadable folder or a stalled share is not certainty."""
    try:
        patiently(os.lstat, path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except UnreadableError as exc:
        _log.warning("%s: cannot tell whether it still exists: %s", path, exc.detail)
    except OSError as exc:
        _log.warning("%s: cannot tell whether it still exists: %s", path, exc.strerror)
    return False


def _look_for(path: str, root: str) -> tuple[bool, str | None]:
    """Whether a photo is certainly not there, and what makes its absence doubtful: see `_unmounted`."""
    return (True, _unmounted(path, root)) if is_absent(path) else (False, None)


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
