"""Remember, forget, search: the `Index` protocol, the records it speaks in, and the one place that opens it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from phototag.index.adopted import Adopted
from phototag.index.journal import Intent, Journal, Write
from phototag.records import Facts, Failed, Memory, PhotoRef, Place, Server, Tag, Tagged, Where

Sort = Literal["score", "date", "path"]


Glance = tuple[int, int, bool]
"""Of a known photo: size in bytes, modification time in nanoseconds, and whether a scan need not look at it as long as
these are what they were. A plain tuple, for a scan asks for one of every photo there is."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the index knows of a photo that a scan with one model wants to know.

    Attributes:
        number: the photo's row.
        ref: path, size and time as of the last visit.
        decision: the fingerprint of model and settings that this model last decided with; None: it never did.
        where: where this model's tags stand; None: it never decided.
        failure: the reason of the last failure, if the last visit failed.
        pending: a write was begun and not recorded as finished (the machine stopped in between).
        memory: phototag's own words in the file. After an unfinished write it counts the words that were being
            added as phototag's.
        undone: the words of its last verdict were taken back by `phototag undo` or `untag --all`.
    """

    number: int
    ref: PhotoRef
    decision: str | None
    where: Where | None
    failure: str | None
    pending: bool
    memory: Memory
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What the last look at a photo found: enough to tag it anew without opening it.

    Attributes:
        known: as one model's scan sees it.
        content_hash: SHA-256 of its bytes then, 32 bytes.
        facts: what it says of itself.
        said: the words that this model gave it.
        keywords: the owner's own.
        note: why this model's tags are not where they normally would be; empty otherwise.
        picture: see `Likeness`.
    """

    known: Known
    content_hash: bytes
    facts: Facts
    said: frozenset[str]
    keywords: tuple[str, ...]
    note: str
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What tells a photo from another one that has taken its place.

    Attributes:
        content_hash: SHA-256 of its bytes when they were last decoded; None where they never were, or are others now.
        picture: the mark of its picture, see `phototag.metadata.picture`; empty where none is known.
        facts: what it said of itself when it was last decoded; None where it never was.
    """

    content_hash: bytes | None
    picture: bytes
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo a search found.

    Attributes:
        path: as in `PhotoRef`.
        score: 0 to 1, of the tag that matches best, 1 for the owner's own keyword; where several words must all be
            there, of the least sure of them.
        tags: all of its words, best first, phototag's and the owner's.
        taken: as in `Facts`.
    """

    path: str
    score: float
    tags: tuple[str, ...]
    taken: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one model said of one photo: its tags, where they stand, its best guesses and when it decided."""

    model: str
    where: Where
    tags: tuple[Tag, ...]
    guesses: tuple[Tag, ...]
    distance: float | None
    decided_at: str
    note: str


@dataclass(frozen=True, slots=True)
class Entry:
    """All the index holds of one photo, for `phototag show`; `imported`: keywords its files need not hold."""

    ref: PhotoRef
    facts: Facts | None
    content_hash: bytes | None
    keywords: tuple[str, ...]
    rejected: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    failure: str | None
    imported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagCount:
    """A word and how many photos carry it.

    Attributes:
        word: as it was given.
        photos: how many carry it.
        source: by whom it was given.
        broader: what phototag says it stands under, the most general first; of several models the one first known.
    """

    word: str
    photos: int
    source: Literal["phototag", "me"]
    broader: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """A scan that has come to its end.

    Attributes:
        model: what it was with.
        folders: what it went through.
        started: when, in ISO 8601, UTC.
        seconds: how long it took.
        counts: "seen", "tagged", "none_of_these", "unchanged", "failed", ... as its summary has them.
        reasons: how many photos failed in it, by reason.
        stopped: the bound that ended it early, "time" or "photos".
        run: under which number it wrote; None where it wrote nothing.
    """

    model: str
    folders: tuple[str, ...]
    started: str
    seconds: float
    counts: dict[str, int]
    reasons: dict[str, int]
    stopped: str | None = None
    run: int | None = None

    @property
    def looked_at(self) -> int:
        """How many photos were not simply unchanged."""
        return self.counts.get("seen", 0) - self.counts.get("unchanged", 0)


@dataclass(frozen=True, slots=True)
class Statistics:
    """An index in figures.

    Attributes:
        photos: how many are known.
        photo_bytes: what their files take.
        tagged: how many have a word of phototag's.
        failed: how many could not be read or decoded when they were last looked at.
        words: how many different words phototag gave.
        own_words: how many different keywords their owner gave.
        places: verdicts by where their words stand.
        reasons: failures by reason.
        formats: photos by format.
    """

    photos: int
    photo_bytes: int
    tagged: int
    failed: int
    words: int
    own_words: int
    places: dict[str, int]
    reasons: dict[str, int]
    formats: dict[str, int]


@dataclass(frozen=True, slots=True)
class Month:
    """The photos taken in one month.

    Attributes:
        month: "2023-07", by the cameras' clocks.
        photos: how many were taken in it.
        tagged: how many of them have a word of phototag's.
        mine: how many of them have a keyword of their owner's.
    """

    month: str
    photos: int
    tagged: int
    mine: int


class Search(Protocol):
    """What phototag remembers, for those that only ask. Every method is one transaction."""

    def search(self, query: str, limit: int | None = None, offset: int = 0, sort: Sort = "score") -> Iterator[Hit]:
        """Photos that match, best first, or the latest first, or in the order of their paths.

        Raises:
            QueryError: the query cannot be understood.
        """
        ...

    def count(self, query: str) -> int:
        """How many photos match.

        Raises:
            QueryError: the query cannot be understood.
        """
        ...

    def suggest(self, query: str) -> dict[str, tuple[str, ...]]:
        """The words of a query that no photo has, each with the known words most like it, the likeliest first.

        Raises:
            QueryError: the query cannot be understood.
        """
        ...

    def words(self, begin: str, limit: int) -> list[str]:
        """Words that photos carry and that begin so, without regard to case and accents, in order."""
        ...

    def close(self) -> None:
        """Release the index."""
        ...


class Index(Search, Journal, Protocol):
    """What phototag remembers. Every method is one transaction."""

    def known_in(self, folder: str, model: str) -> dict[str, Known]:
        """The photos known directly in a folder, by file name, as one model's scan sees them."""
        ...

    def glances_in(self, folder: str, model: str, decision: str, *, write: bool) -> dict[str, Glance]:
        """The photos known directly in a folder, by file name, no more of each than tells whether it has changed.

        Args:
            folder: the folder.
            model: the model that a scan is with.
            decision: what it decides with; a photo that was decided with another needs a look.
            write: whether tags are to stand in photos; then one whose tags stand in the index alone needs a look.
        """
        ...

    def decided_in(self, folder: str, model: str) -> dict[str, int]:
        """When a model last decided on the photos directly in a folder, by file name, in seconds since the epoch."""
        ...

    def known_by_content(self, content_hash: bytes, model: str) -> list[Known]:
        """Photos whose bytes were these when last seen, wherever they lay."""
        ...

    def looks_at(self, numbers: Sequence[int], model: str) -> list[Look]:
        """What the last look at photos found, in the order of their numbers; without those that were never decoded."""
        ...

    def likenesses(self, numbers: Sequence[int]) -> dict[int, Likeness]:
        """What tells photos from others that have taken their place, by their numbers."""
        ...

    def begin_anew(self, numbers: Sequence[int]) -> None:
        """Forget what models said of photos, for others have taken their places.

        Paths, the owner's keywords and rejected words stay until the newcomers are remembered. What the journal knows
        of the old photos' files stays too, but is no longer about the newcomers.
        """
        ...

    def contents(self, root: str | None = None) -> Iterator[tuple[int, bytes]]:
        """The photos that were read, at or below `root` if given: number and content hash, by number."""
        ...

    def sizes_and_times(self) -> list[tuple[int, int, int]]:
        """The photos that were read: number, size in bytes, modification time in nanoseconds."""
        ...

    def move(self, moved: Sequence[tuple[int, str]]) -> None:
        """Give photos, by number, new paths; they are otherwise as they were."""
        ...

    def known_by_contents(self, content_hashes: Collection[bytes], model: str) -> dict[bytes, list[Known]]:
        """Photos whose bytes were one of these when last seen, by their hash; a hash nobody had is left out."""
        ...

    def unfinished(self, model: str) -> dict[bytes, Known]:
        """Photos of which a write was begun and not recorded, by the SHA-256 that their files have if it was done."""
        ...

    def folders_below(self, root: str) -> Iterator[str]:
        """Every folder at or below `root` in which photos are known."""
        ...

    def intend(
        self,
        ref: PhotoRef,
        model: str | None,
        added: frozenset[str],
        moved_from: int | None = None,
        write: Write | None = None,
    ) -> None:
        """Note one intent; see `intend_all` and `Intent`."""
        ...

    def intend_all(self, intents: Sequence[Intent], model: str | None) -> None:
        """Note, durably against a killed process, that writes of phototag's words are about to begin.

        Args:
            intents: of different photos.
            model: whose words; None: those of every model that gave a photo words.
        """
        ...

    def remember(self, results: Sequence[Tagged | Failed], model: str, decision: str) -> None:
        """Record a batch: tags, keywords, places, failures; clears this model's intents of the photos it tagged.

        A failed photo keeps what earlier runs found out about it, unfinished writes included.
        """
        ...

    def adopt(self, photos: Sequence[Adopted]) -> None:
        """Make photos known, and add words to them, without a verdict; nothing that is known is taken away."""
        ...

    def forget(self, numbers: Sequence[int]) -> None:
        """Drop photos that no longer exist."""
        ...

    def note_missing(self, root: str, folders: Collection[str]) -> None:
        """Note which folders at or below a root are gone or empty, perhaps with their disk; the others are there."""
        ...

    def entry(self, path: str) -> Entry | None:
        """All that is known of one photo."""
        ...

    def entries(self, paths: Sequence[str]) -> list[Entry]:
        """All that is known of photos, in the order given; without those that are not known."""
        ...

    def tags(self) -> Iterator[TagCount]:
        """Every word with its count, most frequent first."""
        ...

    def photo_count(self, root: str | None = None) -> int:
        """How many photos are known, at or below `root` if given."""
        ...

    def note_scan(self, past: Past) -> None:
        """Note what a scan came upon; the run under which it wrote is found by its time."""
        ...

    def scans(self) -> Iterator[Past]:
        """Every scan that came to its end, the latest first."""
        ...

    def statistics(self) -> Statistics:
        """Everything the index holds, counted."""
        ...

    def months(self) -> list[Month]:
        """The photos with a date, by the month in which they were taken, the latest first."""
        ...


def open_index(place: Place, *, readonly: bool = False) -> Index:
    """Open an index; a missing one is created, an older one migrated.

    Args:
        place: the SQLite file, or the PostgreSQL server.
        readonly: for search and show: never creates or migrates, never blocks a scan.

    Raises:
        IndexFileError: damaged, of a newer version, absent where `readonly`, not to be written, or not to be reached.
    """
    from phototag.index.opening import open_database
    from phototag.index.store import SqlIndex

    return SqlIndex(open_database(place, readonly=readonly), readonly=readonly)


def open_search(place: Place) -> Search:
    """Open an index only to ask it: a file in a tenth of the time that `open_index` takes.

    Raises:
        IndexFileError: absent, damaged, older or newer.
    """
    if isinstance(place, Server):
        return open_index(place, readonly=True)
    from phototag.index.asking import SqliteSearch

    return SqliteSearch(place)


def is_there(place: Place) -> bool:
    """Whether an index has been made at a place; it may be damaged, older or newer.

    Raises:
        IndexFileError: the server cannot be reached.
    """
    if isinstance(place, Server):
        from contextlib import closing

        from phototag.index.opening import open_server

        with closing(open_server(place)) as server:
            return server.is_made()
    return place.exists() and place.stat().st_size > 0  # an empty file is none yet, to SQLite too
