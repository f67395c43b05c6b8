"""What an index wants of the database it stands on: the one place where SQLite and PostgreSQL differ.

All other modules of this room speak SQL that both understand, with `?` or `?1` for parameters. What only one of them
can do, or does faster in a way of its own, becomes a method of `Dialect` here, and stands in `sqlite` and `postgresql`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from phototag.index.extent import Extent
from phototag.index.sqlite import SqliteDialect

if TYPE_CHECKING:  # a search does without SQLAlchemy, whose import would take longer than all of the search
    from sqlalchemy import Connection

Reader: TypeAlias = "Connection | sqlite3.Connection"
"""What a query can be put to: a transaction of SQLAlchemy's, or a bare one of SQLite's."""

_OPTION = "phototag_dialect"
_SQLITE = SqliteDialect()


class Dialect(Protocol):
    """What is said in one database's own words, on the driver's connection, inside the caller's transaction."""

    def fetch(self, driver: Any, query: str, values: Sequence[Any]) -> list[Any]:
        """All rows of a literal query as plain tuples."""
        ...

    def run_many(self, driver: Any, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a literal statement for each of many rows."""
        ...

    def insert_many(self, driver: Any, insert: str, width: int, rows: Iterable[Sequence[Any]], then: str) -> None:
        """Insert rows of so many columns, at least one; see `rows.insert_many`."""
        ...

    def words_holding(self, driver: Any, normal: str, prefix: str) -> list[tuple[int, str]]:
        """Number and normal form of the tags that hold a word or phrase, by number.

        Args:
            driver: inside the caller's transaction.
            normal: the normal form of what is sought.
            prefix: where words that only begin so are sought too: what was typed, folded; else empty.
        """
        ...

    def words_differ(self, driver: Any) -> str:
        """How what `words_holding` looks through differs from the tags; empty: not at all."""
        ...

    def renew_words(self, driver: Any) -> None:
        """Make what `words_holding` looks through anew."""
        ...

    def damage(self, driver: Any) -> list[str]:
        """What the database itself finds wrong with what it keeps, a line each."""
        ...

    def extent(self, driver: Any) -> Extent:
        """How much the index takes."""
        ...


class Database(Protocol):
    """A database that holds an index of this phototag's version; its errors are `IndexFileError` and `DiskError`."""

    def reading(self) -> AbstractContextManager[Connection]:
        """One transaction that reads: all of its queries see the same moment, and block nobody."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction that writes: waits for its turn at once, not halfway; all of it is kept or nothing."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


def options_for(dialect: Dialect) -> dict[str, Any]:
    """The execution options by which the connections of an engine know their dialect."""
    return {_OPTION: dialect}


def speaking(connection: Reader) -> tuple[Dialect, Any]:
    """What the database behind a connection speaks, and the connection of its driver."""
    if isinstance(connection, sqlite3.Connection):
        return _SQLITE, connection
    return connection.get_execution_options()[_OPTION], connection.connection.driver_connection
