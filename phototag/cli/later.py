"""A function that opens something in, a stand-in that calls it when the thing is first used out.

Most nights nothing is new, and then no network, decoder or XML library need be loaded.
"""

import threading
from collections.abc import Callable
from typing import Any


class Later:
    """Stands in for what `open_it` returns; may be used from several threads.

    Args:
        open_it: called at the first use.
        known: attributes that are known beforehand, and for which nothing is opened.
    """

    def __init__(self, open_it: Callable[[], Any], **known: Any) -> None:
        self._open_it = open_it
        self._lock = threading.Lock()
        self._opened: Any = None
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get(), name)

    def __call__(self, *args: Any) -> Any:
        """Call it."""
        return self._get()(*args)

    @property
    def opened(self) -> Any:
        """What was opened; None if nothing was."""
        with self._lock:
            return self._opened

    def open_now(self) -> None:
        """Open it at once, for what is wrong with it to be told at once."""
        self._get()

    def close_later(self) -> None:
        """Close it, if it was ever opened."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()

    def _get(self) -> Any:
        with self._lock:
            if self._opened is None:
                self._opened = self._open_it()
            return self._opened
