"""Folders in, the folders in which something changed out, as it happens; a folder that vanishes is waited for."""

import os
import time
from collections.abc import Callable, Iterator, Sequence

from phototag.walk import PHOTO_SUFFIXES

_TICK_S = 2.0
_DEBOUNCE_MS = 1_600
_STEP_MS = 100
_GONE_POLL_S = 2.0


def changed_folders(roots: Sequence[str], *, poll: bool, tell: Callable[[str], None]) -> Iterator[set[str] | None]:
    """Watch folders for ever.

    Args:
        roots: what to watch, at any depth; they are there.
        poll: look at every file again and again, for shares whose changes the system does not tell of.
        tell: gets a line when a folder vanishes and when it is back.

    Yields:
        Folders in which photos came or changed; an empty set every few seconds; None when a folder that had vanished
        is back: anything may have changed.
    """
    from watchfiles import watch

    while True:
        before = [_identity(root) for root in roots]
        try:
            for changes in watch(
                *roots,
                watch_filter=lambda _change, path: _concerns_photos(path),
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                rust_timeout=int(_TICK_S * 1000),
                yield_on_timeout=True,
                force_polling=poll or None,
                ignore_permission_denied=True,
            ):
                if [_identity(root) for root in roots] != before:
                    break
                yield {folder for _, path in changes for folder in _folders_of(path)}
        except FileNotFoundError:  # it vanished before it could be watched
            pass
        gone = [root for root in roots if _identity(root) is None]
        for root in gone:
            tell(f"{root} is gone: waiting until it is back")
        while any(_identity(root) is None for root in roots):
            time.sleep(_GONE_POLL_S)
            yield set()
        for root in gone:
            tell(f"{root} is back")
        yield None


def _identity(root: str) -> tuple[int, int] | None:
    """Which folder it is: another disk mounted there is another one."""
    try:
        status = os.stat(root)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _concerns_photos(path: str) -> bool:
    name = os.path.basename(path)
    _, dot, suffix = name.rpartition(".")
    return not name.startswith(".") and ((bool(dot) and suffix.lower() in PHOTO_SUFFIXES) or os.path.isdir(path))


def _folders_of(path: str) -> Iterator[str]:
    """The folder of a photo; of a folder that came, it and all below."""
    if os.path.isdir(path):
        for folder, _, _ in os.walk(path):
            yield os.path.realpath(folder)
    else:
        yield os.path.realpath(os.path.dirname(path))
