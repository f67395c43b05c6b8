"""Looking after the index: what it holds, whether it is whole, made smaller, and copied while a scan writes."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from phototag.errors import IndexFileError
from phototag.index import care, is_there, open_index
from phototag.index.checking import check
from phototag.records import Place, Server
from tests.index.raw import next_number, opened
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
def made(place: Place) -> Place:
    """An index of each kind with photos in two blocks, a failed one and one that was only begun."""
    return fill(place)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The same in a file."""
    path = tmp_path / "index.sqlite"
    fill(path)
    return path


def fill(place: Place) -> Place:
    index = open_index(place)
    index.remember([tagged(f"/p/{n}.jpg", "dog", keywords=("Rome",)) for n in range(150)], "mine", "1")
    index.remember([failed("/p/broken.jpg")], "mine", "1")
    index.intend(ref("/p/begun.jpg"), "mine", frozenset({"dog"}))
    index.close()
    next_number(place, 9001)
    index = open_index(place)
    index.remember([tagged("/q/a.jpg", "cat")], "theirs", "1")
    index.forget([3])
    index.close()
    return place


def change(place: Place, statement: str) -> None:
    with opened(place) as raw:
        raw.execute(statement)


def test_an_index_is_described(made: Place, tmp_path: Path) -> None:
    beside = tmp_path / "index.sqlite"
    (tmp_path / "index.sqlite.0123.vectors").write_bytes(b"1234")
    found = care.describe(made, beside)
    assert (found.photos, found.failed, found.folders, found.words, found.runs) == (152, 1, 2, 3, 0)
    assert {(model.name, model.photos) for model in found.models} == {("mine", 149), ("theirs", 1)}
    assert found.path == str(made)
    assert care.disk_bytes(made, beside) == found.size_bytes + 4
    if isinstance(made, Path):
        assert (found.size_bytes, found.log_bytes) == (made.stat().st_size, 0)
    else:
        assert (found.size_bytes > 100_000, found.free_bytes, found.log_bytes) == (True, None, None)
    assert found.beside == (("index.sqlite.0123.vectors", 4),)


def test_a_whole_index_is_found_whole(made: Place) -> None:
    assert list(check(made)) == []


def test_a_look_for_damage_leaves_a_whole_file_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    assert list(check(file)) == []
    assert file.read_bytes() == before


def _break_block(place: Place) -> None:
    shorter = "substr(entries, 1, length(entries) - 4)"
    change(place, f"UPDATE postings SET entries = {shorter} WHERE kind = 1 AND block = 0")


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
        lambda path: (
            change(path, "UPDATE names SET names = CAST(replace(CAST(names AS TEXT), 'jpg', 'png') AS BLOB)")
            if isinstance(path, Path)
            else change(path, "UPDATE names SET names = overlay(names placing 'x' from 1)")
        ),
        "photos 1 to 8,191 .*: file names",
        id="file names are others",
    ),
    pytest.param(
        lambda path: change(path, "DELETE FROM fresh_contents WHERE photo_id = 7"),
        r"hashes by which duplicates are found .*\(1 differ\)",
        id="a hash is missing",
    ),
    pytest.param(
        lambda path: change(path, "UPDATE fresh_contents SET photo_id = 9999 WHERE photo_id = 7"),
        r"\(2 differ\)",
        id="a hash is another photo's",
    ),
    pytest.param(
        lambda path: change(path, "UPDATE tags SET normal = 'cow' WHERE word = 'cat'"),
        "in the form in which they are compared .*'cat'",
        id="a word's form is wrong",
    ),
]


@pytest.mark.parametrize(("harm", "told"), _WRONG)
def test_what_a_search_reads_wrongly_is_found_and_repaired(
    made: Place, harm: Callable[[Place], None], told: str
) -> None:
    harm(made)
    assert told_of(check(made), told)
    assert told_of(check(made), told), "a check alone changes nothing"
    assert told_of(check(made, repair=True), told)
    assert list(check(made)) == []


def test_an_empty_index_of_words_is_found_and_repaired(file: Path) -> None:
    change(file, "INSERT INTO tags_fts (tags_fts) VALUES ('delete-all')")
    assert told_of(check(file, repair=True), "not in step")
    assert list(check(file)) == []
    with closing(open_index(file)) as index:
        assert index.count("dog") == 149


def told_of(lines: object, pattern: str) -> bool:
    return any(re.search(pattern, line) for line in list(lines))  # type: ignore[attr-defined]


def test_a_row_without_its_photo_is_found(file: Path) -> None:
    change(file, "INSERT INTO photo_tags VALUES (99999, 1, 1, 5, 0)")
    assert told_of(check(file), "photo_tags belongs to one of photos that is not there")


def test_a_damaged_file_is_told_of_with_the_way_out(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[20_000:] = b"\xa5" * (len(content) - 20_000)
    file.write_bytes(content)
    with pytest.raises(IndexFileError, match=r"is damaged.*phototag db rebuild DIR"):
        list(check(file))


def test_a_vacuum_gives_room_back_and_changes_nothing_else(file: Path) -> None:
    index = open_index(file)
    index.remember([tagged(f"/r/{n}.jpg", f"word {n}") for n in range(2_000)], "mine", "1")
    index.forget([known.number for known in index.known_in("/r", "mine").values()])
    index.close()
    before, after = care.vacuum(file)
    assert after < before
    assert list(check(file)) == []
    assert care.describe(file, file).free_bytes == 0


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
    assert list(check(copy)) == []
    assert [file.name for file in copy.parent.iterdir()] == ["copy.sqlite"]


def test_a_backup_leaves_nothing_beside_the_index(file: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    care.backup(file, tmp_path / "copies" / "copy.sqlite")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copies", "index.sqlite"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX ones")
def test_an_index_on_a_disk_that_cannot_be_written_is_copied(file: Path, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own lie where another user cannot go
        protected, free = Path(folder) / "protected", Path(folder) / "free"
        for made in (protected, free):
            made.mkdir()
            shutil.copy(file, made / "index.sqlite")
        for place, mode in ((protected / "index.sqlite", 0o444), (protected, 0o555), (free, 0o777), (folder, 0o755)):
            os.chmod(place, mode)
        code = """if True:
            import os, sys
            from pathlib import Path
            from phototag.errors import IndexFileError
            from phototag.index import care
            protected, free = map(Path, sys.argv[1:3])
            care.backup(Path(sys.argv[3]), Path(sys.argv[3] + ".copy"))  # root's Python may not be readable afterwards
            if os.geteuid() == 0:
                os.setgid(65534), os.setuid(65534)
            care.backup(protected / "index.sqlite", free / "copy.sqlite")
            try:
                care.backup(free / "index.sqlite", protected / "copy.sqlite")
            except IndexFileError as exc:
                print(exc)
        """
        command = [sys.executable, "-c", code, protected, free, file]
        run = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        assert run.stderr == ""
        assert "protected/copy.sqlite" in run.stdout
        assert list(check(free / "copy.sqlite")) == []
        protected.chmod(0o755)


def test_a_backup_replaces_nothing_unasked_and_never_the_index_itself(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    target.write_bytes(b"mine")
    with pytest.raises(IndexFileError, match=r"is there already.*--force"):
        care.backup(file, target)
    with pytest.raises(IndexFileError, match="the index itself"):
        care.backup(file, file, replace=True)
    assert target.read_bytes() == b"mine"
    with pytest.raises(IndexFileError, match=r"cannot be opened or written|cannot be written"):
        care.backup(file, tmp_path / "no" / "such" / "folder")


@pytest.mark.parametrize(
    "what", [lambda place: care.describe(place, Path("index")), lambda place: list(check(place))], ids=["info", "check"]
)
def test_what_is_not_there_is_not_made(place: Place, tmp_path: Path, what: Callable[[Place], object]) -> None:
    with pytest.raises(IndexFileError, match="no index yet"):
        what(place)
    assert not is_there(place)
    assert list(tmp_path.iterdir()) == []


def test_of_a_server_it_is_said_what_does_the_work_of_a_vacuum_and_a_backup(tmp_path: Path) -> None:
    server = Server("postgresql+psycopg://me:secret@nas/photos")
    with pytest.raises(IndexFileError, match=r"me@nas/photos is on a server: .*autovacuum.*VACUUM FULL"):
        care.vacuum(server)
    with pytest.raises(IndexFileError, match=r"me@nas/photos is on a server: .*pg_dump"):
        care.backup(server, tmp_path / "copy")
    with pytest.raises(IndexFileError, match="no index yet"):
        care.vacuum(tmp_path / "index.sqlite")
