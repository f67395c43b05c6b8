"""Runs and writes in, rows out, and back: what the `Journal` promises. Every function runs inside the caller's
transaction.
"""

import json
import os
import unicodedata
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, insert, or_, select, update

from phototag.index import postings
from phototag.index.adopting import keep_imported
from phototag.index.journal import Carrier, Kind, Run, Standing, Write, Written
from phototag.index.numbers import OWNER, SCORE_SCALE
from phototag.index.reading import at_or_below
from phototag.index.rows import CHUNK, chunks, insert_many, intern_values, join_path, run_many, storable, words_by_id
from phototag.index.snapshot import restore, snapshots
from phototag.index.tables import (
    folders,
    intents,
    photo_tags,
    photos,
    rejected,
    runs,
    sources,
    tags,
    verdicts,
    writes,
)
from phototag.index.words import normal_form
from phototag.records import PhotoRef

_NOTE = (
    "INSERT INTO writes (run_id, photo_id, source_id, place, target, hash_before, hash_after, mtime_before, patch, "
    "added, removed, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PLACES = {"photo": "photos", "sidecar": "sidecars", "index": "others"}
_SEPARATOR = b"\0"  # the one byte that no path holds


def start_run(
    connection: Connection, kind: Kind, model: str, roots: Sequence[str], undoes: int | None, now: int
) -> int:
    """Open a run; `now` in seconds since the epoch."""
    row = {
        "kind": kind,
        "model": storable(model),
        "folders": _SEPARATOR.join(map(os.fsencode, roots)),
        "started_at": now,
        "undoes": undoes,
    }
    return int(connection.execute(insert(runs).returning(runs.c.id), row).scalar_one())


def finish_run(connection: Connection, number: int, whole: bool, now: int) -> None:
    """Note a run's end, and what an undo has undone."""
    connection.execute(update(runs).where(runs.c.id == number).values(finished_at=now))
    undoes = connection.execute(select(runs.c.undoes).where(runs.c.id == number)).scalar()
    if whole and undoes is not None:
        connection.execute(update(runs).where(runs.c.id == undoes).values(undone_by=number))


def list_runs(connection: Connection) -> list[Run]:
    """Every run, the latest first."""

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    figures = (
        *(count(writes.c.place == place).label(name) for place, name in _PLACES.items()),
        count(and_(writes.c.id.is_not(None), writes.c.undone_by.is_(None))).label("left"),
        func.coalesce(func.sum(func.length(writes.c.patch)), 0).label("patch_bytes"),
    )
    query = select(runs, *figures).outerjoin(writes, writes.c.run_id == runs.c.id).group_by(runs.c.id)
    return [
        Run(
            number=row.id,
            kind=row.kind,
            model=row.model,
            folders=tuple(map(os.fsdecode, row.folders.split(_SEPARATOR))) if row.folders else (),
            started=_iso(row.started_at),
            finished=None if row.finished_at is None else _iso(row.finished_at),
            photos=row.photos + row.forgotten_photos,
            sidecars=row.sidecars + row.forgotten_sidecars,
            others=row.others + row.forgotten_others,
            left=row.left,
            forgotten=row.forgotten_photos + row.forgotten_sidecars + row.forgotten_others,
            undoes=row.undoes,
            undone_by=row.undone_by,
            patch_bytes=row.patch_bytes,
        )
        for row in connection.execute(query.order_by(runs.c.id.desc()))
    ]


def forget_writes(connection: Connection, before_s: int) -> tuple[int, int]:
    """Forget the writes of runs that began before a moment, but for their numbers; of how many runs and files."""
    old = select(runs.c.id).where(runs.c.started_at < before_s)
    forgotten: dict[int, dict[str, int]] = {}
    counted = (
        select(writes.c.run_id, writes.c.place, func.count())
        .where(writes.c.run_id.in_(old))
        .group_by("run_id", "place")
    )
    for run, place, number in connection.execute(counted).all():
        forgotten.setdefault(run, {})[f"forgotten_{_PLACES[place]}"] = number
    for run, numbers in forgotten.items():
        more = {name: runs.c[name] + number for name, number in numbers.items()}
        connection.execute(update(runs).where(runs.c.id == run).values(more))
    connection.execute(delete(writes).where(writes.c.run_id.in_(old)))
    return len(forgotten), sum(sum(numbers.values()) for numbers in forgotten.values())


def note_writes(connection: Connection, noted: Sequence[tuple[int, Write]], source: int | None) -> None:
    """Note writes that are about to begin, each with its photo's number and what the index says of it until now."""
    words = {storable(word) for _, write in noted for word in write.added | write.removed}
    ids = intern_values(connection, tags.c.word, words)
    states = snapshots(connection, [photo for photo, _ in noted], source)
    rows = [
        (
            write.run,
            photo,
            source,
            write.place,
            os.fsencode(write.target),
            write.hash_before,
            write.hash_after,
            write.mtime_before,
            write.patch,
            json.dumps(sorted(ids[storable(word)] for word in write.added)),
            json.dumps(sorted(ids[storable(word)] for word in write.removed)),
            states[photo],
        )
        for photo, write in noted
    ]
    run_many(connection, _NOTE, rows)


def writes_before(connection: Connection, run: int, last: int | None, limit: int) -> list[Written]:
    """What a run wrote and nobody has undone, the latest first, before the write of the number `last`."""
    query = (
        select(writes, sources.c.name.label("model"), folders.c.path.label("folder"), photos.c.name.label("photo"))
        .outerjoin(sources, sources.c.id == writes.c.source_id)
        .outerjoin(photos, photos.c.id == writes.c.photo_id)
        .outerjoin(folders, folders.c.id == photos.c.folder_id)
        .where(writes.c.run_id == run, writes.c.undone_by.is_(None))
        .order_by(writes.c.id.desc())
        .limit(limit)
    )
    if last is not None:
        query = query.where(writes.c.id < last)
    rows = connection.execute(query).all()
    words = words_by_id(connection, {tag for row in rows for tag in (*_ids(row.added), *_ids(row.removed))})
    return [_written(connection, row, words) for row in rows]


def carriers_after(connection: Connection, root: str | None, word: str | None, last: int, limit: int) -> list[Carrier]:
    """The next photos with a word of phototag's, by number, after `last`."""
    given = select(photo_tags.c.photo_id).where(photo_tags.c.source_id != OWNER, photo_tags.c.photo_id > last)
    if word is not None:
        given = given.where(photo_tags.c.tag_id.in_(_spellings(connection, word)))
    query = (
        select(photos, folders.c.path).join(folders).where(photos.c.id.in_(given)).order_by(photos.c.id).limit(limit)
    )
    if root is not None:
        query = query.where(at_or_below(root))
    return [_carrier(connection, row) for row in connection.execute(query).all()]


def undone(connection: Connection, number: int, run: int, now: Standing, whole: bool) -> None:
    """Record that a write was taken back."""
    row = connection.execute(
        select(writes, runs.c.kind).join(runs, runs.c.id == writes.c.run_id).where(writes.c.id == number)
    ).one()
    connection.execute(update(writes).where(writes.c.id == number).values(undone_by=run))
    if row.photo_id is None:
        return
    added, removed = _ids(row.added), _ids(row.removed)
    touched = None if whole else {*added, *removed}
    restore(connection, row.photo_id, row.state, touched, None if row.kind == "untag" else run)
    if row.kind == "untag":
        before = json.loads(row.state)["rejected"]
        _unreject(connection, row.photo_id, set(removed) - set(before))
    _stand(connection, row.photo_id, now)


def untagged(connection: Connection, number: int, run: int, words: frozenset[str] | None, now: Standing) -> None:
    """Record that words of phototag's are gone from a photo."""
    mine = and_(photo_tags.c.photo_id == number, photo_tags.c.source_id != OWNER)
    if words is None:
        connection.execute(delete(photo_tags).where(mine))
        connection.execute(
            update(verdicts).where(verdicts.c.photo_id == number).values(undone_by=run, note=f"untagged by run {run}")
        )
    else:
        ids = intern_values(connection, tags.c.word, set(map(storable, words)))
        connection.execute(delete(photo_tags).where(mine, photo_tags.c.tag_id.in_(ids.values())))
        _reject(connection, number, ids.values())
    _stand(connection, number, now)


def _written(connection: Connection, row: Row[Any], words: dict[int, str]) -> Written:
    same = writes.c.target == row.target
    if row.photo_id is not None:
        same = or_(same, and_(writes.c.photo_id == row.photo_id, writes.c.place == row.place))
    later = connection.execute(
        select(writes.c.run_id, writes.c.hash_after)
        .where(writes.c.id > row.id, writes.c.undone_by.is_(None), same)
        .order_by(writes.c.id)
    )
    write = Write(
        run=row.run_id,
        place=row.place,
        target=os.fsdecode(row.target),
        hash_before=row.hash_before,
        hash_after=row.hash_after,
        mtime_before=row.mtime_before,
        patch=row.patch,
        added=frozenset(words[tag] for tag in _ids(row.added)),
        removed=frozenset(words[tag] for tag in _ids(row.removed)),
    )
    photo = None if row.photo is None else join_path(row.folder, row.photo)
    return Written(row.id, write, row.model, photo, tuple((run, after) for run, after in later))


def _carrier(connection: Connection, row: Row[Any]) -> Carrier:
    given = connection.execute(
        select(tags.c.word, func.max(photo_tags.c.score), func.max(photo_tags.c.added))
        .join(tags, tags.c.id == photo_tags.c.tag_id)
        .where(photo_tags.c.photo_id == row.id, photo_tags.c.source_id != OWNER)
        .group_by(tags.c.word)
    ).all()
    refused = select(tags.c.word).join(rejected).where(rejected.c.photo_id == row.id)
    unfinished = select(func.count()).select_from(intents).where(intents.c.photo_id == row.id)
    return Carrier(
        number=row.id,
        ref=PhotoRef(join_path(row.path, row.name), row.size_bytes, row.mtime_ns),
        said=frozenset(word for word, _, _ in given),
        added=frozenset(word for word, _, added in given if added),
        rejected=frozenset(connection.execute(refused).scalars()),
        pending=bool(connection.execute(unfinished).scalar_one()),
    )


def _spellings(connection: Connection, word: str) -> list[int]:
    """The tags that are a word but for upper and lower case."""
    alike = connection.execute(select(tags.c.id, tags.c.word).where(tags.c.normal == normal_form(word)))
    return [number for number, other in alike if _key(other) == _key(word)]


def _key(word: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).casefold())


def _stand(connection: Connection, photo: int, now: Standing) -> None:
    """Bring a photo's rows in line with its file; nothing of it is unfinished then."""
    if now.ref is not None:
        connection.execute(
            update(photos)
            .where(photos.c.id == photo)
            .values(size_bytes=now.ref.size_bytes, mtime_ns=now.ref.mtime_ns, content_hash=now.content_hash)
        )
    held = {unicodedata.normalize("NFC", storable(word)) for word in now.words}
    placed = connection.execute(
        select(photo_tags.c.tag_id, tags.c.word)
        .join(tags, tags.c.id == photo_tags.c.tag_id)
        .where(photo_tags.c.photo_id == photo, photo_tags.c.added == 1)
    )
    gone = [tag for tag, word in placed if unicodedata.normalize("NFC", word) not in held]
    for chunk in chunks(gone, CHUNK):
        lost = and_(photo_tags.c.photo_id == photo, photo_tags.c.tag_id.in_(chunk), photo_tags.c.added == 1)
        connection.execute(delete(photo_tags).where(lost, photo_tags.c.score.is_(None)))
        connection.execute(update(photo_tags).where(lost).values(added=0))
    if now.keywords is not None:
        _own(connection, photo, now.keywords)
    if now.rejected:
        ids = intern_values(connection, tags.c.word, set(map(storable, now.rejected)))
        _reject(connection, photo, ids.values())
    connection.execute(delete(intents).where(intents.c.photo_id == photo))
    postings.renew(connection, [photo])


def _own(connection: Connection, photo: int, keywords: Sequence[str]) -> None:
    """Replace the owner's keywords."""
    connection.execute(delete(photo_tags).where(photo_tags.c.photo_id == photo, photo_tags.c.source_id == OWNER))
    ids = intern_values(connection, tags.c.word, set(map(storable, keywords)))
    rows = [
        {"photo_id": photo, "source_id": OWNER, "tag_id": tag, "score": SCORE_SCALE, "added": 0} for tag in ids.values()
    ]
    if rows:
        connection.execute(insert(photo_tags), rows)
    keep_imported(connection, [photo])


def _reject(connection: Connection, photo: int, tag_ids: Collection[int]) -> None:
    rows = [(photo, tag) for tag in tag_ids]
    insert_many(connection, "INSERT INTO rejected (photo_id, tag_id)", rows, "ON CONFLICT DO NOTHING")


def _unreject(connection: Connection, photo: int, tag_ids: Collection[int]) -> None:
    for chunk in chunks(tag_ids, CHUNK):
        connection.execute(delete(rejected).where(rejected.c.photo_id == photo, rejected.c.tag_id.in_(chunk)))


def _ids(text: str) -> list[int]:
    return [int(number) for number in json.loads(text)]


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
