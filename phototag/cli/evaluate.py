"""`phototag evaluate`: a model and labelled photos in, how well it knows them and an exit code out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from phototag.bundle import find_bundle
from phototag.cli import settings_of
from phototag.cli.check import write_page
from phototag.cli.options import device_option, json_figures_option, labels_option
from phototag.cli.progress import LearningProgress
from phototag.cli.text import counted, rounded, shown
from phototag.cli.trained import category_table, complaint, summary
from phototag.cores import usable_cores

if TYPE_CHECKING:
    from phototag.train.assess import Assessment

_SOME_FAILED = 1


@click.command("evaluate", short_help="Measure a model on labelled photos.")
@click.argument("model", metavar="MODEL")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@labels_option
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page with tables, curves and the worst mistakes.",
)
@device_option
@json_figures_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    model: str,
    folder: Path,
    labels: Path | None,
    html: Path | None,
    device: str | None,
    as_json: bool,
) -> int:
    """Measure a model on labelled photos.

    MODEL is a name from `phototag models`, or a model's folder. DIR is laid out as for `train`, with a folder for each
    of the model's words; photos in folders that the model has no word for should get no tag. Nothing is changed.

    Exit code: 0 all photos could be read, 1 some could not, 6 there are no labelled photos.
    """
    from phototag.train.assess import assess

    settings = settings_of(ctx, device=device)
    bundle = find_bundle(model, settings.models)
    workers = settings.workers or usable_cores()
    with LearningProgress(visible=not as_json) as bar:
        found = assess(
            bundle,
            folder,
            labels=labels,
            cache=settings.cache,
            device=settings.device,
            workers=workers,
            progress=bar.advance,
        )
    for failed in found.failed:
        click.echo(complaint(failed), err=True)
    if html is not None:
        from phototag.train.report import model_page

        about = f"Measured on {found.evaluation.checked:,} photos in {folder.resolve()}."
        write_page(html, model_page(bundle, found.answers, found.evaluation, about=about, workers=workers))
    if as_json:
        failures = [{"path": one.ref.path, "reason": one.reason, "detail": one.detail} for one in found.failed]
        figures = {key: rounded(value) for key, value in found.as_dict().items()}
        click.echo(json.dumps({"model": bundle.name, **figures, "failed": failures}, ensure_ascii=False))
    else:
        click.echo("\n".join(_report(found)))
        if html is not None:
            click.echo(f"\nMore is shown in {shown(str(html))}.")
    return _SOME_FAILED if found.failed else 0


def _report(found: "Assessment") -> Iterator[str]:
    """The figures, for people."""
    yield from category_table(found.evaluation)
    yield ""
    yield f"Checked with {counted(found.evaluation.checked, 'photo')}."
    if found.foreign:
        yield f"Of these, {counted(found.foreign, 'photo')} without anything it has a word for: right without a tag."
    if found.seen:
        yield f"The model has learned from {counted(found.seen, 'photo')} of these, which flatters the figures."
    yield from summary(found.evaluation)
