"""The lock of an index: one holder at a time, and no file left."""

import subprocess
import sys
from pathlib import Path

import pytest

from phototag.errors import IndexFileError, LockedError
from phototag.index.lock import scan_lock

_ROOT = Path(__file__).parents[2]
_HOLD_IN_TURN = """if True:
    import sys, time
    from pathlib import Path
    from phototag.errors import LockedError
    from phototag.index.lock import scan_lock
    index, mark = Path(sys.argv[1]), Path(sys.argv[1]).with_name("inside")
    held, until = 0, time.monotonic() + 2
    while time.monotonic() < until:
        try:
            with scan_lock(index):
                mark.touch(exist_ok=False)  # fails where another process is inside
                mark.unlink()
                held += 1
        except LockedError:
            pass
    print(held)
"""


def test_no_lock_file_is_left(tmp_path: Path) -> None:
    with scan_lock(tmp_path / "index.sqlite"):
        assert [file.name for file in tmp_path.iterdir()] == ["index.sqlite.lock"]
    assert list(tmp_path.iterdir()) == []


def test_no_lock_file_is_left_where_the_scan_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), scan_lock(tmp_path / "index.sqlite"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_second_holder_is_turned_away_and_takes_nothing_from_the_first(tmp_path: Path) -> None:
    with scan_lock(tmp_path / "index.sqlite"):
        with pytest.raises(LockedError, match="another scan"), scan_lock(tmp_path / "index.sqlite"):
            raise AssertionError("two held it")
        assert (tmp_path / "index.sqlite.lock").exists()


def test_a_lock_file_that_somebody_put_there_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite.lock"
    with scan_lock(tmp_path / "index.sqlite"):
        (tmp_path / "other").touch()
        (tmp_path / "other").replace(path)
    assert path.exists()


def test_a_file_left_by_a_killed_process_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite.lock").touch()
    with scan_lock(tmp_path / "index.sqlite"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(IndexFileError, match="no lock can be made beside the index"),
        scan_lock(tmp_path / "file" / "i"),
    ):
        pass


def test_processes_that_come_and_go_never_hold_it_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD_IN_TURN, str(tmp_path / "index.sqlite")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=_ROOT, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for process in processes:
        held, wrong = process.communicate(timeout=120)
        assert (process.returncode, wrong) == (0, "")
        assert int(held) > 0
    assert list(tmp_path.iterdir()) == []
