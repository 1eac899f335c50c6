"""What a pathway tells the other rooms: dated intervals up to its newest fact, and what is still to come by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from contracts.snapshots import PathwaySnapshot, PendingChange, StepInterval, holding_on
from services.indicators.domain.ladder import Ladder
from services.indicators.domain.levels import without_status
from services.indicators.domain.pathway import Pathway
from services.indicators.domain.steps import known_by, steps_of


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose pathway it is."""

    authority: str
    client: str


def snapshot_of(pathway: Pathway, owner: Owner, revision: int, ladder: Ladder) -> PathwaySnapshot:
    """Return the snapshot of `pathway`: changes due by the day of its newest fact are applied, later ones pending."""
    as_of = pathway.last.day
    standing = pathway.standing
    ending_on = standing.until if standing else None
    last = without_status(pathway, ending_on, ladder) if ending_on else pathway
    told = last if ending_on and ending_on <= as_of else pathway
    steps = steps_of(last.levels, ladder.sustained)
    return PathwaySnapshot(
        owner.authority,
        owner.client,
        revision,
        as_of,
        pathway.seq,
        ladder.rules,
        birth_year=pathway.birth_year,
        gender=pathway.gender,
        language=pathway.language,
        education_level=pathway.education_level,
        spells=pathway.spells,
        municipalities=pathway.municipalities,
        coordinators=pathway.coordinators,
        statuses=told.statuses,
        steps=known_by(steps, as_of),
        services=pathway.services,
        employments=pathway.employments,
        educations=pathway.educations,
        meetings=pathway.meetings,
        plans=pathway.plans,
        referrals=pathway.referrals,
        signs=pathway.signs,
        pending=tuple(_pending(told, steps, as_of)),
        last_activity_on=pathway.last_activity_on,
    )


def _pending(pathway: Pathway, steps: tuple[StepInterval, ...], as_of: date) -> Iterator[PendingChange]:
    standing = pathway.standing
    until = standing.until if standing else None
    days = _change_days(steps, as_of)
    if until is not None and until > as_of:
        days.add(until)
    for day in sorted(days):
        step = holding_on(steps, day)
        holds = standing if standing and (until is None or day < until) else None
        yield PendingChange(
            day, step.step if step else None, holds.code if holds else None, holds.detail if holds else None
        )


def _change_days(steps: tuple[StepInterval, ...], after: date) -> set[date]:
    late = [step for step in steps if step.end is None or step.end > after]
    return {day for step in late for day in (step.start, step.end) if day is not None and day > after}
