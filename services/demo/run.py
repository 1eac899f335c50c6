"""The demo from beginning to end: send, wait until all is processed, read the figures, publish the last month."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import httpx

from contracts.dates import civil_date, start_of
from services.demo.drive import DemoError, Sender, System, client_of
from services.demo.feed import Batch, Feed, Scope
from services.demo.figures import figures
from services.demo.readings import Supervisor
from services.demo.screen import Screen

PUBLISHERS: Final = ("indicators", "incentives", "notifier")

_PUBLISHED_ON_DAY: Final = 5
_LOOK_EVERY_SECONDS: Final = 1.0
_SHARE_FOR_LOOKING: Final = 6
"""After looking, the demo leaves the services alone for so many times as long as it took: it is they who matter."""
_PUBLICATION_POLL_SECONDS: Final = 0.2
_PUBLICATION_PATIENCE_SECONDS: Final = 120.0


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
                await self._stream(feed, client, supervisor)
                self.screen.reading = await supervisor.reading(self.scope.end)
                if result:
                    self.screen.phase("Reading the figures")
                    write(result, await self._figures(supervisor))
                self.screen.phase("Publishing")
                await self._publish(supervisor)
            except httpx.HTTPError as error:
                raise DemoError(f"A service did not answer as it should ({type(error).__name__}).") from None
        self.screen.phase("Done")

    async def _stream(self, feed: Feed, client: httpx.AsyncClient, supervisor: Supervisor) -> None:
        self.screen.expect(await feed.events())
        async with self._watched(supervisor):
            await self._send(feed, client)
            self.screen.phase("Waiting for the last")
            await self.system.settled()

    async def _send(self, feed: Feed, client: httpx.AsyncClient) -> None:
        try:
            await Sender(self.system, client, self._taken).send_all(feed)
        except* DemoError as refused:
            raise refused.exceptions[0] from None

    def _taken(self, batch: Batch) -> None:
        self.screen.phase(f"{civil_date(batch.at):%B %Y}")
        self.screen.advance(batch.events)

    @asynccontextmanager
    async def _watched(self, supervisor: Supervisor) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._watch(supervisor))
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, supervisor: Supervisor) -> None:
        while True:
            begun = time.monotonic()
            with contextlib.suppress(httpx.HTTPError):  # what is shown on the way may miss a beat
                self.screen.reading = await supervisor.reading(civil_date(self.system.clock.now()))
            took = time.monotonic() - begun
            await asyncio.sleep(max(_LOOK_EVERY_SECONDS, _SHARE_FOR_LOOKING * took))

    async def _figures(self, supervisor: Supervisor) -> dict[str, object]:
        codes = tuple(sorted(each.code for each in figures().municipalities))
        found = await supervisor.figures(self.scope.start, self.scope.end, codes)
        return {"seed": self.scope.seed, "clients": self.scope.clients, **found}

    async def _publish(self, supervisor: Supervisor) -> None:
        """Let the clock run to the day on which the last month is published, and wait until it is."""
        last_month = self.scope.end.replace(day=1)
        following = (last_month + timedelta(days=31)).replace(day=_PUBLISHED_ON_DAY)
        self.system.clock.set(start_of(following) + timedelta(hours=12))
        async with asyncio.timeout(_PUBLICATION_PATIENCE_SECONDS):
            while not await self._all_published(supervisor, last_month):
                await asyncio.sleep(_PUBLICATION_POLL_SECONDS)
        await self.system.settled()

    async def _all_published(self, supervisor: Supervisor, month: date) -> bool:
        return all([await supervisor.published(service, month) for service in PUBLISHERS])


def write(path: Path, found: dict[str, object]) -> None:
    """Write figures so that the same figures are the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
