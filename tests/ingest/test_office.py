"""Admins register senders and see what was refused, of their own authority and without content."""

from datetime import timedelta
from typing import Final

import pytest

from services.ingest.upkeep import Upkeep
from tests.ingest.running import Example, Ingest

pytestmark = pytest.mark.store

ADMIN: Final = {"Authorization": "Bearer admin-north"}
SOUTHERN: Final = {"Authorization": "Bearer admin-south"}


async def test_a_registered_sender_gets_a_key_once_and_sends_with_it(ingest: Ingest, example: Example) -> None:
    asked = {"name": "insurer", "types": ["fi.askelma.benefit.paid.v1"], "sources": ["insurer/kela"]}
    answer = await ingest.client.post("/v1/senders", json=asked, headers=ADMIN)
    assert answer.status_code == 201
    key = answer.json()["key"]
    assert (await ingest.send(example("benefit.paid"), key)).status_code == 200
    assert (await ingest.send(example("status.changed"), key)).status_code == 403
    listed = (await ingest.client.get("/v1/senders", headers=ADMIN)).json()
    assert [(one["name"], one["keys"], one["types"]) for one in listed] == [
        ("insurer", 1, ["fi.askelma.benefit.paid.v1"]),
        ("registry", 1, []),
    ]
    assert key not in str(listed)


async def test_a_key_is_kept_as_a_digest_only(ingest: Ingest) -> None:
    rows = await ingest.rows("SELECT * FROM ingest.sender_key")
    assert ingest.key not in str([tuple(row) for row in rows])


async def test_senders_belong_to_one_authority(ingest: Ingest) -> None:
    assert (await ingest.client.get("/v1/senders", headers=SOUTHERN)).json() == []
    taken = await ingest.client.post("/v1/senders", json={"name": "registry"}, headers=SOUTHERN)
    assert taken.status_code == 409
    assert (await ingest.client.delete("/v1/senders/registry/keys", headers=SOUTHERN)).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [{}, {"name": "With Space"}, {"name": "askelma", "colour": 1}, {"name": "x", "types": ["no.such"]},
     {"name": "x", "municipalities": ["999"]}],
)  # fmt: skip
async def test_a_sender_that_makes_no_sense_is_refused(ingest: Ingest, asked: dict[str, object]) -> None:
    assert (await ingest.client.post("/v1/senders", json=asked, headers=ADMIN)).status_code == 422


async def test_nobody_may_be_called_as_askelma_calls_itself(ingest: Ingest) -> None:
    assert (await ingest.client.post("/v1/senders", json={"name": "askelma"}, headers=ADMIN)).status_code == 409


async def test_what_was_refused_is_listed_without_content_until_it_expires(ingest: Ingest, example: Example) -> None:
    await ingest.send_batch([example("status.changed"), example("client.exited") | {"id": "a b"}, 5])
    listed = (await ingest.client.get("/v1/quarantine", headers=ADMIN)).json()
    assert [(one["sender"], one["reason"], one["field"]) for one in listed] == [
        ("registry", "unreadable", None),
        ("registry", "wrong_attribute", "id"),
    ]
    assert {key for one in listed for key in one} == {
        "number", "sender", "reason", "field", "received_at", "expires_at",
    }  # fmt: skip
    older = await ingest.client.get("/v1/quarantine", params={"before": listed[0]["number"]}, headers=ADMIN)
    assert older.json() == listed[1:]
    assert (await ingest.client.get("/v1/quarantine", headers=SOUTHERN)).json() == []

    ingest.clock.advance(timedelta(days=30))
    await Upkeep(ingest.database, ingest.clock, ingest.tools.metrics).turn()
    assert (await ingest.client.get("/v1/quarantine", headers=ADMIN)).json() == []


async def test_one_sender_cannot_fill_the_quarantine(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.store.quarantine.MOST_ITEMS", 3)
    for _ in range(3):
        await ingest.send_batch([1, 2])
    (row,) = await ingest.rows("SELECT count(*) AS kept FROM ingest.quarantine")
    assert row["kept"] == 3


async def test_what_comes_in_is_counted_by_outcome_and_reason(ingest: Ingest, example: Example) -> None:
    good = example("status.changed")
    await ingest.send_batch([good, good, 1, good | {"id": "x", "type": "no"}])

    def value(name: str, **labels: str) -> float | None:
        return ingest.registry.get_sample_value(name, {"service": "ingest", "way": "http", **labels})

    assert value("askelma_facts_accepted_total") == 1
    assert value("askelma_facts_known_total") == 1
    assert value("askelma_events_refused_total", reason="unreadable") == 1
    assert value("askelma_events_refused_total", reason="unknown_type") == 1


async def test_idle_means_that_nothing_waits_for_the_broker(ingest: Ingest, example: Example) -> None:
    upkeep = Upkeep(ingest.database, ingest.clock, ingest.tools.metrics)
    assert await upkeep.idle()
    await ingest.send(example("status.changed"))
    assert not await upkeep.idle()
    await upkeep.turn()
    assert ingest.registry.get_sample_value("askelma_facts_unpublished", {"service": "ingest"}) == 1
