"""A batch of a scan's results in, rows out: the statements that a scan of a large library runs most.

They are literal SQL with whole lists of rows handed to the driver: making 20,000 photos a second known leaves 50
microseconds for each, its dozen rows included.
"""

import gc
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice, repeat
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import Column, Connection

from phototag.index import postings
from phototag.index.adopting import keep_imported
from phototag.index.gathering import FACTS, Numbers, Rows
from phototag.index.numbers import OWNER, SCORE_SCALE
from phototag.index.rows import (
    CHUNK,
    broader_of,
    chunks,
    fetch,
    insert_many,
    intern_values,
    replace_many,
    run_many,
    storable,
    which_numbers,
)
from phototag.index.saying import apart, are_among, numbers_of, pairs, scored_pairs, whole_scores
from phototag.index.tables import cameras, decisions, folders, lenses, sources, tags, verdicts
from phototag.index.vocabulary import Vocabulary
from phototag.index.writing import rehome
from phototag.records import Failed, Tagged

_Place: TypeAlias = tuple[int, bytes]
"""The number of a photo's folder, and its name."""

_COLUMNS = (*FACTS, "mtime_ns", "format", "picture")
_TAGGED = f"INSERT INTO photos ({', '.join(_COLUMNS)})"
_TAGGED_AGAIN = (
    f"UPDATE photos SET {', '.join(f'{name} = ?' for name in _COLUMNS)}, failure = NULL, failure_detail = NULL "
    "WHERE id = ?"
)
_FAILED = "INSERT INTO photos (folder_id, name, size_bytes, mtime_ns, failure, failure_detail)"
# The facts and words of earlier days stay; the content hash only while the file looks the same.
_FAILED_AGAIN = (
    "UPDATE photos SET content_hash = CASE WHEN size_bytes = ?3 AND mtime_ns = ?4 THEN content_hash END, "
    "folder_id = ?1, name = ?2, size_bytes = ?3, mtime_ns = ?4, failure = ?5, failure_detail = ?6 WHERE id = ?7"
)
_Row: TypeAlias = tuple[Any, ...]


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let Python look for no cycles: a batch makes a hundred rows a photo and drops them again, and none holds one.

    To go through them all, again and again as they become more, takes a fifth of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@_without_collector()
def remember(
    connection: Connection,
    results: Sequence[Tagged | Failed],
    model: str,
    stamp: tuple[str, int],
    vocabulary: Vocabulary,
) -> None:
    """Record a batch of one model's results.

    Args:
        connection: inside the caller's transaction.
        results: of a photo that comes twice the last counts.
        model: whose they are.
        stamp: the decision's fingerprint, and when it was made, in seconds since the epoch.
        vocabulary: is added to; to be cleared if the transaction is not kept.
    """
    latest = {result.ref.path: result for result in results}
    tagged = [result for result in latest.values() if isinstance(result, Tagged)]
    # A folder that could not be listed is a `Failed` too, but no photo.
    failed = [result for result in latest.values() if isinstance(result, Failed) and not os.path.isdir(result.ref.path)]
    for result in tagged:
        if result.moved_from is not None:
            rehome(connection, result.moved_from, result.ref.path)
    places = _places(connection, [*tagged, *failed])
    before = _numbers(connection, places)
    ((last,),) = fetch(connection, "SELECT coalesce(max(id), 0) FROM photos")
    rows = _photo_rows(connection, tagged, places[: len(tagged)])
    _put(connection, rows, before, _TAGGED, _TAGGED_AGAIN)
    failures = [_failed_row(*one) for one in zip(failed, places[len(tagged) :], strict=True)]
    _put(connection, failures, before, _FAILED, _FAILED_AGAIN)
    # Numbers only grow, and nobody else writes: what has one above the last is what was put in.
    fresh = fetch(connection, "SELECT folder_id, name, id FROM photos WHERE id > ?", (last,))
    after = before | {(folder, name): number for folder, name, number in fresh}
    known, written = set(before.values()), None
    if tagged:
        source = intern_values(connection, sources.c.name, [model])[model]
        decision_id = intern_values(connection, decisions.c.fingerprint, [stamp[0]])[stamp[0]]
        _learn(connection, tagged, source, vocabulary)
        numbered = [(after[row[:2]], result) for row, result in zip(rows, tagged, strict=True)]
        _clear_words(connection, [number for number, _ in numbered if number in known], source)
        words = _write_words(connection, numbered, source, vocabulary.words)
        _write_verdicts(connection, numbered, (source, decision_id, stamp[1]), vocabulary.words)
        decided = np.array([(number, source) for number, _ in numbered], np.int64).T
        told = [(number, *row[: len(FACTS)], False) for (number, _), row in zip(numbered, rows, strict=True)]
        written = Rows(words, decided, told).without(known)
    keep_imported(connection, known)
    postings.renew(connection, after.values(), set(after.values()) - known, written)


def _places(connection: Connection, results: Iterable[Tagged | Failed]) -> list[_Place]:
    """Where each photo lies; folders not known yet become known."""
    encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    folder, begin, split = "", "", []
    for result in results:
        path = result.ref.path
        name = path[len(begin) :]
        if not begin or not path.startswith(begin) or os.sep in name:  # else in the folder of the one before
            folder, name = os.path.split(path)
            begin = path[: len(path) - len(name)]
        split.append((folder, name.encode(encoding, errors)))
    encoded = {folder: os.fsencode(folder) for folder in {folder for folder, _ in split}}
    ids = intern_values(connection, folders.c.path, encoded.values())
    return [(ids[encoded[folder]], name) for folder, name in split]


def _numbers(connection: Connection, places: Iterable[_Place]) -> dict[_Place, int]:
    """The numbers of the photos that are known."""
    by_folder: dict[int, list[bytes]] = {}
    for folder, name in places:
        by_folder.setdefault(folder, []).append(name)
    found: dict[_Place, int] = {}
    for folder, names in by_folder.items():
        for chunk in chunks(names, CHUNK):
            query = f"SELECT name, id FROM photos WHERE folder_id = ? AND name IN ({','.join('?' * len(chunk))})"
            rows = fetch(connection, query, (folder, *chunk))
            found.update(((folder, name), number) for name, number in rows)
    return found


def _put(connection: Connection, rows: Sequence[_Row], before: Mapping[_Place, int], insert: str, update: str) -> None:
    """Put photos in, and renew those that are known: only new ones may use a number up."""
    insert_many(connection, insert, [row for row in rows if row[:2] not in before])
    run_many(connection, update, [(*row, before[row[:2]]) for row in rows if row[:2] in before])


def _photo_rows(connection: Connection, tagged: Sequence[Tagged], places: Sequence[_Place]) -> list[_Row]:
    """The photos' own rows; cameras and lenses not known yet become known."""
    every = [result.decided.facts for result in tagged]
    camera_ids = _named(connection, cameras.c.name, {facts.camera for facts in every})
    lens_ids = _named(connection, lenses.c.name, {facts.lens for facts in every})
    rows: list[_Row] = []
    for place, result, facts in zip(places, tagged, every, strict=True):
        ref = result.ref
        made_with = (camera_ids[facts.camera], lens_ids[facts.lens], *(facts.place or (None, None)))
        told = (ref.size_bytes, result.content_hash, facts.width, facts.height, facts.taken, *made_with)
        rows.append((*place, *told, ref.mtime_ns, facts.format, result.picture or None))
    return rows


def _named(connection: Connection, column: Column[Any], names: Iterable[str | None]) -> dict[str | None, int | None]:
    """The numbers of cameras or lenses, by their names as they were given."""
    texts = {name: storable(name) for name in names if name}
    ids = intern_values(connection, column, set(texts.values()))
    return {None: None, "": None} | {name: ids[text] for name, text in texts.items()}


def _failed_row(result: Failed, place: _Place) -> _Row:
    ref = result.ref
    return (*place, ref.size_bytes, ref.mtime_ns, storable(result.reason), storable(result.detail))


def _learn(connection: Connection, tagged: Iterable[Tagged], source: int, vocabulary: Vocabulary) -> None:
    """Make sure of the numbers of all words in a batch, and note what each stands under; what is said last counts."""
    every: set[str] = set()
    known = vocabulary.broader.setdefault(source, {})
    new: dict[str, tuple[str, ...]] = {}
    for result in tagged:
        every.update(result.added, result.rejected, result.keywords)
        decided = result.decided
        for tag in (*decided.tags, *decided.guesses):
            word, broader = tag.word, tag.broader
            if known.get(word) != broader:
                known[word] = new[word] = broader
                every.update((word, *broader))
    missing = {word: storable(word) for word in every if word not in vocabulary.words}
    if missing:
        ids = intern_values(connection, tags.c.word, set(missing.values()))
        vocabulary.words |= {word: ids[text] for word, text in missing.items()}
    if new:
        ids = vocabulary.words
        paths = {ids[word]: tuple(ids[above] for above in broader) for word, broader in new.items()}
        _write_broader(connection, paths, source)


def _write_broader(connection: Connection, paths: dict[int, tuple[int, ...]], source: int) -> None:
    """Note what words stand under; only words new or changed are written."""
    known = broader_of(connection, source, paths)
    changed = {tag: path for tag, path in paths.items() if known.get(tag, ()) != path}
    gone = [(source, tag) for tag in changed if tag in known]
    run_many(connection, "DELETE FROM broader WHERE source_id = ? AND tag_id = ?", gone)
    rows = [(source, tag, position, above) for tag, path in changed.items() for position, above in enumerate(path)]
    run_many(connection, "INSERT INTO broader VALUES (?, ?, ?, ?)", rows)


def _clear_words(connection: Connection, photos: Iterable[int], source: int) -> None:
    """Take a model's words, the owner's keywords and the rejected words of photos away: they are to be written anew."""
    for chunk in chunks(sorted(photos), CHUNK):
        which, limits = which_numbers(chunk)
        for table, whose in (
            ("photo_tags", f"AND source_id IN ({OWNER}, {source})"),
            ("rejected", ""),
            ("intents", f"AND source_id = {source}"),
        ):
            run_many(connection, f"DELETE FROM {table} WHERE photo_id {which} {whose}", [limits])


def _write_words(
    connection: Connection, numbered: Sequence[tuple[int, Tagged]], source: int, ids: Mapping[str, int]
) -> Numbers:
    """Write a model's words, the owner's keywords and the rejected words of photos.

    Returns:
        The words that have a score, as in `Rows`.
    """
    numbers = np.array([number for number, _ in numbered], np.int64)
    results = [result for _, result in numbered]

    def write(whose: int, some: Numbers, scores: Iterable[int | None], put: Iterable[int]) -> Numbers:
        place, tag = apart(some)
        photo = numbers[place]
        rows = zip(photo.tolist(), repeat(whose), tag.tolist(), scores, put, strict=False)
        insert_many(connection, "INSERT INTO photo_tags", rows)
        return np.stack((photo, np.full_like(photo, whose), tag))

    said, scores = scored_pairs([result.decided.tags for result in results], ids)
    added = pairs([result.added for result in results], ids)
    own = pairs([result.keywords for result in results], ids)
    unscored = added[~are_among(added, said)]
    mine = write(OWNER, own, repeat(SCORE_SCALE), repeat(0))
    given = write(source, said, scores.tolist(), are_among(said, added).astype(int).tolist())
    write(source, unscored, repeat(None), repeat(1))
    place, tag = apart(pairs([result.rejected for result in results], ids))
    insert_many(connection, "INSERT INTO rejected", zip(numbers[place].tolist(), tag.tolist(), strict=True))
    return np.concatenate((np.vstack((given, scores)), np.vstack((mine, np.full(len(own), SCORE_SCALE)))), axis=1)


def _write_verdicts(
    connection: Connection, numbered: Sequence[tuple[int, Tagged]], stamp: tuple[int, int, int], ids: Mapping[str, int]
) -> None:
    """Write what a model decided of photos, with its guesses."""
    rows: list[_Row] = []
    *said, at = stamp
    every = [guess for _, result in numbered for guess in result.decided.guesses]
    scored = np.stack((numbers_of([guess.word for guess in every], ids), whole_scores(every)), axis=1)
    listed = iter(scored.ravel().tolist())
    for number, result in numbered:
        decided = result.decided
        guesses = _guesses(len(decided.guesses)) % tuple(islice(listed, 2 * len(decided.guesses)))
        note = storable(result.note) if result.note else None
        rows.append((number, *said, result.where, at, guesses, decided.distance, note, None))
    replace_many(connection, verdicts, rows)


@lru_cache
def _guesses(count: int) -> str:
    """How guesses are noted, as JSON: the tag's number and the score of each."""
    return f"[{','.join(['[%d,%d]'] * count)}]"
