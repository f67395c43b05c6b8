"""Where an index is in, the database that holds it out."""

from typing import TYPE_CHECKING

from phototag.errors import IndexFileError
from phototag.index.connect import SqliteFile
from phototag.index.database import Database
from phototag.records import Place, Server

if TYPE_CHECKING:  # a file needs no psycopg
    from phototag.index.postgresql import Postgres


def open_database(place: Place, *, readonly: bool) -> Database:
    """Open the database of an index, and make or renew its schema; see `open_index` for what it raises."""
    if not isinstance(place, Server):
        return SqliteFile(place, readonly=readonly)
    server = open_server(place)
    try:
        server.prepare(readonly=readonly)
    except BaseException:
        server.close()
        raise
    return server


def open_server(server: Server) -> "Postgres":
    """A server's database as it is.

    Raises:
        IndexFileError: psycopg is missing, or the URL is none.
    """
    try:
        from phototag.index.postgresql import Postgres
    except ImportError as exc:
        raise IndexFileError(f"the index {server} needs psycopg ({exc}): pip install 'phototag[postgresql]'") from exc
    return Postgres(server)
