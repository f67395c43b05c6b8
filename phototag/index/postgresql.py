"""A server's URL in, a PostgreSQL database that holds an index out: its schema made, its errors put into words.

Importing this needs psycopg; `open_index` says so where it is missing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from phototag.errors import DiskError, IndexFileError, OtherIndexError, PhotoTagError, UnreachableError
from phototag.index.database import options_for
from phototag.index.extent import Extent
from phototag.records import Server

_MIGRATIONS = Path(__file__).parent / "migrations" / "postgresql"
_BUSY_TIMEOUT_S = 30
_CONNECT_TIMEOUT_S = 10
_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
"""A server that is gone without a word, as when a cable is pulled, is given up after a minute, not after two hours."""

_ROWS_A_STATEMENT = 100
_LEXEME_MOST = 400
"""A lexeme's longest, in characters: in UTF-8 a tsvector takes 2,046 bytes."""

TRUSTED = (
    ("photo_tags", "source_id", "sources"),
    ("photo_tags", "tag_id", "tags"),
    ("verdicts", "source_id", "sources"),
    ("verdicts", "decision_id", "decisions"),
    ("photos", "camera_id", "cameras"),
    ("photos", "lens_id", "lenses"),
)
"""Columns of many rows that refer to a table from which nobody deletes: the server does not look at each."""

WRITING, SCANNING = 0x50485447, 0x50485453
"""Advisory locks, one each for a schema: under the first a transaction writes, under the second a scan is at work."""

HERE = "to_regnamespace(quote_ident(current_schema()))::oid::int4"
"""The number of the schema that the index is in."""


class PostgresDialect:
    """See `Dialect`. Values are bound by the server, and rows come as bytes and numbers and not as text."""

    def fetch(self, driver: "psycopg.Connection[Any]", query: str, values: Sequence[Any]) -> list[Any]:
        """All rows of a query."""
        return _cursor(driver).execute(_numbered(query), tuple(values), binary=True).fetchall()

    def run_many(self, driver: "psycopg.Connection[Any]", statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of many rows; they travel together."""
        _cursor(driver).executemany(_numbered(statement), rows)

    def insert_many(
        self, driver: "psycopg.Connection[Any]", insert: str, width: int, rows: Iterable[Sequence[Any]], then: str
    ) -> None:
        """Insert rows: by COPY, or a hundred by a statement where there is more to say."""
        cursor = _cursor(driver)
        if not then:
            with cursor.copy(f"COPY {insert.removeprefix('INSERT INTO ')} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks, every = f"({','.join('?' * width)})", iter(rows)
        while some := list(islice(every, _ROWS_A_STATEMENT)):
            statement = _numbered(f"{insert} VALUES {','.join([marks] * len(some))} {then}")
            cursor.execute(statement, tuple(chain.from_iterable(some)))

    def words_holding(self, driver: "psycopg.Connection[Any]", normal: str, prefix: str) -> list[tuple[int, str]]:
        """Tags that hold a word. What reaches the server is quoted, and holds no quote: the normal form keeps none."""
        query = "SELECT id, normal FROM tags WHERE lexemes @@ CAST(? AS TSQUERY) ORDER BY id"
        wanted = f"{_phrase(prefix, ':*')} | {_phrase(normal, ':*')}" if prefix else _phrase(normal)
        sought = [f" {prefix}", f" {normal}"] if prefix else [f" {normal} "]
        found = self.fetch(driver, query, (wanted,))
        # A lexeme that was cut, or a place beyond the last, says less than the word itself.
        return [(number, text) for number, text in found if any(some in f" {text} " for some in sought)]

    def words_differ(self, driver: "psycopg.Connection[Any]") -> str:
        """Nothing: the server keeps `lexemes` in step with each row."""
        return ""

    def renew_words(self, driver: "psycopg.Connection[Any]") -> None:
        """Nothing to do."""

    def damage(self, driver: "psycopg.Connection[Any]") -> list[str]:
        """Rows that belong to one that is not there, where the server lets them; its disk is its own matter."""
        lost = "SELECT FROM {} WHERE {} IS NOT NULL AND NOT EXISTS (SELECT FROM {} WHERE id = {}) LIMIT 1"
        return [
            f"a row of {table} belongs to one of {parent} that is not there"
            for table, column, parent in TRUSTED
            if self.fetch(driver, lost.format(table, column, parent, column), ())
        ]

    def extent(self, driver: "psycopg.Connection[Any]") -> Extent:
        """What the schema's tables take."""
        query = (
            "SELECT (SELECT version FROM phototag_schema), sum(pg_total_relation_size(oid))::int8 FROM pg_class "
            "WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind = 'r'"
        )
        ((version, size_bytes),) = self.fetch(driver, query, ())
        return Extent(version, size_bytes, None)


class Postgres:
    """A database on a server, or one schema in it, as a `Database`; `prepare` it first."""

    def __init__(self, server: Server) -> None:
        self._name = str(server)
        try:
            url = make_url(server.url).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError) as exc:
            raise IndexFileError(
                f"{self._name} is no URL of a database: postgresql+psycopg://USER@HOST/DATABASE"
            ) from exc
        given = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "phototag", **_ALIVE}
        settings = {key: value for key, value in given.items() if key not in url.query}
        self._engine = create_engine(
            url,
            pool_pre_ping=True,
            connect_args={**settings, "client_encoding": "UTF8"},
            execution_options=options_for(PostgresDialect()),
        )
        event.listen(self._engine, "connect", _without_jit)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def prepare(self, *, readonly: bool) -> None:
        """Make the schema, or renew an older one; to read, see that it is there."""
        with self.reading() as connection:
            version = self._version(connection)
        newest = migrations()[-1][0]
        if version is None and readonly:
            raise IndexFileError(f"there is no index yet ({self._name}): run `phototag scan DIR` first")
        if version == newest:
            return
        if readonly:
            raise OtherIndexError(
                f"the index {self._name} was made by an older phototag: run `phototag scan` once to renew it"
            )
        with self.writing() as connection:  # another process may have been quicker
            version = self._version(connection) or 0
            driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
            for step, script in migrations():
                if step > version:
                    driver.execute(script.encode())
                    driver.execute("UPDATE phototag_schema SET version = %s", (step,))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads."""
        with self._connected(self._reading) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes: one at a time, so that none fails for another's sake."""
        with self._connected(self._engine) as connection, connection.begin():
            wait = f"SET LOCAL lock_timeout = '{_BUSY_TIMEOUT_S}s'; SELECT pg_advisory_xact_lock({WRITING}, {HERE})"
            connection.exec_driver_sql(wait)
            yield connection

    @contextmanager
    def scanning(self) -> Iterator[bool]:
        """Hold the lock of scans, which goes with the connection; whether it was to be had."""
        automatic = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with self._connected(automatic) as connection:
            wanted = f"SELECT pg_try_advisory_lock({SCANNING}, {HERE})"
            held = bool(connection.exec_driver_sql(wanted).scalar_one())
            try:
                yield held
            finally:
                if held:
                    connection.invalidate()  # closed, and not kept for another: the lock goes with it

    def is_made(self) -> bool:
        """Whether an index has been made there."""
        with self.reading() as connection:
            return self._version(connection) is not None

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def _version(self, connection: Connection) -> int | None:
        """The schema's version; None: there is nothing yet."""
        query = (
            "SELECT current_schema(), current_setting('server_encoding'), to_regclass('phototag_schema') IS NOT NULL, "
            "to_regclass('photos') IS NOT NULL OR to_regclass('tags') IS NOT NULL"
        )
        schema, encoding, ours, others = connection.exec_driver_sql(query).one()
        if schema is None:
            raise IndexFileError(f"{self._name} has no schema that this user may use: GRANT USAGE, CREATE ON SCHEMA")
        if encoding != "UTF8":
            raise IndexFileError(f"the database {self._name} holds {encoding}: make one with ENCODING 'UTF8'")
        if not ours:
            if others:
                raise OtherIndexError(f"{self._name} is another program's database: name one of phototag's own")
            return None
        version = int(connection.exec_driver_sql("SELECT version FROM phototag_schema").scalar_one())
        newest = migrations()[-1][0]
        if version > newest:
            raise OtherIndexError(
                f"the index {self._name} has version {version}, this phototag knows up to {newest}: "
                "install a newer phototag"
            )
        return version

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        """A connection, which lets no error of the server's through but in phototag's words."""
        try:
            connection = engine.connect()
        except (DBAPIError, psycopg.Error) as exc:
            _, error, gone = _told(exc)
            raise (UnreachableError if gone else IndexFileError)(
                f"the index {self._name} cannot be reached ({error}): check that the server runs, the URL, and the "
                "password (PGPASSWORD or ~/.pgpass keep it out of the URL)"
            ) from exc
        try:
            with connection:
                yield connection
        except (DBAPIError, psycopg.Error) as exc:
            raise self._in_words(exc) from exc

    def _in_words(self, exc: DBAPIError | psycopg.Error) -> PhotoTagError:
        """What went wrong on a connection."""
        state, error, gone = _told(exc)
        if gone:
            return UnreachableError(
                f"the server of the index {self._name} has hung up ({error}): what was finished is kept; run the same "
                "again when it is back"
            )
        if state == "53100":
            return DiskError(f"the disk of the server is full: the index {self._name} cannot grow; make room there")
        if state == "55P03":
            return IndexFileError(
                f"the index {self._name} has been in use by another program for {_BUSY_TIMEOUT_S} s: try later"
            )
        if state == "42501":
            return IndexFileError(f"the index {self._name} may not be used so by this user ({error}): GRANT the right")
        return IndexFileError(f"the index {self._name} cannot be used: {error}")


def _told(exc: DBAPIError | psycopg.Error) -> tuple[str, str, bool]:
    """The server's code of what is wrong, its words, and whether nobody is there (08, or 57P: it shuts down)."""
    own = exc.orig if isinstance(exc, DBAPIError) else exc
    state = str(getattr(own, "sqlstate", None) or "")
    gone = state.startswith(("08", "57P")) or (not state and isinstance(own, psycopg.OperationalError))
    return state, " ".join(str(own).split()), gone


def _without_jit(driver: "psycopg.Connection[Any]", _record: object) -> None:
    """No query here runs long enough to be worth compiling; the server cannot know, and would take 100 ms for it."""
    driver.autocommit = True
    driver.execute("SET jit = off")
    driver.autocommit = False


def migrations() -> list[tuple[int, str]]:
    """Number and script of every migration, in order."""
    return sorted(
        (int(file.name.partition("_")[0]), file.read_text(encoding="utf-8")) for file in _MIGRATIONS.glob("*.sql")
    )


def _cursor(driver: "psycopg.Connection[Any]") -> "psycopg.RawCursor[TupleRow]":
    return psycopg.RawCursor(driver)


@lru_cache(maxsize=256)
def _numbered(statement: str) -> str:
    """A statement with the server's marks for its parameters: "? and ?" and "?1 and ?2" give "$1 and $2"."""
    count = 0

    def mark(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${match[1] or count}"

    return re.sub(r"\?(\d*)", mark, statement)


def _phrase(normal: str, end: str = "") -> str:
    """Words that stand side by side, as a tsquery; what is longer than a lexeme may be is cut, as in the schema."""
    return "(" + " <-> ".join(f"'{token[:_LEXEME_MOST]}'" for token in normal.split()) + end + ")"
