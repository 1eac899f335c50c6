"""What this room needs of a pathway: on which days the step and the home municipality change."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from contracts.snapshots import MunicipalityInterval, PathwaySnapshot, PendingChange, StepInterval
from services.incentives.domain.payments import UNKNOWN

Change = tuple[int, int]
"""An ordinal and the value that holds from that day on; UNKNOWN: none is known."""


@dataclass(frozen=True, slots=True)
class PathwayPart:
    """The fields of PathwaySnapshot that costs depend on, read from the same JSON."""

    authority: str
    client: str
    revision: int
    municipalities: tuple[MunicipalityInterval, ...] = ()
    steps: tuple[StepInterval, ...] = ()
    pending: tuple[PendingChange, ...] = ()

    @classmethod
    def of(cls, snapshot: PathwaySnapshot) -> "PathwayPart":
        """Return the part of a whole snapshot."""
        return cls(
            snapshot.authority, snapshot.client, snapshot.revision, snapshot.municipalities, snapshot.steps,
            snapshot.pending,
        )  # fmt: skip


def home_changes(pathway: PathwayPart) -> tuple[Change, ...]:
    """Return when the home municipality changes; values are municipality numbers."""
    return _changes((home.start, home.end, int(home.municipality)) for home in pathway.municipalities)


def step_changes(pathway: PathwayPart) -> tuple[Change, ...]:
    """Return when the step changes, as PathwaySnapshot.step_on tells it: what is pending holds from its day on."""
    stated = _changes((interval.start, interval.end, interval.step) for interval in pathway.steps)
    pending = [(change.on.toordinal(), UNKNOWN if change.step is None else change.step) for change in pathway.pending]
    if not pending:
        return stated
    first = min(day for day, _ in pending)
    return _without_repeats([*(change for change in stated if change[0] < first), *sorted(pending)])


def _changes(intervals: Iterable[tuple[date, date | None, int]]) -> tuple[Change, ...]:
    changes: list[Change] = []
    for start, end, value in intervals:
        while changes and changes[-1][0] >= start.toordinal():
            changes.pop()  # the end of the interval before it, which this one follows without a gap
        changes.append((start.toordinal(), value))
        if end is not None:
            changes.append((end.toordinal(), UNKNOWN))
    return _without_repeats(changes)


def _without_repeats(changes: list[Change]) -> tuple[Change, ...]:
    kept: list[Change] = []
    for day, value in changes:
        if kept and kept[-1][0] == day:
            kept.pop()
        if value != (kept[-1][1] if kept else UNKNOWN):
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
