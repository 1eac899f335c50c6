"""What progress is worth to the municipality under each scheme: the incentive table.

Three figures, in cents of the municipality's share (domain page, section 6): a *step up* reached today, over twelve
months; six months of *parking* in a service without progress; and a month's *delay* of the step up. Courses of months
are drawn from observed movements with one seed for all, and priced by the engine as any payments are. Every month in
which benefit is paid is a full month of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor, sqrt
from typing import Final, NamedTuple

import numpy as np

from contracts.dates import month_end, months_before
from services.incentives.domain.engine import assess
from services.incentives.domain.money import Ints
from services.incentives.domain.movements import UNPAID, Chances, Movements, paid_on, state_of, step_in, way_in
from services.incentives.domain.parameters import Parameters
from services.incentives.domain.payments import (
    NO_STEPS,
    CounterSets,
    Payments,
    Steps,
    StepsOfClients,
    Track,
    column,
    key_of,
)
from services.incentives.domain.schemes import BASES, BENEFITS, COUNTERS, STEPS, DayLadder, Scheme

MONTHS: Final = 12
PARKED_MONTHS: Final = 6
STARTS: Final = STEPS[:-1]
"""The steps that have one above them."""


class Estimate(NamedTuple):
    """A mean over drawn courses, in cents, and its standard error."""

    cents: int
    error_cents: int


@dataclass(frozen=True, slots=True)
class StepUp:
    """What the step above `step` is worth with `days` counted, reached today, and what a month's delay of it costs."""

    step: int
    days: int
    worth: Estimate
    delay: Estimate


@dataclass(frozen=True, slots=True)
class Parking:
    """What the municipality saves by six months in a service instead of unemployed, with `days` counted, in cents."""

    days: int
    cents: int


@dataclass(frozen=True, slots=True)
class Incentives:
    """The incentive table of one scheme. `days` are the counters from which a class of the scheme's ladder begins."""

    days: tuple[int, ...]
    steps_up: tuple[StepUp, ...]
    parking: tuple[Parking, ...]


@dataclass(frozen=True, slots=True)
class Draws:
    """How many courses are drawn from each start, at least two, and from which seed."""

    courses: int
    seed: int


def incentive_tables(
    schemes: Mapping[str, Scheme], parameters: Parameters, movements: Movements, today: date, draws: Draws
) -> dict[str, Incentives]:
    """Return the table of each scheme for the twelve months that begin with that of `today`.

    The same arguments give the same tables, and a scheme has the same table whatever others stand beside it.
    """
    calendar = _calendar(parameters, today)
    futures = _futures(movements, calendar, draws)
    parked = _parked(calendar)
    return {name: _table(scheme, calendar, futures, parked) for name, scheme in schemes.items()}


def starting_days(scheme: Scheme, day: date) -> tuple[int, ...]:
    """Return the counters from which a class begins in the ladder that holds on `day`; with no ladder, 0 alone."""
    period = scheme.period_on(day)
    if period is None:
        return (0,)
    ladder = scheme.periods[period].rule.ladder
    first_days = ladder.first_days if isinstance(ladder, DayLadder) else (1, ladder.from_day)
    return tuple(first - 1 for first in first_days)


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The months to come as columns: their days, and a full month's benefit in each."""

    first: date
    start: Ints
    end: Ints
    days: Ints
    benefit: Ints
    cents: Ints


def _calendar(parameters: Parameters, today: date) -> _Calendar:
    months = [months_before(today, -number) for number in range(MONTHS)]
    days = list(_whole_days(map(parameters.benefit_days, months)))
    benefits = [parameters.full_day(month) for month in months]
    return _Calendar(
        months[0],
        column(month.toordinal() for month in months),
        column(month_end(month).toordinal() for month in months),
        column(days),
        column(BENEFITS.index(benefit) for benefit, _ in benefits),
        column(floor(number * cents) for number, (_, cents) in zip(days, benefits, strict=True)),
    )


def _whole_days(months: Iterable[Fraction]) -> Iterator[int]:
    """Give whole days of each month that keep step with the sum of all: of 21.5 and 21.5, these are 21 and 22."""
    total = Fraction(0)
    for days in months:
        yield floor(total + days) - floor(total)
        total += days


@dataclass(frozen=True, slots=True)
class _Courses:
    """Courses of months as clients of the engine. `before` is the day before the first month."""

    clients: int
    before: int
    payments: Payments
    steps: Steps

    def cents(self, scheme: Scheme, days: int) -> Ints:
        """Return what each course costs under `scheme` if `days` were counted before it, by whatever counter."""
        every = len(COUNTERS) * self.clients
        sets = CounterSets(
            np.arange(every) // len(COUNTERS), np.arange(every) % len(COUNTERS),
            np.full(every, self.before), np.full(every, days),
        )  # fmt: skip
        pieces = assess(scheme, self.payments, sets, self.steps, self.clients).pieces
        cents = np.zeros(self.clients, dtype=np.int64)
        np.add.at(cents, self.payments.client[pieces.payment], pieces.cents)
        return cents


def _payments(calendar: _Calendar, ways: Ints) -> Payments:
    """Return full months' payments where `ways` (courses × months) says so, each a batch of its own."""
    client, month = np.nonzero(ways != UNPAID)
    entitlement = np.full_like(client, BENEFITS.index("labour_market_subsidy"))
    return Payments(
        client, np.arange(len(client)), calendar.end[month], calendar.start[month], calendar.end[month],
        calendar.days[month], calendar.benefit[month], entitlement, ways[client, month] - 1,
        calendar.cents[month], calendar.cents[month],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Futures:
    """Which of `courses` each drawn one is, by start and draw; many are the same."""

    courses: _Courses
    as_it_is: Ints
    up: Ints
    late: Ints


def _futures(movements: Movements, calendar: _Calendar, draws: Draws) -> _Futures:
    chances = np.random.Generator(np.random.PCG64(draws.seed)).random((MONTHS, draws.courses))
    drawn = np.concatenate([_from_step(movements, step, chances) for step in STARTS])
    starting = np.repeat(column(STARTS), len(drawn) // len(STARTS))
    together, number = np.unique(np.column_stack((starting, drawn)), axis=0, return_inverse=True)
    by_kind = number.reshape(len(STARTS), -1, draws.courses)
    return _Futures(_courses(calendar, together), by_kind[:, 0], by_kind[:, 1], by_kind[:, 2])


def _from_step(movements: Movements, step: int, chances: Chances) -> Ints:
    """Return states (courses × months) from `step`: as it is, then with the step up today, then a month later."""
    first, *later = chances
    here = state_of(column([step]), _drawn(movements.ways(step), first))
    above = state_of(column([step + 1]), _drawn(movements.ways_above(step), first))
    as_it_is, up, late = [here], [above], [here, above]
    for chance in later:
        as_it_is.append(movements.following(as_it_is[-1], chance))
        up.append(movements.following(up[-1], chance))
    for chance in later[1:]:
        late.append(movements.following(late[-1], chance))
    return np.concatenate([np.column_stack(months) for months in (as_it_is, up, late)])


def _drawn(weights: Ints, chances: Chances) -> Ints:
    running = np.cumsum(weights)
    drawn: Ints = np.searchsorted(running, np.floor(chances * running[-1]), side="right")
    return drawn


def _courses(calendar: _Calendar, together: Ints) -> _Courses:
    """Return courses from rows of a starting step, held until the first month, and the state in each month."""
    starting, states = together[:, :1], together[:, 1:]
    before = int(calendar.start[0]) - 1
    days = np.concatenate((column([before]), calendar.start))
    client = np.repeat(np.arange(len(together)), len(days))
    steps = np.concatenate((starting, step_in(states)), axis=1).ravel()
    track = Track(key_of(client, np.tile(days, len(together))), steps)
    return _Courses(len(together), before, _payments(calendar, way_in(states)), StepsOfClients(track))


def _parked(calendar: _Calendar) -> _Courses:
    """Return two courses: six months unemployed, six months in a service; nothing is known of the step in either."""
    months = np.arange(MONTHS) < PARKED_MONTHS
    ways = np.where(months, column(paid_on(basis) for basis in BASES)[:, None], UNPAID)
    return _Courses(len(ways), int(calendar.start[0]) - 1, _payments(calendar, ways), NO_STEPS)


def _table(scheme: Scheme, calendar: _Calendar, futures: _Futures, parked: _Courses) -> Incentives:
    days = starting_days(scheme, calendar.first)
    by_days = [_steps_up(futures, futures.courses.cents(scheme, counted), counted) for counted in days]
    steps_up = tuple(of_days[step] for step in STARTS for of_days in by_days)
    return Incentives(days, steps_up, tuple(_parking(parked.cents(scheme, counted), counted) for counted in days))


def _steps_up(futures: _Futures, cents: Ints, days: int) -> list[StepUp]:
    up = cents[futures.up]
    worth, delay = cents[futures.as_it_is] - up, cents[futures.late] - up
    return [StepUp(step, days, _estimate(worth[step]), _estimate(delay[step])) for step in STARTS]


def _estimate(differences: Ints) -> Estimate:
    drawn = len(differences)
    mean = (2 * int(differences.sum()) + drawn) // (2 * drawn)
    return Estimate(mean, round(sqrt(float(differences.var(ddof=1)) / drawn)))


def _parking(cents: Ints, days: int) -> Parking:
    unemployed, in_service = cents[BASES.index("unemployment")], cents[BASES.index("service")]
    return Parking(days, int(unemployed - in_service))
