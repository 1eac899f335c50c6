from datetime import date

import pytest

from services.notifier.domain.periods import Period, months_after, without
from services.notifier.domain.working_days import WorkingDays
from services.notifier.rulebook_file import finnish_working_days

CALENDAR = finnish_working_days()


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 2, 6), 1, date(2026, 2, 9)),  # over a weekend
        (date(2026, 2, 7), 1, date(2026, 2, 9)),  # from a Saturday
        (date(2026, 4, 2), 1, date(2026, 4, 7)),  # over Easter
        (date(2026, 4, 30), 1, date(2026, 5, 4)),  # May Day is a Friday
        (date(2026, 5, 13), 1, date(2026, 5, 15)),  # Ascension Day
        (date(2026, 6, 18), 1, date(2026, 6, 22)),  # Midsummer
        (date(2027, 12, 3), 1, date(2027, 12, 7)),  # Independence Day is a Monday
        (date(2026, 12, 23), 1, date(2026, 12, 28)),  # Christmas
        (date(2026, 12, 31), 4, date(2027, 1, 8)),  # New Year and Epiphany
    ],
)
def test_working_days_leave_out_weekends_and_finnish_holidays(day: date, count: int, expected: date) -> None:
    assert CALENDAR.after(day, count) == expected


@pytest.mark.parametrize("day", [date(1926, 4, 30), date(2126, 4, 30)])
def test_a_date_wrong_by_a_century_is_still_answered(day: date) -> None:
    assert CALENDAR.after(day, 10) > day


def test_the_end_of_the_calendar_counts_on_by_weekdays() -> None:
    calendar = WorkingDays([], date(2026, 1, 1), date(2026, 1, 9))
    assert calendar.after(date(2026, 1, 8), 2) == date(2026, 1, 12)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2025, 12, 31), 3, date(2026, 3, 31)),
        (date(2026, 8, 31), 3, date(2026, 11, 30)),
        (date(2026, 1, 15), 12, date(2027, 1, 15)),
        (date(2026, 1, 15), 0, date(2026, 1, 15)),
    ],
)
def test_months_end_on_the_same_number_or_on_the_last_day(day: date, months: int, expected: date) -> None:
    assert months_after(day, months) == expected


def test_a_gap_in_the_middle_leaves_both_sides() -> None:
    whole = [Period(date(2026, 1, 1), None)]
    assert without(whole, Period(date(2026, 2, 1), date(2026, 3, 1))) == [
        Period(date(2026, 1, 1), date(2026, 2, 1)),
        Period(date(2026, 3, 1), None),
    ]
