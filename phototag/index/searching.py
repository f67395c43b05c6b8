"""A query in, the photos that answer it out, in the order asked for and streamed.

Which photos match is found as sets (`matching`), and how well they do in `ranking`.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from phototag.index import Hit, Sort
from phototag.index.blocks import Kind
from phototag.index.database import Reader
from phototag.index.matching import Matcher, count, unbounded
from phototag.index.ordering import by_date, by_path
from phototag.index.query import parse, score_of, words_of
from phototag.index.ranking import BATCHES, best_first, in_order
from phototag.index.rows import chunks, fetch, join_path, words_by_id
from phototag.index.words import fold

_TAGS_AT_ONCE = 500
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
        numbers = (by_date if sort == "date" else by_path)(connection, matcher, matcher.matches(tree))
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
