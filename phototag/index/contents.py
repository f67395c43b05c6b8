"""Photos' numbers in, which of them have the very bytes of another one noted among the postings.

Photos are found by the first eight bytes of their hash: triggers keep those in `fresh_contents`, a small table, from
which they are moved to `contents` in one go: each page of the large one is then written once for many photos,
where one by one each photo would cost a page of its own (the idea of log-structured merge trees; O'Neil et al. 1996).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import Connection

from phototag.index.blocks import BLOCK_BITS, LAST, Kind, Row, State
from phototag.index.rows import CHUNK, chunks, fetch, replace_many, run_many, which_numbers
from phototag.index.tables import postings

_PREFIX_BYTES = 8
_FRESH_MOST, _FRESH_PART = 32_768, 16
"""`fresh_contents` is moved on where it holds as many rows, and one for so many photos: a photo's share of the work of
writing the large table then no longer grows with it. A larger part would be more work for batches of a few hundred."""

_TABLES = ("contents", "fresh_contents")

_Noted: TypeAlias = tuple[bytes, int]
"""The beginning of a hash, and the number of a photo that has it."""


def with_hashes(connection: Connection, content_hashes: Collection[bytes]) -> dict[int, bytes]:
    """The photos that have one of these hashes, by number."""
    wanted = set(content_hashes)
    found: dict[int, bytes] = {}
    for chunk in chunks({content_hash[:_PREFIX_BYTES] for content_hash in wanted}, CHUNK):
        found |= _hashes_of_many(connection, _that_begin(connection, chunk))
    return {number: content_hash for number, content_hash in found.items() if content_hash in wanted}


def note_duplicates(connection: Connection, numbers: Iterable[int], hashes: Mapping[int, bytes]) -> None:
    """Say of photos that came, changed or went, and of those they are or were like, whether they are duplicates.

    Args:
        connection: inside the caller's transaction.
        numbers: the photos.
        hashes: the hashes of those that have one, by number.
    """
    others = _disturbed(connection).difference(numbers)
    touched = others.union(numbers)
    alike = _alike(connection, {**hashes, **_hashes_of_many(connection, sorted(others))})
    changes: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for number in alike:
        changes[number >> BLOCK_BITS][0].append(number & LAST)
    for number in touched - alike:
        changes[number >> BLOCK_BITS][1].append(number & LAST)
    for block, (there, not_there) in changes.items():
        _mark(connection, block, there, not_there)
    ((fresh,),) = fetch(connection, "SELECT count(*) FROM fresh_contents")
    if fresh >= max(_FRESH_MOST, max(touched, default=0) // _FRESH_PART):
        connection.exec_driver_sql("INSERT INTO contents SELECT * FROM fresh_contents")
        connection.exec_driver_sql("DELETE FROM fresh_contents")


def find_stale(connection: Connection) -> tuple[list[_Noted], list[_Noted]]:
    """What is noted nowhere, and what is noted and is not so."""
    noted = " UNION ALL ".join(f"SELECT prefix, photo_id FROM {table}" for table in _TABLES)
    so = f"SELECT substr(content_hash, 1, {_PREFIX_BYTES}), id FROM photos WHERE content_hash IS NOT NULL"
    missing = fetch(connection, f"{so} EXCEPT SELECT * FROM ({noted}) AS noted")
    return missing, fetch(connection, f"SELECT * FROM ({noted}) AS noted EXCEPT {so}")


def mend(connection: Connection, missing: Sequence[_Noted], wrong: Sequence[_Noted]) -> None:
    """Note what is missing, and take away what is wrong."""
    for table in _TABLES:
        run_many(connection, f"DELETE FROM {table} WHERE prefix = ? AND photo_id = ?", wrong)
    run_many(connection, "INSERT INTO fresh_contents VALUES (?, ?)", missing)


def _disturbed(connection: Connection) -> set[int]:
    """Photos of the bytes that another one had until now."""
    if not fetch(connection, "SELECT prefix FROM disturbed LIMIT 1"):
        return set()
    which = "prefix IN (SELECT prefix FROM disturbed)"
    rows = [row for table in _TABLES for row in fetch(connection, f"SELECT photo_id FROM {table} WHERE {which}")]
    connection.exec_driver_sql("DELETE FROM disturbed")
    return {number for (number,) in rows}


def _alike(connection: Connection, hashes: dict[int, bytes]) -> set[int]:
    """Those of some photos that have the bytes of another one, and the others."""
    # In order, so that those that stand on one page of the large table are looked up one after the other.
    begins = sorted({content_hash[:_PREFIX_BYTES] for content_hash in hashes.values()})
    found: set[int] = set()
    for chunk in chunks(begins, CHUNK):
        which = f"prefix IN ({','.join('?' * len(chunk))})"
        for table in _TABLES:
            rows = fetch(connection, f"SELECT photo_id FROM {table} WHERE {which}", chunk)
            found.update(number for (number,) in rows)
    hashes |= _hashes_of_many(connection, sorted(found - hashes.keys()))
    by_content: dict[bytes, list[int]] = defaultdict(list)
    for number, content_hash in hashes.items():
        by_content[content_hash].append(number)
    return {number for same in by_content.values() if len(same) > 1 for number in same}


def _that_begin(connection: Connection, begins: Collection[bytes]) -> list[int]:
    """The numbers of photos whose hashes begin so, in order."""
    which = f"prefix IN ({','.join('?' * len(begins))})"
    query = " UNION ".join(f"SELECT photo_id FROM {table} WHERE {which}" for table in _TABLES)
    return [number for (number,) in fetch(connection, f"{query} ORDER BY 1", [*begins] * len(_TABLES))]


def _hashes(connection: Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    """The hashes of photos, by number; those that have none are left out."""
    which, limits = which_numbers(numbers)
    query = f"SELECT id, content_hash FROM photos WHERE id {which} AND content_hash IS NOT NULL"
    return dict(fetch(connection, query, limits))


def _hashes_of_many(connection: Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for chunk in chunks(numbers, CHUNK):
        found |= _hashes(connection, chunk)
    return found


def _mark(connection: Connection, block: int, there: Sequence[int], not_there: Collection[int]) -> None:
    """Put places of a block among the duplicates, and take others out."""
    key = (block, Kind.IS, State.DUPLICATE)
    where = "block = ? AND kind = ? AND value = ?"
    before = fetch(connection, f"SELECT entries, bits FROM postings WHERE {where}", key)
    if not before and not there:
        return
    row = Row(Kind.IS, *(before[0] if before else (None, None)))
    every = {*there, *not_there}
    row.take(sum(1 << place for place in every), every)
    row.put(there)
    after = row.packed()
    if after is None:
        run_many(connection, f"DELETE FROM postings WHERE {where}", [key])
    elif [after] != before:
        replace_many(connection, postings, [(*key, *after)])
