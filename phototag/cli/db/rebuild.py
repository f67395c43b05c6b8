"""`phototag db rebuild`: folders in, a new index of what the photos hold out; the old file kept aside."""

from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import click

from phototag.cli import settings_of
from phototag.cli.text import counted, shown
from phototag.errors import IndexFileError
from phototag.index import Index, open_index
from phototag.index.lock import scan_lock
from phototag.metadata import open_writer
from phototag.rebuild import Restored
from phototag.rebuild import rebuild as rebuilt
from phototag.records import Failed, Place

_SOME_FAILED = 1
_BESIDE = ("-wal", "-shm")


@click.command("rebuild", short_help="Make a new index from what the photos hold.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True), metavar="DIR...")
@click.pass_context
def rebuild(ctx: click.Context, /, *, folders: tuple[str, ...]) -> int:
    """Make a new index from the keywords that the photos below the folders DIR, and their sidecars, hold.

    What the old index still knows of a photo is kept, also which words are phototag's; without it all words count as
    yours. The old index stays beside the new one, under a name with the date, with its journal. No photo is changed.

    Exit code: 0 all is well, 1 some photos could not be read (they are listed), 3 a scan is at work.
    """
    path = _file(settings_of(ctx).index)
    part = path.with_name(path.name + ".rebuilding")
    photos = known = keywords = placed = 0
    failed: list[Failed] = []
    with scan_lock(path), ExitStack() as stack:
        _remove(part)
        stack.callback(_remove, part)
        old = _open_old(path)
        before = _count(old)
        new = open_index(part)
        stack.callback(new.close)
        for event in rebuilt(folders, old, new, open_writer()):
            if isinstance(event, Restored):
                photos, known = photos + 1, known + event.known
                keywords, placed = keywords + event.keywords, placed + event.placed
            else:
                failed.append(event)
        new.close()
        if old is not None:
            old.close()
        aside = _exchange(path, part)
    print(f"{shown(str(path))}: {counted(photos, 'photo')}, {keywords:,} words of yours, {placed:,} of phototag's")
    if aside is not None:
        print(f"the old index is {shown(str(aside))}")
    if before is not None and before > known:
        print(f"it knew {counted(before - known, 'photo')} more than were found there: name their folders too")
    for failure in failed:
        click.echo(f"{shown(failure.ref.path)}: {failure.reason}: {shown(failure.detail)}", err=True)
    return _SOME_FAILED if failed else 0


def _file(place: Place) -> Path:
    if isinstance(place, Path):
        return place
    raise IndexFileError(
        f"the index {place} is on a server: `pg_restore` a dump of it, or scan into an empty database; "
        "`phototag db check --repair` makes anew what a search reads"
    )


def _open_old(path: Path) -> Index | None:
    if not path.exists():
        return None
    try:
        return open_index(path, readonly=True)
    except IndexFileError as exc:
        click.echo(f"the old index is of no help: {exc}", err=True)
        return None


def _count(old: Index | None) -> int | None:
    with suppress(IndexFileError):
        return None if old is None else old.photo_count()
    return None


def _exchange(path: Path, part: Path) -> Path | None:
    """Put the new index in the old one's place; where the old one is now."""
    aside = None
    if path.exists():
        aside = path.with_name(f"{path.name}.{datetime.now():%Y%m%d-%H%M%S}")
        for end in (*_BESIDE, ""):  # a log that stayed would be taken for the new file's
            with suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    part.replace(path)
    return aside


def _remove(part: Path) -> None:
    for end in ("", *_BESIDE):
        part.with_name(part.name + end).unlink(missing_ok=True)
