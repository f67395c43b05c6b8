"""`phototag check`: labelled photos in, what is wrong with them and an exit code out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from phototag.cli import settings_of
from phototag.cli.options import device_option, labels_option
from phototag.cli.progress import LearningProgress
from phototag.cli.text import counted, shown
from phototag.cores import usable_cores
from phototag.errors import DiskError

if TYPE_CHECKING:
    from phototag.train.check import Findings

_SOME_FAILED = 1
_COPIES_SHOWN = 20


@click.command("check", short_help="Look for what is wrong with labelled photos.")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@labels_option
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page that shows the photos too.",
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    metavar="N",
    help="Name at most so many photos that may be in the wrong category.",
)
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    folder: Path,
    labels: Path | None,
    html: Path | None,
    limit: int,
    device: str | None,
    as_json: bool,
) -> int:
    """Look for what is wrong with labelled photos, before a model learns from it.

    Names photos that cannot be read, copies (also scaled, recompressed or mirrored ones) and those of them that are in
    different categories, photos that look more like another category than their own, and categories that are too small
    or too alike. Nothing is changed.

    Exit code: 0 all photos could be read, 1 some could not, 6 there are no labelled photos.
    """
    from phototag.train.check import check

    settings = settings_of(ctx, device=device)
    workers = settings.workers or usable_cores()
    with LearningProgress(visible=not as_json) as bar:
        findings = check(
            folder, labels=labels, cache=settings.cache, device=settings.device, workers=workers, progress=bar.advance
        )
    if html is not None:
        from phototag.train.report.checked import check_page

        write_page(html, check_page(findings, folder, workers=workers))
    if as_json:
        click.echo(json.dumps(findings.as_dict(), ensure_ascii=False))
    else:
        click.echo("\n".join(_report(findings, limit)))
        if html is not None:
            click.echo(f"\nThe photos are shown in {shown(str(html))}.")
    return _SOME_FAILED if findings.failed else 0


def write_page(path: Path, page: str) -> None:
    """Write a page of HTML.

    Raises:
        DiskError: it cannot be written.
    """
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as exc:
        raise DiskError(f"{path} cannot be written ({exc.strerror}): name another file") from exc


def _report(findings: "Findings", limit: int) -> Iterator[str]:
    """The findings, for people."""
    yield f"{counted(findings.photos, 'photo')} in {counted(findings.categories, 'category', 'categories')}"
    for failed in findings.failed:
        yield f"cannot be read: {shown(failed.ref.path)}: {failed.reason}"
    for group in findings.copies[:_COPIES_SHOWN]:
        how = "the same file" if group.how == "file" else "the same picture"
        where = ", in different categories" if group.torn else ""
        yield f"{how}{where}: " + ", ".join(
            f"{shown(ref.path)} ({shown(said)})" if group.torn else shown(ref.path) for ref, said in group.photos
        )
    if len(findings.copies) > _COPIES_SHOWN:
        yield f"and {counted(len(findings.copies) - _COPIES_SHOWN, 'more group')} of copies"
    for small in findings.small:
        yield f"few photos: {shown(small.name)} has {small.photos}; ten make a start"
    for pair in findings.alike:
        yield (
            f"hard to tell apart: {shown(pair.first)} and {shown(pair.second)}; "
            f"{pair.confused} of {pair.photos} look like the other"
        )
    yield from _suspects(findings, limit)


def _suspects(findings: "Findings", limit: int) -> Iterator[str]:
    sure = sum(suspect.sure for suspect in findings.suspects)
    if not findings.suspects:
        yield "No photo looks more like another category than its own."
        return
    yield ""
    yield (
        f"Probably in the wrong category: {counted(sure, 'photo')}; perhaps: {len(findings.suspects) - sure:,}. "
        "The most doubtful first:"
    )
    for suspect in findings.suspects[:limit]:
        yield (
            f"  {shown(suspect.ref.path)}: {shown(suspect.given)}, looks like {shown(suspect.looks)} "
            f"({suspect.confidence:.0%})"
        )
    if len(findings.suspects) > limit:
        yield f"  and {len(findings.suspects) - limit:,} more (--limit, --html, --json)"
