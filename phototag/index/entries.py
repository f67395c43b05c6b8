"""Paths in, all that the index holds of their photos out, hundreds by a few queries; in the caller's transaction."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from phototag.index import Entry, Verdict
from phototag.index.numbers import OWNER, SCORE_SCALE
from phototag.index.reading import facts_in
from phototag.index.rows import CHUNK, broader_of, chunks, fetch, join_path, photo_numbers, words_by_id
from phototag.index.tables import cameras, folders, lenses, photos
from phototag.records import PhotoRef, Tag


def entries(connection: Connection, paths: Iterable[str]) -> Iterator[Entry]:
    """All that is known of photos, in the order of their paths as given; those not known are left out."""
    for some in chunks(paths, CHUNK):
        numbers = photo_numbers(connection, some)
        if numbers:
            told = _Told(connection, [*numbers.values()])
            yield from (told.entry(numbers[path]) for path in some if path in numbers)


class _Told:
    """The rows of some photos, by the photo's number."""

    def __init__(self, connection: Connection, numbers: Sequence[int]) -> None:
        some = f"photo_id IN ({','.join(map(str, numbers))})"
        self._photos = {row.id: row for row in _photo_rows(connection, numbers)}
        self._words = _grouped(
            fetch(connection, f"SELECT photo_id, source_id, tag_id, score FROM photo_tags WHERE {some}")
        )
        self._rejected = _grouped(fetch(connection, f"SELECT photo_id, tag_id FROM rejected WHERE {some}"))
        self._imported = _grouped(fetch(connection, f"SELECT photo_id, tag_id FROM imported WHERE {some}"))
        query = (
            "SELECT photo_id, source_id, sources.name, place, guesses, distance, decided_at, note FROM verdicts "
            f"JOIN sources ON sources.id = source_id WHERE {some} ORDER BY decided_at DESC, sources.name"
        )
        self._verdicts = _grouped(fetch(connection, query))
        self._learn(connection)

    def entry(self, number: int) -> Entry:
        """What is known of one of them."""
        row = self._photos[number]
        failure = f"{row.failure}: {row.failure_detail}" if row.failure and row.failure_detail else row.failure
        return Entry(
            ref=PhotoRef(join_path(row.path, row.name), row.size_bytes, row.mtime_ns),
            facts=None if row.format is None else facts_in(row),
            content_hash=row.content_hash,
            keywords=self._sorted(tag for source, tag, _ in self._words[number] if source == OWNER),
            rejected=self._sorted(tag for (tag,) in self._rejected[number]),
            verdicts=tuple(self._verdict(number, *verdict) for verdict in self._verdicts[number]),
            failure=failure,
            imported=self._sorted(tag for (tag,) in self._imported[number]),
        )

    def _learn(self, connection: Connection) -> None:
        """Look up every word that is spoken of, and what models say it stands under."""
        spoken: dict[int, set[int]] = defaultdict(set)
        for rows in self._words.values():
            for source, tag, _ in rows:
                spoken[source].add(tag)
        for rows in self._verdicts.values():
            for source, _, _, guesses, *_ in rows:
                spoken[source].update(tag for tag, _ in json.loads(guesses))
        self._broader = {source: broader_of(connection, source, tags) for source, tags in spoken.items()}
        every = {tag for tags in spoken.values() for tag in tags}
        every.update(above for broader in self._broader.values() for path in broader.values() for above in path)
        every.update(tag for rows in (*self._rejected.values(), *self._imported.values()) for (tag,) in rows)
        self._word = words_by_id(connection, every)

    def _verdict(
        self,
        number: int,
        source: int,
        model: str,
        place: Any,
        guesses: str,
        distance: float | None,
        decided_at: int,
        note: str | None,
    ) -> Verdict:
        given = [(tag, score) for whose, tag, score in self._words[number] if whose == source and score is not None]
        return Verdict(
            model=model,
            where=place,
            tags=tuple(sorted((self._tag(source, *one) for one in given), key=lambda tag: (-tag.score, tag.word))),
            guesses=tuple(self._tag(source, tag, score) for tag, score in json.loads(guesses)),
            distance=distance,
            decided_at=datetime.fromtimestamp(decided_at, UTC).isoformat(timespec="seconds"),
            note=note or "",
        )

    def _tag(self, source: int, number: int, score: int) -> Tag:
        above = tuple(self._word[other] for other in self._broader.get(source, {}).get(number, ()))
        return Tag(self._word[number], score / SCORE_SCALE, above)

    def _sorted(self, tags: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted(self._word[tag] for tag in tags))


def _photo_rows(connection: Connection, numbers: Collection[int]) -> Sequence[Row[Any]]:
    columns = (photos, folders.c.path, cameras.c.name.label("camera"), lenses.c.name.label("lens"))
    query = select(*columns).join(folders).outerjoin(cameras).outerjoin(lenses).where(photos.c.id.in_(numbers))
    return connection.execute(query).all()


def _grouped(rows: Iterable[Sequence[Any]]) -> Mapping[int, list[Sequence[Any]]]:
    """Rows by their first column, the photo's number, without it."""
    found: dict[int, list[Sequence[Any]]] = defaultdict(list)
    for number, *rest in rows:
        found[number].append(rest)
    return found
