"""An index in, a place for the one that is to follow it out, which takes its place once it is filled.

Beside a file that is another file, on a server another schema of the same database. The old index is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from phototag.errors import DiskError, IndexFileError
from phototag.records import Place, Server

_BESIDE = ("-wal", "-shm")


class Successor(Protocol):
    """The place of an index that is to follow another.

    Attributes:
        place: where it is to be made.
    """

    place: Place

    def take_over(self) -> Place | None:
        """Put the new index, which nobody has open, in the old one's place; where that is now, None: there was none.

        Raises:
            IndexFileError: it cannot be; the old index is where it was.
        """
        ...

    def clear(self) -> None:
        """Take away what has not taken over."""
        ...


@contextmanager
def successor_of(index: Place) -> Iterator[Successor]:
    """Make room for an index that is to follow another, whose scan's lock the caller holds.

    What has not taken over at the end is taken away; what a killed process left, the next time.

    Raises:
        IndexFileError: the server cannot be reached, or what is there is not phototag's or not this user's.
    """
    successor = _schema(index) if isinstance(index, Server) else _File(index)
    try:
        yield successor
    finally:
        with suppress(IndexFileError, DiskError):  # a server that is gone is told of already
            successor.clear()


def _schema(index: Server) -> Successor:
    from phototag.index.opening import open_server

    database = open_server(index)  # says so where psycopg is missing
    from phototag.index.schemas import Schema

    return Schema(index, database)


class _File:
    def __init__(self, index: Path) -> None:
        self._index = index
        self.place: Place = index.with_name(index.name + ".rebuilding")
        self._part = self.place
        self.clear()

    def take_over(self) -> Place | None:
        """Rename the files."""
        aside = None
        if self._index.exists():
            aside = self._index.with_name(f"{self._index.name}.{datetime.now():%Y%m%d-%H%M%S}")
            for end in (*_BESIDE, ""):  # a log that stayed would be taken for the new file's
                with suppress(FileNotFoundError):
                    self._index.with_name(self._index.name + end).rename(aside.with_name(aside.name + end))
        self._part.replace(self._index)
        return aside

    def clear(self) -> None:
        """Delete the files."""
        for end in ("", *_BESIDE):
            self._part.with_name(self._part.name + end).unlink(missing_ok=True)
