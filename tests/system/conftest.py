"""The whole system in this process, on embedded parts, as `askelma up` runs it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import pytest

from services.console.composition import Running, embedded
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from tests.rigs.waiting import until

START: Final = datetime(2026, 7, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class System:
    """A running system and a way to speak to it."""

    running: Running
    clock: ManualClock
    http: httpx.AsyncClient

    def bearing(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    @property
    def as_sender(self) -> dict[str, str]:
        return self.bearing(self.running.keys.ingest_key)

    @property
    def as_supervisor(self) -> dict[str, str]:
        return self.bearing(self.running.keys.supervisor_token)

    @property
    def as_finance(self) -> dict[str, str]:
        return self.bearing(self.running.keys.finance_token)

    async def send(self, events: Sequence[Mapping[str, object]], size: int = 500) -> list[httpx.Response]:
        """Send `events` in batches and return the answers."""
        kind = {"Content-Type": "application/cloudevents-batch+json"}
        return [
            await self.http.post("/v1/events", json=list(events[at : at + size]), headers=self.as_sender | kind)
            for at in range(0, len(events), size)
        ]

    async def settled(self) -> None:
        """Return when everything accepted has had all its effects."""
        await self.running.host.settled()

    async def asked(self, path: str, **query: str) -> object:
        """Return what a supervisor is answered; the status must be 200."""
        answer = await self.http.get(path, params=query, headers=self.as_supervisor)
        assert answer.status_code == 200, answer.text
        return answer.json()


Start = Callable[..., AbstractAsyncContextManager[System]]


@pytest.fixture
def start(folder: Path) -> Start:
    """Give a way to start a system on a folder of this test, again and again."""

    def started(at: datetime = START, authority: Authority | None = None) -> AbstractAsyncContextManager[System]:
        return started_on(folder, at, authority)

    return started


@asynccontextmanager
async def started_on(
    folder: Path, at: datetime, authority: Authority | None = None, **differing: object
) -> AsyncIterator[System]:
    """Start a system on what `folder` holds, with settings `differing` from the usual; give it once it is ready."""
    clock = ManualClock(at)
    async with (
        embedded(folder, 0, clock, authority, differing=differing) as running,
        httpx.AsyncClient(base_url=running.host.url, timeout=60) as http,
    ):
        await until(lambda: _ready(running), "the system is ready")
        yield System(running, clock, http)


async def _ready(running: Running) -> bool:
    return not await running.host.ready()
