"""A query's tree in, the set of photos that match it out: a number for each block of photos, a bit for each photo.

Sets of a million photos are joined in well under a millisecond so, and counted as quickly.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import TypeAlias

from phototag.index.blocks import (
    BLOCK,
    BLOCK_BITS,
    LAST,
    Kind,
    Places,
    State,
    ending_value,
    places_in,
    scored_bits,
)
from phototag.index.database import Reader
from phototag.index.fields import Fact
from phototag.index.names import as_compared, named, path_as_compared
from phototag.index.numbers import SCORE_SCALE
from phototag.index.places import cell_lies, rows_near
from phototag.index.query import All, Node, Not, Word
from phototag.index.rows import chunks, fetch, words_holding
from phototag.index.synonyms import synonyms_of
from phototag.index.words import fold

Photos: TypeAlias = dict[int, int]
"""A set of photos: by block, a number with a bit for each."""

_VALUES_AT_ONCE = 10_000
_FIRST_RUN, _RUNS_GROW = 4, 8
_SOUGHT, _TAGS_SOUGHT = 32, 300
_STATES = {"duplicate": State.DUPLICATE, "failed": State.FAILED, "unsure": State.UNSURE}


@dataclass(frozen=True, slots=True)
class Meaning:
    """The tags that answer a word: those that are it, and those that hold it or are synonyms of it."""

    exact: tuple[int, ...]
    partial: tuple[int, ...]

    @property
    def tags(self) -> tuple[int, ...]:
        """All of them."""
        return self.exact + self.partial


class Matcher:
    """Looks up what photos stand behind the leaves of a query, each once, as of one moment."""

    def __init__(self, connection: Reader) -> None:
        self._connection = connection
        ((last,),) = fetch(connection, "SELECT coalesce(max(id), 0) FROM photos")
        self._look_into(range((last >> BLOCK_BITS) + 1))
        self._meanings: dict[tuple[str, str, bool], Meaning] = {}
        self._folders: list[tuple[int, bytes]] = []

    def matches(self, tree: Node) -> Photos:
        """Those that match, where what the parts match is not asked for afterwards.

        Of parts that must all match, those that most often leave few photos come first, and the others are looked up
        only in the blocks that are left.
        """
        if not isinstance(tree, All):
            return self.photos(tree)
        matcher = self
        first, *others = sorted(tree.parts, key=breadth)
        found = matcher.photos(first)
        for part in others:
            if 2 * len(found) < len(matcher.blocks):
                matcher = matcher.narrowed(sorted(found))
            found = both(found, matcher.photos(part))
        return found

    def runs(self) -> Iterator["Matcher"]:
        """The same for a few blocks, for the next many, and so on: who wants any few photos need not ask them all."""
        at, size = 0, _FIRST_RUN
        while at < len(self.blocks):
            yield self.narrowed(self.blocks[at : at + size])
            at, size = at + size, size * _RUNS_GROW

    def narrowed(self, blocks: Sequence[int]) -> "Matcher":
        """One that looks only into some blocks."""
        narrowed = copy(self)
        narrowed._look_into(blocks)
        return narrowed

    def _look_into(self, blocks: Sequence[int]) -> None:
        self.blocks = blocks
        self._blocks = ",".join(map(str, blocks)) or "-1"
        self._found: dict[Node, Photos] = {}

    def photos(self, node: Node) -> Photos:
        """Those that match."""
        if node not in self._found:
            self._found[node] = self._look_up(node)
        return self._found[node]

    def meaning(self, word: Word) -> Meaning:
        """The tags a word stands for."""
        found = self._held(word)
        return replace(found, partial=()) if word.alone else found

    def _held(self, word: Word) -> Meaning:
        """The tags that hold a word, and those that are synonyms of it or, where it is wanted, broader."""
        key = (word.normal, word.prefix, word.left_out)
        if key not in self._meanings:
            rows = words_holding(self._connection, word.normal, word.prefix)
            partial = dict.fromkeys(number for number, normal in rows if normal != word.normal)
            for synonym in () if word.prefix else synonyms_of(word.normal, broader=not word.left_out):
                alike = words_holding(self._connection, synonym, "")
                partial |= dict.fromkeys(number for number, normal in alike if normal == synonym)
            self._meanings[key] = Meaning(
                exact=tuple(number for number, normal in rows if normal == word.normal), partial=tuple(sorted(partial))
            )
        return self._meanings[key]

    def rows(self, word: Word, tags: Sequence[int]) -> Iterator[tuple[int, bytes, bytes | None]]:
        """A block, and what stands in it for a tag, as `scored_bits` and `scores_of` take it."""
        for kind in _kinds(word):
            for values in chunks(tags, _VALUES_AT_ONCE):
                query = f"SELECT block, entries, bits FROM postings WHERE {self._where(kind, values)}"
                yield from fetch(self._connection, query)

    def values(self, kind: Kind) -> list[tuple[int, int, bytes | None, bytes | None]]:
        """Every value of a kind with the blocks it is in, and what stands there: see `row_bits`."""
        where = f"block IN ({self._blocks}) AND kind = {kind:d}"
        return fetch(self._connection, f"SELECT value, block, entries, bits FROM postings WHERE {where}")

    def largest(self, kind: Kind) -> int:
        """The largest value of a kind; 0: there is none."""
        query = f"SELECT coalesce(max(value), 0) FROM postings WHERE block IN ({self._blocks}) AND kind = {kind:d}"
        return int(fetch(self._connection, query)[0][0])

    def between(self, kind: Kind, low: int, high: int) -> Photos:
        """Photos that have one of the values between two."""
        where = f"block IN ({self._blocks}) AND kind = {kind:d} AND value BETWEEN {low} AND {high}"
        return self._gather([where])

    def _look_up(self, node: Node) -> Photos:
        if isinstance(node, Word):
            return self._with_word(node)
        if isinstance(node, Fact):
            return _FACTS[node.field](self, node)
        if isinstance(node, Not):
            return without(self._state(State.KNOWN), self.photos(node.part))
        parts = [self.photos(part) for part in node.parts]
        return reduce(both if isinstance(node, All) else either, parts)

    def _with_word(self, word: Word) -> Photos:
        tags = self.meaning(word).tags
        if _any_score(word):
            return self._having(_kinds(word), tags)
        found: Photos = {}
        for block, entries, bits in self.rows(word, tags):
            found[block] = found.get(block, 0) | scored_bits(entries, bits, word.least, word.most)
        return _kept(found)

    def _having(self, kinds: Sequence[Kind], values: Sequence[int]) -> Photos:
        """Photos that have any of these values."""
        return self._gather([self._where(kind, some) for kind in kinds for some in chunks(values, _VALUES_AT_ONCE)])

    def _state(self, state: State) -> Photos:
        return self._having((Kind.IS,), (state,))

    def _where(self, kind: Kind, values: Sequence[int]) -> str:
        # Each value is looked up in each block; where that is dearer than to go through all values, "+" forbids it.
        sought = "value" if len(values) <= (_TAGS_SOUGHT if kind == Kind.TAG else _SOUGHT) else "+value"
        wanted = f"{sought} IN ({','.join(map(str, values))})"
        return f"block IN ({self._blocks}) AND kind = {kind:d} AND {wanted}"

    def _gather(self, conditions: Iterable[str]) -> Photos:
        found: dict[int, Places] = defaultdict(Places)
        columns = "block, kind, CASE WHEN bits IS NULL THEN entries END, bits"
        for where in conditions:
            for block, kind, entries, bits in fetch(self._connection, f"SELECT {columns} FROM postings WHERE {where}"):
                found[block].add(kind, entries, bits)
        return _kept({block: places.bits for block, places in found.items()})

    def _of_numbers(self, query: str, values: Sequence[object] = ()) -> Photos:
        """Photos whose numbers a query of SQL's finds."""
        flags: dict[int, bytearray] = {}
        for (number,) in fetch(self._connection, query, values):
            place = number & (BLOCK - 1)
            flags.setdefault(number >> BLOCK_BITS, bytearray(BLOCK // 8))[place >> 3] |= 1 << (place & 7)
        found = {block: int.from_bytes(some, "little") for block, some in flags.items()}
        return both(found, self._state(State.KNOWN))

    def _named(self, kind: Kind, table: str, text: str) -> Photos:
        """Photos with a camera or model whose name holds a text, without regard to case and accents."""
        wanted = fold(text)
        rows = fetch(self._connection, f"SELECT id, name FROM {table} WHERE name <> ''")
        return self._having((kind,), [number for number, name in rows if wanted in fold(name)])

    def _in_folder(self, fact: Fact) -> Photos:
        wanted, separator = as_compared(fact.text), os.fsencode(os.sep)
        every = self._all_folders()
        found = [number for number, path in every if wanted in path_as_compared(path.rstrip(separator) + separator)]
        return self._having((Kind.FOLDER,), found)

    def _at_path(self, fact: Fact) -> Photos:
        """Photos whose whole path begins with a text."""
        begin, separator = os.fsencode(fact.text), os.fsencode(os.sep)
        whole, found = [], dict[int, int]()
        for number, path in self._all_folders():
            inside = path.rstrip(separator) + separator
            if inside.startswith(begin):
                whole.append(number)
            elif begin.startswith(inside) and separator not in (rest := begin.removeprefix(inside)):
                some = "SELECT id FROM photos WHERE folder_id = ? AND substr(name, 1, CAST(? AS INTEGER)) = ?"
                found = either(found, self._of_numbers(some, (number, len(rest), rest)))
        return either(found, self._having((Kind.FOLDER,), whole))

    def _all_folders(self) -> list[tuple[int, bytes]]:
        if not self._folders:  # one list, which those who look into fewer blocks share
            self._folders += fetch(self._connection, "SELECT id, path FROM folders")
        return self._folders

    def _by_name(self, fact: Fact) -> Photos:
        return _kept(dict(named(self._connection, fact.text, self._state(State.KNOWN))))

    def _of_size(self, fact: Fact) -> Photos:
        """Photos of a size between two, in tenths of a megabyte."""
        gathered: dict[int, dict[int, Places]] = defaultdict(lambda: defaultdict(Places))
        query = "SELECT block, kind, value, entries, bits FROM postings"
        where = f"block IN ({self._blocks}) AND kind = {Kind.SIZE_BIT:d}"
        for block, kind, bit, entries, bits in fetch(self._connection, f"{query} WHERE {where}"):
            gathered[bit][block].add(kind, entries, bits)
        having = {bit: {b: places.bits for b, places in blocks.items()} for bit, blocks in gathered.items()}
        every = self._state(State.KNOWN)
        return without(_up_to(every, having, fact.high), _up_to(every, having, fact.low - 1))

    def _near(self, fact: Fact) -> Photos:
        """Photos taken within a circle; those in cells that its edge cuts are looked at one by one."""
        circle = fact.circle
        assert circle is not None
        low, high = rows_near(circle)
        inside: dict[int, Places] = defaultdict(Places)
        edge: dict[int, Places] = defaultdict(Places)
        lies = cache(lambda cell: cell_lies(cell, circle))
        where = f"block IN ({self._blocks}) AND kind = {Kind.CELL:d} AND value BETWEEN {low} AND {high}"
        query = f"SELECT block, value, entries, bits FROM postings WHERE {where}"
        for block, cell, entries, bits in fetch(self._connection, query):
            if (whole := lies(cell)) is not False:
                (inside if whole else edge)[block].add(Kind.CELL, entries, bits)
        found = {block: places.bits for block, places in inside.items()}
        for chunk in chunks(numbers_in({block: places.bits for block, places in edge.items()}), _VALUES_AT_ONCE):
            query = f"SELECT id, latitude, longitude FROM photos WHERE id IN ({','.join(map(str, chunk))})"
            for number, *place in fetch(self._connection, query):
                if circle.holds(*place):
                    block = number >> BLOCK_BITS
                    found[block] = found.get(block, 0) | 1 << (number & LAST)
        return _kept(found)

    def _given_by(self, fact: Fact) -> Photos:
        return self._state(State.BY_ME if fact.text == "me" else State.BY_PHOTOTAG)

    def _being(self, fact: Fact) -> Photos:
        if fact.text in _STATES:
            return self._state(_STATES[fact.text])
        if fact.text == "missing":
            gone = fetch(self._connection, "SELECT id FROM folders WHERE missing = 1")
            return self._having((Kind.FOLDER,), [number for (number,) in gone])
        tagged = either(self._state(State.BY_ME), self._state(State.BY_PHOTOTAG))
        return tagged if fact.text == "tagged" else without(self._state(State.KNOWN), tagged)


_FACTS: dict[str, Callable[[Matcher, Fact], Photos]] = {
    "by": Matcher._given_by,
    "path": Matcher._at_path,
    "folder": Matcher._in_folder,
    "name": Matcher._by_name,
    "ext": lambda m, fact: m._having(
        (Kind.ENDING,), (ending_value(f"x.{fact.text}".encode(errors="surrogateescape")),)
    ),
    "camera": lambda m, fact: m._named(Kind.CAMERA, "cameras", fact.text),
    "lens": lambda m, fact: m._named(Kind.LENS, "lenses", fact.text),
    "date": lambda m, fact: m.between(Kind.DAY, fact.low, fact.high),
    "width": lambda m, fact: m.between(Kind.WIDTH, fact.low, fact.high),
    "height": lambda m, fact: m.between(Kind.HEIGHT, fact.low, fact.high),
    "size": Matcher._of_size,
    "near": Matcher._near,
    "model": lambda m, fact: m._named(Kind.MODEL, "sources", fact.text),
    "is": Matcher._being,
}


def breadth(node: Node) -> int:
    """Which of several parts most often leave few photos, or are cheap to look up: those come first."""
    if isinstance(node, Fact):
        return 1 if node.field in ("folder", "path", "name") else 0
    return 2 if isinstance(node, Word) else 3


def unbounded(word: Word) -> Word:
    """The word with any score."""
    return replace(word, least=0, most=SCORE_SCALE)


def count(photos: Photos) -> int:
    """How many photos a set holds."""
    return sum(bits.bit_count() for bits in photos.values())


def numbers_in(photos: Photos) -> Iterator[int]:
    """The numbers of a set's photos, in order."""
    for block in sorted(photos):
        yield from (block << BLOCK_BITS | place for place in places_in(photos[block]))


def holds(photos: Photos, number: int) -> bool:
    """Whether a photo is in a set."""
    return bool(photos.get(number >> BLOCK_BITS, 0) >> (number & (BLOCK - 1)) & 1)


def _up_to(every: Photos, having: Mapping[int, Photos], most: int) -> Photos:
    """Those of some photos whose value is not above a limit; `having` are those with a bit of it set, by bit.

    From the highest bit down, photos that have a 0 where the limit has a 1 are below it, and those that have had the
    same bits so far are still in question (bit-sliced indexes; O'Neil and Quass 1997).
    """
    highest = max(having, default=-1)
    if most < 0 or most >> (highest + 1):
        return every if most >= 0 else {}
    equal, below = every, dict[int, int]()
    for bit in range(highest, -1, -1):
        ones = having.get(bit, {})
        if most >> bit & 1:
            below = either(below, without(equal, ones))
            equal = both(equal, ones)
        else:
            equal = without(equal, ones)
    return either(below, equal)


def both(one: Photos, other: Photos) -> Photos:
    """Those that are in both sets."""
    return _kept({block: bits & other.get(block, 0) for block, bits in one.items()})


def either(one: Photos, other: Photos) -> Photos:
    """Those that are in one of the sets."""
    return {block: one.get(block, 0) | other.get(block, 0) for block in one.keys() | other.keys()}


def without(one: Photos, other: Photos) -> Photos:
    """Those of one set that are not in the other."""
    return _kept({block: bits & ~other.get(block, 0) for block, bits in one.items()})


def _kept(photos: Photos) -> Photos:
    return {block: bits for block, bits in photos.items() if bits}


def _kinds(word: Word) -> tuple[Kind, ...]:
    return {"": (Kind.KEYWORD, Kind.TAG), "tag": (Kind.TAG,), "keyword": (Kind.KEYWORD,)}[word.field]


def _any_score(word: Word) -> bool:
    return word.least <= 0 and word.most >= SCORE_SCALE
