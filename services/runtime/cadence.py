"""When months are published: each on the 5th of the next, as of its last day."""

from datetime import date, timedelta
from typing import Final

PUBLICATION_DAY: Final = 5
"""Day of the month on which the month before is published (cadence of the official statistics' later half)."""


def month_before(day: date) -> date:
    """Return the first day of the month before that of `day`."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def last_day(month: date) -> date:
    """Return the last day of the month of `month`."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def published_on(month: date) -> date:
    """Return the day on which `month` is published."""
    return (last_day(month) + timedelta(days=1)).replace(day=PUBLICATION_DAY)


def due_month(today: date) -> date:
    """Return the newest month that is to be published by `today`."""
    newest = month_before(today)
    return newest if published_on(newest) <= today else month_before(newest)
