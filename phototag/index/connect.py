"""A path in, an SQLAlchemy engine on phototag's own SQLite file out, and transactions on it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from phototag.index.database import options_for
from phototag.index.sqlite import SqliteDialect
from phototag.index.sqlitefile import connect_to, find_file, in_words


class SqliteFile:
    """An SQLite file as a `Database`."""

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self._path = path.absolute()
        self._engine = open_engine(self._path, readonly=readonly)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads."""
        with border(self._path), start_reading(self._engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes."""
        with border(self._path), start_writing(self._engine) as connection:
            yield connection

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()


def open_engine(path: Path, *, readonly: bool) -> Engine:
    """Open the index file; see `find_file` for what that means and raises."""
    uri = find_file(path, readonly=readonly)
    return create_engine(
        "sqlite://",
        creator=lambda: connect_to(uri, readonly=readonly),
        poolclass=QueuePool,
        execution_options=options_for(SqliteDialect()),
    )


@contextmanager
def border(path: Path) -> Iterator[None]:
    """Let no error of SQLite's through but in phototag's words."""
    try:
        yield
    except DBAPIError as exc:
        raise in_words(path, exc.orig) from exc
    except sqlite3.Error as exc:
        raise in_words(path, exc) from exc


@contextmanager
def start_writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: waits for its turn at once, not halfway; all of it is kept or nothing."""
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextmanager
def start_reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that reads: all of its queries see the same moment, and block nobody."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection
