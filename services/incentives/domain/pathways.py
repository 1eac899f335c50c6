"""What this room needs of a pathway: on which days the step, the home municipality and the coordinator change."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from contracts.snapshots import (
    CoordinatorInterval,
    MunicipalityInterval,
    PathwaySnapshot,
    PendingChange,
    StepInterval,
)
from services.incentives.domain.payments import UNKNOWN

Change = tuple[int, int]
"""An ordinal and the value that holds from that day on; UNKNOWN: none is known."""
Handover = tuple[int, str | None]
"""An ordinal and who is responsible for the client from that day on; None: nobody."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PathwayPart:
    """The fields of PathwaySnapshot that costs, and who may see them, depend on; read from the same JSON."""

    authority: str
    client: str
    revision: int
    municipalities: tuple[MunicipalityInterval, ...] = ()
    coordinators: tuple[CoordinatorInterval, ...] = ()
    steps: tuple[StepInterval, ...] = ()
    pending: tuple[PendingChange, ...] = ()

    @classmethod
    def of(cls, snapshot: PathwaySnapshot) -> "PathwayPart":
        """Return the part of a whole snapshot."""
        return cls(
            snapshot.authority, snapshot.client, snapshot.revision, snapshot.municipalities, snapshot.coordinators,
            snapshot.steps, snapshot.pending,
        )  # fmt: skip


def home_changes(pathway: PathwayPart) -> tuple[Change, ...]:
    """Return when the home municipality changes; values are municipality numbers."""
    return _changes(((home.start, home.end, int(home.municipality)) for home in pathway.municipalities), UNKNOWN)


def handovers(pathway: PathwayPart) -> tuple[Handover, ...]:
    """Return when the responsible coordinator changes."""
    return _changes(((held.start, held.end, held.coordinator) for held in pathway.coordinators), None)


def coordinator_on(course: tuple[Handover, ...], day: date) -> str | None:
    """Return who is responsible on `day`; None: nobody, or nobody is known."""
    return next((name for since, name in reversed(course) if since <= day.toordinal()), None)


def step_changes(pathway: PathwayPart) -> tuple[Change, ...]:
    """Return when the step changes, as PathwaySnapshot.step_on tells it: what is pending holds from its day on."""
    stated = _changes(((interval.start, interval.end, interval.step) for interval in pathway.steps), UNKNOWN)
    pending = [(change.on.toordinal(), UNKNOWN if change.step is None else change.step) for change in pathway.pending]
    if not pending:
        return stated
    first = min(day for day, _ in pending)
    return _without_repeats([*(change for change in stated if change[0] < first), *sorted(pending)], UNKNOWN)


def _changes(intervals: Iterable[tuple[date, date | None, T]], nothing: T) -> tuple[tuple[int, T], ...]:
    changes: list[tuple[int, T]] = []
    for start, end, value in intervals:
        while changes and changes[-1][0] >= start.toordinal():
            changes.pop()  # the end of the interval before it, which this one follows without a gap
        changes.append((start.toordinal(), value))
        if end is not None:
            changes.append((end.toordinal(), nothing))
    return _without_repeats(changes, nothing)


def _without_repeats(changes: list[tuple[int, T]], nothing: T) -> tuple[tuple[int, T], ...]:
    kept: list[tuple[int, T]] = []
    for day, value in changes:
        if kept and kept[-1][0] == day:
            kept.pop()
        if value != (kept[-1][1] if kept else nothing):
            kept.append((day, value))
    return tuple(kept)


def first_difference(before: tuple[Change, ...], after: tuple[Change, ...]) -> int | None:
    """Return the first day on which two courses differ, as an ordinal; None: they are the same."""
    if before == after:
        return None
    same = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    return min(day for course in (before, after) for day, _ in course[same : same + 1])
