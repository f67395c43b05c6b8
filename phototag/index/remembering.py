"""A batch of a scan's results in, rows out: the statements that a scan of a large library runs most.

They are literal SQL with whole lists of rows handed to the driver: making 20,000 photos a second known leaves 50
microseconds for each, its dozen rows included.
"""

import gc
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection

from phototag.index import postings
from phototag.index.adopting import keep_imported
from phototag.index.numbers import OWNER, SCORE_SCALE
from phototag.index.postings import Told
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
)
from phototag.index.tables import cameras, decisions, folders, lenses, sources, tags, verdicts
from phototag.index.writing import rehome
from phototag.records import Failed, Tag, Tagged

_Place: TypeAlias = tuple[int, bytes]
"""The number of a photo's folder, and its name."""

_PLACE = ("folder_id", "name", "size_bytes", "mtime_ns")
_MADE = ("camera_id", "lens_id", "latitude", "longitude")
_FACTS = ("content_hash", "format", "width", "height", "taken", *_MADE, "picture")
_TAGGED = f"INSERT INTO photos ({', '.join(_PLACE + _FACTS)})"
_TAGGED_AGAIN = (
    f"UPDATE photos SET {', '.join(f'{name} = ?' for name in _PLACE + _FACTS)}, failure = NULL, failure_detail = NULL "
    "WHERE id = ?"
)
_FAILED = f"INSERT INTO photos ({', '.join(_PLACE)}, failure, failure_detail)"
# The facts and words of earlier days stay; the content hash only while the file looks the same.
_FAILED_AGAIN = (
    "UPDATE photos SET content_hash = CASE WHEN size_bytes = ?3 AND mtime_ns = ?4 THEN content_hash END, "
    "folder_id = ?1, name = ?2, size_bytes = ?3, mtime_ns = ?4, failure = ?5, failure_detail = ?6 WHERE id = ?7"
)
_Row: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class Vocabulary:
    """What a store has looked up before and need not again: nobody ever takes a word out of an index.

    Attributes:
        words: the numbers of tags.
        broader: by model and word, what it said last that the word stands under.
    """

    words: dict[str, int] = field(default_factory=dict)
    broader: dict[int, dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget it, after a transaction that was taken back."""
        self.words.clear()
        self.broader.clear()


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
    before = _numbers(connection, places.values())
    ((last,),) = fetch(connection, "SELECT coalesce(max(id), 0) FROM photos")
    rows = _photo_rows(connection, tagged, places)
    _put(connection, rows, before, _TAGGED, _TAGGED_AGAIN)
    failures = [_failed_row(result, places[result.ref.path]) for result in failed]
    _put(connection, failures, before, _FAILED, _FAILED_AGAIN)
    # Numbers only grow, and nobody else writes: what has one above the last is what was put in.
    fresh = fetch(connection, "SELECT folder_id, name, id FROM photos WHERE id > ?", (last,))
    after = before | {(folder, name): number for folder, name, number in fresh}
    known, told = set(before.values()), None
    if tagged:
        source = intern_values(connection, sources.c.name, [model])[model]
        decision_id = intern_values(connection, decisions.c.fingerprint, [stamp[0]])[stamp[0]]
        _learn(connection, tagged, source, vocabulary)
        numbered = [(after[places[result.ref.path]], result) for result in tagged]
        words = _write_words(connection, numbered, source, known, vocabulary)
        _write_verdicts(connection, numbered, (source, decision_id, stamp[1]), vocabulary.words)
        told = Told(
            [row for row in words if row[0] not in known],
            [(number, source) for number, _ in numbered if number not in known],
            [_fact(number, row) for (number, _), row in zip(numbered, rows, strict=True) if number not in known],
        )
    keep_imported(connection, known)
    postings.renew(connection, after.values(), set(after.values()) - known, told)


def _places(connection: Connection, results: Iterable[Tagged | Failed]) -> dict[str, _Place]:
    """Where each photo lies, by its path; folders not known yet become known."""
    folder, begin, split = "", "", []
    for result in results:
        path = result.ref.path
        name = path[len(begin) :]
        if not begin or not path.startswith(begin) or os.sep in name:  # else in the folder of the one before
            folder, name = os.path.split(path)
            begin = path[: len(path) - len(name)]
        split.append((path, folder, os.fsencode(name)))
    encoded = {folder: os.fsencode(folder) for _, folder, _ in split}
    ids = intern_values(connection, folders.c.path, encoded.values())
    return {path: (ids[encoded[folder]], name) for path, folder, name in split}


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


def _photo_rows(connection: Connection, tagged: Sequence[Tagged], places: dict[str, _Place]) -> list[_Row]:
    """The photos' own rows; cameras and lenses not known yet become known."""
    every = [result.decided.facts for result in tagged]
    camera_ids = _named(connection, cameras.c.name, {facts.camera for facts in every})
    lens_ids = _named(connection, lenses.c.name, {facts.lens for facts in every})
    rows = []
    for result, facts in zip(tagged, every, strict=True):
        ref = result.ref
        made_with = (camera_ids[facts.camera], lens_ids[facts.lens])
        own: _Row = (result.content_hash, facts.format, facts.width, facts.height, facts.taken)
        own += (*made_with, *(facts.place or (None, None)), result.picture or None)
        rows.append((*places[ref.path], ref.size_bytes, ref.mtime_ns, *own))
    return rows


def _named(connection: Connection, column: Column[Any], names: Iterable[str | None]) -> dict[str | None, int | None]:
    """The numbers of cameras or lenses, by their names as they were given."""
    texts = {name: storable(name) for name in names if name}
    ids = intern_values(connection, column, set(texts.values()))
    return {None: None, "": None} | {name: ids[text] for name, text in texts.items()}


def _fact(number: int, row: _Row) -> _Row:
    """A photo's row as its postings are made from it; see `Told`."""
    folder, name, size, _, _, _, width, height, taken, camera, lens, latitude, longitude, _ = row
    return number, folder, name, size, width, height, taken, camera, lens, latitude, longitude, False


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


def _write_words(
    connection: Connection,
    numbered: Sequence[tuple[int, Tagged]],
    source: int,
    known: Collection[int],
    vocabulary: Vocabulary,
) -> list[tuple[int, int, int, int | None, int]]:
    """Replace this model's words, the owner's keywords and the rejected words of each photo; the new rows of words."""
    again = [(number,) for number, _ in numbered if number in known]
    if again:
        mine = f"photo_id = ? AND source_id IN ({OWNER}, {source})"
        run_many(connection, f"DELETE FROM photo_tags WHERE {mine}", again)
        run_many(connection, "DELETE FROM rejected WHERE photo_id = ?", again)
        run_many(connection, f"DELETE FROM intents WHERE photo_id = ? AND source_id = {source}", again)
    ids = vocabulary.words
    rows: list[tuple[int, int, int, int | None, int]] = []
    refused: list[tuple[int, int]] = []
    for number, result in numbered:
        scores, added = _said(result.decided.tags, ids), {ids[word] for word in result.added}
        rows += [(number, source, tag, score, 1 if tag in added else 0) for tag, score in scores.items()]
        if not added <= scores.keys():
            rows += [(number, source, tag, None, 1) for tag in added - scores.keys()]
        if result.keywords:
            rows += [(number, OWNER, tag, SCORE_SCALE, 0) for tag in {ids[word] for word in result.keywords}]
        if result.rejected:
            refused += [(number, tag) for tag in {ids[word] for word in result.rejected}]
    insert_many(connection, "INSERT INTO photo_tags", rows)
    insert_many(connection, "INSERT INTO rejected", refused)
    return rows


def _said(tags_: Iterable[Tag], ids: Mapping[str, int]) -> dict[int, int]:
    """The tags with their scores; a broader word the model did not score is as sure as the tag below it."""
    scores: dict[int, int] = {}
    own: dict[int, int] = {}
    for tag in tags_:
        sure = tag.score
        score = own[ids[tag.word]] = round(sure * SCORE_SCALE) if 0 <= sure <= 1 else _clamped(sure)
        for word in tag.broader:
            above = ids[word]
            if score > scores.get(above, -1):
                scores[above] = score
    return scores | own


def _write_verdicts(
    connection: Connection, numbered: Sequence[tuple[int, Tagged]], stamp: tuple[int, int, int], ids: Mapping[str, int]
) -> None:
    rows: list[_Row] = []
    *said, at = stamp
    for number, result in numbered:
        decided = result.decided
        guesses = [
            f"[{ids[guess.word]},{round(sure * SCORE_SCALE) if 0 <= (sure := guess.score) <= 1 else _clamped(sure)}]"
            for guess in decided.guesses
        ]
        note = storable(result.note) if result.note else None
        rows.append((number, *said, result.where, at, f"[{','.join(guesses)}]", decided.distance, note, None))
    replace_many(connection, verdicts, rows)


def _clamped(score: float) -> int:
    """A score that is none, in ten-thousandths; the others are rounded in place, for there are eight a photo."""
    return SCORE_SCALE * (score > 0)
