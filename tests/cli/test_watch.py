"""`phototag watch`: new photos are tagged as they come, and it ends when it is told to."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phototag.cli import watch, watching
from phototag.cli.watching import changed_folders
from phototag.errors import UnreachableError
from phototag.metadata import open_writer
from phototag.records import PhotoRef
from phototag.walk import walk
from tests.models import save_always
from tests.photos import make_jpeg

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

_HOW = ["--workers", "2", "--batch-size", "4"]


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def is_tagged(photo: Path) -> bool:
    return open_writer().read(str(photo)).photo == ("word",)


def test_photos_are_tagged_as_they_come_and_a_signal_ends_it(home: Path, tmp_path: Path) -> None:
    save_always(home / "models" / "always", "word")
    library = tmp_path / "library"
    (library / "ignored").mkdir(parents=True)
    (library / ".phototagignore").write_text("ignored\n")
    (library / "there.jpg").write_bytes(make_jpeg())
    command = [sys.executable, "-m", "phototag", "watch", "--log-file", str(tmp_path / "log"), *_HOW, str(library)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: is_tagged(library / "there.jpg"))
        (library / "ignored" / "not.jpg").write_bytes(make_jpeg())
        (library / "new").mkdir()
        whole = make_jpeg(size=(200, 100))
        with (library / "new" / "grows.jpg").open("wb") as file:
            for start in range(0, len(whole), 1000):
                file.write(whole[start : start + 1000])
                file.flush()
                time.sleep(0.5)
        wait_for(lambda: "grows.jpg: word" in (tmp_path / "log").read_text())
        assert is_tagged(library / "new" / "grows.jpg")
        assert not is_tagged(library / "ignored" / "not.jpg")
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    assert stdout.splitlines()[0] == "watching 1 folder with the model always"
    assert f"{library / 'new' / 'grows.jpg'}: word" in stdout
    assert stdout.splitlines()[-1] == "stopped; what was finished is kept"


@pytest.fixture
def told() -> list[str]:
    return []


def test_a_server_that_goes_away_later_is_waited_for(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_TICK_S", 0.1)
    monkeypatch.setattr(watch, "_AGAIN_S", 0)
    answers: list[type[BaseException] | None] = [UnreachableError]

    def look(only: frozenset[str] | None) -> set[str]:
        answer = answers.pop(0)
        if answer is not None:
            raise answer("gone")
        return {str(tmp_path)}  # there is more to look at

    def start() -> None:
        watch._watch([str(tmp_path)], look, poll=False, tell=lambda line, **_: told.append(line))

    with pytest.raises(UnreachableError):  # as where the URL is wrong
        start()
    answers[:] = [None, UnreachableError, UnreachableError, None, KeyboardInterrupt]
    with pytest.raises(KeyboardInterrupt):
        start()
    assert told == ["gone; trying again every 0 s", "the index can be reached again"]


def test_a_folder_that_vanishes_is_waited_for(tmp_path: Path, told: list[str]) -> None:
    library = tmp_path / "library"
    library.mkdir()
    changes = changed_folders([str(library)], poll=False, tell=told.append)
    assert next(changes) == set(), "nothing yet"
    shutil.rmtree(library)
    until(changes, lambda _: bool(told))
    assert "is gone: waiting" in told[0]
    library.mkdir()
    until(changes, lambda folders: folders is None)
    assert told[-1] == f"{library} is back"
    next(changes)
    (library / "a.jpg").write_bytes(b"x")
    until(changes, lambda folders: folders == {str(library)})


def until(changes: Iterator[set[str] | None], what: Callable[[set[str] | None], bool]) -> None:
    end = time.monotonic() + 60
    while not what(next(changes)):
        assert time.monotonic() < end


def test_only_the_chosen_folders_are_walked_by_the_same_rules(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "a/b/2.jpg", "a/b/c/3.jpg", "d/4.jpg", "a/no/5.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".phototagignore").write_text("no\n")
    only = {str(tmp_path / "a" / "b"), str(tmp_path / "d"), str(tmp_path / "a" / "no")}
    found = [ref.path for ref in walk([str(tmp_path)], only=only) if isinstance(ref, PhotoRef)]
    assert found == [str(tmp_path / "a/b/2.jpg"), str(tmp_path / "d/4.jpg")]
