"""An index in, what it holds out; its file made smaller, and copied while a scan writes."""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from phototag.errors import IndexFileError
from phototag.index import is_there
from phototag.index.blocks import Kind
from phototag.index.connect import border, open_engine
from phototag.index.database import speaking
from phototag.index.opening import open_database
from phototag.index.rows import fetch
from phototag.index.sqlitefile import find_file
from phototag.records import Place, Server


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A model that has decided on photos of the index.

    Attributes:
        name: the model's.
        photos: how many it has decided on.
        latest: when it last did, ISO 8601, UTC.
    """

    name: str
    photos: int
    latest: str


@dataclass(frozen=True, slots=True)
class Description:
    """What an index holds.

    Attributes:
        path: the file, or the server's URL.
        version: of the schema.
        photos: known ones.
        failed: those that could not be handled when they were last visited.
        folders: in which photos are known.
        words: different ones that photos carry.
        runs: in the journal.
        journal_bytes: what it takes to take them back.
        size_bytes: the file's, or what it takes on the server.
        free_bytes: of these, what `vacuum` would give back; None: a server sees to that itself.
        log_bytes: SQLite's write-ahead log beside it; None: a server has its own.
        beside: names and sizes in bytes of other files that belong to it, such as vectors.
        models: those that have decided, the latest first.
    """

    path: str
    version: int
    photos: int
    failed: int
    folders: int
    words: int
    runs: int
    journal_bytes: int
    size_bytes: int
    free_bytes: int | None
    log_bytes: int | None
    beside: tuple[tuple[str, int], ...]
    models: tuple[ModelUse, ...]


def describe(place: Place, beside: Path) -> Description:
    """Say what an index holds.

    Args:
        place: the index.
        beside: what files that belong to it are named after.

    Raises:
        IndexFileError: there is none, or it is damaged, older or newer, or cannot be reached.
    """
    with closing(open_database(place, readonly=True)) as database, database.reading() as connection:
        return _describe(connection, place, beside)


def disk_bytes(place: Place, beside: Path) -> int:
    """What an index and the files that belong to it take."""
    files = sum(file.stat().st_size for file in beside.parent.glob(f"{beside.name}*"))
    if isinstance(place, Path):
        return files
    with closing(open_database(place, readonly=True)) as database, database.reading() as connection:
        dialect, driver = speaking(connection)
        return files + dialect.extent(driver).size_bytes


def vacuum(place: Place) -> tuple[int, int]:
    """Write the file anew without holes; its size in bytes before and after. The caller holds the scan's lock.

    Raises:
        IndexFileError: as `describe`, or in use by another program, or on a server.
        DiskError: no room for the second copy that this takes for a moment.
    """
    path = _file(place, "PostgreSQL clears up by itself (autovacuum); VACUUM FULL in psql gives room back to its disk")
    if not is_there(path):
        raise IndexFileError(f"there is no index yet ({path}): run `phototag scan DIR` first")
    before = path.stat().st_size
    engine = open_engine(path, readonly=False)
    try:
        with border(path), engine.connect() as connection:
            connection.exec_driver_sql("INSERT INTO tags_fts (tags_fts) VALUES ('optimize')")
            connection.exec_driver_sql("PRAGMA temp_store = FILE")  # the second copy is as large as the index
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA optimize")
    finally:
        engine.dispose()
    return before, path.stat().st_size


def backup(place: Place, target: Path, *, replace: bool = False) -> int:
    """Copy the index as of one moment, while others write; the copy's size in bytes.

    The copy is made beside the target, synced, and only then given its name.

    Raises:
        IndexFileError: there is no index, the target exists and is not to be replaced, it cannot be written, or the
            index is on a server.
        DiskError: the disk is full.
    """
    path = _file(place, "`pg_dump -Fc DATABASE` copies it, `pg_restore` brings it back")
    if target.resolve() == path.resolve():
        raise IndexFileError(f"{target} is the index itself: name another file")
    if target.exists() and not replace:
        raise IndexFileError(f"{target} is there already: name another file, or replace it with --force")
    uri = find_file(path.absolute(), readonly=True)  # says what is wrong with an index that cannot be copied
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with border(target), closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)  # all at once: in WAL mode this holds up nobody
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as exc:
        raise IndexFileError(f"{target} cannot be written: {exc.strerror or exc}") from exc
    finally:
        with suppress(OSError):  # nothing can have been made where nothing can be removed
            part.unlink(missing_ok=True)
    return target.stat().st_size


def _file(place: Place, instead: str) -> Path:
    if isinstance(place, Path):
        return place
    raise IndexFileError(f"the index {place} is on a server: {instead}")


def _describe(connection: Connection, place: Place, beside: Path) -> Description:
    def one(query: str) -> int:
        ((value,),) = fetch(connection, query)
        return int(value)

    latest = (
        "SELECT name, count(*), max(decided_at) FROM verdicts JOIN sources ON sources.id = source_id "
        "GROUP BY sources.id ORDER BY max(decided_at) DESC, name"
    )
    models = [
        ModelUse(name, count, datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds"))
        for name, count, moment in fetch(connection, latest)
    ]
    dialect, driver = speaking(connection)
    extent = dialect.extent(driver)
    log = beside.with_name(beside.name + "-wal")
    others = sorted(beside.parent.glob(f"{beside.name}.*vectors*"))
    return Description(
        path=str(place),
        version=extent.version,
        photos=one("SELECT count(*) FROM photos"),
        failed=one("SELECT count(*) FROM photos WHERE failure IS NOT NULL"),
        folders=one("SELECT count(*) FROM folders"),
        words=one(f"SELECT count(DISTINCT value) FROM postings WHERE kind IN ({Kind.KEYWORD:d}, {Kind.TAG:d})"),
        runs=one("SELECT count(*) FROM runs"),
        journal_bytes=one("SELECT coalesce(sum(length(patch)), 0) FROM writes"),
        size_bytes=extent.size_bytes,
        free_bytes=extent.free_bytes,
        log_bytes=None if isinstance(place, Server) else log.stat().st_size if log.exists() else 0,
        beside=tuple((other.name, other.stat().st_size) for other in others),
        models=tuple(models),
    )
