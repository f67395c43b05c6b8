"""A folder in; its photos' sizes and times, and which of them need no look unless these changed, out.

This is what a scan asks of every folder, so it is one literal query without the words. The words are read afterwards,
of the folders in which something did change.
"""

import os
import sys

from sqlalchemy import Connection

from phototag.index import Glance
from phototag.index.rows import fetch

_GLANCES = """
SELECT p.name, p.size_bytes, p.mtime_ns,
       p.failure IS NULL
       AND v.decision_id = (SELECT id FROM decisions WHERE fingerprint = ?1)
       AND v.undone_by IS NULL
       AND (v.place <> 'index' OR NOT ?2)
       AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.photo_id = p.id AND i.source_id = v.source_id)
FROM photos p
LEFT JOIN verdicts v ON v.photo_id = p.id AND v.source_id = (SELECT id FROM sources WHERE name = ?3)
WHERE p.folder_id = (SELECT id FROM folders WHERE path = ?4)
"""
_DECIDED = """
SELECT p.name, v.decided_at
FROM photos p
JOIN verdicts v ON v.photo_id = p.id AND v.source_id = (SELECT id FROM sources WHERE name = ?1)
WHERE p.folder_id = (SELECT id FROM folders WHERE path = ?2)
"""


def glances_in(connection: Connection, folder: str, model: str, decision: str, write: bool) -> dict[str, Glance]:
    """The photos known directly in a folder, by file name."""
    rows = fetch(connection, _GLANCES, (decision, write, model, os.fsencode(folder)))
    encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    return {row[0].decode(encoding, errors): row[1:] for row in rows}


def decided_in(connection: Connection, folder: str, model: str) -> dict[str, int]:
    """When a model last decided on the photos directly in a folder, by file name, in seconds since the epoch."""
    rows = fetch(connection, _DECIDED, (model, os.fsencode(folder)))
    return {os.fsdecode(name): decided_at for name, decided_at in rows}
