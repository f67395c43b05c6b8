"""The set of photos that match in, their numbers out: the latest first, or in the order of their paths; streamed.

Few photos are looked up and sorted. Of many, one span of days or one folder after the other is taken out by the
postings: most who ask do not read on to the last.
"""

from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from phototag.index.blocks import Kind, row_bits
from phototag.index.database import Reader
from phototag.index.matching import Matcher, Photos, both, count, holds, numbers_in, without
from phototag.index.rows import chunks, fetch

_SORTED_MOST = 5_000
"""So many photos are looked up in ten milliseconds."""

_MONTH, _SPANS_GROW = 100, 4
"""Between days as the postings have them, 20230714; and how much longer the next span is where few lie in one."""

_FOLDERS_FIRST, _NAMES_MOST = 32, 10_000
"""Of so many folders all names are read, of so many at the most: most often they hold as many photos as are wanted."""

_NAMES_AT_ONCE, _LOOKED_UP_AT_ONCE = 1_000, 10_000


def by_date(connection: Reader, matcher: Matcher, matches: Photos) -> Iterator[int]:
    """The numbers of photos, the latest first; those without a date last."""
    if count(matches) <= _SORTED_MOST:
        yield from _by_date(connection, matches)
        return
    within = matcher.narrowed(sorted(matches))
    high, span = within.largest(Kind.DAY), _MONTH
    while high > 0:
        low = max(0, high - span)
        found = both(matches, within.between(Kind.DAY, low + 1, high))
        there = count(found)
        if there > _SORTED_MOST and span > 1:
            span = max(1, span // _SPANS_GROW)
            continue
        yield from _by_date(connection, found)
        matches, high = without(matches, found), low
        if 2 * _SPANS_GROW * there <= _SORTED_MOST:
            span *= _SPANS_GROW
    yield from numbers_in(matches)


def by_path(connection: Reader, matcher: Matcher, matches: Photos) -> Iterator[int]:
    """The numbers of photos, in the order of their folders' and their own names."""
    if count(matches) <= _SORTED_MOST:
        query = "SELECT photos.id, path, name FROM photos JOIN folders ON folders.id = folder_id WHERE photos.id"
        yield from (number for number, *_ in sorted(_looked_up(connection, query, matches), key=itemgetter(1, 2)))
        return
    folders = [folder for (folder,) in fetch(connection, "SELECT id FROM folders ORDER BY path")]
    first = read = 0
    while first < min(_FOLDERS_FIRST, len(folders)) and read < _NAMES_MOST:
        for number in _in_folder(connection, folders[first]):
            read += 1
            if holds(matches, number):
                yield number
        first += 1
    rows: dict[int, list[tuple[int, bytes | None, bytes | None]]] = defaultdict(list)
    for folder, block, entries, bits in matcher.narrowed(sorted(matches)).values(Kind.FOLDER):
        rows[folder].append((block, entries, bits))
    for folder in folders[first:]:
        found = both({block: row_bits(*packed) for block, *packed in rows.get(folder, ())}, matches)
        if count(found) > _SORTED_MOST:
            yield from (number for number in _in_folder(connection, folder) if holds(found, number))
        elif found:
            named = _looked_up(connection, "SELECT id, name FROM photos WHERE id", found)
            yield from (number for number, _ in sorted(named, key=itemgetter(1)))


def _in_folder(connection: Reader, folder: int) -> Iterator[int]:
    """The numbers of a folder's photos, in the order of their names."""
    query = "SELECT id, name FROM photos WHERE folder_id = ? AND name > ? ORDER BY name LIMIT ?"
    last = b""
    while page := fetch(connection, query, (folder, last, _NAMES_AT_ONCE)):
        yield from (number for number, _ in page)
        last = page[-1][1]


def _by_date(connection: Reader, photos: Photos) -> Iterator[int]:
    rows = _looked_up(connection, "SELECT id, taken FROM photos WHERE id", photos)
    rows.sort(key=lambda row: row[1] or "", reverse=True)  # equals stay in order
    yield from (number for number, _ in rows)


def _looked_up(connection: Reader, query: str, photos: Photos) -> list[Any]:
    """A query's rows for each photo of a set, in the order of their numbers."""
    rows: list[Any] = []
    for chunk in chunks(numbers_in(photos), _LOOKED_UP_AT_ONCE):
        rows += fetch(connection, f"{query} IN ({','.join(map(str, chunk))}) ORDER BY 1")
    return rows
