"""A client's course as it is written down: what happened on which day, and the time between."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, Literal

from contracts.dates import start_of
from contracts.facts import ClientMoved, CoordinatorAssigned, MeetingHeld, Payload, PlanAgreed
from services.demo.domain.figures import Figures, Municipality
from services.demo.domain.people import Person

Basis = Literal["unemployment", "service", "none"]

_OFFICE_OPENS, _OFFICE_CLOSES = 8 * 60, 16 * 60  # minutes of the day
_OFTEN_MET_DAYS: Final = 91
_CLIENTS_OF_A_COORDINATOR: Final = 75
_MOVES_A_DAY: Final = 0.02 / 365
_NEW_COORDINATORS_A_DAY: Final = 0.15 / 365
_MISSED_MEETINGS: Final = 0.12
_REVIEW_DAYS: Final = 240


@dataclass(frozen=True, slots=True)
class Window:
    """The time that the demo covers, `start` and `end` included, and the size of its authority."""

    start: date
    end: date
    clients: int
    figures: Figures

    def coordinators_of(self, municipality: Municipality) -> int:
        """Return how many coordinators a municipality has."""
        total = sum(each.jobseekers for each in self.figures.municipalities)
        return max(2, round(self.clients * municipality.jobseekers / total / _CLIENTS_OF_A_COORDINATOR))


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened at an instant, not yet an event with an id."""

    at: datetime
    data: Payload


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days `[start, end)` on one basis of benefit; `share` is the part of the full benefit that is due."""

    start: date
    end: date
    basis: Basis
    share: float = 1.0


@dataclass(slots=True)
class Course:
    """One client's life, written from its registration on. `today` is the first day not yet lived."""

    person: Person
    chance: Random
    window: Window
    today: date
    home: Municipality
    employability: float
    coordinator: str | None = None
    often_met_until: date = date.min
    next_meeting: date = date.max
    awaits_interview: bool = False
    review_by: date = date.max
    episodes: int = 0
    notes: list[Note] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    resets: list[date] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Tell whether the whole window has been lived."""
        return self.today > self.window.end

    def happens(self, day: date, data: Payload) -> None:
        """Write down what happened in office hours of `day`; what lies after the window is not known yet."""
        if day <= self.window.end:
            minutes = self.chance.randrange(_OFFICE_OPENS, _OFFICE_CLOSES)
            self.notes.append(Note(start_of(day) + timedelta(minutes=minutes), data))

    def new_name(self, kind: str) -> str:
        """Return a new name for an episode or a plan of this client."""
        self.episodes += 1
        return f"{kind}{self.person.number:05d}.{self.episodes}"

    def working_day(self, day: date) -> date:
        """Return `day`, or the Monday after a weekend."""
        return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)

    def pass_days(self, days: int, basis: Basis, share: float = 1.0) -> None:
        """Live `days` days in one state; meetings, moves and changes of coordinator fall into them."""
        until = min(self.today + timedelta(days=days), self.window.end + timedelta(days=1))
        if until > self.today:
            self.stretches.append(Stretch(self.today, until, basis, share))
            self._meet_until(until)
            self._move_until(until)
            self.today = until

    def be_assigned(self, day: date) -> None:
        """Get a coordinator of the home municipality."""
        number = self.chance.randint(1, self.window.coordinators_of(self.home))
        self.coordinator = f"{self.home.code}-{number:02d}"
        self.happens(day, CoordinatorAssigned(coordinator=self.coordinator, team=f"team-{self.home.code}"))

    def _agree_plan(self, day: date) -> None:
        """Agree on a plan; agreed again under its name, it is a review."""
        self.review_by = day + timedelta(days=_REVIEW_DAYS)
        aims_at = self.chance.choice((2, 3, 4, 5, 6, 6))
        plan = f"p{self.person.number:05d}"
        self.happens(day, PlanAgreed(plan=plan, aims_at=aims_at, review_by=self.review_by))

    def _meet(self, day: date, kind: Literal["initial", "job_search", "supplementary"]) -> None:
        channel = self.chance.choice(("office", "office", "phone", "video"))
        self.happens(day, MeetingHeld(kind=kind, channel=channel, coordinator=self.coordinator))
        days = self.chance.randint(35, 48) if day < self.often_met_until else self.chance.randint(63, 90)
        self.next_meeting = self.working_day(day + timedelta(days=days))

    def _be_interviewed(self, day: date) -> None:
        """Meet for the first time; who agrees on no plan there may do so at a later meeting."""
        self.awaits_interview = False
        self._meet(day, "initial")
        self.review_by = day + timedelta(days=7)
        if self.chance.random() < 0.7:
            self._agree_plan(day)

    def _meet_again(self, day: date) -> None:
        self._meet(day, self.chance.choice(("job_search", "job_search", "supplementary")))
        if day >= self.review_by and self.chance.random() < 0.7:
            self._agree_plan(day)

    def _meet_until(self, until: date) -> None:
        while self.next_meeting < until:
            day = max(self.next_meeting, self.today)
            if self.awaits_interview:
                self._be_interviewed(day)
            elif self.chance.random() < _MISSED_MEETINGS:
                self.next_meeting = self.working_day(day + timedelta(days=self.chance.randint(30, 80)))
            else:
                self._meet_again(day)

    def _move_until(self, until: date) -> None:
        days = (until - self.today).days
        if self.chance.random() < days * _MOVES_A_DAY:
            self._move(self.today + timedelta(days=self.chance.randrange(days)))
        elif self.coordinator and self.chance.random() < days * _NEW_COORDINATORS_A_DAY:
            self.be_assigned(self.today + timedelta(days=self.chance.randrange(days)))

    def _move(self, day: date) -> None:
        self.home = self.chance.choice([each for each in self.window.figures.municipalities if each != self.home])
        self.happens(day, ClientMoved(municipality=self.home.code))
        self.be_assigned(self.working_day(day + timedelta(days=self.chance.randint(1, 10))))


def often_met_until(registered: date) -> date:
    """Return the end of the first three months, in which meetings are close together."""
    return registered + timedelta(days=_OFTEN_MET_DAYS)
