"""The client that sends events: batches, patience, and what it tells of lines that cannot be used."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from services.ingest.sending import EventSender, LineProblem, Numbered, SendError, SendReport, batches, send_file
from tests.ingest.running import Example, Ingest

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def numbered(count: int, size: int = 2) -> list[Numbered]:
    return [Numbered(line, b"{" + b" " * (size - 2) + b"}") for line in range(1, count + 1)]


def test_batches_hold_a_thousand_events_or_less_than_a_mebibyte() -> None:
    assert [len(batch) for batch in batches(numbered(2_500))] == [1_000, 1_000, 500]
    large = list(batches(numbered(10, 300 * 1024)))
    assert [len(batch) for batch in large] == [2, 2, 2, 2, 2]
    assert [len(batch) for batch in batches(numbered(1, 2 * 1024 * 1024))] == [1]
    assert list(batches([])) == []


async def test_a_door_that_is_busy_is_asked_again_as_it_says() -> None:
    answers = [httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(429), httpx.Response(502)]
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def answer(_request: httpx.Request) -> httpx.Response:
        if answers:
            return answers.pop(0)
        return httpx.Response(200, json={"receipts": [{"index": 0, "status": "accepted"}]})

    async with client(answer) as http:
        report = await EventSender(http, "http://door", "key", sleep=sleep).send(numbered(1))
    assert (report.accepted, waits) == (1, [7.0, 1.0, 2.0])


@pytest.mark.parametrize(("answered", "seconds"), [(0, 10), (1, 60)])
async def test_a_door_that_stays_away_is_given_up_sooner_if_it_never_answered(answered: int, seconds: int) -> None:
    answers = [httpx.Response(503)] * answered

    def answer(_request: httpx.Request) -> httpx.Response:
        if answers:
            return answers.pop()
        raise httpx.ConnectError("refused")

    async def sleep(_seconds: float) -> None:
        """Wait for nothing."""

    async with client(answer) as http:
        with pytest.raises(SendError, match=f"did not answer for {seconds} seconds"):
            await EventSender(http, "http://door", "key", patience=60, sleep=sleep).send(numbered(1))


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(401, json={"title": "Unknown key", "detail": "Send a key."}), "401: Unknown key. Send a key."),
        (httpx.Response(200, text="<html>"), "is not ingest"),
    ],
)
async def test_a_request_that_is_refused_as_a_whole_ends_the_sending(response: httpx.Response, said: str) -> None:
    async with client(lambda _: response) as http:
        with pytest.raises(SendError, match=said):
            await EventSender(http, "http://door", "key").send(numbered(1))


async def test_progress_is_told_after_each_batch() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        receipts = [{"index": index, "status": "known"} for index, _ in enumerate(json.loads(request.content))]
        return httpx.Response(200, json={"receipts": receipts})

    done: list[int] = []
    async with client(answer) as http:
        await EventSender(http, "http://door/", "key", progress=lambda r: done.append(r.done)).send(numbered(1_500))
    assert done == [1_000, 1_500]


@pytest.mark.store
async def test_a_file_of_events_is_sent_and_its_bad_lines_are_told(
    ingest: Ingest, example: Example, tmp_path: Path
) -> None:
    lines = [
        json.dumps(example("status.changed")), "", "not json", "[1]",
        json.dumps(example("client.exited") | {"subject": "140385-901E"}), json.dumps(example("status.changed")),
    ]  # fmt: skip
    (tmp_path / "events.jsonl").write_bytes("\n".join(lines).encode() + b"\n\xff\n")
    report = await send_file(tmp_path / "events.jsonl", EventSender(ingest.client, "http://ingest", ingest.key))
    assert report == SendReport(
        1, 1,
        [
            LineProblem(3, "The line is not JSON."),
            LineProblem(4, "The line is no JSON object."),
            LineProblem(5, "subject is shaped like a personal identity code; send that only as "
                           "hetu:<identity code>."),
            LineProblem(7, "The line is not UTF-8 text."),
        ],
    )  # fmt: skip
