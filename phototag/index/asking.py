"""A query in, its answer out, on a bare SQLite connection: what `phototag search` needs of an index and no more.

SQLAlchemy takes three times as long to import as all of the rest of a search takes, so it is kept off this path.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phototag.index import Hit, Sort, searching
from phototag.index.sqlitefile import bare_border, connect_to, find_file


class SqliteSearch:
    """See the `Search` protocol for what the methods promise; every one raises `IndexFileError` or `DiskError`."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._connection = connect_to(find_file(self._path, readonly=True), readonly=True)
        self._closed = False

    def search(self, query: str, limit: int | None = None, offset: int = 0, sort: Sort = "score") -> Iterator[Hit]:
        """Photos that match, as of the moment the first one is asked for; streamed."""
        with self._reading() as connection:
            yield from searching.search(connection, query, limit, offset, sort)

    def count(self, query: str) -> int:
        """How many photos match."""
        with self._reading() as connection:
            return searching.count_matches(connection, query)

    def suggest(self, query: str) -> dict[str, tuple[str, ...]]:
        """The words of a query that no photo has, with the known words most like them."""
        with self._reading() as connection:
            return searching.suggest(connection, query)

    def words(self, begin: str, limit: int) -> list[str]:
        """Words that photos carry and that begin so."""
        with self._reading() as connection:
            return searching.words_like(connection, begin, limit)

    def close(self) -> None:
        """Release the file."""
        self._closed = True
        self._connection.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """All queries of one question see the same moment; a question within another sees the same."""
        with bare_border(self._path):
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                if not self._closed:  # who has seen enough may leave a question half answered
                    self._connection.rollback()
