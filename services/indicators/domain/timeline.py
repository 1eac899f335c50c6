"""Dated intervals: the one way in which anything that holds for a time is kept."""

from dataclasses import replace
from datetime import date
from typing import TypeVar

from contracts.snapshots import CoordinatorInterval, MunicipalityInterval, StatusInterval, StepInterval

V = TypeVar("V", bound=MunicipalityInterval | CoordinatorInterval | StatusInterval | StepInterval)


def stated(intervals: tuple[V, ...], day: date, value: V | None) -> tuple[V, ...]:
    """Return `intervals` after the statement "from `day` on it is `value`"; None: nothing holds any more.

    `value` is open and starts on `day`, which is not before the last start. The last statement of a day wins,
    intervals of zero length vanish, and equal neighbours are one interval.
    """
    if intervals and intervals[-1].start == day:
        intervals = intervals[:-1]
    if not intervals:
        return () if value is None else (value,)
    last = intervals[-1]
    touches = last.end is None or last.end == day
    if value is not None and touches and replace(last, start=value.start, end=None) == value:
        return intervals if last.end is None else (*intervals[:-1], replace(last, end=None))
    ended = intervals if last.end is not None else (*intervals[:-1], replace(last, end=day))
    return ended if value is None else (*ended, value)
