"""Where each client stands under each scheme: the counter, the share of the next paid day, the next class."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from contracts.snapshots import SchemeExposure
from services.incentives.domain.engine import Assessment
from services.incentives.domain.money import Ints
from services.incentives.domain.parameters import Parameters
from services.incentives.domain.payments import (
    UNKNOWN,
    CounterSets,
    Payments,
    Steps,
    column,
    newest_day,
    next_paid_days,
)
from services.incentives.domain.schemes import CostClass, DayLadder, Effect, Progress, Scheme, StepLadder


@dataclass(frozen=True, slots=True)
class Exposure:
    """What ExposureSnapshot says of one client, without its revision."""

    old_law_days: int
    law_2025_days: int
    last_counter_set_on: date | None
    last_posted_on: date | None
    schemes: tuple[SchemeExposure, ...]


class _Counter(NamedTuple):
    """The counter before the next paid day, and the paid days for which a pause or a relief still holds."""

    days: int
    remaining: int


@dataclass(frozen=True, slots=True)
class _Place:
    """The counter, the class of the next paid day, and the dearer one that follows after `days_to_next` more days."""

    days: int
    now: CostClass
    days_to_next: int | None = None
    then: CostClass | None = None


def exposures(
    assessments: Sequence[Assessment], payments: Payments, sets: CounterSets, steps: Steps, parameters: Parameters
) -> list[Exposure]:
    """Return the exposure of each client under every assessed scheme; the scheme `law` must be among them."""
    law = next(assessment for assessment in assessments if assessment.scheme.name == "law")
    clients = len(law.standing[0])
    counters = _counters(law)
    last_set = _dates(newest_day(sets.client, sets.on, clients))
    last_posted = _dates(newest_day(payments.client, payments.posted_on, clients))
    by_scheme = [_of_scheme(assessment, payments, sets, steps, parameters) for assessment in assessments]
    return [
        Exposure(*counters[client], last_set[client], last_posted[client], tuple(of[client] for of in by_scheme))
        for client in range(clients)
    ]


def _counters(law: Assessment) -> list[tuple[int, int]]:
    by_counter = {rule.counter: days.tolist() for rule, days in zip(law.scheme.rules(), law.standing, strict=True)}
    return list(zip(by_counter["old_law"], by_counter["law_2025"], strict=True))


def _dates(days: Ints) -> list[date | None]:
    return [None if day == UNKNOWN else date.fromordinal(day) for day in days.tolist()]


def _of_scheme(
    assessment: Assessment, payments: Payments, sets: CounterSets, steps: Steps, parameters: Parameters
) -> list[SchemeExposure]:
    scheme, clients = assessment.scheme, len(assessment.standing[0])
    totals = np.zeros(clients, dtype=np.int64)
    np.add.at(totals, payments.client[assessment.pieces.payment], assessment.pieces.cents)
    next_day = next_paid_days(payments, sets, clients)
    every = column(range(clients))
    step = steps.at(steps.place(every, every, next_day))
    counters = [
        tuple(map(_Counter, days.tolist(), left.tolist()))
        for days, left in zip(assessment.standing, assessment.remaining, strict=True)
    ]
    outlook = _Outlook(scheme, parameters)
    return [
        outlook.exposure(of_client, day, on_step, total)
        for of_client, day, on_step, total in zip(
            zip(*counters, strict=True), next_day.tolist(), step.tolist(), totals.tolist(), strict=True
        )
    ]


class _Outlook:
    """Exposures under one scheme."""

    def __init__(self, scheme: Scheme, parameters: Parameters) -> None:
        self._scheme = scheme
        self._parameters = parameters
        self._periods: dict[int, int | None] = {}  # many clients share a day

    def exposure(self, counters: tuple[_Counter, ...], day: int, step: int, total: int) -> SchemeExposure:
        place, on = self._place(counters, day, step), date.fromordinal(day)
        then = place.then
        return SchemeExposure(
            scheme=self._scheme.name,
            days=place.days,
            cost_class=place.now.name,
            percent_bp=place.now.percent_bp,
            days_to_next=place.days_to_next,
            next_class=then.name if then else None,
            month_cents=self._parameters.month_cents(place.now.percent_bp, on),
            next_month_cents=self._parameters.month_cents(then.percent_bp, on) if then else None,
            total_cents=total,
        )

    def _place(self, counters: tuple[_Counter, ...], day: int, step: int) -> _Place:
        if day not in self._periods:
            self._periods[day] = self._scheme.period_on(date.fromordinal(day))
        position = self._periods[day]
        if position is None:
            return _Place(0, self._scheme.classes[-1])
        rule, counter = self._scheme.periods[position].rule, counters[position]
        if isinstance(rule.ladder, StepLadder):
            return _on_step_ladder(rule.ladder, counter.days, step)
        return _on_day_ladder(rule.ladder, rule.effect, counter)


def _on_day_ladder(ladder: DayLadder, effect: Effect, counter: _Counter) -> _Place:
    """Return the class of the next paid day, and the first dearer one with the paid days until it."""
    now = _class_after(ladder, effect, counter, 0)
    waits = counter.remaining if effect.progress is Progress.PAUSE else 0
    changes = {first - 1 - counter.days + waits for first in ladder.first_days if first > counter.days + 1}
    if effect.progress is Progress.RELIEF and counter.remaining:
        changes.add(counter.remaining)
    for days in sorted(changes):
        then = _class_after(ladder, effect, counter, days)
        if then.percent_bp > now.percent_bp:
            return _Place(counter.days, now, days, then)
    return _Place(counter.days, now)


def _class_after(ladder: DayLadder, effect: Effect, counter: _Counter, days: int) -> CostClass:
    """Return the class of the paid day that comes after `days` more, no rise among them."""
    paused = min(counter.remaining, days) if effect.progress is Progress.PAUSE else 0
    position = bisect_right(ladder.first_days, counter.days + days - paused + 1) - 1
    is_relieved = effect.progress is Progress.RELIEF and days < counter.remaining
    return (ladder.relieved if is_relieved else ladder.unrelieved)[position]


def _on_step_ladder(ladder: StepLadder, days: int, step: int) -> _Place:
    of_step = ladder.by_step[ladder.unknown_step if step == UNKNOWN else step]
    if days + 1 >= ladder.from_day:
        return _Place(days, of_step)
    if of_step.percent_bp <= ladder.waiting.percent_bp:
        return _Place(days, ladder.waiting)
    return _Place(days, ladder.waiting, ladder.from_day - 1 - days, of_step)
