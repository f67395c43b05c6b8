"""A new file's bytes in, written past the system's cache where the file system allows it.

A photo that has been written is not read again soon, so what a cache costs is wasted: the memory for it, finding that
memory, copying into it, and what it pushes out. bench/write.py says how much that is.
"""

import errno
import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_BLOCK = 4096
"""A direct write begins and ends at a multiple of the disk's sectors, in the file and in memory; none are larger."""

_PIECE = 1 << 19
_WORTH = 1 << 18
_NOT_SO = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


def write_all(handle: int, data: bytes) -> None:
    """Write bytes to a file that is open and empty, directly but for the last piece of a block.

    Raises:
        OSError: as `os.write` does.
    """
    rest = memoryview(data)
    if len(data) >= _WORTH:
        rest = rest[_write_directly(handle, rest) :]
    while rest:
        rest = rest[os.write(handle, rest) :]


def _write_directly(handle: int, data: memoryview) -> int:
    """Write whole blocks; returns how many bytes were written, 0 where the file system does not take them so."""
    written = 0
    piece = memoryview(mmap.mmap(-1, _PIECE))  # begins at the beginning of a page
    with _direct(handle) as is_direct:
        while is_direct and (size := min(_PIECE, (len(data) - written) // _BLOCK * _BLOCK)):
            piece[:size] = data[written : written + size]
            try:
                count = os.write(handle, piece[:size])
            except OSError as exc:
                if exc.errno in _NOT_SO:
                    break
                raise
            written += count
            if count != size:  # the disk is nearly full: the ordinary way will say so
                break
    return written


@contextmanager
def _direct(handle: int) -> Iterator[bool]:
    """Let a file be written directly inside the block, if that can be."""
    if sys.platform != "linux":
        yield False
        return
    import fcntl

    flags = fcntl.fcntl(handle, fcntl.F_GETFL)
    try:
        fcntl.fcntl(handle, fcntl.F_SETFL, flags | os.O_DIRECT)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        fcntl.fcntl(handle, fcntl.F_SETFL, flags)
