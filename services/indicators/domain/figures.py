"""Figures about many clients, counted from their snapshots one by one (domain.md section 5).

Each function gives what one client adds to a count; who counts adds them up. Observed are clients with an open spell,
as of the end of a day: after all facts of that day. A municipality is "" where nobody has told it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, Literal

from contracts.snapshots import Dated, PathwaySnapshot

ELSEWHERE: Final = "elsewhere"
"""Where figures count clients whose home is none of their authority's municipalities, or not known."""

Of = Literal["status", "step", "service_type"]
OFS: Final[tuple[Of, ...]] = ("status", "step", "service_type")
Flow = Literal["entered", "left", "moved_up", "moved_down"]
FLOWS: Final[tuple[Flow, ...]] = ("entered", "left", "moved_up", "moved_down")

_DAY: Final = timedelta(days=1)


def home_on(told: PathwaySnapshot, day: date) -> str:
    """Return the home municipality on `day`."""
    return told.municipality_on(day) or ""


def step_observed(told: PathwaySnapshot, day: date) -> int | None:
    """Return the step on `day` of a client with an open spell; None: not observed."""
    return told.step_on(day) if told.spell_on(day) else None


def state_observed(told: PathwaySnapshot, day: date, of: Of) -> str | None:
    """Return the state on `day` of a client with an open spell.

    None: not observed, or nothing of the kind is known; who is in no service has no service type.
    """
    if told.spell_on(day) is None:
        return None
    if of == "status":
        return told.status_on(day)
    if of == "service_type":
        return told.service_type_on(day)
    step = told.step_on(day)
    return None if step is None else str(step)


def stock_on(told: PathwaySnapshot, day: date) -> Iterator[tuple[str, int]]:
    """Give (municipality, step) of a client observed on `day`."""
    step = step_observed(told, day)
    if step is not None:
        yield home_on(told, day), step


def flow_between(told: PathwaySnapshot, first: date, last: date) -> Iterator[tuple[str, int, Flow]]:
    """Give (municipality, step, what happened) for every change of step from `first` to `last`, both included.

    A step is entered and left from and to another step or none, so that the stock at the end is the stock on the eve
    of `first`, plus entered, minus left; of those who left, some moved up and some down. Moving to another
    municipality is no flow; a change counts where the client lives on its day.
    """
    for day in _change_days(told, first, last):
        before, after = step_observed(told, day - _DAY), step_observed(told, day)
        for step, flow in _flows(before, after):
            yield home_on(told, day), step, flow


def _change_days(told: PathwaySnapshot, first: date, last: date) -> list[date]:
    days = {change.on for change in told.pending}
    intervals: list[Dated] = [*told.spells, *told.steps]
    for interval in intervals:
        days.add(interval.start)
        if interval.end is not None:
            days.add(interval.end)
    return sorted(day for day in days if first <= day <= last)


def _flows(before: int | None, after: int | None) -> Iterator[tuple[int, Flow]]:
    if before == after:
        return
    if after is not None:
        yield after, "entered"
    if before is None:
        return
    yield before, "left"
    if after is not None:
        yield before, "moved_up" if after > before else "moved_down"


def transitions_between(told: PathwaySnapshot, days: Sequence[date], of: Of) -> Iterator[tuple[str, str, str]]:
    """Give (municipality as of the origin, origin, destination) for each two neighbouring `days` observed at both."""
    states = [state_observed(told, day, of) for day in days]
    for (day, origin), (_, destination) in pairwise(zip(days, states, strict=True)):
        if origin is not None and destination is not None:
            yield home_on(told, day), origin, destination


@dataclass(frozen=True, slots=True)
class Matrix:
    """Transitions: `counts[i][j]` from `states[i]` to `states[j]`; None: hidden."""

    states: tuple[str, ...]
    counts: tuple[tuple[int | None, ...], ...]


def matrix_of(cells: Mapping[tuple[str, str], int | None]) -> Matrix:
    """Return the matrix of counts by (origin, destination), over the states that occur, sorted; absent is 0."""
    states = tuple(sorted({state for pair, count in cells.items() if count != 0 for state in pair}))
    return Matrix(states, tuple(tuple(cells.get((i, j), 0) for j in states) for i in states))


def summed(tables: Iterable[Mapping[tuple[str, ...], int | None]]) -> dict[tuple[str, ...], int | None]:
    """Add up published tables cell by cell; a cell hidden in one of them is hidden in the sum."""
    sums: dict[tuple[str, ...], int | None] = {}
    for table in tables:
        for key, count in table.items():
            so_far = sums.get(key, 0)
            sums[key] = None if count is None or so_far is None else so_far + count
    return sums
