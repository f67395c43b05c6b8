"""What scans came upon in, rows out, and back; and what the index holds in figures. Inside the caller's transaction."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select

from phototag.index import Month, Past, Statistics
from phototag.index.blocks import Kind, row_bits
from phototag.index.fields import Fact
from phototag.index.matching import Matcher
from phototag.index.numbers import OWNER
from phototag.index.rows import fetch, storable
from phototag.index.tables import runs, scans

_SEPARATOR = b"\0"  # the one byte that no path holds


def note_scan(connection: Connection, past: Past) -> None:
    """Note a scan that has come to its end, with the run under which it wrote, if it did."""
    started = int(datetime.fromisoformat(past.started).timestamp())
    others = select(scans.c.run_id).where(scans.c.run_id.is_not(None))  # a scan before this one, in the same second
    wrote = (runs.c.kind == "scan", runs.c.started_at >= started, runs.c.id.not_in(others))
    run = select(func.max(runs.c.id)).where(*wrote).scalar_subquery()
    row = {
        "run_id": run,
        "model": storable(past.model),
        "folders": _SEPARATOR.join(map(os.fsencode, past.folders)),
        "started_at": started,
        "seconds": past.seconds,
        "counts": json.dumps(past.counts),
        "reasons": json.dumps(past.reasons),
        "stopped": past.stopped,
    }
    connection.execute(insert(scans).values(**row))


def list_scans(connection: Connection) -> Iterator[Past]:
    """Every scan that came to its end, the latest first."""
    for row in connection.execute(select(scans).order_by(scans.c.id.desc())):
        yield Past(
            run=row.run_id,
            model=row.model,
            folders=tuple(map(os.fsdecode, row.folders.split(_SEPARATOR))),
            started=datetime.fromtimestamp(row.started_at, UTC).isoformat(timespec="seconds"),
            seconds=row.seconds,
            counts=json.loads(row.counts),
            reasons=json.loads(row.reasons),
            stopped=row.stopped,
        )


def statistics(connection: Connection) -> Statistics:
    """Everything the index holds, counted."""
    sums = "SELECT count(*), coalesce(sum(size_bytes), 0), count(failure) FROM photos"
    ((photos, size, failed),) = fetch(connection, sums)
    ((tagged,),) = fetch(
        connection,
        f"SELECT count(DISTINCT photo_id) FROM photo_tags WHERE source_id <> {OWNER} AND score IS NOT NULL",
    )
    ((ours, theirs),) = fetch(
        connection,
        f"SELECT count(DISTINCT CASE WHEN source_id <> {OWNER} THEN tag_id END), "
        f"count(DISTINCT CASE WHEN source_id = {OWNER} THEN tag_id END) FROM photo_tags WHERE score IS NOT NULL",
    )
    places = "SELECT place, count(*) FROM verdicts GROUP BY place ORDER BY 2 DESC"
    reasons = "SELECT failure, count(*) FROM photos WHERE failure IS NOT NULL GROUP BY failure ORDER BY 2 DESC"
    formats = "SELECT format, count(*) FROM photos WHERE format IS NOT NULL GROUP BY format ORDER BY 2 DESC"
    return Statistics(
        photos=photos,
        photo_bytes=int(size),
        tagged=tagged,
        failed=failed,
        words=ours,
        own_words=theirs,
        places=dict(fetch(connection, places)),
        reasons=dict(fetch(connection, reasons)),
        formats=dict(fetch(connection, formats)),
    )


def months(connection: Connection) -> list[Month]:
    """The photos with a date, by the month in which they were taken, the latest first."""
    matcher = Matcher(connection)
    given = [matcher.photos(Fact("by", giver)) for giver in ("phototag", "me")]
    found: dict[int, list[int]] = {}
    for day, block, *packed in matcher.values(Kind.DAY):
        taken = row_bits(*packed)
        counts = found.setdefault(day // 100, [0, 0, 0])
        for at, bits in enumerate((taken, *(taken & photos.get(block, 0) for photos in given))):
            counts[at] += bits.bit_count()
    return [
        Month(f"{month // 100:04}-{month % 100:02}", *counts) for month, counts in sorted(found.items(), reverse=True)
    ]
