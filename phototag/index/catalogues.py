"""Another program's catalogue in, the keywords of its photos out: phototag's own index, digiKam's, Lightroom's.

The file is opened so that nothing in it or beside it can change. Of a hierarchy the words above a keyword count too.
"""

import os
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import unquote

from phototag.errors import IndexFileError, OtherIndexError
from phototag.index.numbers import OWNER
from phototag.index.sqlitefile import APPLICATION_ID, newest_version

Program = Literal["phototag", "digiKam", "Lightroom"]

_DIGIKAM = {"AlbumRoots", "Albums", "Images", "ImageTags", "Tags"}
_LIGHTROOM = {
    "AgLibraryKeyword",
    "AgLibraryKeywordImage",
    "Adobe_images",
    "AgLibraryFile",
    "AgLibraryFolder",
    "AgLibraryRootFolder",
}
_INTERNAL = "_Digikam_"
_VISIBLE = 1
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


@dataclass(frozen=True, slots=True)
class Listed:
    """A photo in a catalogue.

    Attributes:
        path: as the catalogue says it; "/" between the folders also of a Windows path.
        keywords: in Unicode NFC, each once.
    """

    path: str
    keywords: tuple[str, ...]


def open_catalogue(path: Path) -> tuple[Program, Iterator[Listed]]:
    """Find out whose catalogue a file is; its photos that have keywords, streamed.

    Raises:
        IndexFileError: it is none of these, is in use, or cannot be read; also while the photos are gone through.
    """
    try:
        with path.open("rb") as file:
            header = file.read(72)
    except OSError as exc:
        raise IndexFileError(f"{path} cannot be opened: {exc.strerror}") from exc
    own = header[68:72] == APPLICATION_ID.to_bytes(4)
    if own and int.from_bytes(header[60:64]) > newest_version():
        raise OtherIndexError(f"{path} is an index of a newer phototag: install that one to read it")
    try:
        with closing(_connect(path, own=own)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    except sqlite3.Error as exc:
        raise _unreadable(path, exc) from exc
    if own:
        return "phototag", _photos(path, "phototag")
    if tables >= _DIGIKAM:
        return "digiKam", _photos(path, "digiKam")
    if tables >= _LIGHTROOM:
        return "Lightroom", _photos(path, "Lightroom")
    raise IndexFileError(
        f"{path} is no catalogue that can be read: phototag's index, digiKam's digikam4.db or Lightroom's .lrcat"
    )


def remap(path: str, roots: Sequence[tuple[str, str]]) -> str:
    """A catalogue's path where the photos lie now: the first old root it lies at or below gives way to its new one."""
    for old, new in roots:
        top = _slashed(old).rstrip("/")
        if path == top or path.startswith(top + "/"):
            return os.path.join(new, *path.removeprefix(top).strip("/").split("/"))
    return path


def _connect(path: Path, *, own: bool) -> sqlite3.Connection:
    if own:  # another scan may be at work on it; the last to close it leaves nothing beside it
        connection = sqlite3.connect(path.absolute().as_uri() + "?mode=rw", uri=True)
        connection.execute("PRAGMA query_only = ON")
        return connection
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise IndexFileError(f"{path} is open in another program, or was not closed: close it there, then try again")
    return sqlite3.connect(path.absolute().as_uri() + "?immutable=1", uri=True)


def _photos(path: Path, program: Program) -> Iterator[Listed]:
    try:
        with closing(_connect(path, own=program == "phototag")) as connection:
            rows = _READERS[program](connection)
            for place, group in groupby(rows, key=itemgetter(0)):
                words = (unicodedata.normalize("NFC", word).strip() for _, some in group for word in some)
                if kept := tuple(dict.fromkeys(filter(None, words))):
                    yield Listed(_slashed(place), kept)
    except sqlite3.Error as exc:
        raise _unreadable(path, exc) from exc


_Rows: TypeAlias = Iterator[tuple[str, Sequence[str]]]
"""Paths, those of one photo together, each with some words."""


def _from_phototag(connection: sqlite3.Connection) -> _Rows:
    rows = connection.execute(
        "SELECT folders.path, photos.name, tags.word FROM photo_tags "
        "JOIN photos ON photos.id = photo_id JOIN folders ON folders.id = folder_id JOIN tags ON tags.id = tag_id "
        f"WHERE source_id = {OWNER} ORDER BY photo_id, tags.word"
    )
    for folder, name, word in rows:
        yield os.path.join(os.fsdecode(folder), os.fsdecode(name)), (word,)


def _from_digikam(connection: sqlite3.Connection) -> _Rows:
    """After core/data/database/dbconfig.xml.cmake.in and CollectionLocation of digiKam 4 to 8."""
    above = _paths(connection.execute("SELECT id, pid, name FROM Tags"))
    rows = connection.execute(
        "SELECT identifier, specificPath, relativePath, Images.name, tagid FROM ImageTags "
        "JOIN Images ON Images.id = imageid JOIN Albums ON Albums.id = album "
        "JOIN AlbumRoots ON AlbumRoots.id = albumRoot WHERE Images.status = ? ORDER BY imageid, tagid",
        (_VISIBLE,),
    )
    for identifier, specific, relative, name, tag in rows:
        words = above.get(tag, ())
        if not any(word.startswith(_INTERNAL) for word in words):
            yield (
                "/".join((_root(identifier or "") + (specific or "").rstrip("/"), relative.strip("/"), name)).replace(
                    "//", "/"
                ),
                words,
            )


def _root(identifier: str) -> str:
    """Where a collection of digiKam's is mounted, as far as it says so itself: of a disk it knows the UUID alone."""
    for part in identifier.partition("?")[2].split("&"):
        key, _, value = part.partition("=")
        if key in ("path", "mountpath"):
            return unquote(value).rstrip("/")
    return ""


def _from_lightroom(connection: sqlite3.Connection) -> _Rows:
    """Virtual copies are one file; Lightroom's paths end in a slash, and have slashes also on Windows."""
    above = _paths(connection.execute("SELECT id_local, parent, name FROM AgLibraryKeyword"))
    rows = connection.execute(
        "SELECT absolutePath, pathFromRoot, baseName, extension, tag FROM AgLibraryKeywordImage "
        "JOIN Adobe_images ON Adobe_images.id_local = image JOIN AgLibraryFile AS file ON file.id_local = rootFile "
        "JOIN AgLibraryFolder AS folder ON folder.id_local = file.folder "
        "JOIN AgLibraryRootFolder AS root ON root.id_local = folder.rootFolder ORDER BY rootFile, tag"
    )
    for root, folder, base, extension, tag in rows:
        name = f"{base}.{extension}" if extension else base
        yield f"{root.rstrip('/')}/{folder or ''}{name}", above.get(tag, ())


_READERS: dict[Program, Callable[[sqlite3.Connection], _Rows]] = {
    "phototag": _from_phototag,
    "digiKam": _from_digikam,
    "Lightroom": _from_lightroom,
}


def _paths(rows: Iterable[tuple[int, int | None, str | None]]) -> dict[int, tuple[str, ...]]:
    """A keyword's words, the most general first, from rows of number, parent and name; a root has no name."""
    known = {number: (parent, name) for number, parent, name in rows}
    found = {}
    for number in known:
        words, here, seen = list[str](), number, set[int]()
        while here in known and here not in seen:
            seen.add(here)
            parent, name = known[here]
            words.append(name or "")
            here = parent if parent is not None else -1
        found[number] = tuple(filter(None, reversed(words)))
    return found


def _slashed(path: str) -> str:
    return path.replace("\\", "/") if _WINDOWS.match(path) else path


def _unreadable(path: Path, exc: sqlite3.Error) -> IndexFileError:
    return IndexFileError(f"{path} cannot be read as a catalogue ({exc}): name the file itself, and close its program")
