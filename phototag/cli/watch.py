"""`phototag watch`: folders in, new photos tagged as they arrive, until it is told to stop."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from phototag.bundle import find_bundle
from phototag.cli import settings_of
from phototag.cli.log import LOG, start_log
from phototag.cli.nice import be_nice
from phototag.cli.options import (
    batch_size_option,
    device_option,
    log_file_option,
    model_option,
    nice_option,
    no_write_option,
    quiet_option,
    workers_option,
)
from phototag.cli.scan import events_of
from phototag.cli.text import counted, shown
from phototag.cli.watching import changed_folders
from phototag.cli.writing import take_write_options, writing_options
from phototag.errors import LockedError, UnreachableError
from phototag.records import Failed, Tagged, Waiting

_AT_MOST_BUSY = 0.2
"""Of its time a watch spends no more than this on scans: where looking takes long, changes are gathered longer."""

_AGAIN_S = 30
"""A server that is away is asked again after so long."""


@click.command("watch", short_help="Tag new photos as they arrive.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(), metavar="DIR...")
@model_option
@no_write_option
@writing_options
@click.option("--poll", is_flag=True, help="Look at all files again and again: for shares that tell of no changes.")
@nice_option
@device_option
@workers_option
@batch_size_option
@log_file_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    folders: tuple[str, ...],
    no_write: bool,
    poll: bool,
    nice: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Scan the folders DIR once, then tag new and changed photos as they arrive, until Ctrl-C or SIGTERM.

    A photo that is still being written is left until it is whole. Photos that go are forgotten by the next
    `phototag scan`, which may run meanwhile: the two take turns.
    """
    if nice:
        be_nice()
    how = take_write_options(options)
    settings = settings_of(ctx, **options)
    start_log(settings.log_file)
    roots = [os.path.abspath(folder) for folder in folders]
    for root in roots:
        if not os.path.isdir(root):
            raise click.UsageError(f"{root}: there is no such folder; is its disk mounted?")
    bundle = find_bundle(settings.model, settings.models)

    def tell(line: str, *, wrong: bool = False) -> None:
        LOG.info("%s", line)
        if wrong or not quiet:
            click.echo(line, err=wrong)

    def look(only: frozenset[str] | None) -> set[str]:
        """Scan; gives back the folders in which photos are still being written."""
        unfinished = set()
        for event in events_of(roots, settings, bundle, how, quiet=True, write=not no_write, only=only):
            if isinstance(event, Waiting):
                unfinished.add(os.path.realpath(os.path.dirname(event.ref.path)))
            elif isinstance(event, Failed):
                tell(f"{shown(event.ref.path)}: {event.reason}: {event.detail}", wrong=True)
            elif isinstance(event, Tagged):
                words = ", ".join(tag.word for tag in event.decided.tags)
                tell(f"{shown(event.ref.path)}: {words or 'none of these'}")
        return unfinished

    with suppress(KeyboardInterrupt):
        tell(f"watching {counted(len(roots), 'folder')} with the model {bundle.name}")
        _watch(roots, look, poll=poll, tell=tell)
    tell("stopped; what was finished is kept")
    return 0


def _watch(roots: Sequence[str], look: Any, *, poll: bool, tell: Any) -> None:
    """Look at everything once, then at what changes. What could not be looked at stays on the list."""
    changed: set[str] = set()
    everything, rested, looked, away = True, 0.0, False, False
    for folders in changed_folders(roots, poll=poll, tell=tell):
        everything = everything or folders is None
        changed |= folders or set()
        if not (everything or changed) or time.monotonic() < rested:
            continue
        began = time.monotonic()
        try:
            changed = look(None if everything else frozenset(changed))
            everything = False
        except LockedError:  # a scan is at work: its turn
            continue
        except UnreachableError as exc:
            if not looked:  # nor will it ever, perhaps
                raise
            if not away:
                tell(f"{exc}; trying again every {_AGAIN_S} s", wrong=True)
            away, rested = True, time.monotonic() + _AGAIN_S
            continue
        if away:
            tell("the index can be reached again")
        looked, away = True, False
        took = time.monotonic() - began
        rested = time.monotonic() + took * (1 / _AT_MOST_BUSY - 1)
