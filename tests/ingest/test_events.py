"""Events over HTTP: what is answered, and what the journal holds afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

import pytest

from services.ingest.domain.scopes import Scope
from services.runtime.migrations import migrate
from tests.ingest.running import Event, Example, Ingest, run, running_ingest
from tests.rigs.postgres import SystemPostgres

pytestmark = pytest.mark.store

CODE: Final = "140385-901E"


def numbered(event: Event, number: int) -> Event:
    return event | {"id": f"e-{number}"}


async def test_an_accepted_event_is_in_the_journal_and_waits_for_the_broker(ingest: Ingest, example: Example) -> None:
    answer = await ingest.send(example("status.changed"))
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    (row,) = await ingest.journal()
    assert (row["authority"], row["source"], row["id"]) == ("north", "registry/joensuu", "status-417-1")
    assert row["type"] == "fi.askelma.status.changed.v1"
    assert row["subject"].startswith("client/c1-")
    assert row["data"] == b'{"code":"02","detail":"full_time","until":"2026-06-01"}'
    assert [r["seq"] for r in await ingest.rows("SELECT seq FROM ingest.unpublished")] == [row["seq"]]


async def test_the_same_event_again_is_known_and_changes_nothing(ingest: Ingest, example: Example) -> None:
    await ingest.send(example("status.changed"))
    again = await ingest.send(example("status.changed") | {"time": "2026-03-02T07:15:00.000Z"})
    assert (again.status_code, again.json()) == (200, {"status": "known"})
    assert len(await ingest.journal()) == 1


async def test_another_event_under_the_same_id_is_refused_and_the_first_stays(ingest: Ingest, example: Example) -> None:
    first = example("status.changed")
    await ingest.send(first)
    other = await ingest.send(first | {"time": "2026-03-03T07:15:00Z"})
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["reason"] == "id_reuse"
    (row,) = await ingest.journal()
    assert row["time"].isoformat() == "2026-03-02T07:15:00+00:00"


async def test_the_same_id_of_another_source_is_another_event(ingest: Ingest, example: Example) -> None:
    await ingest.send(example("status.changed"))
    assert (await ingest.send(example("status.changed") | {"source": "registry/lahti"})).status_code == 200
    assert len(await ingest.journal()) == 2


async def test_a_binary_event_is_the_same_as_a_structured_one(ingest: Ingest, example: Example) -> None:
    event = example("status.changed")
    headers = {f"ce-{name}": str(value) for name, value in event.items() if name not in {"data", "datacontenttype"}}
    headers |= {"Content-Type": "application/json; charset=UTF-8", "Authorization": f"Bearer {ingest.key}"}
    headers["ce-source"] = "registry%2Fjoensuu"
    answer = await ingest.client.post("/v1/events", content=json.dumps(event["data"]), headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert (await ingest.send(event)).json() == {"status": "known"}


async def test_a_batch_gives_receipts_in_order_and_bad_items_stop_nothing(ingest: Ingest, example: Example) -> None:
    good = example("status.changed")
    answer = await ingest.send_batch([
        numbered(good, 1), 7, numbered(good, 2) | {"type": "fi.askelma.no.such.v1"}, numbered(good, 1),
        numbered(good, 3), numbered(good, 1) | {"time": "2026-01-01T00:00:00Z"},
    ])  # fmt: skip
    assert answer.status_code == 200
    receipts = answer.json()["receipts"]
    assert [(r["index"], r["status"], r.get("reason")) for r in receipts] == [
        (0, "accepted", None),
        (1, "refused", "unreadable"),
        (2, "refused", "unknown_type"),
        (3, "known", None),
        (4, "accepted", None),
        (5, "refused", "id_reuse"),
    ]
    assert [row["id"] for row in await ingest.journal()] == ["e-1", "e-3"]


async def test_a_batch_of_which_nothing_can_be_used_is_refused_with_the_same_receipts(
    ingest: Ingest, example: Example
) -> None:
    answer = await ingest.send_batch([example("status.changed") | {"id": "a~1"}])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [(r["status"], r["reason"], r["field"]) for r in answer.json()["receipts"]] == [
        ("refused", "wrong_attribute", "id")
    ]


async def test_a_batch_of_one_known_event_is_no_refusal(ingest: Ingest, example: Example) -> None:
    await ingest.send_batch([example("status.changed")])
    answer = await ingest.send_batch([example("status.changed")])
    assert (answer.status_code, answer.json()["receipts"]) == (200, [{"index": 0, "status": "known"}])


async def test_an_empty_batch_is_taken(ingest: Ingest) -> None:
    answer = await ingest.send_batch([])
    assert (answer.status_code, answer.json()) == (200, {"receipts": []})


async def test_a_refused_event_is_answered_with_reason_and_place(ingest: Ingest, example: Example) -> None:
    answer = await ingest.send(example("status.changed") | {"time": "2026-07-09T00:00:00Z"})
    assert answer.status_code == 422
    assert answer.json() == {
        "type": "about:blank",
        "title": "Event refused",
        "status": 422,
        "detail": "time is later than the day after today; a fact tells what has happened.",
        "reason": "in_future",
        "field": "time",
    }


TWICE: Final = [
    '{"id": "e-1", %s, "id": "e-2"}',
    '{"id" : "e-1", %s, "id" : "e-2"}',
    '{"id"\n:"e-1", %s, "id"\t: "e-2"}',
    '{"id": "e-1", "\\u0069d": "e-2", %s}',
    '{"id": "a\\": b", %s, "id": "e-2"}',
    '{"id": "e-1", %s, "id"  : "e-2"}',
]


@pytest.mark.parametrize("form", TWICE)
async def test_an_event_that_names_a_field_twice_is_refused_and_the_rest_of_its_batch_taken(
    ingest: Ingest, example: Example, form: str
) -> None:
    good = example("status.changed")
    rest = json.dumps({name: value for name, value in good.items() if name != "id"})[1:-1]
    body = f"[{form % rest}, {json.dumps(good)}]"
    headers = {"Authorization": f"Bearer {ingest.key}", "Content-Type": BATCH}
    receipts = (await ingest.client.post("/v1/events", content=body, headers=headers)).json()["receipts"]
    assert [(r["status"], r.get("reason")) for r in receipts] == [("refused", "unreadable"), ("accepted", None)]
    assert receipts[0]["detail"] == "An object names one of its fields twice; say which of the two is meant."


@pytest.mark.parametrize("data", ['{"code": "02", "code": "01"}', '{"scores": {"ability": 5, "ability": 6}}'])
async def test_data_that_name_a_field_twice_are_refused_in_every_mode(
    ingest: Ingest, example: Example, data: str
) -> None:
    event = {name: value for name, value in example("status.changed").items() if name != "data"}
    headers = {"Authorization": f"Bearer {ingest.key}", "Content-Type": STRUCTURED}
    body = f'{json.dumps(event)[:-1]}, "data": {data}}}'
    structured = await ingest.client.post("/v1/events", content=body, headers=headers)
    headers |= {"Content-Type": "application/json"} | {f"ce-{name}": str(value) for name, value in event.items()}
    binary = await ingest.client.post("/v1/events", content=data, headers=headers)
    assert [(a.status_code, a.json()["reason"]) for a in (structured, binary)] == [(422, "unreadable")] * 2
    assert await ingest.journal() == []


async def test_objects_within_the_data_may_each_name_the_same_field(ingest: Ingest, example: Example) -> None:
    events = [example("offer.published"), example("assessment.recorded"), example("status.changed")]
    answer = await ingest.send_batch([numbered(event, number) for number, event in enumerate(events)])
    assert [r["status"] for r in answer.json()["receipts"]] == ["accepted"] * 3


STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", STRUCTURED, 400),
        (b"{", STRUCTURED, 400),
        (b"[]", STRUCTURED, 400),
        (b"{}", BATCH, 400),
        (b'"text"', BATCH, 400),
        (b'{"id": NaN}', STRUCTURED, 400),
        (b"[" * 100_000, BATCH, 400),
        (b'{"id": "\xe4"}', STRUCTURED, 400),
        ('{"id": "ä"}'.encode("utf-16"), STRUCTURED, 400),
        (b'{"id": "\\ud800"}', STRUCTURED, 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json", 415),
        (b"{}", f"{STRUCTURED}; charset=iso-8859-1", 415),
        (b"{}", "", 415),
        (b"{}", STRUCTURED, 422),
        (b" " * (1024 * 1024 + 1), STRUCTURED, 413),
    ],
)
async def test_a_request_that_cannot_be_read_is_refused_as_a_whole(
    ingest: Ingest, body: bytes, kind: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {ingest.key}", "Content-Type": kind}
    answer = await ingest.client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert await ingest.journal() == []


async def test_a_compressed_body_is_not_taken(ingest: Ingest) -> None:
    headers = {"Authorization": f"Bearer {ingest.key}", "Content-Type": STRUCTURED, "Content-Encoding": "gzip"}
    assert (await ingest.client.post("/v1/events", content=b"x", headers=headers)).status_code == 415


async def test_a_body_that_grows_too_large_on_the_way_is_refused(ingest: Ingest) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 64 * 1024

    headers = {"Authorization": f"Bearer {ingest.key}", "Content-Type": STRUCTURED}
    assert (await ingest.client.post("/v1/events", content=endless(), headers=headers)).status_code == 413


async def test_a_batch_of_exactly_the_largest_size_is_taken(ingest: Ingest, example: Example) -> None:
    body = json.dumps([example("status.changed")]).encode()
    headers = {"Authorization": f"Bearer {ingest.key}", "Content-Type": BATCH}
    padded = body + b" " * (1024 * 1024 - len(body))
    assert (await ingest.client.post("/v1/events", content=padded, headers=headers)).status_code == 200


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
async def test_without_a_known_key_nothing_is_taken(ingest: Ingest, example: Example, header: dict[str, str]) -> None:
    headers = {"Content-Type": STRUCTURED, **header}
    answer = await ingest.client.post("/v1/events", json=example("status.changed"), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await ingest.journal() == []


async def test_a_persons_token_is_told_apart_from_an_unknown_key(ingest: Ingest, example: Example) -> None:
    answer = await ingest.send(example("status.changed"), "supervisor-north")
    assert (answer.status_code, answer.json()["title"]) == (401, "Not a sender's key")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_opens_nothing(ingest: Ingest, example: Example) -> None:
    headers = {"Authorization": "Bearer admin-north"}
    assert (await ingest.client.delete("/v1/senders/registry/keys", headers=headers)).json() == {"revoked": 1}
    assert (await ingest.send(example("status.changed"))).status_code == 401


WIDER: Final = "ask an administrator for a wider key."


@pytest.mark.parametrize(
    ("scope", "kind", "said"),
    [
        (
            Scope("narrow", "north", types=frozenset({"fi.askelma.meeting.held.v1"})), "client.moved",
            f"type is a type of fact that this key may not send; {WIDER}",
        ),
        (
            Scope("narrow", "north", municipalities=frozenset({"167"})), "client.moved",
            f"data.municipality is a municipality whose facts this key may not send; {WIDER}",
        ),
        (
            Scope("narrow", "north", sources=frozenset({"registry/lahti"})), "client.moved",
            f"source is a source that this key may not speak for; {WIDER}",
        ),
        (
            Scope("narrow", "south"), "offer.published",
            f"data.place is a municipality whose facts this key may not send; {WIDER}",
        ),
    ],
)  # fmt: skip
async def test_what_lies_outside_the_keys_scope_is_refused(
    ingest: Ingest, example: Example, scope: Scope, kind: str, said: str
) -> None:
    key = await ingest.key_for(scope)
    event = example(kind)
    alone = await ingest.send(event, key)
    assert (alone.status_code, alone.json()["detail"]) == (403, said)
    answer = await ingest.send_batch([event], key)
    assert (answer.status_code, answer.json()["receipts"][0]["reason"]) == (422, "out_of_scope")
    assert await ingest.journal() == []


async def test_a_client_may_move_to_a_municipality_of_another_authority(ingest: Ingest, example: Example) -> None:
    key = await ingest.key_for(Scope("narrow", "south"))
    assert (await ingest.send(example("client.moved"), key)).status_code == 200


async def test_a_municipality_of_the_scope_is_asked_only_where_a_fact_names_one(
    ingest: Ingest, example: Example
) -> None:
    key = await ingest.key_for(Scope("narrow", "north", municipalities=frozenset({"167"})))
    assert (await ingest.send(example("meeting.held"), key)).status_code == 200


async def test_two_authorities_know_the_same_person_by_different_references(ingest: Ingest, example: Example) -> None:
    south = await ingest.key_for(Scope("registry-south", "south"))
    await ingest.send(example("status.changed"))
    await ingest.send(example("status.changed"), south)
    north_row, south_row = await ingest.journal()
    assert north_row["subject"] != south_row["subject"]
    reference = south_row["subject"].removeprefix("client/")
    foreign = await ingest.send(example("status.changed") | {"id": "x", "subject": f"ref:{reference}"})
    assert (foreign.status_code, foreign.json()["reason"]) == (422, "unknown_reference")


async def test_two_requests_with_the_same_events_at_the_same_moment_agree(ingest: Ingest, example: Example) -> None:
    template = example("status.changed")
    events = [numbered(template, n) | {"subject": f"case:{n % 50}"} for n in range(200)]
    answers = await asyncio.gather(
        ingest.send_batch(events), ingest.send_batch(events[::-1]), ingest.send_batch(events[::2]),
        ingest.send_batch([event | {"time": "2026-01-01T00:00:00Z"} for event in events]),
    )  # fmt: skip
    receipts = [receipt for answer in answers for receipt in answer.json()["receipts"]]
    assert sum(receipt["status"] == "accepted" for receipt in receipts) == 200
    assert {receipt.get("reason") for receipt in receipts} == {None, "id_reuse"}
    rows = await ingest.journal()
    assert len(rows) == len({row["id"] for row in rows}) == 200
    assert len({row["subject"] for row in rows}) == 50


async def test_while_the_database_is_away_nothing_is_taken_and_the_sender_is_told(
    example: Example, system_postgres: SystemPostgres
) -> None:
    await run(system_postgres.url, "CREATE DATABASE away")
    url = system_postgres.url.replace("/postgres", "/away")
    await migrate(url, "ingest")
    async with running_ingest(url) as ingest:
        await ingest.send(numbered(example("status.changed"), 1))
        system_postgres.stop()
        away = await ingest.send(numbered(example("status.changed"), 2))
        system_postgres.start()
        assert (away.status_code, away.headers["retry-after"]) == (503, "5")
        assert [row["id"] for row in await ingest.journal()] == ["e-1"]
        back = await ingest.send(numbered(example("status.changed"), 2))
        assert back.json() == {"status": "accepted"}
    await run(system_postgres.url, "DROP DATABASE away")
