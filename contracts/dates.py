"""Civil dates in Finland, and their months; instants are UTC everywhere else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime

HELSINKI = ZoneInfo("Europe/Helsinki")


def civil_date(instant: datetime) -> date:
    """Return the calendar day in Finland at an aware `instant`."""
    return instant.astimezone(HELSINKI).date()


@lru_cache(10_000)  # days come again by the thousand
def start_of(day: date) -> datetime:
    """Return the UTC instant at which the civil `day` begins in Finland."""
    return datetime.combine(day, time(), HELSINKI).astimezone(UTC)


def months_before(day: date, months: int) -> date:
    """Return the first day of the month that lies `months` before that of `day`."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def months_from(first: date, last: date) -> Iterator[date]:
    """Give the first day of each month from that of `first` to that of `last`."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = months_before(month, -1)


def month_end(day: date) -> date:
    """Return the last day of the month of `day`."""
    return months_before(day, -1) - timedelta(days=1)


def as_text(instant: datetime) -> str:
    """Write an aware `instant` as RFC 3339 in UTC with microseconds, so that text order is time order."""
    in_utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")[:-6] + "Z"


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with a time zone, kept in UTC."""
