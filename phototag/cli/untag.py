"""`phototag untag`: a word in, phototag's own copies of it gone from photos, sidecars and index."""

import json
from collections import Counter
from collections.abc import Iterator

import click

from phototag.cli import settings_of
from phototag.cli.changing import opened
from phototag.cli.options import dry_run_option, json_lines_option
from phototag.cli.text import counted, shown
from phototag.records import Failed
from phototag.untag import Untagged, untag

_SOME_FAILED = 1
_PLACES = {"photo": "in the photo", "sidecar": "in a sidecar", "index": "in the index only"}


@click.command("untag", short_help="Take phototag's own words out of photos again.")
@click.argument("arguments", nargs=-1, metavar="WORD|--all [DIR]")
@click.option("--all", "every", is_flag=True, help="All of phototag's words, not one.")
@dry_run_option
@json_lines_option
@click.pass_context
def command(ctx: click.Context, /, *, arguments: tuple[str, ...], every: bool, dry_run: bool, as_json: bool) -> int:
    """Take phototag's own words out of the photos again, at or below DIR or wherever they are.

    WORD is then rejected for these photos: no scan gives it to them again. After `--all` no word is rejected, but a
    scan leaves the photos alone until they or the model change, or `--rescan` is given. Your own keywords stay, the
    same word too where you gave it. It is a run like any other: `phototag undo` takes it back.

    Exit code: 0 all is well, 1 some photos failed (they are listed) or none has the word, 3 a scan is at work.
    """
    word, root = _parse(arguments, every)
    places: Counter[str] = Counter()
    with opened(settings_of(ctx).index, dry_run=dry_run) as (index, writer):
        for event in untag(word, index, writer, root=root, dry_run=dry_run):
            places[event.where if isinstance(event, Untagged) else "failed"] += 1
            for line in _lines(event, as_json=as_json, dry_run=dry_run):
                click.echo(line)
    failed = places.pop("failed", 0)
    if as_json:
        counts = {place: places[place] for place in _PLACES}
        click.echo(json.dumps({"event": "summary", "word": word, **counts, "failed": failed, "dry_run": dry_run}))
    else:
        click.echo(_summary(word, places, failed, dry_run))
    return _SOME_FAILED if failed or not places else 0


def _parse(arguments: tuple[str, ...], every: bool) -> tuple[str | None, str | None]:
    """The word, None for all of them, and the folder."""
    rest = arguments if every else arguments[1:]
    if len(rest) > 1 or (not every and not arguments):
        raise click.UsageError("a word or --all, and at most one folder: phototag untag dog ~/Pictures")
    return None if every else arguments[0], rest[0] if rest else None


def _lines(event: Untagged | Failed, *, as_json: bool, dry_run: bool) -> Iterator[str]:
    if isinstance(event, Failed):
        if as_json:
            yield json.dumps(
                {"event": "failed", "path": event.ref.path, "reason": event.reason, "detail": event.detail}
            )
        else:
            yield f"{shown(event.ref.path)}: {event.reason}: {shown(event.detail)}"
    elif as_json:
        yield json.dumps(
            {"event": "untagged", "path": event.path, "where": event.where, "words": sorted(event.words)},
            ensure_ascii=False,
        )
    elif dry_run:
        yield f"{shown(event.path)}: {', '.join(map(shown, sorted(event.words)))}"


def _summary(word: str | None, places: Counter[str], failed: int, dry_run: bool) -> str:
    what = "phototag's words" if word is None else f'"{shown(word)}"'
    if not places and not failed:
        return f"no photo has {what} from phototag" if word is not None else "no photo has a word from phototag"
    where = ", ".join(f"{places[place]:,} {name}" for place, name in _PLACES.items() if places[place])
    done = "would be taken out of" if dry_run else "taken out of"
    end = f"; {counted(failed, 'photo')} failed" if failed else ""
    return f"{what} {done} {counted(places.total(), 'photo')}" + (f" ({where})" if where else "") + end
