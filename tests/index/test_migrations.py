"""Files that earlier versions of phototag made: opened, brought up to date, searched, and never half done.

`old/v1.sqlite.gz` and `v3.sqlite.gz` were written by the phototag of those days, `v2` by the
second migration from `v1`.
"""

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from phototag.errors import IndexFileError
from phototag.index import open_index, sqlitefile
from phototag.records import Memory
from tests.index.records import tagged

_ROOT = Path(__file__).parents[2]
_OLD = Path(__file__).parent / "old"
VERSIONS = sorted(int(file.name[1:].partition(".")[0]) for file in _OLD.glob("v*.sqlite.gz"))
NEWEST = sqlitefile._migrations()[-1][0]
_STOP_IN_THE_LAST = """if True:
    import sys, time
    from pathlib import Path
    from phototag.index import open_index, sqlitefile
    whole, last = sqlitefile._statements, sqlitefile._migrations()[-1][1]
    def halfway(script):
        for statement in whole(script):
            yield statement
            if script == last:
                print("halfway", flush=True)
                time.sleep(60)
    sqlitefile._statements = halfway
    open_index(Path(sys.argv[1]))
"""


@pytest.fixture(params=VERSIONS, ids=lambda version: f"version {version}")
def version(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def old(version: int, tmp_path: Path) -> Path:
    """An index of an earlier version."""
    path = tmp_path / "index.sqlite"
    path.write_bytes(gzip.decompress((_OLD / f"v{version}.sqlite.gz").read_bytes()))
    return path


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as raw:
        (number,) = raw.execute("PRAGMA user_version").fetchone()
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    return int(number)


def test_there_is_a_file_of_every_version_before_the_views(version: int) -> None:
    assert VERSIONS[:3] == [1, 2, 3]
    assert version <= NEWEST


def test_every_migration_has_a_number_of_its_own() -> None:
    assert [number for number, _ in sqlitefile._migrations()] == list(range(1, NEWEST + 1))


def test_an_old_index_is_brought_up_to_date_and_answers(old: Path) -> None:
    index = open_index(old)
    found = {query: [os.path.basename(hit.path) for hit in index.search(query)] for query in (
        "dog", "beagle", "keyword:rome", "海滩", "sky", "is:failed", "camera:canon"
    )}  # fmt: skip
    assert found == {
        "dog": ["a.jpg"],
        "beagle": ["a.jpg"],
        "keyword:rome": ["a.jpg"],
        "海滩": [os.fsdecode(b"odd\xff.jpg")],
        "sky": ["a.jpg"],
        "is:failed": ["broken.jpg"],
        "camera:canon": ["a.jpg", os.fsdecode(b"odd\xff.jpg"), "none.png"],
    }
    known = index.known_in("/p", "mine")
    assert known["a.jpg"].memory == Memory(
        added=frozenset({"animal", "beagle", "dog"}), kept=frozenset({"sky"}), rejected=frozenset()
    )
    assert known["begun.jpg"].pending
    index.remember([tagged("/p/new.jpg", "dog")], "mine", "1")
    assert index.count("dog") == 2
    index.close()
    assert _version(old) == NEWEST
    with closing(sqlite3.connect(old)) as raw:
        assert raw.execute("SELECT count(*) FROM photos_view").fetchone() == (6,)


def test_an_old_journal_is_still_there(old: Path, version: int) -> None:
    index = open_index(old)
    runs = list(index.runs())
    assert [run.photos for run in runs] == ([] if version == 1 else [1])
    assert [len(list(index.writes_of(run.number))) for run in runs] == [run.photos for run in runs]
    index.close()


def test_a_reader_changes_nothing_in_an_old_index(old: Path, version: int) -> None:
    before = old.read_bytes()
    with pytest.raises(IndexFileError, match=r"older phototag.*phototag scan"):
        open_index(old, readonly=True)
    assert (old.read_bytes(), _version(old)) == (before, version)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_kill_in_the_middle_of_a_migration_leaves_the_version_before_it(old: Path) -> None:
    command = [sys.executable, "-c", _STOP_IN_THE_LAST, str(old)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(signal.SIGKILL)
    assert _version(old) == NEWEST - 1
    open_index(old).close()
    assert _version(old) == NEWEST
