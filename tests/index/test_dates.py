"""What dates in words name, on a Wednesday."""

from datetime import date

import pytest

from phototag.index.dates import days_of

TODAY = date(2024, 3, 13)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2023", 20230000, 20239999),
        ("2023-7", 20230700, 20230799),
        ("2023-07-04", 20230704, 20230704),
        ("today", 20240313, 20240313),
        ("Yesterday", 20240312, 20240312),
        ("this week", 20240311, 20240317),
        ("last-week", 20240304, 20240310),
        ("this month", 20240301, 20240331),
        ("last month", 20240201, 20240229),
        ("last year", 20230101, 20231231),
        ("last 7 days", 20240307, 20240313),
        ("last 1 month", 20240214, 20240313),
        ("last 2 years", 20220314, 20240313),
    ],
)
def test_days_have_names(text: str, first: int, last: int) -> None:
    assert days_of(text, TODAY) == (first, last)


def test_the_last_of_a_month_goes_back_to_a_shorter_one() -> None:
    assert days_of("last 1 month", date(2023, 3, 31)) == (20230301, 20230331)
    assert days_of("last month", date(2024, 1, 31)) == (20231201, 20231231)


@pytest.mark.parametrize(
    "text", ["", "soon", "last", "last 0x days", "next week", "2023-13", "2023-07-32", "\u0662023"]
)
def test_what_names_no_days_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a date is|no such"):
        days_of(text, TODAY)


def test_a_time_before_the_calendar_begins_with_it() -> None:
    assert days_of("last 9999 years", TODAY)[0] <= 10102
    assert days_of("last 9999 weeks", TODAY)[1] == 20240313
