"""The webhook channel against a real HTTP server and its faults, with the ledger in a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook as Signature

from services.notifier.channels.addresses import RefusedAddressError, settle
from services.notifier.channels.configuration import Webhook, WebhookFileError, read_webhooks
from services.notifier.channels.courier import Courier, Patience
from services.notifier.channels.webhook import Later, outcome_of
from tests.conftest import ExpectedErrors
from tests.notifier.conftest import Room, client
from tests.notifier.receiver import Answer, Receiver, listening

pytestmark = [
    pytest.mark.store,
    # A courier that is ended while a transaction is being undone leaves its connection to the collector.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <function Connection.__del__:pytest.PytestUnraisableExceptionWarning"
    ),
]

Rooms = Callable[..., Room]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TODAY = date(2026, 4, 20)
PATIENCE = Patience(timeout_seconds=0.5, retry_seconds=(0.0, 0.0, 0.0))


def webhook(url: str, **told: Any) -> Webhook:
    return Webhook(name="teams", authority="demo", url=url, secret=SecretStr(SECRET), **told)


def courier(room: Room, hook: Webhook, patience: Patience = PATIENCE) -> Courier:
    return Courier(room.database, [hook], patience, room.metrics)


@asynccontextmanager
async def delivering(room: Room, hook: Webhook, patience: Patience = PATIENCE) -> AsyncIterator[None]:
    running = asyncio.create_task(courier(room, hook, patience).run(private_allowed=True))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def one_alert(room: Room, name: str = "c1-a") -> None:
    await room.pathways(
        client(name, spells=[{"start": "2026-01-12"}], meetings=[{"on": "2026-01-15", "kind": "initial"}])
    )


async def entries(room: Room, state: str, number: int = 1) -> list[Any]:
    """Wait until so many entries of the ledger are in this state."""
    async with asyncio.timeout(20):
        while True:
            rows = await room.rows("SELECT * FROM notifier.delivery WHERE state = :state", state=state)
            if len(rows) >= number:
                return rows
            await asyncio.sleep(0.02)


async def attempted(room: Room) -> None:
    """Wait until an attempt has failed and been written down."""
    async with asyncio.timeout(20):
        while not await room.rows("SELECT 1 FROM notifier.delivery WHERE attempts > 0"):  # noqa: ASYNC110 - a table
            await asyncio.sleep(0.02)


async def test_a_message_is_signed_and_says_what_how_many_and_where_to_look(rooms: Rooms) -> None:
    async with listening() as receiver:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        await one_alert(room)
        async with delivering(room, hook):
            (entry,) = await entries(room, "delivered")
    (request,) = receiver.received
    body = Signature(SECRET).verify(request.body, request.headers)
    assert request.headers["webhook-id"] == str(entry.event)
    assert body["type"] == "alert.raised"
    assert body["data"] == {
        "authority": "demo", "alert": str(entry.event), "rule": "contact_gap", "state": "raised", "severity": "medium",
        "since": "2026-04-16", "client": "c1-a", "open": 1,
        "link": "https://askelma.example/alerts?rule=contact_gap",
    }  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    [Answer(500), Answer(503), Answer(429), Answer(408), Answer(delay=2.0), Answer(drop=True)],
    ids=["500", "503", "429", "408", "slow", "hung up"],
)
async def test_a_passing_fault_is_tried_again_under_the_same_id_and_body(rooms: Rooms, fault: Answer) -> None:
    async with listening(fault) as receiver:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        await one_alert(room)
        async with delivering(room, hook):
            (entry,) = await entries(room, "delivered")
    assert entry.attempts == 2
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert len({request.body for request in receiver.received}) == 1


async def test_a_receiver_that_is_down_gets_the_message_when_it_is_back(rooms: Rooms) -> None:
    receiver = Receiver()
    await receiver.start()
    await receiver.stop()
    hook = webhook(receiver.url)
    room = rooms(TODAY, webhooks=[hook])
    await one_alert(room)
    async with delivering(room, hook, Patience(0.5, (0.1,) * 100)):
        await attempted(room)
        await receiver.start()
        await entries(room, "delivered")
    await receiver.stop()
    assert len(receiver.received) == 1


async def test_a_message_that_nobody_takes_is_dead_after_the_last_retry_and_counted(rooms: Rooms) -> None:
    async with listening(*[Answer(500)] * 9) as receiver:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        await one_alert(room)
        async with delivering(room, hook):
            (entry,) = await entries(room, "dead")
    assert (entry.attempts, entry.reason, len(receiver.received)) == (4, "answered 500", 4)

    def attempts(outcome: str) -> float | None:
        labels = {"service": "notifier", "channel": "teams", "outcome": outcome}
        return room.registry.get_sample_value("askelma_deliveries_total", labels)

    assert (attempts("retried"), attempts("dead")) == (3, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 422, 302])
async def test_an_answer_that_will_not_change_is_not_asked_for_again(rooms: Rooms, status: int) -> None:
    async with listening(Answer(status, (("location", "http://127.0.0.1:1/"),))) as receiver:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        await one_alert(room)
        async with delivering(room, hook):
            (entry,) = await entries(room, "dead")
    assert (entry.reason, len(receiver.received)) == (f"answered {status}", 1)


async def test_a_receiver_that_is_gone_is_never_asked_again_until_it_has_another_address(rooms: Rooms) -> None:
    async with listening(Answer(410)) as receiver, listening() as moved:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        await one_alert(room)
        async with delivering(room, hook):
            await entries(room, "dead")
            await one_alert(room, "c1-b")
            await asyncio.sleep(0.3)
        assert len(receiver.received) == 1
        async with delivering(room, webhook(moved.url)):
            await entries(room, "delivered")
        assert len(moved.received) == 1


@pytest.fixture(autouse=True)
def _couriers_end_wherever_they_stand(expected_errors: ExpectedErrors) -> None:
    expected_errors.allow("Exception closing connection")  # ended while a transaction was being undone


async def test_two_couriers_send_each_message_once(rooms: Rooms) -> None:
    async with listening() as receiver:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        for number in range(25):
            await one_alert(room, f"c1-{number}")
        async with delivering(room, hook), delivering(room, hook):
            await entries(room, "delivered", 25)
    assert len({request.headers["webhook-id"] for request in receiver.received}) == len(receiver.received) == 25


async def test_a_courier_that_died_in_the_middle_leaves_the_message_to_the_next(rooms: Rooms) -> None:
    async with listening(Answer(delay=30)) as receiver:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        await one_alert(room)
        async with delivering(room, hook, Patience(30, ())):
            await receiver.asked.wait()
        await room.rows("UPDATE notifier.delivery SET next_at = now() RETURNING 1")  # the lease runs out
        async with delivering(room, hook):
            await entries(room, "delivered")
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_a_channel_is_told_only_what_it_wants_and_only_of_its_authority(rooms: Rooms) -> None:
    only_setbacks = webhook("http://127.0.0.1:1/", rules=frozenset({"setback"}))
    elsewhere = Webhook(name="other", authority="kuopio", url="http://127.0.0.1:1/", secret=SecretStr(SECRET))
    room = rooms(TODAY, webhooks=[only_setbacks, elsewhere])
    await one_alert(room)
    assert await room.rows("SELECT * FROM notifier.delivery") == []


async def test_a_storm_of_redelivery_writes_one_entry(rooms: Rooms) -> None:
    room = rooms(TODAY, webhooks=[webhook("http://127.0.0.1:1/")])
    for _ in range(3):
        await one_alert(room)
    assert len(await room.rows("SELECT * FROM notifier.delivery")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x", "https://10.1.2.3/x", "https://192.168.0.10/x", "https://169.254.169.254/latest",
        "https://[::1]/x", "https://[::ffff:10.0.0.1]/x", "https://[fe80::1]/x", "https://100.64.0.1/x",
        "https://224.0.0.1/x", "https://0.0.0.0/x", "https://localhost/x", "http://93.184.215.14/x",
    ],
)  # fmt: skip
async def test_addresses_inside_the_own_network_and_plain_http_are_refused(url: str) -> None:
    with pytest.raises(RefusedAddressError):
        await settle(url, private_allowed=False)


async def test_the_machine_that_was_checked_is_the_one_that_is_asked() -> None:
    target = await settle("https://93.184.215.14:8443/hook?x=1", private_allowed=False)
    assert (str(target.url), target.host_header) == ("https://93.184.215.14:8443/hook?x=1", "93.184.215.14:8443")


async def test_a_refused_address_is_dead_at_once_and_says_why(rooms: Rooms) -> None:
    hook = webhook("http://127.0.0.1:9/hook")
    room = rooms(TODAY, webhooks=[hook])
    await one_alert(room)
    running = asyncio.create_task(courier(room, hook).run(private_allowed=False))
    (entry,) = await entries(room, "dead")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert entry.reason == "a webhook needs https"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 20 Apr 2026 09:01:00 GMT", 60.0),
        ("Mon, 20 Apr 2026 08:00:00 GMT", 0.0),
        ("999999999", 86_400.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_honoured_in_both_its_forms_within_a_day(header: str, seconds: float | None) -> None:
    now = datetime(2026, 4, 20, 9, tzinfo=UTC)
    response = httpx.Response(429, headers={"retry-after": header})
    assert outcome_of(response, now) == Later("answered 429", seconds)


async def test_a_receiver_that_asks_for_patience_is_given_it(rooms: Rooms) -> None:
    async with listening(Answer(429, (("retry-after", "3600"),))) as receiver:
        hook = webhook(receiver.url)
        room = rooms(TODAY, webhooks=[hook])
        await one_alert(room)
        async with delivering(room, hook):
            await attempted(room)
    (row,) = await room.rows("SELECT next_at > now() + interval '59 minutes' AS patient FROM notifier.delivery")
    assert row.patient
    assert len(receiver.received) == 1


def test_a_file_of_webhooks_is_read(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.yaml"
    entry = {"name": "teams", "authority": "demo", "url": "https://x", "secret": SECRET, "rules": ["setback"]}
    file.write_text(f"webhooks: [{json.dumps(entry)}]")
    (hook,) = read_webhooks(file)
    assert (hook.name, hook.rules, "whsec" in repr(hook)) == ("teams", frozenset({"setback"}), False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("webhooks: [{name: teams, authority: demo, url: 'ftp://x', secret: whsec_AAAA}]", "0.url"),
        ("webhooks: [{name: teams, authority: demo, url: 'https://x', secret: hunter}]", "0.secret"),
        ("webhooks: [{name: teams, authority: demo, url: 'https://x'}]", "0.secret"),
        ("nothing: here", "a list under `webhooks`"),
        ("{", "not a readable YAML"),
    ],
)
def test_a_file_of_webhooks_that_cannot_be_used_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text(text)
    with pytest.raises(WebhookFileError) as refused:
        read_webhooks(file)
    assert said in str(refused.value)
    assert "hunter" not in str(refused.value)


def test_two_webhooks_of_one_name_are_refused(tmp_path: Path) -> None:
    entry = json.dumps({"name": "teams", "authority": "demo", "url": "https://x", "secret": SECRET})
    file = tmp_path / "webhooks.yaml"
    file.write_text(f"webhooks: [{entry}, {entry}]")
    with pytest.raises(WebhookFileError, match="same name"):
        read_webhooks(file)
