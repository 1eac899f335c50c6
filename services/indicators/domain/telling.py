"""What each type of fact tells about a pathway. One function for each; the fold sees to all that they share."""

from dataclasses import replace
from datetime import date
from functools import singledispatch
from typing import TypeVar

from contracts.facts import (
    AssessmentRecorded,
    ClientExited,
    ClientMoved,
    ClientRegistered,
    CoordinatorAssigned,
    EducationEnded,
    EducationStarted,
    EmploymentChanged,
    EmploymentEnded,
    EmploymentStarted,
    MeetingHeld,
    Payload,
    PlanAgreed,
    ServiceEnded,
    ServiceReferred,
    ServiceStarted,
    StatusChanged,
)
from contracts.snapshots import (
    CoordinatorInterval,
    EducationEpisode,
    EmploymentEpisode,
    Meeting,
    MunicipalityInterval,
    Plan,
    Referral,
    ServiceEpisode,
    Sign,
    SignKind,
    Spell,
    StatusInterval,
)
from services.indicators.domain.ladder import WORK, Engaging, Ladder, Rise, Using
from services.indicators.domain.levels import without_status
from services.indicators.domain.pathway import Assessment, Closable, Closing, Pathway, Standing
from services.indicators.domain.timeline import stated

T = TypeVar("T")
E = TypeVar("E", bound=ServiceEpisode | EmploymentEpisode | EducationEpisode)


@singledispatch
def told(data: Payload, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    """Return `pathway` after a fact of the civil `day` told `data`; what it does not know changes nothing.

    The fold sees to the level of the day, the first spell and the last activity.
    """
    del data, day, ladder
    return pathway


def _with(seen: tuple[T, ...], new: T) -> tuple[T, ...]:
    return seen if new in seen else (*seen, new)


# --- who and where


@told.register
def _(data: ClientRegistered, pathway: Pathway, day: date, _ladder: Ladder) -> Pathway:
    home = MunicipalityInterval(day, None, data.municipality)
    known = pathway._replace(
        birth_year=data.birth_year or pathway.birth_year,
        gender=data.gender or pathway.gender,
        language=data.language or pathway.language,
        education_level=data.education_level or pathway.education_level,
        municipalities=stated(pathway.municipalities, day, home),
    )
    return known if known.is_registered else _registered(known, day)


def _registered(pathway: Pathway, day: date) -> Pathway:
    reason = pathway.exit_of_day
    spell = Spell(day) if reason is None else Spell(day, day, reason)
    return pathway._replace(spells=_with(pathway.spells, spell), engaged=False)


@told.register
def _(data: ClientMoved, pathway: Pathway, day: date, _ladder: Ladder) -> Pathway:
    home = MunicipalityInterval(day, None, data.municipality)
    return pathway._replace(municipalities=stated(pathway.municipalities, day, home))


@told.register
def _(data: CoordinatorAssigned, pathway: Pathway, day: date, _ladder: Ladder) -> Pathway:
    now = CoordinatorInterval(day, None, data.coordinator, data.team)
    return pathway._replace(coordinators=stated(pathway.coordinators, day, now))


@told.register
def _(data: ClientExited, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    ended = _without_services(without_status(pathway, day, ladder), day)._replace(
        spells=_ended_spells(pathway.spells, Spell(day, day, data.reason)),
        engaged=False,
    )
    return ended if _was_open_before(pathway, day) else ended._replace(exit_of_day=data.reason)


def _ended_spells(spells: tuple[Spell, ...], exit_: Spell) -> tuple[Spell, ...]:
    if not spells:  # the first fact about somebody opens a spell, and this one ends it at once
        return (exit_,)
    last = spells[-1]
    return spells if last.end else (*spells[:-1], replace(last, end=exit_.end, exit_reason=exit_.exit_reason))


def _was_open_before(pathway: Pathway, day: date) -> bool:
    return (
        (pathway.is_registered and pathway.spells[-1].start < day)
        or pathway.standing is not None
        or any(service.end is None for service in pathway.services)
    )


def _without_services(pathway: Pathway, day: date) -> Pathway:
    services = tuple(service if service.end else replace(service, end=day) for service in pathway.services)
    return pathway._replace(services=services)


# --- status


@told.register
def _(data: StatusChanged, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    holding = pathway._replace(
        standing=Standing(day, data.code, data.detail, data.until),
        statuses=stated(pathway.statuses, day, StatusInterval(day, None, data.code, data.detail)),
        employments=_left(pathway.employments, day) if data.code in ladder.statuses.ends_employment
        else pathway.employments,
    )  # fmt: skip
    is_over = data.until is not None and data.until <= day
    return without_status(holding, day, ladder) if is_over or pathway.exit_of_day else holding


def _left(employments: tuple[EmploymentEpisode, ...], day: date) -> tuple[EmploymentEpisode, ...]:
    return tuple(work if work.end else replace(work, end=day, inferred=True) for work in employments)


def _used_up(pathway: Pathway, day: date, by: Using, ladder: Ladder) -> Pathway:
    standing = pathway.standing
    if standing is None or standing.on >= day or ladder.statuses.used_up_by.get(standing.code) != by:
        return pathway
    return pathway._replace(standing=replace(standing, used=True))


# --- meetings, plans, referrals, assessments


@told.register
def _(data: MeetingHeld, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    met = pathway._replace(meetings=_with(pathway.meetings, Meeting(day, data.kind)))
    return _engaged(met, "initial_meeting", ladder) if data.kind == "initial" else met


@told.register
def _(data: PlanAgreed, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    is_new = all(plan.plan != data.plan for plan in pathway.plans)
    agreed = pathway._replace(plans=_with(pathway.plans, Plan(data.plan, day, data.review_by, data.aims_at)))
    return _engaged(_progressed(agreed, day, "plan_agreed") if is_new else agreed, "plan", ladder)


@told.register
def _(data: ServiceReferred, pathway: Pathway, day: date, _ladder: Ladder) -> Pathway:
    referral = Referral(data.episode, data.service, data.service_type, day, data.expires_on)
    return pathway._replace(referrals=_with(pathway.referrals, referral))


@told.register
def _(data: AssessmentRecorded, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    now = Assessment(data.instrument, day, data.scores)
    earlier = [one for one in pathway.assessments if one.instrument == data.instrument]
    others = tuple(one for one in pathway.assessments if one.instrument != data.instrument)
    recorded = pathway._replace(assessments=(*others, now))
    rise = ladder.assessments.get(data.instrument)
    has_risen = rise is not None and any(_risen(before, now, rise) for before in earlier)
    return _progressed(recorded, day, "assessment_risen") if has_risen else recorded


def _risen(before: Assessment, now: Assessment, rise: Rise) -> bool:
    items = sorted((before.scores.keys() & now.scores.keys()) & (rise.items or now.scores.keys()))
    gained = sum(now.scores[item] - before.scores[item] for item in items)
    return bool(items) and gained >= rise.rise * len(items)


def _engaged(pathway: Pathway, by: Engaging, ladder: Ladder) -> Pathway:
    if pathway.engaged or not pathway.is_registered or by not in ladder.base.engaged_by:
        return pathway
    return pathway._replace(engaged=True)


def _progressed(pathway: Pathway, day: date, kind: SignKind) -> Pathway:
    return pathway._replace(signs=_with(pathway.signs, Sign(day, kind)))


# --- episodes


@told.register
def _(data: ServiceStarted, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    episode = ServiceEpisode(
        data.episode, data.service, data.service_type, data.provider, day, data.project, data.planned_end
    )
    begun = _engaged(pathway._replace(services=_opened(pathway.services, episode)), "service", ladder)
    ended = _closed_at_once(begun, "service", data.episode, day, ladder)
    return _without_services(ended, day) if pathway.exit_of_day else ended


@told.register
def _(data: EmploymentStarted, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    episode = EmploymentEpisode(data.episode, data.kind, day, data.weekly_hours, data.planned_end)
    begun = pathway._replace(employments=_opened(pathway.employments, episode))
    return _closed_at_once(begun, "employment", data.episode, day, ladder)


@told.register
def _(data: EducationStarted, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    episode = EducationEpisode(data.episode, data.level, day, data.planned_end)
    begun = pathway._replace(educations=_opened(pathway.educations, episode))
    return _closed_at_once(begun, "education", data.episode, day, ladder)


@told.register
def _(data: EmploymentChanged, pathway: Pathway, day: date, _ladder: Ladder) -> Pathway:
    before = _open(pathway.employments, data.episode)
    if before is None:
        return pathway
    now = replace(before, weekly_hours=data.weekly_hours)
    changed = pathway._replace(employments=_replaced(pathway.employments, before, now))
    has_grown = before.weekly_hours is not None and data.weekly_hours > before.weekly_hours
    return _progressed(changed, day, "hours_grown") if has_grown else changed


@told.register
def _(data: ServiceEnded, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    return _closed(pathway, Closing("service", data.episode, data.outcome, data.qualification), day, ladder)


@told.register
def _(data: EmploymentEnded, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    return _closed(pathway, Closing("employment", data.episode, data.reason), day, ladder)


@told.register
def _(data: EducationEnded, pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    return _closed(pathway, Closing("education", data.episode, data.outcome, data.qualification), day, ladder)


def _open(episodes: tuple[E, ...], name: str) -> E | None:
    return next((episode for episode in episodes if episode.episode == name and episode.end is None), None)


def _replaced(episodes: tuple[E, ...], old: E, new: E) -> tuple[E, ...]:
    return tuple(new if episode is old else episode for episode in episodes)


def _opened(episodes: tuple[E, ...], new: E) -> tuple[E, ...]:
    """Open an episode; said again of one that is open, it only updates what is known of it."""
    known = _open(episodes, new.episode)
    if known is None:
        return (*episodes, new)
    return _replaced(episodes, known, replace(new, start=known.start))


def _closed_at_once(pathway: Pathway, kind: Closable, episode: str, day: date, ladder: Ladder) -> Pathway:
    for closing in pathway.closings:
        if closing.kind == kind and closing.episode == episode:
            return _closed(pathway, closing, day, ladder)
    return pathway


def _closed(pathway: Pathway, closing: Closing, day: date, ladder: Ladder) -> Pathway:
    if closing.kind == "service":
        closed = _service_closed(pathway, closing, day, ladder)
    elif closing.kind == "employment":
        closed = _employment_closed(pathway, closing, day, ladder)
    else:
        closed = _education_closed(pathway, closing, day, ladder)
    return closed or pathway._replace(closings=_with(pathway.closings, closing))


def _service_closed(pathway: Pathway, closing: Closing, day: date, ladder: Ladder) -> Pathway | None:
    service = _open(pathway.services, closing.episode)
    if service is None:
        return None
    ended = replace(service, end=day, outcome=closing.how)
    closed = pathway._replace(services=_replaced(pathway.services, service, ended))
    if closing.how == "completed":
        closed = _progressed(closed, day, "service_completed")
        if service.service_type in ladder.services.try_outs:
            closed = _progressed(closed, day, "try_out_done")
    if closing.qualification is not None:
        closed = _progressed(closed, day, "qualification_gained")
    return _used_up(closed, day, "service", ladder)


def _employment_closed(pathway: Pathway, closing: Closing, day: date, ladder: Ladder) -> Pathway | None:
    work = _open(pathway.employments, closing.episode)
    if work is None:
        return None
    ended = replace(work, end=day, reason=closing.how)
    closed = pathway._replace(employments=_replaced(pathway.employments, work, ended))
    return _used_up(closed, day, WORK[work.kind], ladder)


def _education_closed(pathway: Pathway, closing: Closing, day: date, ladder: Ladder) -> Pathway | None:
    education = _open(pathway.educations, closing.episode)
    if education is None:
        return None
    ended = replace(education, end=day, outcome=closing.how)
    closed = pathway._replace(educations=_replaced(pathway.educations, education, ended))
    if closing.how == "graduated" or closing.qualification is not None:
        closed = _progressed(closed, day, "qualification_gained")
    return _used_up(closed, day, "education", ladder)
