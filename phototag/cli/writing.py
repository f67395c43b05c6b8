"""The options that say how tags are written, for every command that writes them: options in, `WriteOptions` out."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from phototag.metadata import WriteOptions

_FIELDS = ("dc", "lr", "digikam", "xp", "iptc")
_NAMES = ("fields", "sidecar", "sidecar_name", "touch")
_F = TypeVar("_F", bound=Callable[..., Any])


def writing_options(command: _F) -> _F:
    """Give a command the options `--fields`, `--sidecar`, `--sidecar-name` and `--touch`."""
    options = (
        click.option(
            "--fields",
            metavar="LIST",
            default=",".join(_FIELDS),
            callback=lambda _ctx, _option, given: _fields(given),
            help=f"Keyword fields to write, of {', '.join(_FIELDS)}; dc is one of them [default: all].",
        ),
        click.option(
            "--sidecar",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Sidecars for photos that take no tags inside, for all, or for none [default: auto].",
        ),
        click.option(
            "--sidecar-name",
            type=click.Choice(["stem", "full"]),
            default="stem",
            help="New sidecars are called IMG.xmp, or IMG.CR2.xmp [default: stem].",
        ),
        click.option("--touch", is_flag=True, help="Let the modification time of written photos change."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def take_write_options(options: dict[str, Any]) -> WriteOptions:
    """Take what `writing_options` gave out of a command's options."""
    return WriteOptions(**{name: options.pop(name) for name in _NAMES})


def _fields(given: str) -> frozenset[str]:
    """The fields in a list joined by commas."""
    fields = frozenset(name.strip() for name in given.split(","))
    if unknown := sorted(fields.difference(_FIELDS)):
        raise click.BadParameter(f"unknown: {', '.join(unknown)}; known are {', '.join(_FIELDS)}")
    if "dc" not in fields:
        raise click.BadParameter("dc must be among them: by it phototag sees which of its words still stand")
    return fields
