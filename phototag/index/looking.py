"""Rows in, out what the last look at photos found: to tag them anew without opening them, and to find moves."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, select

from phototag.index import Likeness, Look
from phototag.index.numbers import OWNER
from phototag.index.reading import at_or_below, facts_in, known_where
from phototag.index.rows import fetch
from phototag.index.tables import cameras, folders, lenses, photo_tags, photos, sources, tags, verdicts


def looks_at(connection: Connection, numbers: Collection[int], model: str) -> list[Look]:
    """What is known of photos by number, in the order of their numbers; those that were never decoded are left out."""
    found = {known.number: known for known in known_where(connection, photos.c.id.in_(numbers), model)}
    words = _words(connection, numbers, model)
    rows = connection.execute(
        select(photos, cameras.c.name.label("camera"), lenses.c.name.label("lens"), verdicts.c.note)
        .outerjoin(cameras)
        .outerjoin(lenses)
        .outerjoin(sources, sources.c.name == model)
        .outerjoin(verdicts, (verdicts.c.photo_id == photos.c.id) & (verdicts.c.source_id == sources.c.id))
        .where(photos.c.id.in_(numbers), photos.c.content_hash.is_not(None), photos.c.format.is_not(None))
        .order_by(photos.c.id)
    )
    return [
        Look(
            known=found[row.id],
            content_hash=row.content_hash,
            facts=facts_in(row),
            said=frozenset(words.get((row.id, False), ())),
            keywords=tuple(words.get((row.id, True), ())),
            note=row.note or "",
            picture=row.picture or b"",
        )
        for row in rows
    ]


def likenesses(connection: Connection, numbers: Collection[int]) -> dict[int, Likeness]:
    """What tells photos from others that have taken their place, by their numbers."""
    rows = connection.execute(
        select(photos, cameras.c.name.label("camera"), lenses.c.name.label("lens"))
        .outerjoin(cameras)
        .outerjoin(lenses)
        .where(photos.c.id.in_(numbers))
    )
    return {
        row.id: Likeness(row.content_hash, row.picture or b"", None if row.format is None else facts_in(row))
        for row in rows
    }


def contents_after(connection: Connection, root: str | None, last: int, limit: int) -> list[tuple[int, bytes]]:
    """The next photos at or below a root, in the order of their numbers, with their content hashes."""
    query = select(photos.c.id, photos.c.content_hash).where(photos.c.id > last, photos.c.content_hash.is_not(None))
    if root is not None:
        query = query.join(folders).where(at_or_below(root))
    return [(number, digest) for number, digest in connection.execute(query.order_by(photos.c.id).limit(limit))]


def sizes_and_times(connection: Connection) -> list[tuple[int, int, int]]:
    """Every photo that was read: its number, its size in bytes, and its time in nanoseconds since the epoch."""
    return fetch(connection, "SELECT id, size_bytes, mtime_ns FROM photos WHERE content_hash IS NOT NULL")


def _words(connection: Connection, numbers: Collection[int], model: str) -> dict[tuple[int, bool], list[str]]:
    """The words that a model (`False`) and the owner (`True`) gave to photos, in the order of the alphabet."""
    mine: ColumnElement[bool] = photo_tags.c.source_id == OWNER
    said = (sources.c.name == model) & photo_tags.c.score.is_not(None)
    rows = connection.execute(
        select(photo_tags.c.photo_id, photo_tags.c.source_id, tags.c.word)
        .join(tags)
        .join(sources, sources.c.id == photo_tags.c.source_id)
        .where(photo_tags.c.photo_id.in_(numbers), mine | said)
        .order_by(tags.c.word)
    )
    found: dict[tuple[int, bool], list[str]] = {}
    for number, source, word in rows:
        found.setdefault((number, source == OWNER), []).append(word)
    return found
