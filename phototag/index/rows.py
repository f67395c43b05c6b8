"""Paths and words in, the numbers of their rows out, for reading and writing alike. Inside the caller's transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from phototag.index.words import normal_form

if TYPE_CHECKING:  # a search does without SQLAlchemy, whose import would take longer than all of the search
    from sqlalchemy import Column, Connection

Reader: TypeAlias = "Connection | sqlite3.Connection"
"""What a query can be put to."""

CHUNK = 500
"""Values put into one statement; SQLite takes 32,766."""

_ROWS_A_STATEMENT = 100

_T = TypeVar("_T")


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Cut a stream into lists."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def fetch(connection: Reader, query: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a literal query as plain tuples: SQLAlchemy's rows cost more than SQLite takes to find them."""
    return list(_driver(connection).execute(query, tuple(values)).fetchall())


def run_many(connection: Reader, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run a literal statement for each of many rows."""
    _driver(connection).executemany(statement, rows)


def insert_many(connection: Reader, insert_: str, rows: Sequence[Sequence[Any]], then: str = "") -> None:
    """Insert many rows of the same length, a hundred by a statement: half of what one by one they would cost.

    Args:
        insert_: up to the table's name and columns, without VALUES.
        then: what follows the values, such as an ON CONFLICT.
    """
    if not rows:
        return
    row = f"({','.join('?' * len(rows[0]))})"
    whole = len(rows) - len(rows) % _ROWS_A_STATEMENT
    statement = f"{insert_} VALUES {','.join([row] * _ROWS_A_STATEMENT)} {then}"
    driver = _driver(connection)
    for at in range(0, whole, _ROWS_A_STATEMENT):
        driver.execute(statement, list(chain.from_iterable(rows[at : at + _ROWS_A_STATEMENT])))
    driver.executemany(f"{insert_} VALUES {row} {then}", rows[whole:])


def which_numbers(numbers: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """A condition for numbers, in order: a range where they are neighbours, as a scan's photos are."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return "BETWEEN ? AND ?", (numbers[0], numbers[-1])
    return f"IN ({','.join('?' * len(numbers))})", tuple(numbers)


def _driver(connection: Reader) -> sqlite3.Connection:
    if isinstance(connection, sqlite3.Connection):
        return connection
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def storable(text: str) -> str:
    """Text as UTF-8 can hold it; a path's bytes that are not UTF-8 are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def split_path(path: str) -> tuple[bytes, bytes]:
    """A photo's folder and name, in the bytes of the file system."""
    folder, name = os.path.split(path)
    return os.fsencode(folder), os.fsencode(name)


def join_path(folder: bytes, name: bytes) -> str:
    """A photo's path as the operating system gave it."""
    return os.path.join(os.fsdecode(folder), os.fsdecode(name))


def intern_values(connection: Connection, column: Column[Any], values: Iterable[Any]) -> dict[Any, int]:
    """The numbers of values in a table of distinct ones; those not there yet are put there."""
    from sqlalchemy import insert, select

    table = column.table
    wanted = sorted(set(values))

    def look_up(some: Sequence[Any]) -> dict[Any, int]:
        found: dict[Any, int] = {}
        for chunk in chunks(some, CHUNK):
            rows = connection.execute(select(column, table.c.id).where(column.in_(chunk)))
            found.update((value, number) for value, number in rows)
        return found

    found = look_up(wanted)
    missing = [value for value in wanted if value not in found]
    if missing:
        more: Callable[[Any], dict[str, Any]] = (
            (lambda v: {"normal": normal_form(v)}) if table.name == "tags" else lambda _: {}
        )
        connection.execute(insert(table), [{column.name: value} | more(value) for value in missing])
        found |= look_up(missing)
    return found


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
