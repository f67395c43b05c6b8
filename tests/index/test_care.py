"""Looking after the index: what it holds, whether it is whole, made smaller, and copied while a scan writes."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from phototag.errors import IndexFileError
from phototag.index import care, open_index
from tests.index.records import failed, ref, tagged

_ROOT = Path(__file__).parents[2]
_WRITE_ON = """if True:
    import sys
    from itertools import count
    from pathlib import Path
    from phototag.index import open_index
    from tests.index.records import tagged
    index = open_index(Path(sys.argv[1]))
    for n in count():
        index.remember([tagged(f"/k/{n}-{m}.jpg", "dog", f"word {n}") for m in range(100)], "mine", "1")
        print(n, flush=True)
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An index with photos in two blocks, a failed one and one that was only begun."""
    path = tmp_path / "index.sqlite"
    index = open_index(path)
    index.remember([tagged(f"/p/{n}.jpg", "dog", keywords=("Rome",)) for n in range(150)], "mine", "1")
    index.remember([failed("/p/broken.jpg")], "mine", "1")
    index.intend(ref("/p/begun.jpg"), "mine", frozenset({"dog"}))
    index.close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE sqlite_sequence SET seq = 9000 WHERE name = 'photos'")
        raw.commit()
    index = open_index(path)
    index.remember([tagged("/q/a.jpg", "cat")], "theirs", "1")
    index.forget([3])
    index.close()
    return path


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(statement)
        raw.commit()


def test_an_index_is_described(made: Path) -> None:
    (made.parent / "index.sqlite.0123.vectors").write_bytes(b"1234")
    found = care.describe(made)
    assert (found.photos, found.failed, found.folders, found.words, found.runs) == (152, 1, 2, 3, 0)
    assert {(model.name, model.photos) for model in found.models} == {("mine", 149), ("theirs", 1)}
    assert (found.size_bytes, found.path) == (made.stat().st_size, str(made))
    assert found.beside == (("index.sqlite.0123.vectors", 4),)


def test_a_whole_index_is_found_whole_and_left_as_it_was(made: Path) -> None:
    before = made.read_bytes()
    assert list(care.check(made)) == []
    assert made.read_bytes() == before


def _break_block(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        (entries,) = raw.execute("SELECT entries FROM postings WHERE kind = 1 AND block = 0").fetchone()
        raw.execute("UPDATE postings SET entries = ? WHERE kind = 1 AND block = 0", (entries[:-4],))
        raw.commit()


_WRONG = [
    pytest.param(
        lambda path: change(path, "DELETE FROM postings WHERE kind = 1 AND block = 1"),
        r"photos 8,192 to 16,383 .*\(tag\)",
        id="a word's photos are missing",
    ),
    pytest.param(_break_block, r"photos 1 to 8,191 .*\(tag\)", id="one photo of a word is missing"),
    pytest.param(
        lambda path: change(path, "UPDATE photos SET width = 1 WHERE id = 1"), r"\(width\)", id="a fact has changed"
    ),
    pytest.param(
        lambda path: change(path, "DELETE FROM photo_tags WHERE photo_id = 7"), r"keyword.*tag", id="a word is gone"
    ),
    pytest.param(
        lambda path: change(path, "UPDATE tags SET normal = 'cow' WHERE word = 'cat'"),
        "in the form in which they are compared .*'cat'",
        id="a word's form is wrong",
    ),
    pytest.param(
        lambda path: change(path, "INSERT INTO tags_fts (tags_fts) VALUES ('delete-all')"),
        "not in step",
        id="the words' index is empty",
    ),
]


@pytest.mark.parametrize(("harm", "told"), _WRONG)
def test_what_a_search_reads_wrongly_is_found_and_repaired(made: Path, harm: Callable[[Path], None], told: str) -> None:
    harm(made)
    assert told_of(care.check(made), told)
    assert told_of(care.check(made), told), "a check alone changes nothing"
    assert told_of(care.check(made, repair=True), told)
    assert list(care.check(made)) == []


def told_of(lines: object, pattern: str) -> bool:
    return any(re.search(pattern, line) for line in list(lines))  # type: ignore[attr-defined]


def test_a_row_without_its_photo_is_found(made: Path) -> None:
    change(made, "INSERT INTO photo_tags VALUES (99999, 1, 1, 5, 0)")
    assert told_of(care.check(made), "photo_tags belongs to one of photos that is not there")


def test_a_damaged_file_is_told_of_with_the_way_out(made: Path) -> None:
    content = bytearray(made.read_bytes())
    content[20_000:] = b"\xa5" * (len(content) - 20_000)
    made.write_bytes(content)
    with pytest.raises(IndexFileError, match=r"is damaged.*phototag db rebuild DIR"):
        list(care.check(made))


def test_a_vacuum_gives_room_back_and_changes_nothing_else(made: Path) -> None:
    index = open_index(made)
    index.remember([tagged(f"/r/{n}.jpg", f"word {n}") for n in range(2_000)], "mine", "1")
    index.forget([known.number for known in index.known_in("/r", "mine").values()])
    index.close()
    before, after = care.vacuum(made)
    assert after < before
    assert list(care.check(made)) == []
    assert care.describe(made).free_bytes == 0


def test_a_copy_made_while_another_process_writes_is_whole(tmp_path: Path) -> None:
    path, copy = tmp_path / "index.sqlite", tmp_path / "copies" / "copy.sqlite"
    copy.parent.mkdir()
    command = [sys.executable, "-c", _WRITE_ON, str(path)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(3):
            writer.stdout.readline()
            care.backup(path, copy, replace=True)
            index = open_index(copy, readonly=True)
            assert index.count("dog") == index.photo_count() > 0
            assert index.photo_count() % 100 == 0, "whole batches"
            index.close()
        writer.kill()
    assert list(care.check(copy)) == []
    assert [file.name for file in copy.parent.iterdir()] == ["copy.sqlite"]


def test_a_backup_leaves_nothing_beside_the_index(made: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    care.backup(made, tmp_path / "copies" / "copy.sqlite")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copies", "index.sqlite"]


def test_a_backup_replaces_nothing_unasked_and_never_the_index_itself(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    target.write_bytes(b"mine")
    with pytest.raises(IndexFileError, match=r"is there already.*--force"):
        care.backup(made, target)
    with pytest.raises(IndexFileError, match="the index itself"):
        care.backup(made, made, replace=True)
    assert target.read_bytes() == b"mine"
    with pytest.raises(IndexFileError, match=r"cannot be opened or written|cannot be written"):
        care.backup(made, tmp_path / "no" / "such" / "folder")


@pytest.mark.parametrize(
    "what", [care.describe, lambda path: list(care.check(path)), care.vacuum], ids=["info", "check", "vacuum"]
)
def test_what_is_not_there_is_not_made(tmp_path: Path, what: Callable[[Path], object]) -> None:
    with pytest.raises(IndexFileError, match="no index yet"):
        what(tmp_path / "index.sqlite")
    assert list(tmp_path.iterdir()) == []
