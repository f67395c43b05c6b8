"""`phototag retag`: another model in, the library tagged anew from stored embeddings, and a summary out."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from phototag.bundle import Bundle, find_bundle
from phototag.cli import events, settings_of
from phototag.cli.changing import opened
from phototag.cli.options import (
    dry_tagging_option,
    json_lines_option,
    max_tags_option,
    min_confidence_option,
    model_option,
    no_write_option,
    quiet_option,
)
from phototag.cli.text import counted, rough_time, shown
from phototag.cli.writing import take_write_options, writing_options
from phototag.cores import usable_cores
from phototag.metadata import WriteOptions
from phototag.records import Failed, Tagged
from phototag.scan.retag import Retagged, RetagJob, retag
from phototag.settings import Settings
from phototag.vectors import VectorFile, last_pace, vectors_path

_SOME_FAILED = 1
_PLACES = {"photo": "in the photo", "sidecar": "in a sidecar", "index": "in the index only"}


@click.command("retag", short_help="Tag the library anew with another model, decoding no photo.")
@click.argument("folders", nargs=-1, type=click.Path(), metavar="[DIR...]")
@model_option
@dry_tagging_option
@no_write_option
@writing_options
@min_confidence_option
@max_tags_option
@click.option("--workers", type=click.IntRange(1), help="Threads that write [default: cores + 1].")
@json_lines_option
@quiet_option
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
    **options: Any,
) -> int:
    """Tag the library anew with another model, or a retrained one, from what scans stored: no photo is decoded.

    Goes through the photos at or below the folders DIR, or all that are known. A photo is only opened, and written, if
    its tags change. Photos whose embedding is not stored, and those that changed since the last scan, are counted: a
    scan looks at them. It is a run like any other: `phototag undo` takes it back.

    Exit code: 0 all is well, 1 some photos failed (they are listed) or none could be tagged, 3 a scan is at work.
    """
    how = take_write_options(options)
    settings = settings_of(ctx, **options)
    bundle = find_bundle(settings.model, settings.models)
    summary = _Summary(bundle.name, folders)
    if not quiet:
        click.echo(f"tagging anew with the model {bundle.name}", err=True)
    for some in _run(folders, settings, bundle, how, summary, dry_run=dry_run, write=not no_write, quiet=quiet):
        results: tuple[Tagged | Failed, ...] = (*some.tagged, *some.failed)
        for result in results:
            if as_json:
                click.echo(json.dumps(events.as_json(result, bundle.name)))
            elif isinstance(result, Failed):
                click.echo(f"{shown(result.ref.path)}: {result.reason}: {result.detail}", err=quiet)
            elif dry_run and not quiet:
                click.echo(f"{shown(result.ref.path)}: {_words(result) or 'none of these'}")
    if as_json:
        click.echo(json.dumps({"event": "summary", **summary.as_dict(), "dry_run": dry_run}))
    elif not quiet:
        click.echo("\n".join(summary.as_text(dry_run=dry_run)))
    return _SOME_FAILED if summary.failed or summary.has_nothing else 0


@dataclass(slots=True)
class _Summary:
    """Counts of a run; see `Retagged`."""

    model: str
    folders: tuple[str, ...]
    pace: float | None = None
    places: Counter[str] = field(default_factory=Counter)
    none_of_these: int = 0
    written: int = 0
    same: int = 0
    settled: int = 0
    failed: int = 0
    without_vector: int = 0
    left: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, some: Retagged) -> int:
        """Count some photos; how many they are."""
        for result in some.tagged:
            if result.decided.tags:
                self.places[result.where] += 1
            else:
                self.none_of_these += 1
            self.written += result.changed
        self.failed += len(some.failed)
        for name in ("same", "settled", "without_vector", "left"):
            setattr(self, name, getattr(self, name) + getattr(some, name))
        return len(some.tagged) + len(some.failed) + some.same + some.settled + some.without_vector + some.left

    @property
    def tagged(self) -> int:
        """How many got other words than they had."""
        return sum(self.places.values()) + self.none_of_these

    @property
    def seen(self) -> int:
        """All photos that were gone through."""
        return self.tagged + self.failed + self.same + self.settled + self.without_vector + self.left

    @property
    def has_nothing(self) -> bool:
        """Whether there are photos, and of none an embedding."""
        return self.without_vector > 0 and self.without_vector + self.left == self.seen

    def as_dict(self) -> dict[str, Any]:
        names = ("seen", "tagged", "none_of_these", "same", "settled", "failed", "without_vector", "left", "written")
        seconds = round(time.monotonic() - self.started, 2)
        return {name: getattr(self, name) for name in names} | {"tagged_in": dict(self.places), "seconds": seconds}

    def as_text(self, *, dry_run: bool) -> Iterator[str]:
        seconds = max(time.monotonic() - self.started, 1e-3)
        yield f"{counted(self.seen, 'photo')} in {seconds:.1f} s, {self.seen / seconds:,.0f} a second"
        places = ", ".join(f"{self.places[key]:,} {name}" for key, name in _PLACES.items() if self.places[key])
        would = "would be tagged anew" if dry_run else "tagged anew"
        yield f"{self.tagged:>9,} {would}" + (f" ({places})" if places else "")
        yield f"{self.same:>9,} keep their words"
        if self.settled:
            yield f"{self.settled:>9,} were tagged by this model already"
        yield f"{self.failed:>9,} failed"
        if self.left:
            yield f"{self.left:>9,} changed or gone since the last scan: a scan looks at them"
        if self.without_vector:
            yield f"{self.without_vector:>9,} without a stored embedding: {self._to_scan()}"

    def _to_scan(self) -> str:
        """What it takes to look at the photos whose embeddings are not stored."""
        where = " ".join(map(shown, self.folders)) or "DIR"
        lasts = f", about {rough_time(self.without_vector / self.pace)} at the last scan's pace" if self.pace else ""
        why = "; the model has a network that no photo was scanned with yet" if self.has_nothing else ""
        return f"`phototag scan --model {self.model} {where}` decodes them{lasts}{why}"


def _run(
    folders: tuple[str, ...],
    settings: Settings,
    bundle: Bundle,
    how: WriteOptions,
    summary: _Summary,
    *,
    dry_run: bool,
    write: bool,
    quiet: bool,
) -> Iterator[Retagged]:
    """Open what tagging anew needs, and run it."""
    from phototag.decide import Rules, decision_of

    rules = Rules(min_confidence=settings.min_confidence, max_tags=settings.max_tags)
    with ExitStack() as stack:
        index, writer = stack.enter_context(opened(settings.index, dry_run=dry_run, how=how))
        vectors = _open_vectors(settings.beside, bundle, dry_run=dry_run)
        stack.callback(vectors.close)
        summary.pace = last_pace(settings.beside)
        job = RetagJob(
            model=bundle.name,
            decision=decision_of(bundle.fingerprint, rules),
            classifier=bundle.classifier,
            rules=rules,
            vectors=vectors,
            writer=writer,
            index=index,
            workers=settings.workers or usable_cores() + 1,
            write=write,
            dry_run=dry_run,
        )
        hidden = quiet or not sys.stderr.isatty()
        total = None if folders else index.photo_count()
        bar = stack.enter_context(tqdm(total=total, unit=" photos", disable=hidden, leave=False, dynamic_ncols=True))
        for some in retag(folders, job):
            bar.update(summary.add(some))
            yield some


def _open_vectors(beside: Path, bundle: Bundle, *, dry_run: bool) -> VectorFile:
    path = vectors_path(beside, bundle.network)
    return VectorFile(path, bundle.network, readonly=dry_run or not path.exists())


def _words(result: Tagged) -> str:
    return ", ".join(f"{shown(tag.word)} {tag.score:.2f}" for tag in result.decided.tags)
