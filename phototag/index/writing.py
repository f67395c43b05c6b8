"""Results of a scan in, rows out. Every function runs inside the caller's transaction."""

import json
import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, exists, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from phototag.index.rows import CHUNK, broader_of, chunks, intern_values, photo_numbers, split_path, storable
from phototag.index.tables import (
    OWNER,
    SCORE_SCALE,
    broader,
    cameras,
    decisions,
    folders,
    intents,
    photo_tags,
    photos,
    rejected,
    sources,
    tags,
    verdicts,
)
from phototag.records import Failed, PhotoRef, Tag, Tagged


def remember(
    connection: Connection, results: Sequence[Tagged | Failed], model: str, decision: str, decided_at: int
) -> None:
    """Record a batch of one model's results.

    Args:
        decided_at: seconds since the epoch.
    """
    latest = {result.ref.path: result for result in results}  # a photo twice in a batch: the last result counts
    tagged = [result for result in latest.values() if isinstance(result, Tagged)]
    # A folder that could not be listed is a `Failed` too, but no photo.
    failed = [result for result in latest.values() if isinstance(result, Failed) and not os.path.isdir(result.ref.path)]
    for result in tagged:
        if result.moved_from is not None:
            rehome(connection, result.moved_from, result.ref.path)
    _write_photos(connection, tagged, failed)
    if tagged:
        numbers = photo_numbers(connection, [result.ref.path for result in tagged])
        source = intern_values(connection, sources.c.name, [model])[model]
        decision_id = intern_values(connection, decisions.c.fingerprint, [decision])[decision]
        _write_words(connection, tagged, numbers, source)
        _write_verdicts(connection, tagged, numbers, source, (decision_id, decided_at))


def intend(connection: Connection, ref: PhotoRef, model: str, added: Collection[str], moved_from: int | None) -> None:
    """Note that words are about to be written into a photo; one not known yet becomes known."""
    if moved_from is not None:
        rehome(connection, moved_from, ref.path)
    source = intern_values(connection, sources.c.name, [model])[model]
    folder = split_path(ref.path)[0]
    row = _place(ref, intern_values(connection, folders.c.path, [folder]))
    connection.execute(upsert(photos).on_conflict_do_nothing(), [row])
    number = photo_numbers(connection, [ref.path])[ref.path]
    mine = and_(intents.c.photo_id == number, intents.c.source_id == source)
    before = connection.execute(select(intents.c.words).where(mine)).scalar()
    words = sorted({*map(storable, added), *(json.loads(before) if before else ())})
    connection.execute(delete(intents).where(mine))
    connection.execute(insert(intents), [{"photo_id": number, "source_id": source, "words": json.dumps(words)}])


def rehome(connection: Connection, number: int, path: str) -> None:
    """Give a moved photo its new path; what was known of another photo there is dropped, for it is no longer there."""
    folder, name = split_path(path)
    folder_id = intern_values(connection, folders.c.path, [folder])[folder]
    here = select(photos.c.id).where(photos.c.folder_id == folder_id, photos.c.name == name)
    old_folder = connection.execute(select(photos.c.folder_id).where(photos.c.id == number)).scalar()
    if old_folder is None or connection.execute(here).scalar() == number:
        return
    connection.execute(delete(photos).where(photos.c.id.in_(here.scalar_subquery())))
    connection.execute(update(photos).where(photos.c.id == number).values(folder_id=folder_id, name=name))
    _drop_empty(connection, {old_folder})


def forget(connection: Connection, numbers: Iterable[int]) -> None:
    """Drop photos with all that hangs on them, and folders that are empty then."""
    for chunk in chunks(numbers, CHUNK):
        which = photos.c.id.in_(chunk)
        emptied = set(connection.execute(select(photos.c.folder_id).where(which)).scalars())
        connection.execute(delete(photos).where(which))
        _drop_empty(connection, emptied)


def _drop_empty(connection: Connection, folder_ids: Collection[int]) -> None:
    unused = ~exists().where(photos.c.folder_id == folders.c.id)
    for chunk in chunks(folder_ids, CHUNK):
        connection.execute(delete(folders).where(folders.c.id.in_(chunk), unused))


def _place(ref: PhotoRef, folder_ids: dict[bytes, int]) -> dict[str, Any]:
    folder, name = split_path(ref.path)
    return {"folder_id": folder_ids[folder], "name": name, "size_bytes": ref.size_bytes, "mtime_ns": ref.mtime_ns}


def _write_photos(connection: Connection, tagged: Sequence[Tagged], failed: Sequence[Failed]) -> None:
    """Insert or renew the photos' own rows."""
    refs = [result.ref for result in tagged] + [result.ref for result in failed]
    folder_ids = intern_values(connection, folders.c.path, [split_path(ref.path)[0] for ref in refs])
    seen = [storable(result.decided.facts.camera) for result in tagged if result.decided.facts.camera]
    camera_ids = intern_values(connection, cameras.c.name, seen)
    if tagged:
        rows = []
        for result in tagged:
            facts = result.decided.facts
            rows.append(
                _place(result.ref, folder_ids)
                | {
                    "content_hash": result.content_hash,
                    "format": facts.format,
                    "width": facts.width,
                    "height": facts.height,
                    "taken": facts.taken,
                    "camera_id": camera_ids[storable(facts.camera)] if facts.camera else None,
                    "failure": None,
                    "failure_detail": None,
                }
            )
        connection.execute(_UPSERT_TAGGED, rows)
    if failed:
        rows = [
            _place(result.ref, folder_ids)
            | {"failure": storable(result.reason), "failure_detail": storable(result.detail)}
            for result in failed
        ]
        connection.execute(_UPSERT_FAILED, rows)


def _upsert_tagged() -> Any:
    columns = [column.name for column in photos.c if column.name != "id"]
    statement = upsert(photos).values({name: bindparam(name) for name in columns})
    renewed = {name: statement.excluded[name] for name in columns if name not in ("folder_id", "name")}
    return statement.on_conflict_do_update(index_elements=["folder_id", "name"], set_=renewed)


def _upsert_failed() -> Any:
    """The facts and words of earlier days stay; the content hash only while the file looks the same."""
    columns = ("folder_id", "name", "size_bytes", "mtime_ns", "failure", "failure_detail")
    statement = upsert(photos).values({name: bindparam(name) for name in columns})
    new = statement.excluded
    same = and_(photos.c.size_bytes == new.size_bytes, photos.c.mtime_ns == new.mtime_ns)
    renewed: dict[str, Any] = {name: new[name] for name in columns if name not in ("folder_id", "name")}
    renewed["content_hash"] = case((same, photos.c.content_hash))
    return statement.on_conflict_do_update(index_elements=["folder_id", "name"], set_=renewed)


_UPSERT_TAGGED = _upsert_tagged()
_UPSERT_FAILED = _upsert_failed()


def _write_words(connection: Connection, tagged: Sequence[Tagged], numbers: dict[str, int], source: int) -> None:
    """Replace this model's words, the owner's keywords and the rejected words of each photo."""
    for chunk in chunks(numbers.values(), CHUNK):
        mine = photo_tags.c.source_id.in_((OWNER, source))
        connection.execute(delete(photo_tags).where(photo_tags.c.photo_id.in_(chunk), mine))
        connection.execute(delete(rejected).where(rejected.c.photo_id.in_(chunk)))
        connection.execute(delete(intents).where(intents.c.photo_id.in_(chunk), intents.c.source_id == source))
    said = [(numbers[result.ref.path], result, _said(result)) for result in tagged]
    words = set().union(*(_words(result) for result in tagged))
    ids = intern_values(connection, tags.c.word, words)
    rows: list[tuple[int, int, int, int | None, bool]] = []
    for number, result, scores in said:
        added = set(map(storable, result.added))
        rows += [(number, source, ids[word], score, word in added) for word, score in scores.items()]
        rows += [(number, source, ids[word], None, True) for word in added - scores.keys()]
        rows += [(number, OWNER, ids[word], SCORE_SCALE, False) for word in set(map(storable, result.keywords))]
    if rows:
        names = ("photo_id", "source_id", "tag_id", "score", "added")
        connection.execute(insert(photo_tags), [dict(zip(names, row, strict=True)) for row in rows])
    refused = [
        {"photo_id": number, "tag_id": ids[word]}
        for number, result, _ in said
        for word in set(map(storable, result.rejected))
    ]
    if refused:
        connection.execute(insert(rejected), refused)
    _write_broader(connection, tagged, ids, source)


def _words(result: Tagged) -> set[str]:
    every = {*result.added, *result.rejected, *result.keywords}
    for tag in (*result.decided.tags, *result.decided.guesses):
        every |= {tag.word, *tag.broader}
    return set(map(storable, every))


def _said(result: Tagged) -> dict[str, int]:
    """The tags' words with their scores; a broader word the model did not score is as sure as the tag below it."""
    scores: dict[str, int] = {}
    for tag in result.decided.tags:
        for word in tag.broader:
            scores[storable(word)] = max(scores.get(storable(word), 0), _ten_thousandths(tag.score))
    scores |= {storable(tag.word): _ten_thousandths(tag.score) for tag in result.decided.tags}
    return scores


def _write_broader(connection: Connection, tagged: Sequence[Tagged], ids: dict[str, int], source: int) -> None:
    """Note what each word stands under; only words new or changed are written."""
    under: dict[int, tuple[int, ...]] = {}
    for result in tagged:
        for tag in (*result.decided.tags, *result.decided.guesses):
            under[ids[storable(tag.word)]] = tuple(ids[storable(word)] for word in tag.broader)
    known = broader_of(connection, source, under)
    changed = {tag: path for tag, path in under.items() if known.get(tag, ()) != path}
    for chunk in chunks(changed, CHUNK):
        connection.execute(delete(broader).where(broader.c.source_id == source, broader.c.tag_id.in_(chunk)))
    rows = [
        {"source_id": source, "tag_id": tag, "position": position, "broader_id": above}
        for tag, path in changed.items()
        for position, above in enumerate(path)
    ]
    if rows:
        connection.execute(insert(broader), rows)


def _write_verdicts(
    connection: Connection,
    tagged: Sequence[Tagged],
    numbers: dict[str, int],
    source: int,
    stamp: tuple[int, int],
) -> None:
    decision_id, decided_at = stamp
    ids = intern_values(
        connection, tags.c.word, {storable(t.word) for result in tagged for t in result.decided.guesses}
    )

    def guess(tag: Tag) -> list[int]:
        return [ids[storable(tag.word)], _ten_thousandths(tag.score)]

    rows = [
        {
            "photo_id": numbers[result.ref.path],
            "source_id": source,
            "decision_id": decision_id,
            "place": result.where,
            "decided_at": decided_at,
            "guesses": json.dumps([guess(tag) for tag in result.decided.guesses], separators=(",", ":")),
            "distance": result.decided.distance,
            "note": storable(result.note) or None,
        }
        for result in tagged
    ]
    connection.execute(insert(verdicts).prefix_with("OR REPLACE"), rows)


def _ten_thousandths(score: float) -> int:
    return min(SCORE_SCALE, max(0, round(score * SCORE_SCALE)))
