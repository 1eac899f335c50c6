"""Service without follow-on: so many days after a service ended nothing was begun or agreed. One alert per episode.

Another service, work or education that goes on beyond the end or begins after it is a follow-on for good, and so is a
status that says as much and the end of the registration. A referral is one until it expires unused.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Final

from contracts.codes import StatusCode
from contracts.snapshots import Dated, PathwaySnapshot, ServiceEpisode
from services.notifier.domain.findings import Finding
from services.notifier.domain.periods import DAY, Period, earlier, within, without
from services.notifier.domain.rulebook import ServiceWithoutFollowOn

_FOLLOWING: Final = frozenset(
    {StatusCode.EMPLOYED_BY_MEASURES, StatusCode.OPEN_WORK, StatusCode.IN_SERVICE, StatusCode.IN_EDUCATION}
)
"""Statuses by which the register says that the client is in work, a service or education."""


def findings(
    pathway: PathwaySnapshot, population: Sequence[Period], settings: ServiceWithoutFollowOn
) -> Iterator[Finding]:
    """Yield from when the days since the end have all passed until something follows."""
    for service in pathway.services:
        if service.end is None:
            continue
        spell = pathway.spell_on(service.end)
        if spell is None or spell.start == service.end:
            continue
        followed = earlier(_followed_on(pathway, service, service.end), spell.end)
        since = service.end + timedelta(days=settings.days.on(service.end))
        if followed is not None and followed < since:
            continue
        for part in _unless_referred(pathway, service, within(Period(since, followed), population)):
            yield Finding(
                "service_without_follow_on", service.episode, part.start, part.end, settings.severity,
                (f"service:{service.episode}", f"ended:{service.end.isoformat()}"),
            )  # fmt: skip


def _followed_on(pathway: PathwaySnapshot, service: ServiceEpisode, end: date) -> date | None:
    others: Iterator[Dated] = chain(
        (other for other in pathway.services if other.episode != service.episode),
        pathway.employments,
        pathway.educations,
    )
    episodes = (max(other.start, end) for other in others if other.start >= end or _goes_beyond(other, end))
    stated = (status.start for status in pathway.statuses if status.start >= end and status.code in _FOLLOWING)
    return min(chain(episodes, stated), default=None)


def _goes_beyond(other: Dated, end: date) -> bool:
    return other.end is None or other.end > end


def _unless_referred(pathway: PathwaySnapshot, service: ServiceEpisode, periods: list[Period]) -> list[Period]:
    for referral in pathway.referrals:
        if referral.episode != service.episode and referral.on >= service.start:
            expired = _day_after(referral.expires_on)
            if expired is None or referral.on < expired:
                periods = without(periods, Period(referral.on, expired))
    return periods


def _day_after(day: date | None) -> date | None:
    """Return the day after; None for no day, and for the last day there is, by which registers mean the same."""
    return None if day is None or day == date.max else day + DAY
