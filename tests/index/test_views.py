"""The views for other programs: as documented, and saying what the index says."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phototag.index import open_index
from phototag.records import Place, Server, Tag
from tests.index.raw import opened
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
def raw(place: Place) -> Iterator[Any]:
    """The index as another program sees it."""
    index = open_index(place)
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
    with opened(place) as connection:
        yield connection


def test_every_view_has_the_documented_columns_and_no_others(raw: Any, place: Place) -> None:
    documented = {
        view: re.findall(r"`(\w+)`", columns)
        for view, columns in re.findall(r"^\| `(\w+_view)` \|[^|]*\|([^|]*)\|$", _DOCS, re.MULTILINE)
    }
    query = (
        "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = 'view' ORDER BY c.cid"
    )
    if isinstance(place, Server):
        query = (
            "SELECT table_name, column_name FROM information_schema.columns "
            "JOIN information_schema.views USING (table_schema, table_name) "
            "WHERE table_schema = current_schema() ORDER BY ordinal_position"
        )
    found: dict[str, list[str]] = {}
    for view, column in raw.execute(query):
        found.setdefault(view, []).append(column)
    assert documented == found


def test_the_views_say_what_the_index_knows(raw: Any) -> None:
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
def test_paths_are_readable_as_text(place: Place, folder: bytes, path: str) -> None:
    open_index(place).close()
    mark = "%s" if isinstance(place, Server) else "?"
    with opened(place) as raw:
        raw.execute(f"INSERT INTO folders (id, path) VALUES (1, {mark})", (folder,))
        new = "INSERT INTO photos (folder_id, name, size_bytes, mtime_ns) VALUES"
        raw.execute(f"{new} (1, {mark}, 1, 1)", (b"a.jpg",))
        assert raw.execute("SELECT path, folder FROM photos_view").fetchall() == [(path, os.fsdecode(folder))]
