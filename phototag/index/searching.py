"""A query in, the photos that answer it out, in the order asked for and streamed.

Which photos match is found first, as a set (`matching`). Where they are few they are all ranked. Where they are many
the query's rarest word is read in the order of its scores, and a photo is given out as soon as none still to be read
can be better (the threshold algorithm of Fagin, Lotem and Naor, 2001): the best fifty of a hundred thousand cost about
fifty.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TypeVar

from phototag.index import Hit, Sort
from phototag.index.blocks import BLOCK, BLOCK_BITS, LAST, Kind, score_and_place
from phototag.index.database import Reader
from phototag.index.fields import Fact
from phototag.index.matching import Matcher, Photos, count, holds, numbers_in, unbounded
from phototag.index.numbers import OWNER
from phototag.index.query import SURE, All, Node, Not, Word, facts_of, parse, rank, score_of, tag_rank, words_of
from phototag.index.rows import chunks, fetch, join_path, words_by_id
from phototag.index.words import fold

_BATCHES = (64, 256, 500)
_RANKED_MOST = 1_000
"""As many matches are all ranked and sorted: about ten milliseconds."""

_TAGS_MOST = 500
"""More tags than this are told apart here and not by SQLite, which would build a list of them for every batch."""

_ALIKE = 0.6
_EVERY = (1 << BLOCK) - 1
_Item = TypeVar("_Item")


def search(connection: Reader, query: str, limit: int | None, offset: int, sort: Sort) -> Iterator[Hit]:
    """Photos that match; equally good ones in the order of the index.

    Raises:
        QueryError: the query cannot be understood.
    """
    tree, matcher = parse(query), Matcher(connection)
    wanted = None if limit is None else offset + limit
    if sort == "score":
        word = _deciding(tree)
        if word is not None:
            ranked = _ranked_by(word, tree, matcher, wanted)
        else:
            ranked = _ranked(connection, tree, matcher, wanted)
    else:
        numbers = (_by_date if sort == "date" else _by_path)(connection, matcher, matcher.matches(tree))
        ranked = _rank_all(connection, tree, matcher, numbers)
    for chunk in chunks(islice(ranked, offset, wanted), _BATCHES[0]):
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
    for some in chunks(alike, _TAGS_MOST):
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


def _deciding(tree: Node) -> Word | None:
    """The one word that says how well a photo answers, where all else is plainly so or not; None: there is no such."""
    parts = tree.parts if isinstance(tree, All) else (tree,)
    words = [part for part in parts if not isinstance(part, Fact | Not)]
    return words[0] if len(words) == 1 and isinstance(words[0], Word) else None


def _ranked_by(word: Word, tree: Node, matcher: Matcher, wanted: int | None) -> Iterator[tuple[int, int]]:
    """Rank and number of the photos that match, best first: all of which the postings of the deciding word say."""
    given: dict[int, bytearray] = {}
    matches = None if tree is word else matcher.matches(tree)
    for found, number in _postings(matcher, word, matches, wanted if matches is None else None):
        flags = given.setdefault(number >> BLOCK_BITS, bytearray(BLOCK))
        if not flags[number & LAST]:  # a photo stands under several tags: it counts where it is best
            flags[number & LAST] = 1
            yield found, number


def _ranked(connection: Reader, tree: Node, matcher: Matcher, wanted: int | None) -> Iterator[tuple[int, int]]:
    """Rank and number of the photos that match, best first; at most `wanted` of them where that is given."""
    matches = matcher.photos(tree)
    _, leading = _leading(tree, matcher)
    if count(matches) <= _RANKED_MOST:
        yield from sorted(_rank_all(connection, tree, matcher, numbers_in(matches)), key=lambda r: (-r[0], r[1]))
        return
    if leading is None:  # nothing of which there is more or less: any photo, in the order of the index, will do
        yield from _rank_all(connection, tree, matcher, numbers_in(matches))
        return
    waiting: list[tuple[int, int]] = []  # (-rank, number), a heap
    entered: set[int] = set()
    bound = 0
    for batch in _batches(_best_first(matcher, leading, matches)):
        ranks = _ranks(connection, [number for _, number in batch], tree, matcher)
        for at, number in batch:
            if at != bound:
                entered, bound = set(), at
            best = max(ranks[number].get(word, 0) for word in leading)
            if best != at or number in entered:  # a photo stands under several tags: it counts where it is best
                continue
            entered.add(number)
            if found := rank(tree, ranks[number]):
                heapq.heappush(waiting, (-found, number))
            while waiting and -waiting[0][0] >= bound:
                best_waiting = heapq.heappop(waiting)
                yield -best_waiting[0], best_waiting[1]
        if wanted is not None and len(waiting) > 4 * wanted + _BATCHES[-1]:
            waiting = heapq.nsmallest(wanted, waiting)
    while waiting:
        found, number = heapq.heappop(waiting)
        yield -found, number


def _rank_all(connection: Reader, tree: Node, matcher: Matcher, numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Photos that match, in the order given, each with its rank."""
    if not any(True for _ in words_of(tree, wanted_only=True)):
        yield from ((SURE, number) for number in numbers)
        return
    for batch in _batches(iter(numbers)):
        ranks = _ranks(connection, batch, tree, matcher)
        yield from ((rank(tree, ranks[number]), number) for number in batch)


def _leading(tree: Node, matcher: Matcher) -> tuple[int, set[Word] | None]:
    """The words of which every match has one, and how many photos they have; None: there are no such words."""
    if isinstance(tree, Word):
        return count(matcher.photos(tree)), {tree}
    if isinstance(tree, Not | Fact):
        return 0, None
    parts = [_leading(part, matcher) for part in tree.parts]
    if isinstance(tree, All):
        return min((part for part in parts if part[1] is not None), key=lambda part: part[0], default=(0, None))
    words: set[Word] = set()
    for _, some in parts:
        if some is None:
            return 0, None
        words |= some
    return sum(cost for cost, _ in parts), words


def _best_first(matcher: Matcher, words: Iterable[Word], matches: Photos) -> Iterator[tuple[int, int]]:
    """Rank and number of the matches under any of these words, best first; a photo may come more than once."""
    streams = [_postings(matcher, word, matches) for word in words]
    return heapq.merge(*streams, key=lambda posting: (-posting[0], posting[1]))


def _postings(
    matcher: Matcher, word: Word, matches: Photos | None = None, wanted: int | None = None
) -> Iterator[tuple[int, int]]:
    """One word's photos: those under the word itself all come before those under a tag that holds it.

    Args:
        matches: which photos are sought; None: all.
        wanted: how many of them are sought, which no block need give more of; None: all.
    """
    meaning = matcher.meaning(word)
    for tags, exact in ((meaning.exact, True), (meaning.partial, False)):
        streams = [
            _posting(
                block,
                entries if wanted is None else entries[-wanted:],
                exact,
                None if matches is None else matches[block],
            )
            for block, entries in matcher.entries(word, tags)
            if matches is None or block in matches
        ]
        yield from heapq.merge(*streams, key=lambda posting: (-posting[0], posting[1]))


def _posting(block: int, entries: Sequence[int], exact: bool, bits: int | None) -> Iterator[tuple[int, int]]:
    """The matches among a block's entries for one tag, best first; `bits` are the block's matches, None: all."""
    flags = (_EVERY if bits is None else bits).to_bytes(BLOCK // 8, "little")
    for entry in reversed(entries):
        score, place = score_and_place(entry)
        if flags[place >> 3] >> (place & 7) & 1:
            yield tag_rank(score, exact), block << BLOCK_BITS | place


def _batches(stream: Iterator[_Item]) -> Iterator[list[_Item]]:
    """Small batches first, for the sake of the first answer."""
    for size in _BATCHES:
        if batch := list(islice(stream, size)):
            yield batch
    yield from chunks(stream, _BATCHES[-1])


def _ranks(
    connection: Reader, numbers: Iterable[int], tree: Node, matcher: Matcher
) -> dict[int, dict[Word | Fact, int]]:
    """How well each photo answers each word and fact."""
    ranks: dict[int, dict[Word | Fact, int]] = {number: {} for number in numbers}
    answers = _answers(tree, matcher)
    marks = ",".join("?" * len(ranks))
    query = f"SELECT photo_id, source_id, tag_id, score FROM photo_tags WHERE photo_id IN ({marks})"
    if len(answers) <= _TAGS_MOST:
        query += f" AND tag_id IN ({','.join(map(str, answers))})"
    rows = fetch(connection, f"{query} AND score IS NOT NULL", list(ranks)) if answers else ()
    for number, source, tag, score in rows:
        here = ranks[number]
        for word, exact in answers.get(tag, ()):
            if word.least <= score <= word.most and (not word.field or _gives(word, source)):
                found = tag_rank(score, exact)
                if found > here.get(word, 0):
                    here[word] = found
    for fact in facts_of(tree):
        photos = matcher.photos(fact)
        for number, here in ranks.items():
            if holds(photos, number):
                here[fact] = SURE
    return ranks


def _answers(tree: Node, matcher: Matcher) -> Mapping[int, Sequence[tuple[Word, bool]]]:
    """Which words a tag answers, and whether it is the word itself."""
    answers: dict[int, list[tuple[Word, bool]]] = {}
    for word in set(words_of(tree)):
        meaning = matcher.meaning(word)
        for tags, exact in ((meaning.exact, True), (meaning.partial, False)):
            for tag in tags:
                answers.setdefault(tag, []).append((word, exact))
    return answers


def _gives(word: Word, source: int) -> bool:
    return (source == OWNER) == (word.field == "keyword")


def _by_date(connection: Reader, matcher: Matcher, matches: Photos) -> Iterator[int]:
    """The numbers of photos, the latest first; those without a date last."""
    days = sorted(matcher.values(Kind.DAY), reverse=True)
    undated = dict(matches)
    for _, rows in groupby(days, key=lambda row: row[0]):
        found = {block: matcher.one(Kind.DAY, day, block) & matches.get(block, 0) for day, block in rows}
        for block, bits in found.items():
            if bits:
                undated[block] &= ~bits
        yield from _sorted(connection, found, "taken DESC, id")
    yield from numbers_in(undated)


def _by_path(connection: Reader, matcher: Matcher, matches: Photos) -> Iterator[int]:
    """The numbers of photos, in the order of their folders' and their own names."""
    blocks: dict[int, list[int]] = {}
    for folder, block in matcher.values(Kind.FOLDER):
        blocks.setdefault(folder, []).append(block)
    for (folder,) in fetch(connection, "SELECT id FROM folders ORDER BY path"):
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
