"""Photos' numbers in, what a search reads out: the postings of each block, made from the other tables by one function.

Laid out by block, so that a scan, whose photos are neighbours, changes few pages; `blocks` says what a row holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from phototag.index import tables
from phototag.index.blocks import BLOCK_BITS, LAST, Row
from phototag.index.contents import note_duplicates
from phototag.index.names import renew_names
from phototag.index.rows import CHUNK, chunks, fetch, replace_many, run_many, which_numbers

if TYPE_CHECKING:  # NumPy is not loaded by those that write nothing
    from sqlalchemy import Connection

    from phototag.index.gathering import Gathered, Rows


def renew(
    connection: Connection, numbers: Iterable[int], fresh: Collection[int] = (), told: Rows | None = None
) -> None:
    """Bring the postings of photos in line with their rows; of photos that are gone nothing stays.

    Args:
        connection: inside the caller's transaction.
        numbers: the photos.
        fresh: those of them that had no postings before.
        told: all rows of some of those that are fresh, which the caller has just written; the others' are read.
    """
    from phototag.index.gathering import gather

    every = sorted(set(numbers))
    known = {fact[0] for fact in told.facts} if told else frozenset()
    hashes: dict[int, bytes] = {}
    for block, group in groupby(every, key=lambda number: number >> BLOCK_BITS):
        some = list(group)
        rows = _read(connection, (number for number in some if number not in known))
        if told:
            rows = rows.joined(told.within(block))
        gone = {number & LAST for number in some if number not in fresh}
        _renew_block(connection, block, gather(rows), gone)
        renew_names(connection, block, {fact[0]: fact[2] for fact in rows.facts}, gone)
        hashes |= {fact[0]: fact[4] for fact in rows.facts if fact[4] is not None}
    note_duplicates(connection, every, hashes)


def catch_up(connection: Connection) -> None:
    """Make the postings of an index that an older phototag left."""
    for (block,) in fetch(connection, "SELECT block FROM unposted"):
        first = block << BLOCK_BITS
        numbers = fetch(connection, "SELECT id FROM photos WHERE id BETWEEN ? AND ?", (first, first + LAST))
        renew(connection, [number for (number,) in numbers])
    connection.exec_driver_sql("DELETE FROM unposted")


def _read(connection: Connection, numbers: Iterable[int]) -> Rows:
    """The rows of photos."""
    from phototag.index.gathering import FACTS, Rows

    words: list[tuple[int, ...]] = []
    decided: list[tuple[int, ...]] = []
    facts: list[tuple[Any, ...]] = []
    for chunk in chunks(numbers, CHUNK):
        which, limits = which_numbers(chunk)
        scored = f"photo_id {which} AND score IS NOT NULL"
        words += fetch(connection, f"SELECT photo_id, source_id, tag_id, score FROM photo_tags WHERE {scored}", limits)
        decided += fetch(connection, f"SELECT photo_id, source_id FROM verdicts WHERE photo_id {which}", limits)
        query = f"SELECT id, {', '.join(FACTS)}, failure IS NOT NULL FROM photos WHERE id {which}"
        facts += fetch(connection, query, limits)
    return Rows.fetched(words, decided, facts)


def _renew_block(connection: Connection, block: int, gathered: Gathered, gone: Collection[int]) -> None:
    """Take places out of all of a block's rows and put entries in."""
    from phototag.index.gathering import pack

    rows, empty = [], []
    mask = sum(1 << place for place in gone)
    query = "SELECT kind, value, entries, bits FROM postings WHERE block = ?"
    for kind, value, entries, bits in fetch(connection, query, (block,)):
        more = gathered.pop((kind, value), None)
        if more is None and not mask:
            continue
        row = Row(kind, entries, bits)
        if (mask and row.take(mask, gone)) or more is not None:
            row.put([] if more is None else more.tolist())
            if packed := row.packed():
                rows.append((block, kind, value, *packed))
            else:
                empty.append((block, kind, value))
    rows += [(block, int(kind), int(value), *pack(kind, more)) for (kind, value), more in gathered.items()]
    if rows:
        replace_many(connection, tables.postings, sorted(rows))
    if empty:
        run_many(connection, "DELETE FROM postings WHERE block = ? AND kind = ? AND value = ?", empty)
