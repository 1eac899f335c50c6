"""Sends the stream through the public HTTP API, with the system's clock following it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx

from services.demo.feed import Batch, Feed
from services.runtime.clock import ManualClock

_BATCH_TYPE: Final = "application/cloudevents-batch+json"
_IN_FLIGHT: Final = 2
"""While one batch is written to the journal, the next is read; more would only queue."""

_PATIENCE_SECONDS: Final = 120.0


class DemoError(Exception):
    """The demo cannot go on; the text says what was refused."""


@dataclass(frozen=True, slots=True)
class System:
    """The running system as the demo sees it: its public API, its clock, and how to know that all is processed."""

    url: str
    ingest_key: str
    supervisor_token: str
    clock: ManualClock
    settled: Callable[[], Awaitable[None]]


class Sender:
    """Posts batches, a few at a time."""

    def __init__(self, system: System, client: httpx.AsyncClient, taken: Callable[[Batch], None]) -> None:
        self._system = system
        self._client = client
        self._taken = taken
        self._room = asyncio.Semaphore(_IN_FLIGHT)

    async def send_all(self, feed: Feed) -> None:
        """Post all batches in order of time and return when every one is in the journal. Raises DemoError."""
        async with asyncio.TaskGroup() as posting:
            async for batch in feed.batches():
                await self._room.acquire()
                self._move_clock(batch.at)
                posting.create_task(self._post(batch))

    def _move_clock(self, to: datetime) -> None:
        if to > self._system.clock.now():
            self._system.clock.set(to)

    async def _post(self, batch: Batch) -> None:
        try:
            answer = await self._client.post(
                "/v1/events",
                content=batch.body,
                headers={"Content-Type": _BATCH_TYPE, "Authorization": f"Bearer {self._system.ingest_key}"},
            )
            _all_taken(answer)
            self._taken(batch)
        finally:
            self._room.release()


def _all_taken(answer: httpx.Response) -> None:
    if answer.status_code != 200:
        raise DemoError(f"The door refused a batch ({answer.status_code}).")
    refused = [receipt for receipt in answer.json()["receipts"] if receipt["status"] == "refused"]
    if refused:
        raise DemoError(f"The door refused {len(refused)} facts of a batch; the first: {refused[0]['detail']}")


def client_of(system: System) -> httpx.AsyncClient:
    """Return a client of the system's HTTP API."""
    return httpx.AsyncClient(base_url=system.url, timeout=_PATIENCE_SECONDS)
