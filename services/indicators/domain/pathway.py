"""What is kept of a client between facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple

from contracts.codes import ExitReason, StatusCode
from contracts.envelope import SortKey
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
    Spell,
    StatusInterval,
    StepInterval,
)

START: Final = SortKey(date.min, 0, "", "", "", "")
"""Sorts before every fact."""

Closable = Literal["service", "employment", "education"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The latest stated status, as far as the step goes by it. `used`: an ended episode has used it up."""

    on: date
    code: StatusCode
    detail: str | None = None
    until: date | None = None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of an episode as stated; `how` is its outcome, of work the reason."""

    kind: Closable
    episode: str
    how: str
    qualification: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """Scores by item of the latest assessment by one instrument."""

    instrument: str
    on: date
    scores: Mapping[str, float]


class Pathway(NamedTuple):
    """The state of the fold: what snapshots tell of a client, and what later facts are judged by.

    A named tuple, because every fact makes a new one and a frozen dataclass of this many fields takes five times as
    long to copy.

    `last` is the sort key of the newest fact taken in, `seq` the highest journal number of all. `levels` are steps
    before bridge and sustained employment. `engaged` belongs to the open spell. `closings` and `exit_of_day` are ends
    and an exit of the day of `last` that found nothing open: they close, at zero length, what starts on their date.
    """

    last: SortKey = START
    seq: int = 0
    birth_year: int | None = None
    gender: str | None = None
    language: str | None = None
    education_level: str | None = None
    spells: tuple[Spell, ...] = ()
    municipalities: tuple[MunicipalityInterval, ...] = ()
    coordinators: tuple[CoordinatorInterval, ...] = ()
    statuses: tuple[StatusInterval, ...] = ()
    levels: tuple[StepInterval, ...] = ()
    services: tuple[ServiceEpisode, ...] = ()
    employments: tuple[EmploymentEpisode, ...] = ()
    educations: tuple[EducationEpisode, ...] = ()
    meetings: tuple[Meeting, ...] = ()
    plans: tuple[Plan, ...] = ()
    referrals: tuple[Referral, ...] = ()
    signs: tuple[Sign, ...] = ()
    last_activity_on: date | None = None
    engaged: bool = False
    standing: Standing | None = None
    closings: tuple[Closing, ...] = ()
    exit_of_day: ExitReason | None = None
    assessments: tuple[Assessment, ...] = ()

    @property
    def is_registered(self) -> bool:
        """Whether a spell is open."""
        return bool(self.spells) and self.spells[-1].end is None


UNKNOWN: Final = Pathway()
"""Somebody about whom no fact is known."""
