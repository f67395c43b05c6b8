"""`2023-07`, `last week`, `yesterday` in, the first and the last day out, as numbers such as 20230714. Pure."""

import re
from calendar import monthrange
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", re.ASCII)
_SPAN = re.compile(r"(this|last) (week|month|year)")
_BACK = re.compile(r"last (\d{1,4}) (day|week|month|year)s?", re.ASCII)
_HELP = "a date is a year, a month or a day (2023, 2023-07, 2023-07-14), or such as yesterday, last week, last 30 days"


def days_of(text: str, today: date) -> tuple[int, int]:
    """The first and the last day of what a text names.

    A year or a month without a day ends with 99, so that it can be compared without a calendar. Weeks begin on Monday
    (ISO 8601). "last week" is the whole one before this, "last 7 days" ends today. A hyphen may stand for a space.

    Raises:
        ValueError: it names no days; the message says what would.
    """
    if match := _DATE.fullmatch(text):
        year, month, day = (int(part) if part else None for part in match.groups())
        return _written(year or 0, month, day)
    words = " ".join(text.casefold().replace("-", " ").split())
    if words in ("today", "yesterday"):
        first = last = today - timedelta(days=words == "yesterday")
    elif match := _SPAN.fullmatch(words):
        first, last = _span(match[2], today, back=match[1] == "last")
    elif match := _BACK.fullmatch(words):
        first, last = _before(today, int(match[1]), match[2]) + timedelta(days=1), today
    else:
        raise ValueError(_HELP)
    return _number(first), _number(last)


def _written(year: int, month: int | None, day: int | None) -> tuple[int, int]:
    if month is not None and not 1 <= month <= 12:
        raise ValueError("there is no such month")
    if month is not None and day is not None and not 1 <= day <= monthrange(year, month)[1]:
        raise ValueError("there is no such day")
    low = year * 10_000 + (month or 0) * 100 + (day or 0)
    return low, year * 10_000 + (month or 99) * 100 + (day or 99)


def _span(unit: str, today: date, *, back: bool) -> tuple[date, date]:
    """This week, month or year, or the one before."""
    if unit == "week":
        first = today - timedelta(days=today.weekday() + 7 * back)
        return first, first + timedelta(days=6)
    if unit == "month":
        first = _before(today.replace(day=1), int(back), "month")
        return first, first.replace(day=monthrange(first.year, first.month)[1])
    year = today.year - back
    return date(year, 1, 1), date(year, 12, 31)


def _before(day: date, count: int, unit: str) -> date:
    """So many days, weeks, months or years before a day; the 31st becomes the last day of a shorter month."""
    if unit in ("day", "week"):
        return day - timedelta(days=count * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - count * (12 if unit == "year" else 1)
    if months < 12:
        return date.min
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
