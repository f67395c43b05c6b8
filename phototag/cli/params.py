"""What people type in, what it means out: kinds of option values that click has not."""

import re
from typing import TYPE_CHECKING, Any

import click

from phototag.backbone import FROM_SCRATCH
from phototag.errors import ModelError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SHIPPED = ("efficientnet-lite0", "efficientnet-lite2")
"""The networks that come with phototag."""
AUGMENTS = ("flip", "crop", "rotate", "zoom", "shift", "colour")

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def duration(text: str | float) -> float:
    """The seconds in a stretch of time, such as 90s, 30m, 2h or 1h30m; a number alone is seconds."""
    typed = str(text).strip().lower()
    parts = _PART.findall(typed)
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != typed or seconds <= 0:
        raise click.BadParameter(f"{text!r} is no stretch of time: say 90s, 30m, 2h or 1h30m")
    return seconds


class Augments(click.ParamType):  # type: ignore[type-arg]  # a type argument is new in click 8.4
    """Names of what may be varied, joined by commas; `none` for nothing."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        """Read it."""
        named = frozenset() if value == "none" else frozenset(str(value).split(","))
        if unknown := sorted(named.difference(AUGMENTS)):
            self.fail(f"unknown: {', '.join(unknown)}; choose of {', '.join(AUGMENTS)}, or none", param, ctx)
        return named


class NetworkName(click.ParamType):  # type: ignore[type-arg]  # a type argument is new in click 8.4
    """The name of a network, in any case; those of Keras are looked up there, which takes seconds."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Find it."""
        typed = str(value).lower()
        if typed in (*SHIPPED, FROM_SCRATCH):
            return typed
        from phototag.backbone.networks import known_network

        try:
            return known_network(typed)
        except ModelError as exc:
            self.fail(str(exc), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Those that are known without Keras."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in (*SHIPPED, FROM_SCRATCH) if name.startswith(incomplete.lower())]
