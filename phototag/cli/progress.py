"""Events of a scan in, a bar on the terminal out."""

import os
import threading
from collections.abc import Sequence
from typing import Any

import click
from tqdm import tqdm

from phototag.cli.text import shown
from phototag.records import Event, Failed, PhotoRef, Tagged, Unchanged, Waiting

_FOLDER_MOST = 30
"""Characters of a folder's path that the bar shows: its end says more than its beginning."""


class Progress:
    """A bar with rate, time left and the current folder on a terminal; nothing elsewhere."""

    def __init__(self, folders: Sequence[str], *, visible: bool) -> None:
        self._bar: tqdm[Any] = tqdm(
            unit=" photos", smoothing=0.05, dynamic_ncols=True, disable=not visible, leave=False
        )
        if visible:  # listing is much faster than looking, so the total is known soon
            threading.Thread(target=self._count, args=(folders,), daemon=True).start()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self, event: Event) -> None:
        """Move on by what an event stands for."""
        if isinstance(event, Unchanged):
            self._bar.set_postfix_str(_short(event.folder), refresh=False)
            self._bar.update(event.count)
        elif isinstance(event, Tagged | Failed | Waiting):
            self._bar.set_postfix_str(_short(os.path.dirname(event.ref.path)), refresh=False)
            self._bar.update()

    def write(self, line: str) -> None:
        """Print a line of results without tearing the bar."""
        self._bar.clear()
        click.echo(line)

    def _count(self, folders: Sequence[str]) -> None:
        from phototag.walk import walk

        self._bar.total = sum(isinstance(item, PhotoRef) for item in walk(folders))


def _short(folder: str) -> str:
    path = shown(folder)
    return path if len(path) <= _FOLDER_MOST else f"…{path[1 - _FOLDER_MOST :]}"
