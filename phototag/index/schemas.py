"""An index on a server in, a schema beside it for its successor out, whose tables change places with the old ones.

Tables are moved from schema to schema, by one transaction that is over in a moment: whoever reads meanwhile sees the
old index or the new one, and waits no longer than that. Importing this needs psycopg.
"""

import re
import time
from datetime import datetime
from typing import Any, TypeAlias

import psycopg
from psycopg.errors import LockNotAvailable
from sqlalchemy import make_url

from phototag.errors import IndexFileError
from phototag.index.postgresql import HERE, SCANNING, Postgres
from phototag.records import Place, Server

_PATIENCE_S = 600
_TRY_MS = 200
"""So long a try for the locks may hold up readers: not as long as `deadlock_timeout`, or the server breaks one off."""

_Driver: TypeAlias = "psycopg.Connection[Any]"

_WHERE = """
SELECT coalesce(ours.relnamespace::regnamespace::text, quote_ident(current_schema())),
    coalesce(ours.relnamespace, to_regnamespace(quote_ident(current_schema())))::int8,
    CASE WHEN NOT pg_has_role(ours.relowner, 'USAGE') THEN pg_get_userbyid(ours.relowner) END
FROM (SELECT to_regclass('phototag_schema') AS number) AS one
LEFT JOIN pg_class AS ours ON ours.oid = one.number
"""

_PARTS = """
SELECT CASE relkind WHEN 'r' THEN 'TABLE' ELSE 'VIEW' END, quote_ident(relname) FROM pg_class
WHERE relnamespace = to_regnamespace(%(schema)s) AND relkind IN ('r', 'v')
UNION ALL
SELECT 'FUNCTION', format('%%I(%%s)', proname, pg_get_function_identity_arguments(oid)) FROM pg_proc
WHERE pronamespace = to_regnamespace(%(schema)s)
"""

_LOCK_HOLDER = f"""
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND locktype = 'advisory' AND granted
    AND classid = {SCANNING} AND objid = {HERE}::oid
"""

_GRANTS = """
SELECT format('GRANT %%s ON %%s TO %%s', string_agg(privilege_type, ', '), new.oid::regclass,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
FROM pg_class AS old
JOIN pg_class AS new ON new.relname = old.relname AND new.relkind = old.relkind, aclexplode(old.relacl)
WHERE old.relnamespace = to_regnamespace(%(old)s) AND new.relnamespace = to_regnamespace(%(new)s)
    AND old.relkind IN ('r', 'v') AND grantee <> old.relowner
GROUP BY new.oid, grantee
"""


class Schema:
    """See `Successor`: a schema of the same database, named after the number of the one that the index is in."""

    def __init__(self, server: Server, database: Postgres) -> None:
        self._server = server
        self._database = database
        try:
            self._made = database.is_made()  # another program's tables are not touched
            with database.reading() as connection:
                self._home, number, owner = connection.exec_driver_sql(_WHERE).one()
                self._holder = connection.exec_driver_sql(_LOCK_HOLDER).scalar()
            if owner is not None:
                raise IndexFileError(f"the index {server} belongs to the user {owner}: rebuild it as that one")
            self._part = f"phototag_rebuilding_{number}"
            self._drop()
            with database.writing() as connection:
                connection.exec_driver_sql(f"CREATE SCHEMA {self._part}")
        except BaseException:
            database.close()
            raise
        self.place: Place = _in_schema(server, self._part)

    def take_over(self) -> Place | None:
        """Move the old index into a schema of its own, named after the day, and the new one to where it was."""
        aside = f"{re.sub(r'[^a-z0-9]', '_', self._home.lower())[:40]}_{datetime.now():%Y%m%d_%H%M%S}"
        with self._database.writing() as connection:
            if connection.exec_driver_sql(_LOCK_HOLDER).scalar() != self._holder:
                raise IndexFileError(
                    f"the server of the index {self._server} let go of the scan's lock meanwhile (a restart?), so that "
                    "a scan may have begun: the index stays as it was; rebuild it again"
                )
            driver: _Driver = connection.connection.driver_connection  # type: ignore[assignment]
            new, there = _parts(driver, self._part), _parts(driver, self._home)
            # Else the first searches would be planned as if nothing were known of the tables, until autovacuum comes.
            driver.execute(f"ANALYZE {_listed(self._part, new)}".encode())
            if self._made:
                old = [part for part in there if part in new]
                self._lock(driver, _listed(self._home, old))
                driver.execute(f"CREATE SCHEMA {aside}".encode())
                for (grant,) in driver.execute(_GRANTS, {"old": self._home, "new": self._part}).fetchall():
                    driver.execute(grant.encode())
                _move(driver, old, self._home, aside)
            _move(driver, new, self._part, self._home)
        return _in_schema(self._server, aside) if self._made else None

    def clear(self) -> None:
        """Drop the schema, with what it still holds, and let go of the server."""
        try:
            self._drop()
        finally:
            self._database.close()

    def _lock(self, driver: _Driver, tables: str) -> None:
        """Wait until nobody reads the tables, in tries that each hold up others for no longer than a moment."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with driver.transaction():
                    driver.execute(f"SET LOCAL lock_timeout = {_TRY_MS}".encode())
                    driver.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE".encode())
                return
            except LockNotAvailable as exc:
                if time.monotonic() > end:
                    raise IndexFileError(
                        f"the index {self._server} is being read by another program, for longer than {_PATIENCE_S} s: "
                        "it stays as it was; rebuild it when that (pg_dump?) is over"
                    ) from exc
                time.sleep(_TRY_MS / 1000)

    def _drop(self) -> None:
        with self._database.writing() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {self._part} CASCADE")


def _parts(driver: _Driver, schema: str) -> list[tuple[str, str]]:
    """What a schema holds: the kind and the name of each."""
    return driver.execute(_PARTS, {"schema": schema}).fetchall()


def _listed(schema: str, parts: list[tuple[str, str]]) -> str:
    """The tables among them, as SQL lists them."""
    return ", ".join(f"{schema}.{name}" for kind, name in parts if kind == "TABLE")


def _move(driver: _Driver, parts: list[tuple[str, str]], old: str, new: str) -> None:
    """Move tables with all that belongs to them, views and functions to another schema."""
    for kind, name in parts:
        driver.execute(f"ALTER {kind} {old}.{name} SET SCHEMA {new}".encode())


def _in_schema(server: Server, schema: str) -> Server:
    """The same database, but another schema of it."""
    url = make_url(server.url)
    given = url.query.get("options", ())
    options = " ".join([*((given,) if isinstance(given, str) else given), f"-csearch_path={schema}"])
    return Server(url.update_query_dict({"options": options}).render_as_string(hide_password=False))
