"""`phototag doctor`: this machine in, what works, what does not and how to mend it out."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import click

from phototag.cli import settings_of
from phototag.cli.checks import State, check_all
from phototag.cli.text import shown

_SOMETHING_WRONG = 1
_SIGNS: Mapping[State, str] = {"ok": " ", "note": "-", "wrong": "!"}


@click.command("doctor", short_help="Check that everything phototag needs works here.")
@click.argument("folders", nargs=-1, type=click.Path(), metavar="[DIR]...")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each thing checked.")
@click.pass_context
def command(ctx: click.Context, /, *, folders: tuple[str, ...], as_json: bool) -> int:
    """Check that everything phototag needs works here, and say how to mend what does not.

    Python, the clock, folders and free space, the index, the model, a decoder for each format, LiteRT, TensorFlow and
    GPU; and whether the libraries DIR can be read and written.

    Exit code: 0 all that is needed works, 1 something is wrong.
    """
    wrong = False
    for check in check_all(settings_of(ctx), folders):
        wrong = wrong or check.state == "wrong"
        if as_json:
            click.echo(json.dumps(asdict(check), ensure_ascii=False))
        else:
            click.echo(f"{_SIGNS[check.state]} {check.name}: {shown(check.found)}")
            if check.mend:
                click.echo(f"    {check.mend}")
    return _SOMETHING_WRONG if wrong else 0
