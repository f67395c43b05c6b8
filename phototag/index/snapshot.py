"""What the index says of a photo in, a text that the journal keeps out, and back. Inside the caller's transaction.

The text is JSON: `{"sources": {"3": {"verdict": [...] or null, "tags": [[tag_id, score, added], ...]}},
"rejected": [tag_id, ...]}`. Without what phototag has never said anything of, it is a few bytes.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select

from phototag.index.numbers import OWNER
from phototag.index.rows import CHUNK, chunks, fetch
from phototag.index.tables import photo_tags, verdicts

_VERDICT = ("decision_id", "place", "decided_at", "guesses", "distance", "note", "undone_by")


def snapshots(connection: Connection, numbers: Sequence[int], source: int | None) -> dict[int, str]:
    """What one model, or every model (`None`), says of photos, and what the owner rejected; by their numbers."""
    states: dict[int, dict[str, dict[str, Any]]] = {
        photo: {} if source is None else {str(source): {"verdict": None, "tags": []}} for photo in numbers
    }
    refused: dict[int, list[int]] = {photo: [] for photo in states}
    whose = f"source_id != {OWNER}" if source is None else f"source_id = {source}"
    for chunk in chunks(states, CHUNK):
        which = f"photo_id IN ({','.join('?' * len(chunk))})"
        verdict = f"SELECT photo_id, source_id, {', '.join(_VERDICT)} FROM verdicts WHERE {whose} AND {which}"
        for photo, number, *held in fetch(connection, verdict, chunk):
            states[photo].setdefault(str(number), {"verdict": None, "tags": []})["verdict"] = held
        given = f"SELECT photo_id, source_id, tag_id, score, added FROM photo_tags WHERE {whose} AND {which}"
        for photo, number, *held in fetch(connection, given, chunk):
            states[photo].setdefault(str(number), {"verdict": None, "tags": []})["tags"].append(held)
        for photo, tag in fetch(connection, f"SELECT photo_id, tag_id FROM rejected WHERE {which}", chunk):
            refused[photo].append(tag)
    return {
        photo: json.dumps({"sources": state, "rejected": refused[photo]}, separators=(",", ":"))
        for photo, state in states.items()
    }


def restore(connection: Connection, photo: int, text: str, touched: Collection[int] | None, undo: int | None) -> None:
    """Make the index say of a photo what it said then.

    Args:
        connection: inside the caller's transaction.
        photo: its number.
        text: the snapshot.
        touched: only these tags; None: all.
        undo: the run by which the verdicts stand as undone; None: they become what they were.
    """
    for number, state in json.loads(text)["sources"].items():
        source = int(number)
        mine = and_(photo_tags.c.photo_id == photo, photo_tags.c.source_id == source)
        if touched is not None:
            mine = and_(mine, photo_tags.c.tag_id.in_(touched))
        connection.execute(delete(photo_tags).where(mine))
        rows = [
            {"photo_id": photo, "source_id": source, "tag_id": tag, "score": score, "added": added}
            for tag, score, added in state["tags"]
            if touched is None or tag in touched
        ]
        if rows:
            connection.execute(insert(photo_tags), rows)
        _restore_verdict(connection, photo, source, state["verdict"], undo)


def sources_of(connection: Connection, photo: int) -> list[int]:
    """The models that have said something of a photo."""
    said = select(verdicts.c.source_id).where(verdicts.c.photo_id == photo)
    given = select(photo_tags.c.source_id).where(photo_tags.c.photo_id == photo, photo_tags.c.source_id != OWNER)
    return sorted(connection.execute(said.union(given)).scalars())


def _restore_verdict(
    connection: Connection, photo: int, source: int, verdict: list[Any] | None, undo: int | None
) -> None:
    """Put a verdict back; an undone one keeps what it was decided with, so that no scan acts on it again."""
    which = (verdicts.c.photo_id == photo, verdicts.c.source_id == source)
    current = connection.execute(select(*(verdicts.c[name] for name in _VERDICT)).where(*which)).one_or_none()
    values = dict(zip(_VERDICT, verdict or current or (), strict=False))
    if not values:
        return
    if undo is not None:
        if current is not None:
            values["decision_id"] = current.decision_id
        values |= {"undone_by": undo, "note": f"undone by run {undo}: `phototag scan --rescan` tags it again"}
    connection.execute(delete(verdicts).where(*which))
    connection.execute(insert(verdicts), [{"photo_id": photo, "source_id": source, **values}])
