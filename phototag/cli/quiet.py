"""Silence for libraries that write to standard error what is not for the user."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_STDERR = 2


@contextmanager
def quiet_native() -> Iterator[None]:
    """Send to the null device what C libraries write to file descriptor 2, while Python's `sys.stderr` goes on.

    libtiff and LibRaw print lines for every oddity of a damaged file, without its name. The descriptor belongs to the
    whole process, so a command does this once, before it configures its log and starts its threads. Where `sys.stderr`
    is not descriptor 2, nothing is done.
    """
    python_stderr = sys.stderr
    if not _is_descriptor_2(python_stderr):
        yield
        return
    python_stderr.flush()
    kept = os.dup(_STDERR)
    with open(os.devnull, "w") as null:
        os.dup2(null.fileno(), _STDERR)
    try:
        with open(
            kept, "w", encoding=python_stderr.encoding, errors="backslashreplace", buffering=1, closefd=False
        ) as out:
            sys.stderr = out
            yield
    finally:
        sys.stderr = python_stderr
        os.dup2(kept, _STDERR)
        os.close(kept)


def _is_descriptor_2(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.fileno() == _STDERR
    except io.UnsupportedOperation:
        return False


def tells_no_interruption(record: logging.LogRecord) -> bool:
    """Keeps back what a library complains of when Ctrl-C or SIGTERM breaks it off: the command says that it stopped."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, KeyboardInterrupt)
