"""`phototag similar`: a photo in, those that look like it out."""

import json
import os

import click

from phototag.backbone import Backbone
from phototag.cli.options import likeness_model_option, null_option, paths_option
from phototag.cli.sight import Sight, is_for_people, opened, say_what_is_missing
from phototag.cli.text import rounded, shown, write_path
from phototag.errors import PhotoError

_NOTHING_FOUND = 1


@click.command("similar", short_help="Find the photos that look like one.")
@click.argument("photo", type=click.Path())
@click.option("--limit", type=click.IntRange(1), metavar="N", default=20, help="So many photos [default: 20].")
@likeness_model_option
@paths_option
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each photo: path, likeness.")
@null_option
@click.pass_context
def command(
    ctx: click.Context, /, *, photo: str, limit: int, model: str | None, paths: bool, as_json: bool, null: bool
) -> int:
    """Find the photos that look like PHOTO, the most alike first. It may be any photo, in the index or not.

    On a terminal each line shows how much alike the photos are, 1.00 being the same picture; in a pipe it is the path
    alone.

    Exit code: 0 photos were found, 1 none, or PHOTO cannot be read.
    """
    people = is_for_people(paths, as_json, null)
    path = os.path.abspath(photo)
    with opened(ctx, model) as sight:
        from phototag.sight.photos import vector_of
        from phototag.sight.similar import similar

        say_what_is_missing(sight)
        try:
            vector = vector_of(path, sight.index, sight.vectors, lambda: _network(sight))
        except PhotoError as exc:
            click.echo(f"{shown(path)}: {exc}", err=True)
            return _NOTHING_FOUND
        found = similar(vector, sight.index, sight.vectors, sight.shelf, limit, {path, os.path.realpath(path)})
    for one in found:
        if as_json:
            print(json.dumps({"path": one.path, "likeness": rounded(one.likeness)}))
        elif people:
            print(f"{one.likeness:4.2f}  {shown(one.path)}")
        else:
            write_path(one.path, b"\0" if null else b"\n")
    return 0 if found else _NOTHING_FOUND


def _network(sight: Sight) -> Backbone:
    from phototag.backbone import open_backbone

    return open_backbone(sight.bundle.network, sight.device)
