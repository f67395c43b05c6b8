"""What holds for every command: help without heavy imports, errors as one line, exit codes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import phototag as package
from tests.conftest import Run
from tests.index.records import tagged

_COMMANDS = ["train", "check", "evaluate", "export", "scan", "search", "show", "tags", "models"]


@pytest.fixture
def poison(tmp_path: Path) -> dict[str, str]:
    """An environment in which importing any of the heavy packages fails."""
    for name in ("tensorflow", "keras", "ai_edge_litert", "sklearn"):
        (tmp_path / "poison" / name).mkdir(parents=True)
        (tmp_path / "poison" / name / "__init__.py").write_text(f"raise ImportError('{name} is poisoned')")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "poison")}


def test_the_poison_works(poison: dict[str, str]) -> None:
    run = subprocess.run([sys.executable, "-c", "import tensorflow"], env=poison, capture_output=True, check=False)
    assert b"tensorflow is poisoned" in run.stderr


@pytest.mark.parametrize("command", _COMMANDS)
def test_help_needs_no_heavy_import(phototag: Run, poison: dict[str, str], command: str) -> None:
    run = phototag(command, "--help", env=poison)
    assert run.returncode == 0, run.stderr
    assert f"Usage: phototag {command}" in run.stdout
    assert run.stderr == ""


def test_the_reading_commands_need_no_heavy_import(phototag: Run, poison: dict[str, str], home: Path) -> None:
    from phototag.index import open_index

    open_index(home / "index.sqlite").close()
    photo = home / "x.jpg"
    photo.write_bytes(b"")
    for args, code in ((["search", "dog"], 1), (["tags"], 0), (["models"], 0), (["show", str(photo)], 1)):
        run = phototag(*args, env=poison)
        assert run.returncode == code, (args, run)
        assert "poisoned" not in run.stderr
        assert "Traceback" not in run.stderr


def test_a_search_and_a_completion_need_no_sqlalchemy(phototag: Run, home: Path, tmp_path: Path) -> None:
    from phototag.index import open_index

    index = open_index(home / "index.sqlite")
    index.remember([tagged("/p/a.jpg", "dog")], "mine", "1")
    index.close()
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "sqlalchemy.py").write_text("raise ImportError('sqlalchemy is poisoned')")
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "poison")}
    assert phototag("search", "dog", env=env).stdout == "/p/a.jpg\n"
    assert phototag("search", "dgo", env=env).stderr == "nothing found: no photo has 'dgo'; perhaps dog?\n"
    completing = env | {"_PHOTOTAG_COMPLETE": "bash_complete", "COMP_TYPED": "phototag search do"}
    assert phototag(env=completing).stdout == "plain,dog\n"
    assert "poisoned" in phototag("tags", env=env).stderr


def test_the_general_help_and_the_version(phototag: Run) -> None:
    run = phototag("--help")
    assert all(f"  {command} " in run.stdout for command in _COMMANDS)
    assert phototag("--version").stdout == f"phototag, version {package.__version__}\n"


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        pytest.param(["frobnicate"], 2, "No such command", id="unknown command"),
        pytest.param(["scan"], 2, "Missing argument", id="missing argument"),
        pytest.param(["--config", "nowhere.toml", "tags"], 2, "no configuration file", id="missing configuration"),
        pytest.param(["scan", "--model", "nonesuch", "."], 4, "no model 'nonesuch'", id="unknown model"),
        pytest.param(["search", "dog"], 5, "no index yet", id="no index"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(phototag: Run, args: list[str], code: int, says: str) -> None:
    run = phototag(*args)
    assert run.returncode == code
    assert says in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


def test_debug_shows_where_an_error_came_from(phototag: Run) -> None:
    assert "Traceback" in phototag("--debug", "scan", "--model", "nonesuch", ".").stderr


def test_a_damaged_index_is_named_with_the_way_out(phototag: Run, home: Path) -> None:
    (home / "index.sqlite").write_bytes(b"this is no database" * 100)
    for args in (["search", "dog"], ["scan", str(home)]):
        run = phototag(*args)
        assert run.returncode == 5
        assert str(home / "index.sqlite") in run.stderr
        assert "Traceback" not in run.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_a_stopped_scan_says_so_and_leaves_with_130(home: Path, kind: signal.Signals) -> None:
    from tests.models import save_always
    from tests.photos import make_jpeg

    library = home / "library"
    library.mkdir()
    photo = make_jpeg(size=(1600, 1200))
    for n in range(600):  # no two alike: copies would be looked at once, and be done before the signal comes
        (library / f"{n}.jpg").write_bytes(photo + str(n).encode())
    save_always(home / "models" / "always", "word")
    command = [sys.executable, "-m", "phototag", "scan", str(library)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _wait_for(lambda: (library / "0.jpg").read_bytes() != photo + b"0")
        process.send_signal(kind)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in stderr
    assert "Traceback" not in stderr
    assert not list(library.glob(".*"))


def _wait_for(what: "object", seconds: float = 60) -> None:
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_a_library_that_is_broken_off_adds_nothing_to_the_message(tmp_path: Path, home: Path) -> None:
    """SQLAlchemy logs what Ctrl-C breaks off while it closes a connection."""
    script = f"""
import logging, sys
from phototag.cli import main, phototag_command

@phototag_command.command("broken-off")
def broken_off():
    from phototag.cli.log import start_log
    from pathlib import Path
    start_log(Path({str(tmp_path / "log")!r}))
    library = logging.getLogger("sqlalchemy.pool")
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        library.error("closing broken off", exc_info=True)
    library.error("something else")

phototag_command.get_command = lambda ctx, name: broken_off
sys.argv = ["phototag", "broken-off"]
main()
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.stderr == "phototag: something else\n"
    assert "broken off" not in (tmp_path / "log").read_text()
