"""Photos' numbers in, what a search reads out: the postings of each block, made from the other tables by one function.

Laid out by block, so that a scan, whose photos are neighbours, changes few pages; `blocks` says what a row holds.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import Connection

from phototag.index import tables
from phototag.index.blocks import BLOCK_BITS, LAST, Kind, Row, State, ending_value
from phototag.index.contents import note_duplicates
from phototag.index.names import renew_names
from phototag.index.numbers import OWNER
from phototag.index.places import cell_value
from phototag.index.rows import CHUNK, chunks, fetch, replace_many, run_many, which_numbers

MEGABYTE_TENTH = 100_000
UNSURE_BELOW = 6_000
"""`is:unsure`: the surest word scores less, in ten-thousandths: little better than one in two."""

# Plain numbers, for loops that run for every word of every photo.
_KEYWORD, _TAG, _FOLDER, _CAMERA, _DAY, _ENDING, _WIDTH, _HEIGHT = map(int, list(Kind)[:8])
_IS, _SIZE_BIT, _LENS, _CELL, _KNOWN = map(int, (Kind.IS, Kind.SIZE_BIT, Kind.LENS, Kind.CELL, State.KNOWN))

_Added: TypeAlias = dict[tuple[int, int], list[int]]
"""By kind and value, entries to be put into one block."""

_Word: TypeAlias = tuple[int, int, int, int | None, int]


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of photos as they stand in the tables.

    Attributes:
        words: photo, source, tag, score, added: as in `photo_tags`.
        decided: photo and source: as in `verdicts`.
        facts: number, folder, name, size, width, height, taken, camera, lens, latitude, longitude, whether it failed.
    """

    words: Sequence[_Word]
    decided: Sequence[tuple[int, int]]
    facts: Sequence[tuple[Any, ...]]

    def within(self, block: int) -> "Told":
        """Those of one block of photos."""
        if all(fact[0] >> BLOCK_BITS == block for fact in self.facts):
            return self
        return Told(
            [row for row in self.words if row[0] >> BLOCK_BITS == block],
            [row for row in self.decided if row[0] >> BLOCK_BITS == block],
            [row for row in self.facts if row[0] >> BLOCK_BITS == block],
        )


def renew(
    connection: Connection, numbers: Iterable[int], fresh: Collection[int] = (), told: Told | None = None
) -> None:
    """Bring the postings of photos in line with their rows; of photos that are gone nothing stays.

    Args:
        connection: inside the caller's transaction.
        numbers: the photos.
        fresh: those of them that had no postings before.
        told: all rows of some of those that are fresh, which the caller has just written; the others' are read.
    """
    every = sorted(set(numbers))
    known = {fact[0] for fact in told.facts} if told else ()
    for block, group in groupby(every, key=lambda number: number >> BLOCK_BITS):
        some = list(group)
        added: _Added = defaultdict(list)
        names: dict[int, bytes] = {}
        if told:
            _add(told.within(block), added, names)
        for chunk in chunks((number for number in some if number not in known), CHUNK):
            _add(_read(connection, chunk), added, names)
        gone = {number & LAST for number in some if number not in fresh}
        _renew_block(connection, block, added, gone)
        renew_names(connection, block, names, gone)
    note_duplicates(connection, every)


def catch_up(connection: Connection) -> None:
    """Make the postings of an index that an older phototag left."""
    for (block,) in fetch(connection, "SELECT block FROM unposted"):
        first = block << BLOCK_BITS
        numbers = fetch(connection, "SELECT id FROM photos WHERE id BETWEEN ? AND ?", (first, first + LAST))
        renew(connection, [number for (number,) in numbers])
    connection.exec_driver_sql("DELETE FROM unposted")


def _read(connection: Connection, numbers: Sequence[int]) -> Told:
    """The rows of photos."""
    which, limits = which_numbers(numbers)
    words = f"SELECT photo_id, source_id, tag_id, score, added FROM photo_tags WHERE photo_id {which}"
    decided = f"SELECT photo_id, source_id FROM verdicts WHERE photo_id {which}"
    facts = (
        "SELECT id, folder_id, name, size_bytes, width, height, taken, camera_id, lens_id, latitude, longitude, "
        f"failure IS NOT NULL FROM photos WHERE id {which}"
    )
    return Told(*(fetch(connection, query, limits) for query in (words, decided, facts)))


def _add(rows: Told, added: _Added, names: dict[int, bytes]) -> None:
    _add_words(rows, added)
    _add_facts(rows.facts, added, names)


def _add_words(rows: Told, added: _Added) -> None:
    """The words of photos, each by its best score, who gave them, and which models have decided."""
    words: defaultdict[int, list[int]] = defaultdict(list)
    mine: set[int] = set()
    best: dict[int, int] = {}
    for number, source, tag, score, _ in _best_of_models(rows.words):
        if score is None:
            continue
        if source == OWNER:
            added[_KEYWORD, tag].append(score << BLOCK_BITS | LAST - (number & LAST))
            mine.add(number)
            continue
        words[tag].append(score << BLOCK_BITS | LAST - (number & LAST))
        if score > best.get(number, -1):
            best[number] = score
    for tag, entries in words.items():
        added[_TAG, tag] += entries
    states = {State.BY_ME: mine, State.BY_PHOTOTAG: best, State.UNSURE: [n for n in best if best[n] < UNSURE_BELOW]}
    for state, some in states.items():
        if some:
            added[Kind.IS, state] += [number & LAST for number in some]
    for number, source in rows.decided:
        added[Kind.MODEL, source].append(number & LAST)


def _best_of_models(words: Sequence[_Word]) -> Iterable[_Word]:
    """The same rows, but of those in which several models say a word of a photo only the surest."""
    if len({row[1] for row in words} - {OWNER}) <= 1:
        return words
    best: dict[tuple[int, int, bool], _Word] = {}
    for row in words:
        key = (row[0], row[2], row[1] == OWNER)
        if row[3] is not None and (key not in best or row[3] > (best[key][3] or 0)):
            best[key] = row
    return best.values()


def _add_facts(facts: Iterable[tuple[Any, ...]], added: _Added, names: dict[int, bytes]) -> None:
    """What photos are of themselves."""
    known = added[_IS, _KNOWN]
    for number, folder, name, size, width, height, taken, camera, lens, latitude, longitude, failed in facts:
        place = number & LAST
        names[number] = name
        known.append(place)
        added[_FOLDER, folder].append(place)
        added[_ENDING, ending_value(name)].append(place)
        tenths, bit = (size + MEGABYTE_TENTH // 2) // MEGABYTE_TENTH, 0
        while tenths:
            if tenths & 1:
                added[_SIZE_BIT, bit].append(place)
            tenths, bit = tenths >> 1, bit + 1
        if width is not None and height is not None:
            added[_WIDTH, width].append(place)
            added[_HEIGHT, height].append(place)
        if taken is not None and (day := _day(taken[:10])):
            added[_DAY, day].append(place)
        if camera is not None:
            added[_CAMERA, camera].append(place)
        if lens is not None:
            added[_LENS, lens].append(place)
        if latitude is not None and longitude is not None:
            added[_CELL, cell_value(latitude, longitude)].append(place)
        if failed:
            added[_IS, State.FAILED].append(place)


@lru_cache(maxsize=1024)
def _day(text: str) -> int:
    """A day as a number: 20230714 of "2023-07-14"; 0 where the index holds something else."""
    digits = text.replace("-", "")
    return int(digits) if digits.isdecimal() else 0


def _renew_block(connection: Connection, block: int, added: _Added, gone: Collection[int]) -> None:
    """Take places out of all of a block's rows and put entries in."""
    rows, empty = [], []
    mask = sum(1 << place for place in gone)
    query = "SELECT kind, value, entries, bits FROM postings WHERE block = ?"
    for kind, value, entries, bits in fetch(connection, query, (block,)):
        more = added.pop((kind, value), ())
        if not more and not mask:
            continue
        row = Row(kind, entries, bits)
        if (mask and row.take(mask, gone)) or more:
            row.put(more)
            if packed := row.packed():
                rows.append((block, kind, value, *packed))
            else:
                empty.append((block, kind, value))
    for (kind, value), more in added.items():
        row = Row(kind, None, None)
        row.put(more)
        rows.append((block, kind, value, *(row.packed() or (None, None))))
    if rows:
        replace_many(connection, tables.postings, sorted(rows))
    if empty:
        run_many(connection, "DELETE FROM postings WHERE block = ? AND kind = ? AND value = ?", empty)
