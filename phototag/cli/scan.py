"""`phototag scan`: options in, photos tagged, a summary and an exit code out."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import click

from phototag.bundle import Bundle, find_bundle
from phototag.cli import events, settings_of
from phototag.cli.later import Later
from phototag.cli.log import LOG, start_log
from phototag.cli.nice import be_nice
from phototag.cli.options import (
    batch_size_option,
    device_option,
    dry_tagging_option,
    json_lines_option,
    log_file_option,
    max_tags_option,
    min_confidence_option,
    model_option,
    nice_option,
    no_write_option,
    workers_option,
)
from phototag.cli.params import duration
from phototag.cli.progress import Progress
from phototag.cli.report import Report, Way
from phototag.cli.text import counted, rough_time, shown
from phototag.cli.writing import take_write_options, writing_options
from phototag.cores import usable_cores
from phototag.metadata import WriteOptions
from phototag.records import Event, Tagged
from phototag.settings import Settings

if TYPE_CHECKING:
    from phototag.backbone import Backbone
    from phototag.decode.safe import SafeDecoder
    from phototag.index import Index
    from phototag.metadata import MetadataWriter

_SOME_FAILED = 1
_SETTLE_S = 2.0
"""A photo whose time is not older than this may still be on its way here from another disk."""


@click.command("scan", short_help="Tag the photos in a library and remember them.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(), metavar="DIR...")
@model_option
@dry_tagging_option
@no_write_option
@writing_options
@click.option("--rescan", is_flag=True, help="Look again at photos that have not changed.")
@click.option("--retry-failed", is_flag=True, help="Look again at photos that failed and have not changed.")
@click.option("--timeout", type=duration, help="What a photo may take to decode, such as 30s [default: 60s].")
@click.option("--max-time", type=duration, help="Stop after this time, such as 2h; the next scan goes on.")
@click.option("--max-photos", type=click.IntRange(1), help="Look at no more photos than this; the next scan goes on.")
@nice_option
@min_confidence_option
@max_tags_option
@device_option
@workers_option
@batch_size_option
@log_file_option
@json_lines_option
@click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something is wrong; for cron.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    folders: tuple[str, ...],
    dry_run: bool,
    no_write: bool,
    as_json: bool,
    quiet: bool,
    nice: bool,
    max_time: float | None,
    **options: Any,
) -> int:
    """Tag the photos in a library and remember them.

    Walks the folders DIR, at any depth. JPEG, PNG, WebP and TIFF get their tags inside, as keywords that every photo
    program reads; other formats get an .xmp sidecar. Keywords that are there already stay. Photos that have not changed
    since the last scan are not read again, so that the same command may run every night.

    Exit code: 0 all is well, 1 some photos failed (they are listed), 3 another scan is at work.
    """
    until = None if max_time is None else time.monotonic() + max_time
    if nice:
        be_nice()
    how = take_write_options(options)
    bounds = {name: options.pop(name) for name in ("rescan", "retry_failed", "max_photos")} | {"until": until}
    settings = settings_of(ctx, **options)
    bundle = find_bundle(settings.model, settings.models)
    if not quiet:
        click.echo(f"tagging with the model {bundle.name}", err=True)
    start_log(settings.log_file)
    LOG.info("scan with %s: %s", bundle.name, ", ".join(map(shown, folders)))
    report = Report(dry_run=dry_run)
    with Progress(folders, visible=not quiet and not as_json and sys.stderr.isatty()) as progress:
        for event in events_of(
            folders, settings, bundle, how, dry_run=dry_run, quiet=quiet, report=report, write=not no_write, **bounds
        ):
            report.add(event)
            progress.advance(event)
            for line in _lines(event, bundle.name, as_json=as_json, dry_run=dry_run and not quiet):
                progress.write(line)
    for line in report.wrong:
        LOG.warning("%s", line)
    LOG.info("%s", report.as_line())
    if as_json:
        click.echo(json.dumps({"event": "summary", **report.as_dict()}))
    elif not quiet:
        click.echo(report.as_text())
    elif report.wrong:
        click.echo("\n".join(report.wrong), err=True)
    return _SOME_FAILED if report.failed else 0


def events_of(
    folders: Sequence[str],
    settings: Settings,
    bundle: Bundle,
    how: WriteOptions,
    *,
    quiet: bool,
    dry_run: bool = False,
    report: Report | None = None,
    **what: Any,
) -> Iterator[Event]:
    """Open what a scan needs, in the order that fails soonest, and run it; what may not be needed, when it is.

    The index comes before the network also because TensorFlow carries an SQLite without full-text search, which takes
    the place of Python's own where it is loaded first.
    """
    from phototag.backbone import open_backbone
    from phototag.decide import Rules, decision_of
    from phototag.index import is_there, open_index
    from phototag.index.lock import scan_lock
    from phototag.metadata import open_writer
    from phototag.scan import Job, scan
    from phototag.vectors import VectorFile, last_pace, vectors_path

    rules = Rules(min_confidence=settings.min_confidence, max_tags=settings.max_tags)
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(scan_lock(settings.index))
        place, path = settings.index, settings.beside
        if dry_run and not is_there(place):  # nothing is known yet, and nothing may be created
            place = path = Path(stack.enter_context(TemporaryDirectory())) / "index.sqlite"
        index = open_index(place, readonly=dry_run and place == settings.index)
        stack.callback(index.close)
        vectors = VectorFile(vectors_path(path, bundle.network), bundle.network, readonly=dry_run)
        stack.callback(vectors.close)
        if (known := index.photo_count()) and not len(vectors) and not quiet:
            click.echo(_foretell(known, last_pace(path)), err=True)
        note = None if dry_run else path.with_name(path.name + ".decoding")
        forgive = bool(what.get("retry_failed"))
        decode = Later(lambda: _open_decoder(settings.timeout, note, index, forgive=forgive))
        stack.callback(decode.close_later)
        if note is not None and note.exists():  # of a killed scan: it goes, even if there is nothing to decode
            decode.open_now()
        backbone = Later(
            lambda: open_backbone(bundle.network, settings.device, batch_size=settings.batch_size),
            network=bundle.network,
        )
        if settings.device == "gpu":
            backbone.open_now()  # who asks for a GPU wants to hear at once that there is none
        job = Job(
            model=bundle.name,
            decision=decision_of(bundle.fingerprint, rules),
            classifier=bundle.classifier,
            rules=rules,
            backbone=cast("Backbone", backbone),
            writer=cast("MetadataWriter", Later(lambda: open_writer(how))),
            index=index,
            workers=settings.workers or usable_cores() + 1,  # one of them is always waiting for the disk
            dry_run=dry_run,
            decode=decode,
            vectors=vectors,
            timeout_s=2 * settings.timeout,  # a photo that is decoded apart ends earlier, and says more
            **what,
        )
        started = datetime.now(UTC)
        yield from scan(folders, job)
        if report is not None:
            used = backbone.opened
            report.way = Way(job.workers) if used is None else Way(job.workers, used.device, used.batch_size, job.queue)
        if report is not None and not dry_run:
            index.note_scan(report.as_past(bundle.name, folders, started))


def _foretell(known: int, pace: float | None) -> str:
    """What a scan costs for which no embedding of the photos is stored: of an older phototag, or by another network."""
    lasts = f", about {rough_time(known / pace)} for {counted(known, 'known photo')}" if pace else ""
    return f"no embeddings by the model's network are stored: photos at which it has not looked are decoded{lasts}"


def _open_decoder(timeout_s: float, note: Path | None, index: "Index", *, forgive: bool) -> "SafeDecoder":
    from phototag.decode.safe import SafeDecoder
    from phototag.decode.underway import UnderWay

    if note is None:
        return SafeDecoder(timeout_s, None, _SETTLE_S)
    under_way = UnderWay(note, forgive=forgive)
    for ref in under_way.suspects():  # the scan that found it out may have been killed after the index knew it
        entry = index.entry(ref.path)
        if entry is not None and entry.failure and entry.ref == ref:
            under_way.clear(ref)
    return SafeDecoder(timeout_s, under_way, _SETTLE_S)


def _lines(event: Event, model: str, *, as_json: bool, dry_run: bool) -> Iterator[str]:
    """What an event prints on stdout: JSON for programs, and the words a dry run would write for people."""
    if as_json:
        yield json.dumps(events.as_json(event, model))
    elif dry_run and isinstance(event, Tagged):
        words = ", ".join(f"{tag.word} {tag.score:.2f}" for tag in event.decided.tags)
        yield f"{shown(event.ref.path)}: {words or 'none of these'}"
