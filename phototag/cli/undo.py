"""`phototag undo`: a run's number in, its photos as they were before out."""

import json
from collections import Counter
from collections.abc import Iterator

import click

from phototag.cli import settings_of
from phototag.cli.changing import opened
from phototag.cli.options import dry_run_option
from phototag.cli.runs import described
from phototag.cli.text import shown
from phototag.index.journal import Run
from phototag.records import Failed
from phototag.undo import Undone, undo

_SOME_FAILED = 1
_WAYS = {
    "restored": "restored, bit for bit",
    "deleted": "sidecars that phototag had made, deleted",
    "words": "changed since by somebody: only phototag's words taken back",
    "index": "taken back in the index, where alone they were",
    "nothing": "already as before, or another photo by now",
}


@click.command("undo", short_help="Take back what a run did to the photos.")
@click.argument("arguments", nargs=-1, metavar="[RUN] [DIR]")
@dry_run_option
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each file, and one for the summary.")
@click.pass_context
def command(ctx: click.Context, /, *, arguments: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Take back what a run did to the photos: the last one not undone yet, or the one numbered RUN in `phototag runs`.

    Each file gets the very bytes and the time back that it had. Where somebody has changed it since, phototag's words
    are taken out and all else stays. With DIR only photos at or below that folder are undone. A scan leaves undone
    photos alone until they or the model change; `phototag scan --rescan` tags them again.

    Exit code: 0 all is well, 1 some files could not be undone (they are listed), 3 a scan is at work.
    """
    number, root = _parse(arguments)
    settings = settings_of(ctx)
    ways: Counter[str] = Counter()
    with opened(settings.index, dry_run=dry_run) as (index, writer):
        run = _choose(list(index.runs()), number)
        if run is None:
            click.echo("phototag: there is nothing to undo", err=True)
        else:
            for event in undo(run.number, index, writer, root=root, dry_run=dry_run):
                ways[event.way if isinstance(event, Undone) else "failed"] += 1
                for line in _lines(event, as_json=as_json):
                    click.echo(line)
    if as_json:
        counts = {way: ways[way] for way in (*_WAYS, "failed")}
        summary = {"event": "summary", "run": run.number if run else None, **counts, "dry_run": dry_run}
        click.echo(json.dumps(summary))
    elif run is not None:
        click.echo("\n".join(_summary(run, ways, dry_run)))
    return _SOME_FAILED if ways["failed"] else 0


def _parse(arguments: tuple[str, ...]) -> tuple[int | None, str | None]:
    """A run's number and a folder, either of which may be left out; a folder named 3 is `./3`."""
    number = None
    if arguments and arguments[0].isdecimal():
        number, arguments = int(arguments[0]), arguments[1:]
    if len(arguments) > 1:
        raise click.UsageError("at most a run's number and a folder: phototag undo 3 ~/Pictures")
    return number, arguments[0] if arguments else None


def _choose(runs: list[Run], number: int | None) -> Run | None:
    """The run to undo; None where nothing is left of it, or of any."""
    if number is None:
        return next((run for run in runs if run.left and run.undone_by is None), None)
    found = next((run for run in runs if run.number == number), None)
    if found is None:
        raise click.UsageError(f"there is no run {number}: `phototag runs` lists them")
    if found.kind == "undo":
        raise click.UsageError(f"run {number} is an undo itself: `phototag scan --rescan` tags the photos again")
    return found if found.left else None


def _lines(event: Undone | Failed, *, as_json: bool) -> Iterator[str]:
    """What is said of a single file: to people only what they would not expect."""
    if isinstance(event, Failed):
        if as_json:
            yield json.dumps(
                {"event": "failed", "path": event.ref.path, "reason": event.reason, "detail": event.detail}
            )
        else:
            yield f"{shown(event.ref.path)}: {event.reason}: {shown(event.detail)}"
    elif as_json:
        yield json.dumps({"event": "undone", "path": event.path, "way": event.way, "words": sorted(event.removed)})
    elif event.way == "words":
        words = ", ".join(map(shown, sorted(event.removed))) or "none of phototag's words were left"
        yield f"{shown(event.path)}: changed since by somebody; taken out: {words}"


def _summary(run: Run, ways: Counter[str], dry_run: bool) -> Iterator[str]:
    yield f"{described(run)} {'would be undone' if dry_run else 'undone'}:"
    yield from (f"{ways[way]:>9,} {meaning}" for way, meaning in _WAYS.items() if ways[way])
    if ways["failed"]:
        yield f"{ways['failed']:>9,} failed, left as they are"
    if not ways:
        yield "        0 files there"
