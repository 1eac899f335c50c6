"""The demo from beginning to end: send month by month, have each month published, read the figures in the end."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import httpx

from contracts.dates import civil_date, months_before, start_of
from services.demo.drive import DemoError, Sender, System, client_of
from services.demo.feed import Batch, Feed, Scope, publication_before
from services.demo.figures import figures
from services.demo.readings import Supervisor
from services.demo.screen import Screen
from services.runtime.cadence import published_on

PUBLISHERS: Final = ("notifier", "incentives", "indicators")
"""Who publishes, the last one first: asking it first asks the least."""

_READING_SECONDS: Final = 5.0
"""Between looks at the figures while the stream goes on: each counts all clients anew."""

_POLL_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo on a running system."""

    system: System
    scope: Scope
    screen: Screen

    async def run(self, feed: Feed, result: Path | None) -> None:
        """Stream everything, write the figures to `result`, and publish the last month. Raises DemoError."""
        async with client_of(self.system) as client:
            supervisor = Supervisor(client, self.system.supervisor_token)
            try:
                await self._stream(feed, Sender(self.system, client, self._taken), supervisor)
                if result:
                    self.screen.phase("Reading the figures")
                    write(result, await self._figures(supervisor))
                await self._publish(supervisor, published_on(self.scope.end))
            except httpx.HTTPError as error:
                raise DemoError(f"A service did not answer as it should ({type(error).__name__}).") from None
        self.screen.phase("Done")

    async def _stream(self, feed: Feed, sender: Sender, supervisor: Supervisor) -> None:
        """Send everything as fast as it is taken; months are published behind it, and all is processed in the end."""
        self.screen.expect(await feed.events())
        read_at = 0.0
        async for month in _by_publication(feed):
            await sender.send(month)
            if time.monotonic() - read_at >= _READING_SECONDS:
                read_at = time.monotonic()
                self.screen.reading = await supervisor.reading(civil_date(self.system.clock.now()))
        await self.system.settled()
        self.screen.reading = await supervisor.reading(civil_date(self.system.clock.now()))

    def _taken(self, batch: Batch) -> None:
        self.screen.phase(f"{civil_date(batch.at):%B %Y}")
        self.screen.advance(batch.events)

    async def _figures(self, supervisor: Supervisor) -> dict[str, object]:
        codes = tuple(sorted(each.code for each in figures().municipalities))
        found = await supervisor.figures(self.scope.start, self.scope.end, codes)
        return {"seed": self.scope.seed, "clients": self.scope.clients, **found}

    async def _publish(self, supervisor: Supervisor, day: date) -> None:
        """Let the clock run to `day` and wait until the month before it is published."""
        self.screen.phase(f"Publishing {months_before(day, 1):%B %Y}")
        self.system.clock.set(start_of(day) + timedelta(minutes=1))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for service in PUBLISHERS:
                while not await supervisor.published(service, months_before(day, 1)):  # noqa: ASYNC110 - asked over HTTP
                    await asyncio.sleep(_POLL_SECONDS)


async def _by_publication(feed: Feed) -> AsyncIterator[list[Batch]]:
    """Gather batches between days of publication: all of one are in the journal before the clock passes the day."""
    gathered = list[Batch]()
    async for batch in feed.batches():
        if gathered and publication_before(batch.at) != publication_before(gathered[-1].at):
            yield gathered
            gathered = []
        gathered.append(batch)
    yield gathered


def write(path: Path, found: dict[str, object]) -> None:
    """Write figures so that the same figures are the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
