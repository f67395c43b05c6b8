"""`phototag db export` and `import`: what the index knows out, another program's keywords in."""

import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import click

from phototag.cli import settings_of
from phototag.cli.text import counted, shown
from phototag.errors import PhotoTagError
from phototag.index import Entry, Index, open_index
from phototag.index.adopted import Adopted
from phototag.index.catalogues import open_catalogue, remap
from phototag.index.lock import scan_lock
from phototag.records import PhotoRef, Place
from phototag.walk import PHOTO_SUFFIXES

_EVERY = "is:tagged OR is:untagged"
_COLUMNS = ("path", "word", "by", "score", "model", "taken", "camera")
_NOTHING = 1
_BATCH = 500
_SHOWN_MOST = 5


@click.command("export", short_help="Write what the index knows as JSON lines or CSV.")
@click.argument("query", required=False, default="")
@click.option(
    "--format", "how", type=click.Choice(["jsonl", "csv"]), default="jsonl", help="A photo or a word a line [jsonl]."
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to [default: stdout].")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.pass_context
def export(ctx: click.Context, /, *, query: str, how: str, output: Path | None, force: bool) -> int:
    """Write what the index knows of all photos, or of those that match QUERY, in the order of their paths.

    As JSON lines: a photo a line, with its facts, tags and keywords. As CSV: a word a line.

    Exit code: 0 photos were written, 1 none matched.
    """
    if output is not None and output.exists() and not output.is_file():
        raise click.UsageError(f"{output} is no file: name one, or leave --output out for stdout")
    if output is not None and output.exists() and not force:
        raise click.UsageError(f"{output} is there already: name another file, or replace it with --force")
    with ExitStack() as stack:
        index = stack.enter_context(closing(open_index(settings_of(ctx).index, readonly=True)))
        entries = _entries(index, query or _EVERY)
        stream: TextIO = sys.stdout
        if output is not None:
            part = output.with_name(output.name + ".part")
            try:
                stream = stack.enter_context(part.open("w", encoding="utf-8", errors="backslashreplace", newline=""))
            except OSError as exc:
                raise PhotoTagError(f"{output} cannot be written: {exc.strerror}") from exc
            stack.callback(part.unlink, missing_ok=True)
        count = (_as_lines if how == "jsonl" else _as_csv)(entries, stream)
        if output is not None:
            stream.close()
            part.replace(output)
            click.echo(f"{shown(str(output))}: {counted(count, 'photo')}", err=True)
    return 0 if count else _NOTHING


@click.command("import", short_help="Take over keywords from another program's catalogue.")
@click.argument("catalogue", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option(
    "--map",
    "roots",
    multiple=True,
    metavar="OLD=NEW",
    help="Photos that FILE has below the folder OLD lie below NEW now; may be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be taken over; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@click.pass_context
def import_(ctx: click.Context, /, *, catalogue: Path, roots: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Take over the keywords in FILE: another phototag index, digiKam's digikam4.db or Lightroom's .lrcat.

    They count as your own and stand in the index; FILE and the photos are not changed. Close its program first.

    Exit code: 0 all is well, 1 no photo in FILE is there (see --map), 3 a scan is at work.
    """
    pairs = [_pair(root) for root in roots]
    own = settings_of(ctx).index
    _refuse_itself(own, catalogue)
    program, photos = open_catalogue(catalogue)
    found, missing, others, words = 0, list[str](), 0, 0
    with ExitStack() as stack:
        index = None
        if not dry_run:
            stack.enter_context(scan_lock(own))
            index = stack.enter_context(closing(open_index(own)))
        batch: list[Adopted] = []
        for listed in photos:
            place = os.path.abspath(remap(listed.path, pairs))
            if os.path.splitext(place)[1][1:].lower() not in PHOTO_SUFFIXES:
                others += 1
            elif (ref := _there(place)) is None:
                missing.append(place)
            else:
                found, words = found + 1, words + len(listed.keywords)
                batch.append(Adopted(ref, imported=listed.keywords))
            if index is not None and len(batch) == _BATCH:
                index.adopt(batch)
                batch = []
        if index is not None:
            index.adopt(batch)
    if as_json:
        summary = {"program": program, "photos": found, "keywords": words, "missing": len(missing), "others": others}
        print(json.dumps(summary))
    else:
        done = "would be taken over" if dry_run else "taken over"
        print(f"{words:,} keywords of {counted(found, 'photo')} {done} from {program}")
        if others:
            print(f"{others:,} files are no photos: left out")
        for place in missing[:_SHOWN_MOST]:
            print(f"not there: {shown(place)}")
        if missing:
            print(f"{counted(len(missing), 'photo')} not there: where the folder has moved, say --map OLD=NEW")
    return 0 if found or not missing else _NOTHING


def _entries(index: Index, query: str) -> Iterator[Entry]:
    hits = index.search(query, sort="path")
    while some := [hit.path for hit in islice(hits, _BATCH)]:
        yield from index.entries(some)  # without those that a scan has forgotten meanwhile


def _as_lines(entries: Iterator[Entry], stream: TextIO) -> int:
    count = 0
    for entry in entries:
        stream.write(json.dumps(_as_dict(entry)) + "\n")
        count += 1
    return count


def _as_csv(entries: Iterator[Entry], stream: TextIO) -> int:
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(_COLUMNS)
    count = 0
    for entry in entries:
        facts = (entry.facts.taken, entry.facts.camera) if entry.facts else (None, None)
        given: list[tuple[object, ...]] = [(word, "me", 1.0, "") for word in entry.keywords]
        given += [
            (tag.word, "phototag", tag.score, verdict.model) for verdict in entry.verdicts for tag in verdict.tags
        ]
        for word in given or [("", "", "", "")]:
            table.writerow((entry.ref.path, *word, *facts))
        count += 1
    return count


def _as_dict(entry: Entry) -> dict[str, Any]:
    facts = entry.facts
    return {
        "path": entry.ref.path,
        "size_bytes": entry.ref.size_bytes,
        "mtime_ns": entry.ref.mtime_ns,
        "sha256": entry.content_hash.hex() if entry.content_hash else None,
        "format": facts.format if facts else None,
        "width": facts.width if facts else None,
        "height": facts.height if facts else None,
        "taken": facts.taken if facts else None,
        "camera": facts.camera if facts else None,
        "lens": facts.lens if facts else None,
        "place": facts.place if facts else None,
        "tags": [
            {"word": tag.word, "score": tag.score, "broader": tag.broader, "model": verdict.model}
            for verdict in entry.verdicts
            for tag in verdict.tags
        ],
        "keywords": entry.keywords,
        "rejected": entry.rejected,
        "failure": entry.failure,
    }


def _refuse_itself(own: Place, catalogue: Path) -> None:
    if isinstance(own, Path) and own.exists() and own.samefile(catalogue):  # its words would outlast their files'
        raise click.UsageError(f"{catalogue} is the index itself: its keywords are there already")


def _pair(root: str) -> tuple[str, str]:
    old, equals, new = root.partition("=")
    if not (old and equals and new):
        raise click.UsageError(f"--map wants OLD=NEW, not {root!r}")
    return old, os.path.abspath(new)


def _there(path: str) -> PhotoRef | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return PhotoRef(path, facts.st_size, facts.st_mtime_ns)
