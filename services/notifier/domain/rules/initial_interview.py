"""Initial interview missing: the law gives so many working days from registration. One alert per spell."""

from collections.abc import Iterator, Sequence
from datetime import date

from contracts.snapshots import PathwaySnapshot, Spell
from services.notifier.domain.findings import Finding
from services.notifier.domain.periods import DAY, Period, within
from services.notifier.domain.rulebook import InitialInterviewMissing
from services.notifier.domain.working_days import WorkingDays


def findings(
    pathway: PathwaySnapshot, population: Sequence[Period], settings: InitialInterviewMissing, calendar: WorkingDays
) -> Iterator[Finding]:
    """Yield from the day after the last day in time, by the figure in force at registration, until it is held."""
    for spell in pathway.spells:
        due = calendar.after(spell.start, settings.working_days.on(spell.start))
        missing = Period(due + DAY, _held_on(pathway, spell) or spell.end)
        if missing.end is not None and missing.end < missing.start:
            continue
        key = spell.start.isoformat()
        for part in within(missing, population):
            yield Finding(
                "initial_interview_missing", key, part.start, part.end, settings.severity,
                (f"spell:{key}", f"due:{due.isoformat()}"),
            )  # fmt: skip


def _held_on(pathway: PathwaySnapshot, spell: Spell) -> date | None:
    days = (meeting.on for meeting in pathway.meetings if meeting.kind == "initial")
    return min((day for day in days if Period(spell.start, spell.end).holds_on(day)), default=None)
