"""Paths and words in, the numbers of their rows out, for reading and writing alike. Inside the caller's transaction."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from phototag.index.database import Reader, speaking
from phototag.index.words import normal_form
from phototag.records import PhotoRef

if TYPE_CHECKING:  # a search does without SQLAlchemy, whose import would take longer than all of the search
    from sqlalchemy import Column, Connection, Table

CHUNK = 500
"""Values put into one statement; SQLite takes 32,766, PostgreSQL 65,535."""

_T = TypeVar("_T")


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Cut a stream into lists."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def fetch(connection: Reader, query: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a literal query as plain tuples."""
    dialect, driver = speaking(connection)
    return dialect.fetch(driver, query, values)


def run_many(connection: Reader, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run a literal statement for each of many rows."""
    dialect, driver = speaking(connection)
    dialect.run_many(driver, statement, rows)


def insert_many(connection: Reader, insert_: str, rows: Iterable[Sequence[Any]], then: str = "") -> None:
    """Insert many rows of the same length.

    Args:
        connection: inside the caller's transaction.
        insert_: up to the table's name and columns, without VALUES.
        rows: are gone through once.
        then: what follows the values, such as an ON CONFLICT.
    """
    every = iter(rows)
    first = next(every, None)
    if first is not None:
        dialect, driver = speaking(connection)
        dialect.insert_many(driver, insert_, len(first), chain([first], every), then)


def replace_many(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Put whole rows into a table; one that is there under the same key becomes the new one."""
    before, then = _replacing(table)
    insert_many(connection, before, rows, then)


@lru_cache(maxsize=16)
def _replacing(table: Table) -> tuple[str, str]:
    """What stands before and after the values."""
    columns = [column.name for column in table.c]
    keys = [column.name for column in table.primary_key]
    others = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    return f"INSERT INTO {table.name} ({', '.join(columns)})", f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {others}"


def words_holding(connection: Reader, normal: str, prefix: str) -> list[tuple[int, str]]:
    """Number and normal form of the tags that hold a word or phrase; see `Dialect`."""
    dialect, driver = speaking(connection)
    return dialect.words_holding(driver, normal, prefix)


def which_numbers(numbers: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """A condition for numbers, in order: a range where they are neighbours, as a scan's photos are."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return "BETWEEN ? AND ?", (numbers[0], numbers[-1])
    return f"IN ({','.join('?' * len(numbers))})", tuple(numbers)


def storable(text: str) -> str:
    """Text as every database holds it: a path's bytes that are not UTF-8, and zero bytes, are spelled out."""
    text = text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\0", "\\x00")


def split_path(path: str) -> tuple[bytes, bytes]:
    """A photo's folder and name, in the bytes of the file system."""
    folder, name = os.path.split(path)
    return os.fsencode(folder), os.fsencode(name)


def join_path(folder: bytes, name: bytes) -> str:
    """A photo's path as the operating system gave it."""
    return os.path.join(os.fsdecode(folder), os.fsdecode(name))


def intern_values(connection: Reader, column: Column[Any], values: Iterable[Any]) -> dict[Any, int]:
    """The numbers of values in a table of distinct ones; those not there yet are put there."""
    name, table = column.name, column.table.name
    wanted = sorted(set(values))

    def look_up(some: Sequence[Any]) -> dict[Any, int]:
        found: dict[Any, int] = {}
        for chunk in chunks(some, CHUNK):
            marks = ",".join("?" * len(chunk))
            found.update(fetch(connection, f"SELECT {name}, id FROM {table} WHERE {name} IN ({marks})", chunk))
        return found

    found = look_up(wanted)
    missing = [value for value in wanted if value not in found]
    if missing and table == "tags":
        insert_many(connection, "INSERT INTO tags (word, normal)", [(word, normal_form(word)) for word in missing])
    elif missing:
        insert_many(connection, f"INSERT INTO {table} ({name})", [(value,) for value in missing])
    return found | look_up(missing)


def photo_numbers(connection: Connection, paths: Iterable[str]) -> dict[str, int]:
    """The numbers of photos that are known."""
    from sqlalchemy import select

    from phototag.index.tables import folders, photos

    by_folder: dict[bytes, dict[bytes, str]] = {}
    for path in paths:
        folder, name = split_path(path)
        by_folder.setdefault(folder, {})[name] = path
    found: dict[str, int] = {}
    for folder, names in by_folder.items():
        for chunk in chunks(names, CHUNK):
            rows = connection.execute(
                select(photos.c.name, photos.c.id)
                .join(folders)
                .where(folders.c.path == folder, photos.c.name.in_(chunk))
            )
            found.update((names[name], number) for name, number in rows)
    return found


def make_known(connection: Connection, refs: Sequence[PhotoRef]) -> dict[str, int]:
    """The numbers of photos by their paths; those not known yet get one.

    Only new ones are put in: PostgreSQL would use a number up for each photo that is there already.
    """
    numbers = photo_numbers(connection, [ref.path for ref in refs])
    fresh = {ref.path: ref for ref in refs if ref.path not in numbers}
    if not fresh:
        return numbers
    from phototag.index.tables import folders

    folder_ids = intern_values(connection, folders.c.path, {split_path(path)[0] for path in fresh})
    rows = []
    for path, ref in fresh.items():
        folder, name = split_path(path)
        rows.append((folder_ids[folder], name, ref.size_bytes, ref.mtime_ns))
    insert_many(connection, "INSERT INTO photos (folder_id, name, size_bytes, mtime_ns)", rows)
    return numbers | photo_numbers(connection, fresh)


def words_by_id(connection: Reader, tag_ids: Collection[int]) -> dict[int, str]:
    """The words of tags."""
    found: dict[int, str] = {}
    for chunk in chunks(tag_ids, CHUNK):
        found.update(fetch(connection, f"SELECT id, word FROM tags WHERE id IN ({','.join(map(str, chunk))})"))
    return found


def broader_of(connection: Connection, source: int, tag_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """What a model's words stand under, the most general first; words that stand alone are left out."""
    from sqlalchemy import select

    from phototag.index.tables import broader

    found: dict[int, tuple[int, ...]] = {}
    for chunk in chunks(tag_ids, CHUNK):
        rows = connection.execute(
            select(broader.c.tag_id, broader.c.broader_id)
            .where(broader.c.source_id == source, broader.c.tag_id.in_(chunk))
            .order_by(broader.c.tag_id, broader.c.position)
        )
        for tag, above in rows:
            found[tag] = (*found.get(tag, ()), above)
    return found
