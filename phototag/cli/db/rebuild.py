"""`phototag db rebuild`: folders in, a new index of what the photos hold out; the old one kept aside."""

from contextlib import ExitStack, suppress

import click

from phototag.cli import settings_of
from phototag.cli.text import counted, shown
from phototag.errors import IndexFileError, OtherIndexError, UnreachableError
from phototag.index import Index, is_there, open_index
from phototag.index.lock import scan_lock
from phototag.index.successor import successor_of
from phototag.metadata import open_writer
from phototag.rebuild import Restored
from phototag.rebuild import rebuild as rebuilt
from phototag.records import Failed, Place

_SOME_FAILED = 1


@click.command("rebuild", short_help="Make a new index from what the photos hold.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True), metavar="DIR...")
@click.pass_context
def rebuild(ctx: click.Context, /, *, folders: tuple[str, ...]) -> int:
    """Make a new index from the keywords that the photos below the folders DIR, and their sidecars, hold.

    What the old index still knows of a photo is kept, also which words are phototag's; without it all words count as
    yours. The old index stays beside the new one, under a name with the date (on a server, in a schema with such a
    name), with its journal. No photo is changed.

    Exit code: 0 all is well, 1 some photos could not be read (they are listed), 3 a scan is at work.
    """
    place = settings_of(ctx).index
    photos = known = keywords = placed = 0
    failed: list[Failed] = []
    with scan_lock(place), successor_of(place) as successor, ExitStack() as stack:
        old = _open_old(place)
        if old is not None:
            stack.callback(old.close)
        before = _count(old)
        new = open_index(successor.place)
        stack.callback(new.close)
        for event in rebuilt(folders, old, new, open_writer()):
            if isinstance(event, Restored):
                photos, known = photos + 1, known + event.known
                keywords, placed = keywords + event.keywords, placed + event.placed
            else:
                failed.append(event)
        stack.close()
        aside = successor.take_over()
    print(f"{shown(str(place))}: {counted(photos, 'photo')}, {keywords:,} words of yours, {placed:,} of phototag's")
    if aside is not None:
        print(f"the old index is {shown(str(aside))}")
    if before is not None and before > known:
        print(f"it knew {counted(before - known, 'photo')} more than were found there: name their folders too")
    for failure in failed:
        click.echo(f"{shown(failure.ref.path)}: {failure.reason}: {shown(failure.detail)}", err=True)
    return _SOME_FAILED if failed else 0


def _open_old(place: Place) -> Index | None:
    if not is_there(place):
        return None
    try:
        return open_index(place, readonly=True)
    except OtherIndexError:  # another program's, a newer or an older phototag's: not damaged, and not to be moved away
        raise
    except UnreachableError:  # nor is one damaged whose server is away for a moment
        raise
    except IndexFileError as exc:
        click.echo(f"the old index is of no help: {exc}", err=True)
        return None


def _count(old: Index | None) -> int | None:
    with suppress(IndexFileError):
        return None if old is None else old.photo_count()
    return None
