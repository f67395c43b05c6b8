"""Literal statements in, rows out, the way of SQLite: handed to Python's own driver, past SQLAlchemy.

No SQLAlchemy here: a search does without it.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

_ROWS_A_STATEMENT = 100


class SqliteDialect:
    """See `Dialect`."""

    def fetch(self, driver: sqlite3.Connection, query: str, values: Sequence[Any]) -> list[Any]:
        """All rows of a query: SQLAlchemy's rows would cost more than SQLite takes to find them."""
        return driver.execute(query, tuple(values)).fetchall()

    def run_many(self, driver: sqlite3.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of many rows."""
        driver.executemany(statement, rows)

    def insert_many(self, driver: sqlite3.Connection, insert: str, rows: Sequence[Sequence[Any]], then: str) -> None:
        """Insert rows, a hundred by a statement: half of what one by one they would cost."""
        row = f"({','.join('?' * len(rows[0]))})"
        whole = len(rows) - len(rows) % _ROWS_A_STATEMENT
        statement = f"{insert} VALUES {','.join([row] * _ROWS_A_STATEMENT)} {then}"
        for at in range(0, whole, _ROWS_A_STATEMENT):
            driver.execute(statement, list(chain.from_iterable(rows[at : at + _ROWS_A_STATEMENT])))
        driver.executemany(f"{insert} VALUES {row} {then}", rows[whole:])

    def words_holding(self, driver: sqlite3.Connection, normal: str, prefix: str) -> list[tuple[int, str]]:
        """Tags that hold a word. What reaches FTS5 is quoted, and holds no quote: the normal form keeps none."""
        wanted = f'"{prefix}" * OR "{normal}" *' if prefix else f'"{normal}"'
        query = "SELECT rowid, normal FROM tags_fts WHERE tags_fts MATCH ? ORDER BY rowid"
        return self.fetch(driver, query, (wanted,))
