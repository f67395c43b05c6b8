"""Rows of photos in, out what the postings of their block gain by them: the entries of each kind and value.

In columns, so that one sort puts all words of a batch in order: no step is Python's own for each of them.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from phototag.index.blocks import BLOCK, BLOCK_BITS, LAST, LISTED_MOST, SCORED, Kind, State, ending_value
from phototag.index.numbers import OWNER, SCORE_BITS
from phototag.index.places import cell_value

Numbers: TypeAlias = npt.NDArray[np.int64]

Gathered: TypeAlias = dict[tuple[int, int], Numbers]
"""By kind and value, the entries of one block, in order; see `blocks`."""

FACTS = (
    *("folder_id", "name", "size_bytes", "content_hash", "width", "height"),
    *("taken", "camera_id", "lens_id", "latitude", "longitude"),
)
"""What `photos` says of a photo that its postings are made of."""

UNSURE_BELOW = 6_000
"""`is:unsure`: the surest word scores less, in ten-thousandths: little better than one in two."""

_MEGABYTE_TENTH = 100_000
_ENTRY_BITS = SCORE_BITS + BLOCK_BITS


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of photos as they stand in the tables.

    Attributes:
        words: `(4, N)`: photo, source, tag and score, as in `photo_tags`, of the words that have a score.
        decided: `(2, N)`: photo and source, as in `verdicts`.
        facts: number, `FACTS`, and whether it failed.
    """

    words: Numbers
    decided: Numbers
    facts: Sequence[tuple[Any, ...]]

    @classmethod
    def fetched(
        cls, words: Sequence[tuple[int, ...]], decided: Sequence[tuple[int, ...]], facts: Sequence[tuple[Any, ...]]
    ) -> "Rows":
        """Rows as a database gives them."""
        return cls(np.array(words, np.int64).reshape(-1, 4).T, np.array(decided, np.int64).reshape(-1, 2).T, facts)

    def joined(self, other: "Rows") -> "Rows":
        """These, and those of other photos."""
        words = np.concatenate((self.words, other.words), axis=1)
        return Rows(words, np.concatenate((self.decided, other.decided), axis=1), [*self.facts, *other.facts])

    def without(self, photos: Collection[int]) -> "Rows":
        """Those of all photos but some."""
        if not photos:
            return self
        away = list(photos)
        words, decided = (rows[:, ~np.isin(rows[0], away)] for rows in (self.words, self.decided))
        return Rows(words, decided, [fact for fact in self.facts if fact[0] not in photos])

    def within(self, block: int) -> "Rows":
        """Those of the photos of one block."""
        if all(fact[0] >> BLOCK_BITS == block for fact in self.facts):
            return self
        words, decided = (rows[:, rows[0] >> BLOCK_BITS == block] for rows in (self.words, self.decided))
        return Rows(words, decided, [fact for fact in self.facts if fact[0] >> BLOCK_BITS == block])


def gather(rows: Rows) -> Gathered:
    """The entries that one block gains by its photos."""
    gathered = dict(_words(rows.words))
    photo, source = rows.decided
    gathered |= {(Kind.MODEL, value): places for value, places in _by_value(source, photo & LAST)}
    gathered |= _facts(sorted(rows.facts, key=itemgetter(0)))
    return gathered


def pack(kind: int, entries: Numbers) -> tuple[bytes | None, bytes | None]:
    """The columns `entries` and `bits` of a row that holds these and no others; as `blocks.Row` gives them."""
    scored = kind in SCORED
    listed = entries.astype("<u4" if scored else "<u2").tobytes()
    if len(entries) <= LISTED_MOST:
        return listed, None
    there = np.zeros(BLOCK, np.uint8)
    there[LAST - (entries & LAST) if scored else entries] = 1
    return listed if scored else None, np.packbits(there, bitorder="little").tobytes()


def _words(words: Numbers) -> Iterator[tuple[tuple[int, int], Numbers]]:
    """The words, each by its best score where several models say it, and whose they are."""
    photo, source, tag, score = words
    place, mine = photo & LAST, source == OWNER
    for kind, which in ((Kind.KEYWORD, mine), (Kind.TAG, ~mine)):
        every = np.sort((tag[which] << BLOCK_BITS | place[which]) << SCORE_BITS | score[which])
        best = every[np.diff(every >> SCORE_BITS, append=-1) != 0]
        entry = (best & (1 << SCORE_BITS) - 1) << BLOCK_BITS | LAST - (best >> SCORE_BITS & LAST)
        ordered = np.sort(best >> _ENTRY_BITS << _ENTRY_BITS | entry)
        for value, entries in _split(ordered >> _ENTRY_BITS, ordered & (1 << _ENTRY_BITS) - 1):
            yield (kind, value), entries
    surest = np.full(BLOCK, -1)
    np.maximum.at(surest, place[~mine], score[~mine])
    states = {
        State.BY_ME: np.unique(place[mine]),
        State.BY_PHOTOTAG: np.flatnonzero(surest >= 0),
        State.UNSURE: np.flatnonzero((surest >= 0) & (surest < UNSURE_BELOW)),
    }
    yield from (((Kind.IS, state), places) for state, places in states.items() if len(places))


def _facts(facts: Sequence[tuple[Any, ...]]) -> Gathered:
    """What photos are of themselves, given in the order of their numbers."""
    if not facts:
        return {}
    number, folder, name, size, _, *given, latitude, longitude, failed = zip(*facts, strict=True)
    width, height, taken, camera, lens = given
    place = np.array(number, np.int64) & LAST
    gathered: Gathered = {(Kind.IS, State.KNOWN): place}
    if any(failed):
        gathered[Kind.IS, State.FAILED] = place[np.array(failed, np.bool_)]
    tenths = (np.array(size, np.int64) + _MEGABYTE_TENTH // 2) // _MEGABYTE_TENTH
    for bit in range(int(tenths.max()).bit_length()):
        if len(places := place[tenths >> bit & 1 == 1]):
            gathered[Kind.SIZE_BIT, bit] = places
    spots = zip(latitude, longitude, strict=True)
    columns: dict[Kind, Sequence[int | None]] = {
        Kind.FOLDER: folder,
        Kind.ENDING: [ending_value(text) for text in name],
        Kind.WIDTH: width,
        Kind.HEIGHT: height,
        Kind.DAY: [None if text is None else _day(text[:10]) for text in taken],
        Kind.CAMERA: camera,
        Kind.LENS: lens,
        Kind.CELL: [None if north is None or east is None else cell_value(north, east) for north, east in spots],
    }
    for kind, column in columns.items():
        there = place[[value is not None for value in column]] if None in column else place
        values = np.array([value for value in column if value is not None], np.int64)
        gathered |= {(kind, value): places for value, places in _by_value(values, there)}
    return gathered


def _by_value(values: Numbers, places: Numbers) -> Iterable[tuple[int, Numbers]]:
    """Each value with its places, in the order in which they were given."""
    order = np.argsort(values, kind="stable")
    return _split(values[order], places[order])


def _split(values: Numbers, entries: Numbers) -> Iterable[tuple[int, Numbers]]:
    """Each of some values, which are in order, with its entries."""
    begins = np.flatnonzero(np.diff(values, prepend=-1))
    return zip(values[begins].tolist(), np.split(entries, begins)[1:], strict=True)


@lru_cache(maxsize=1024)
def _day(text: str) -> int | None:
    """A day as a number: 20230714 of "2023-07-14"; None where the index holds something else."""
    digits = text.replace("-", "")
    return int(digits) if digits.isdecimal() else None
