"""A path in, the whole file as it was read out, or an `UnreadableError`."""

import os
import stat
import time

from phototag.errors import UndecodableError, UnreadableError
from phototag.records import FileRead

# A FIFO would otherwise block the open until somebody writes to it, and a terminal could take over the process.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def read_file(path: str, max_bytes: int) -> FileRead:
    """Read a regular file into memory, once.

    Raises:
        UnreadableError: vanished, no permission, not a regular file, or an I/O error.
        UndecodableError: empty, or larger than `max_bytes`.
    """
    try:
        with open(os.open(path, _FLAGS), "rb", buffering=0) as file:
            read_ns, status = time.time_ns(), os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("not a regular file")
            if status.st_size > max_bytes:
                raise UndecodableError("too large", f"the file has {status.st_size / 1e6:.0f} MB")
            data = file.readall()
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise UnreadableError("vanished", "the file is no longer there") from exc
    except PermissionError as exc:
        raise UnreadableError("no permission", "let this user read the file") from exc
    except IsADirectoryError as exc:
        raise UnreadableError("not a regular file") from exc
    except OSError as exc:
        raise UnreadableError("cannot be read", exc.strerror or str(exc)) from exc
    if not data:
        raise UndecodableError("empty file")
    return FileRead(data, status, read_ns)
