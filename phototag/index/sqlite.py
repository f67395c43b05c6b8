"""Literal statements in, rows out, the way of SQLite: handed to Python's own driver, past SQLAlchemy.

No SQLAlchemy here: a search does without it.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

from phototag.index.extent import Extent

_ROWS_A_STATEMENT = 100


class SqliteDialect:
    """See `Dialect`."""

    def fetch(self, driver: sqlite3.Connection, query: str, values: Sequence[Any]) -> list[Any]:
        """All rows of a query: SQLAlchemy's rows would cost more than SQLite takes to find them."""
        return driver.execute(query, tuple(values)).fetchall()

    def run_many(self, driver: sqlite3.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of many rows."""
        driver.executemany(statement, rows)

    def insert_many(
        self, driver: sqlite3.Connection, insert: str, width: int, rows: Iterable[Sequence[Any]], then: str
    ) -> None:
        """Insert rows, a hundred by a statement: half of what one by one they would cost."""
        row, most = f"({','.join('?' * width)})", _ROWS_A_STATEMENT * width
        statement = f"{insert} VALUES {','.join([row] * _ROWS_A_STATEMENT)} {then}"
        values = chain.from_iterable(rows)
        while len(some := list(islice(values, most))) == most:
            driver.execute(statement, some)
        rest = [some[at : at + width] for at in range(0, len(some), width)]
        driver.executemany(f"{insert} VALUES {row} {then}", rest)

    def words_holding(self, driver: sqlite3.Connection, normal: str, prefix: str) -> list[tuple[int, str]]:
        """Tags that hold a word. What reaches FTS5 is quoted, and holds no quote: the normal form keeps none."""
        wanted = f'"{prefix}" * OR "{normal}" *' if prefix else f'"{normal}"'
        query = "SELECT rowid, normal FROM tags_fts WHERE tags_fts MATCH ? ORDER BY rowid"
        return self.fetch(driver, query, (wanted,))

    def words_differ(self, driver: sqlite3.Connection) -> str:
        """What FTS5 finds wrong with its index of the words."""
        try:
            driver.execute("INSERT INTO tags_fts (tags_fts, rank) VALUES ('integrity-check', 1)")
        except sqlite3.Error as exc:
            return str(exc)
        return ""

    def renew_words(self, driver: sqlite3.Connection) -> None:
        """Make FTS5's index of the words anew."""
        driver.execute("INSERT INTO tags_fts (tags_fts) VALUES ('rebuild')")

    def damage(self, driver: sqlite3.Connection) -> list[str]:
        """What SQLite finds wrong with its file."""
        lines = [line for (line,) in driver.execute("PRAGMA integrity_check(20)") if line != "ok"]
        told = [f"the file's structure is damaged: {line}" for line in lines]
        lost = driver.execute("PRAGMA foreign_key_check").fetchmany(20)
        return told + [f"a row of {table} belongs to one of {parent} that is not there" for table, _, parent, _ in lost]

    def extent(self, driver: sqlite3.Connection) -> Extent:
        """The file's size, and the pages in it that hold nothing."""

        def one(query: str) -> int:
            return int(driver.execute(query).fetchone()[0])

        page_bytes = one("PRAGMA page_size")
        pages, free = one("PRAGMA page_count"), one("PRAGMA freelist_count")
        return Extent(one("PRAGMA user_version"), pages * page_bytes, free * page_bytes)
