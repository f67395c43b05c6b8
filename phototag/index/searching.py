"""A parsed query in, the photos that answer it out, best first and streamed.

Each tag's photos can be read in the order of their scores. The query's rarest word is read in that order, a batch of
photos at a time; each batch's full rank is worked out, and a photo is given out as soon as no photo still to be read
can be better (the threshold algorithm of Fagin, Lotem and Naor, 2001). So the best fifty of a hundred thousand cost
about fifty.
"""

import difflib
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, Connection, exists, func, literal, select

from phototag.index import Hit
from phototag.index.query import All, Node, Not, Word, parse, rank, score_of, tag_rank, words_of
from phototag.index.rows import chunks, join_path, words_by_id
from phototag.index.tables import folders, photo_tags, photos, tags, tags_fts

_BATCHES = (64, 256, 500)
_MERGED_MOST = 8
_COUNTED_MOST = 50_000
_TAGS_AT_ONCE = 10_000  # SQLite takes 32,766 values in a statement
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class _Meaning:
    """The tags that answer a word: those that are it, and those that hold it."""

    exact: tuple[int, ...]
    partial: tuple[int, ...]


_Answers = Mapping[int, Sequence[tuple[Word, bool]]]
"""The other way round: which words a tag answers, and whether it is the word itself."""


def search(connection: Connection, query: str, limit: int | None, offset: int) -> Iterator[Hit]:
    """Photos that match, best first; equally good ones in the order of the index.

    Raises:
        QueryError: the query cannot be understood.
    """
    tree = parse(query)
    meanings = {word: _meaning(connection, word) for word in words_of(tree)}
    wanted = None if limit is None else offset + limit
    ranked = islice(_ranked(connection, tree, meanings, wanted), offset, wanted)
    for chunk in chunks(ranked, _BATCHES[0]):
        yield from _hits(connection, chunk)


def suggest(connection: Connection, query: str) -> dict[str, tuple[str, ...]]:
    """The words of a query that no photo has, each with the known words most like it."""
    wanted = words_of(parse(query), wanted_only=True)
    unknown = [word for word in wanted if not _cost(connection, _meaning(connection, word))]
    if not unknown:
        return {}
    used = exists().where(photo_tags.c.tag_id == tags.c.id, photo_tags.c.score.is_not(None))
    rows = connection.execute(select(tags.c.normal, tags.c.word).where(used).order_by(tags.c.word.desc()))
    known: dict[str, str] = dict(rows.all())
    return {
        word.text: tuple(known[near] for near in difflib.get_close_matches(word.normal, known, n=3, cutoff=_ALIKE))
        for word in unknown
    }


def _meaning(connection: Connection, word: Word) -> _Meaning:
    """The tags a word stands for. What reaches FTS5 is quoted, and holds no quote: the normal form keeps none."""
    wanted = f'"{word.normal}"'
    if word.prefix:
        wanted = f'"{word.prefix}" * OR "{word.normal}" *'
    rows = connection.execute(
        select(tags.c.id, tags.c.normal)
        .join(tags_fts, tags_fts.c.rowid == tags.c.id)
        .where(tags_fts.c.tags_fts.op("MATCH")(wanted))
        .order_by(tags.c.id)
    ).all()
    return _Meaning(
        exact=tuple(number for number, normal in rows if normal == word.normal),
        partial=tuple(number for number, normal in rows if normal != word.normal),
    )


def _ranked(
    connection: Connection, tree: Node, meanings: Mapping[Word, _Meaning], wanted: int | None
) -> Iterator[tuple[int, int]]:
    """Rank and number of the photos that match, best first; at most `wanted` of them where that is given."""
    answers = _answers(meanings)
    costs = {word: _cost(connection, meaning) for word, meaning in meanings.items()}
    _, leading = _leading(tree, costs)
    if leading is None:  # nothing but words to leave out: every photo, in the order of the index, is as good as any
        for batch in chunks(connection.execute(select(photos.c.id).order_by(photos.c.id)).scalars(), _BATCHES[-1]):
            ranks = _ranks(connection, batch, answers)
            yield from ((found, number) for number in batch if (found := rank(tree, ranks[number])))
        return
    waiting: list[tuple[int, int]] = []  # (-rank, number), a heap
    entered: set[int] = set()
    bound = 0
    for batch in _batches(_best_first(connection, [meanings[word] for word in leading])):
        ranks = _ranks(connection, [number for _, number in batch], answers)
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


def _leading(tree: Node, costs: Mapping[Word, int]) -> tuple[int, set[Word] | None]:
    """The words of which every match has one, and about how many photos they have; None: there are no such words."""
    if isinstance(tree, Word):
        return costs[tree], {tree}
    if isinstance(tree, Not):
        return 0, None
    parts = [_leading(part, costs) for part in tree.parts]
    if isinstance(tree, All):
        return min((part for part in parts if part[1] is not None), key=lambda part: part[0], default=(0, None))
    words: set[Word] = set()
    for _, some in parts:
        if some is None:
            return 0, None
        words |= some
    return sum(cost for cost, _ in parts), words


def _cost(connection: Connection, meaning: _Meaning) -> int:
    """About how many photos have a word; counted only as far as it matters."""
    count = 0
    for ids in chunks((*meaning.exact, *meaning.partial), _TAGS_AT_ONCE):
        some = select(literal(1)).where(*_said(ids)).limit(_COUNTED_MOST - count).subquery()
        count += int(connection.execute(select(func.count()).select_from(some)).scalar_one())
    return count


def _best_first(connection: Connection, meanings: Iterable[_Meaning]) -> Iterator[tuple[int, int]]:
    """Rank and number of the photos under any of these words, best first; a photo may come more than once."""
    streams = [_postings(connection, meaning) for meaning in meanings]
    return heapq.merge(*streams, key=lambda posting: (-posting[0], posting[1]))


def _postings(connection: Connection, meaning: _Meaning) -> Iterator[tuple[int, int]]:
    """One word's photos: those under the word itself all come before those under a tag that holds it."""
    for ids, exact in ((meaning.exact, True), (meaning.partial, False)):
        # Few tags are read side by side, each in its own order; many at once would cost more than sorting them does.
        groups = chunks(ids, 1 if len(ids) <= _MERGED_MOST else _TAGS_AT_ONCE)
        streams = [_posting(connection, group, exact) for group in groups]
        yield from heapq.merge(*streams, key=lambda posting: (-posting[0], posting[1]))


def _posting(connection: Connection, tag_ids: Sequence[int], exact: bool) -> Iterator[tuple[int, int]]:
    query = (
        select(photo_tags.c.score, photo_tags.c.photo_id)
        .where(*_said(tag_ids))
        .order_by(photo_tags.c.score.desc(), photo_tags.c.photo_id)
    )
    for score, number in connection.execute(query, execution_options={"yield_per": _BATCHES[-1]}):
        yield tag_rank(score, exact), number


def _batches(stream: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Small batches first, for the sake of the first answer."""
    for size in _BATCHES:
        if batch := list(islice(stream, size)):
            yield batch
    yield from chunks(stream, _BATCHES[-1])


def _answers(meanings: Mapping[Word, _Meaning]) -> _Answers:
    answers: dict[int, list[tuple[Word, bool]]] = {}
    for word, meaning in meanings.items():
        for tags_, exact in ((meaning.exact, True), (meaning.partial, False)):
            for tag in tags_:
                answers.setdefault(tag, []).append((word, exact))
    return answers


def _ranks(connection: Connection, numbers: Iterable[int], answers: _Answers) -> dict[int, dict[Word, int]]:
    """How well each photo answers each word."""
    ranks: dict[int, dict[Word, int]] = {number: {} for number in numbers}
    query = select(photo_tags.c.photo_id, photo_tags.c.tag_id, photo_tags.c.score)
    query = query.where(photo_tags.c.photo_id.in_(list(ranks)), photo_tags.c.score.is_not(None))
    if len(answers) <= _BATCHES[-1]:
        # "+ 0" keeps SQLite from reading whole tags to find a few photos.
        query = query.where((photo_tags.c.tag_id + 0).in_(list(answers)))
    for number, tag, score in connection.execute(query):
        for word, exact in answers.get(tag, ()):
            here = ranks[number]
            here[word] = max(here.get(word, 0), tag_rank(score, exact))
    return ranks


def _said(tag_ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    return photo_tags.c.tag_id.in_(tag_ids), photo_tags.c.score.is_not(None)


def _hits(connection: Connection, ranked: Sequence[tuple[int, int]]) -> Iterator[Hit]:
    """The paths and words of a few photos, in the order given."""
    numbers = [number for _, number in ranked]
    places = connection.execute(
        select(photos.c.id, folders.c.path, photos.c.name).join(folders).where(photos.c.id.in_(numbers))
    )
    paths = {number: join_path(folder, name) for number, folder, name in places}
    given = connection.execute(
        select(photo_tags.c.photo_id, photo_tags.c.tag_id, photo_tags.c.score).where(
            photo_tags.c.photo_id.in_(numbers), photo_tags.c.score.is_not(None)
        )
    ).all()
    words = words_by_id(connection, {tag for _, tag, _ in given})
    carried: dict[int, dict[str, int]] = {number: {} for number in numbers}
    for number, tag, score in given:
        carried[number][words[tag]] = max(score, carried[number].get(words[tag], 0))
    for found, number in ranked:
        scores = carried[number]
        yield Hit(paths[number], score_of(found), tuple(sorted(scores, key=lambda word: (-scores[word], word))))
