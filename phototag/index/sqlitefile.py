"""A path in, a bare connection with phototag's SQLite file out: found, checked, migrated, its errors put into words.

No SQLAlchemy here: to import it takes longer than a search, which needs none of it (`asking`).
"""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from phototag.errors import DiskError, IndexFileError, OtherIndexError, PhotoTagError

APPLICATION_ID = 0x50485447
"""Says in SQLite's header that the file is phototag's: "PHTG"."""

_MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_TIMEOUT_S = 30
_CACHE_KIB = 32 * 1024
_UNOPENABLE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")


def find_file(path: Path, *, readonly: bool) -> str:
    """Say by which URI the index file is to be opened, see `connect_to`.

    To write, what is missing is created first and what is older migrated. To read, nothing is changed, and it works
    beside a scan and in a folder that cannot be written.

    Raises:
        IndexFileError: absent where `readonly`, another program's, damaged, newer, or not to be opened.
        DiskError: the disk is full.
    """
    found = _is_there(path)
    with bare_border(path):
        if not readonly:
            return _find_to_write(path)
        if not found:
            raise _no_index(path)
        return _find_to_read(path)


@contextmanager
def bare_border(path: Path) -> Iterator[None]:
    """Let no error of SQLite's through but in phototag's words."""
    try:
        yield
    except sqlite3.Error as exc:
        raise in_words(path, exc) from exc


def newest_version() -> int:
    """The version of the schema that this phototag knows."""
    return _migrations()[-1][0]


def connect_to(uri: str, *, readonly: bool = False) -> sqlite3.Connection:
    """Connect without the driver's own transactions, which would let statements that change tables slip out of them."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")  # a lost machine may cost the last batches, never the file
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    if readonly:
        connection.execute("PRAGMA query_only = ON")
    else:  # a statement of many rows copies each page before it changes it: four fifths of all that a scan would write
        connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _is_there(path: Path) -> bool:
    try:
        kind = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        raise IndexFileError(f"the index {path} cannot be opened: {exc.strerror}") from exc
    if stat.S_ISDIR(kind):
        raise IndexFileError(f"the index {path} cannot be opened: it is a folder")
    return True


def _find_to_write(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise IndexFileError(f"the index {path} cannot be created: {exc.strerror}") from exc
    uri = path.as_uri() + "?mode=rwc"
    with closing(connect_to(uri)) as connection:
        version = _version(connection, path)
        if version == 0:
            connection.execute("PRAGMA journal_mode = WAL")  # kept in the file; readers do not wait for the writer
        for step, script in _migrations():
            if step > version:
                _migrate(connection, path, step, script)
    return uri


def _find_to_read(path: Path) -> str:
    # Not "ro", where the file may be written: a reader that came last would leave the write-ahead log behind.
    uri = path.as_uri() + "?mode=rw"
    try:
        version = _version_at(uri, path)
    except sqlite3.Error as exc:
        unfinished = path.with_name(path.name + "-wal")
        if not _name_of(exc).startswith(_UNOPENABLE) or unfinished.exists():
            raise
        # In a folder that cannot be written SQLite cannot make its shared memory, nor does it need to.
        uri = path.as_uri() + "?immutable=1"
        version = _version_at(uri, path)
    if version == 0:
        raise _no_index(path)
    if version < newest_version():
        raise OtherIndexError(f"the index {path} was made by an older phototag: run `phototag scan` once to renew it")
    return uri


def _version_at(uri: str, path: Path) -> int:
    with closing(connect_to(uri, readonly=True)) as connection:
        return _version(connection, path)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema's version, 0 for a new file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise OtherIndexError(f"{path} is another program's database: name phototag's own with --index")
    newest = newest_version()
    if version > newest:
        raise OtherIndexError(
            f"the index {path} has version {version}, this phototag knows up to {newest}: install a newer phototag"
        )
    return int(version)


def _migrations() -> list[tuple[int, str]]:
    """Number and script of every migration, in order."""
    scripts = _MIGRATIONS.glob("*.sql")  # importlib.resources would cost every search some milliseconds
    return sorted((int(script.name.partition("_")[0]), script.read_text(encoding="utf-8")) for script in scripts)


def _migrate(connection: sqlite3.Connection, path: Path, step: int, script: str) -> None:
    """Run one migration and note that it ran, both or neither; another process may have been quicker."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection, path) < step:
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {step}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _statements(script: str) -> Iterator[str]:
    """Split a script where SQLite says that a statement is complete; a trigger holds semicolons of its own."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _no_index(path: Path) -> IndexFileError:
    return IndexFileError(f"there is no index yet ({path}): run `phototag scan DIR` first")


def _name_of(exc: BaseException | None) -> str:
    return str(getattr(exc, "sqlite_errorname", ""))


def in_words(path: Path, exc: BaseException | None) -> PhotoTagError:
    """What an error of SQLite's means."""
    name = _name_of(exc)
    if name.startswith("SQLITE_FULL"):
        return DiskError(f"the disk is full: the index {path} cannot grow; make room and run it again")
    if name.startswith("SQLITE_IOERR"):
        return DiskError(f"the disk under the index {path} fails or is over quota ({name}: {exc})")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return IndexFileError(f"the index {path} has been in use by another program for {_BUSY_TIMEOUT_S} s: try later")
    if name.startswith(_UNOPENABLE):
        return IndexFileError(f"the index {path} cannot be opened or written ({exc}): check its folder and permissions")
    if "no such module" in str(exc):  # TensorFlow carries an SQLite of its own, which comes first if it is loaded first
        return IndexFileError(
            f"this Python's SQLite has no full-text search ({exc}): use another Python, "
            "or import sqlite3 before tensorflow"
        )
    return IndexFileError(
        f"the index {path} is damaged ({exc}): `phototag db rebuild DIR` makes a new one from the photos in DIR and "
        "keeps this one aside; or move it away and run `phototag scan` again. Tags written into photos stand there"
    )
