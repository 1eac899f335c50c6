"""Service without follow-on: so many days after a service ended nothing was begun or agreed. One alert per episode.

Another service, work or education that goes on beyond the end or begins after it is a follow-on for good, and so is a
status that says as much and the end of the registration. A referral is one until it expires unused.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from contracts.codes import StatusCode
from contracts.snapshots import PathwaySnapshot, ServiceEpisode
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
    stays = list(_stays(pathway))
    for service in pathway.services:
        if service.end is None:
            continue
        since = service.end + timedelta(days=settings.days.on(service.end))
        followed = _followed_on(stays, service.episode, service.end)
        spell = pathway.spell_on(service.end) if followed is None or followed >= since else None
        if spell is None or spell.start == service.end:
            continue
        until = earlier(followed, spell.end)
        if until is not None and until < since:
            continue
        for part in _unless_referred(pathway, service, within(Period(since, until), population)):
            yield Finding(
                "service_without_follow_on", service.episode, part.start, part.end, settings.severity,
                (f"service:{service.episode}", f"ended:{service.end.isoformat()}"),
            )  # fmt: skip


class _Stay(NamedTuple):
    """A time in something, however stated; `service` is the episode where it is a service."""

    start: date
    end: date | None
    service: str | None


def _stays(pathway: PathwaySnapshot) -> Iterator[_Stay]:
    yield from (_Stay(one.start, one.end, one.episode) for one in pathway.services)
    yield from (_Stay(one.start, one.end, None) for one in pathway.employments)
    yield from (_Stay(one.start, one.end, None) for one in pathway.educations)
    # A status says when something began; whether it still holds after an end is for the ladder to say, so it is empty.
    yield from (_Stay(one.start, one.start, None) for one in pathway.statuses if one.code in _FOLLOWING)


def _followed_on(stays: Sequence[_Stay], episode: str, end: date) -> date | None:
    """Return the first day from `end` on of a stay other than `episode` that goes on beyond it or begins after it."""
    first: date | None = None
    for stay in stays:
        if stay.service != episode and (stay.start >= end or stay.end is None or stay.end > end):
            first = earlier(first, max(stay.start, end))
            if first == end:
                break
    return first


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
