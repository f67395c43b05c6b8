"""What stands behind the colon of `date:2023-07` in, what to compare with out. Pure; no database here."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from phototag.index.words import fold

SCORE_SCALE = 10_000
WORD_FIELDS = ("tag", "keyword")
"""Their values are words, as those without a field; `score:` bounds the words beside it."""

STATES = ("untagged", "tagged", "failed", "duplicate", "unsure")
GIVERS = ("me", "phototag")

_ENDLESS = 1 << 62
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?(kb|mb|gb)?", re.ASCII | re.IGNORECASE)
_TENTHS = {"kb": 0.01, "mb": 10.0, "gb": 10_000.0}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a photo is, apart from its words.

    Attributes:
        field: "date", "camera", ...
        text: what to look for, where it is a text.
        low: the least value that will do, where it is a number: 20230714 for a day, pixels, tenths of a megabyte.
        high: the largest value that will do.
    """

    field: str
    text: str = ""
    low: int = 0
    high: int = _ENDLESS


def read_fact(field: str, value: str) -> Fact:
    """Read the value of a field other than `tag:`, `keyword:` and `score:`.

    Raises:
        ValueError: it makes no sense; the message says what would.
    """
    return _READERS[field](field, value)


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
    if not ending or "." in ending:
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
    return value_of(first)[0] if first else 0, value_of(last)[1] if last else _ENDLESS


def _day(text: str) -> tuple[int, int]:
    """The first and last day, as 20230714, of a day, month or year."""
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError("a date is a year, a month or a day: 2023, 2023-07 or 2023-07-14")
    year, month, day = (int(part) if part else None for part in match.groups())
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        raise ValueError("there is no such month or day")
    assert year is not None
    low, high = year * 10_000 + (month or 0) * 100 + (day or 0), year * 10_000 + (month or 99) * 100 + (day or 99)
    return low, high


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
    "date": _range(_day),
    "width": _range(_pixels),
    "height": _range(_pixels),
    "size": _range(_tenths),
    "model": _text,
    "is": _one_of(STATES),
}
FIELDS = (*WORD_FIELDS, *_READERS, "score")
