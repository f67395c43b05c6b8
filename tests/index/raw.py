"""An index as another program sees it: its database, opened past phototag."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from phototag.records import Place, Server


@contextmanager
def opened(place: Place) -> Iterator[Any]:
    """A connection of the driver's own: `execute` gives rows; what was changed is kept."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as raw:
            yield raw
            raw.commit()
    else:
        import psycopg

        with psycopg.connect(place.url.replace("+psycopg", "")) as raw:
            yield raw


def next_number(place: Place, number: int) -> None:
    """Let the next new photo have a number."""
    with opened(place) as raw:
        if isinstance(place, Server):
            raw.execute(f"ALTER TABLE photos ALTER COLUMN id RESTART WITH {number}")
        else:
            raw.execute("DELETE FROM sqlite_sequence WHERE name = 'photos'")
            raw.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('photos', {number - 1})")
