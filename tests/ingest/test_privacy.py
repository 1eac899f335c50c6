"""The canary: no identity code and no name outside the vault's sealed columns, whatever comes in."""

import json
import logging
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from pydantic import JsonValue

from services.ingest.domain.subjects import Kind, Subject
from services.ingest.handlers import Intake, arrived
from services.ingest.store.journal import take
from services.runtime.records import Record
from tests.ingest.conftest import TABLES
from tests.ingest.running import Event, Example, Ingest

pytestmark = pytest.mark.store

CODE: Final = "140385-901E"
NAME: Final = "Kanerva Kanarialintu"
VALUES: Final[tuple[JsonValue, ...]] = (CODE, NAME, [NAME], {NAME: CODE})
CANARIES: Final = (CODE, CODE.lower(), "kanarialintu", "kanerva")


def carriers(example: Example) -> Iterator[Event]:
    """Give events that carry a code or a name: good ones, and each place where neither may stand."""
    good = example("client.registered")
    data = good["data"]
    assert isinstance(data, dict)
    good["data"] = data | {"identity_code": CODE, "display_name": NAME}
    yield good
    yield example("status.changed")
    yield example("benefit.paid")
    for number, name in enumerate(("id", "source", "subject", "type", "time", "specversion", "extra", CODE)):
        yield example("status.changed") | {"id": f"a{number}", name: CODE}
        yield example("status.changed") | {"id": f"n{number}", name: NAME}
    for kind in ("service.started", "meeting.held", "offer.published", "survey.answered", "client.registered"):
        event = example(kind)
        data = event["data"]
        assert isinstance(data, dict)
        for field in (*data, "extra", CODE, NAME):
            for number, value in enumerate(VALUES):
                yield event | {"id": f"{kind}-{number}", "data": data | {field: value}}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


async def dump(ingest: Ingest) -> str:
    """Return every row of every table of the room as text, bytes both as text and as hexadecimal."""
    tables = [await ingest.rows(f"SELECT * FROM {name}") for name in TABLES.split(", ")]  # noqa: S608 - own names
    cells = [cell for rows in tables for row in rows for cell in tuple(row)]
    return "\n".join(
        f"{cell.decode(errors='replace')} {cell.hex()}" if isinstance(cell, bytes) else str(cell) for cell in cells
    )


def assert_silent(text: str, where: str) -> None:
    for canary in CANARIES:
        for form in (canary, canary.encode().hex(), canary.encode("utf-16-le").hex()):
            assert form.lower() not in text.lower(), where


async def test_no_code_and_no_name_shows_anywhere(
    ingest: Ingest, example: Example, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events = list(carriers(example))
    answers: list[httpx.Response] = [await ingest.send(event) for event in events]
    answers.append(await ingest.send_batch(events))
    answers.append(await ingest.client.get("/v1/quarantine", headers={"Authorization": "Bearer admin-north"}))
    intake = Intake("registry", ingest.reception, ingest.database)
    headers = {"content-type": "application/cloudevents+json"}
    bodies = [json.dumps(event).encode() for event in events]
    await intake.handle([arrived(Record("t", 0, offset, None, headers, body)) for offset, body in enumerate(bodies)])
    assert {answer.status_code for answer in answers} == {200, 422}
    for answer in answers:
        assert_silent(answer.text + str(answer.headers), "an answer")
    assert_silent(await dump(ingest), "a table")
    assert_silent(logged(caplog), "the log")
    async with ingest.database.transaction() as session:
        for record in await take(session, 1_000):
            assert_silent(f"{record}{(record.body or b'').hex()}", "a record")


async def test_what_the_vault_seals_it_opens_again(ingest: Ingest, example: Example) -> None:
    await ingest.send(next(carriers(example)))
    (row,) = await ingest.journal()
    reference = row["subject"].removeprefix("client/")
    async with ingest.database.transaction() as session:
        assert await ingest.vault.names(session, "north", [reference]) == {reference: NAME}
        assert await ingest.vault.subjects(session, reference) == {
            str(Subject(Kind.HETU, CODE)),
            str(Subject(Kind.CASE, "2026-00417")),
        }
