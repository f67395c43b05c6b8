"""What people type in, a tree of words out, and what the tree makes of one photo. Pure; no database here.

query := all ("OR" all)*        words side by side must all be there; AND between them says the same
all   := part ("AND"? part)*
part  := "-" part | "(" query ")" | value | field ":" value
value := ["="] "quoted words" | ["="] word | word*
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from phototag.errors import QueryError
from phototag.index.fields import FIELDS, WORD_FIELDS, Fact, read_fact, read_scores
from phototag.index.numbers import SCORE_SCALE
from phototag.index.words import fold, normal_form

EXACT = 20_000
"""Added to the rank of a tag that is the word itself, so that "dog" stands above any "hot dog"."""

SURE = EXACT + 10_001
"""The rank of what is plainly so: a date, or that a word is not there."""

_FIELD = re.compile(r"([A-Za-z]+):")
_DEPTH_MOST = 50
_PARTS_MOST = 200


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a quoted phrase.

    Attributes:
        text: as it was typed.
        normal: its normal form, never empty.
        prefix: what tags' tokens must begin with, for `beac*`; empty: whole words.
        field: "tag" for phototag's words alone, "keyword" for the owner's alone, empty for both.
        least: the score it must have, in ten-thousandths; the owner's words have 10,000.
        most: the score it may have.
        alone: the tag must be the word, and not only hold it: `=dog` does not find "hot dog".
        left_out: it stands behind a minus, where no broader word will do: `puppy` finds dogs, but `-puppy` leaves out
            none that is not said to be a puppy.
    """

    text: str
    normal: str
    prefix: str = ""
    field: str = ""
    least: int = 0
    most: int = SCORE_SCALE
    alone: bool = False
    left_out: bool = False

    def __hash__(self) -> int:
        return hash(self.normal)  # a text keeps its own: words are looked up for every photo that is ranked


@dataclass(frozen=True, slots=True)
class All:
    """Every part must match."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One part must match."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not match."""

    part: "Node"


Node: TypeAlias = Word | Fact | All | Any | Not


@dataclass(frozen=True, slots=True)
class _Score:
    """`score:`, until the words beside it are known; `at` is where it stands."""

    least: int
    most: int
    at: int


def parse(query: str) -> Node:
    """Read a query.

    Raises:
        QueryError: with the query and a mark under the spot.
    """
    return _Parser(query).parse()


def words_of(node: Node, *, wanted_only: bool = False) -> Iterator[Word]:
    """Every word in a query; those within a part to be left out too, unless `wanted_only`."""
    if isinstance(node, Word):
        yield node
    elif isinstance(node, Fact):
        return
    elif isinstance(node, Not):
        yield from () if wanted_only else words_of(node.part)
    else:
        for part in node.parts:
            yield from words_of(part, wanted_only=wanted_only)


def facts_of(node: Node) -> Iterator[Fact]:
    """Every fact in a query."""
    if isinstance(node, Fact):
        yield node
    elif isinstance(node, Not):
        yield from facts_of(node.part)
    elif not isinstance(node, Word):
        for part in node.parts:
            yield from facts_of(part)


def tag_rank(score: int, exact: bool) -> int:
    """How well one tag answers one word: above 0, more is better.

    Args:
        score: in ten-thousandths.
        exact: whether the tag is the word, and not only holds it.
    """
    return 1 + score + (EXACT if exact else 0)


def rank(node: Node, ranks: Mapping[Word | Fact, int]) -> int:
    """How well a photo answers a query, 0 if it does not.

    Words that must all be there are as sure as the least sure of them, alternatives as the surest, and that a word
    is not there is taken as sure (the minimum and maximum of fuzzy logic, Zadeh 1965).

    Args:
        ranks: of each word, its best tag in the photo; absent or 0 where there is none. Of a fact `SURE` or 0.
    """
    if isinstance(node, Word | Fact):
        return ranks.get(node, 0)
    if isinstance(node, Not):
        return 0 if rank(node.part, ranks) else SURE
    if isinstance(node, All):
        return min(rank(part, ranks) for part in node.parts)
    return max(rank(part, ranks) for part in node.parts)


def score_of(rank_: int) -> float:
    """The score, 0 to 1, within a rank above 0."""
    return ((rank_ - 1) % EXACT) / 10_000


class _Parser:
    """Recursive descent over the characters; `_at` is the next one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._parts = 0

    def parse(self) -> Node:
        if not self._text.strip():
            raise QueryError("there is nothing to search for: give a word")
        node = self._query(depth=0)
        if self._at < len(self._text):  # only a closing parenthesis ends a query early
            raise self._error("this parenthesis was never opened", self._at)
        return node

    def _query(self, depth: int) -> Node:
        parts = [self._all(depth)]
        while self._keyword("OR"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self, depth: int) -> Node:
        found = [self._part(depth)]
        while self._keyword("AND") or not self._ends():
            found.append(self._part(depth))
        parts = [part for part in found if not isinstance(part, _Score)]
        for score in found:
            if isinstance(score, _Score):
                if not any(True for part in parts for _ in words_of(part, wanted_only=True)):
                    raise self._error("score: is about the words beside it, and there are none", score.at)
                parts = [_bounded(part, score) for part in parts]
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _part(self, depth: int) -> "Node | _Score":
        self._skip_spaces()
        start, negative = self._at, False
        while self._peek() == "-":
            self._at += 1
            negative = not negative
        self._parts += 1
        if depth > _DEPTH_MOST or self._parts > _PARTS_MOST:
            raise self._error("the query is too long or nested too deeply", start)
        node: Node | _Score
        if self._peek() == "(":
            node = self._group(depth)
        elif field := _FIELD.match(self._text, self._at):
            node = self._field(field[1], start)
        else:
            node = self._value(start)
        if not negative:
            return node
        if isinstance(node, _Score):
            raise self._error("score: cannot be left out: turn it round, as in score:<0.5", start)
        return Not(_turned(node))

    def _group(self, depth: int) -> Node:
        opened = self._at
        self._at += 1
        node = self._query(depth + 1)
        self._skip_spaces()
        if self._peek() != ")":
            raise self._error("this parenthesis is never closed", opened)
        self._at += 1
        return node

    def _field(self, name: str, start: int) -> "Node | _Score":
        field, begin = name.lower(), self._at
        if field not in FIELDS:
            raise self._error(f"there is no field {name}: (put quotes around it to find it as words)", begin)
        self._at += len(name) + 1
        if field in WORD_FIELDS:
            return replace(self._value(start), field=field)
        at = self._at
        value = self._quoted() if self._peek() == '"' else self._bare()
        if not value.strip():
            raise self._error(f"a value is missing behind {field}:", begin)
        try:
            return _Score(*read_scores(value), begin) if field == "score" else read_fact(field, value)
        except ValueError as exc:
            raise self._error(str(exc), at) from exc

    def _value(self, start: int) -> Word:
        """A word or a phrase."""
        if self._peek() == "=":
            self._at += 1
            word = self._value(start)
            if word.prefix:
                raise self._error("a word that is to be exact cannot end with *", start)
            return replace(word, alone=True)
        begin = self._at
        if self._peek() == '"':
            return self._searchable(self._quoted(), begin)
        text = self._bare()
        if not text or text in ("OR", "AND"):
            raise self._error("a word is missing here", start)
        if text.endswith("*") and fold(text):
            return Word(text, normal_form(text), prefix=fold(text))
        return self._searchable(text, begin)

    def _quoted(self) -> str:
        opened = self._at
        closed = self._text.find('"', opened + 1)
        if closed < 0:
            raise self._error("this quote is never closed", opened)
        self._at = closed + 1
        return self._text[opened + 1 : closed]

    def _bare(self) -> str:
        begin = self._at
        while self._at < len(self._text) and not self._text[self._at].isspace() and self._text[self._at] not in '()"':
            self._at += 1
        return self._text[begin : self._at]

    def _searchable(self, text: str, at: int) -> Word:
        normal = normal_form(text)
        if not normal:
            raise self._error("there is no letter or number in this", at)
        return Word(text, normal)

    def _keyword(self, keyword: str) -> bool:
        """Take the keyword if it comes next."""
        self._skip_spaces()
        end = self._at + len(keyword)
        if self._text[self._at : end] != keyword or not (end == len(self._text) or self._text[end] in ' \t\n()"'):
            return False
        self._at = end
        return True

    def _ends(self) -> bool:
        """Whether nothing more can belong to these words side by side."""
        self._skip_spaces()
        if self._at == len(self._text) or self._peek() == ")":
            return True
        here, is_or = self._at, self._keyword("OR")
        self._at = here
        return is_or

    def _skip_spaces(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _error(self, problem: str, at: int) -> QueryError:
        shown = "".join(c if c.isprintable() else " " for c in self._text)
        return QueryError(f"{problem}\n  {shown}\n  {' ' * sum(map(_columns, shown[:at]))}^")


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes (Unicode Standard Annex 11)."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _turned(node: Node) -> Node:
    """The same behind a minus: words that are wanted are left out there, those left out are wanted."""
    if isinstance(node, Word):
        return replace(node, left_out=not node.left_out)
    if isinstance(node, Not):
        return Not(_turned(node.part))
    if isinstance(node, All | Any):
        return replace(node, parts=tuple(map(_turned, node.parts)))
    return node


def _bounded(node: Node, score: _Score) -> Node:
    """The same with every word that must be there bound to a score."""
    if isinstance(node, Word):
        return replace(node, least=max(node.least, score.least), most=min(node.most, score.most))
    if isinstance(node, All | Any):
        return replace(node, parts=tuple(_bounded(part, score) for part in node.parts))
    return node
