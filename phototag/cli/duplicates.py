"""`phototag duplicates`: the library in, groups of photos that are nearly the same out, the best of each named."""

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import click
from tqdm import tqdm

from phototag.cli.options import likeness_model_option
from phototag.cli.sight import is_for_people, opened, say_what_is_missing
from phototag.cli.text import counted, rounded, shown, write_path
from phototag.sight.duplicates import THRESHOLD, Duplicate, duplicates

_NOTHING_FOUND = 1


@click.command("duplicates", short_help="Find photos that are nearly the same, and the best of each.")
@click.argument("folder", required=False, type=click.Path(), metavar="[DIR]")
@click.option(
    "--threshold",
    type=click.FloatRange(0.5, 1),
    metavar="X",
    default=THRESHOLD,
    help=f"How much alike photos must be, 0.5 to 1 [default: {THRESHOLD}].",
)
@likeness_model_option
@click.option("--paths", is_flag=True, help="The paths of all but the best of each group, a line each.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each group, the best photo first.")
@click.option("--null", "-0", "null", is_flag=True, help="As --paths, each ended by a NUL byte, for `xargs -0`.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    folder: str | None,
    threshold: float,
    model: str | None,
    paths: bool,
    as_json: bool,
    null: bool,
) -> int:
    """Find photos at or below DIR, or anywhere, that are nearly the same: copies, smaller versions, bursts.

    The best photo of each group comes first: the one with the most pixels, of several the sharpest. Nothing is deleted;
    what is to become of the others, which --paths and -0 list, is for you to say.

    Exit code: 0 some were found, 1 none.
    """
    is_for_people(paths, as_json, null)
    groups = others = 0
    with ExitStack() as stack:
        sight = stack.enter_context(opened(ctx, model))
        say_what_is_missing(sight)
        root = None if folder is None else os.path.abspath(folder)
        stored, hidden = len(sight.shelf.rows), not sys.stderr.isatty()
        total = sight.index.photo_count(root)
        if root is not None and not total:
            click.echo(f"no photo at or below {shown(root)} is in the index: `phototag scan` it first", err=True)
            return _NOTHING_FOUND
        bar = stack.enter_context(tqdm(total=total, unit=" photos", disable=hidden, leave=False, dynamic_ncols=True))

        def progress(done: int) -> None:
            bar.update(done)

        for group in duplicates(sight.index, sight.vectors, sight.shelf, root, threshold, progress):
            bar.clear()
            groups, others = groups + 1, others + len(group) - 1
            if as_json:
                print(json.dumps({"photos": [_as_dict(photo) for photo in group]}))
            elif paths or null:
                for photo in group[1:]:
                    write_path(photo.ref.path, b"\0" if null else b"\n")
            else:
                _print(group)
    if not groups and stored:
        click.echo(f"nothing found: no two photos are alike by {threshold:g} or more", err=True)
    elif not (paths or as_json or null):
        click.echo(f"{counted(groups, 'group')}, {counted(others, 'photo')} beside the best", err=True)
    return 0 if groups else _NOTHING_FOUND


def _print(group: list[Duplicate]) -> None:
    for place, photo in enumerate(group):
        size = f"{photo.facts.width} x {photo.facts.height}"
        mark, megabytes = "" if place else "best", photo.ref.size_bytes / 1e6
        print(f"{mark:4}  {size:>11}  {megabytes:6.2f} MB  {shown(photo.ref.path)}")
    print()


def _as_dict(photo: Duplicate) -> dict[str, Any]:
    return {
        "path": photo.ref.path,
        "size_bytes": photo.ref.size_bytes,
        "sharpness": rounded(photo.sharpness),
        **asdict(photo.facts),
    }
