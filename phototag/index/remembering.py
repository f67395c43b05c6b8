"""A batch of a scan's results in, rows out: the statements that a scan of a large library runs most.

They are literal SQL with whole lists of rows handed to the driver: making 20,000 photos a second known leaves 50
microseconds for each, its dozen rows included.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Connection

from phototag.index import postings
from phototag.index.adopting import keep_imported
from phototag.index.rows import CHUNK, broader_of, chunks, fetch, intern_values, run_many, split_path, storable
from phototag.index.tables import OWNER, SCORE_SCALE, cameras, decisions, folders, sources, tags
from phototag.index.writing import rehome
from phototag.records import Failed, Tag, Tagged

_Place: TypeAlias = tuple[int, bytes]
"""The number of a photo's folder, and its name."""

_TAGGED = (
    "INSERT INTO photos (folder_id, name, size_bytes, mtime_ns, content_hash, format, width, height, taken, camera_id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (folder_id, name) DO UPDATE SET size_bytes = "
    "excluded.size_bytes, mtime_ns = excluded.mtime_ns, content_hash = excluded.content_hash, "
    "format = excluded.format, width = excluded.width, height = excluded.height, taken = excluded.taken, "
    "camera_id = excluded.camera_id, failure = NULL, failure_detail = NULL"
)
# The facts and words of earlier days stay; the content hash only while the file looks the same.
_FAILED = (
    "INSERT INTO photos (folder_id, name, size_bytes, mtime_ns, failure, failure_detail) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (folder_id, name) DO UPDATE SET content_hash = CASE WHEN size_bytes = excluded.size_bytes AND "
    "mtime_ns = excluded.mtime_ns THEN content_hash END, size_bytes = excluded.size_bytes, "
    "mtime_ns = excluded.mtime_ns, failure = excluded.failure, failure_detail = excluded.failure_detail"
)
_VERDICT = (
    "INSERT OR REPLACE INTO verdicts (photo_id, source_id, decision_id, place, decided_at, guesses, distance, note) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(slots=True)
class Vocabulary:
    """What a store has looked up before and need not again: nobody ever takes a word out of an index.

    Attributes:
        words: the numbers of tags.
        under: by model and tag, the tags it stands under.
    """

    words: dict[str, int] = field(default_factory=dict)
    under: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget it, after a transaction that was taken back."""
        self.words.clear()
        self.under.clear()


def remember(
    connection: Connection,
    results: Sequence[Tagged | Failed],
    model: str,
    stamp: tuple[str, int],
    vocabulary: Vocabulary,
) -> None:
    """Record a batch of one model's results.

    Args:
        stamp: the decision's fingerprint, and when it was made, in seconds since the epoch.
        vocabulary: is added to; to be cleared if the transaction is not kept.
    """
    latest = {result.ref.path: result for result in results}  # a photo twice in a batch: the last result counts
    tagged = [result for result in latest.values() if isinstance(result, Tagged)]
    # A folder that could not be listed is a `Failed` too, but no photo.
    failed = [result for result in latest.values() if isinstance(result, Failed) and not os.path.isdir(result.ref.path)]
    for result in tagged:
        if result.moved_from is not None:
            rehome(connection, result.moved_from, result.ref.path)
    places = _places(connection, [*tagged, *failed])
    before = _numbers(connection, places.values())
    _write_photos(connection, tagged, failed, places)
    after = _numbers(connection, places.values())
    numbered = [(after[places[result.ref.path]], result) for result in tagged]
    if numbered:
        source = intern_values(connection, sources.c.name, [model])[model]
        decision_id = intern_values(connection, decisions.c.fingerprint, [stamp[0]])[stamp[0]]
        _learn(connection, tagged, source, vocabulary)
        _write_words(connection, numbered, source, set(before.values()), vocabulary.words)
        _write_verdicts(connection, numbered, (source, decision_id, stamp[1]), vocabulary.words)
    keep_imported(connection, set(before.values()))
    fresh = {number for place, number in after.items() if place not in before}
    postings.renew(connection, after.values(), fresh)


def _places(connection: Connection, results: Iterable[Tagged | Failed]) -> dict[str, _Place]:
    """Where each photo lies, by its path; folders not known yet become known."""
    split = {result.ref.path: split_path(result.ref.path) for result in results}
    ids = intern_values(connection, folders.c.path, {folder for folder, _ in split.values()})
    return {path: (ids[folder], name) for path, (folder, name) in split.items()}


def _numbers(connection: Connection, places: Collection[_Place]) -> dict[_Place, int]:
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


def _write_photos(
    connection: Connection, tagged: Sequence[Tagged], failed: Sequence[Failed], places: dict[str, _Place]
) -> None:
    """Insert or renew the photos' own rows."""
    seen = {storable(result.decided.facts.camera) for result in tagged if result.decided.facts.camera}
    camera_ids: dict[str | None, int | None] = dict(intern_values(connection, cameras.c.name, seen))
    rows: list[tuple[Any, ...]] = []
    for result in tagged:
        ref, facts = result.ref, result.decided.facts
        camera = camera_ids[storable(facts.camera)] if facts.camera else None
        own = (facts.format, facts.width, facts.height, facts.taken, camera)
        rows.append((*places[ref.path], ref.size_bytes, ref.mtime_ns, result.content_hash, *own))
    if rows:
        run_many(connection, _TAGGED, rows)
    if failed:
        run_many(
            connection,
            _FAILED,
            [
                (*places[f.ref.path], f.ref.size_bytes, f.ref.mtime_ns, storable(f.reason), storable(f.detail))
                for f in failed
            ],
        )


def _learn(connection: Connection, tagged: Iterable[Tagged], source: int, vocabulary: Vocabulary) -> None:
    """Make sure of the numbers of all words in a batch, and of what each word stands under."""
    every: set[str] = set()
    under: dict[str, tuple[str, ...]] = {}
    for result in tagged:
        every.update(result.added, result.rejected, result.keywords)
        for tag in (*result.decided.tags, *result.decided.guesses):
            under[tag.word] = tag.broader
    every.update(under, *under.values())
    missing = {word: storable(word) for word in every if word not in vocabulary.words}
    if missing:
        ids = intern_values(connection, tags.c.word, set(missing.values()))
        vocabulary.words |= {word: ids[text] for word, text in missing.items()}
    ids = vocabulary.words
    paths = {ids[word]: tuple(ids[above] for above in broader) for word, broader in under.items()}
    changed = {tag: path for tag, path in paths.items() if vocabulary.under.get((source, tag)) != path}
    if changed:
        _write_broader(connection, changed, source)
        vocabulary.under |= {(source, tag): path for tag, path in changed.items()}


def _write_broader(connection: Connection, paths: dict[int, tuple[int, ...]], source: int) -> None:
    """Note what words stand under; only words new or changed are written."""
    known = broader_of(connection, source, paths)
    changed = {tag: path for tag, path in paths.items() if known.get(tag, ()) != path}
    gone = [(source, tag) for tag in changed if tag in known]
    if gone:
        run_many(connection, "DELETE FROM broader WHERE source_id = ? AND tag_id = ?", gone)
    rows = [(source, tag, position, above) for tag, path in changed.items() for position, above in enumerate(path)]
    if rows:
        run_many(connection, "INSERT INTO broader VALUES (?, ?, ?, ?)", rows)


def _write_words(
    connection: Connection,
    numbered: Sequence[tuple[int, Tagged]],
    source: int,
    known: Collection[int],
    ids: dict[str, int],
) -> None:
    """Replace this model's words, the owner's keywords and the rejected words of each photo."""
    again = [(number,) for number, _ in numbered if number in known]
    if again:
        mine = f"photo_id = ? AND source_id IN ({OWNER}, {source})"
        run_many(connection, f"DELETE FROM photo_tags WHERE {mine}", again)
        run_many(connection, "DELETE FROM rejected WHERE photo_id = ?", again)
        run_many(connection, f"DELETE FROM intents WHERE photo_id = ? AND source_id = {source}", again)
    rows: list[tuple[int, int, int, int | None, bool]] = []
    refused: list[tuple[int, int]] = []
    for number, result in numbered:
        scores, added = _said(result, ids), {ids[word] for word in result.added}
        rows += [(number, source, tag, score, tag in added) for tag, score in scores.items()]
        rows += [(number, source, tag, None, True) for tag in added - scores.keys()]
        rows += [(number, OWNER, tag, SCORE_SCALE, False) for tag in {ids[word] for word in result.keywords}]
        refused += [(number, tag) for tag in {ids[word] for word in result.rejected}]
    if rows:
        run_many(connection, "INSERT INTO photo_tags VALUES (?, ?, ?, ?, ?)", rows)
    if refused:
        run_many(connection, "INSERT INTO rejected VALUES (?, ?)", refused)


def _said(result: Tagged, ids: dict[str, int]) -> dict[int, int]:
    """The tags with their scores; a broader word the model did not score is as sure as the tag below it."""
    scores: dict[int, int] = {}
    own: dict[int, int] = {}
    for tag in result.decided.tags:
        score = own[ids[tag.word]] = _ten_thousandths(tag.score)
        for word in tag.broader:
            above = ids[word]
            if score > scores.get(above, -1):
                scores[above] = score
    return scores | own


def _write_verdicts(
    connection: Connection, numbered: Sequence[tuple[int, Tagged]], stamp: tuple[int, int, int], ids: dict[str, int]
) -> None:
    source, decision_id, decided_at = stamp

    def packed(guesses: Iterable[Tag]) -> str:
        return f"[{','.join([f'[{ids[tag.word]},{_ten_thousandths(tag.score)}]' for tag in guesses])}]"

    run_many(
        connection,
        _VERDICT,
        [
            (
                number,
                source,
                decision_id,
                result.where,
                decided_at,
                packed(result.decided.guesses),
                result.decided.distance,
                storable(result.note) or None,
            )
            for number, result in numbered
        ],
    )


def _ten_thousandths(score: float) -> int:
    return min(SCORE_SCALE, max(0, round(score * SCORE_SCALE)))
