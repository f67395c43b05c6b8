"""`phototag db info`, `check`, `vacuum` and `backup`: the index in, what it holds, or a copy, out."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from phototag.cli import settings_of
from phototag.cli.params import duration
from phototag.cli.text import counted, shown
from phototag.index import care, open_index
from phototag.index.checking import check as check_index
from phototag.index.lock import scan_lock
from phototag.records import Place, Server

_DAMAGED = 1


@click.command("info", short_help="Say what the index holds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def info(ctx: click.Context, /, *, as_json: bool) -> None:
    """Say where the index is, what it holds, and how large it is."""
    settings = settings_of(ctx)
    found = care.describe(settings.index, settings.beside)
    if as_json:
        print(json.dumps(asdict(found)))
        return
    free = found.free_bytes
    rows = [
        ("index", shown(found.path)),
        ("schema", f"version {found.version}"),
        ("photos", f"{found.photos:,} in {counted(found.folders, 'folder')}, {found.failed:,} failed"),
        ("words", f"{found.words:,}"),
        ("runs", f"{found.runs:,}, with {_size(found.journal_bytes)} to take them back"),
        ("size", _size(found.size_bytes) + ("" if free is None else f", {_size(free)} of it free")),
    ]
    if found.log_bytes is not None:
        rows.append(("write-ahead log", _size(found.log_bytes) if found.log_bytes else "none"))
    rows += [("beside it", f"{shown(name)}, {_size(size)}") for name, size in found.beside]
    for model in found.models:
        rows.append(("model", f"{shown(model.name)}: {counted(model.photos, 'photo')}, last {model.latest[:10]}"))
    for name, value in rows:
        print(f"{name:<16} {value}")


@click.command("check", short_help="Look for damage in the index.")
@click.option("--repair", is_flag=True, help="Make what a search reads anew, where that is what is wrong.")
@click.pass_context
def check(ctx: click.Context, /, *, repair: bool) -> int:
    """Look for damage in the index: in the file, and where two parts of it do not say the same.

    A scan may be at work meanwhile.

    Exit code: 0 it is whole, 1 something is wrong (and was not repaired).
    """
    path = settings_of(ctx).index
    wrong = 0
    for line in check_index(path, repair=repair):
        wrong += 1
        print(shown(line))
    if wrong and repair:
        left = list(check_index(path))
        if not left:
            print(f"{shown(str(path))} is repaired")
            return 0
    if wrong:
        print(
            "`phototag db check --repair` puts right what a search reads; `phototag db rebuild DIR` makes a new index"
        )
        return _DAMAGED
    print(f"{shown(str(path))} is whole")
    return 0


@click.command("vacuum", short_help="Make the index's file as small as it can be.")
@click.option(
    "--keep-undo",
    type=duration,
    metavar="TIME",
    help="First forget how to take back runs older than this, such as 365d, for good [default: keep all].",
)
@click.pass_context
def vacuum(ctx: click.Context, /, *, keep_undo: float | None) -> None:
    """Write the index anew without holes: as small as it can be. Needs room for a second copy, and no scan at work.

    With --keep-undo 365d, `phototag undo` can take back only what was done within the last year: the journal of what
    went before is dropped. Photos, tags and what `phototag runs` lists stay.
    """
    path = settings_of(ctx).index
    with scan_lock(path):
        if keep_undo is not None:
            runs, files = _forget(path, int(time.time() - keep_undo))
            print(f"forgotten how to take back: {counted(runs, 'run')}, {counted(files, 'file')}")
            if isinstance(path, Server):  # which gives the room to others by itself
                return
        before, after = care.vacuum(path)
    print(f"{shown(str(path))}: {_size(before)} before, {_size(after)} now")


@click.command("backup", short_help="Copy the index, also while a scan is at work.")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace TARGET if it is there.")
@click.pass_context
def backup(ctx: click.Context, /, *, target: Path, force: bool) -> None:
    """Copy the index to the file TARGET, as of one moment, also while a scan is at work.

    The copy is an index itself: `phototag --index TARGET search dog`.
    """
    size = care.backup(settings_of(ctx).index, target, replace=force)
    print(f"{shown(str(target))}: {_size(size)}")


def _forget(place: Place, before_s: int) -> tuple[int, int]:
    open_index(place, readonly=True).close()  # one that is not there is not made
    index = open_index(place)
    try:
        return index.forget_writes(before_s)
    finally:
        index.close()


def _size(size_bytes: int) -> str:
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1_000:.1f} kB" if size_bytes >= 1_000 else f"{size_bytes} bytes"
    return f"{size_bytes / 1_000_000:,.1f} MB"
