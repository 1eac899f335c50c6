"""Handlers, timers and the store on a real database."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from contracts.dates import start_of
from services.notifier.rulebook_file import read_rulebook
from services.runtime.records import Tombstone
from tests.notifier.conftest import Room, at, client, exposure, with_rules
from tests.notifier.snapshots import FIRST, clients
from tests.rigs.dead_letters import park

pytestmark = pytest.mark.store

Rooms = Callable[..., Room]
MET = [{"on": "2026-01-15", "kind": "initial"}]
SPELL = [{"start": "2026-01-12"}]
GAP = ("c1-a", "contact_gap", "2026-01-15")


async def test_a_snapshot_raises_once_and_its_redelivery_changes_nothing(rooms: Rooms) -> None:
    room = rooms(date(2026, 4, 20))
    for _ in range(3):
        await room.pathways(client("c1-a", spells=SPELL, meetings=MET))
    assert await room.open_alerts() == {GAP}
    (event,) = await room.sent()
    assert (event.state, event.change, event.since, event.municipality, event.coordinator) == (
        "raised", 1, date(2026, 4, 16), "167", "coach-1",
    )  # fmt: skip


async def test_an_older_revision_is_ignored_whatever_it_says(rooms: Rooms) -> None:
    room = rooms(date(2026, 4, 20))
    await room.pathways(client("c1-a", 5, spells=SPELL, meetings=MET))
    await room.pathways(client("c1-a", 4))
    assert await room.open_alerts() == {GAP}


async def test_of_several_revisions_in_one_batch_the_newest_counts(rooms: Rooms) -> None:
    room = rooms(date(2026, 4, 20))
    await room.pathways(client("c1-a", 2), client("c1-a", 3, spells=SPELL, meetings=MET), client("c1-a", 1))
    assert await room.open_alerts() == {GAP}


async def test_a_day_that_turns_raises_and_a_fact_resolves(rooms: Rooms) -> None:
    room = rooms(date(2026, 4, 1))
    await room.pathways(client("c1-a", spells=SPELL, meetings=MET))
    await room.day(date(2026, 4, 15))
    assert await room.open_alerts() == set()
    await room.day(date(2026, 4, 16))
    assert await room.open_alerts() == {GAP}
    await room.pathways(client("c1-a", 2, spells=SPELL, meetings=[*MET, {"on": "2026-04-16", "kind": "other"}]))
    assert await room.open_alerts() == set()
    assert [event.state for event in await room.sent()] == ["raised", "resolved"]


async def test_after_an_outage_what_is_still_true_is_raised_once_as_of_today(rooms: Rooms) -> None:
    room = rooms(date(2026, 2, 1))
    ended = [{"episode": "S1", "service": "s", "service_type": "coaching", "provider": "p",
              "start": "2026-01-15", "end": "2026-01-30"}]  # fmt: skip
    await room.pathways(client("c1-a", spells=SPELL, meetings=MET, services=ended))
    await room.day(date(2026, 9, 1))
    events = await room.sent()
    assert [(event.rule, event.state, event.at) for event in events] == [
        ("contact_gap", "raised", at(date(2026, 9, 1))),
        ("service_without_follow_on", "raised", at(date(2026, 9, 1))),
    ]


async def test_two_schedulers_and_two_readers_at_once_never_double(rooms: Rooms) -> None:
    first, second = rooms(date(2026, 4, 1), batch=7), rooms(date(2026, 4, 1), batch=7)
    told = [client(f"c1-{n:03}", spells=SPELL, meetings=MET) for n in range(60)]
    await asyncio.gather(first.pathways(*told), second.pathways(*reversed(told)))
    for room in (first, second):
        room.clock.set(at(date(2026, 4, 16)))
    await asyncio.gather(*(room.timers.catch_up() for room in (first, second, first, second)))
    while await first.timers.catch_up():
        pass
    assert len(await first.open_alerts()) == 60
    assert [event.state for event in await first.sent()] == ["raised"] * 60


async def test_an_exposure_raises_only_once_its_client_is_known(rooms: Rooms) -> None:
    room = rooms(date(2026, 6, 15))
    await room.exposures(exposure("c1-a", 13, date(2026, 6, 12)))
    assert await room.open_alerts() == set()
    await room.pathways(client("c1-a", spells=[{"start": "2026-06-08"}]))
    assert await room.open_alerts() == {("c1-a", "threshold_near", "101-200")}
    await room.exposures(exposure("c1-a", 93, date(2026, 6, 15), 2, cost_class="201-300"))
    assert [event.state for event in await room.sent()] == ["raised", "resolved"]


async def test_payments_that_cease_close_the_alert_when_its_day_comes(rooms: Rooms) -> None:
    room = rooms(date(2026, 6, 15))
    await room.pathways(
        client("c1-a", spells=[{"start": "2026-06-08"}], meetings=[{"on": "2026-06-08", "kind": "initial"}])
    )
    await room.exposures(exposure("c1-a", 13, date(2026, 6, 12)))
    await room.day(date(2026, 8, 11))
    assert await room.open_alerts() == {("c1-a", "threshold_near", "101-200")}
    await room.day(date(2026, 8, 12))
    assert await room.history() == [
        "raised c1-a threshold_near 101-200", "resolved c1-a threshold_near 101-200",
    ]  # fmt: skip


async def test_a_tombstone_leaves_nothing_and_keeps_the_reference_out(rooms: Rooms) -> None:
    room = rooms(date(2026, 4, 20))
    await room.pathways(client("c1-a", spells=SPELL, meetings=MET), client("c1-b", spells=SPELL, meetings=MET))
    await park(room.database, "notifier", "c1-a", "c1-b")
    await room.pathways(Tombstone("c1-a"))
    await room.pathways(client("c1-a", 9, spells=SPELL, meetings=MET))
    await room.exposures(exposure("c1-a", 5, date(2026, 4, 20)))
    for table in ("client", "alert", "alert_change", "outbox", "dead_letter"):
        names = {row.client for row in await room.rows(f"SELECT client FROM notifier.{table}")}  # noqa: S608 - constants
        assert names == {"c1-b"}
    assert room.registry.get_sample_value("askelma_erased_snapshots_total", {"service": "notifier"}) == 2


async def test_another_rule_file_judges_everyone_anew_at_start(rooms: Rooms) -> None:
    await rooms(date(2026, 4, 20)).pathways(client("c1-a", spells=SPELL, meetings=MET))
    off = replace(read_rulebook().contact_gap, enabled=False)
    room = rooms(date(2026, 4, 20), rulebook=with_rules(contact_gap=off))
    await room.timers.look_again_under_new_rules()
    assert await room.history() == [
        "raised c1-a contact_gap 2026-01-15", "withdrawn c1-a contact_gap 2026-01-15",
    ]  # fmt: skip
    assert await room.timers.catch_up() == 0


async def test_a_clock_behind_anothers_does_not_undo_what_that_one_raised(rooms: Rooms) -> None:
    ahead, behind = rooms(date(2026, 4, 16)), rooms(date(2026, 4, 15))
    await ahead.pathways(client("c1-a", spells=SPELL, meetings=MET))
    await behind.pathways(client("c1-a", 2, spells=SPELL, meetings=MET))
    assert await ahead.history() == ["raised c1-a contact_gap 2026-01-15"]


async def test_a_client_whom_looking_at_fails_holds_up_nobody_else(rooms: Rooms, expected_errors: Any) -> None:
    expected_errors.allow("look_failed")
    room = rooms(date(2026, 4, 1))
    await room.pathways(*(client(f"c1-{n}", spells=SPELL, meetings=MET) for n in "abc"))
    await room.rows("UPDATE notifier.client SET pathway = 'broken' WHERE client = 'c1-b' RETURNING 1")
    await room.day(date(2026, 4, 16))
    assert {name for name, _, _ in await room.open_alerts()} == {"c1-a", "c1-c"}


async def test_the_timers_wake_when_the_civil_day_turns_in_finland(rooms: Rooms) -> None:
    room = rooms(date(2026, 4, 15))
    await room.pathways(client("c1-a", spells=SPELL, meetings=MET))
    running = asyncio.create_task(room.timers.run())
    try:
        midnight = start_of(date(2026, 4, 16))
        room.clock.set(midnight - timedelta(seconds=1))
        await asyncio.sleep(0.05)
        assert await room.open_alerts() == set()
        room.clock.set(midnight)
        await eventually(room, {GAP})
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert midnight.hour == 21  # summer time


async def eventually(room: Room, expected: set[tuple[str, str, str]]) -> None:
    async with asyncio.timeout(10):
        while await room.open_alerts() != expected:  # noqa: ASYNC110 - the database tells nobody in this test
            await asyncio.sleep(0.02)


async def test_nothing_is_idle_while_a_timer_or_an_event_waits(rooms: Rooms) -> None:
    room = rooms(date(2026, 4, 15))
    await room.pathways(client("c1-a", spells=SPELL, meetings=MET))
    assert await room.timers.idle()
    room.clock.set(at(date(2026, 4, 16)))
    assert not await room.timers.idle()
    await room.timers.catch_up()
    assert not await room.timers.idle()
    await room.sent()
    assert await room.timers.idle()


turns = st.lists(
    st.tuples(clients, st.integers(0, 60), st.sampled_from(["pathway", "exposure", "both", "day", "again"])),
    min_size=1,
    max_size=6,
)


@given(turns)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_comes_in_whatever_order_the_tables_say_what_the_rules_say(rooms: Rooms, turns: Any) -> None:
    room = rooms(FIRST)
    await empty(room)
    day, pathway, cost, revision = FIRST, None, None, 0
    for (told_pathway, told_cost), later, kind in turns:
        day, revision = day + timedelta(days=later), revision + 1
        room.clock.set(at(day))
        if kind in {"pathway", "both"}:
            pathway = replace(told_pathway, revision=revision)
            await room.pathways(pathway)
        if kind in {"exposure", "both"} and told_cost:
            cost = replace(told_cost, revision=revision)
            await room.exposures(cost)
        if kind == "again" and pathway:
            await room.pathways(pathway)
        await room.timers.catch_up()
        findings = room.lookout.evaluator.findings(pathway, cost)
        assert await room.open_alerts() == {("c1-a", f.rule, f.key) for f in findings if f.holds_on(day)}


async def empty(room: Room) -> None:
    async with room.database.transaction() as session:
        for table in ("client", "alert", "alert_change", "outbox"):
            await session.execute(text(f"DELETE FROM notifier.{table}"))  # noqa: S608 - constants
