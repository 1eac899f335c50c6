"""How far the counter stands at each paid day: stretches of payments, and what rises to higher steps do to them."""

from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from services.incentives.domain.money import Ints
from services.incentives.domain.payments import UNKNOWN, CounterSets, Payments, Rises, key_of, last_place, paid_day
from services.incentives.domain.schemes import Effect, Progress

Flags = npt.NDArray[np.bool_]

_ROOM: Final = 1 << 24
"""More than any counter: keeps the numbers of one run of stretches apart from the next one's."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Paid days of payments that are treated alike, in counter order: a whole payment where nothing cuts it.

    `first` is the number of a stretch's first paid day in its payment (0, 1, …), `before` the counter before it;
    `counts` tells whether its days move the counter, `relieved` whether a relief holds, and `remaining` for how many
    paid days a pause or relief still holds at its beginning.
    """

    payment: Ints
    first: Ints
    days: Ints
    counts: Flags
    relieved: Flags
    remaining: Ints
    before: Ints

    @property
    def after(self) -> Ints:
        """The counter after each stretch."""
        return self.before + self.counts * self.days

    def where(self, chosen: Flags | Ints) -> Self:
        """Return the chosen stretches."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class _Cut:
    """Parts of payments in counter order; `rises` is how many there are up to each, those of clients before included.

    `counts`: its days move the counter. `is_lasting`: a pause or relief holds, at its beginning for `remaining` days.
    """

    payment: Ints
    first: Ints
    days: Ints
    rises: Ints
    counts: Flags
    is_lasting: Flags
    remaining: Ints

    def where(self, chosen: Flags | Ints) -> Self:
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


def undisturbed(payments: Payments, counts: Flags, sets: CounterSets) -> Stretches:
    """Return each payment as one stretch, for rules under which rises change nothing."""
    before = _running(counts, payments.days)
    starts, values = _courses(payments, sets)
    before += np.repeat(values - before[starts], np.append(starts[1:], len(before)) - starts)
    nothing, never = np.broadcast_to(np.int64(0), len(before)), np.broadcast_to(np.False_, len(before))
    return Stretches(np.arange(len(before)), nothing, payments.days, counts, never, nothing, before)


def _courses(payments: Payments, sets: CounterSets) -> tuple[Ints, Ints]:
    """Return the payments at which a counter starts anew, and with what: each client's first, and those after a set.

    Where a counter was set more than once before a payment, that payment is there more than once, the last set last.
    """
    firsts = np.flatnonzero(begins(payments.client))
    after_set = np.searchsorted(key_of(payments.client, payments.posted_on), key_of(sets.client, sets.on))
    holds = np.append(payments.client, UNKNOWN)[after_set] == sets.client
    starts = np.concatenate((firsts, after_set[holds]))
    order = np.argsort(starts, kind="stable")
    return starts[order], np.concatenate((np.zeros_like(firsts), sets.days[holds]))[order]


def following_rises(effect: Effect, payments: Payments, counts: Flags, sets: CounterSets, rises: Rises) -> Stretches:
    """Return stretches in which no rise lies and no effect of one ends. A payment without days is kept as one.

    Days are taken in counter order. A rise holds from the first paid day on that is dated on it or later, and then for
    all that come after in that order, whatever their dates.
    """
    cut = _cut_at_rises(payments, counts, rises)
    if effect.lasts:
        cut = _cut_at_ends(effect, payments, cut, rises)
    relieved = cut.is_lasting & (effect.progress is Progress.RELIEF)
    before = _before(effect, payments, cut, sets, rises)
    return Stretches(cut.payment, cut.first, cut.days, cut.counts, relieved, cut.remaining, before)


def _cut_at_rises(payments: Payments, counts: Flags, rises: Rises) -> _Cut:
    every = np.arange(len(payments))
    at_first = _rises_on(payments, rises, every, np.zeros_like(every))
    at_last = _rises_on(payments, rises, every, np.maximum(payments.days - 1, 0))
    # Few payments see a rise, and only their days need to be looked at one by one.
    whole, mixed = np.flatnonzero(at_first == at_last), np.flatnonzero(at_first != at_last)
    index, number = repeated(payments.days[mixed])
    on_day = _rises_on(payments, rises, mixed[index], number)
    starts = np.flatnonzero(begins(index, on_day))
    payment = np.concatenate((whole, mixed[index[starts]]))
    first = np.concatenate((np.zeros_like(whole), number[starts]))
    days = np.concatenate((payments.days[whole], np.diff(starts, append=len(index))))
    risen = np.concatenate((at_first[whole], on_day[starts]))
    order = np.lexsort((first, payment))
    payment, risen = payment[order], np.maximum.accumulate(risen[order])
    lasting, remaining = np.zeros(len(order), dtype=bool), np.zeros(len(order), dtype=np.int64)
    return _Cut(payment, first[order], days[order], risen, counts[payment], lasting, remaining)


def _rises_on(payments: Payments, rises: Rises, payment: Ints, number: Ints) -> Ints:
    dated = paid_day(payments.period_start[payment], payments.period_end[payment], number)
    return rises.number(payments.client[payment], dated)


def _cut_at_ends(effect: Effect, payments: Payments, cut: _Cut, rises: Rises) -> _Cut:
    """Cut parts where a pause or a relief ends; days that do not count neither use it up nor end it."""
    client = payments.client[cut.payment]
    running = _running(cut.counts, cut.days)
    used = running - running[_since(begins(client, cut.rises))]
    remaining = np.where(cut.rises > _rises_before(rises, client), np.maximum(effect.days - used, 0), 0)
    within = np.where(cut.counts, np.minimum(remaining, cut.days), np.where(remaining > 0, cut.days, 0))
    counts = cut.counts & (effect.progress is not Progress.PAUSE)
    lasting = replace(cut, days=within, counts=counts, is_lasting=np.ones_like(counts), remaining=remaining)
    rest = replace(cut, first=cut.first + within, days=cut.days - within, remaining=remaining - within)
    both = [lasting.where(within > 0), rest.where((rest.days > 0) | (cut.days == 0))]
    joined = _Cut(*(np.concatenate([getattr(part, field.name) for part in both]) for field in fields(_Cut)))
    return joined.where(np.lexsort((joined.first, joined.payment)))


def _before(effect: Effect, payments: Payments, cut: _Cut, sets: CounterSets, rises: Rises) -> Ints:
    """Return the counter before each part: what was set last or the newest rise made of it, plus the days since.

    Of a counter that was set and a rise the later one holds, the rise only from the day after.
    """
    client = payments.client[cut.payment]
    place = _last_set(client, payments.posted_on[cut.payment], sets)
    known_then = rises.number(client, np.where(place == UNKNOWN, 0, _taken(sets.on, place)))
    risen = np.maximum(cut.rises - known_then, 0)
    running = _running(cut.counts, cut.days)
    if effect.progress is Progress.CLOCK:
        since = _since(begins(client, place, risen))
        return running - running[since] + np.where(risen > 0, 0, _set_to(sets, place))
    fresh = begins(client, place)
    standing = running - running[_since(fresh)] + _set_to(sets, place)
    return _set_back(standing, effect.days * risen, fresh) if effect.progress is Progress.SET_BACK else standing


def _set_back(standing: Ints, fall: Ints, fresh: Flags) -> Ints:
    """Return counters that fell by `fall` in all since each `fresh` one, but never below 0."""
    fallen = standing - fall
    apart = np.cumsum(fresh) * _ROOM
    below = np.minimum.accumulate(np.minimum(fallen, 0) - apart) + apart
    counter: Ints = fallen - below
    return counter


def _rises_before(rises: Rises, client: Ints) -> Ints:
    """Return how many rises all clients before have."""
    return rises.number(client, np.zeros_like(client))


def _running(counts: Flags, days: Ints) -> Ints:
    counted = counts * days
    running: Ints = np.cumsum(counted)
    running -= counted
    return running


def begins(*keys: Ints) -> Flags:
    """Tell where one of `keys` differs from the row before; the first row does."""
    fresh = np.zeros(len(keys[0]), dtype=bool)
    fresh[:1] = True
    for key in keys:
        fresh[1:] |= key[1:] != key[:-1]
    return fresh


def _since(fresh: Flags) -> Ints:
    """Return for each row the last fresh one up to it."""
    since: Ints = np.maximum.accumulate(np.where(fresh, np.arange(len(fresh)), 0))
    return since


def repeated(counts: Ints) -> tuple[Ints, Ints]:
    """Return the index of each thing repeated `counts` times, and the number of the repetition."""
    index = np.repeat(np.arange(len(counts)), counts)
    return index, np.arange(len(index)) - (np.cumsum(counts) - counts)[index]


def _last_set(client: Ints, day: Ints, sets: CounterSets) -> Ints:
    return last_place(key_of(sets.client, sets.on), key_of(client, day))


def _set_to(sets: CounterSets, place: Ints) -> Ints:
    return np.where(place == UNKNOWN, 0, _taken(sets.days, place))


def _taken(values: Ints, place: Ints) -> Ints:
    return values[np.maximum(place, 0)] if len(values) else np.full(len(place), UNKNOWN, dtype=np.int64)
