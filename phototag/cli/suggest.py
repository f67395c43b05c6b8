"""`phototag suggest`: the library and a model in, groups of photos that are worth labelling next out."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import click
from tqdm import tqdm

from phototag.cli.album import fill_album
from phototag.cli.sight import opened, say_what_is_missing
from phototag.cli.text import counted, rounded, shown
from phototag.sight.suggest import Suggestion, suggest

_NOTHING_FOUND = 1
_REASONS = {"unsure": "unsure between", "unlike": "unlike all it has learned; nearest"}


@click.command("suggest", short_help="Say which photos are worth labelling next.")
@click.option("--limit", type=click.IntRange(1), metavar="N", default=40, help="So many photos, at most [default: 40].")
@click.option("--model", metavar="NAME", help="The model that is to learn [default: as for a scan].")
@click.option("--copy-to", type=click.Path(path_type=Path), metavar="DIR", help="Copy them there, a folder a group.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each group.")
@click.pass_context
def command(ctx: click.Context, /, *, limit: int, model: str | None, copy_to: Path | None, as_json: bool) -> int:
    """Say which photos are worth labelling next: those the model is unsure of, and those unlike all it has learned.

    They come in groups that look alike, the ones that stand for most photos first, and within a group no two that are
    nearly the same. With --copy-to they are copied into a folder for each group; give those folders the names of your
    categories, and `phototag train` learns from them.

    Exit code: 0 some were found, 1 none, or some could not be copied, 7 the disk is full.
    """
    found, left = [], 0
    with ExitStack() as stack:
        sight = stack.enter_context(opened(ctx, model))
        say_what_is_missing(sight)
        total, hidden = len(sight.shelf.rows), not sys.stderr.isatty()
        bar = stack.enter_context(tqdm(total=total, unit=" photos", disable=hidden, leave=False, dynamic_ncols=True))

        def progress(done: int) -> None:
            bar.update(done)

        groups = suggest(sight.index, sight.vectors, sight.shelf, sight.bundle.classifier, limit, progress)
        for number, group in enumerate(groups, 1):
            bar.clear()
            found.append(group)
            click.echo(json.dumps(_as_dict(group)) if as_json else "\n".join((*_lines(group), "")))
            if copy_to is not None:
                left += _copy(group, copy_to / f"{number:03}")
    if not as_json and found:
        photos = sum(len(group.paths) for group in found)
        copied = f"all but {left:,} copied" if left else "copied"
        where = "" if copy_to is None else f", {copied} to {shown(str(copy_to))}"
        click.echo(f"{counted(photos, 'photo')} in {counted(len(found), 'group')}{where}", err=True)
    return 0 if found and not left else _NOTHING_FOUND


def _lines(group: Suggestion) -> tuple[str, ...]:
    words = " and ".join(f"{shown(word)} {score:.2f}" for word, score in group.words)
    alike = f" ({counted(group.alike, 'photo')} like these)"
    return (f"{_REASONS[group.reason]} {words}{alike}", *(f"  {shown(path)}" for path in group.paths))


def _copy(group: Suggestion, folder: Path) -> int:
    """Copy a group's photos; how many could not be copied."""
    left = 0
    for path, error in fill_album(folder, group.paths, copy=True):
        if error is not None:
            left += 1
            click.echo(f"{shown(path)}: not copied: {error.strerror or error}", err=True)
    return left


def _as_dict(group: Suggestion) -> dict[str, object]:
    return {
        "reason": group.reason,
        "alike": group.alike,
        "words": [{"word": word, "score": rounded(score)} for word, score in group.words],
        "photos": list(group.paths),
    }
