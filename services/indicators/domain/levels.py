"""The level of a day: the step that open episodes, status and base give by themselves (domain.md section 4)."""

from datetime import date

from contracts.snapshots import StepInterval
from services.indicators.domain.ladder import Ladder
from services.indicators.domain.pathway import Pathway
from services.indicators.domain.timeline import stated


def leveled(pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    """Return `pathway` with the level that holds from `day` on."""
    level = level_of(pathway, ladder)
    if level == _last_level(pathway):
        return pathway
    now = None if level is None else StepInterval(day, None, level)
    return pathway._replace(levels=stated(pathway.levels, day, now))


def _last_level(pathway: Pathway) -> int | None:
    return pathway.levels[-1].step if pathway.levels and pathway.levels[-1].end is None else None


def without_status(pathway: Pathway, day: date, ladder: Ladder) -> Pathway:
    """Return `pathway` when from `day` on its status no longer holds."""
    ended = pathway._replace(standing=None, statuses=stated(pathway.statuses, day, None))
    return leveled(ended, day, ladder)


def level_of(pathway: Pathway, ladder: Ladder) -> int | None:
    """Return the highest step of the open episodes and, if it is later than all their starts, of the status.

    With no episode open it is the status's step, else the base of the open spell; None: off the ladder.
    """
    by_status = _step_of_status(pathway, ladder)
    episodes = _open_episodes(pathway, ladder)
    if not episodes:
        return by_status
    highest = max(step for _, step in episodes)
    latest_start = max(start for start, _ in episodes)
    if by_status is not None and pathway.standing is not None and pathway.standing.on > latest_start:
        return max(highest, by_status)
    return highest


def _open_episodes(pathway: Pathway, ladder: Ladder) -> list[tuple[date, int]]:
    found = [(s.start, ladder.services.step_of(s.service_type)) for s in pathway.services if s.end is None]
    found += [
        (work.start, ladder.employment.step_of(work.kind, work.weekly_hours))
        for work in pathway.employments
        if work.end is None
    ]
    found += [(education.start, ladder.education) for education in pathway.educations if education.end is None]
    return found


def _step_of_status(pathway: Pathway, ladder: Ladder) -> int | None:
    standing = pathway.standing
    if standing is not None and not standing.used and standing.code in ladder.statuses.steps:
        return ladder.statuses.steps[standing.code]
    if not pathway.is_registered:
        return None
    return ladder.base.engaged if pathway.engaged else ladder.base.registered
