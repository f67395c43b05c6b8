"""What people type in, numbers out: kinds of option values that click has not."""

import re

import click

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
