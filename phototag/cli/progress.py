"""Events of a scan, or photos that are learned from, in, a bar on the terminal out."""

import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.text import shown
from phototag.records import Event, Failed, PhotoRef, Tagged, Unchanged, Waiting

if TYPE_CHECKING:
    from tqdm import tqdm

_FOLDER_MOST = 30
"""Characters of a folder's path that the bar shows: its end says more than its beginning."""


class Progress:
    """A bar with rate, time left and the current folder on a terminal; nothing elsewhere."""

    def __init__(self, folders: Sequence[str], *, visible: bool) -> None:
        self._bar = _open_bar() if visible else None
        if self._bar is not None:  # listing is much faster than looking, so the total is known soon
            threading.Thread(target=_count, args=(folders, self._bar), daemon=True).start()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, event: Event) -> None:
        """Move on by what an event stands for."""
        if self._bar is None:
            return
        if isinstance(event, Unchanged):
            self._bar.set_postfix_str(_short(event.folder), refresh=False)
            self._bar.update(event.count)
        elif isinstance(event, Tagged | Failed | Waiting):
            self._bar.set_postfix_str(_short(os.path.dirname(event.ref.path)), refresh=False)
            self._bar.update()

    def write(self, line: str) -> None:
        """Print a line of results without tearing the bar."""
        if self._bar is not None:
            self._bar.clear()
        click.echo(line)


class LearningProgress:
    """A bar for the photos that are looked at to learn from, and what is done with them; only on a terminal."""

    def __init__(self, *, visible: bool) -> None:
        self._bar = _open_bar() if visible and sys.stderr.isatty() else None

    def __enter__(self) -> "LearningProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, more: int, total: int) -> None:
        """Move on by some photos of all of them."""
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(more)

    def tell(self, what: str) -> None:
        """Say what is being done."""
        if self._bar is not None:
            self._bar.set_description_str(what)


def _open_bar() -> "tqdm[Any]":
    from tqdm import tqdm

    return tqdm(unit=" photos", smoothing=0.05, dynamic_ncols=True, leave=False)


def _count(folders: Sequence[str], bar: "tqdm[Any]") -> None:
    from phototag.walk import walk

    bar.total = sum(isinstance(item, PhotoRef) for item in walk(folders))


def _short(folder: str) -> str:
    path = shown(folder)
    return path if len(path) <= _FOLDER_MOST else f"…{path[1 - _FOLDER_MOST :]}"
