"""Working days: Monday to Friday without public holidays, which come in as data."""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date, timedelta

_DAY = timedelta(days=1)
_SATURDAY = 5


class WorkingDays:
    """A calendar of working days from `first` to `last`, both included.

    Beyond that range nobody has told the holidays, and weekdays alone are counted: a date that a sender got wrong by
    a century must not stop everyone else's alerts.
    """

    def __init__(self, holidays: Iterable[date], first: date, last: date) -> None:
        """Lay out every working day once, so that counting is a look-up."""
        free = frozenset(holidays)
        days = (first + n * _DAY for n in range((last - first).days + 1))
        self._days = [day for day in days if day.weekday() < _SATURDAY and day not in free]
        self._first = first

    def after(self, day: date, count: int) -> date:
        """Return the `count`-th working day after `day`, which itself is never counted.

        So does the act on the calculation of statutory time limits (150/1930, section 2).
        """
        place = bisect_left(self._days, day + _DAY) + count - 1
        if self._first <= day and place < len(self._days):
            return self._days[place]
        return _weekday_after(day, count)


def _weekday_after(day: date, count: int) -> date:
    while count:
        day += _DAY
        count -= day.weekday() < _SATURDAY
    return day
