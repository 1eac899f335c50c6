"""What the engine reads, as columns: payments in counter order, counters that were set, steps and home municipalities.

Clients are numbered 0, 1, … within one computation and every table is sorted by that number. Days are proleptic
Gregorian ordinals (`date.toordinal`), money is cents.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from services.incentives.domain.money import Ints
from services.incentives.domain.schemes import BASES, BENEFITS, COUNTERS, STEPS, Basis, Benefit, Counter, Days

_DAY_BITS: Final = 22
"""Room for an ordinal below a client's number in one sortable integer; date.max has 22 bits."""
_DAY_MASK: Final = (1 << _DAY_BITS) - 1
_MONDAY_OFFSET: Final = 6  # ordinal 1 was a Monday, so (ordinal + 6) % 7 counts from Monday = 0
_WEEKDAYS: Final = 5
_LAST_DAY: Final = date.max.toordinal()

UNKNOWN: Final = -1
"""The value of a track where nothing is known."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of one client, the unit of rounding."""

    client: int
    posted_on: date
    batch: str
    period_start: date
    period_end: date
    days: int
    benefit: Benefit
    basis: Basis
    paid_cents: int
    basic_part_cents: int
    entitlement: Benefit = "labour_market_subsidy"
    source: str = ""
    id: str = ""

    @property
    def counter_order(self) -> tuple[int, date, str, date, str, str]:
        """The order in which days are counted: posting, batch, period, then ties that never change."""
        return (self.client, self.posted_on, self.batch, self.period_start, self.source, self.id)


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments as columns, sorted by client and counter order; `batch` numbers the batches 0, 1, … in any order."""

    client: Ints
    batch: Ints
    posted_on: Ints
    period_start: Ints
    period_end: Ints
    days: Ints
    benefit: Ints
    entitlement: Ints
    basis: Ints
    paid_cents: Ints
    basic_part_cents: Ints

    def __len__(self) -> int:
        return len(self.client)

    def where(self, chosen: npt.NDArray[np.bool_] | Ints) -> Self:
        """Return the chosen payments, still in order."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


def payments_in_order(payments: Iterable[Payment]) -> Payments:
    """Return `payments` as columns, sorted by client and counter order; equal ones keep the order given."""
    ordered = sorted(payments, key=lambda payment: payment.counter_order)
    return Payments(
        client=column(p.client for p in ordered),
        batch=numbered((p.client, p.source, p.batch) for p in ordered),
        posted_on=column(p.posted_on.toordinal() for p in ordered),
        period_start=column(p.period_start.toordinal() for p in ordered),
        period_end=column(p.period_end.toordinal() for p in ordered),
        days=column(p.days for p in ordered),
        benefit=column(BENEFITS.index(p.benefit) for p in ordered),
        entitlement=column(entitled(p.benefit, p.entitlement) for p in ordered),
        basis=column(BASES.index(p.basis) for p in ordered),
        paid_cents=column(p.paid_cents for p in ordered),
        basic_part_cents=column(p.basic_part_cents for p in ordered),
    )


def entitled(benefit: Benefit, entitlement: Benefit | None) -> int:
    """Return the number of the benefit as which the old law takes `benefit`: general support by its entitlement."""
    if benefit != "general_support":
        return BENEFITS.index(benefit)
    return BENEFITS.index(entitlement or "labour_market_subsidy")


def column(values: Iterable[int]) -> Ints:
    """Return `values` as a column of 64-bit integers."""
    return np.fromiter(values, dtype=np.int64)


def numbered(keys: Iterable[object]) -> Ints:
    """Return for each key its number in order of first appearance."""
    numbers: dict[object, int] = {}
    return column(numbers.setdefault(key, len(numbers)) for key in keys)


def chosen(payments: Payments, days: Days) -> npt.NDArray[np.bool_]:
    """Tell for each payment whether `days` takes it in."""
    benefit = payments.entitlement if days.general_support == "as_entitlement" else payments.benefit
    return _among(benefit, days.benefits, BENEFITS) & _among(payments.basis, days.bases, BASES)


def _among(numbers: Ints, names: Container[str], every: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell for each number whether it is that of one of `names`; `every` has all of them by number."""
    taken = np.array([name in names for name in every])
    return np.ones(len(numbers), dtype=bool) if taken.all() else taken[numbers]


@dataclass(frozen=True, slots=True)
class CounterSets:
    """Counters as the insurer set them, sorted by client, day and the order of facts: the last of a day holds."""

    client: Ints
    counter: Ints
    on: Ints
    days: Ints

    def of(self, counter: Counter) -> Self:
        """Return those that set `counter`."""
        mine = self.counter == COUNTERS.index(counter)
        return type(self)(self.client[mine], self.counter[mine], self.on[mine], self.days[mine])


def counter_sets(rows: Sequence[tuple[int, Counter, date, int]]) -> CounterSets:
    """Return (client, counter, on, days) as columns, sorted by client and day; equal ones keep the order given."""
    ordered = sorted(rows, key=lambda row: (row[0], row[2]))
    return CounterSets(
        column(client for client, _, _, _ in ordered),
        column(COUNTERS.index(counter) for _, counter, _, _ in ordered),
        column(on.toordinal() for _, _, on, _ in ordered),
        column(days for _, _, _, days in ordered),
    )


def key_of(client: Ints, day: Ints) -> Ints:
    """Return one integer for each (client, day), in that order."""
    key: Ints = client << _DAY_BITS
    key |= day
    return key


def number_up_to(keys: Ints, sought: Ints) -> Ints:
    """Return for each of `sought` how many of `keys`, which are sorted, lie up to it."""
    if len(keys) < len(sought) and (sought[:-1] <= sought[1:]).all():
        # Two sorted lists: it is much faster to look for the few in the many and to count from one to the next.
        first = np.searchsorted(sought, keys)
        return np.repeat(np.arange(len(keys) + 1), np.diff(first, prepend=0, append=len(sought)))
    return np.searchsorted(keys, sought, side="right")


def last_place(keys: Ints, sought: Ints) -> Ints:
    """Return the position of the last of `keys` up to each of `sought` that is of the same client, else UNKNOWN."""
    place = number_up_to(keys, sought) - 1
    of_client = np.append(keys, UNKNOWN)[place] >> _DAY_BITS
    place[of_client != sought >> _DAY_BITS] = UNKNOWN
    return place


@dataclass(frozen=True, slots=True)
class Track:
    """A value by client that changes on given days, such as the step or the home municipality; sorted by key."""

    keys: Ints
    values: Ints

    def place(self, client: Ints, day: Ints) -> Ints:
        """Return for each (client, day) the position of the stretch it lies in; UNKNOWN before a client's first."""
        return last_place(self.keys, key_of(client, day))

    def at(self, place: Ints) -> Ints:
        """Return the values at places; UNKNOWN where the place is."""
        return np.append(self.values, UNKNOWN)[place]  # UNKNOWN is the last place of any list

    def on(self, client: Ints, day: Ints) -> Ints:
        """Return the value for each (client, day)."""
        return self.at(self.place(client, day))


def track(changes: Sequence[tuple[int, int, int]]) -> Track:
    """Return (client, first day, value) as a track."""
    ordered = sorted(changes)
    clients, days = column(c for c, _, _ in ordered), column(d for _, d, _ in ordered)
    return Track(key_of(clients, days), column(value for _, _, value in ordered))


@dataclass(frozen=True, slots=True)
class Rises:
    """The days on which clients first stood on a step higher than any known before, sorted by key."""

    keys: Ints

    def number(self, client: Ints, day: Ints) -> Ints:
        """Return how many rises lie up to each (client, day), all those of clients before included."""
        return number_up_to(self.keys, key_of(client, day))


def rises(client: Ints, day: Ints, step: Ints) -> Rises:
    """Return the rises in steps told by (client, day), sorted so; the first step known of a client is none."""
    known = step != UNKNOWN
    client, day, step = client[known], day[known], step[known]
    room = STEPS.stop
    highest = np.maximum.accumulate(client * room + step)
    before = np.concatenate((highest[:1], highest[:-1]))
    return Rises(key_of(client, day)[(client * room + step > before) & (before >= client * room)])


class Steps(Protocol):
    """Where the engine learns a client's step. Two days of one payment in the same place stand on the same step."""

    def rises(self, payments: Payments) -> Rises:
        """Return the first days on higher steps; `payments` are all that are being assessed."""

    def place(self, rows: Ints, client: Ints, day: Ints) -> Ints:
        """Return the place of each day of payment `rows`."""

    def at(self, place: Ints) -> Ints:
        """Return the steps at places, UNKNOWN where none is known."""


@dataclass(frozen=True, slots=True)
class StepsOfClients:
    """Steps by client and day, from pathways."""

    track: Track

    def rises(self, payments: Payments) -> Rises:  # noqa: ARG002 — the pathway tells, whatever was paid
        return rises(self.track.keys >> _DAY_BITS, self.track.keys & _DAY_MASK, self.track.values)

    def place(self, rows: Ints, client: Ints, day: Ints) -> Ints:  # noqa: ARG002 — the place is the client's, whatever the payment
        return self.track.place(client, day)

    def at(self, place: Ints) -> Ints:
        return self.track.at(place)


@dataclass(frozen=True, slots=True)
class StepsOfPayments:
    """One step for each payment, as a table of payments states it: from the first day of the payment's period."""

    steps: Ints

    def rises(self, payments: Payments) -> Rises:
        order = np.lexsort((self.steps, payments.period_start, payments.client))
        return rises(payments.client[order], payments.period_start[order], self.steps[order])

    def place(self, rows: Ints, client: Ints, day: Ints) -> Ints:  # noqa: ARG002 — the place is the payment, whatever the day
        return rows

    def at(self, place: Ints) -> Ints:
        return self.steps[place]


NO_STEPS: Final = StepsOfClients(Track(column(()), column(())))


def next_paid_days(payments: Payments, sets: CounterSets, clients: int) -> Ints:
    """Return the day after all paid periods; with none, that of the last counter; with nothing, a day of newest law."""
    after = np.minimum(newest_day(payments.client, payments.period_end, clients) + 1, _LAST_DAY)
    set_on = newest_day(sets.client, sets.on, clients)
    return np.where(after > 0, after, np.where(set_on > 0, set_on, _LAST_DAY))


def with_next_days(payments: Payments, days: Ints) -> tuple[Payments, npt.NDArray[np.bool_]]:
    """Return `payments` with one without paid days for each client, dated on its one of `days`, and which those are.

    It is posted after all others, so that it finds the counter as everything else leaves it.
    """
    nothing, last = np.zeros_like(days), np.full_like(days, _LAST_DAY)
    nexts = Payments(
        np.arange(len(days)), np.full_like(days, UNKNOWN), last, days, last,
        nothing, nothing, nothing, nothing, nothing, nothing,
    )  # fmt: skip
    order = np.argsort(np.concatenate((payments.client, nexts.client)), kind="stable")
    together = Payments(
        *(np.concatenate((getattr(payments, one.name), getattr(nexts, one.name)))[order] for one in fields(Payments))
    )
    return together, order >= len(payments)


def newest_day(client: Ints, day: Ints, clients: int) -> Ints:
    """Return the last of each client's days; UNKNOWN where there is none."""
    newest = np.full(clients, UNKNOWN, dtype=np.int64)
    np.maximum.at(newest, client, day)
    return newest


def paid_day(period_start: Ints, period_end: Ints, number: Ints) -> Ints:
    """Return the date of paid day `number` (0, 1, …): Monday to Friday from the start, any surplus on the end."""
    weekday = (period_start + _MONDAY_OFFSET) % 7
    # Counted from the Monday of the start's week, a weekend being as its Friday past; two days more for each week.
    offset = np.minimum(weekday, _WEEKDAYS) + number
    monday_to_friday: Ints = period_start - weekday + offset + 2 * (offset // _WEEKDAYS)
    return np.minimum(monday_to_friday, period_end)
