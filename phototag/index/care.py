"""The index's file in, what it holds and whether it is whole out; made smaller, and copied while a scan writes."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from phototag.errors import IndexFileError
from phototag.index import postings
from phototag.index.blocks import BLOCK, BLOCK_BITS, Kind, Places, State, places_in
from phototag.index.connect import border, open_engine, start_reading
from phototag.index.rows import fetch
from phototag.index.words import normal_form

_SCORED = (Kind.KEYWORD, Kind.TAG)
_Sets: TypeAlias = dict[tuple[int, int], tuple[int, bytes]]
"""What a block's postings say: by kind and value the photos, and for words the scores too."""


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
        path: the file.
        version: of the schema.
        photos: known ones.
        failed: those that could not be handled when they were last visited.
        folders: in which photos are known.
        words: different ones that photos carry.
        runs: in the journal.
        journal_bytes: what it takes to take them back.
        size_bytes: the file's.
        free_bytes: of these, what `vacuum` would give back.
        log_bytes: SQLite's write-ahead log beside it.
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
    free_bytes: int
    log_bytes: int
    beside: tuple[tuple[str, int], ...]
    models: tuple[ModelUse, ...]


def describe(path: Path) -> Description:
    """Say what an index holds.

    Raises:
        IndexFileError: there is none, or it is damaged, older or newer.
    """
    engine = open_engine(path, readonly=True)
    try:
        with border(path), start_reading(engine) as connection:
            return _describe(connection, path)
    finally:
        engine.dispose()


def check(path: Path, *, repair: bool = False) -> Iterator[str]:
    """Look for damage: in the file's structure, and where two parts of it do not say the same.

    Waits for its turn beside a scan, and gives it back after each block of photos.

    Args:
        path: the file.
        repair: make what a search reads anew, where that is what is wrong; what the tables themselves hold is not
            changed.

    Yields:
        What is wrong, a line each, as it is found.

    Raises:
        IndexFileError: as `describe`, and where the file is too damaged to go on.
    """
    if not path.exists():
        raise IndexFileError(f"there is no index yet ({path}): run `phototag scan DIR` first")
    engine = open_engine(path, readonly=False)
    try:
        with border(path):
            damage = list(_damage(engine))
            yield from damage
            if damage:
                return
            yield from _stale_words(engine, repair)
            for block in _blocks(engine):
                if wrong := _stale_block(engine, block, repair):
                    first = max(1, block << BLOCK_BITS)
                    last = ((block + 1) << BLOCK_BITS) - 1
                    yield f"what a search reads of photos {first:,} to {last:,} is not what is known of them: {wrong}"
    finally:
        engine.dispose()


def vacuum(path: Path) -> tuple[int, int]:
    """Write the file anew without holes; its size in bytes before and after. The caller holds the scan's lock.

    Raises:
        IndexFileError: as `describe`, or in use by another program.
        DiskError: no room for the second copy that this takes for a moment.
    """
    if not path.exists():
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


def backup(path: Path, target: Path, *, replace: bool = False) -> int:
    """Copy the index as of one moment, while others write; the copy's size in bytes.

    The copy is made beside the target, synced, and only then given its name.

    Raises:
        IndexFileError: there is no index, the target exists and is not to be replaced, or it cannot be written.
        DiskError: the disk is full.
    """
    if target.resolve() == path.resolve():
        raise IndexFileError(f"{target} is the index itself: name another file")
    if target.exists() and not replace:
        raise IndexFileError(f"{target} is there already: name another file, or replace it with --force")
    open_engine(path, readonly=True).dispose()  # says what is wrong with an index that cannot be copied
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        uri = f"{path.absolute().as_uri()}?mode=rw"  # "ro" would leave the write-ahead log behind
        with border(target), closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)  # all at once: in WAL mode this holds up nobody
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as exc:
        raise IndexFileError(f"{target} cannot be written: {exc.strerror or exc}") from exc
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def _describe(connection: Connection, path: Path) -> Description:
    def one(query: str) -> int:
        ((value,),) = fetch(connection, query)
        return int(value)

    latest = (
        "SELECT name, count(*), max(decided_at) FROM verdicts JOIN sources ON sources.id = source_id "
        "GROUP BY source_id ORDER BY max(decided_at) DESC, name"
    )
    models = [
        ModelUse(name, count, datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds"))
        for name, count, moment in fetch(connection, latest)
    ]
    log = path.with_name(path.name + "-wal")
    others = sorted(path.parent.glob(f"{path.name}.*vectors*"))
    return Description(
        path=str(path),
        version=one("PRAGMA user_version"),
        photos=one("SELECT count(*) FROM photos"),
        failed=one("SELECT count(*) FROM photos WHERE failure IS NOT NULL"),
        folders=one("SELECT count(*) FROM folders"),
        words=one(f"SELECT count(DISTINCT value) FROM postings WHERE kind IN ({Kind.KEYWORD:d}, {Kind.TAG:d})"),
        runs=one("SELECT count(*) FROM runs"),
        journal_bytes=one("SELECT coalesce(sum(length(patch)), 0) FROM writes"),
        size_bytes=path.stat().st_size,
        free_bytes=one("PRAGMA freelist_count") * one("PRAGMA page_size"),
        log_bytes=log.stat().st_size if log.exists() else 0,
        beside=tuple((other.name, other.stat().st_size) for other in others),
        models=tuple(models),
    )


def _damage(engine: Engine) -> Iterator[str]:
    """What SQLite itself finds."""
    with start_reading(engine) as connection:
        for (line,) in fetch(connection, "PRAGMA integrity_check(20)"):
            if line != "ok":
                yield f"the file's structure is damaged: {line}"
        for table, _, parent, _ in fetch(connection, "PRAGMA foreign_key_check")[:20]:
            yield f"a row of {table} belongs to one of {parent} that is not there"


def _stale_words(engine: Engine, repair: bool) -> list[str]:
    """How the words' normal forms and their full-text index differ from the words; empty: not at all."""
    told: list[str] = []
    with _turn(engine) as connection:
        wrong = [(number, word) for number, word, normal in _words(connection) if normal_form(word) != normal]
        if wrong:
            told.append(f"words are not in the form in which they are compared ({len(wrong):,}): {wrong[0][1]!r}, ...")
        try:
            connection.exec_driver_sql("INSERT INTO tags_fts (tags_fts, rank) VALUES ('integrity-check', 1)")
        except DBAPIError as exc:
            told.append(f"the index of the words is not in step with them ({exc.orig})")
        if told and repair:
            for number, word in wrong:
                connection.exec_driver_sql("UPDATE tags SET normal = ? WHERE id = ?", (normal_form(word), number))
            connection.exec_driver_sql("INSERT INTO tags_fts (tags_fts) VALUES ('rebuild')")
            connection.commit()
    return told


def _words(connection: Connection) -> Iterator[tuple[int, str, str]]:
    yield from fetch(connection, "SELECT id, word, normal FROM tags ORDER BY id")


def _blocks(engine: Engine) -> list[int]:
    with start_reading(engine) as connection:
        query = f"SELECT block FROM postings UNION SELECT id >> {BLOCK_BITS} FROM photos ORDER BY 1"
        return [block for (block,) in fetch(connection, query)]


def _stale_block(engine: Engine, block: int, repair: bool) -> str:
    """How a block's postings differ from those that its photos' rows give; empty: not at all."""
    first = block << BLOCK_BITS
    with _turn(engine) as connection:
        there = _sets(connection, block)
        recorded = "SELECT id FROM photos WHERE id BETWEEN ? AND ? AND (format IS NOT NULL OR failure IS NOT NULL)"
        numbers = {number for (number,) in fetch(connection, recorded, (first, first + BLOCK - 1))}
        known, _ = there.get((Kind.IS, State.KNOWN), (0, b""))
        numbers.update(first + place for place in places_in(known))  # of one that is gone nothing will be made
        connection.exec_driver_sql("DELETE FROM postings WHERE block = ?", (block,))
        postings.renew(connection, numbers)
        wanted = _sets(connection, block)
        differ = [key for key in there.keys() | wanted.keys() if there.get(key) != wanted.get(key)]
        if differ and repair:
            connection.commit()
        kinds = sorted({_kind_name(kind) for kind, _ in differ})
        return f"{len(differ):,} values ({', '.join(kinds)})" if differ else ""


def _sets(connection: Connection, block: int) -> _Sets:
    """A block's postings without regard to how they are packed."""
    found: _Sets = {}
    query = "SELECT kind, value, entries, bits FROM postings WHERE block = ?"
    for kind, value, entries, bits in fetch(connection, query, (block,)):
        places = Places()
        places.add(kind, entries, bits)
        found[kind, value] = (places.bits, entries or b"" if kind in _SCORED else b"")
    return found


def _kind_name(kind: int) -> str:
    try:
        return Kind(kind).name.lower()
    except ValueError:
        return str(kind)


@contextmanager
def _turn(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write, and is taken back at its end unless it was committed."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
