"""Events of a scan in, a bar on the terminal out."""

import threading
from collections.abc import Sequence
from typing import Any

import click
from tqdm import tqdm

from phototag.records import Event, Failed, PhotoRef, Tagged, Unchanged, Waiting


class Progress:
    """A bar with rate and time left on a terminal; nothing elsewhere."""

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
            self._bar.update(event.count)
        elif isinstance(event, Tagged | Failed | Waiting):
            self._bar.update()

    def write(self, line: str) -> None:
        """Print a line of results without tearing the bar."""
        self._bar.clear()
        click.echo(line)

    def _count(self, folders: Sequence[str]) -> None:
        from phototag.walk import walk

        self._bar.total = sum(isinstance(item, PhotoRef) for item in walk(folders))
