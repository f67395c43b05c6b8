"""The SQLite file itself: made, refused, migrated, full, killed over, and read beside a writer."""

import gc
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from phototag.errors import DiskError, IndexFileError
from phototag.index import Index, connect, open_index, sqlitefile, tables
from tests.index.records import tagged

_ROOT = Path(__file__).parents[2]
NEWEST = sqlitefile._migrations()[-1][0]
_NOBODY = 65_534
_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and permissions")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite"


@pytest.fixture
def made(path: Path) -> Path:
    """An index with one photo in it, closed."""
    index = open_index(path)
    index.remember([tagged("/p/a.jpg", "dog")], "mine", "1")
    index.close()
    return path


def found(index: Index, query: str = "dog") -> list[str]:
    return [hit.path for hit in index.search(query)]


def run_python(code: str, *args: str | Path, **how: object) -> "subprocess.CompletedProcess[str]":
    """A process of its own, with this checkout on its path."""
    command = [sys.executable, "-c", code, *map(str, args)]
    settings = {"cwd": _ROOT, "capture_output": True, "text": True, "timeout": 120, **how}
    return subprocess.run(command, check=False, **settings)  # type: ignore[call-overload,no-any-return]


def test_the_tables_are_as_the_migrations_make_them(made: Path) -> None:
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(made))
    seen = inspect(engine)
    names = {name for name in seen.get_table_names() if not name.startswith(("sqlite_", "tags_fts"))}
    assert names == set(tables.metadata.tables)
    for name, table in tables.metadata.tables.items():
        columns = {column["name"]: str(column["type"]) for column in seen.get_columns(name)}
        assert columns == {column.name: str(column.type.compile(engine.dialect)) for column in table.c}, name
        assert [c.name for c in table.primary_key] == seen.get_pk_constraint(name)["constrained_columns"], name
        assert {key["constrained_columns"][0] for key in seen.get_foreign_keys(name)} == {
            key.parent.name for key in table.foreign_keys
        }, name
    engine.dispose()


def test_the_file_says_whose_it_is_and_which_version(made: Path) -> None:
    with closing(sqlite3.connect(made)) as raw:
        assert raw.execute("PRAGMA application_id").fetchone() == (sqlitefile.APPLICATION_ID,)
        assert raw.execute("PRAGMA user_version").fetchone() == (NEWEST,)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_missing_folders_are_made_for_writing(tmp_path: Path) -> None:
    open_index(tmp_path / "some where" / "über%20?#" / "index.sqlite").close()
    assert (tmp_path / "some where" / "über%20?#" / "index.sqlite").is_file()


def test_what_was_remembered_is_there_the_next_time(made: Path) -> None:
    for readonly in (False, True):
        index = open_index(made, readonly=readonly)
        assert found(index) == ["/p/a.jpg"]
        index.close()


def test_reading_an_index_that_is_not_there_says_what_to_do_and_makes_nothing(path: Path) -> None:
    with pytest.raises(IndexFileError, match=r"no index yet.*phototag scan DIR"):
        open_index(path, readonly=True)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", None], ids=["an empty file", "only begun"])
def test_an_index_that_was_only_begun_is_none_yet_and_is_finished_by_a_writer(
    path: Path, content: bytes | None
) -> None:
    if content is not None:
        path.write_bytes(content)
    else:  # what a process leaves that is killed before its first migration
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA journal_mode = WAL")
    with pytest.raises(IndexFileError, match="no index yet"):
        open_index(path, readonly=True)
    open_index(path).close()
    index = open_index(path, readonly=True)
    assert index.photo_count() == 0
    index.close()


@pytest.mark.parametrize("readonly", [True, False])
def test_another_programs_database_is_refused_and_left_as_it_was(path: Path, readonly: bool) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE catalogue (photo TEXT)")
    before = path.read_bytes()
    with pytest.raises(IndexFileError, match="another program's database"):
        open_index(path, readonly=readonly)
    assert path.read_bytes() == before


@pytest.mark.parametrize("readonly", [True, False])
def test_a_newer_version_is_refused_and_left_as_it_was(made: Path, readonly: bool) -> None:
    with closing(sqlite3.connect(made)) as raw:
        raw.execute("PRAGMA user_version = 99")
    before = made.read_bytes()
    with pytest.raises(IndexFileError, match=rf"version 99.*knows up to {NEWEST}.*newer phototag"):
        open_index(made, readonly=readonly)
    assert made.read_bytes() == before


def test_an_older_version_is_migrated_by_a_writer_and_refused_by_a_reader(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = (NEWEST + 1, "ALTER TABLE photos ADD COLUMN stars INTEGER;\nPRAGMA optimize;\n")
    steps = [*sqlitefile._migrations(), step]
    monkeypatch.setattr(sqlitefile, "_migrations", lambda: steps)
    with pytest.raises(IndexFileError, match=r"older phototag.*phototag scan"):
        open_index(made, readonly=True)
    open_index(made).close()
    index = open_index(made, readonly=True)
    assert found(index) == ["/p/a.jpg"]
    index.close()
    with closing(sqlite3.connect(made)) as raw:
        assert raw.execute("SELECT stars FROM photos").fetchall() == [(None,)]


def test_a_migration_that_fails_halfway_leaves_nothing_behind(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = (NEWEST + 1, "ALTER TABLE photos ADD COLUMN stars INTEGER;\nSELECT nonsense;\n")
    steps = [*sqlitefile._migrations(), step]
    with monkeypatch.context() as patch:
        patch.setattr(sqlitefile, "_migrations", lambda: steps)
        with pytest.raises(IndexFileError, match="nonsense"):
            open_index(made)
    with closing(sqlite3.connect(made)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (NEWEST,)
        assert "stars" not in {row[1] for row in raw.execute("PRAGMA table_info(photos)")}
    open_index(made).close()


def test_two_processes_may_create_the_index_at_once(path: Path) -> None:
    code = "import sys; from pathlib import Path; from phototag.index import open_index; open_index(Path(sys.argv[1]))"
    both = [subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=_ROOT) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    index = open_index(path, readonly=True)
    assert index.photo_count() == 0
    index.close()


@pytest.mark.parametrize("readonly", [True, False])
def test_what_is_no_database_is_refused_with_the_way_out(path: Path, readonly: bool) -> None:
    path.write_bytes(b"this is a text, and long enough to be taken for one" * 40)
    with pytest.raises(IndexFileError, match=f"{re.escape(str(path))} is damaged.*move it away"):
        open_index(path, readonly=readonly)


@pytest.mark.parametrize("readonly", [True, False])
def test_a_damaged_index_is_told_of_with_the_way_out(made: Path, readonly: bool) -> None:
    content = bytearray(made.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    made.write_bytes(content)
    with pytest.raises(IndexFileError, match=r"is damaged.*phototag scan"):
        index = open_index(made, readonly=readonly)
        try:
            list(index.search("dog"))
        finally:
            index.close()


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir()
    for readonly in (True, False):
        with pytest.raises(IndexFileError, match="cannot be opened"):
            open_index(path, readonly=readonly)


def test_a_file_in_its_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(IndexFileError, match="cannot be created"):
        open_index(tmp_path / "file" / "index.sqlite")
    with pytest.raises(IndexFileError):
        open_index(tmp_path / "file" / "index.sqlite", readonly=True)


def test_nothing_is_left_beside_the_file_by_those_who_wrote_and_read(made: Path) -> None:
    index = open_index(made, readonly=True)
    assert found(index) == ["/p/a.jpg"]
    index.close()
    assert [file.name for file in made.parent.iterdir()] == [made.name]


def test_the_next_reader_tidies_up_after_a_killed_writer(writer: "subprocess.Popen[str]", path: Path) -> None:
    assert writer.stdout is not None
    writer.stdout.readline()
    writer.kill()
    writer.wait()
    assert path.with_name(path.name + "-wal").exists()
    index = open_index(path, readonly=True)
    assert len(found(index)) >= 100
    index.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_reader_cannot_write(made: Path) -> None:
    index = open_index(made, readonly=True)
    with pytest.raises(IndexFileError, match="cannot be opened or written"):
        index.remember([tagged("/p/b.jpg", "cat")], "mine", "1")
    index.close()


def test_what_was_committed_moves_into_the_file_while_the_index_stays_open(path: Path) -> None:
    index = open_index(path)
    index.remember([tagged(f"/p/{n}.jpg", "dog") for n in range(1_000)], "mine", "1")
    index.remember([tagged(f"/q/{n}.jpg", "dog") for n in range(10)], "mine", "1")
    assert _without_the_log(path, wanted=1_000) >= 1_000
    index.close()


def _without_the_log(path: Path, wanted: int) -> int:
    """How many photos stand in the file itself, once so many do."""
    there = 0
    for _ in range(100):
        with (
            closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as raw,
            suppress(sqlite3.DatabaseError),  # it is being moved just now
        ):
            (there,) = raw.execute("SELECT count(*) FROM photos").fetchone()
        if there >= wanted:
            break
        time.sleep(0.1)
    return there


@pytest.mark.parametrize("collecting", [True, False])
def test_remembering_leaves_the_search_for_cycles_as_it_was(made: Path, collecting: bool) -> None:
    (gc.enable if collecting else gc.disable)()
    try:
        with closing(open_index(made)) as index:
            index.remember([tagged("/p/new.jpg", "dog")], "mine", "1")
            assert gc.isenabled() == collecting
            with pytest.raises(AttributeError):
                index.remember(["no result"], "mine", "1")  # type: ignore[list-item]
            assert gc.isenabled() == collecting
    finally:
        gc.enable()


def test_a_batch_is_remembered_whole_or_not_at_all(made: Path) -> None:
    index = open_index(made)
    bad = tagged("/p/c.jpg", "cat", where="the moon")
    with pytest.raises(IndexFileError):
        index.remember([tagged("/p/b.jpg", "cat"), bad], "mine", "1")
    assert (index.photo_count(), [tag.word for tag in index.tags()]) == (1, ["dog"])
    index.close()


def test_a_full_disk_is_a_disk_error_and_costs_only_the_last_batch(made: Path) -> None:
    code = """if True:
        import resource, signal, sys
        from pathlib import Path
        from phototag.errors import DiskError
        from phototag.index import open_index
        from tests.index.records import tagged
        index = open_index(Path(sys.argv[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        try:
            for n in range(1_000):
                index.remember([tagged(f"/p/{n}/{m}.jpg", f"word {n} {m}") for m in range(50)], "mine", "1")
        except DiskError as exc:
            print(exc)
    """
    run = run_python(code, made)
    assert "disk" in run.stdout, run
    index = open_index(made)
    assert found(index) == ["/p/a.jpg"]
    assert index.photo_count() % 50 == 1
    index.close()


def test_sqlites_own_word_for_a_full_disk_is_understood(made: Path) -> None:
    index = open_index(made)
    with pytest.raises(DiskError, match="disk is full"), connect.border(made):
        _fill(made)
    index.close()


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA max_page_count = 1")
        raw.execute("CREATE TABLE filling AS SELECT randomblob(1000000)")


_WRITE_ON = """if True:
    import sys
    from itertools import count
    from pathlib import Path
    from phototag.index import open_index
    from tests.index.records import ref, tagged
    index = open_index(Path(sys.argv[1]))
    for n in count():
        index.intend(ref(f"/k/{n}-0.jpg"), "mine", frozenset({"dog"}))
        index.remember([tagged(f"/k/{n}-{m}.jpg", "dog", f"word {n}") for m in range(100)], "mine", "1")
        print(n, flush=True)
"""


@pytest.fixture
def writer(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that remembers batches of a hundred photos, and says so after each."""
    command = [sys.executable, "-c", _WRITE_ON, str(path)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@_posix
@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_killed_writer_leaves_a_whole_index_with_every_finished_batch(
    writer: "subprocess.Popen[str]", path: Path, after: int
) -> None:
    assert writer.stdout is not None
    for _ in range(after):
        writer.stdout.readline()
    time.sleep(0.013 * after)
    writer.send_signal(signal.SIGKILL)
    told = after + len(writer.stdout.read().splitlines())
    reader = open_index(path, readonly=True)
    tagged_, known = len(found(reader)), reader.photo_count()
    reader.close()
    assert tagged_ % 100 == 0
    assert told * 100 <= tagged_ <= told * 100 + 100
    assert tagged_ <= known <= tagged_ + 1, "a write that was about to begin may be known beside the finished batches"
    index = open_index(path)
    index.remember([tagged("/p/next.jpg", "cat")], "mine", "1")
    assert found(index, "cat") == ["/p/next.jpg"]
    index.close()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []


def test_readers_and_a_writer_do_not_stop_each_other(writer: "subprocess.Popen[str]", path: Path) -> None:
    assert writer.stdout is not None
    writer.stdout.readline()
    reader = open_index(path, readonly=True)
    slow = reader.search("dog")  # holds its moment while the writer goes on
    next(slow)
    counts = []
    while len(set(counts)) < 5:
        counts.append(len(found(reader)))
        assert counts[-1] % 100 == 0, "only whole batches are seen"
    assert counts == sorted(counts)
    assert (1 + sum(1 for _ in slow)) % 100 == 0
    reader.close()
    assert writer.poll() is None


def test_a_second_writer_waits_for_its_turn(writer: "subprocess.Popen[str]", path: Path) -> None:
    assert writer.stdout is not None
    writer.stdout.readline()
    index = open_index(path)
    for n in range(10):
        index.remember([tagged(f"/second/{n}.jpg", "cat")], "theirs", "1")
    assert len(found(index, "cat")) == 10
    index.close()
    assert writer.poll() is None


@_posix
@pytest.mark.parametrize("left", ["closed", "unfinished"], ids=["closed by its writer", "left with a write-ahead log"])
def test_an_index_in_a_folder_that_cannot_be_written_is_read_or_refused(made: Path, left: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own lie where another user cannot go
        copy = Path(folder) / "index.sqlite"
        if left == "unfinished":
            with closing(sqlite3.connect(made)) as raw:
                raw.execute("INSERT INTO sources (name) VALUES ('theirs')")
                raw.commit()
                shutil.copy(made.with_name(made.name + "-wal"), folder)
        shutil.copy(made, copy)
        for file in Path(folder).iterdir():
            file.chmod(0o444)
        Path(folder).chmod(0o555)
        code = """if True:
            import os, sys
            from pathlib import Path
            from phototag.errors import IndexFileError
            from phototag.index import open_index
            open_index(Path(sys.argv[3]), readonly=True).close()  # root's Python may not be readable afterwards
            if os.geteuid() == 0:
                os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
            try:
                print([hit.path for hit in open_index(Path(sys.argv[1]), readonly=True).search("dog")])
            except IndexFileError as exc:
                print(exc)
        """
        run = run_python(code, copy, str(_NOBODY), made)
        Path(folder).chmod(0o755)
    assert run.stderr == ""
    if left == "closed":
        assert run.stdout == "['/p/a.jpg']\n"
    else:
        assert "check its folder and permissions" in run.stdout
