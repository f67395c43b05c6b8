"""The views for other programs: as documented, and saying what the index says."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from phototag.index import open_index
from phototag.records import Tag
from tests.index.records import failed, ref, tagged

_DOCS = (Path(__file__).parents[2] / "docs" / "index.md").read_text(encoding="utf-8")
_PLACES = [
    pytest.param(b"/p/q", "/p/q/a.jpg", id="a folder"),
    pytest.param(b"/", "/a.jpg", id="the root"),
    pytest.param(b"/p/ends\\", "/p/ends\\/a.jpg", id="a name with a backslash"),
    pytest.param("/p/Größe".encode(), "/p/Größe/a.jpg", id="letters beyond ASCII"),
    pytest.param(b"C:\\", "C:\\a.jpg", id="a drive of Windows"),
    pytest.param(b"C:\\p", "C:\\p\\a.jpg", id="a folder of Windows"),
    pytest.param(b"\\\\nas\\p", "\\\\nas\\p\\a.jpg", id="a share of Windows"),
]


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program sees it."""
    index = open_index(tmp_path / "index.sqlite")
    run = index.start_run("scan", "mine", ["/p"])
    index.remember(
        [
            tagged(
                "/p/a.jpg",
                Tag("beagle", 0.91, ("dog",)),
                added=frozenset({"beagle"}),
                keywords=("Rome",),
                distance=0.25,
                ref=ref("/p/a.jpg", 1_000, 1_700_000_000_000_000_000),
            ),
            tagged("/p/b.jpg", "cat"),
            failed("/p/c.jpg", "truncated"),
        ],
        "mine",
        "1",
    )
    index.finish_run(run)
    index.close()
    with closing(sqlite3.connect(f"{(tmp_path / 'index.sqlite').as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def test_every_view_has_the_documented_columns_and_no_others(raw: sqlite3.Connection) -> None:
    documented = {
        view: re.findall(r"`(\w+)`", columns)
        for view, columns in re.findall(r"^\| `(\w+_view)` \|[^|]*\|([^|]*)\|$", _DOCS, re.MULTILINE)
    }
    views = [name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")]
    assert documented == {view: [row[1] for row in raw.execute(f"PRAGMA table_info({view})")] for view in views}


def test_the_views_say_what_the_index_knows(raw: sqlite3.Connection) -> None:
    facts = ("2023-07-14T18:03:00", "Canon EOS R5", "RF24-70mm F2.8 L", 48.8584, 2.2945, "JPEG", 4000, 3000)
    assert raw.execute("SELECT * FROM photos_view WHERE photo_id = 1").fetchall() == [
        (1, "/p/a.jpg", "/p", "a.jpg", 1000, "2023-11-14T22:13:20Z", *facts, "01" * 32, None)
    ]
    assert raw.execute("SELECT path, failure FROM photos_view WHERE failure IS NOT NULL").fetchall() == [
        ("/p/c.jpg", "truncated")
    ]
    given = raw.execute("SELECT path, word, model, score, in_file FROM tags_view ORDER BY photo_id, word").fetchall()
    assert given == [
        ("/p/a.jpg", "beagle", "mine", 0.91, 1),
        ("/p/a.jpg", "dog", "mine", 0.91, 0),
        ("/p/b.jpg", "cat", "mine", 0.9, 0),
    ]
    assert raw.execute("SELECT path, word FROM keywords_view").fetchall() == [("/p/a.jpg", "Rome")]
    verdicts = "SELECT path, model, place, distance, decided > '2026', note FROM verdicts_view WHERE photo_id = 1"
    assert raw.execute(verdicts).fetchall() == [("/p/a.jpg", "mine", "photo", 0.25, 1, None)]
    assert raw.execute("SELECT * FROM words_view ORDER BY word").fetchall() == [
        ("Rome", 0, 1),
        ("beagle", 1, 0),
        ("cat", 1, 0),
        ("dog", 1, 0),
    ]
    assert raw.execute("SELECT run, kind, model, finished >= started, files FROM runs_view").fetchall() == [
        (1, "scan", "mine", 1, 0)
    ]


@pytest.mark.parametrize(("folder", "path"), _PLACES)
def test_paths_are_readable_as_text(tmp_path: Path, folder: bytes, path: str) -> None:
    open_index(tmp_path / "index.sqlite").close()
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as raw:
        raw.execute("INSERT INTO folders (id, path) VALUES (1, ?)", (folder,))
        raw.execute("INSERT INTO photos (folder_id, name, size_bytes, mtime_ns) VALUES (1, ?, 1, 1)", (b"a.jpg",))
        assert raw.execute("SELECT path, folder FROM photos_view").fetchall() == [(path, os.fsdecode(folder))]
