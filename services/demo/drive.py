"""Sends the stream through the public HTTP API, with the system's clock following it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import httpx

from services.demo.feed import Batch
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

    async def send(self, batches: Iterable[Batch]) -> None:
        """Post batches in order of time and return when all are in the journal. Raises DemoError."""
        room = asyncio.Semaphore(_IN_FLIGHT)
        try:
            async with asyncio.TaskGroup() as posting:
                for batch in batches:
                    await room.acquire()
                    self._system.clock.set(max(batch.at, self._system.clock.now()))
                    posting.create_task(self._post(batch)).add_done_callback(lambda _: room.release())
        except* DemoError as refused:
            raise refused.exceptions[0] from None

    async def _post(self, batch: Batch) -> None:
        answer = await self._client.post(
            "/v1/events",
            content=batch.body,
            headers={"Content-Type": _BATCH_TYPE, "Authorization": f"Bearer {self._system.ingest_key}"},
        )
        _all_taken(answer)
        self._taken(batch)


def _all_taken(answer: httpx.Response) -> None:
    if answer.status_code != 200:
        raise DemoError(f"The door refused a batch ({answer.status_code}).")
    refused = [receipt for receipt in answer.json()["receipts"] if receipt["status"] == "refused"]
    if refused:
        raise DemoError(f"The door refused {len(refused)} facts of a batch; the first: {refused[0]['detail']}")


def client_of(system: System) -> httpx.AsyncClient:
    """Return a client of the system's HTTP API."""
    return httpx.AsyncClient(base_url=system.url, timeout=_PATIENCE_SECONDS)
