"""What the journal hands to the broker, sends again, and says of itself."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import pytest

from contracts.envelope import fact_from
from services.ingest.domain.issues import Stated
from services.ingest.store import journal
from services.ingest.store.journal import Line
from services.runtime.database import plain_dsn
from services.runtime.publisher import Outgoing
from tests.ingest.running import NOW, Example, Ingest

pytestmark = pytest.mark.store

SERVICE: Final = {"Authorization": "Bearer service"}


async def sent(ingest: Ingest, example: Example, *ids: str) -> None:
    template = example("status.changed")
    answer = await ingest.send_batch([template | {"id": id_} for id_ in ids])
    assert {receipt["status"] for receipt in answer.json()["receipts"]} == {"accepted"}


async def taken(ingest: Ingest, most: int = 100) -> Sequence[Outgoing]:
    async with ingest.database.transaction() as session:
        return await journal.take(session, most)


async def ids(ingest: Ingest) -> list[str]:
    return [record.headers["ce_id"] for record in await taken(ingest)]


async def replayed(ingest: Ingest, first: int, last: int | None = None, who: str = "service") -> list[str]:
    asked = {"from": first} if last is None else {"from": first, "to": last}
    answer = await ingest.client.post("/v1/replay", json=asked, headers={"Authorization": f"Bearer {who}"})
    assert answer.status_code == 202, answer.json()
    again = await ids(ingest)
    assert answer.json() == {"queued": len(again)}
    return again


async def test_a_taken_fact_is_a_record_of_the_facts_topic(ingest: Ingest, example: Example) -> None:
    await ingest.send(example("client.registered"))
    (record,) = await taken(ingest)
    fact = fact_from(record.headers, record.body or b"")
    assert record.topic == "askelma.facts.v1"
    assert record.key == fact.subject
    assert (fact.authority, fact.source, fact.id, fact.seq) == ("north", "registry/joensuu", "reg-417", 1)
    assert (fact.time, fact.recorded) == (datetime(2026, 3, 2, 7, 15, tzinfo=UTC), NOW)
    assert b"Maija" not in (record.body or b"")


async def test_what_the_relay_took_but_could_not_send_waits_on(ingest: Ingest, example: Example) -> None:
    await sent(ingest, example, "a", "b")
    async with ingest.database.transaction() as session:
        assert len(await journal.take(session, 100)) == 2
        await session.rollback()
    assert await ids(ingest) == ["a", "b"]
    assert await ids(ingest) == []


async def test_two_relays_take_different_facts(ingest: Ingest, example: Example) -> None:
    await sent(ingest, example, "a", "b", "c")
    async with ingest.database.transaction() as one, ingest.database.transaction() as other:
        first = await journal.take(one, 2)
        second = await journal.take(other, 2)
    assert [r.headers["ce_id"] for r in (*first, *second)] == ["a", "b", "c"]


async def test_a_replay_sends_again_from_a_number_on(ingest: Ingest, example: Example) -> None:
    for id_ in "abcd":
        await sent(ingest, example, id_)
    await taken(ingest)
    assert await replayed(ingest, 3) == ["c", "d"]
    assert await replayed(ingest, 2, 3) == ["b", "c"]
    assert await replayed(ingest, 0) == ["a", "b", "c", "d"]


async def test_a_replay_takes_in_what_got_a_lower_number_but_was_committed_later(
    ingest: Ingest, example: Example
) -> None:
    slow = Stated("slow", "late", "late", "fi.askelma.client.exited.v1", "client/x", NOW, b'{"reason":"03"}')
    async with ingest.database.transaction() as session:
        await journal.append(session, "north", "registry", NOW, [Line(slow)])
        await sent(ingest, example, "a")
        assert await ids(ingest) == ["a"]
    assert await ids(ingest) == ["late"]
    last_seen = next(row["seq"] for row in await ingest.journal() if row["id"] == "a")
    assert await replayed(ingest, last_seen) == ["late", "a"]


async def test_an_admin_replays_the_facts_of_its_own_authority_only(ingest: Ingest, example: Example) -> None:
    await sent(ingest, example, "a")
    await taken(ingest)
    assert await replayed(ingest, 0, who="admin-south") == []
    assert await replayed(ingest, 0, who="admin-north") == ["a"]


@pytest.mark.parametrize("asked", [{}, {"from": -1}, {"from": "x"}, {"from": 2**64}, {"from": 1, "colour": 2}])
async def test_a_replay_that_makes_no_sense_is_refused(ingest: Ingest, asked: dict[str, object]) -> None:
    assert (await ingest.client.post("/v1/replay", json=asked, headers=SERVICE)).status_code == 422


async def watermark(ingest: Ingest, until: datetime) -> dict[str, object]:
    answer = await ingest.client.get("/v1/journal/watermark", params={"until": until.isoformat()}, headers=SERVICE)
    assert answer.status_code == 200, answer.json()
    mark: dict[str, object] = answer.json()
    return mark


async def test_the_watermark_is_the_last_number_before_an_instant(ingest: Ingest, example: Example) -> None:
    await sent(ingest, example, "a", "b")
    until = NOW + timedelta(hours=1)
    ingest.clock.set(until)
    await sent(ingest, example, "c")
    assert await watermark(ingest, until) == {"seq": 2, "published": False}
    await taken(ingest)
    assert await watermark(ingest, until) == {"seq": 2, "published": True}
    assert await watermark(ingest, NOW) == {"seq": 0, "published": True}


async def test_before_its_instant_there_is_no_watermark(ingest: Ingest, example: Example) -> None:
    await sent(ingest, example, "a")
    await taken(ingest)
    assert await watermark(ingest, NOW + timedelta(seconds=1)) == {"seq": 0, "published": False}


async def test_the_watermark_waits_for_what_is_being_journaled(ingest: Ingest, example: Example) -> None:
    await sent(ingest, example, "a")
    late = Stated("slow", "late", "late", "fi.askelma.client.exited.v1", "client/x", NOW, b'{"reason":"03"}')
    until = NOW + timedelta(hours=1)
    async with ingest.database.transaction() as session:
        await journal.enter(session)
        await journal.append(session, "north", "registry", NOW, [Line(late)])
        ingest.clock.set(until)
        asked = asyncio.create_task(watermark(ingest, until))
        await waits_for_the_gate(ingest)
    assert (await asked)["seq"] == 2


async def test_a_watermark_that_waits_too_long_is_asked_for_again(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.store.journal._GATE_PATIENCE", "50ms")
    async with ingest.database.transaction() as session:
        await journal.enter(session)
        answer = await ingest.client.get("/v1/journal/watermark", params={"until": NOW.isoformat()}, headers=SERVICE)
    assert answer.status_code == 503


async def waits_for_the_gate(ingest: Ingest) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while not await ingest.rows(waiting):  # noqa: ASYNC110 - only PostgreSQL knows who waits
        await asyncio.sleep(0.01)


async def test_who_appends_wakes_the_relay(ingest: Ingest, example: Example) -> None:
    woken = asyncio.Event()
    connection = await asyncpg.connect(plain_dsn(ingest.database.url))
    await connection.add_listener(journal.CHANNEL, lambda *_: woken.set())
    await sent(ingest, example, "a")
    await asyncio.wait_for(woken.wait(), 10)
    await connection.close()


async def test_all_up_to_the_first_waiting_fact_is_published(ingest: Ingest, example: Example) -> None:
    await sent(ingest, example, "a", "b", "c")
    async with ingest.database.transaction() as session:
        assert await journal.published_up_to(session) == 0
        await journal.take(session, 2)
        assert await journal.published_up_to(session) == 2
        await journal.take(session, 2)
        assert await journal.published_up_to(session) == 3


async def test_a_checkpoint_is_the_last_one_made(ingest: Ingest) -> None:
    async with ingest.database.transaction() as session:
        assert await journal.last_checkpoint(session) == 0
        await journal.checkpoint(session, "cluster-1", 7)
        await journal.checkpoint(session, "cluster-2", 9)
        assert await journal.last_checkpoint(session) == 9


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/replay"), ("GET", "/v1/journal/watermark"), ("GET", "/v1/senders"), ("POST", "/v1/senders"),
     ("DELETE", "/v1/senders/registry/keys"), ("GET", "/v1/quarantine")],
)  # fmt: skip
@pytest.mark.parametrize("token", ["", "wrong", "coordinator-north", "finance-north", "sender-north"])
async def test_the_keepers_routes_are_not_for_others(ingest: Ingest, method: str, path: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await ingest.client.request(method, path, headers=headers, json={"from": 0})
    assert answer.status_code == (403 if "-" in token else 401)


async def test_a_senders_key_opens_no_other_route(ingest: Ingest) -> None:
    headers = {"Authorization": f"Bearer {ingest.key}"}
    assert (await ingest.client.get("/v1/senders", headers=headers)).status_code == 401
