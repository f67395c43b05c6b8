"""A path in, an SQLAlchemy engine on phototag's own SQLite file out, and transactions on it."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from phototag.index.database import options_for
from phototag.index.sqlite import SqliteDialect
from phototag.index.sqlitefile import connect_to, find_file, in_words

_MOVED_ON_ROWS = 2_500
"""After so many changed rows what was committed is moved on: about the thousand pages that SQLite itself takes."""

_LOG_MOST_PAGES = 16_384
"""Were the log to grow to 64 MB all the same, the next commit would move it on itself, and take as long as it does."""


class SqliteFile:
    """An SQLite file as a `Database`.

    What was committed is moved from the write-ahead log into the file by a thread of its own, while its owner goes on:
    the thread waits for the disk, which a commit then need not.
    """

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self._path = path.absolute()
        self._engine = open_engine(self._path, readonly=readonly)
        self._mover = ThreadPoolExecutor(1, "phototag log")
        self._moving: Future[None] | None = None
        self._changed_rows = 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads."""
        with border(self._path), start_reading(self._engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes."""
        with border(self._path), start_writing(self._engine) as connection:
            driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
            before = driver.total_changes
            yield connection
            changed = driver.total_changes - before
        self._changed_rows += changed
        if self._changed_rows >= _MOVED_ON_ROWS and (self._moving is None or self._moving.done()):
            self._changed_rows, self._moving = 0, self._mover.submit(self._move_on)

    def close(self) -> None:
        """Release the file."""
        self._mover.shutdown()
        self._engine.dispose()

    def _move_on(self) -> None:
        """Move on what no reader still needs in the log; if it cannot be, it waits there for the next time."""
        with suppress(sqlite3.Error, DBAPIError), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")


def open_engine(path: Path, *, readonly: bool) -> Engine:
    """Open the index file; see `find_file` for what that means and raises."""
    uri = find_file(path, readonly=readonly)

    def connect() -> sqlite3.Connection:
        connection = connect_to(uri, readonly=readonly)
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_MOST_PAGES}")
        return connection

    return create_engine(
        "sqlite://",
        creator=connect,
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
