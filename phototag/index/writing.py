"""Photos that are about to be written, that moved or that are gone in, rows out, inside the caller's transaction."""

import json
import os
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, and_, delete, exists, select, update

from phototag.index import postings, tables
from phototag.index.journal import Intent
from phototag.index.journalling import note_writes
from phototag.index.numbers import OWNER
from phototag.index.reading import at_or_below
from phototag.index.rows import CHUNK, chunks, fetch, intern_values, make_known, replace_many, split_path, storable
from phototag.index.snapshot import sources_of
from phototag.index.tables import folders, intents, photo_tags, photos, sources, verdicts, writes


def intend(connection: Connection, intended: Sequence[Intent], model: str | None) -> None:
    """Note that words are about to be written into photos; those not known yet become known."""
    for one in intended:
        if one.moved_from is not None:
            rehome(connection, one.moved_from, one.ref.path)
    source = None if model is None else intern_values(connection, sources.c.name, [model])[model]
    numbers = make_known(connection, [one.ref for one in intended])
    said = {number: [source] if source is not None else sources_of(connection, number) for number in numbers.values()}
    words = _unfinished(connection, numbers.values())
    for one in intended:
        number = numbers[one.ref.path]
        for speaker in said[number]:
            words.setdefault((number, speaker), set()).update(map(storable, one.added))
    rows = [(*whose, json.dumps(sorted(of))) for whose, of in words.items() if whose[1] in said[whose[0]]]
    replace_many(connection, tables.intents, rows)
    noted = [(numbers[one.ref.path], one.write) for one in intended if one.write is not None]
    if noted:
        note_writes(connection, noted, source)


def _unfinished(connection: Connection, numbers: Iterable[int]) -> dict[tuple[int, int], set[str]]:
    """The words of writes that were begun and not recorded as finished, by photo and model."""
    found: dict[tuple[int, int], set[str]] = {}
    for chunk in chunks(numbers, CHUNK):
        query = f"SELECT photo_id, source_id, words FROM intents WHERE photo_id IN ({','.join('?' * len(chunk))})"
        for photo, source, words in fetch(connection, query, chunk):
            found[photo, source] = set(json.loads(words))
    return found


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


def begin_anew(connection: Connection, numbers: Iterable[int]) -> None:
    """Forget what models said of photos, and that the journal's writes were to them."""
    for chunk in chunks(numbers, CHUNK):
        given = and_(photo_tags.c.photo_id.in_(chunk), photo_tags.c.source_id != OWNER)
        connection.execute(delete(photo_tags).where(given))
        connection.execute(delete(verdicts).where(verdicts.c.photo_id.in_(chunk)))
        connection.execute(delete(intents).where(intents.c.photo_id.in_(chunk)))
        connection.execute(update(writes).where(writes.c.photo_id.in_(chunk)).values(photo_id=None))
        postings.renew(connection, chunk)


def forget(connection: Connection, numbers: Iterable[int]) -> None:
    """Drop photos with all that hangs on them, and folders that are empty then."""
    for chunk in chunks(numbers, CHUNK):
        which = photos.c.id.in_(chunk)
        emptied = set(connection.execute(select(photos.c.folder_id).where(which)).scalars())
        connection.execute(delete(photos).where(which))
        _drop_empty(connection, emptied)
        postings.renew(connection, chunk)


def note_missing(connection: Connection, root: str, missing: Collection[str]) -> None:
    """Mark the folders at or below a root that are gone or empty, and no others."""
    below = at_or_below(root)
    connection.execute(update(folders).where(below, folders.c.missing == 1).values(missing=0))
    for chunk in chunks(map(os.fsencode, missing), CHUNK):
        connection.execute(update(folders).where(below, folders.c.path.in_(chunk)).values(missing=1))


def _drop_empty(connection: Connection, folder_ids: Collection[int]) -> None:
    unused = ~exists().where(photos.c.folder_id == folders.c.id)
    for chunk in chunks(folder_ids, CHUNK):
        connection.execute(delete(folders).where(folders.c.id.in_(chunk), unused))
