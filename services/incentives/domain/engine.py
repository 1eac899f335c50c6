"""The cost engine: payments in, pieces of payments by class and their shares out. One engine for one client or all.

Share in cents = half_up(basis points × base × days in class / (10,000 × days)), per payment and class (domain page,
section 6). Pure: the same columns give the same pieces.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.incentives.domain.money import Ints, parts_of, shares
from services.incentives.domain.payments import (
    UNKNOWN,
    CounterSets,
    Payments,
    Steps,
    chosen,
    column,
    key_of,
    paid_day,
)
from services.incentives.domain.schemes import DayLadder, Rule, RuledPeriod, Scheme, StepLadder

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pieces:
    """What became of payments, sorted by payment and class.

    `payment` is a row of the payments, `cost_class` a position in the scheme's classes; `base_cents` is the part of
    the payment's base that falls on the piece, `cents` the municipality's share of it.
    """

    payment: Ints
    cost_class: Ints
    days: Ints
    base_cents: Ints
    cents: Ints


@dataclass(frozen=True, slots=True)
class Assessment:
    """All pieces under one scheme, and the counter as it stood before and after each payment.

    `standing[p]` is the newest counter of each client under the p-th ruled period of the scheme.
    """

    scheme: Scheme
    pieces: Pieces
    before: Ints
    after: Ints
    standing: tuple[Ints, ...]


@dataclass(frozen=True, slots=True)
class _Ruled:
    """The payments for which one rule holds: which `rows` of all they are, and what their days do."""

    payments: Payments
    rows: Ints
    before: Ints
    counts: Flags
    touched: Flags

    @property
    def counted(self) -> Ints:
        return np.where(self.counts, self.payments.days, 0)


@dataclass(frozen=True, slots=True)
class _Split:
    payment: Ints
    position: Ints
    days: Ints
    days_before: Ints


def assess(scheme: Scheme, payments: Payments, sets: CounterSets, steps: Steps, clients: int) -> Assessment:
    """Return what `payments` of `clients` clients cost under `scheme`."""
    before, after = np.zeros_like(payments.days), np.zeros_like(payments.days)
    uncounted = np.ones(len(payments), dtype=bool)
    splits, standing = [], []
    for offset, period in zip(scheme.offsets, scheme.periods, strict=True):
        mine_sets = sets.of(period.rule.counter)
        mine = _under(period, payments, mine_sets)
        before[mine.rows] = mine.before
        after[mine.rows] = mine.before + mine.counted
        uncounted[mine.rows] = ~mine.touched
        standing.append(_newest(mine, mine_sets, clients))
        splits.append(_moved(_split(period.rule, mine, steps), mine, offset))
    splits.append(_whole(np.flatnonzero(uncounted), len(scheme.classes) - 1, payments.days))
    return Assessment(scheme, _priced(scheme, payments, _in_order(splits)), before, after, tuple(standing))


def _under(period: RuledPeriod, payments: Payments, sets: CounterSets) -> _Ruled:
    ruled = _ruled(payments, period)
    mine = payments.where(ruled)
    counts = chosen(mine, period.rule.count)
    before = _counter_before(mine, np.where(counts, mine.days, 0), sets)
    return _Ruled(mine, np.flatnonzero(ruled), before, counts, counts | chosen(mine, period.rule.cost))


def _ruled(payments: Payments, period: RuledPeriod) -> Flags:
    ruled = np.ones(len(payments), dtype=bool)
    if period.start is not None:
        ruled &= payments.period_start >= period.start.toordinal()
    if period.end is not None:
        ruled &= payments.period_start < period.end.toordinal()
    return ruled


def _counter_before(payments: Payments, counted: Ints, sets: CounterSets) -> Ints:
    """Return the counter before each payment: what was set last, plus the days counted since."""
    place = _last_set(payments.client, payments.posted_on, sets)
    running = np.cumsum(counted) - counted
    fresh = np.ones(len(payments), dtype=bool)
    fresh[1:] = (np.diff(payments.client) != 0) | (np.diff(place) != 0)
    since = np.maximum.accumulate(np.where(fresh, np.arange(len(payments)), 0))
    was_set = np.where(place == UNKNOWN, 0, _taken(sets.days, place))
    return running - running[since] + was_set


def _last_set(client: Ints, day: Ints, sets: CounterSets) -> Ints:
    place = np.searchsorted(key_of(sets.client, sets.on), key_of(client, day), side="right") - 1
    return np.where((place >= 0) & (_taken(sets.client, place) == client), place, UNKNOWN)


def _taken(values: Ints, place: Ints) -> Ints:
    return values[np.maximum(place, 0)] if len(values) else np.full(len(place), UNKNOWN, dtype=np.int64)


def _newest(ruled: _Ruled, sets: CounterSets, clients: int) -> Ints:
    """Return each client's counter after everything: the last payment, or what was set later."""
    newest = np.zeros(clients, dtype=np.int64)
    newest[ruled.payments.client] = ruled.before + ruled.counted  # in counter order, so the last payment's stays
    last_posted = np.full(clients, UNKNOWN, dtype=np.int64)
    last_posted[ruled.payments.client] = ruled.payments.posted_on
    later = sets.on > last_posted[sets.client]
    newest[sets.client[later]] = sets.days[later]
    return newest


def _split(rule: Rule, ruled: _Ruled, steps: Steps) -> _Split:
    if isinstance(rule.ladder, StepLadder):
        return _by_step(rule.ladder, ruled, steps)
    if rule.boundary == "payment_batch":
        return _by_batch(rule.ladder, ruled)
    return _by_day(rule.ladder, ruled)


def _by_batch(ladder: DayLadder, ruled: _Ruled) -> _Split:
    """Give a whole payment batch the class of the counter at its beginning: the reaching batch keeps the lower one."""
    _, first_row, batch = np.unique(ruled.payments.batch, return_index=True, return_inverse=True)
    at_beginning = ruled.before[first_row][batch]
    every = np.arange(len(ruled.payments))
    return _Split(every, _position(ladder, at_beginning + 1), ruled.payments.days, np.zeros_like(every))


def _by_day(ladder: DayLadder, ruled: _Ruled) -> _Split:
    """Cut every payment exactly where a class ends; days that cost but do not count stay at the counter's next day."""
    before, counts, all_days = ruled.before, ruled.counts, ruled.payments.days
    first = _position(ladder, before + 1)
    last = np.where(counts, _position(ladder, before + all_days), first)
    payment, number = _repeated(last - first + 1)
    position = first[payment] + number
    lower = np.maximum(before[payment], column(ladder.first_days)[position] - 1)
    ends = column((*(day - 1 for day in ladder.first_days[1:]), np.iinfo(np.int64).max))
    upper = np.minimum((before + all_days)[payment], ends[position])
    days = np.where(counts[payment], upper - lower, all_days[payment])
    return _Split(payment, position, days, np.where(counts[payment], lower - before[payment], 0))


def _position(ladder: DayLadder, day: Ints) -> Ints:
    return np.searchsorted(column(ladder.first_days), day, side="right").astype(np.int64) - 1


def _repeated(counts: Ints) -> tuple[Ints, Ints]:
    """Return the index of each thing repeated `counts` times, and the number of the repetition."""
    index = np.repeat(np.arange(len(counts)), counts)
    return index, np.arange(len(index)) - (np.cumsum(counts) - counts)[index]


def _by_step(ladder: StepLadder, ruled: _Ruled, steps: Steps) -> _Split:
    """Days before `from_day` wait; each later paid day has the class of the client's step on its date."""
    days = ruled.payments.days
    room = np.maximum(ladder.from_day - 1 - ruled.before, 0)
    waiting = np.where(ruled.counts | (room == 0), np.minimum(room, days), days)
    waits, later = np.flatnonzero(waiting), np.flatnonzero(waiting < days)
    first = _places(ruled, steps, later, waiting[later])
    # Few payments see a step change, and only their days need to be looked at one by one.
    is_level = first == _places(ruled, steps, later, days[later] - 1)
    level, mixed = later[is_level], later[~is_level]
    position = _on_step(ladder, steps, first[is_level])
    return _joined(
        [
            _Split(waits, np.zeros_like(waits), waiting[waits], np.zeros_like(waits)),
            _Split(level, position, days[level] - waiting[level], waiting[level]),
            _day_by_day(ladder, ruled, steps, mixed, waiting),
        ]
    )


def _day_by_day(ladder: StepLadder, ruled: _Ruled, steps: Steps, mixed: Ints, waiting: Ints) -> _Split:
    """Return the days after `waiting` of payments `mixed`, sorted by class."""
    index, number = _repeated((ruled.payments.days - waiting)[mixed])
    places = _places(ruled, steps, mixed[index], number + waiting[mixed][index])
    width = len(ladder.classes)
    cells = np.bincount(index * width + _on_step(ladder, steps, places), minlength=len(mixed) * width)
    by_class = cells.reshape(len(mixed), width)
    owner, position = np.nonzero(by_class)
    days_before = (np.cumsum(by_class, axis=1) - by_class)[owner, position] + waiting[mixed][owner]
    return _Split(mixed[owner], position, by_class[owner, position], days_before)


def _places(ruled: _Ruled, steps: Steps, payment: Ints, number: Ints) -> Ints:
    """Return where the step of paid day `number` of each payment is found."""
    payments = ruled.payments
    dated = paid_day(payments.period_start[payment], payments.period_end[payment], number)
    return steps.place(ruled.rows[payment], payments.client[payment], dated)


def _on_step(ladder: StepLadder, steps: Steps, place: Ints) -> Ints:
    step = steps.at(place)
    return 1 + np.where(step == UNKNOWN, ladder.unknown_step, step)


def _moved(split: _Split, ruled: _Ruled, offset: int) -> _Split:
    """Return the pieces of days that count or cost, numbered as in all payments and all classes."""
    keep = ruled.touched[split.payment]
    return _Split(
        ruled.rows[split.payment[keep]], split.position[keep] + offset, split.days[keep], split.days_before[keep]
    )


def _whole(rows: Ints, position: int, days: Ints) -> _Split:
    return _Split(rows, np.full(len(rows), position), days[rows], np.zeros(len(rows), dtype=np.int64))


def _joined(splits: list[_Split]) -> _Split:
    return _Split(*(np.concatenate([getattr(split, name) for split in splits]) for name in _Split.__slots__))


def _in_order(splits: list[_Split]) -> _Split:
    joined = _joined(splits)
    order = np.lexsort((joined.position, joined.payment))
    return _Split(joined.payment[order], joined.position[order], joined.days[order], joined.days_before[order])


def _priced(scheme: Scheme, payments: Payments, split: _Split) -> Pieces:
    base = _base(scheme, payments)[split.payment]
    cost = _costs(scheme, payments)[split.payment]
    percent = np.where(cost, column(c.percent_bp for c in scheme.classes)[split.position], 0)
    days = payments.days[split.payment]
    return Pieces(
        split.payment,
        split.position,
        split.days,
        parts_of(base, split.days_before, split.days, days),
        shares(percent, base, split.days, days),
    )


def _base(scheme: Scheme, payments: Payments) -> Ints:
    """Return what is shared of each payment; of one that no rule holds for, what was paid."""
    base = payments.paid_cents.copy()
    for period in scheme.periods:
        if period.rule.base == "basic_part_cents":
            ruled = _ruled(payments, period)
            base[ruled] = payments.basic_part_cents[ruled]
    return base


def _costs(scheme: Scheme, payments: Payments) -> Flags:
    cost = np.zeros(len(payments), dtype=bool)
    for period in scheme.periods:
        cost |= _ruled(payments, period) & chosen(payments, period.rule.cost)
    return cost
