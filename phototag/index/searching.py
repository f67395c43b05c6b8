"""A query in, the photos that answer it out, in the order asked for and streamed.

Which photos match is found as sets (`matching`), and how well they do in `ranking`.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from phototag.index import Hit, Sort
from phototag.index.blocks import Kind
from phototag.index.database import Reader
from phototag.index.matching import Matcher, Photos, count, holds, numbers_in, unbounded
from phototag.index.query import parse, score_of, words_of
from phototag.index.ranking import BATCHES, best_first, in_order
from phototag.index.rows import chunks, fetch, join_path, words_by_id
from phototag.index.words import fold

_TAGS_AT_ONCE = 500
_FOLDERS_FIRST = 32
_MONTH, _YEAR = 100, 10_000  # between days as the postings have them: 20230714
_ALIKE = 0.6


def search(connection: Reader, query: str, limit: int | None, offset: int, sort: Sort) -> Iterator[Hit]:
    """Photos that match; equally good ones in the order of the index.

    Raises:
        QueryError: the query cannot be understood.
    """
    tree, matcher = parse(query), Matcher(connection)
    wanted = None if limit is None else offset + limit
    if sort == "score":
        ranked = best_first(connection, tree, matcher, wanted)
    else:
        numbers = (_by_date if sort == "date" else _by_path)(connection, matcher, matcher.matches(tree))
        ranked = in_order(connection, tree, matcher, numbers)
    for chunk in chunks(islice(ranked, offset, wanted), BATCHES[0]):
        yield from _hits(connection, chunk)


def count_matches(connection: Reader, query: str) -> int:
    """How many photos match.

    Raises:
        QueryError: the query cannot be understood.
    """
    return count(Matcher(connection).matches(parse(query)))


def suggest(connection: Reader, query: str) -> dict[str, tuple[str, ...]]:
    """The words of a query that no photo has, each with the known words most like it."""
    wanted, matcher = words_of(parse(query), wanted_only=True), Matcher(connection)
    unknown = [word for word in wanted if not matcher.photos(unbounded(word))]
    if not unknown:
        return {}
    used = "id IN (SELECT value FROM postings WHERE kind IN (?, ?))"
    rows = fetch(connection, f"SELECT normal, word FROM tags WHERE {used} ORDER BY word DESC", (Kind.KEYWORD, Kind.TAG))
    known: dict[str, str] = dict(rows)
    import difflib  # only where nothing was found: it would cost every search a few milliseconds

    return {
        word.text: tuple(known[near] for near in difflib.get_close_matches(word.normal, known, n=3, cutoff=_ALIKE))
        for word in unknown
    }


def words_like(connection: Reader, begin: str, limit: int) -> list[str]:
    """Words that photos carry and that begin so, without regard to case and accents, in order."""
    wanted = fold(begin)
    if not wanted:
        return []
    rows = fetch(connection, "SELECT id, word FROM tags WHERE normal >= ? AND normal < ?", _about(wanted))
    alike = {number: word for number, word in rows if fold(word).startswith(wanted)}
    used: set[int] = set()
    for some in chunks(alike, _TAGS_AT_ONCE):
        query = (
            "SELECT DISTINCT value FROM postings WHERE block BETWEEN 0 AND (SELECT max(id) >> 13 FROM photos) "
            f"AND kind IN ({Kind.KEYWORD:d}, {Kind.TAG:d}) AND value IN ({','.join(map(str, some))})"
        )
        used.update(number for (number,) in fetch(connection, query))
    return sorted({alike[number] for number in used})[:limit]


def _about(begin: str) -> tuple[str, str]:
    """Between which normal forms those of words lie that begin so: the plural's rules change what is behind."""
    first = begin.split(maxsplit=1)[0][:2]
    return first, first + "\U0010ffff"


def _by_date(connection: Reader, matcher: Matcher, matches: Photos) -> Iterator[int]:
    """The numbers of photos, the latest first; those without a date last."""
    undated = dict(matches)
    latest = matcher.largest(Kind.DAY)
    high = latest
    for back in (_MONTH, _YEAR, latest):  # few days at first: most who ask do not read on to the oldest
        days = sorted(matcher.values(Kind.DAY, latest - back, high), reverse=True)
        for _, rows in groupby(days, key=lambda row: row[0]):
            found = {block: matcher.one(Kind.DAY, day, block) & matches.get(block, 0) for day, block in rows}
            for block, bits in found.items():
                if bits:
                    undated[block] &= ~bits
            yield from _sorted(connection, found, "taken DESC, id")
        high = latest - back - 1
    yield from numbers_in(undated)


def _by_path(connection: Reader, matcher: Matcher, matches: Photos) -> Iterator[int]:
    """The numbers of photos, in the order of their folders' and their own names."""
    folders = [folder for (folder,) in fetch(connection, "SELECT id FROM folders ORDER BY path")]
    for folder in folders[:_FOLDERS_FIRST]:  # all their photos are read: most often these hold as many as are wanted
        numbers = fetch(connection, "SELECT id FROM photos WHERE folder_id = ? ORDER BY name", (folder,))
        yield from (number for (number,) in numbers if holds(matches, number))
    blocks: dict[int, list[int]] = {}
    for folder, block in matcher.values(Kind.FOLDER):
        blocks.setdefault(folder, []).append(block)
    for folder in folders[_FOLDERS_FIRST:]:
        found = {
            block: matcher.one(Kind.FOLDER, folder, block) & matches[block]
            for block in blocks.get(folder, ())
            if block in matches
        }
        yield from _sorted(connection, found, "name")


def _sorted(connection: Reader, photos: Photos, order: str) -> Iterator[int]:
    """The numbers of the photos of one day or folder, in SQL's order."""
    for chunk in chunks(numbers_in(photos), 30_000):
        query = f"SELECT id FROM photos WHERE id IN ({','.join(map(str, chunk))}) ORDER BY {order}"
        yield from (number for (number,) in fetch(connection, query))


def _hits(connection: Reader, ranked: Sequence[tuple[int, int]]) -> Iterator[Hit]:
    """The paths and words of a few photos, in the order given."""
    numbers = [number for _, number in ranked]
    some = f"IN ({','.join('?' * len(numbers))})"
    query = "SELECT photos.id, path, name, taken FROM photos JOIN folders ON folders.id = folder_id"
    places = fetch(connection, f"{query} WHERE photos.id {some}", numbers)
    facts = {number: (join_path(folder, name), taken) for number, folder, name, taken in places}
    query = f"SELECT photo_id, tag_id, score FROM photo_tags WHERE photo_id {some} AND score IS NOT NULL"
    given = fetch(connection, query, numbers)
    words = words_by_id(connection, {tag for _, tag, _ in given})
    carried: dict[int, dict[str, int]] = {number: {} for number in numbers}
    for number, tag, score in given:
        carried[number][words[tag]] = max(score, carried[number].get(words[tag], 0))
    for found, number in ranked:
        scores, (path, taken) = carried[number], facts[number]
        yield Hit(path, score_of(found), tuple(sorted(scores, key=lambda word: (-scores[word], word))), taken)
