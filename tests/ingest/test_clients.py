"""Whom facts are about: references issued, joined, merged, erased; and retractions, whichever way they come."""

from datetime import date, timedelta
from itertools import permutations
from typing import Final

import pytest
from pydantic import JsonValue

from services.ingest.domain.scopes import Scope
from tests.ingest.running import Event, Example, Ingest

pytestmark = pytest.mark.store

CODE: Final = "140385-901E"
OTHER_CODE: Final = "010190-902S"


def event(kind: str, id_: str, subject: str, data: Event, **attributes: str) -> Event:
    said: Event = {
        "specversion": "1.0",
        "id": id_,
        "source": "registry/joensuu",
        "type": f"fi.askelma.{kind}.v1",
        "subject": subject,
        "time": "2026-03-02T09:15:00+02:00",
        "data": data,
    }
    return said | attributes


def status(id_: str, subject: str, **attributes: str) -> Event:
    return event("status.changed", id_, subject, {"code": "02"}, **attributes)


def registered(id_: str, subject: str, **fields: str) -> Event:
    return event("client.registered", id_, subject, {"municipality": "167", **fields})


def retracted(id_: str, target: str, subject: str, kind: str = "status.changed", **attributes: str) -> Event:
    said: Event = {"source": "registry/joensuu", "id": target, "type": f"fi.askelma.{kind}.v1", "reason": "error"}
    return event("event.retracted", id_, subject, said, **attributes)


def erased(id_: str, subject: str, generation: int = 1, on: str = "2026-07-05") -> Event:
    return event("client.erased", id_, subject, {"generation": generation, "effective_on": on})


async def accepted(ingest: Ingest, *events: Event) -> None:
    for one in events:
        answer = await ingest.send(one)
        assert answer.json() == {"status": "accepted"}, answer.json()


async def subjects(ingest: Ingest) -> dict[str, str]:
    return {row["id"]: row["subject"] for row in await ingest.journal()}


async def test_the_same_code_means_the_same_client_in_every_source(ingest: Ingest) -> None:
    await accepted(
        ingest,
        status("a", f"hetu:{CODE}"),
        status("b", f"hetu:{CODE.lower()}", source="insurer/kela"),
        status("c", f"hetu:{OTHER_CODE}"),
    )
    found = await subjects(ingest)
    assert found["a"] == found["b"] != found["c"]


async def test_a_case_number_means_a_client_of_its_source_only(ingest: Ingest) -> None:
    await accepted(ingest, status("a", "case:7"), status("b", "7"), status("c", "case:7", source="registry/lahti"))
    found = await subjects(ingest)
    assert found["a"] == found["b"] != found["c"]


async def test_a_reference_that_was_issued_is_a_subject_too(ingest: Ingest) -> None:
    await accepted(ingest, status("a", "case:7"))
    reference = (await subjects(ingest))["a"].removeprefix("client/")
    await accepted(ingest, status("b", f"ref:{reference}"))
    found = await subjects(ingest)
    assert found["a"] == found["b"]


async def test_a_reference_stays_when_a_code_joins_a_case_number(ingest: Ingest) -> None:
    await accepted(
        ingest, status("a", "case:7"), registered("b", "case:7", identity_code=CODE), status("c", f"hetu:{CODE}")
    )
    assert len(set((await subjects(ingest)).values())) == 1


async def test_a_batch_finds_code_and_case_joined_wherever_in_it_they_are(ingest: Ingest) -> None:
    answer = await ingest.send_batch(
        [status("a", "case:7"), status("b", f"hetu:{CODE}"), registered("c", "case:7", identity_code=CODE)]
    )
    assert {receipt["status"] for receipt in answer.json()["receipts"]} == {"accepted"}
    assert len(set((await subjects(ingest)).values())) == 1


def counting(rows: list[dict[str, JsonValue]]) -> set[tuple[str, str, bytes]]:
    """Return subject, type and data of what is neither a retraction nor retracted."""
    gone = {target for row in rows if row["type"] == RETRACTION for target in [_target(row)]}
    return {
        (str(row["subject"]), str(row["type"]), bytes(row["data"]))  # type: ignore[arg-type]
        for row in rows
        if row["type"] != RETRACTION and row["id"] not in gone
    }


RETRACTION: Final = "fi.askelma.event.retracted.v1"


def _target(row: dict[str, JsonValue]) -> str:
    body = row["data"]
    assert isinstance(body, bytes)
    return body.split(b'"id":"')[1].split(b'"')[0].decode()


async def test_two_references_of_one_person_are_merged_in_any_order(ingest: Ingest) -> None:
    events = [status("a", "case:7"), status("b", f"hetu:{CODE}"), registered("c", "case:7", identity_code=CODE)]
    outcomes = set()
    for number, order in enumerate(permutations(events)):
        source = f"registry-{number}"
        await accepted(ingest, *[one | {"source": source} for one in order])
        rows = [dict(row) for row in await ingest.journal() if row["source"] == source]
        facts = counting(rows)
        assert len({subject for subject, _, _ in facts}) == 1
        outcomes.add(frozenset((kind, data) for _, kind, data in facts))
        # The next order is about somebody else.
        await ingest.rows("TRUNCATE ingest.vault_subject, ingest.vault_person")
    assert len(outcomes) == 1


async def test_a_retraction_takes_out_every_issue_of_a_merged_fact(ingest: Ingest) -> None:
    await accepted(
        ingest, status("a", "case:7"), status("b", f"hetu:{CODE}"), registered("c", "case:7", identity_code=CODE)
    )
    assert [row["id"] for row in await ingest.journal()] == ["a", "b", "a~1", "a~2", "c"]
    await accepted(ingest, retracted("r", "a", "case:7"))
    facts = counting([dict(row) for row in await ingest.journal()])
    assert sorted(kind for _, kind, _ in facts) == ["fi.askelma.client.registered.v1", "fi.askelma.status.changed.v1"]


async def test_a_fact_retracted_before_the_merge_does_not_come_back(ingest: Ingest) -> None:
    await accepted(
        ingest,
        status("a", "case:7"),
        retracted("r", "a", "case:7"),
        status("b", f"hetu:{CODE}"),
        registered("c", "case:7", identity_code=CODE),
    )
    assert [row["id"] for row in await ingest.journal()] == ["a", "r", "b", "c"]


async def test_a_reference_given_up_in_a_merge_goes_on_meaning_its_client(ingest: Ingest) -> None:
    await accepted(ingest, status("a", "case:7"), status("b", f"hetu:{CODE}"))
    given_up = (await subjects(ingest))["a"].removeprefix("client/")
    await accepted(ingest, registered("c", "case:7", identity_code=CODE), status("d", f"ref:{given_up}"))
    found = await subjects(ingest)
    assert found["d"] == found["b"] == found["c"]


async def test_a_retraction_that_arrives_first_is_taken(ingest: Ingest) -> None:
    await accepted(ingest, retracted("r", "a", "case:7"), status("a", "case:7"))
    found = await subjects(ingest)
    assert found["r"] == found["a"]


@pytest.mark.parametrize("together", [True, False])
async def test_a_retraction_must_have_subject_and_type_of_its_target(ingest: Ingest, *, together: bool) -> None:
    target, other = status("a", "case:7"), retracted("r", "a", "case:8")
    wrong_type = retracted("t", "a", "case:7", kind="meeting.held")
    if together:
        receipts = (await ingest.send_batch([other, target, wrong_type])).json()["receipts"]
        assert [(r["status"], r.get("field")) for r in receipts] == [
            ("refused", "subject"), ("accepted", None), ("refused", "data.type"),
        ]  # fmt: skip
    else:
        await accepted(ingest, target)
        assert (await ingest.send(other)).json()["field"] == "subject"
        assert (await ingest.send(wrong_type)).json()["reason"] == "wrong_retraction"
    assert [row["id"] for row in await ingest.journal()] == ["a"]


async def test_an_erasure_leaves_only_itself_and_a_hash(ingest: Ingest) -> None:
    await accepted(
        ingest,
        registered("a", "case:7", identity_code=CODE, display_name="Maija Malliesimerkki"),
        status("b", f"hetu:{CODE}"),
        erased("x", f"hetu:{CODE}"),
    )
    (row,) = await ingest.journal()
    assert row["id"] == "x"
    assert await ingest.rows("SELECT * FROM ingest.vault_subject") == []
    assert await ingest.rows("SELECT * FROM ingest.vault_person") == []
    assert [r["seq"] for r in await ingest.rows("SELECT seq FROM ingest.unpublished")] == [row["seq"]]
    remembered = await ingest.rows("SELECT generation, erased_on FROM ingest.erased")
    assert [(r["generation"], r["erased_on"]) for r in remembered] == [(1, date(2026, 7, 5))] * 2


async def test_an_erasure_reaches_what_was_said_under_a_reference_given_up(ingest: Ingest) -> None:
    await accepted(
        ingest, status("a", "case:7"), status("b", f"hetu:{CODE}"), registered("c", "case:7", identity_code=CODE)
    )
    before = await subjects(ingest)
    await accepted(ingest, erased("x", f"hetu:{CODE}"))
    assert await subjects(ingest) == {"x": before["b"], "x~1": before["a"]}


async def test_what_is_dated_before_the_erasure_is_not_taken_again(ingest: Ingest) -> None:
    before = status("b", f"hetu:{CODE}")
    await accepted(ingest, before, erased("x", f"hetu:{CODE}"))
    assert (await ingest.send(before)).json()["reason"] == "erased"
    assert (await ingest.send(erased("x", f"hetu:{CODE}"))).json() == {"status": "known"}


async def test_a_jobseeker_who_returns_after_an_erasure_is_a_new_client(ingest: Ingest) -> None:
    await accepted(ingest, status("a", f"hetu:{CODE}"))
    first = (await subjects(ingest))["a"]
    await accepted(ingest, erased("x", f"hetu:{CODE}"))
    ingest.clock.advance(timedelta(days=30))
    await accepted(ingest, status("b", f"hetu:{CODE}", time="2026-08-01T09:00:00+03:00"))
    assert (await subjects(ingest))["b"] != first
    reference = first.removeprefix("client/")
    assert (await ingest.send(status("c", f"ref:{reference}"))).json()["reason"] == "erased"
    assert (await ingest.send(erased("y", f"hetu:{CODE}", on="2026-08-02"))).json()["reason"] == "wrong_generation"
    await accepted(ingest, erased("z", f"hetu:{CODE}", generation=2, on="2026-08-02"))


async def test_nobody_can_be_erased_who_is_not_known(ingest: Ingest) -> None:
    assert (await ingest.send(erased("x", f"hetu:{CODE}"))).json()["reason"] == "unknown_reference"
    assert await ingest.rows("SELECT * FROM ingest.vault_person") == []


async def test_an_erasure_within_a_batch_parts_what_comes_before_from_what_comes_after(ingest: Ingest) -> None:
    answer = await ingest.send_batch([
        status("a", f"hetu:{CODE}"), erased("x", f"hetu:{CODE}", on="2026-07-04"),
        status("b", f"hetu:{CODE}"), status("c", f"hetu:{CODE}", time="2026-07-05T09:00:00+03:00"),
    ])  # fmt: skip
    receipts = answer.json()["receipts"]
    assert [r.get("reason", r["status"]) for r in receipts] == ["accepted", "accepted", "erased", "accepted"]
    assert [row["id"] for row in await ingest.journal()] == ["x", "c"]


async def test_a_name_is_kept_sealed_and_the_last_one_said_holds(ingest: Ingest) -> None:
    await accepted(ingest, registered("a", "case:7", display_name="Maija Malli"))
    await accepted(ingest, registered("b", "case:7", display_name="Maija Malliesimerkki"))
    reference = (await subjects(ingest))["a"].removeprefix("client/")
    vault = ingest.vault
    async with ingest.database.transaction() as session:
        assert await vault.names(session, "north", [reference]) == {reference: "Maija Malliesimerkki"}
        assert await vault.names(session, "south", [reference]) == {}


async def test_a_survey_and_an_offer_never_enter_the_vault(ingest: Ingest, example: Example) -> None:
    await accepted(ingest, example("survey.answered"), example("offer.published"), example("offer.withdrawn"))
    assert {row["subject"] for row in await ingest.journal()} == {"survey/employers-2026", "offer/workshop-7"}
    assert await ingest.rows("SELECT * FROM ingest.vault_person") == []


async def test_two_authorities_journal_the_same_id_each_for_itself(ingest: Ingest) -> None:
    south = await ingest.key_for(Scope("registry-south", "south"))
    await accepted(ingest, status("a", "case:7"))
    assert (await ingest.send(status("a", "case:8"), south)).json() == {"status": "accepted"}
