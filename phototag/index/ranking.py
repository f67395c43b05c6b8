"""A query's tree in, rank and number of the photos that answer it out, best first and streamed.

Where one word says how well a photo answers, the word's postings are read in the order of their scores. Where several
do, sets are made of those that answer at least so well (`cuts`), from the best downwards: the best fifty of a hundred
thousand cost about fifty.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from phototag.index.blocks import BLOCK, BLOCK_BITS, LAST, last_of, score_and_place, scores_of
from phototag.index.cuts import Cuts
from phototag.index.database import Reader
from phototag.index.fields import Fact
from phototag.index.matching import Matcher, Photos, count, holds, numbers_in, without
from phototag.index.numbers import OWNER
from phototag.index.query import SURE, All, Node, Not, Word, facts_of, rank, tag_rank, words_of
from phototag.index.rows import chunks, fetch

BATCHES = (64, 256, 500)
"""How many photos are read at a time: few at first, for the sake of the first answer."""

_TAGS_MOST = 500
"""More tags than this are told apart here and not by SQLite, which would build a list of them for every batch."""

_RANKED_FIRST, _RANKED_MOST = 500, 16_000
"""How many photos are ranked one by one before some are given out: at first five milliseconds', later what fits."""

_NEAR, _SAMPLED, _PARTS = (4, 16, 64, 256, 1_024, 4_096), 16, 8
"""How far below the best, in ten-thousandths, the first level may reach; one block in how many tells which of these is
far enough; and into how many parts a level with many photos is taken."""

_EVERY = (1 << BLOCK) - 1
_Item = TypeVar("_Item")
_Facts = Mapping[Fact, Photos]


def best_first(connection: Reader, tree: Node, matcher: Matcher, wanted: int | None) -> Iterator[tuple[int, int]]:
    """Rank and number of the photos that match, best first, equally good ones in the order of the index.

    Args:
        wanted: how many of them will be asked for; None: all.
    """
    word = _deciding(tree)
    return _by_level(connection, tree, matcher, wanted) if word is None else _by_word(word, tree, matcher, wanted)


def in_order(connection: Reader, tree: Node, matcher: Matcher, numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Photos that match, in the order given, each with its rank."""
    return _ranked(connection, tree, matcher, numbers, {fact: matcher.photos(fact) for fact in facts_of(tree)})


def _deciding(tree: Node) -> Word | None:
    """The one word that says how well a photo answers, where all else is plainly so or not; None: there is no such."""
    parts = tree.parts if isinstance(tree, All) else (tree,)
    words = [part for part in parts if not isinstance(part, Fact | Not)]
    return words[0] if len(words) == 1 and isinstance(words[0], Word) else None


def _by_word(word: Word, tree: Node, matcher: Matcher, wanted: int | None) -> Iterator[tuple[int, int]]:
    """All of which the postings of the deciding word say."""
    given: dict[int, bytearray] = {}
    matches = None if tree is word else matcher.matches(tree)
    for found, number in _postings(matcher, word, matches, wanted if matches is None else None):
        flags = given.setdefault(number >> BLOCK_BITS, bytearray(BLOCK))
        if not flags[number & LAST]:  # a photo stands under several tags: it counts where it is best
            flags[number & LAST] = 1
            yield found, number


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
        rows = [row[:2] for row in matcher.rows(word, tags) if matches is None or row[0] in matches]

        def opened(order: int, rows: list[tuple[int, bytes]] = rows, exact: bool = exact) -> Iterator[tuple[int, int]]:
            block, packed = rows[order]
            every = scores_of(packed, word.least, word.most)
            some = every if wanted is None else every[-wanted:]
            return _posting(block, some, exact, None if matches is None else matches[block])

        firsts = [(score_and_place(last_of(packed)), block) for block, packed in rows]
        bests = [(tag_rank(score, exact), block << BLOCK_BITS | place) for (score, place), block in firsts]
        yield from _merged(bests, opened)


def _merged(
    bests: Iterable[tuple[int, int]], opened: Callable[[int], Iterator[tuple[int, int]]]
) -> Iterator[tuple[int, int]]:
    """Rank and number from many rows, best first; of a hundred thousand rows most never are opened.

    Args:
        bests: each row's first, or what would come before it.
        opened: gives a row.
    """
    heap: list[tuple[int, int, int, Iterator[tuple[int, int]] | None]]
    heap = [(-rank_, number, order, None) for order, (rank_, number) in enumerate(bests)]
    heapq.heapify(heap)
    while heap:
        worse, number, order, row = heap[0]
        if row is None:
            row = opened(order)
        else:
            yield -worse, number
        following = next(row, None)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (-following[0], following[1], order, row))


def _posting(block: int, entries: Sequence[int], exact: bool, bits: int | None) -> Iterator[tuple[int, int]]:
    """The matches among a block's entries for one tag, best first; `bits` are the block's matches, None: all."""
    flags = (_EVERY if bits is None else bits).to_bytes(BLOCK // 8, "little")
    for entry in reversed(entries):
        score, place = score_and_place(entry)
        if flags[place >> 3] >> (place & 7) & 1:
            yield tag_rank(score, exact), block << BLOCK_BITS | place


def _by_level(connection: Reader, tree: Node, matcher: Matcher, wanted: int | None) -> Iterator[tuple[int, int]]:
    """Those as sure as can be, of a few blocks and then of all; then level by level down.

    A level is taken apart where it holds many photos, so that few need be looked at before the first are given out.
    """
    parts, above = [], dict[int, int]()
    for run in matcher.runs():
        parts.append(Cuts(tree, run))
        found = parts[-1].at_least(SURE)
        above |= found
        yield from ((SURE, number) for number in numbers_in(found))
    if not any(True for _ in words_of(tree, wanted_only=True)):
        return
    facts = {fact: _union(part.matcher.photos(fact) for part in parts) for fact in facts_of(tree)}
    waiting: list[tuple[int, Photos | None]] = [(1, None), (_first_level(parts, wanted or _RANKED_FIRST), None)]
    high, most = SURE, _RANKED_FIRST
    while waiting:
        low, known = waiting.pop()
        if low >= high:
            continue
        found = _union(part.at_least(low) for part in parts) if known is None else known
        here = without(found, above)
        if low + 1 < high and count(here) > most:
            waiting += [(low, found), (high - max(1, (high - low) // _PARTS), None)]
            continue
        if low + 1 == high:
            yield from ((low, number) for number in numbers_in(here))
        else:
            ranked = _ranked(connection, tree, matcher, numbers_in(here), facts)
            yield from sorted(ranked, key=lambda one: (-one[0], one[1]))
        above, high, most = found, low, min(2 * most, _RANKED_MOST)


def _first_level(parts: Sequence[Cuts], wanted: int) -> int:
    """A rank that about twice as many photos as are wanted have or exceed; where there are not so many, the least."""
    best = max(part.best() for part in parts)
    blocks = [block for part in parts for block in part.matcher.blocks]
    some = set(blocks[:: min(_SAMPLED, len(blocks))])
    enough = 2 * wanted * len(some) / len(blocks)
    for far in _NEAR:
        found = _union(part.at_least(max(1, best - far), some) for part in parts)
        if sum(bits.bit_count() for block, bits in found.items() if block in some) >= enough:
            return max(1, best - far)
    return 1


def _union(parts: Iterable[Photos]) -> Photos:
    """The photos of several runs of blocks."""
    return {block: bits for part in parts for block, bits in part.items()}


def _ranked(
    connection: Reader, tree: Node, matcher: Matcher, numbers: Iterable[int], facts: _Facts
) -> Iterator[tuple[int, int]]:
    """Photos that match, each with its rank; `facts` says of which photos the query's facts are so."""
    if not any(True for _ in words_of(tree, wanted_only=True)):
        yield from ((SURE, number) for number in numbers)
        return
    for batch in _batches(iter(numbers)):
        ranks = _ranks(connection, batch, tree, matcher, facts)
        yield from ((rank(tree, ranks[number]), number) for number in batch)


def _batches(stream: Iterator[_Item]) -> Iterator[list[_Item]]:
    for size in BATCHES:
        if batch := list(islice(stream, size)):
            yield batch
    yield from chunks(stream, BATCHES[-1])


def _ranks(
    connection: Reader, numbers: Iterable[int], tree: Node, matcher: Matcher, facts: _Facts
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
    for fact, photos in facts.items():
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
