"""Rows in, the records of the index out. Every function runs inside the caller's transaction."""

import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
)

from phototag.index import Known, TagCount
from phototag.index.blocks import Kind
from phototag.index.contents import with_hashes
from phototag.index.numbers import OWNER
from phototag.index.rows import CHUNK, chunks, fetch, join_path, words_by_id
from phototag.index.tables import (
    decisions,
    folders,
    intents,
    photo_tags,
    photos,
    rejected,
    sources,
    verdicts,
)
from phototag.records import Facts, Memory, PhotoRef


def known_in(connection: Connection, folder: str, model: str) -> dict[str, Known]:
    """The photos directly in a folder, by name."""
    found = known_where(connection, folders.c.path == os.fsencode(folder), model)
    return {os.path.basename(known.ref.path): known for known in found}


def known_by_contents(
    connection: Connection, content_hashes: Collection[bytes], model: str
) -> dict[bytes, list[Known]]:
    """Photos of these very bytes by their hash, in the order of their numbers. Most often there are none."""
    hashes = with_hashes(connection, content_hashes)
    found: dict[bytes, list[Known]] = {}
    for some in chunks(sorted(hashes), CHUNK):
        for known in sorted(known_where(connection, photos.c.id.in_(some), model), key=lambda known: known.number):
            found.setdefault(hashes[known.number], []).append(known)
    return found


def unfinished(connection: Connection, model: str) -> dict[bytes, Known]:
    """Photos of which a write was begun and not recorded, by the hash that it would have left."""
    query = (
        "SELECT writes.hash_after, writes.photo_id FROM intents JOIN writes ON writes.photo_id = intents.photo_id "
        "WHERE writes.place = 'photo' AND writes.undone_by IS NULL"
    )
    numbers = dict(fetch(connection, query))
    known: dict[int, Known] = {}
    for some in chunks(set(numbers.values()), CHUNK):
        known |= {one.number: one for one in known_where(connection, photos.c.id.in_(some), model)}
    return {content_hash: known[number] for content_hash, number in numbers.items()}


def folders_after(connection: Connection, root: str, last: bytes | None, limit: int) -> list[bytes]:
    """The next folders at or below a root in which photos are known, in order of their bytes, after `last`."""
    used = exists().where(photos.c.folder_id == folders.c.id)
    query = select(folders.c.path).where(at_or_below(root), used).order_by(folders.c.path).limit(limit)
    if last is not None:
        query = query.where(folders.c.path > last)
    return list(connection.execute(query).scalars())


def photo_count(connection: Connection, root: str | None) -> int:
    """How many photos are known, at or below a root."""
    query = select(func.count()).select_from(photos)
    if root is not None:
        query = query.join(folders).where(at_or_below(root))
    return int(connection.execute(query).scalar_one())


def count_tags(connection: Connection) -> Iterator[TagCount]:
    """Every word that photos carry, the most frequent first; a word both gave comes twice."""
    counts: Counter[tuple[int, int]] = Counter()
    # By blocks, so that only the words among the postings are gone through; an entry takes four bytes.
    query = (
        "SELECT kind, value, length(entries) / 4 FROM postings WHERE kind IN (?, ?) "
        "AND block BETWEEN 0 AND (SELECT max(id) >> 13 FROM photos)"
    )
    for kind, tag, photos_ in fetch(connection, query, (Kind.KEYWORD, Kind.TAG)):
        counts[kind, tag] += photos_
    words = dict(fetch(connection, "SELECT id, word FROM tags"))
    above: dict[int, list[str]] = {}
    query = "SELECT tag_id, source_id, broader_id FROM broader ORDER BY tag_id, source_id, position"
    for tag, by_source in groupby(fetch(connection, query), key=itemgetter(0)):
        _, rows = next(groupby(by_source, key=itemgetter(1)))
        above[tag] = [words[broader] for _, _, broader in rows]
    for (kind, tag), number in sorted(counts.items(), key=lambda c: (-c[1], words[c[0][1]], -c[0][0])):
        mine = kind == Kind.KEYWORD
        yield TagCount(words[tag], number, "me" if mine else "phototag", () if mine else tuple(above.get(tag, ())))


def facts_in(row: Row[Any]) -> Facts:
    """The facts of a decoded photo, from its row with the names of its camera and lens."""
    place = None if row.latitude is None else (row.latitude, row.longitude)
    return Facts(row.format, row.width, row.height, row.taken, row.camera, row.lens, place)


def at_or_below(root: str) -> ColumnElement[bool]:
    """A folder's path is the root, or begins with it and a separator: a range, which the index on paths answers."""
    separator = os.fsencode(os.sep)
    inside = os.fsencode(root).rstrip(separator) + separator
    after = inside[:-1] + bytes([inside[-1] + 1])
    return or_(folders.c.path == os.fsencode(root), and_(folders.c.path >= inside, folders.c.path < after))


def _ids(column: Column[int], *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Tag numbers of a photo in one text, such as "3,17,29"; equal texts share their words, a photo costs no query."""
    joined = func.aggregate_strings(cast(column, String), ",")
    query = select(joined).where(column.table.c.photo_id == photos.c.id, *conditions)
    return query.correlate(photos).scalar_subquery()


def _known_query() -> Select[Any]:
    mine: ColumnElement[int] = bindparam("source", type_=photo_tags.c.source_id.type)
    others = photo_tags.c.source_id.not_in((OWNER, mine))
    unfinished = (
        select(func.aggregate_strings(intents.c.words, "\n"))
        .where(intents.c.photo_id == photos.c.id, intents.c.source_id != mine)
        .correlate(photos)
        .scalar_subquery()
    )
    return (
        select(
            photos.c.id,
            folders.c.path,
            photos.c.name,
            photos.c.size_bytes,
            photos.c.mtime_ns,
            photos.c.failure,
            decisions.c.fingerprint,
            verdicts.c.place,
            verdicts.c.undone_by,
            intents.c.words.label("intended"),
            unfinished.label("others_intended"),
            _ids(photo_tags.c.tag_id, photo_tags.c.source_id == mine, photo_tags.c.added == 1).label("added"),
            _ids(photo_tags.c.tag_id, others).label("kept"),
            _ids(rejected.c.tag_id).label("rejected"),
            _ids(photo_tags.c.tag_id, others, photo_tags.c.added == 1).label("others"),
        )
        .join(folders, folders.c.id == photos.c.folder_id)
        .outerjoin(verdicts, and_(verdicts.c.photo_id == photos.c.id, verdicts.c.source_id == mine))
        .outerjoin(decisions, decisions.c.id == verdicts.c.decision_id)
        .outerjoin(intents, and_(intents.c.photo_id == photos.c.id, intents.c.source_id == mine))
    )


_KNOWN = _known_query()


def known_where(connection: Connection, which: ColumnElement[bool], model: str) -> Iterator[Known]:
    """The photos of which a condition holds, as one model's scan sees them."""
    source = connection.execute(select(sources.c.id).where(sources.c.name == model)).scalar()
    rows = connection.execute(_KNOWN.where(which), {"source": -1 if source is None else source}).all()
    memories = _memories(connection, {row[-4:] for row in rows})
    # Unpacked by place: a library holds a hundred thousand of these, and names cost more than all the rest.
    for number, folder, name, size, mtime, failure, decision, place, undone, intended, unfinished, *words in rows:
        memory = memories[tuple(words)]
        if intended is not None or unfinished is not None:
            # Another model's unfinished words are kept, but not counted as there: the scan that finishes them will see.
            memory = replace(memory, added=memory.added | _listed(intended), kept=memory.kept | _listed(unfinished))
        ref = PhotoRef(join_path(folder, name), size, mtime)
        yield Known(number, ref, decision, place, failure, intended is not None, memory, undone is not None)


def _memories(connection: Connection, keys: Collection[Sequence[str | None]]) -> dict[Sequence[str | None], Memory]:
    """The words behind texts of tag numbers; photos with the same words share them."""
    texts = {text for key in keys for text in key if text}
    words = words_by_id(connection, {int(number) for text in texts for number in text.split(",")})
    named: dict[str | None, frozenset[str]] = {
        text: frozenset(words[int(number)] for number in text.split(",")) for text in texts
    }
    return {key: Memory(*(named.get(text, frozenset()) for text in key)) for key in keys}


def _listed(lines: str | None) -> frozenset[str]:
    return frozenset(word for line in (lines or "").splitlines() for word in json.loads(line))
