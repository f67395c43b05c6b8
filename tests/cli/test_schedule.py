"""`phototag schedule`: what it installs is what the schedulers read back, and runs in their bare environment."""

import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from phototag.cli.schedulers import Cron, Launchd, Systemd, Task, Windows
from phototag.metadata import open_writer
from tests.conftest import Run
from tests.models import save_always
from tests.photos import make_jpeg

_ODD = ["/usr/bin/prog ram", "it's", 'a "quoted" $HOME \\ 100% word', "--", "/home/ana/Grüne Photos"]

# Stands in for Debian's crontab(1), so that no test touches the tester's own.
_CRONTAB = """#!/bin/sh
file={file}
case "$1" in
-l) [ -f "$file" ] || {{ echo "no crontab for ana" >&2; exit 1; }}; cat "$file" ;;
-) cat > "$file" ;;
esac
"""


def task(**how: object) -> Task:
    return Task(**({"name": "phototag", "command": _ODD, "every": "day", "hour": 3, "minute": 15} | how))  # type: ignore[arg-type]


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file behind a crontab program of our own."""
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(_CRONTAB.format(file=tmp_path / "spool"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.environ["PATH"]]))
    return tmp_path / "spool"


@pytest.mark.skipif(os.name == "nt", reason="cron is POSIX")
def test_a_crontab_keeps_its_other_lines_and_gets_one_of_ours(crontab: Path) -> None:
    theirs = "# mine\nMAILTO=ana\n0 4 * * * backup --all\n5 5 * * * phototag scan /other\n"
    crontab.write_text(theirs)
    cron = Cron()
    assert "added" in cron.install(task())
    assert crontab.read_text() == theirs + cron.text(task())
    assert "replaced" in cron.install(task(hour=4))
    assert crontab.read_text() == theirs + cron.text(task(hour=4))
    cron.install(task(name="second"))
    assert len(crontab.read_text().splitlines()) == 6
    assert "taken out" in (cron.remove("phototag") or "")
    assert cron.remove("phototag") is None
    cron.remove("second")
    assert crontab.read_text() == theirs


@pytest.mark.skipif(os.name == "nt", reason="cron is POSIX")
def test_a_line_for_cron_gives_the_program_its_very_words(crontab: Path, tmp_path: Path) -> None:
    program = tmp_path / "pro gram"
    program.write_text(f"#!{sys.executable}\nimport os, sys\nprint([*sys.argv[1:], os.environ['A']])\n")
    program.chmod(0o755)
    Cron().install(task(command=[str(program), *_ODD], environment={"A": "b c'%"}))
    run = subprocess.run(["/bin/sh", "-c", cron_command(crontab)], capture_output=True, text=True, check=True)
    assert run.stdout == f"{[*_ODD, chr(98) + ' c' + chr(39) + '%']}\n"


def cron_command(crontab: Path) -> str:
    """The command of the only line as cron(8) reads it: five fields, then text in which \\% is a per cent sign."""
    (line,) = crontab.read_text().splitlines()
    command = line.split(None, 5)[5]
    assert not re.search(r"(?<!\\)%", command)
    return command.replace("\\%", "%")


@pytest.mark.skipif(os.name == "nt", reason="cron is POSIX")
def test_the_installed_schedule_runs_in_crons_environment_and_says_nothing(
    phototag: Run, crontab: Path, home: Path, tmp_path: Path
) -> None:
    save_always(home / "models" / "always", "first word")
    library = tmp_path / "100% Photos, ana's"
    library.mkdir()
    (library / "a.jpg").write_bytes(make_jpeg())
    run = phototag(
        "schedule", "--install", "--with", "cron", "--scan-options", "--model always --max-time 2h", library.name,
        cwd=tmp_path,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (0, "a line was added to your crontab\n")
    bare = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "ana", "HOME": str(home)}
    night = subprocess.run(
        ["/bin/sh", "-c", cron_command(crontab)], env=bare, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
        check=False,
    )  # fmt: skip
    assert (night.returncode, night.stdout, night.stderr) == (0, b"", b"")
    assert open_writer().read(str(library / "a.jpg")).photo == ("first word",)
    assert "taken out" in phototag("schedule", "--remove", "--with", "cron").stdout
    assert crontab.read_text() == ""
    assert "there is no schedule" in phototag("schedule", "--remove", "--with", "cron").stdout


def test_without_install_it_only_shows_what_it_would_do(phototag: Run, crontab: Path, tmp_path: Path) -> None:
    run = phototag("schedule", "--with", "cron", "--at", "4:05", "--every", "week", tmp_path)
    assert run.stdout.startswith("5 4 * * 0 ")
    assert "nothing was changed" in run.stderr
    assert not crontab.exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        pytest.param([], "the folders to scan", id="no folder"),
        pytest.param(["--at", "25:00", "."], "no time of day", id="no such time"),
        pytest.param(["--scan-options", "--frobnicate", "."], "No such option", id="no such option of scan"),
        pytest.param(["--scan-options", "'", "."], "No closing quotation", id="a quote left open"),
        pytest.param(["--name", "a b", "."], "letters, digits and hyphens", id="a name with a space"),
        pytest.param(["--install", "--remove", "."], "either --install or --remove", id="both"),
    ],
)
def test_what_could_not_run_at_night_is_refused_now(phototag: Run, args: list[str], says: str) -> None:
    run = phototag("schedule", "--with", "cron", *args)
    assert run.returncode == 2
    assert says in run.stderr


def test_an_index_on_a_server_keeps_its_url_and_its_password_to_itself(
    phototag: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = phototag("--index", "postgresql://me@nas/photos", "schedule", "--with", "cron", tmp_path)
    assert "--index=postgresql://me@nas/photos scan" in run.stdout
    monkeypatch.setenv("PHOTOTAG_INDEX", "postgresql://me:secret@nas/photos")
    refused = phototag("schedule", "--with", "cron", tmp_path)
    assert refused.returncode == 2
    assert "keep it in ~/.pgpass" in refused.stderr
    assert "secret" not in refused.stdout + refused.stderr


def test_systemd_reads_the_very_words_back(tmp_path: Path) -> None:
    text = Systemd(tmp_path).text(task(environment={"A": 'b "c" %'}, every="hour"))
    assert "OnCalendar=*-*-* *:15:00" in text
    assert 'Environment="A=b \\"c\\" %%"' in text
    assert '"a \\"quoted\\" $$HOME \\\\ 100%% word"' in text
    assert str(tmp_path / "phototag.timer") in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze to judge by")
    for kind, content in zip(("service", "timer"), text.split("# " + str(tmp_path))[1:], strict=True):
        unit = tmp_path / f"phototag.{kind}"
        unit.write_text(content.partition("\n")[2].replace("/usr/bin/prog ram", "/bin/true"))
        run = subprocess.run(["systemd-analyze", "verify", "--user", unit], capture_output=True, text=True, check=False)
        assert not re.search(r"phototag\.(service|timer):", run.stderr), run.stderr


def test_launchd_and_windows_read_the_very_words_back(tmp_path: Path) -> None:
    agent = plistlib.loads(Launchd(tmp_path).text(task(every="week", environment={"A": "b"})).encode())
    assert agent["ProgramArguments"] == _ODD
    assert agent["StartCalendarInterval"] == {"Hour": 3, "Minute": 15, "Weekday": 0}
    assert agent["EnvironmentVariables"] == {"A": "b"}
    tree = ElementTree.fromstring(Windows().text(task()).encode("utf-16"))
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    assert tree.findtext(f".//{space}Command") == _ODD[0]
    assert tree.findtext(f".//{space}Arguments") == subprocess.list2cmdline(_ODD[1:])
    assert tree.findtext(f".//{space}StartBoundary", "").endswith("T03:15:00")


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.parametrize("works", [True, False], ids=["systemd at work", "no systemd of the user's"])
def test_a_timer_is_installed_and_removed_or_the_refusal_is_told(
    phototag: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    (tmp_path / "systemctl").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{"" if works else "echo Failed to connect to bus >&2; exit 1"}\n'
    )
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    units = tmp_path / "config" / "systemd" / "user"
    run = phototag("schedule", "--install", "--with", "systemd", tmp_path)
    if not works:
        assert run.returncode == 2
        assert "Failed to connect to bus" in run.stderr
        return
    assert sorted(path.name for path in units.iterdir()) == ["phototag.service", "phototag.timer"]
    assert "enable --now phototag.timer" in (tmp_path / "calls").read_text()
    assert "stopped and taken out" in phototag("schedule", "--remove", "--with", "systemd").stdout
    assert not list(units.iterdir())
