"""`phototag db` as its users run it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from phototag.index import open_index
from phototag.index.lock import scan_lock
from tests.conftest import Run
from tests.index.records import tagged


@pytest.fixture
def index(home: Path) -> Path:
    """An index with two photos."""
    path = home / "index.sqlite"
    opened = open_index(path)
    opened.remember([tagged("/p/a.jpg", "dog", keywords=("Rome",)), tagged("/p/b.jpg", "cat")], "mine", "1")
    opened.close()
    return path


def test_info_says_what_there_is(phototag: Run, index: Path) -> None:
    run = phototag("db", "info")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"index            {index}\n")
    assert "photos           2 in 1 folder, 0 failed" in run.stdout
    assert "model            mine: 2 photos, last 20" in run.stdout
    assert json.loads(phototag("db", "info", "--json").stdout)["photos"] == 2


def test_a_check_finds_what_is_wrong_and_repairs_it(phototag: Run, index: Path) -> None:
    assert phototag("db", "check").stdout == f"{index} is whole\n"
    with closing(sqlite3.connect(index)) as raw:
        raw.execute("DELETE FROM postings WHERE kind = 1")
        raw.commit()
    run = phototag("db", "check")
    assert (run.returncode, "phototag db rebuild DIR" in run.stdout) == (1, True)
    assert phototag("search", "dog").returncode == 1
    repaired = phototag("db", "check", "--repair")
    assert (repaired.returncode, repaired.stdout.splitlines()[-1]) == (0, f"{index} is repaired")
    assert phototag("search", "dog").returncode == 0


def test_a_vacuum_waits_for_no_scan(phototag: Run, index: Path) -> None:
    assert phototag("db", "vacuum").returncode == 0
    with scan_lock(index):
        run = phototag("db", "vacuum")
    assert (run.returncode, "another scan is at work" in run.stderr) == (3, True)


def test_a_backup_is_an_index(phototag: Run, index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    with scan_lock(index):
        assert phototag("db", "backup", copy).returncode == 0
    assert phototag("--index", copy, "search", "dog", "--paths").stdout == "/p/a.jpg\n"
    assert phototag("db", "backup", copy).returncode == 5
    assert phototag("db", "backup", "--force", copy).returncode == 0
