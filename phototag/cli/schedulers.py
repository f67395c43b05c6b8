"""A command and a time in; what a system's own scheduler needs to start it out, put in its place or taken away again.

Each scheduler is a small class with the same three methods: `text` shows, `install` and `remove` do and tell what they
did. All of them belong to the user, not to the system, and none needs an administrator.
"""

import os
import plistlib
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, Protocol
from xml.sax.saxutils import escape

from phototag.errors import PhotoTagError

Every = Literal["hour", "day", "week"]
_TIMEOUT_S = 60


class ScheduleError(PhotoTagError):
    """The system's scheduler refused, or is not there."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be started when.

    Attributes:
        name: by which it is found again: letters, digits and hyphens.
        command: the program and its arguments.
        environment: variables that it needs.
        every: how often: an hour, a day, or a week (on Sundays).
        hour: 0 to 23; of no account where it is started every hour.
        minute: 0 to 59.
    """

    name: str
    command: Sequence[str]
    every: Every
    hour: int
    minute: int
    environment: Mapping[str, str] = field(default_factory=dict)


class Scheduler(Protocol):
    """A system's way to start programs at their time."""

    def text(self, task: Task) -> str:
        """What would be installed."""
        ...

    def install(self, task: Task) -> str:
        """Install it, in place of an earlier one of its name; tells what was done.

        Raises:
            ScheduleError: the system refused.
        """
        ...

    def remove(self, name: str) -> str | None:
        """Take it away again; tells what was done, None where there was none.

        Raises:
            ScheduleError: the system refused.
        """
        ...


class Cron:
    """A line in the user's crontab, marked by a comment at its end; all other lines stay as they are."""

    def text(self, task: Task) -> str:
        """The line."""
        when = {
            "hour": f"{task.minute} * * * *",
            "day": f"{task.minute} {task.hour} * * *",
            "week": f"{task.minute} {task.hour} * * 0",
        }[task.every]
        variables = [f"{name}={shlex.quote(value)}" for name, value in task.environment.items()]
        line = f"{when} {' '.join(variables + [shlex.quote(part) for part in task.command])} {_mark(task.name)}"
        return line.replace("%", "\\%") + "\n"  # an unescaped % is a line end to cron

    def install(self, task: Task) -> str:
        """Put the line at the end of the crontab."""
        before = _crontab()
        kept = [line for line in before if not line.endswith(_mark(task.name))]
        _write_crontab([*kept, self.text(task).rstrip("\n")])
        return (
            "the line was replaced in your crontab" if len(kept) < len(before) else "a line was added to your crontab"
        )

    def remove(self, name: str) -> str | None:
        """Take the line out of the crontab."""
        before = _crontab()
        kept = [line for line in before if not line.endswith(_mark(name))]
        if len(kept) == len(before):
            return None
        _write_crontab(kept)
        return "the line was taken out of your crontab; all other lines stay"


def _mark(name: str) -> str:
    return f"# phototag schedule {name}"


def _crontab() -> list[str]:
    """The lines of the user's crontab; of one that does not exist, none."""
    run = _try(["crontab", "-l"])
    if run.returncode and "no crontab" not in run.stderr:
        raise ScheduleError(f"crontab -l: {run.stderr.strip()}")
    return run.stdout.splitlines() if not run.returncode else []


def _write_crontab(lines: Sequence[str]) -> None:
    _run(["crontab", "-"], "".join(f"{line}\n" for line in lines))


class Systemd:
    """A timer and a service of the user's own systemd, in its configuration folder."""

    def __init__(self, folder: Path | None = None) -> None:
        config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        self._folder = folder or Path(config, "systemd", "user")

    def text(self, task: Task) -> str:
        """Both files, one after the other."""
        return "\n".join(f"# {path}\n{content}" for path, content in self._files(task).items())

    def install(self, task: Task) -> str:
        """Write both files and start the timer."""
        files = self._files(task)
        for path, content in files.items():
            _write(path, content.encode(errors="surrogateescape"))
        _run(["systemctl", "--user", "daemon-reload"])
        _run(["systemctl", "--user", "enable", "--now", f"{_unit(task.name)}.timer"])
        return (
            f"the timer {_unit(task.name)} is installed in {self._folder} and started; "
            "to have it run while you are not logged in: loginctl enable-linger"
        )

    def remove(self, name: str) -> str | None:
        """Stop the timer and delete both files."""
        paths = [path for path in self._paths(name) if path.exists()]
        if not paths:
            return None
        _run(["systemctl", "--user", "disable", "--now", f"{_unit(name)}.timer"])
        for path in paths:
            path.unlink()
        _run(["systemctl", "--user", "daemon-reload"])
        return f"the timer {_unit(name)} was stopped and taken out of {self._folder}"

    def _paths(self, name: str) -> tuple[Path, Path]:
        return self._folder / f"{_unit(name)}.service", self._folder / f"{_unit(name)}.timer"

    def _files(self, task: Task) -> dict[Path, str]:
        clock = f"{task.hour:02}:{task.minute:02}:00"
        when = {"hour": f"*-*-* *:{task.minute:02}:00", "day": f"*-*-* {clock}", "week": f"Sun *-*-* {clock}"}
        service, timer = self._paths(task.name)
        variables = [f"Environment={_systemd_quote(f'{name}={value}')}\n" for name, value in task.environment.items()]
        # 3: another scan is at work, which is no failure.
        return {
            service: "[Unit]\nDescription=phototag tags new photos\n\n"
            f"[Service]\nType=oneshot\n{''.join(variables)}"
            f"ExecStart={' '.join(_systemd_quote(part, is_command=True) for part in task.command)}\n"
            "SuccessExitStatus=3\nIOSchedulingClass=idle\n",
            timer: "[Unit]\nDescription=phototag tags new photos\n\n"
            f"[Timer]\nOnCalendar={when[task.every]}\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
        }


def _unit(name: str) -> str:
    return "phototag" if name == "phototag" else f"phototag-{name}"


def _systemd_quote(text: str, *, is_command: bool = False) -> str:
    """Text as systemd reads it back: see "Quoting" and "Command lines" in systemd.syntax(7) and systemd.service(5)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if is_command else escaped}"'


class Launchd:
    """An agent of the user's own launchd."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path.home() / "Library" / "LaunchAgents"

    def text(self, task: Task) -> str:
        """The property list."""
        return self._plist(task).decode()

    def install(self, task: Task) -> str:
        """Write the property list and hand it to launchd."""
        path = self._path(task.name)
        if path.exists():
            _try(["launchctl", "bootout", f"{_domain()}/{_label(task.name)}"])
        _write(path, self._plist(task))
        _run(["launchctl", "bootstrap", _domain(), str(path)])
        return f"the agent {path} is installed and loaded"

    def remove(self, name: str) -> str | None:
        """Take the agent from launchd and delete it."""
        path = self._path(name)
        if not path.exists():
            return None
        _try(["launchctl", "bootout", f"{_domain()}/{_label(name)}"])
        path.unlink()
        return f"the agent {path} was unloaded and deleted"

    def _path(self, name: str) -> Path:
        return self._folder / f"{_label(name)}.plist"

    def _plist(self, task: Task) -> bytes:
        when: dict[str, int] = {"Minute": task.minute}
        if task.every != "hour":
            when["Hour"] = task.hour
        if task.every == "week":
            when["Weekday"] = 0
        return plistlib.dumps(
            {
                "Label": _label(task.name),
                "ProgramArguments": list(task.command),
                "EnvironmentVariables": dict(task.environment),
                "StartCalendarInterval": when,
                "LowPriorityIO": True,
                "ProcessType": "Background",
            }
        )


def _label(name: str) -> str:
    return f"org.{_unit(name)}"


def _domain() -> str:
    return f"gui/{os.getuid()}" if sys.platform != "win32" else ""


class Windows:
    """A task of the Windows Task Scheduler, described in its own XML."""

    def text(self, task: Task) -> str:
        """The XML."""
        days = "Sunday" if task.every == "week" else ""
        day = f"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek><{days}/></DaysOfWeek></ScheduleByWeek>"
        repeat = "<Repetition><Interval>PT1H</Interval></Repetition>" if task.every == "hour" else ""
        program, *arguments = task.command
        line = subprocess.list2cmdline(arguments)
        if task.environment:
            sets = "".join(f'set "{name}={value}"&& ' for name, value in task.environment.items())
            program, line = "cmd.exe", f'/d /s /c "{sets}{subprocess.list2cmdline(task.command)}"'
        return (
            '<?xml version="1.0" encoding="UTF-16"?>\n'
            '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
            f"  <Triggers><CalendarTrigger>{repeat}"
            f"<StartBoundary>2026-01-01T{task.hour:02}:{task.minute:02}:00</StartBoundary>"
            f"{day if days else '<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>'}"
            "</CalendarTrigger></Triggers>\n"
            "  <Settings><StartWhenAvailable>true</StartWhenAvailable><Priority>8</Priority>"
            "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit></Settings>\n"
            f"  <Actions><Exec><Command>{escape(program)}</Command><Arguments>{escape(line)}</Arguments>"
            "</Exec></Actions>\n</Task>\n"
        )

    def install(self, task: Task) -> str:
        """Hand the XML to the Task Scheduler."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "task.xml")
            path.write_text(self.text(task), encoding="utf-16")
            _run(["schtasks", "/Create", "/TN", _unit(task.name), "/XML", str(path), "/F"])
        return f"the task {_unit(task.name)} is installed in the Task Scheduler"

    def remove(self, name: str) -> str | None:
        """Delete the task."""
        if _try(["schtasks", "/Query", "/TN", _unit(name)]).returncode:
            return None
        _run(["schtasks", "/Delete", "/TN", _unit(name), "/F"])
        return f"the task {_unit(name)} was taken out of the Task Scheduler"


def own_scheduler() -> str:
    """The name of the scheduler that this system has: "systemd", "cron", "launchd" or "windows"."""
    if sys.platform == "win32":
        return "windows"
    if sys.platform == "darwin":
        return "launchd"
    try:
        runs = _try(["systemctl", "--user", "show-environment"]).returncode == 0
    except ScheduleError:
        runs = False
    return "systemd" if runs else "cron"


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as exc:
        raise ScheduleError(f"{path} cannot be written: {exc.strerror}") from exc


def _run(command: Sequence[str], given: str = "") -> None:
    """Run a program of the system's.

    Raises:
        ScheduleError: it is not there, or it failed.
    """
    run = _try(command, given)
    if run.returncode:
        said = run.stderr.strip() or run.stdout.strip() or f"exit code {run.returncode}"
        raise ScheduleError(f"{' '.join(command)}: {said}")


def _try(command: Sequence[str], given: str = "") -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
            encoding="utf-8",
            errors="surrogateescape",
            env=os.environ | {"LC_ALL": "C"},
        )
    except OSError as exc:
        raise ScheduleError(f"{command[0]} cannot be run ({exc.strerror}): choose another --with") from exc
    except subprocess.TimeoutExpired as exc:
        raise ScheduleError(f"{' '.join(command)} has not answered for {_TIMEOUT_S} s") from exc
