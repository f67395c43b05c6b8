"""Content hashes in, embeddings out, kept between runs in an SQLite file that may be deleted at any time."""

import logging
import sqlite3
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from phototag.records import Network, Vectors

_log = logging.getLogger(__name__)

_VERSION = 1
"""To be raised whenever decoding changes what a network sees, so that old embeddings are not mixed with new ones."""

_PATIENCE_S = 30.0


class EmbeddingCache:
    """Embeddings of one network on one kind of device, float32, so that a second run gets the very same vectors.

    A cache that is damaged is made anew, and one that cannot be used is done without; either is said in a warning.
    Several runs, and the threads of one, may share it.

    Args:
        folder: where the caches lie, one file for each network and device; made if it is not there.
        network: whose embeddings these are.
        device: "cpu" or "gpu", whose embeddings differ a little.
    """

    def __init__(self, folder: Path, network: Network, device: str) -> None:
        self._size = network.embedding_size
        self._path = folder / f"{network.fingerprint[:16]}-{device}.sqlite"
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
        except sqlite3.OperationalError as exc:
            self._give_up(exc)
        except sqlite3.DatabaseError as exc:
            self._start_anew(exc)
        except OSError as exc:
            self._give_up(exc)

    def get(self, content_hash: bytes) -> "Vectors | None":
        """The embedding `(D,) float32` of a file, if it is known."""
        with self._turn:
            if self._connection is None:
                return None
            try:
                query = "SELECT vector FROM embedding WHERE hash = ?"
                row = self._connection.execute(query, (content_hash,)).fetchone()
            except sqlite3.OperationalError as exc:
                self._give_up(exc)
                return None
            except sqlite3.DatabaseError as exc:
                self._start_anew(exc)
                return None
        return None if row is None else self._unpack(content_hash, row[0])

    def put(self, embeddings: Mapping[bytes, Vectors]) -> None:
        """Remember embeddings `(D,) float32` by content hash, all or none."""
        rows = [(content_hash, _pack(content_hash, vector)) for content_hash, vector in embeddings.items()]
        with self._turn:
            if self._connection is None or not rows:
                return
            try:
                with self._connection:
                    self._connection.executemany("INSERT OR REPLACE INTO embedding VALUES (?, ?)", rows)
            except sqlite3.OperationalError as exc:  # busy or full: what was there stays good
                self._give_up(exc)
            except sqlite3.DatabaseError as exc:
                self._start_anew(exc)

    def close(self) -> None:
        """Release the file."""
        with self._turn:
            self._release()

    def _unpack(self, content_hash: bytes, packed: object) -> "Vectors | None":
        if not isinstance(packed, bytes) or len(packed) != 4 * self._size + 4:
            return None
        vector = np.frombuffer(packed[:-4], "<f4").astype(np.float32)
        return vector if _pack(content_hash, vector) == packed else None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_PATIENCE_S, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            with connection:
                if found != _VERSION:
                    connection.execute("DROP TABLE IF EXISTS embedding")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS embedding (hash BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
                )
                connection.execute(f"PRAGMA user_version = {_VERSION}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _start_anew(self, exc: sqlite3.DatabaseError) -> None:
        _log.warning("the cache of embeddings %s is damaged (%s): it is made anew", self._path, exc)
        self._release()
        try:
            for ending in ("", "-wal", "-shm"):
                Path(f"{self._path}{ending}").unlink(missing_ok=True)
            self._connection = self._open()
        except (sqlite3.Error, OSError) as failure:
            self._give_up(failure)

    def _give_up(self, exc: sqlite3.Error | OSError) -> None:
        _log.warning("embeddings are not kept for next time: %s: %s", self._path, exc)
        self._release()

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _pack(content_hash: bytes, vector: Vectors) -> bytes:
    """A vector's bytes and a checksum over them and whose they are: SQLite would not notice if one were changed."""
    data = vector.astype("<f4").tobytes()
    return data + zlib.crc32(content_hash + data).to_bytes(4, "little")
