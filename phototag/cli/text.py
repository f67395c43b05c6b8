"""Paths and counts in, text fit for people and for pipes out."""

import os
import sys
from typing import Any


def shown(path: str) -> str:
    """A path for people's eyes: bytes that are not UTF-8 and control characters are spelled out, on one line."""
    readable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in readable)


def write_path(path: str, end: bytes = b"\n") -> None:
    """A path for programs, on stdout: the very bytes the file system has."""
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(path) + end)


def counted(number: int, noun: str, nouns: str = "") -> str:
    """A number and its noun: "1 photo", "12,345 photos"; `nouns` is the plural where it is another than with an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or noun + 's'}"


def rounded(value: Any) -> Any:
    """A figure as JSON shows it: floats to four places."""
    return round(value, 4) if isinstance(value, float) else value


def rough_time(seconds: float) -> str:
    """A time for people, to the unit that matters: "40 s", "12 min", "3.5 h", "2.1 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36 * 3600 else f"{seconds / 86400:.1f} days"
