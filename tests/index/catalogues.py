"""Catalogues of other programs, small but with their own tables."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

# After core/data/database/dbconfig.xml.cmake.in of digiKam 7.
_DIGIKAM = """
CREATE TABLE AlbumRoots (id INTEGER PRIMARY KEY, label TEXT, status INTEGER NOT NULL, type INTEGER NOT NULL,
    identifier TEXT, specificPath TEXT, UNIQUE (identifier, specificPath));
CREATE TABLE Albums (id INTEGER PRIMARY KEY, albumRoot INTEGER NOT NULL, relativePath TEXT NOT NULL, date DATE,
    caption TEXT, collection TEXT, icon INTEGER, UNIQUE (albumRoot, relativePath));
CREATE TABLE Images (id INTEGER PRIMARY KEY, album INTEGER, name TEXT NOT NULL, status INTEGER NOT NULL,
    category INTEGER NOT NULL, modificationDate DATETIME, fileSize INTEGER, uniqueHash TEXT, manualOrder INTEGER,
    UNIQUE (album, name));
CREATE TABLE Tags (id INTEGER PRIMARY KEY, pid INTEGER, name TEXT NOT NULL, icon INTEGER, iconkde TEXT,
    UNIQUE (name, pid));
CREATE TABLE ImageTags (imageid INTEGER NOT NULL, tagid INTEGER NOT NULL, UNIQUE (imageid, tagid));
INSERT INTO Tags (id, pid, name) VALUES (1, 0, '_Digikam_Internal_Tags_'), (2, 1, 'Color Label Red'),
    (3, 0, 'Places'), (4, 3, 'Italy'), (5, 4, 'Rome'), (6, 0, 'beach');
"""

# After catalogues of Lightroom Classic; columns that nobody here reads are left out.
_LIGHTROOM = """
CREATE TABLE AgLibraryRootFolder (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL, absolutePath UNIQUE NOT NULL
    DEFAULT '', name NOT NULL DEFAULT '', relativePathFromCatalog);
CREATE TABLE AgLibraryFolder (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL, pathFromRoot NOT NULL DEFAULT '',
    rootFolder INTEGER NOT NULL DEFAULT 0);
CREATE TABLE AgLibraryFile (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL, baseName NOT NULL DEFAULT '',
    extension NOT NULL DEFAULT '', folder INTEGER NOT NULL DEFAULT 0);
CREATE TABLE Adobe_images (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL, masterImage INTEGER,
    rootFile INTEGER NOT NULL DEFAULT 0);
CREATE TABLE AgLibraryKeyword (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL, lc_name, name, parent INTEGER);
CREATE TABLE AgLibraryKeywordImage (id_local INTEGER PRIMARY KEY, image INTEGER NOT NULL DEFAULT 0, tag INTEGER NOT NULL
    DEFAULT 0);
INSERT INTO AgLibraryKeyword VALUES (1, 'a', NULL, NULL, NULL), (2, 'b', 'places', 'Places', 1),
    (3, 'c', 'rome', 'Rome', 2), (4, 'd', 'beach', 'beach', 1);
"""


def make_digikam(path: Path, root: tuple[str, str], images: Iterable[tuple[str, str, int, Iterable[int]]]) -> Path:
    """digikam4.db: a collection (identifier, specific path) with images (album, name, status, tags).

    Tags: 2 an internal one, 5 Places > Italy > Rome, 6 beach.
    """
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(_DIGIKAM)
        raw.execute("INSERT INTO AlbumRoots VALUES (1, 'Pictures', 0, 1, ?, ?)", root)
        for number, (album, name, status, tags) in enumerate(images, 1):
            raw.execute("INSERT OR IGNORE INTO Albums (albumRoot, relativePath) VALUES (1, ?)", (album,))
            (at,) = raw.execute("SELECT id FROM Albums WHERE relativePath = ?", (album,)).fetchone()
            raw.execute("INSERT INTO Images VALUES (?, ?, ?, ?, 1, NULL, 1, '', 0)", (number, at, name, status))
            raw.executemany("INSERT INTO ImageTags VALUES (?, ?)", [(number, tag) for tag in tags])
        raw.commit()
    return path


def make_lightroom(path: Path, root: str, images: Iterable[tuple[str, str, str, Iterable[int]]]) -> Path:
    """A .lrcat: a root folder with images (folder, base name, extension, keywords), each with a virtual copy.

    Keywords: 3 Places > Rome, 4 beach; the copy has the last of them alone.
    """
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(_LIGHTROOM)
        raw.execute("INSERT INTO AgLibraryRootFolder VALUES (1, 'r', ?, 'Pictures', NULL)", (root,))
        for number, (folder, base, extension, keywords) in enumerate(images, 1):
            raw.execute("INSERT INTO AgLibraryFolder VALUES (?, ?, ?, 1)", (number, f"f{number}", folder))
            raw.execute(
                "INSERT INTO AgLibraryFile VALUES (?, ?, ?, ?, ?)", (number, f"i{number}", base, extension, number)
            )
            raw.execute("INSERT INTO Adobe_images VALUES (?, ?, NULL, ?)", (number, f"m{number}", number))
            raw.execute("INSERT INTO Adobe_images VALUES (?, ?, ?, ?)", (number + 100, f"v{number}", number, number))
            given = [(number, tag) for tag in keywords]
            given += [(number + 100, tag) for _, tag in given[-1:]]
            raw.executemany("INSERT INTO AgLibraryKeywordImage (image, tag) VALUES (?, ?)", given)
        raw.commit()
    return path
