"""Events of a scan in, what `--json` prints of them out: docs/commands.md lists the keys."""

from typing import Any

from phototag.cli.text import rounded
from phototag.records import Event, Failed, Forgotten, Missing, Stopped, Tagged, Unchanged, Waiting


def as_json(event: Event, model: str) -> dict[str, Any]:
    """An event as a line for programs, `model` being the one that the scan is with."""
    match event:
        case Tagged():
            return _tagged(event, model)
        case Failed():
            line: dict[str, Any] = {
                "event": "failed",
                "path": event.ref.path,
                "reason": event.reason,
                "detail": event.detail,
            }
        case Unchanged():
            line = {"event": "unchanged", "folder": event.folder, "photos": event.count, "failed": event.failed_before}
        case Missing():
            line = {"event": "missing", "folder": event.folder, "photos": event.count}
        case Forgotten():
            line = {"event": "forgotten", "photos": event.count}
        case Waiting():
            line = {"event": "waiting", "path": event.ref.path}
        case Stopped():
            line = {"event": "stopped", "bound": event.bound}
    return line


def _tagged(event: Tagged, model: str) -> dict[str, Any]:
    tags = [{"word": tag.word, "score": rounded(tag.score), "broader": list(tag.broader)} for tag in event.decided.tags]
    return {
        "event": "photo",
        "path": event.ref.path,
        "tags": tags,
        "where": event.where,
        "changed": event.changed,
        "removed": sorted(event.removed),
        "keywords": list(event.keywords),
        "distance": rounded(event.decided.distance),
        "note": event.note,
        "model": model,
    }
