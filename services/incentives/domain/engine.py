"""The cost engine: payments in, pieces of payments by class and their shares out. One engine for one client or all.

Share in cents = half_up(basis points × base × days in class / (10,000 × days)), per payment and class (domain page,
section 6). Pure: the same columns give the same pieces.
"""

from dataclasses import dataclass, replace

import numpy as np

from services.incentives.domain.counting import Flags, Stretches, begins, following_rises, repeated, undisturbed
from services.incentives.domain.money import Ints, parts_of, shares
from services.incentives.domain.payments import (
    UNKNOWN,
    CounterSets,
    Payments,
    Steps,
    chosen,
    column,
    newest_day,
    next_paid_days,
    paid_day,
    with_next_days,
)
from services.incentives.domain.schemes import DayLadder, RuledPeriod, Scheme, StepLadder


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

    Under the p-th ruled period of the scheme, `standing[p]` is each client's counter before the next paid day, and
    `remaining[p]` the paid days for which a pause or a relief will still hold then.
    """

    scheme: Scheme
    pieces: Pieces
    before: Ints
    after: Ints
    standing: tuple[Ints, ...]
    remaining: tuple[Ints, ...]


@dataclass(frozen=True, slots=True)
class _Ruled:
    """The payments for which one rule holds: which `rows` of all they are, and what their days do."""

    payments: Payments
    rows: Ints
    stretches: Stretches
    touched: Flags
    standing: Ints
    remaining: Ints

    @property
    def _begins(self) -> Ints:
        """The first stretch of each payment."""
        return np.flatnonzero(begins(self.stretches.payment))

    @property
    def before(self) -> Ints:
        return self.stretches.before[self._begins]

    @property
    def after(self) -> Ints:
        ends = np.append(self._begins[1:], len(self.stretches.payment)) - 1
        return self.stretches.after[ends] if len(self.rows) else self.stretches.after


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
    splits, ruled = [], [_under(period, payments, sets, steps, clients) for period in scheme.periods]
    for offset, period, mine in zip(scheme.offsets, scheme.periods, ruled, strict=True):
        before[mine.rows], after[mine.rows] = mine.before, mine.after
        uncounted[mine.rows] = ~mine.touched
        splits.append(_moved(_split(period, mine, steps), mine, offset))
    splits.append(_whole(np.flatnonzero(uncounted), len(scheme.classes) - 1, payments.days))
    return Assessment(
        scheme, _priced(scheme, payments, _in_order(splits)), before, after,
        tuple(mine.standing for mine in ruled), tuple(mine.remaining for mine in ruled),
    )  # fmt: skip


def _under(period: RuledPeriod, payments: Payments, sets: CounterSets, steps: Steps, clients: int) -> _Ruled:
    rule, sets_of_rule = period.rule, sets.of(period.rule.counter)
    rows = np.flatnonzero(_ruled(payments, period))
    mine = payments.where(rows)
    counts = chosen(mine, rule.count)
    touched = counts | chosen(mine, rule.cost)
    if not rule.effect.follows_rises:
        stretches = undisturbed(mine, counts, sets_of_rule)
        standing = _newest(mine, stretches.after, sets_of_rule, clients)
        return _Ruled(mine, rows, stretches, touched, standing, np.zeros_like(standing))
    # The next paid day of each client comes along as a payment without days, to see where it will find the counter.
    together, is_next = with_next_days(mine, next_paid_days(payments, sets, clients))
    found = following_rises(
        rule.effect, together, is_next | chosen(together, rule.count), sets_of_rule, steps.rises(payments)
    )
    of_next = is_next[found.payment]
    place = np.cumsum(~is_next) - 1
    stretches = found.where(~of_next)
    own = replace(stretches, payment=place[stretches.payment])
    return _Ruled(mine, rows, own, touched, found.before[of_next], found.remaining[of_next])


def _ruled(payments: Payments, period: RuledPeriod) -> Flags:
    ruled = np.ones(len(payments), dtype=bool)
    if period.start is not None:
        ruled &= payments.period_start >= period.start.toordinal()
    if period.end is not None:
        ruled &= payments.period_start < period.end.toordinal()
    return ruled


def _newest(payments: Payments, after: Ints, sets: CounterSets, clients: int) -> Ints:
    """Return each client's counter after everything: the last payment, or what was set later."""
    newest = np.zeros(clients, dtype=np.int64)
    newest[payments.client] = after  # in counter order, so the last payment's stays
    later = sets.on > newest_day(payments.client, payments.posted_on, clients)[sets.client]
    newest[sets.client[later]] = sets.days[later]
    return newest


def _split(period: RuledPeriod, ruled: _Ruled, steps: Steps) -> _Split:
    rule = period.rule
    if isinstance(rule.ladder, StepLadder):
        return _by_step(rule.ladder, ruled, steps)
    if rule.boundary == "payment_batch":
        return _by_batch(rule.ladder, ruled)
    split = _by_day(rule.ladder, ruled.stretches)
    return _by_payment(split) if rule.effect.follows_rises else split


def _by_batch(ladder: DayLadder, ruled: _Ruled) -> _Split:
    """Give a whole payment batch the class of the counter at its beginning: the reaching batch keeps the lower one."""
    _, first_row, batch = np.unique(ruled.payments.batch, return_index=True, return_inverse=True)
    at_beginning = ruled.before[first_row][batch]
    every = np.arange(len(ruled.payments))
    return _Split(every, _position(ladder, at_beginning + 1), ruled.payments.days, np.zeros_like(every))


def _by_day(ladder: DayLadder, stretches: Stretches) -> _Split:
    """Cut every stretch exactly where a class ends; days that cost but do not count stay at the counter's next day."""
    before, counts, all_days = stretches.before, stretches.counts, stretches.days
    first = _position(ladder, before + 1)
    last = np.where(counts, _position(ladder, before + all_days), first)
    stretch, number = repeated(last - first + 1)
    position = first[stretch] + number
    lower = np.maximum(before[stretch], column(ladder.first_days)[position] - 1)
    ends = column((*(day - 1 for day in ladder.first_days[1:]), np.iinfo(np.int64).max))
    upper = np.minimum((before + all_days)[stretch], ends[position])
    days = np.where(counts[stretch], upper - lower, all_days[stretch])
    days_before = stretches.first[stretch] + np.where(counts[stretch], lower - before[stretch], 0)
    relieved = np.where(stretches.relieved[stretch], len(ladder.first_days), 0)
    return _Split(stretches.payment[stretch], position + relieved, days, days_before)


def _by_payment(split: _Split) -> _Split:
    """Join the days of one payment in one class to one piece, for a payment is rounded once in each class."""
    order = np.lexsort((split.position, split.payment))
    payment, position, days = split.payment[order], split.position[order], split.days[order]
    starts = np.flatnonzero(begins(payment, position))
    summed = np.add.reduceat(days, starts) if len(starts) else days
    running = np.cumsum(summed) - summed
    of_payment = payment[starts]
    since = np.maximum.accumulate(np.where(begins(of_payment), np.arange(len(of_payment)), 0))
    return _Split(of_payment, position[starts], summed, running - running[since])


def _position(ladder: DayLadder, day: Ints) -> Ints:
    return np.searchsorted(column(ladder.first_days), day, side="right").astype(np.int64) - 1


def _by_step(ladder: StepLadder, ruled: _Ruled, steps: Steps) -> _Split:
    """Days before `from_day` wait; each later paid day has the class of the client's step on its date."""
    days = ruled.payments.days
    room = np.maximum(ladder.from_day - 1 - ruled.before, 0)
    waiting = np.where(ruled.stretches.counts | (room == 0), np.minimum(room, days), days)
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
    index, number = repeated((ruled.payments.days - waiting)[mixed])
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
