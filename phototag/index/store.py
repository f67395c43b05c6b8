"""The `Index` on an SQLite file: each method one transaction, its work done in `writing`, `reading` and `searching`."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from phototag.index import Entry, Hit, Known, TagCount, reading, searching, writing
from phototag.index.connect import border, open_engine, start_reading, start_writing
from phototag.records import Failed, PhotoRef, Tagged

_FOLDERS_AT_ONCE = 1_000


class SqliteIndex:
    """See the `Index` protocol for what the methods promise; every one raises `IndexFileError` or `DiskError`."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self._path = path.absolute()
        self._engine = open_engine(self._path, readonly=readonly)

    def known_in(self, folder: str, model: str) -> dict[str, Known]:
        """The photos known directly in a folder, by file name."""
        with border(self._path), start_reading(self._engine) as connection:
            return reading.known_in(connection, folder, model)

    def known_by_content(self, content_hash: bytes, model: str) -> list[Known]:
        """Photos whose bytes were these when last seen."""
        with border(self._path), start_reading(self._engine) as connection:
            return reading.known_by_content(connection, content_hash, model)

    def folders_below(self, root: str) -> Iterator[str]:
        """Every folder at or below `root` in which photos are known; streamed, in order."""
        last: bytes | None = None
        while True:  # a transaction a page: the caller may forget photos while it goes through them
            with border(self._path), start_reading(self._engine) as connection:
                page = reading.folders_after(connection, root, last, _FOLDERS_AT_ONCE)
            yield from map(os.fsdecode, page)
            if len(page) < _FOLDERS_AT_ONCE:
                return
            last = page[-1]

    def intend(self, ref: PhotoRef, model: str, added: frozenset[str], moved_from: int | None = None) -> None:
        """Note that a write is about to begin; committed on return."""
        with border(self._path), start_writing(self._engine) as connection:
            writing.intend(connection, ref, model, added, moved_from)

    def remember(self, results: Sequence[Tagged | Failed], model: str, decision: str) -> None:
        """Record a batch in one transaction."""
        if results:
            with border(self._path), start_writing(self._engine) as connection:
                writing.remember(connection, results, model, decision, int(time.time()))

    def forget(self, numbers: Sequence[int]) -> None:
        """Drop photos that no longer exist."""
        if numbers:
            with border(self._path), start_writing(self._engine) as connection:
                writing.forget(connection, numbers)

    def search(self, query: str, limit: int | None = None, offset: int = 0) -> Iterator[Hit]:
        """Photos that match, best first, as of the moment the first one is asked for; streamed."""
        with border(self._path), start_reading(self._engine) as connection:
            yield from searching.search(connection, query, limit, offset)

    def suggest(self, query: str) -> dict[str, tuple[str, ...]]:
        """The words of a query that no photo has, with the known words most like them."""
        with border(self._path), start_reading(self._engine) as connection:
            return searching.suggest(connection, query)

    def entry(self, path: str) -> Entry | None:
        """All that is known of one photo."""
        with border(self._path), start_reading(self._engine) as connection:
            return reading.entry(connection, path)

    def tags(self) -> Iterator[TagCount]:
        """Every word with its count, most frequent first."""
        with border(self._path), start_reading(self._engine) as connection:
            yield from reading.count_tags(connection)

    def photo_count(self, root: str | None = None) -> int:
        """How many photos are known, at or below `root` if given."""
        with border(self._path), start_reading(self._engine) as connection:
            return reading.photo_count(connection, root)

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()
