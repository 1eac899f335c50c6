"""Half-open periods of civil dates, `[start, end)`, and the pathway seen through them.

A period may be empty: what began on a day and ended on it. No day lies inside, but it is not the same as never.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from contracts.snapshots import PathwaySnapshot, StepInterval

DAY = timedelta(days=1)


class Period(NamedTuple):
    """Days from `start` until before `end`; None: without end."""

    start: date
    end: date | None

    def holds_on(self, day: date) -> bool:
        """Tell whether `day` lies inside."""
        return self.start <= day and (self.end is None or day < self.end)


def earlier(one: date | None, other: date | None) -> date | None:
    """Return the earlier of two ends, where None is never."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def within(period: Period, bounds: Iterable[Period]) -> list[Period]:
    """Return the parts of `period` that lie inside `bounds`."""
    parts = []
    for bound in bounds:
        start, end = max(period.start, bound.start), earlier(period.end, bound.end)
        if end is None or start <= end:
            parts.append(Period(start, end))
    return parts


def without(periods: Sequence[Period], gap: Period) -> list[Period]:
    """Return `periods` with the days of `gap` taken out."""
    left: list[Period] = []
    for period in periods:
        before = Period(period.start, earlier(period.end, gap.start))
        if before.end is None or before.start <= before.end:
            left.append(before)
        if gap.end is not None:
            after = Period(max(period.start, gap.end), period.end)
            if after.end is None or after.start <= after.end:
                left.append(after)
    return left


def steps_with_pending(pathway: PathwaySnapshot) -> tuple[StepInterval, ...]:
    """Return the step intervals as they will have been once every pending change has come."""
    if not pathway.pending:
        return pathway.steps
    first = pathway.pending[0].on
    steps = [
        StepInterval(held.start, earlier(held.end, first), held.step) for held in pathway.steps if held.start < first
    ]
    ends = [change.on for change in pathway.pending[1:]]
    for change, end in zip(pathway.pending, [*ends, None], strict=True):
        if change.step is not None and change.on != end:
            steps.append(StepInterval(change.on, end, change.step))
    return tuple(steps)


def registered_below(pathway: PathwaySnapshot, steps: Iterable[StepInterval], step: int) -> list[Period]:
    """Return when the client had an open spell and stood below `step`, or on no step."""
    periods = [Period(spell.start, spell.end) for spell in pathway.spells if spell.start != spell.end]
    for held in steps:
        if held.step >= step:
            periods = without(periods, Period(held.start, held.end))
    return periods


def months_after(day: date, months: int) -> date:
    """Return the day of the same number `months` later, or the last day of a month that has no such day.

    So does the act on the calculation of statutory time limits (150/1930, section 3).
    """
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
