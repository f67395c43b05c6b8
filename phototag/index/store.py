"""The `Index` on a database: each method one transaction, its work done in `writing`, `reading` and `searching`."""

import os
import time
from collections.abc import Collection, Iterator, Sequence

from phototag.index import (
    Entry,
    Glance,
    Hit,
    Known,
    Likeness,
    Look,
    Month,
    Past,
    Sort,
    Statistics,
    TagCount,
    adopting,
    history,
    journalling,
    looking,
    reading,
    searching,
    settled,
    writing,
)
from phototag.index.adopted import Adopted
from phototag.index.database import Database
from phototag.index.entries import entries
from phototag.index.journal import Carrier, Intent, Kind, Run, Standing, Write, Written
from phototag.index.postings import catch_up
from phototag.index.rows import CHUNK, chunks
from phototag.index.vocabulary import Vocabulary
from phototag.records import Failed, PhotoRef, Tagged

_FOLDERS_AT_ONCE = 1_000
_WRITES_AT_ONCE = 200
_CONTENTS_AT_ONCE = 20_000
_RESULTS_AT_ONCE = 65_536


class SqlIndex:
    """See the `Index` protocol for what the methods promise; every one raises `IndexFileError` or `DiskError`."""

    def __init__(self, database: Database, *, readonly: bool = False) -> None:
        self._database = database
        self._vocabulary = Vocabulary()
        if not readonly:
            try:
                with database.writing() as connection:
                    catch_up(connection)
            except BaseException:
                database.close()
                raise

    def known_in(self, folder: str, model: str) -> dict[str, Known]:
        """The photos known directly in a folder, by file name."""
        with self._database.reading() as connection:
            return reading.known_in(connection, folder, model)

    def glances_in(self, folder: str, model: str, decision: str, *, write: bool) -> dict[str, Glance]:
        """The photos known directly in a folder, no more of each than tells whether it has changed."""
        with self._database.reading() as connection:
            return settled.glances_in(connection, folder, model, decision, write)

    def decided_in(self, folder: str, model: str) -> dict[str, int]:
        """When a model last decided on the photos directly in a folder, by file name."""
        with self._database.reading() as connection:
            return settled.decided_in(connection, folder, model)

    def known_by_content(self, content_hash: bytes, model: str) -> list[Known]:
        """Photos whose bytes were these when last seen."""
        with self._database.reading() as connection:
            return reading.known_by_contents(connection, [content_hash], model).get(content_hash, [])

    def known_by_contents(self, content_hashes: Collection[bytes], model: str) -> dict[bytes, list[Known]]:
        """Photos whose bytes were one of these when last seen, by their hash."""
        with self._database.reading() as connection:
            return reading.known_by_contents(connection, content_hashes, model)

    def looks_at(self, numbers: Sequence[int], model: str) -> list[Look]:
        """What the last look at photos found."""
        with self._database.reading() as connection:
            return [look for chunk in chunks(numbers, CHUNK) for look in looking.looks_at(connection, chunk, model)]

    def likenesses(self, numbers: Sequence[int]) -> dict[int, Likeness]:
        """What tells photos from others that have taken their place."""
        with self._database.reading() as connection:
            return {
                number: one
                for chunk in chunks(numbers, CHUNK)
                for number, one in looking.likenesses(connection, chunk).items()
            }

    def begin_anew(self, numbers: Sequence[int]) -> None:
        """Forget what models said of photos whose places others have taken; one transaction."""
        if numbers:
            with self._database.writing() as connection:
                writing.begin_anew(connection, numbers)

    def contents(self, root: str | None = None) -> Iterator[tuple[int, bytes]]:
        """The photos that were read, with their content hashes; a transaction a page."""
        last = 0
        while True:
            with self._database.reading() as connection:
                page = looking.contents_after(connection, root, last, _CONTENTS_AT_ONCE)
            yield from page
            if len(page) < _CONTENTS_AT_ONCE:
                return
            last = page[-1][0]

    def sizes_and_times(self) -> list[tuple[int, int, int]]:
        """The photos that were read: number, size and time."""
        with self._database.reading() as connection:
            return looking.sizes_and_times(connection)

    def move(self, moved: Sequence[tuple[int, str]]) -> None:
        """Give photos new paths."""
        if moved:
            with self._database.writing() as connection:
                for number, path in moved:
                    writing.rehome(connection, number, path)

    def unfinished(self, model: str) -> dict[bytes, Known]:
        """Photos of which a write was begun and not recorded, by the hash that it would have left."""
        with self._database.reading() as connection:
            return reading.unfinished(connection, model)

    def folders_below(self, root: str) -> Iterator[str]:
        """Every folder at or below `root` in which photos are known; streamed, in order."""
        last: bytes | None = None
        while True:  # a transaction a page: the caller may forget photos while it goes through them
            with self._database.reading() as connection:
                page = reading.folders_after(connection, root, last, _FOLDERS_AT_ONCE)
            yield from map(os.fsdecode, page)
            if len(page) < _FOLDERS_AT_ONCE:
                return
            last = page[-1]

    def intend(
        self,
        ref: PhotoRef,
        model: str | None,
        added: frozenset[str],
        moved_from: int | None = None,
        write: Write | None = None,
    ) -> None:
        """Note that a write is about to begin; committed on return."""
        with self._database.writing() as connection:
            writing.intend(connection, [Intent(ref, added, moved_from, write)], model)

    def intend_all(self, intents: Sequence[Intent], model: str | None) -> None:
        """Note that writes are about to begin; committed on return."""
        with self._database.writing() as connection:
            writing.intend(connection, intents, model)

    def remember(self, results: Sequence[Tagged | Failed], model: str, decision: str) -> None:
        """Record a batch in one transaction."""
        from phototag.index.remembering import remember  # loads NumPy, which those that only read do without

        if results:
            stamp = (decision, int(time.time()))
            try:
                with self._database.writing() as connection:
                    for some in chunks(results, _RESULTS_AT_ONCE):
                        remember(connection, some, model, stamp, self._vocabulary)
            except BaseException:  # what it looked up may have been taken back with the transaction
                self._vocabulary.clear()
                raise

    def adopt(self, photos: Sequence[Adopted]) -> None:
        """Make photos known without a verdict; one transaction."""
        if photos:
            with self._database.writing() as connection:
                adopting.adopt(connection, photos)

    def forget(self, numbers: Sequence[int]) -> None:
        """Drop photos that no longer exist."""
        if numbers:
            with self._database.writing() as connection:
                writing.forget(connection, numbers)

    def note_missing(self, root: str, folders: Collection[str]) -> None:
        """Note which folders below a root are gone or empty."""
        with self._database.writing() as connection:
            writing.note_missing(connection, root, folders)

    def search(self, query: str, limit: int | None = None, offset: int = 0, sort: Sort = "score") -> Iterator[Hit]:
        """Photos that match, as of the moment the first one is asked for; streamed."""
        with self._database.reading() as connection:
            yield from searching.search(connection, query, limit, offset, sort)

    def count(self, query: str) -> int:
        """How many photos match."""
        with self._database.reading() as connection:
            return searching.count_matches(connection, query)

    def suggest(self, query: str) -> dict[str, tuple[str, ...]]:
        """The words of a query that no photo has, with the known words most like them."""
        with self._database.reading() as connection:
            return searching.suggest(connection, query)

    def words(self, begin: str, limit: int) -> list[str]:
        """Words that photos carry and that begin so."""
        with self._database.reading() as connection:
            return searching.words_like(connection, begin, limit)

    def entry(self, path: str) -> Entry | None:
        """All that is known of one photo."""
        return next(iter(self.entries([path])), None)

    def entries(self, paths: Sequence[str]) -> list[Entry]:
        """All that is known of photos."""
        with self._database.reading() as connection:
            return list(entries(connection, paths))

    def tags(self) -> Iterator[TagCount]:
        """Every word with its count, most frequent first."""
        with self._database.reading() as connection:
            yield from reading.count_tags(connection)

    def photo_count(self, root: str | None = None) -> int:
        """How many photos are known, at or below `root` if given."""
        with self._database.reading() as connection:
            return reading.photo_count(connection, root)

    def start_run(self, kind: Kind, model: str, folders: Sequence[str], undoes: int | None = None) -> int:
        """Open a run and give its number."""
        with self._database.writing() as connection:
            return journalling.start_run(connection, kind, model, folders, undoes, int(time.time()))

    def finish_run(self, number: int, *, whole: bool = True) -> None:
        """Note that a run came to its end."""
        with self._database.writing() as connection:
            journalling.finish_run(connection, number, whole, int(time.time()))

    def runs(self) -> Iterator[Run]:
        """Every run, the latest first."""
        with self._database.reading() as connection:
            found = journalling.list_runs(connection)
        yield from found

    def forget_writes(self, before_s: int) -> tuple[int, int]:
        """Forget how to take back what runs did that began before a moment; one transaction."""
        with self._database.writing() as connection:
            return journalling.forget_writes(connection, before_s)

    def writes_of(self, run: int) -> Iterator[Written]:
        """What a run wrote and nobody has undone, the latest first; a transaction a page."""
        last: int | None = None
        while True:
            with self._database.reading() as connection:
                page = journalling.writes_before(connection, run, last, _WRITES_AT_ONCE)
            yield from page
            if len(page) < _WRITES_AT_ONCE:
                return
            last = page[-1].number

    def carriers(self, root: str | None, word: str | None) -> Iterator[Carrier]:
        """Photos with words of phototag's, in the order of their numbers; a transaction a page."""
        last = 0
        while True:
            with self._database.reading() as connection:
                page = journalling.carriers_after(connection, root, word, last, _WRITES_AT_ONCE)
            yield from page
            if len(page) < _WRITES_AT_ONCE:
                return
            last = page[-1].number

    def undone(self, number: int, run: int, now: Standing, *, whole: bool) -> None:
        """Record that a write was taken back by a run."""
        with self._database.writing() as connection:
            journalling.undone(connection, number, run, now, whole)

    def untagged(self, number: int, run: int, words: frozenset[str] | None, now: Standing) -> None:
        """Record that words of phototag's were taken out of a photo."""
        with self._database.writing() as connection:
            journalling.untagged(connection, number, run, words, now)

    def note_scan(self, past: Past) -> None:
        """Note what a scan came upon."""
        with self._database.writing() as connection:
            history.note_scan(connection, past)

    def scans(self) -> Iterator[Past]:
        """Every scan that came to its end, the latest first."""
        with self._database.reading() as connection:
            yield from history.list_scans(connection)

    def statistics(self) -> Statistics:
        """Everything the index holds, counted."""
        with self._database.reading() as connection:
            return history.statistics(connection)

    def months(self) -> list[Month]:
        """The photos with a date by month, the latest first."""
        with self._database.reading() as connection:
            return history.months(connection)

    def close(self) -> None:
        """Release the database."""
        self._database.close()
