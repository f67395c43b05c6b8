"""What stands behind the colon of `date:2023-07` in, what to compare with out. Pure; no database here."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from phototag.index.dates import days_of
from phototag.index.numbers import SCORE_SCALE
from phototag.index.places import Circle
from phototag.index.words import fold

WORD_FIELDS = ("tag", "keyword")
"""Their values are words, as those without a field; `score:` bounds the words beside it."""

STATES = ("untagged", "tagged", "failed", "missing", "duplicate", "unsure")
GIVERS = ("me", "phototag")

_ENDLESS = 1 << 62
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?(kb|mb|gb)?", re.ASCII | re.IGNORECASE)
_TENTHS = {"kb": 0.01, "mb": 10.0, "gb": 10_000.0}
_DEGREES = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,12})?", re.ASCII)
_RADIUS = re.compile(r"(\d{1,5}(?:\.\d{1,6})?) ?(m|km|mi)", re.ASCII | re.IGNORECASE)
_METRES = {"m": 1.0, "km": 1_000.0, "mi": 1_609.344}
_AROUND_M = 1_000.0
"""`near:48.85,2.35` without a distance."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a photo is, apart from its words.

    Attributes:
        field: "date", "camera", ...
        text: what to look for, where it is a text.
        low: the least value that will do, where it is a number: 20230714 for a day, pixels, tenths of a megabyte.
        high: the largest value that will do.
        circle: where the photo must have been taken, of `near:`.
    """

    field: str
    text: str = ""
    low: int = 0
    high: int = _ENDLESS
    circle: Circle | None = None

    def __hash__(self) -> int:
        return hash(self.text or self.field)  # see `Word`


def read_fact(field: str, value: str) -> Fact:
    """Read the value of a field other than `tag:`, `keyword:` and `score:`.

    Raises:
        ValueError: it makes no sense; the message says what would.
    """
    return _READERS[field](field, value)


def takes(field: str, value: str) -> bool:
    """Whether several words make a value of a field: "last week" one of `date:`, any words where it is text."""
    try:
        if field in _READERS:
            read_fact(field, value)
        elif field == "score":
            read_scores(value)
    except ValueError:
        return False
    return True


def read_scores(value: str) -> tuple[int, int]:
    """The least and the largest score, in ten-thousandths, of `>0.8`, `0.5..0.8` or `0.9`.

    Raises:
        ValueError: as `read_fact`.
    """
    return _bounds(value, _score)


def _text(field: str, value: str) -> Fact:
    if not fold(value):
        raise ValueError("there is no letter or number in this")
    return Fact(field, value)


def _plain(field: str, value: str) -> Fact:
    return Fact(field, value)


def _path(field: str, value: str) -> Fact:
    if not os.path.isabs(value):
        raise ValueError(f"path: wants the beginning of a whole path, such as {os.path.join(os.sep, 'home', 'me')}")
    return Fact(field, value)


def _ending(field: str, value: str) -> Fact:
    ending = value.removeprefix(".").lower()
    if not ending or "." in ending or " " in ending:
        raise ValueError("ext: wants the ending of a file name, such as jpg")
    return Fact(field, ending)


def _one_of(allowed: tuple[str, ...]) -> Callable[[str, str], Fact]:
    def read(field: str, value: str) -> Fact:
        if value.lower() not in allowed:
            raise ValueError(f"{field}: is one of {', '.join(allowed)}")
        return Fact(field, value.lower())

    return read


def _range(value_of: Callable[[str], tuple[int, int]]) -> Callable[[str, str], Fact]:
    def read(field: str, value: str) -> Fact:
        low, high = _bounds(value, value_of)
        return Fact(field, low=low, high=high)

    return read


def _bounds(value: str, value_of: Callable[[str], tuple[int, int]]) -> tuple[int, int]:
    """The least and the largest number that will do, of `A`, `A..B`, `A..`, `..B`, `>A`, `>=A`, `<A` or `<=A`."""
    for sign in (">=", "<=", ">", "<"):
        if value.startswith(sign):
            low, high = value_of(value.removeprefix(sign).strip())
            return {">=": (low, _ENDLESS), "<=": (0, high), ">": (high + 1, _ENDLESS), "<": (0, low - 1)}[sign]
    first, dots, last = value.partition("..")
    if not dots:
        return value_of(first)
    if not first and not last:
        raise ValueError("a range needs a beginning or an end")
    low, high = value_of(first)[0] if first else 0, value_of(last)[1] if last else _ENDLESS
    if low > high:
        raise ValueError("this range ends before it begins: turn it round")
    return low, high


def _day(text: str) -> tuple[int, int]:
    return days_of(text, date.today())


def _near(field: str, value: str) -> Fact:
    """`48.85,2.35,10km`: degrees north, degrees east, and how far around."""
    parts = [part.strip() for part in value.split(",")]
    around = _RADIUS.fullmatch(parts[2]) if len(parts) == 3 else None
    if not 2 <= len(parts) <= 3 or not all(map(_DEGREES.fullmatch, parts[:2])) or (len(parts) == 3 and not around):
        raise ValueError("near: wants degrees north, degrees east and a distance in m, km or mi: near:48.85,2.35,10km")
    latitude, longitude = map(float, parts[:2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError("degrees north go from -90 to 90, degrees east from -180 to 180")
    radius_m = float(around[1]) * _METRES[around[2].lower()] if around else _AROUND_M
    return Fact(field, circle=Circle(latitude, longitude, radius_m))


def _pixels(text: str) -> tuple[int, int]:
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise ValueError("this wants a whole number of pixels, such as 4000 or >4000")
    return int(text), int(text)


def _tenths(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError("a size is a number of megabytes, or with a unit: 5, 0.5, 800kb, 1gb")
    tenths = round(float(match[1]) * _TENTHS[(match[2] or "mb").lower()])
    return tenths, tenths


def _score(text: str) -> tuple[int, int]:
    if not _NUMBER.fullmatch(text) or float(text) > 1:
        raise ValueError("a score is a number from 0 to 1")
    score = round(float(text) * SCORE_SCALE)
    return score, score


_READERS: dict[str, Callable[[str, str], Fact]] = {
    "by": _one_of(GIVERS),
    "path": _path,
    "folder": _plain,
    "name": _plain,
    "ext": _ending,
    "camera": _text,
    "lens": _text,
    "date": _range(_day),
    "width": _range(_pixels),
    "height": _range(_pixels),
    "size": _range(_tenths),
    "model": _text,
    "near": _near,
    "is": _one_of(STATES),
}
FIELDS = (*WORD_FIELDS, *_READERS, "score")
FIELD_VALUES: dict[str, tuple[str, ...]] = dict.fromkeys(FIELDS, ()) | {"by": GIVERS, "is": STATES}
"""Every field with the values it may have, where these are few."""
