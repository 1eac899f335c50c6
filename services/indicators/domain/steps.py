"""From levels to steps: the bridge over short gaps in work, and sustained employment.

A *level* is the step that open episodes, status and base give on a day by themselves. The *step* looks at the whole
row of levels: a gap of at most the ladder's days counts as work once work resumes, and from the 184th day on open
employment is sustained. Both follow from the levels alone, so nothing of it is kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta

from contracts.snapshots import StepInterval
from services.indicators.domain.ladder import Sustained


def steps_of(levels: tuple[StepInterval, ...], sustained: Sustained) -> tuple[StepInterval, ...]:
    """Return the steps for a row of `levels` in order of time."""
    return tuple(part for level in _bridged(levels, sustained) for part in _matured(level, sustained))


def _bridged(levels: tuple[StepInterval, ...], sustained: Sustained) -> Iterable[StepInterval]:
    """Join stretches of work with a short gap between; what stood in the gap disappears."""
    joined: list[StepInterval] = []
    work: int | None = None  # where in `joined` the latest stretch of work stands
    for level in levels:
        if level.step == sustained.of:
            if work is not None and _is_short(joined[work].end, level.start, sustained):
                joined[work:] = [replace(joined[work], end=level.end)]
                continue
            work = len(joined)
        joined.append(level)
    return joined


def _is_short(end: date | None, start: date, sustained: Sustained) -> bool:
    return end is not None and (start - end).days <= sustained.bridge_days


def _matured(level: StepInterval, sustained: Sustained) -> Iterator[StepInterval]:
    ripe_on = level.start + timedelta(days=sustained.from_day - 1) if level.step == sustained.of else None
    if ripe_on is None or (level.end is not None and level.end <= ripe_on):
        yield level
        return
    yield replace(level, end=ripe_on)
    yield StepInterval(ripe_on, level.end, sustained.step)


def known_by(steps: tuple[StepInterval, ...], day: date) -> tuple[StepInterval, ...]:
    """Return `steps` as they stand on `day`: what begins later is left out, and what ends later is open."""
    known = tuple(step for step in steps if step.start <= day)
    if known and known[-1].end is not None and known[-1].end > day:
        return (*known[:-1], replace(known[-1], end=None))
    return known
