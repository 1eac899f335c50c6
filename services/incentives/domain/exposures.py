"""Where each client stands under each scheme: the counter, the share of the next paid day, the next class."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from contracts.snapshots import SchemeExposure
from services.incentives.domain.engine import Assessment
from services.incentives.domain.money import Ints
from services.incentives.domain.parameters import Parameters
from services.incentives.domain.payments import UNKNOWN, CounterSets, Payments, Steps, column
from services.incentives.domain.schemes import CostClass, DayLadder, Scheme, StepLadder

_LAST_DAY: Final = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Exposure:
    """What ExposureSnapshot says of one client, without its revision."""

    old_law_days: int
    law_2025_days: int
    last_counter_set_on: date | None
    last_posted_on: date | None
    schemes: tuple[SchemeExposure, ...]


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
    last_set = _dates(_newest(sets.client, sets.on, clients))
    last_posted = _dates(_newest(payments.client, payments.posted_on, clients))
    by_scheme = [_of_scheme(assessment, payments, sets, steps, parameters) for assessment in assessments]
    return [
        Exposure(*counters[client], last_set[client], last_posted[client], tuple(of[client] for of in by_scheme))
        for client in range(clients)
    ]


def _counters(law: Assessment) -> list[tuple[int, int]]:
    by_counter = {rule.counter: days.tolist() for rule, days in zip(law.scheme.rules(), law.standing, strict=True)}
    return list(zip(by_counter["old_law"], by_counter["law_2025"], strict=True))


def _newest(client: Ints, day: Ints, clients: int) -> Ints:
    newest = np.full(clients, UNKNOWN, dtype=np.int64)
    np.maximum.at(newest, client, day)
    return newest


def _dates(days: Ints) -> list[date | None]:
    return [None if day == UNKNOWN else date.fromordinal(day) for day in days.tolist()]


def _next_paid_day(payments: Payments, sets: CounterSets, clients: int) -> Ints:
    """Return the day after all paid periods; with none, that of the last counter; with nothing, a day of newest law."""
    after = np.minimum(_newest(payments.client, payments.period_end, clients) + 1, _LAST_DAY)
    set_on = _newest(sets.client, sets.on, clients)
    return np.where(after > 0, after, np.where(set_on > 0, set_on, _LAST_DAY))


def _of_scheme(
    assessment: Assessment, payments: Payments, sets: CounterSets, steps: Steps, parameters: Parameters
) -> list[SchemeExposure]:
    scheme, clients = assessment.scheme, len(assessment.standing[0])
    totals = np.zeros(clients, dtype=np.int64)
    np.add.at(totals, payments.client[assessment.pieces.payment], assessment.pieces.cents)
    next_day = _next_paid_day(payments, sets, clients)
    every = column(range(clients))
    step = steps.at(steps.place(every, every, next_day))
    standing = list(zip(*(days.tolist() for days in assessment.standing), strict=True))
    outlook = _Outlook(scheme, parameters)
    return [
        outlook.exposure(days, day, on_step, total)
        for days, day, on_step, total in zip(standing, next_day.tolist(), step.tolist(), totals.tolist(), strict=True)
    ]


class _Outlook:
    """Exposures under one scheme."""

    def __init__(self, scheme: Scheme, parameters: Parameters) -> None:
        self._scheme = scheme
        self._parameters = parameters
        self._periods: dict[int, int | None] = {}  # many clients share a day

    def exposure(self, counters: tuple[int, ...], day: int, step: int, total: int) -> SchemeExposure:
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

    def _place(self, counters: tuple[int, ...], day: int, step: int) -> _Place:
        if day not in self._periods:
            self._periods[day] = self._scheme.period_on(date.fromordinal(day))
        position = self._periods[day]
        if position is None:
            return _Place(0, self._scheme.classes[-1])
        ladder = self._scheme.periods[position].rule.ladder
        if isinstance(ladder, StepLadder):
            return _on_step_ladder(ladder, counters[position], step)
        return _on_day_ladder(ladder, counters[position])


def _on_day_ladder(ladder: DayLadder, days: int) -> _Place:
    position = bisect_right(ladder.first_days, days + 1) - 1
    now = ladder.classes[position]
    if position + 1 == len(ladder.classes) or ladder.classes[position + 1].percent_bp <= now.percent_bp:
        return _Place(days, now)
    return _Place(days, now, ladder.first_days[position + 1] - 1 - days, ladder.classes[position + 1])


def _on_step_ladder(ladder: StepLadder, days: int, step: int) -> _Place:
    of_step = ladder.by_step[ladder.unknown_step if step == UNKNOWN else step]
    if days + 1 >= ladder.from_day:
        return _Place(days, of_step)
    if of_step.percent_bp <= ladder.waiting.percent_bp:
        return _Place(days, ladder.waiting)
    return _Place(days, ladder.waiting, ladder.from_day - 1 - days, of_step)
