"""`phototag schedule`: folders and a time in, a scan that the system starts by itself out."""

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any, get_args

import click

from phototag.cli.schedulers import (
    Cron,
    Every,
    Launchd,
    ScheduleError,
    Scheduler,
    Systemd,
    Task,
    Windows,
    own_scheduler,
)
from phototag.records import Server

_SCHEDULERS: dict[str, type[Scheduler]] = {"systemd": Systemd, "cron": Cron, "launchd": Launchd, "windows": Windows}
_PATHS = {f"PHOTOTAG_{name}" for name in ("INDEX", "MODELS", "CACHE", "CONFIG", "LOG_FILE")}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_AT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def _time(given: str) -> tuple[int, int]:
    match = _AT.fullmatch(given)
    if match is None:
        raise click.BadParameter(f"{given!r} is no time of day: say 03:15")
    return int(match[1]), int(match[2])


def _name(given: str) -> str:
    if not _NAME.fullmatch(given):
        raise click.BadParameter("letters, digits and hyphens")
    return given


@click.command("schedule", short_help="Have the system start a scan every night.")
@click.argument("folders", nargs=-1, type=click.Path(), metavar="[DIR]...")
@click.option("--install", is_flag=True, help="Install it, in place of an earlier one.")
@click.option("--remove", is_flag=True, help="Take it away again.")
@click.option(
    "--at",
    type=str,
    default="03:15",
    callback=lambda *given: _time(given[2]),
    metavar="HH:MM",
    help="When to start [default: 03:15].",
)
@click.option("--every", type=click.Choice(get_args(Every)), default="day", help="How often [default: day].")
@click.option(
    "--with",
    "scheduler",
    type=click.Choice([*_SCHEDULERS]),
    help="By which of the system's schedulers [default: the one there is].",
)
@click.option("--scan-options", default="", metavar="TEXT", help="More options for the scan: '--model labeled'.")
@click.option(
    "--name",
    default="phototag",
    callback=lambda *given: _name(given[2]),
    metavar="NAME",
    help="To tell several schedules apart [default: phototag].",
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    folders: tuple[str, ...],
    install: bool,
    remove: bool,
    scheduler: str | None,
    scan_options: str,
    name: str,
    **when: Any,
) -> None:
    """Have the system start `phototag scan --quiet --nice DIR...` by itself.

    Without --install or --remove it prints what it would install and changes nothing. A systemd timer, a line in your
    crontab, a launchd agent or a task of Windows: each is your own, and needs no administrator. The settings and
    PHOTOTAG_ variables of now go with it.
    """
    if install and remove:
        raise click.UsageError("either --install or --remove")
    chosen = scheduler or own_scheduler()
    made = _SCHEDULERS[chosen]()
    if remove:
        click.echo(made.remove(name) or f"there is no schedule {name!r} with {chosen}")
        return
    hour, minute = when["at"]
    task = Task(name, _command(ctx, folders, scan_options), when["every"], hour, minute, _environment())
    if install:
        click.echo(made.install(task))
    else:
        click.echo(made.text(task), nl=False)
        click.echo(f"nothing was changed: --install puts this in its place ({chosen})", err=True)


def _command(ctx: click.Context, folders: tuple[str, ...], scan_options: str) -> list[str]:
    """The command line, all paths in full; refused here rather than at night."""
    if not folders:
        raise click.UsageError("Missing argument '[DIR]...': the folders to scan")
    from phototag.cli.scan import command as scan

    try:
        options = shlex.split(scan_options)
        scan.make_context("scan", [*options, *folders], parent=ctx.parent)
    except ValueError as exc:
        raise click.UsageError(f"--scan-options {scan_options!r}: {exc}") from exc
    script = Path(sys.executable).with_name("phototag.exe" if sys.platform == "win32" else "phototag")
    program = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "phototag"]
    own = [f"--{key.replace('_', '-')}={_in_full(str(value))}" for key, value in ctx.obj.items() if value]
    line = [*program, *own, "scan", "--quiet", "--nice", *options, "--", *map(os.path.abspath, folders)]
    for part in line:
        if any(char in part for char in "\n\r\0"):
            raise ScheduleError(f"{part!r} has a line end in its name, which no scheduler takes")
    return line


def _environment() -> dict[str, str]:
    """The variables of now that settings come from; paths in full, for the scheduler has another current folder."""
    own = {name: value for name, value in sorted(os.environ.items()) if name.startswith("PHOTOTAG_") and value}
    return {name: _in_full(os.path.expanduser(own[name])) if name in _PATHS else own[name] for name in own}


def _in_full(place: str) -> str:
    """A path in full; the URL of an index as it is, for a schedule is no place for a password."""
    if "://" not in place:
        return os.path.abspath(place)
    if str(Server(place)) != place:
        raise ScheduleError(
            f"the URL of the index {Server(place)} holds a password, which a schedule would show: keep it in ~/.pgpass"
        )
    return place
