"""Photos that are about to be written, that moved or that are gone in, rows out, inside the caller's transaction."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from phototag.index import postings
from phototag.index.journal import Write
from phototag.index.journalling import note_write
from phototag.index.rows import CHUNK, chunks, intern_values, photo_numbers, split_path, storable
from phototag.index.snapshot import sources_of
from phototag.index.tables import (
    folders,
    intents,
    photos,
    sources,
)
from phototag.records import PhotoRef


def intend(
    connection: Connection,
    ref: PhotoRef,
    model: str | None,
    added: Collection[str],
    moved_from: int | None,
    write: Write | None,
) -> None:
    """Note that words are about to be written into a photo; one not known yet becomes known."""
    if moved_from is not None:
        rehome(connection, moved_from, ref.path)
    source = None if model is None else intern_values(connection, sources.c.name, [model])[model]
    folder = split_path(ref.path)[0]
    row = _place(ref, intern_values(connection, folders.c.path, [folder]))
    connection.execute(upsert(photos).on_conflict_do_nothing(), [row])
    number = photo_numbers(connection, [ref.path])[ref.path]
    for one in sources_of(connection, number) if source is None else [source]:
        mine = and_(intents.c.photo_id == number, intents.c.source_id == one)
        before = connection.execute(select(intents.c.words).where(mine)).scalar()
        words = sorted({*map(storable, added), *(json.loads(before) if before else ())})
        connection.execute(delete(intents).where(mine))
        connection.execute(insert(intents), [{"photo_id": number, "source_id": one, "words": json.dumps(words)}])
    if write is not None:
        note_write(connection, number, source, write)


def rehome(connection: Connection, number: int, path: str) -> None:
    """Give a moved photo its new path; what was known of another photo there is dropped, for it is no longer there."""
    folder, name = split_path(path)
    folder_id = intern_values(connection, folders.c.path, [folder])[folder]
    here = select(photos.c.id).where(photos.c.folder_id == folder_id, photos.c.name == name)
    old_folder = connection.execute(select(photos.c.folder_id).where(photos.c.id == number)).scalar()
    replaced = connection.execute(here).scalar()
    if old_folder is None or replaced == number:
        return
    connection.execute(delete(photos).where(photos.c.id == replaced))
    connection.execute(update(photos).where(photos.c.id == number).values(folder_id=folder_id, name=name))
    _drop_empty(connection, {old_folder})
    postings.renew(connection, [number] if replaced is None else [number, replaced])


def forget(connection: Connection, numbers: Iterable[int]) -> None:
    """Drop photos with all that hangs on them, and folders that are empty then."""
    for chunk in chunks(numbers, CHUNK):
        which = photos.c.id.in_(chunk)
        emptied = set(connection.execute(select(photos.c.folder_id).where(which)).scalars())
        connection.execute(delete(photos).where(which))
        _drop_empty(connection, emptied)
        postings.renew(connection, chunk)


def _drop_empty(connection: Connection, folder_ids: Collection[int]) -> None:
    unused = ~exists().where(photos.c.folder_id == folders.c.id)
    for chunk in chunks(folder_ids, CHUNK):
        connection.execute(delete(folders).where(folders.c.id.in_(chunk), unused))


def _place(ref: PhotoRef, folder_ids: dict[bytes, int]) -> dict[str, Any]:
    folder, name = split_path(ref.path)
    return {"folder_id": folder_ids[folder], "name": name, "size_bytes": ref.size_bytes, "mtime_ns": ref.mtime_ns}
