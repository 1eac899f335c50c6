"""What an explanation says: the rules once for each scheme, then the figure, down to the formula of each cent."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.incentives.describing import said
from services.incentives.domain.schemes import CostClass, Days, Effect, Kind, Mark, Progress, Rule, Scheme, Standing
from services.incentives.formulas import Relation, relation, written

_PAYER: Final = ("home_on_posting", "the home municipality on the day of posting, unless the insurer names another")
"""The one way to find the payer that scheme files take."""
_PERCENT_BP: Final = 100

ClassName = Annotated[str, Field(serialization_alias="class")]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True)


# --- rules -----------------------------------------------------------------------------------------------------------


class DaysTold(_Told):
    """A choice of paid days by benefit and basis."""

    benefits: list[str]
    bases: list[str]
    general_support: str


class EffectTold(_Told):
    """What a rise does: for how many paid days, or by how many days or percentage points; 0 where not meant."""

    progress: Progress
    days: int
    points: float


class PartTold(_Told):
    """One part of a rule: its value, what that says, how certain it is, and where it stands."""

    part: str
    value: str | DaysTold | EffectTold
    said: str
    mark: Mark
    reference: str


class ClassTold(_Told):
    """One class of a rule's ladder."""

    cost_class: ClassName
    percent: float
    mark: Mark
    reference: str


class RuleTold(_Told):
    """A rule and what it rules: periods that begin from `from` on and before `until`; null leaves that side open."""

    rule: str
    start: Annotated[date | None, Field(serialization_alias="from")]
    end: Annotated[date | None, Field(serialization_alias="until")]
    parts: list[PartTold]
    classes: list[ClassTold]


def rules_told(scheme: Scheme) -> list[RuleTold]:
    """Return the rules of `scheme` with their parts, percents and grounds."""
    return [
        RuleTold(
            rule=period.rule.name,
            start=period.start,
            end=period.end,
            parts=[*_parts(period.rule)],
            classes=[class_told(one) for one in period.rule.ladder.classes],
        )
        for period in scheme.periods
    ]


def class_told(one: CostClass) -> ClassTold:
    """Return a class with its percent and its ground."""
    percent, ground = one.percent_bp / _PERCENT_BP, one.ground
    return ClassTold(cost_class=one.name, percent=percent, mark=ground.mark, reference=ground.reference)


def _parts(rule: Rule) -> Iterator[PartTold]:
    in_words = said(rule)
    values = {
        "counter": (rule.counter, in_words["counter"]),
        "count": (_days_told(rule.count), in_words["count"]),
        "cost": (_days_told(rule.cost), in_words["cost"]),
        "boundary": (rule.boundary, in_words["boundary"]),
        "progress": (_effect_told(rule.effect), in_words["progress"]),
        "base": (rule.base, in_words["base"]),
        "payer": _PAYER,
    }
    for part, (value, words) in values.items():
        ground = rule.grounds[part]
        yield PartTold(part=part, value=value, said=words, mark=ground.mark, reference=ground.reference)


def _effect_told(effect: Effect) -> EffectTold:
    return EffectTold(progress=effect.progress, days=effect.days, points=effect.points_bp / _PERCENT_BP)


def _days_told(days: Days) -> DaysTold:
    benefits, bases = sorted(days.benefits), sorted(days.bases, reverse=True)
    return DaysTold(benefits=benefits, bases=bases, general_support=days.general_support)


# --- a client --------------------------------------------------------------------------------------------------------


class _Unrounded(_Told):
    """An amount before rounding, exactly: whole cents, or a fraction of them such as 48373/10."""

    unrounded_cents: str

    @property
    def written(self) -> Decimal:
        """The amount in euros, as far as it is written."""
        return written(Fraction(self.unrounded_cents))

    @property
    def relation(self) -> Relation:
        """Whether what is written is all of it."""
        return relation(Fraction(self.unrounded_cents))


class Piece(_Unrounded):
    """Days of a payment in one class: cents = half-up(percent × base of the payment × days / days of the payment).

    `base_cents` is the part of the payment's base that falls on these days, in whole cents.
    """

    cost_class: ClassName
    days: int
    percent: float
    mark: Mark
    reference: str
    base_cents: int
    cents: int
    formula: str


class PaymentTold(_Told):
    """One payment: the fact that states it, the rule it falls under, the counter around it, the payer, its pieces.

    `rule` and the counters are null where no rule of the scheme holds for its period. `base` names which of the amounts
    is shared, and `base_cents` is it.
    """

    source: str
    id: str
    posted_on: date
    batch: str
    period_start: date
    period_end: date
    days: int
    benefit: str
    basis: str
    paid_cents: int
    basic_part_cents: int
    municipality: str | None
    rule: str | None
    base: str
    base_cents: int
    counter_before: int | None
    counter_after: int | None
    cents: int
    pieces: list[Piece]


class CounterTold(_Told):
    """A counter that the insurer set: it stands so from that day's payments on."""

    source: str
    id: str
    counter: str
    on: date
    days: int
    reason: str


class _OfMonth(_Told):
    """Something of a month of posting."""

    month: str

    @property
    def first_day(self) -> date:
        """The month's first day."""
        return date.fromisoformat(f"{self.month}-01")


class MonthCost(_OfMonth):
    """What the payments posted in a month cost a payer; null: no payer is known."""

    municipality: str | None
    standing: Standing
    cents: int


class ClientUnderScheme(_Told):
    """All payments of a client under one scheme, in counter order; `cents` sums them, and so do the months."""

    scheme: str
    label: str
    kind: Kind
    needs_steps: bool
    cents: int
    rules: list[RuleTold]
    months: list[MonthCost]
    payments: list[PaymentTold]


class StepTold(_Told):
    """The step from a day on, null: none is known; `rise`: it is higher than any known before."""

    start: Annotated[date, Field(serialization_alias="from")]
    step: int | None
    rise: bool


class ClientExplained(_Told):
    """From the facts about one client to euros. `steps` is what schemes tied to progress look at."""

    client: str
    as_of: date
    note: str
    counters: list[CounterTold]
    steps: list[StepTold]
    schemes: list[ClientUnderScheme]


# --- figures ---------------------------------------------------------------------------------------------------------


class FigureRow(_Told):
    """A month's figure of one class; what is hidden is null.

    `unrounded_cents` is percent × base. Each payment is rounded by itself, so `cents` differs from it, and `formula`
    says by how much; both are null where days are counted of which the municipality pays no share.
    """

    month: str
    cost_class: ClassName
    standing: Standing
    percent: float
    mark: Mark
    reference: str
    clients: int | None
    payments: int | None
    days: int | None
    base_cents: int | None
    unrounded_cents: str | None
    cents: int | None
    formula: str | None

    @property
    def written(self) -> Decimal | None:
        """Percent × base in euros."""
        return None if self.unrounded_cents is None else written(Fraction(self.unrounded_cents))

    @property
    def rounding(self) -> Decimal | None:
        """What rounding payment by payment added, in euros."""
        if self.unrounded_cents is None or self.cents is None:
            return None
        return written(self.cents - Fraction(self.unrounded_cents))


class MonthTotal(_OfMonth):
    """A month's figure over all classes, or of the class asked for."""

    standing: Standing
    clients: int | None
    days: int | None
    cents: int | None


class FiguresUnderScheme(_Told):
    """Figures of one scheme; `cents` is the sum of the months, null where one of them is hidden."""

    scheme: str
    label: str
    kind: Kind
    cents: int | None
    rules: list[RuleTold]
    totals: list[MonthTotal]
    rows: list[FigureRow]


class FiguresExplained(_Told):
    """From percents and bases to the figures that `/v1/costs` gives for the same question.

    `municipality` and `class` null: all of them.
    """

    start: Annotated[str, Field(serialization_alias="from")]
    end: Annotated[str, Field(serialization_alias="to")]
    municipality: str | None
    cost_class: Annotated[str | None, Field(serialization_alias="class")]
    as_of: date | None
    source: Literal["exact", "publications"]
    published: bool
    months: list[str] | None
    note: str
    schemes: list[FiguresUnderScheme]
