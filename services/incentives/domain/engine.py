"""The cost engine: payments in, pieces of payments by class and their shares out. One engine for one client or all.

Share in cents = half_up(basis points × base × days in class / (10,000 × days)), per payment and class (domain page,
section 6). Pure: the same columns give the same pieces.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from services.incentives.domain.counting import Flags, Stretches, begins, following_rises, repeated, undisturbed
from services.incentives.domain.money import Ints, parts_of, shares, whole_shares
from services.incentives.domain.payments import (
    UNKNOWN,
    CounterSets,
    Payments,
    Steps,
    chosen,
    column,
    next_paid_days,
    paid_day,
    with_next_days,
)
from services.incentives.domain.schemes import DayLadder, Effect, RuledPeriod, Scheme, StepLadder


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
    """The payments for which one rule holds: which `rows` of all they are, None: all; and what their days do.

    `touched` tells whose days count or cost, `free` are those whose days count and do not cost; `before` and `after`
    are the counter around each payment.
    """

    payments: Payments
    rows: Ints | None
    stretches: Stretches
    touched: Flags
    free: Ints
    before: Ints
    after: Ints
    standing: Ints
    remaining: Ints

    def rows_of(self, payment: Ints) -> Ints:
        """Return which of all payments these of mine are."""
        return payment if self.rows is None else self.rows[payment]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The days of payments by class; `days_before` are those of the payment in lower classes."""

    payment: Ints
    position: Ints
    days: Ints
    days_before: Ints

    def where(self, chosen: Flags | Ints) -> "_Parts":
        return _Parts(self.payment[chosen], self.position[chosen], self.days[chosen], self.days_before[chosen])


@dataclass(frozen=True, slots=True)
class _Split:
    """The class of each payment, for most lie in one as a whole, and the parts of those few that are cut."""

    position: Ints
    parts: _Parts


def assess(scheme: Scheme, payments: Payments, sets: CounterSets, steps: Steps, clients: int) -> Assessment:
    """Return what `payments` of `clients` clients cost under `scheme`."""
    ruled = [_under(period, payments, sets, steps, clients) for period in scheme.periods]
    split = _together(scheme, payments, ruled, steps)
    nothing = np.zeros_like(payments.days)
    return Assessment(
        scheme,
        _priced(scheme, payments, ruled, split),
        _of_all(nothing, ruled, [mine.before for mine in ruled]),
        _of_all(nothing, ruled, [mine.after for mine in ruled]),
        tuple(mine.standing for mine in ruled),
        tuple(mine.remaining for mine in ruled),
    )


def _of_all(otherwise: Ints, ruled: list[_Ruled], values: list[Ints]) -> Ints:
    """Return the `values` of the payments under each rule as one column; `otherwise` holds for those under none."""
    if len(ruled) == 1 and ruled[0].rows is None:
        return values[0]
    found = otherwise.copy()
    for mine, own in zip(ruled, values, strict=True):
        found[slice(None) if mine.rows is None else mine.rows] = own
    return found


def _under(period: RuledPeriod, payments: Payments, sets: CounterSets, steps: Steps, clients: int) -> _Ruled:
    rule, sets_of_rule = period.rule, sets.of(period.rule.counter)
    rows = _rows(payments, period)
    mine = payments if rows is None else payments.where(rows)
    counts = chosen(mine, rule.count)
    costs = counts if rule.cost == rule.count else chosen(mine, rule.cost)
    touched, free = counts | costs, np.flatnonzero(counts & ~costs)
    if not rule.effect.follows_rises:
        stretches = undisturbed(mine, counts, sets_of_rule)
        after = stretches.after
        standing = _newest(mine, after, sets_of_rule, clients)
        nothing = np.zeros_like(standing)
        return _Ruled(mine, rows, stretches, touched, free, stretches.before, after, standing, nothing)
    # The next paid day of each client comes along as a payment without days, to see where it will find the counter.
    together, is_next = with_next_days(mine, next_paid_days(payments, sets, clients))
    found = following_rises(
        rule.effect, together, is_next | chosen(together, rule.count), sets_of_rule, steps.rises(payments)
    )
    of_next = is_next[found.payment]
    place = np.cumsum(~is_next) - 1
    stretches = found.where(~of_next)
    own = replace(stretches, payment=place[stretches.payment])
    first = np.flatnonzero(begins(own.payment))
    last = np.append(first[1:], len(own.payment))[: len(first)] - 1
    before, after = own.before[first], own.after[last]
    standing, remaining = found.before[of_next], found.remaining[of_next]
    return _Ruled(mine, rows, own, touched, free, before, after, standing, remaining)


def _rows(payments: Payments, period: RuledPeriod) -> Ints | None:
    """Return the payments for which the rule of `period` holds; None: all."""
    ruled = np.ones(len(payments), dtype=bool)
    if period.start is not None:
        ruled &= payments.period_start >= period.start.toordinal()
    if period.end is not None:
        ruled &= payments.period_start < period.end.toordinal()
    return None if ruled.all() else np.flatnonzero(ruled)


def _newest(payments: Payments, after: Ints, sets: CounterSets, clients: int) -> Ints:
    """Return each client's counter after everything: the last payment, or what was set later."""
    newest, posted_on = np.zeros(clients, dtype=np.int64), np.full(clients, UNKNOWN, dtype=np.int64)
    last = np.flatnonzero(begins(payments.client[::-1]))  # rows from the end, where the counter order has the last
    row = len(payments) - 1 - last
    newest[payments.client[row]] = after[row]
    posted_on[payments.client[row]] = payments.posted_on[row]
    later = sets.on > posted_on[sets.client]
    newest[sets.client[later]] = sets.days[later]
    return newest


def _together(scheme: Scheme, payments: Payments, ruled: list[_Ruled], steps: Steps) -> _Split:
    """Return the split of all payments, numbered as in all classes. What no rule touches lies in the last one."""
    uncounted = len(scheme.classes) - 1
    positions, parts = [], []
    for offset, period, mine in zip(scheme.offsets, scheme.periods, ruled, strict=True):
        split = _split(period, mine, steps)
        position = split.position + offset
        position[~mine.touched] = uncounted
        positions.append(position)
        kept = split.parts.where(mine.touched[split.parts.payment])
        parts.append(replace(kept, payment=mine.rows_of(kept.payment), position=kept.position + offset))
    return _Split(_of_all(np.full(len(payments), uncounted), ruled, positions), _in_order(parts))


def _split(period: RuledPeriod, ruled: _Ruled, steps: Steps) -> _Split:
    rule = period.rule
    if isinstance(rule.ladder, StepLadder):
        return _by_step(rule.ladder, ruled, steps)
    if rule.boundary == "payment_batch":
        return _by_batch(rule.ladder, ruled)
    return _by_day(rule.ladder, ruled, rule.effect)


def _by_batch(ladder: DayLadder, ruled: _Ruled) -> _Split:
    """Give a whole payment batch the class of the counter at its beginning: the reaching batch keeps the lower one."""
    batch = ruled.payments.batch
    at_beginning = np.zeros(batch.max(initial=-1) + 1, dtype=np.int64)
    at_beginning[batch[::-1]] = ruled.before[::-1]  # from the end, so the first payment's stays
    return _Split(_position(ladder, at_beginning[batch] + 1), _NO_PARTS)


def _by_day(ladder: DayLadder, ruled: _Ruled, effect: Effect) -> _Split:
    """Cut every payment exactly where a class ends; days that do not count stay at the counter's next day."""
    stretches = ruled.stretches
    first, after = _position(ladder, stretches.before + 1), stretches.after
    crosses = after > _last_days(ladder)[first]
    cut = _cut(ladder, stretches.where(np.flatnonzero(crosses)))
    if not effect.follows_rises:
        return _Split(first, cut)
    level = np.flatnonzero(~crosses)
    relieved = stretches.relieved[level] * len(ladder.first_days)
    whole = _Parts(stretches.payment[level], first[level] + relieved, stretches.days[level], stretches.first[level])
    return _settled(_by_payment(_joined([whole, cut])), len(ruled.payments))


def _cut(ladder: DayLadder, stretches: Stretches) -> _Parts:
    """Return the days by class of `stretches` that all count."""
    first = _position(ladder, stretches.before + 1)
    stretch, number = repeated(_position(ladder, stretches.after) - first + 1)
    position, before = first[stretch] + number, stretches.before[stretch]
    lower = np.maximum(before, column(ladder.first_days)[position] - 1)
    days = np.minimum(before + stretches.days[stretch], _last_days(ladder)[position]) - lower
    relieved = stretches.relieved[stretch] * len(ladder.first_days)
    days_before = stretches.first[stretch] + lower - before
    return _Parts(stretches.payment[stretch], position + relieved, days, days_before)


def _last_days(ladder: DayLadder) -> Ints:
    """Return the last counted day of each class; the highest class has no end."""
    return column((*(day - 1 for day in ladder.first_days[1:]), np.iinfo(np.int64).max))


def _settled(parts: _Parts, payments: int) -> _Split:
    """Return parts of all payments, in order, as a split: a payment of one part lies in one class."""
    fresh = np.append(begins(parts.payment), np.True_)
    position = np.zeros(payments, dtype=np.int64)
    position[parts.payment] = parts.position
    return _Split(position, parts.where(~(fresh[:-1] & fresh[1:])))


def _by_payment(parts: _Parts) -> _Parts:
    """Join the days of one payment in one class to one part, for a payment is rounded once in each class."""
    order = _order(parts)
    payment, position, days = parts.payment[order], parts.position[order], parts.days[order]
    starts = np.flatnonzero(begins(payment, position))
    summed = np.add.reduceat(days, starts) if len(starts) else days
    running = np.cumsum(summed) - summed
    of_payment = payment[starts]
    since = np.maximum.accumulate(np.where(begins(of_payment), np.arange(len(of_payment)), 0))
    return _Parts(of_payment, position[starts], summed, running - running[since])


def _position(ladder: DayLadder, day: Ints) -> Ints:
    # A comparison for each class is several times as fast as a binary search in so short a list.
    position = np.zeros(len(day), dtype=np.int16)
    for first_day in ladder.first_days[1:]:
        position += day >= first_day
    return position.astype(np.int64)


def _by_step(ladder: StepLadder, ruled: _Ruled, steps: Steps) -> _Split:
    """Days before `from_day` wait; each later paid day has the class of the client's step on its date."""
    payments, days = ruled.payments, ruled.payments.days
    room = np.maximum(ladder.from_day - 1 - ruled.before, 0)
    waiting = np.where(ruled.stretches.counts | (room == 0), np.minimum(room, days), days)
    waits = waiting == days
    rows = ruled.rows_of(np.arange(len(payments)))
    first = steps.place(rows, payments.client, payments.period_start)
    is_level = first == steps.place(rows, payments.client, payments.period_end)
    position = _on_step(ladder, steps, first)
    position[waits] = 0
    # Few payments see a step change, and only their days need to be looked at one by one.
    mixed = np.flatnonzero(~waits & ~is_level)
    crossing = np.flatnonzero(~waits & is_level & (waiting > 0))
    begun = _Parts(*(np.repeat(one, 2) for one in (crossing, position[crossing], days[crossing], waiting[crossing])))
    begun.position[::2], begun.days[::2], begun.days_before[::2] = 0, waiting[crossing], 0
    begun.days[1::2] -= waiting[crossing]
    return _Split(position, _in_order([begun, _day_by_day(ladder, ruled, steps, mixed, waiting)]))


def _day_by_day(ladder: StepLadder, ruled: _Ruled, steps: Steps, cut: Ints, waiting: Ints) -> _Parts:
    """Return the days of payments `cut` by class."""
    index, number = repeated(ruled.payments.days[cut])
    places = _places(ruled, steps, cut[index], number)
    width = len(ladder.classes)
    position = np.where(number < waiting[cut][index], 0, _on_step(ladder, steps, places))
    by_class = np.bincount(index * width + position, minlength=len(cut) * width).reshape(len(cut), width)
    owner, position = np.nonzero(by_class)
    days_before = (np.cumsum(by_class, axis=1) - by_class)[owner, position]
    return _Parts(cut[owner], position, by_class[owner, position], days_before)


def _places(ruled: _Ruled, steps: Steps, payment: Ints, number: Ints) -> Ints:
    """Return where the step of paid day `number` of each payment is found."""
    payments = ruled.payments
    dated = paid_day(payments.period_start[payment], payments.period_end[payment], number)
    return steps.place(ruled.rows_of(payment), payments.client[payment], dated)


def _on_step(ladder: StepLadder, steps: Steps, place: Ints) -> Ints:
    by_step = column((*range(len(ladder.by_step)), ladder.unknown_step))
    return by_step[steps.at(place)] + 1  # UNKNOWN is the last of any list


def _in_order(parts: list[_Parts]) -> _Parts:
    """Return `parts`, each in order, in one order."""
    some = [one for one in parts if len(one.payment)]
    if len(some) < 2:
        return some[0] if some else _NO_PARTS
    joined = _joined(some)
    return joined.where(_order(joined))


def _order(parts: _Parts) -> Ints:
    """Return the order by payment and class; one key is sorted much faster than two, and mostly is in order nearly."""
    width = parts.position.max(initial=0) + 1
    return np.argsort(parts.payment * width + parts.position, kind="stable")


def _joined(parts: list[_Parts]) -> _Parts:
    return _Parts(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Parts.__slots__))


def _priced(scheme: Scheme, payments: Payments, ruled: list[_Ruled], split: _Split) -> Pieces:
    """Price every payment as a whole, then put the parts of those that are cut in their places."""
    bases = [_base(period, mine) for period, mine in zip(scheme.periods, ruled, strict=True)]
    base = _of_all(payments.paid_cents, ruled, bases)
    free = np.concatenate([mine.rows_of(mine.free) for mine in ruled])
    percents = column(c.percent_bp for c in scheme.classes)
    percent = percents[split.position]
    percent[free] = 0
    whole = Pieces(
        np.arange(len(payments)),
        split.position,
        payments.days,
        base,
        whole_shares(percent, base),
    )
    if not len(split.parts.payment):
        return whole
    return _with_parts(whole, _priced_parts(percents, whole, free, split.parts))


def _base(period: RuledPeriod, ruled: _Ruled) -> Ints:
    payments = ruled.payments
    return payments.basic_part_cents if period.rule.base == "basic_part_cents" else payments.paid_cents


def _priced_parts(percents: Ints, whole: Pieces, free: Ints, parts: _Parts) -> Pieces:
    base, days, percent = whole.base_cents[parts.payment], whole.days[parts.payment], percents[parts.position]
    percent[np.isin(parts.payment, free)] = 0
    return Pieces(
        parts.payment,
        parts.position,
        parts.days,
        parts_of(base, parts.days_before, parts.days, days),
        shares(percent, base, parts.days, days),
    )


def _with_parts(whole: Pieces, parts: Pieces) -> Pieces:
    """Return `whole` with the payments of `parts` replaced by these, in order."""
    fresh = begins(parts.payment)
    # A part stands behind all payments before its own, moved on by every part so far that is not its payment's first.
    place = parts.payment + np.cumsum(~fresh)
    is_fresh = np.ones(len(whole.payment) + np.count_nonzero(~fresh), dtype=np.int64)
    is_fresh[place[~fresh]] = 0
    payment = np.cumsum(is_fresh) - 1
    columns = [payment]
    for name in ("cost_class", "days", "base_cents", "cents"):
        values = getattr(whole, name)[payment]
        values[place] = getattr(parts, name)
        columns.append(values)
    return Pieces(*columns)


_NO_PARTS: Final = _Parts(column(()), column(()), column(()), column(()))
