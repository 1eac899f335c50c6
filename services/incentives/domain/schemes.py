"""What a scheme of cost responsibility is made of: named parts, each a value in a dated rule file.

A `Rule` says which days count, which cost, on which ladder, at which boundary, from which base and what progress does.
A `Scheme` applies rules to payments by their period: one rule for ever, or (the scheme `law`) each in its years.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal

Benefit = Literal["labour_market_subsidy", "basic_allowance", "earnings_related", "general_support"]
Basis = Literal["unemployment", "service"]
Counter = Literal["old_law", "law_2025"]
Boundary = Literal["day", "payment_batch"]
ShareBase = Literal["paid_cents", "basic_part_cents"]
GeneralSupport = Literal["as_entitlement", "own"]
Kind = Literal["law", "proposal"]

BENEFITS: Final[tuple[Benefit, ...]] = (
    "labour_market_subsidy", "basic_allowance", "earnings_related", "general_support",
)  # fmt: skip
BASES: Final[tuple[Basis, ...]] = ("unemployment", "service")
COUNTERS: Final[tuple[Counter, ...]] = ("old_law", "law_2025")
STEPS: Final = range(8)
UNCOUNTED: Final = "uncounted"
"""The class of days that a scheme neither counts nor lets the municipality pay."""


class Mark(StrEnum):
    """How certain a value is."""

    STATED = "stated"
    RECOMPUTED = "recomputed"
    PROPOSAL = "proposal"
    UNCONFIRMED = "unconfirmed"


class Standing(StrEnum):
    """How a scheme's figures for a month are to be read."""

    LAW = "law"
    COUNTERFACTUAL = "counterfactual"
    PROPOSAL = "proposal"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a value comes from: a law, a publication or this project's own proposal."""

    mark: Mark
    reference: str


@dataclass(frozen=True, slots=True)
class CostClass:
    """Days that cost the municipality the same share; `percent_bp` is in basis points (10 % = 1,000)."""

    name: str
    percent_bp: int
    ground: Ground


class Progress(StrEnum):
    """What a client's progress does. It is a rise: the first day on a step higher than any known before.

    What lasts for paid days lasts for those that the scheme counts, from the rise on; a new rise begins them anew.
    """

    NONE = "none"
    PERCENT_BY_STEP = "percent_by_step"
    """Each paid day has the percent of the client's step on it."""
    CLOCK = "clock"
    """The ladder counts the days since the newest rise."""
    PAUSE = "pause"
    """The counter stands still for some paid days; they cost what its next day costs."""
    SET_BACK = "set_back"
    """The counter falls by some days, not below 0."""
    RELIEF = "relief"
    """The percent falls by some points, not below 0, for some paid days."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What progress does, and how much: `days` of a pause, a set-back or a relief, `points_bp` of a relief."""

    progress: Progress = Progress.NONE
    days: int = 0
    points_bp: int = 0

    @property
    def follows_rises(self) -> bool:
        """Tell whether it needs to be known when the client rose."""
        return self.progress not in {Progress.NONE, Progress.PERCENT_BY_STEP}

    @property
    def lasts(self) -> bool:
        """Tell whether it holds for some paid days and then ends."""
        return self.progress in {Progress.PAUSE, Progress.RELIEF}


@dataclass(frozen=True, slots=True)
class DayLadder:
    """Percent by the number of the counted day: class `k` begins with day `first_days[k]`; the first begins with 1.

    `relieved` are the same classes at the percents that hold while a relief lasts; none where there is no relief.
    """

    first_days: tuple[int, ...]
    unrelieved: tuple[CostClass, ...]
    relieved: tuple[CostClass, ...] = ()

    @property
    def classes(self) -> tuple[CostClass, ...]:
        """All classes: those of the days ascending, then the relieved ones in the same order."""
        return (*self.unrelieved, *self.relieved)


@dataclass(frozen=True, slots=True)
class StepLadder:
    """Percent by the client's step on each paid day, from counted day `from_day`; before it the `waiting` class.

    `unknown_step` stands for days on which no step is known: the client is off the ladder or has no pathway yet.
    """

    from_day: int
    waiting: CostClass
    by_step: tuple[CostClass, ...]
    unknown_step: int

    @property
    def classes(self) -> tuple[CostClass, ...]:
        """All classes, ascending: the waiting one, then steps 0 to 7."""
        return (self.waiting, *self.by_step)


@dataclass(frozen=True, slots=True)
class Days:
    """A choice of paid days by benefit and basis.

    `general_support` says whether general support is taken as a benefit of its own or as that of its entitlement.
    """

    benefits: frozenset[Benefit]
    bases: frozenset[Basis]
    general_support: GeneralSupport


@dataclass(frozen=True, slots=True)
class Rule:
    """One composition of named parts."""

    name: str
    counter: Counter
    count: Days
    cost: Days
    ladder: DayLadder | StepLadder
    boundary: Boundary
    base: ShareBase
    effect: Effect
    grounds: Mapping[str, Ground]


@dataclass(frozen=True, slots=True)
class RuledPeriod:
    """`rule` holds for payments whose period starts in `[start, end)`; None leaves that side open."""

    rule: Rule
    start: date | None = None
    end: date | None = None

    def holds_on(self, day: date) -> bool:
        """Tell whether a period that starts on `day` falls under the rule."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Scheme:
    """A scheme by name, its rules by period, the years in which it is law, and how people call it by language."""

    name: str
    kind: Kind
    periods: tuple[RuledPeriod, ...]
    law_from: date | None
    law_until: date | None
    labels: Mapping[str, str]

    @cached_property
    def classes(self) -> tuple[CostClass, ...]:
        """All classes of all rules, ascending within a rule; `uncounted` comes last."""
        uncounted = CostClass(UNCOUNTED, 0, Ground(Mark.STATED, "the state pays these days"))
        return (*(c for period in self.periods for c in period.rule.ladder.classes), uncounted)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where in `classes` the ladder of each period begins."""
        sizes = [len(period.rule.ladder.classes) for period in self.periods]
        return tuple(sum(sizes[:position]) for position in range(len(sizes)))

    def rules(self) -> Iterator[Rule]:
        """Go through the rules in order of their periods."""
        return (period.rule for period in self.periods)

    def needs_steps(self) -> bool:
        """Tell whether a figure of the scheme depends on clients' steps."""
        return any(isinstance(rule.ladder, StepLadder) or rule.effect.follows_rises for rule in self.rules())

    @property
    def is_published(self) -> bool:
        """Tell whether figures of the scheme may leave.

        Where a rise changes the counter, a total beside that of the law would tell the money of whoever rose: of few.
        """
        return not any(rule.effect.follows_rises for rule in self.rules())

    def period_on(self, day: date) -> int | None:
        """Return the position of the ruled period for payments whose period starts on `day`; None: no rule holds."""
        return next((position for position, period in enumerate(self.periods) if period.holds_on(day)), None)

    def standing_in(self, month: date) -> Standing:
        """Tell how figures of payments posted in `month` (its first day) are to be read."""
        if self.kind == "proposal":
            return Standing.PROPOSAL
        begun = self.law_from is None or self.law_from <= month
        over = self.law_until is not None and month >= self.law_until
        return Standing.LAW if begun and not over else Standing.COUNTERFACTUAL
