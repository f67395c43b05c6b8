"""Paths of photos in, a folder of links to them or of copies out. Nothing that is there is overwritten."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from phototag.errors import DiskError, PhotoTagError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)


def fill_album(album: Path, paths: Iterable[str], *, copy: bool) -> Iterator[tuple[str, OSError | None]]:
    """Put photos into a folder, which is made where it is missing; two of one name become "a.jpg" and "a (2).jpg".

    A photo that is there already from an earlier time is left as it is.

    Yields:
        Each photo's path, and why it could not be put there.

    Raises:
        PhotoTagError: the folder cannot be made.
        DiskError: the disk is full.
    """
    try:
        album.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise PhotoTagError(f"the folder {album} cannot be made: {exc.strerror}") from exc
    for path in paths:
        try:
            _put(album, path, copy=copy)
        except OSError as exc:
            if exc.errno in _NO_ROOM:
                raise DiskError(f"the disk is full: {album} cannot take {path}") from exc
            yield path, exc
        else:
            yield path, None


def _put(album: Path, path: str, *, copy: bool) -> None:
    stem, ending = os.path.splitext(os.path.basename(path))
    for number in count(1):
        target = os.path.join(album, f"{stem} ({number}){ending}" if number > 1 else stem + ending)
        try:
            if copy:
                _copy(path, target)
            else:
                os.symlink(path, target)
        except FileExistsError:
            if _is_there(path, target, copy=copy):
                return
        else:
            return


def _copy(path: str, target: str) -> None:
    with open(path, "rb") as photo, open(target, "xb") as made:  # "x": never in the place of another file
        try:
            shutil.copyfileobj(photo, made)
        except BaseException:
            os.unlink(target)
            raise
    shutil.copystat(path, target)


def _is_there(path: str, target: str, *, copy: bool) -> bool:
    """Whether a file of an album is this very photo; a copy by its size and time, as `rsync` judges."""
    if not copy:
        return os.path.islink(target) and os.readlink(target) == path
    here, there = os.stat(path), os.stat(target)
    return (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)
