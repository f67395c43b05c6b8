"""A file's path in, a log in it that turns over by itself out."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from phototag.cli.quiet import tells_no_interruption
from phototag.errors import SettingsError

_MOST_BYTES, _OLD_FILES = 1_000_000, 5
_FORMAT = "%(asctime)s %(levelname)s %(message)s"

LOG = logging.getLogger("phototag.log")
"""What a command tells of itself: goes into the log file alone, for people see it otherwise."""


def start_log(path: Path | None) -> None:
    """Keep a log: what the command tells, and the warnings of all rooms; at most six files of 1 MB.

    Raises:
        SettingsError: the file cannot be written.
    """
    LOG.propagate = False
    LOG.setLevel(logging.INFO)
    if path is None:
        LOG.addHandler(logging.NullHandler())
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path, maxBytes=_MOST_BYTES, backupCount=_OLD_FILES, encoding="utf-8", errors="backslashreplace"
        )
    except OSError as exc:
        raise SettingsError(f"the log {path} cannot be written: {exc.strerror}") from exc
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.addFilter(tells_no_interruption)
    LOG.addHandler(handler)
    logging.getLogger().addHandler(handler)
