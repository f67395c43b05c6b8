"""What the index says of a photo in, a text that the journal keeps out, and back. Inside the caller's transaction.

The text is JSON: `{"sources": {"3": {"verdict": [...] or null, "tags": [[tag_id, score, added], ...]}},
"rejected": [tag_id, ...]}`. Without what phototag has never said anything of, it is a few bytes.
"""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select

from phototag.index.tables import OWNER, photo_tags, rejected, verdicts

_VERDICT = ("decision_id", "place", "decided_at", "guesses", "distance", "note", "undone_by")


def snapshot(connection: Connection, photo: int, source: int | None) -> str:
    """What one model, or every model (`None`), says of a photo, and what the owner rejected."""
    state: dict[str, Any] = {}
    for number in [source] if source is not None else sources_of(connection, photo):
        verdict = connection.execute(
            select(*(verdicts.c[name] for name in _VERDICT)).where(
                verdicts.c.photo_id == photo, verdicts.c.source_id == number
            )
        ).one_or_none()
        given = connection.execute(
            select(photo_tags.c.tag_id, photo_tags.c.score, photo_tags.c.added).where(
                photo_tags.c.photo_id == photo, photo_tags.c.source_id == number
            )
        )
        state[str(number)] = {"verdict": verdict and list(verdict), "tags": [list(row) for row in given]}
    refused = connection.execute(select(rejected.c.tag_id).where(rejected.c.photo_id == photo)).scalars()
    return json.dumps({"sources": state, "rejected": list(refused)}, separators=(",", ":"))


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
    connection.execute(insert(verdicts).prefix_with("OR REPLACE"), [{"photo_id": photo, "source_id": source, **values}])
