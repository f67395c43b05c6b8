"""Lines in, on a terminal as fits it out: its width, its colours, its pager."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def width_of(text: str) -> int:
    """Columns that a terminal needs for a text without control characters."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # its tables take some milliseconds, and few texts need them

    return max(0, wcswidth(text))


def columns() -> int:
    """How wide the terminal is."""
    return shutil.get_terminal_size().columns


def color_option(command: _Command) -> _Command:
    """Give a command `--color` and `--no-color`; without them there are colours on a terminal that wants them."""
    return click.option(
        "--color/--no-color",
        default=None,
        expose_value=False,
        is_eager=True,
        callback=_choose_color,
        help="Colours, or none [default: on a terminal, unless NO_COLOR is set].",
    )(command)


def page(lines: Iterator[str], *, paged: bool) -> None:
    """Print lines, by the reader's pager where they are more than a terminal shows at once.

    Args:
        lines: without their ends; no more of them is made than the reader looks at.
        paged: whether the pager may be used.
    """
    first = list(islice(lines, shutil.get_terminal_size().lines)) if paged and sys.stdin.isatty() else []
    if first and len(first) == shutil.get_terminal_size().lines:
        click.echo_via_pager(f"{line}\n" for line in chain(first, lines))
        return
    for line in chain(first, lines):
        click.echo(line)


def wants_color(environment: Mapping[str, str]) -> bool | None:
    """What the environment says of colours: False or nothing (https://no-color.org)."""
    return False if environment.get("NO_COLOR") or environment.get("TERM") == "dumb" else None


def _choose_color(ctx: click.Context, _param: click.Parameter, value: bool | None) -> None:
    ctx.color = wants_color(os.environ) if value is None else value
