"""Laws of the life of an alert, over random clients, clocks, restarts and redeliveries."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.snapshots import ALERT, AlertEvent, ExposureSnapshot, PathwaySnapshot
from services.notifier.domain.evaluation import Evaluator
from services.notifier.domain.findings import AlertKey, Finding
from services.notifier.domain.life import Client, Moment, changes, is_open, verdict
from services.notifier.rulebook_file import finnish_working_days, read_rulebook
from tests.notifier.snapshots import DAYS, FIRST, clients, pathways

Looks = tuple[PathwaySnapshot, ExposureSnapshot | None]
EVALUATOR = Evaluator(read_rulebook(), finnish_working_days())


def moment(day: date) -> Moment:
    return Moment(day, datetime.combine(day, time(9), UTC))


class Notifier:
    """A store in miniature: what is stored survives, everything else is worked out."""

    def __init__(self) -> None:
        self.stored: dict[AlertKey, AlertEvent] = {}
        self.log: list[AlertEvent] = []
        self.next_on: date | None = None

    def look(self, client: Looks, day: date) -> tuple[AlertEvent, ...]:
        seen = verdict(*client, self.stored, EVALUATOR, moment(day))
        self.stored |= {AlertKey(event.rule, event.key): event for event in seen.changes}
        self.log += seen.changes
        self.next_on = seen.next_on
        return seen.changes

    @property
    def open(self) -> set[AlertKey]:
        return {key for key, alert in self.stored.items() if is_open(alert)}


def holding(client: Looks, day: date) -> list[Finding]:
    return [finding for finding in EVALUATOR.findings(*client) if finding.holds_on(day)]


turns = st.lists(st.tuples(clients, st.integers(0, 60), st.booleans()), min_size=1, max_size=8)


@given(turns)
@settings(max_examples=150, deadline=None)
def test_what_is_open_is_always_exactly_what_holds_whatever_came_before(
    turns: list[tuple[Looks, int, bool]],
) -> None:
    notifier, day = Notifier(), FIRST
    for client, days_later, delivered_twice in turns:
        day += timedelta(days=days_later)
        notifier.look(client, day)
        assert notifier.open == {finding.alert for finding in holding(client, day)}
        if delivered_twice:
            assert notifier.look(client, day) == ()


@given(turns)
@settings(max_examples=150, deadline=None)
def test_no_key_is_raised_twice_and_no_change_is_skipped(turns: list[tuple[Looks, int, bool]]) -> None:
    notifier, day = Notifier(), FIRST
    for client, days_later, _ in turns:
        day += timedelta(days=days_later)
        notifier.look(client, day)
    for life in lives(notifier.log):
        assert [event.change for event in life] == list(range(1, len(life) + 1))
        assert [event.state for event in life].count("raised") == 1
        assert all(follows(before, after) for before, after in pairwise(life))
    assert len({event.id for event in notifier.log}) == len(notifier.log)


def lives(log: list[AlertEvent]) -> Iterator[list[AlertEvent]]:
    def key(event: AlertEvent) -> tuple[str, str]:
        return event.rule, event.key

    for _, events in groupby(sorted(log, key=key), key):
        yield list(events)


def follows(before: AlertEvent, after: AlertEvent) -> bool:
    if is_open(before):
        return after.state in {"updated", "resolved", "withdrawn"}
    return after.state == "reopened"


@given(clients)
@settings(max_examples=60, deadline=None)
def test_looking_only_when_the_timer_says_equals_looking_every_day(client: Looks) -> None:
    daily, timed = Notifier(), Notifier()
    for day in (FIRST + timedelta(days=n) for n in range(DAYS + 120)):
        daily.look(client, day)
        if day == FIRST or (timed.next_on is not None and timed.next_on <= day):
            timed.look(client, day)
    assert timed.log == daily.log


@given(clients)
@settings(max_examples=100, deadline=None)
def test_periods_of_one_key_never_overlap(client: Looks) -> None:
    found = sorted(EVALUATOR.findings(*client), key=lambda f: (f.alert, f.since))
    assert all(finding.until is None or finding.since <= finding.until for finding in found)
    for before, after in pairwise(found):
        if before.alert == after.alert:
            assert before.until is not None
            assert before.until <= after.since


@given(pathways(), st.integers(0, DAYS))
@settings(max_examples=100, deadline=None)
def test_outside_a_registration_only_a_setback_speaks(pathway: PathwaySnapshot, n: int) -> None:
    day = FIRST + timedelta(days=n)
    if pathway.spell_on(day) is None or (pathway.step_on(day) or 0) >= 6:
        assert {finding.rule for finding in holding((pathway, None), day)} <= {"setback"}


@given(clients, st.integers(0, DAYS))
@settings(max_examples=100, deadline=None)
def test_an_event_survives_its_json(client: Looks, n: int) -> None:
    for event in Notifier().look(client, FIRST + timedelta(days=n)):
        assert ALERT.validate_json(ALERT.dump_json(event)) == event


def finding(since: date, severity: str = "medium") -> Finding:
    return Finding("contact_gap", "2026-01-15", since, None, severity, ("meeting:2026-01-15",))  # type: ignore[arg-type]


def test_an_outage_of_months_raises_what_is_still_true_once() -> None:
    day = moment(date(2026, 9, 1))
    events = changes({}, [finding(date(2026, 4, 16))], [], Client("demo", "c1-a", "167", None), day)
    assert [(event.state, event.change, event.since) for event in events] == [("raised", 1, date(2026, 4, 16))]


@pytest.mark.parametrize(
    ("client", "now", "states"),
    [
        (Client("demo", "c1-a", "167", None), finding(date(2026, 4, 16)), []),
        (Client("demo", "c1-a", "398", None), finding(date(2026, 4, 16)), ["updated"]),
        (Client("demo", "c1-a", "167", "coach-2"), finding(date(2026, 4, 16)), ["updated"]),
        (Client("demo", "c1-a", "167", None), finding(date(2026, 4, 16), "high"), ["updated"]),
        (Client("demo", "c1-a", "167", None), finding(date(2026, 4, 17)), ["updated"]),
    ],
)
def test_an_open_alert_is_updated_only_when_what_it_says_changed(
    client: Client, now: Finding, states: list[str]
) -> None:
    raised = changes(
        {}, [finding(date(2026, 4, 16))], [], Client("demo", "c1-a", "167", None), moment(date(2026, 4, 16))
    )
    stored = {AlertKey(event.rule, event.key): event for event in raised}
    assert [event.state for event in changes(stored, [now], [], client, moment(date(2026, 4, 20)))] == states
