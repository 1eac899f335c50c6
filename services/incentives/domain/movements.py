"""How clients were seen to move: from the state at the end of a month to that at the end of the next.

A state is the step (or none) and whether benefit was paid, and on which basis. Clients are looked at on the last
weekday of each month, for paid days lie on weekdays, from the first such day on which or before which they were paid.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from contracts.dates import month_end
from services.incentives.domain.counting import repeated
from services.incentives.domain.money import Ints
from services.incentives.domain.payments import UNKNOWN, Track, column
from services.incentives.domain.schemes import BASES, STEPS, Basis

Chances = npt.NDArray[np.float64]
"""Draws from [0, 1)."""

UNPAID: Final = 0
"""How a client is paid in a month: not at all; else one more than the basis' place in BASES."""
WAYS: Final = 1 + len(BASES)
STATES: Final = (1 + len(STEPS)) * WAYS
_FRIDAY: Final = 4
_UNEMPLOYMENT: Final[Basis] = "unemployment"


def paid_on(basis: Basis) -> int:
    """Return the way of being paid on `basis`."""
    return 1 + BASES.index(basis)


def state_of(step: Ints, way: Ints) -> Ints:
    """Return the number of each state; `step` may be UNKNOWN."""
    return (step - UNKNOWN) * WAYS + way


def step_in(state: Ints) -> Ints:
    """Return the step in each state, UNKNOWN where there is none."""
    return state // WAYS + UNKNOWN


def way_in(state: Ints) -> Ints:
    """Return how a client is paid in each state."""
    return state % WAYS


@dataclass(frozen=True, slots=True)
class PaidPeriods:
    """Periods of payments as columns, in any order; days are ordinals, `basis` is a place in BASES."""

    client: Ints
    start: Ints
    end: Ints
    days: Ints
    basis: Ints


@dataclass(frozen=True)
class Movements:
    """Counts of client-months by state and state a month later; rows are from, columns to."""

    counts: Ints

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts)

    def observed(self, step: int) -> int:
        """Return how many client-months were seen to begin on `step`."""
        return int(self._by_step(step).sum())

    def ways(self, step: int) -> Ints:
        """Return whole weights of the ways in which clients on `step` are paid.

        One month on the basis of unemployment is added to what was seen, so that a step that nobody stood on has
        somebody on benefit.
        """
        ways = self._by_step(step)
        ways[paid_on(_UNEMPLOYMENT)] += 1
        return ways

    def ways_above(self, step: int) -> Ints:
        """Return the same for those who come from `step` to the next one.

        One month is added that is spread as those on `step` are: where nobody was seen above, nothing changes.
        """
        here = self.ways(step)
        above: Ints = self._by_step(step + 1) * here.sum() + here
        return above

    def _by_step(self, step: int) -> Ints:
        first = (step - UNKNOWN) * WAYS
        ways: Ints = self.counts[first : first + WAYS].sum(axis=1)
        return ways

    def following(self, states: Ints, chances: Chances) -> Ints:
        """Return the state a month after each of `states`; `chances` choose it in the order of the states' numbers.

        One month of staying is added to each row: from where nobody was seen to move, nobody moves.
        """
        reached = self._running[states]
        chosen = np.floor(chances * reached[:, -1]).astype(np.int64)
        following: Ints = (reached <= chosen[:, None]).sum(axis=1)
        return following

    @cached_property
    def _running(self) -> Ints:
        return np.cumsum(self.counts + np.eye(STATES, dtype=np.int64), axis=1)


NOTHING_SEEN: Final = Movements(np.zeros((STATES, STATES), dtype=np.int64))
"""Under these movements everybody stays for ever."""


def last_weekdays(months: Iterable[date]) -> Ints:
    """Return the last Monday to Friday of each month, as ordinals."""
    ends = [month_end(month) for month in months]
    return column(end.toordinal() - max(end.weekday() - _FRIDAY, 0) for end in ends)


def movements_seen(clients: int, steps: Track, paid: PaidPeriods, days: Ints) -> Movements:
    """Return how `clients` clients moved from each of `days` (ascending) to the next."""
    ways = _ways_on(clients, paid, days)
    place = np.arange(clients * len(days))
    on_step = steps.on(place // len(days), days[place % len(days)]).reshape(clients, len(days))
    states = state_of(on_step, ways)
    ever_paid = np.logical_or.accumulate(ways != UNPAID, axis=1)
    ever_paid[paid.client[paid.end < days[0]]] = True
    since = ever_paid[:, :-1]
    moves = states[:, :-1][since] * STATES + states[:, 1:][since]
    return Movements(np.bincount(moves, minlength=STATES * STATES).reshape(STATES, STATES).astype(np.int64))


def _ways_on(clients: int, paid: PaidPeriods, days: Ints) -> Ints:
    """Return how each client (rows) was paid on each of `days`: on the basis of most paid days that cover it.

    Of as many days on both, the service's, for the client was in it.
    """
    first = np.searchsorted(days, paid.start, side="left")
    covering, number = repeated(np.searchsorted(days, paid.end, side="right") - first)
    cell = (paid.client[covering] * len(days) + first[covering] + number) * WAYS + 1 + paid.basis[covering]
    in_days = np.bincount(cell, paid.days[covering], minlength=clients * len(days) * WAYS)
    backwards = in_days.reshape(clients, len(days), WAYS)[:, :, ::-1]  # the first of equals is the last way
    ways: Ints = np.where(backwards.max(axis=2) > 0, WAYS - 1 - backwards.argmax(axis=2), UNPAID)
    return ways
