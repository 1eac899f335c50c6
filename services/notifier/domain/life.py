"""The life of an alert: from what holds and what is stored to the changes in between.

    (nothing) ──raised──> open ──updated──> open ──resolved | withdrawn──> closed ──reopened──> open

An alert is stored as its newest event. Every change has the next number, so an event's id is the same wherever and
however often the change is worked out, and working out a change that is already stored gives none.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from contracts.snapshots import AlertEvent, AlertState, ExposureSnapshot, PathwaySnapshot
from services.notifier.domain.evaluation import Evaluator
from services.notifier.domain.findings import AlertKey, Finding

CLOSED: Final[frozenset[AlertState]] = frozenset({"resolved", "withdrawn"})


@dataclass(frozen=True, slots=True)
class Client:
    """Whose alerts they are, and where the client belongs on the day of asking."""

    authority: str
    client: str
    municipality: str | None
    coordinator: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """The civil day as of which is asked, and the instant that the changes are to bear."""

    day: date
    at: datetime


def client_on(pathway: PathwaySnapshot, day: date) -> Client:
    """Return the client as the pathway places them on `day`."""
    return Client(pathway.authority, pathway.client, pathway.municipality_on(day), pathway.coordinator_on(day))


def is_open(alert: AlertEvent) -> bool:
    """Tell whether an alert, given by its newest event, still asks for something."""
    return alert.state not in CLOSED


def changes(
    stored: Mapping[AlertKey, AlertEvent], holding: Collection[Finding], settled: Collection[AlertKey],
    client: Client, moment: Moment,
) -> list[AlertEvent]:  # fmt: skip
    """Return what must change for the `stored` alerts to say what holds, in order of rule and key.

    `holding` are the findings that hold on the day; `settled` the keys that facts have settled by then: an open alert
    that neither holds nor is settled rested on a ground that vanished, and is withdrawn.
    """
    opening = (_opening(stored.get(finding.alert), finding, client, moment) for finding in holding)
    held = {finding.alert for finding in holding}
    closing = (
        _next(alert, "resolved" if key in settled else "withdrawn", client, moment)
        for key, alert in stored.items()
        if key not in held and is_open(alert)
    )
    found = [*(event for event in opening if event), *closing]
    return sorted(found, key=lambda event: (event.rule, event.key))


def _opening(alert: AlertEvent | None, finding: Finding, client: Client, moment: Moment) -> AlertEvent | None:
    if alert is None:
        return AlertEvent(
            client.authority, client.client, finding.rule, finding.key, 1, "raised", moment.at, finding.since,
            finding.severity, client.municipality, client.coordinator, finding.reasons,
        )  # fmt: skip
    told = replace(alert, since=finding.since, severity=finding.severity, reasons=finding.reasons)
    if not is_open(alert):
        return _next(told, "reopened", client, moment)
    changed = _next(told, "updated", client, moment)
    return None if replace(changed, state=alert.state, at=alert.at, change=alert.change) == alert else changed


def _next(alert: AlertEvent, state: AlertState, client: Client, moment: Moment) -> AlertEvent:
    return replace(
        alert, change=alert.change + 1, state=state, at=moment.at,
        municipality=client.municipality, coordinator=client.coordinator,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look at one client gave: the changes, the periods found, and the day to look again unasked."""

    client: Client
    findings: tuple[Finding, ...]
    changes: tuple[AlertEvent, ...]
    next_on: date | None


def verdict(
    pathway: PathwaySnapshot, exposure: ExposureSnapshot | None, stored: Mapping[AlertKey, AlertEvent],
    evaluator: Evaluator, moment: Moment,
) -> Verdict:  # fmt: skip
    """Look at one client as of a moment. The same look again, with the changes stored, changes nothing."""
    client = client_on(pathway, moment.day)
    findings = evaluator.findings(pathway, exposure)
    holding = [finding for finding in findings if finding.holds_on(moment.day)]
    settled = [key for key in stored if evaluator.settled(key, findings, exposure, moment.day)]
    return Verdict(
        client, findings, tuple(changes(stored, holding, settled, client, moment)),
        min(_dates_ahead(pathway, findings, moment.day), default=None),
    )  # fmt: skip


def _dates_ahead(pathway: PathwaySnapshot, findings: Collection[Finding], day: date) -> Iterator[date]:
    """Yield the days to come on which a key begins or ceases to hold, or an open alert changes hands."""
    for finding in findings:
        if finding.since > day:
            yield finding.since
        elif finding.until is not None and finding.until > day:
            yield finding.until
    yield from (held.start for held in pathway.municipalities if held.start > day)
    yield from (held.start for held in pathway.coordinators if held.start > day)
