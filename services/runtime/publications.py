"""Figures leave a service once a month: on the 5th, as of the last day of the month before.

A publication counts the facts that the journal had taken by then. A room makes it once its own consumer has passed
every fact up to that journal number and the rooms it builds on have made theirs; made once, it stays. The first month
is the first by whose day anything had been journaled: an empty system has nothing to state.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from typing import Final, Protocol

import structlog
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.dates import month_end, months_before, months_from, start_of
from services.runtime.cadence import due_month, published_on
from services.runtime.clock import Clock
from services.runtime.database import Database

_ASK_AGAIN_SECONDS: Final = 0.5
"""Rooms wait for each other, so that their waits add up; one question costs milliseconds, on one day of a month."""

_log = structlog.get_logger("publications")


@dataclass(frozen=True, slots=True)
class Publication:
    """Which month of which authority is published, as of its last day, from facts up to journal number `seq`."""

    authority: str
    month: date
    as_of: date
    seq: int
    made_at: datetime


Make = Callable[[AsyncSession, Sequence[Publication]], Awaitable[None]]
"""Writes a room's published tables for one authority's publications, oldest first, in the transaction that records
them. More than one are due together where months passed while the service was away or its log was behind."""


class Progress(Protocol):
    """How far the system has come, asked over the services' published APIs."""

    async def journaled_until(self, instant: datetime) -> int | None:
        """Return the journal number that ends at `instant` (0: none) once all before it is on the topic, else None."""
        ...

    async def made_by(self, service: str, authority: str) -> Collection[date]:
        """Return the months that `service` has published."""
        ...


class Publications:
    """Makes the publications of one service at their cadence."""

    def __init__(  # noqa: PLR0913, PLR0917 - one argument for each part that is wired
        self,
        service: str,
        database: Database,
        clock: Clock,
        authorities: Collection[str],
        progress: Progress,
        caught_up: Callable[[], Awaitable[bool]],
        make: Make,
        show: Callable[[], Awaitable[None]],
        after: Sequence[str] = (),
    ) -> None:
        """`make` writes the tables; `show` sets the gauges from the newest ones; `after` names rooms to wait for."""
        self._service = service
        self._database = database
        self._clock = clock
        self._authorities = authorities
        self._progress = progress
        self._caught_up = caught_up
        self._make = make
        self._show = show
        self._after = after

    async def run(self) -> None:
        """Publish for ever, each month on its day; months that passed while the service was away are made up for."""
        await self._show()
        while True:
            newest = due_month(self._clock.today())
            for authority in sorted(self._authorities):
                await self._make_all(authority)
            # The month after the one that was newest before: the clock may have passed its day meanwhile.
            await self._clock.sleep_until(start_of(published_on(months_before(newest, -1))))

    async def _make_all(self, authority: str) -> None:
        while True:
            if await self._caught_up():  # asked first, because it costs least
                missing = await self._missing(authority, due_month(self._clock.today()))
                if not missing:
                    return
                if ready := await self._ready(authority, missing):
                    await self.publish(authority, ready)
                    continue
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _missing(self, authority: str, newest: date) -> list[date]:
        async with self._database.transaction() as session:
            months = [publication.month for publication in await made(session, self._service, authority)]
        if not months:
            return await self._first_ones(newest)
        return list(months_from(months_before(months[-1], -1), newest))

    async def _first_ones(self, newest: date) -> list[date]:
        """Return the months up to `newest` by whose day of publication anything had been journaled."""
        months: list[date] = []
        month = newest
        while (seq := await self._progress.journaled_until(start_of(published_on(month)))) != 0:
            months.insert(0, month)
            if seq is None:
                break  # not known yet: to be asked again
            month = months_before(month, 1)
        return months

    async def _ready(self, authority: str, months: Sequence[date]) -> dict[date, int]:
        """Return those of `months`, from the first on, that can be published now, and their journal numbers."""
        ready: dict[date, int] = {}
        for month in await self._published_by_others(authority, months):
            seq = await self._progress.journaled_until(start_of(published_on(month)))
            if seq is None:
                break
            ready[month] = seq
        # Asked again: what the others published on may have reached this room's topics since.
        return ready if ready and await self._caught_up() else {}

    async def _published_by_others(self, authority: str, months: Sequence[date]) -> Iterable[date]:
        """Return those of `months` from the first on that all rooms before this one have published."""
        made = [await self._progress.made_by(service, authority) for service in self._after]
        return takewhile(lambda month: all(month in others for others in made), months)

    async def publish(self, authority: str, months: Mapping[date, int]) -> None:
        """Make the publications of `months` (with their journal numbers) now; one that exists stays as it is."""
        due = [Publication(authority, month, month_end(month), seq, self._clock.now()) for month, seq in months.items()]
        async with self._database.transaction() as session:
            new = [publication for publication in due if await self._record(session, publication)]
            if new:
                await self._make(session, new)
        await self._show()
        for publication in new:
            _log.info("published", service=self._service, month=publication.month.isoformat())

    async def _record(self, session: AsyncSession, publication: Publication) -> bool:
        statement = text(_RECORD.format(schema=self._service))
        row = await session.execute(
            statement,
            {
                "authority": publication.authority,
                "month": publication.month,
                "as_of": publication.as_of,
                "seq": publication.seq,
                "made_at": publication.made_at,
            },
        )
        return row.scalar() is not None


async def made(session: AsyncSession, service: str, authority: str) -> list[Publication]:
    """Return the publications of `service` for `authority`, oldest first."""
    rows = await session.execute(text(_MADE.format(schema=service)), {"authority": authority})
    return [Publication(row.authority, row.month, row.as_of, row.seq, row.made_at) for row in rows]


_RECORD: Final = """
    INSERT INTO {schema}.publication (authority, month, as_of, seq, made_at)
    VALUES (:authority, :month, :as_of, :seq, :made_at)
    ON CONFLICT DO NOTHING RETURNING 1
"""
_MADE: Final = "SELECT * FROM {schema}.publication WHERE authority = :authority ORDER BY month"
