"""The ladder that a dated rule file describes: which step each episode, status and wait stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from contracts.codes import StatusCode

EmploymentKind = Literal["open", "subsidised", "start_up_grant", "self_employed"]
Engaging = Literal["initial_meeting", "plan", "service"]
Using = Literal["supported_work", "open_work", "education", "service"]

WORK: Final[Mapping[EmploymentKind, Using]] = {
    "open": "open_work", "self_employed": "open_work", "subsidised": "supported_work",
    "start_up_grant": "supported_work",
}  # fmt: skip
"""Which statuses an ended piece of work uses up."""


class LadderError(ValueError):
    """A ladder file cannot be used; the text names the field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step and what people call it."""

    step: int
    fi: str
    sv: str
    en: str


@dataclass(frozen=True, slots=True)
class Base:
    """Where a registered client stands with nothing open: before and after what engages."""

    registered: int
    engaged: int
    engaged_by: frozenset[Engaging]


@dataclass(frozen=True, slots=True)
class ServiceSteps:
    """Step by type of service; `otherwise` for a type not listed."""

    steps: Mapping[str, int]
    otherwise: int
    try_outs: frozenset[str]

    def step_of(self, service_type: str) -> int:
        """Return the step of an open service."""
        return self.steps.get(service_type, self.otherwise)


@dataclass(frozen=True, slots=True)
class EmploymentSteps:
    """Step by kind of work; work of the kinds `hours_asked_of` with fewer `weekly_hours` stands on `below`."""

    steps: Mapping[EmploymentKind, int]
    weekly_hours: float
    hours_asked_of: frozenset[EmploymentKind]
    below: int

    def step_of(self, kind: EmploymentKind, weekly_hours: float | None) -> int:
        """Return the step of open work; unknown hours count as enough."""
        if weekly_hours is not None and weekly_hours < self.weekly_hours and kind in self.hours_asked_of:
            return self.below
        return self.steps[kind]


@dataclass(frozen=True, slots=True)
class StatusSteps:
    """Step by employment code; a code not listed stands on the base."""

    steps: Mapping[StatusCode, int]
    used_up_by: Mapping[StatusCode, Using]
    ends_employment: frozenset[StatusCode]


@dataclass(frozen=True, slots=True)
class Sustained:
    """From the `from_day`th day of step `of` on it is `step`; gaps of at most `bridge_days` days do not interrupt."""

    step: int
    of: int
    from_day: int
    bridge_days: int


@dataclass(frozen=True, slots=True)
class Rise:
    """By how much the mean of `items` (empty: all) must rise to show progress."""

    items: frozenset[str]
    rise: float


@dataclass(frozen=True, slots=True)
class Ladder:
    """A whole ladder file. `rules` is the hash of what it was read from, and of this fold.

    Raises LadderError for a step that is not one of `steps`, and for lengths of time that cannot be.
    """

    name: str
    valid_from: date
    source: str
    steps: tuple[Step, ...]
    base: Base
    services: ServiceSteps
    education: int
    employment: EmploymentSteps
    statuses: StatusSteps
    sustained: Sustained
    assessments: Mapping[str, Rise]
    rules: str = ""

    def __post_init__(self) -> None:
        known = [step.step for step in self.steps]
        if known != list(range(len(known))) or not known:
            raise LadderError("steps: must be numbered 0, 1, 2 and so on, without a gap")
        for field, step in self._named_steps():
            if step not in known:
                raise LadderError(f"{field}: {step} is not one of the steps")
        self._check_lengths()

    def _named_steps(self) -> list[tuple[str, int]]:
        return [
            ("base.registered", self.base.registered),
            ("base.engaged", self.base.engaged),
            *((f"services.steps.{name}", step) for name, step in self.services.steps.items()),
            ("services.otherwise", self.services.otherwise),
            ("education", self.education),
            *((f"employment.steps.{kind}", step) for kind, step in self.employment.steps.items()),
            ("employment.below", self.employment.below),
            *((f"statuses.steps.{code}", step) for code, step in self.statuses.steps.items()),
            ("sustained.step", self.sustained.step),
            ("sustained.of", self.sustained.of),
        ]

    def _check_lengths(self) -> None:
        missing = sorted(WORK.keys() - self.employment.steps.keys())
        if missing:
            raise LadderError(f"employment.steps.{missing[0]}: is missing")
        if self.sustained.from_day < 2:
            raise LadderError("sustained.from_day: must be 2 or more")
        if self.sustained.bridge_days < 0:
            raise LadderError("sustained.bridge_days: must not be negative")

    @property
    def named(self) -> Mapping[int, Step]:
        """The steps by number."""
        return {step.step: step for step in self.steps}
