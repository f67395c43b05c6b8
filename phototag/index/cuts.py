"""A query's tree in, the sets of photos out that answer it at least so well (the cuts of a fuzzy set; Zadeh 1965).

A photo is as sure as the least sure of the words that must all be there, and as the surest of alternatives: so those
that are sure enough come from those of each word as all matches do, by joining sets, and none need be looked at alone.
"""

from collections.abc import Container
from functools import reduce

from phototag.index.blocks import score_and_place, scored_bits, scores_of
from phototag.index.fields import Fact
from phototag.index.matching import Matcher, Photos, both, breadth, either
from phototag.index.numbers import SCORE_SCALE
from phototag.index.query import SURE, All, Node, Not, Word, tag_rank


class Cuts:
    """The photos in a matcher's blocks by how well they answer a query.

    Attributes:
        matcher: says which photos match the parts that are plainly so or not.
    """

    def __init__(self, tree: Node, matcher: Matcher) -> None:
        self.matcher = matcher
        self._tree = tree
        self._rows: dict[tuple[Word, bool], list[tuple[int, bytes, bytes | None]]] = {}
        self._sorted: dict[All, list[Node]] = {}

    def at_least(self, rank: int, blocks: Container[int] | None = None) -> Photos:
        """Those of this rank, above 0, or a better one; where it is asked of some blocks alone, of those at least."""
        return self._of(self._tree, rank, self.matcher.blocks if blocks is None else blocks)

    def best(self) -> int:
        """A rank that none is above."""
        return self._best(self._tree)

    def _of(self, node: Node, rank: int, blocks: Container[int]) -> Photos:
        """Those of a part of the query; a word's only in blocks where they count."""
        if isinstance(node, Word):
            return self._with_word(node, rank, blocks)
        if isinstance(node, Fact | Not):
            return self.matcher.photos(node)
        if not isinstance(node, All):
            return reduce(either, (self._of(part, rank, blocks) for part in node.parts))
        if node not in self._sorted:
            self._sorted[node] = sorted(node.parts, key=self._breadth)
        first, *others = self._sorted[node]
        found = self._of(first, rank, blocks)
        for part in others:
            found = both(found, self._of(part, rank, found)) if found else found
        return found

    def _breadth(self, node: Node) -> tuple[int, int]:
        """Which parts most often leave few photos; of words the rarest."""
        rows = self._rows_of(node, exact=True) if isinstance(node, Word) else ()
        return breadth(node), sum(len(entries) for _, entries, _ in rows)

    def _with_word(self, word: Word, rank: int, blocks: Container[int]) -> Photos:
        found: Photos = {}
        for exact in (True, False):
            least = rank - tag_rank(0, exact)
            if least > SCORE_SCALE:
                continue
            for block, entries, bits in self._rows_of(word, exact):
                if block in blocks and (enough := scored_bits(entries, bits, max(least, word.least), word.most)):
                    found[block] = found.get(block, 0) | enough
        return found

    def _best(self, node: Node) -> int:
        if isinstance(node, Fact | Not):
            return SURE
        if isinstance(node, Word):
            return self._best_of_word(node)
        return (min if isinstance(node, All) else max)(self._best(part) for part in node.parts)

    def _best_of_word(self, word: Word) -> int:
        for exact in (True, False):
            kept = [scores_of(entries, word.least, word.most) for _, entries, _ in self._rows_of(word, exact)]
            if last := [entries[-1] for entries in kept if entries]:
                return tag_rank(score_and_place(max(last))[0], exact)
        return 0

    def _rows_of(self, word: Word, exact: bool) -> list[tuple[int, bytes, bytes | None]]:
        """What stands in the blocks for the tags that are a word, or for those that hold it."""
        if (word, exact) not in self._rows:
            meaning = self.matcher.meaning(word)
            self._rows[word, exact] = [*self.matcher.rows(word, meaning.exact if exact else meaning.partial)]
        return self._rows[word, exact]
