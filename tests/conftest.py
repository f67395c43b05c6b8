"""What every test may use: the real photos where they are, a home of its own, and the command line as users run it."""

import os
import sqlite3  # noqa: F401 - before TensorFlow, whose own SQLite has no full-text search and would take its place
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clusters import running_server

_REAL_PHOTOS = Path(os.environ.get("PHOTOTAG_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def real_photos() -> Path:
    """The folder of real photos; see CONTRIBUTING.md."""
    if not (_REAL_PHOTOS / "pets").is_dir():
        pytest.skip(f"no real photos in {_REAL_PHOTOS}")
    return _REAL_PHOTOS


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of the tests' own."""
    with running_server() as url:
        yield url


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, so that no test reads or writes the tester's own settings, models or index."""
    folder = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("PHOTOTAG_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for name in ("INDEX", "MODELS", "CACHE"):
        monkeypatch.setenv(f"PHOTOTAG_{name}", str(folder / ("index.sqlite" if name == "INDEX" else name.lower())))
    return folder


@pytest.fixture
def phototag(home: Path) -> Run:
    """Run the command line in a process of its own: `phototag("scan", folder).stdout`."""

    def run(*args: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "phototag", *map(str, args)]
        settings = {"capture_output": True, "text": True, "timeout": 300, **options}
        return subprocess.run(command, check=False, **settings)  # type: ignore[call-overload,no-any-return]

    return run
