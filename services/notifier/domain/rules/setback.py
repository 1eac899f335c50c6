"""Setback: a fall from supported work or higher, or work that ended early.

One alert per work episode, else step interval. It speaks once the bridge (the gap that the ladder forgives when work
resumes) has passed, and until the next meeting, plan or higher step, or for so many days at most. Its population is
everyone, with an open registration or not.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import chain, pairwise
from typing import NamedTuple

from contracts.snapshots import Dated, EmploymentEpisode, PathwaySnapshot, StepInterval
from services.notifier.domain.findings import Finding
from services.notifier.domain.periods import DAY, Period, earlier
from services.notifier.domain.rulebook import Setback


class _Fall(NamedTuple):
    on: date
    step: int
    key: str
    reason: str


def findings(pathway: PathwaySnapshot, steps: Sequence[StepInterval], settings: Setback) -> Iterator[Finding]:
    """Yield one finding per fall that no meeting, plan or higher step answered before the bridge had passed."""
    for fall in _falls(pathway, steps, settings):
        since = fall.on + timedelta(days=settings.bridge_days.on(fall.on)) + DAY
        longest = since + timedelta(days=settings.open_days.on(fall.on))
        until = earlier(_answered_on(pathway, steps, fall), longest)
        if until is None or since <= until:
            yield Finding(
                "setback", fall.key, since, until, settings.severity, (fall.reason, f"fell:{fall.on.isoformat()}")
            )


def _falls(pathway: PathwaySnapshot, steps: Sequence[StepInterval], settings: Setback) -> Iterator[_Fall]:
    seen: set[date] = set()
    for held, lower in pairwise(steps):
        if held.end == lower.start and _is_fall(held, lower, steps, settings):
            seen.add(lower.start)
            yield _fall(pathway, lower.start, lower.step, f"{held.step}@{held.start.isoformat()}")
    for work in pathway.employments:
        end = work.end
        if end is not None and end not in seen and _ended_early(work, end, pathway, steps, settings):
            seen.add(end)
            yield _fall(pathway, end, _step_on(steps, end), "")


def _is_fall(held: StepInterval, lower: StepInterval, steps: Sequence[StepInterval], settings: Setback) -> bool:
    day = lower.start
    if held.step <= lower.step or held.step < settings.from_step.on(day):
        return False
    bridge = day + timedelta(days=settings.bridge_days.on(day))
    return not any(day < step.start <= bridge and step.step >= held.step for step in steps)


def _ended_early(
    work: EmploymentEpisode, end: date, pathway: PathwaySnapshot, steps: Sequence[StepInterval], settings: Setback
) -> bool:
    if not DAY <= end - work.start < timedelta(days=settings.work_days.on(end)):
        return False
    bridge = end + timedelta(days=settings.bridge_days.on(end))
    others = (other for other in pathway.employments if other.episode != work.episode and other.start != other.end)
    high = (held for held in steps if held.step >= settings.from_step.on(end))
    went_on: Iterator[Dated] = chain(others, high)
    return not any(held.start <= bridge and (held.end is None or held.end > end) for held in went_on)


def _fall(pathway: PathwaySnapshot, day: date, step: int, interval: str) -> _Fall:
    ended = [work for work in pathway.employments if work.end == day and work.start != day]
    if not ended:
        return _Fall(day, step, interval, f"step:{interval}")
    episode = max(ended, key=lambda work: (work.start, work.episode)).episode
    return _Fall(day, step, episode, f"employment:{episode}")


def _step_on(steps: Sequence[StepInterval], day: date) -> int:
    """Return the step on `day`, or one below the lowest where there is none."""
    return next((held.step for held in steps if Period(held.start, held.end).holds_on(day)), -1)


def _answered_on(pathway: PathwaySnapshot, steps: Sequence[StepInterval], fall: _Fall) -> date | None:
    days = chain(
        (meeting.on for meeting in pathway.meetings if meeting.on >= fall.on),
        (plan.on for plan in pathway.plans if plan.on >= fall.on),
        (held.start for held in steps if held.start > fall.on and held.step > fall.step),
    )
    return min(days, default=None)
