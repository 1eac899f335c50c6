"""Contact gap: no meeting for so many months. One alert per last meeting.

Before the first meeting of a spell the initial interview is what is missing, and that rule speaks.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from contracts.snapshots import PathwaySnapshot
from services.notifier.domain.findings import Finding
from services.notifier.domain.periods import DAY, Period, earlier, months_after, within
from services.notifier.domain.rulebook import ContactGap

_SHORTEST_MONTH: Final = 28
"""Days by which most meetings are seen to be in time without asking the calendar."""


def findings(pathway: PathwaySnapshot, population: Sequence[Period], settings: ContactGap) -> Iterator[Finding]:
    """Yield from the day after the last day in time, by the figure in force at the meeting, until the next meeting."""
    met = sorted({meeting.on for meeting in pathway.meetings})
    for day, following in zip_longest(met, met[1:]):
        months = settings.months.on(day)
        if following is not None and (following - day).days <= months * _SHORTEST_MONTH:
            continue
        due = months_after(day, months)
        if following is not None and following <= due:
            continue
        spell = pathway.spell_on(day)
        if spell is None:
            continue
        key = day.isoformat()
        for part in within(Period(due + DAY, earlier(following, spell.end)), population):
            yield Finding(
                "contact_gap", key, part.start, part.end, settings.severity,
                (f"meeting:{key}", f"due:{due.isoformat()}"),
            )  # fmt: skip
