"""Figures leave a service once a month: on the 5th, as of the last day of the month before.

A publication counts the facts that the journal had taken by then. A room makes it once its own consumer has passed
every fact up to that journal number and the rooms it builds on have made theirs; made once, it stays. The first month
is the first by whose day anything had been journaled: an empty system has nothing to state. Until then an administrator
may begin earlier, once, with the last whole month: in the room that builds on no other, and the others follow it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

import structlog
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.dates import month_end, months_before, months_from, start_of
from services.runtime.cadence import due_month, published_on
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.problems import Problem

_ASK_AGAIN_SECONDS: Final = 0.5
"""Rooms wait for each other, so that their waits add up; one question costs milliseconds, on one day of a month."""

_LOOK_AGAIN_SECONDS: Final = 5.0
"""How soon a room sees that the first publication was made elsewhere. Asked only as long as there is none."""

_PATIENCE_SECONDS: Final = 10.0
"""How long an administrator's request waits for the last facts on their way; after it, one asks again."""

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

    async def made_by(self, service: str, authority: str) -> Mapping[date, int]:
        """Return the months that `service` has published, each with its journal number."""
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

    @property
    def begins(self) -> bool:
        """Whether the first publication begins here: this room builds on no other."""
        return not self._after

    async def run(self) -> None:
        """Publish for ever, each month on its day; months that passed while the service was away are made up for."""
        while True:
            await self._show()  # another process of this service may have published
            newest = due_month(self._clock.today())
            for authority in sorted(self._authorities):
                await self._make_all(authority)
            # The month after the one that was newest before: the clock may have passed its day meanwhile.
            await self._until_due_or_begun(_day_of(months_before(newest, -1)))

    async def _until_due_or_begun(self, due: datetime) -> None:
        """Return at `due`, or once somebody has begun to publish for an authority that had no publication."""
        unbegun = await self._unbegun()
        while unbegun:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._clock.sleep_until(due), _LOOK_AGAIN_SECONDS)
                return
            if await self._unbegun() != unbegun:
                return
            for authority in unbegun:
                if await self._made_by_others(authority):
                    return
        await self._clock.sleep_until(due)

    async def _unbegun(self) -> list[str]:
        return [authority for authority in sorted(self._authorities) if not await self._made(authority)]

    async def begin(self, authority: str) -> Publication:
        """Make the first publication of `authority` now: the last whole month, from all facts journaled so far.

        Raises Problem where there is one already or the cadence is about to make it, where there is nothing to
        publish, and where facts are still on their way after some seconds.
        """
        if authority not in self._authorities:
            raise Problem(404, "Not found", "Your authority is not one that this installation serves.")
        if months := await self._made(authority):
            raise _has_begun(f"The first publication is that of {months[0]:%Y-%m}.")
        if await self._first_ones(due_month(self._clock.today())):
            raise _has_begun("The first publication is due and about to be made.")
        month = months_before(self._clock.today(), 1)
        made_now = await self.publish(authority, {month: await self._journaled_and_taken_in()})
        if not made_now:
            raise _has_begun("Somebody else has just made the first one.")
        return made_now[0]

    async def _journaled_and_taken_in(self) -> int:
        """Return the journal's number as of now, once everything up to it has been taken in here. Raises Problem."""
        now = self._clock.now()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while (seq := await self._taken_in_until(now)) is None:  # noqa: ASYNC110 - it lies in other services
                    await asyncio.sleep(_ASK_AGAIN_SECONDS)
                if seq == 0:
                    raise Problem(409, "Nothing to publish", "No event has been accepted yet. Send some first.")
                return seq
        raise Problem(
            503,
            "Still reading",
            "Accepted events are still on their way into the figures. Send the same again in a moment.",
            headers={"Retry-After": f"{_PATIENCE_SECONDS:.0f}"},
        )

    async def _taken_in_until(self, instant: datetime) -> int | None:
        seq = await self._progress.journaled_until(instant)
        return seq if await self._caught_up() else None

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
        months = await self._made(authority)
        if not months:
            return sorted({*await self._first_ones(newest), *await self._made_by_others(authority)})
        return list(months_from(months_before(months[-1], -1), newest))

    async def _first_ones(self, newest: date) -> list[date]:
        """Return the months up to `newest` by whose day of publication anything had been journaled."""
        months: list[date] = []
        month = newest
        while (seq := await self._progress.journaled_until(_day_of(month))) != 0:
            months.insert(0, month)
            if seq is None:
                break  # not known yet: to be asked again
            month = months_before(month, 1)
        return months

    async def _ready(self, authority: str, months: Sequence[date]) -> dict[date, int]:
        """Return those of `months`, from the first on, that can be published now, and their journal numbers."""
        theirs = await self._made_by_others(authority)
        ready: dict[date, int] = {}
        for month in months:
            seq = theirs.get(month) if self._after else await self._progress.journaled_until(_day_of(month))
            if seq is None:
                break
            ready[month] = seq
        # Asked again: what the others published on may have reached this room's topics since.
        return ready if ready and await self._caught_up() else {}

    async def _made_by_others(self, authority: str) -> Mapping[date, int]:
        """Return the months that all rooms before this one have published, with the journal numbers of the first.

        All that is up to such a number is on the topics; whoever has read them to their end has it.
        """
        made = [await self._progress.made_by(service, authority) for service in self._after]
        return {month: seq for month, seq in made[0].items() if all(month in each for each in made)} if made else {}

    async def _made(self, authority: str) -> list[date]:
        async with self._database.transaction() as session:
            return [publication.month for publication in await made(session, self._service, authority)]

    async def publish(self, authority: str, months: Mapping[date, int]) -> Sequence[Publication]:
        """Make the publications of `months` (with their journal numbers) now and return them; one that exists stays."""
        due = [Publication(authority, month, month_end(month), seq, self._clock.now()) for month, seq in months.items()]
        async with self._database.transaction() as session:
            new = [publication for publication in due if await self._record(session, publication)]
            if new:
                await self._make(session, new)
        await self._show()
        for publication in new:
            _log.info("published", service=self._service, month=publication.month.isoformat())
        return new

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


def _day_of(month: date) -> datetime:
    """Return the instant up to which facts count in the publication of `month`."""
    return start_of(published_on(month))


def _has_begun(how: str) -> Problem:
    return Problem(409, "Already begun", f"{how} Every further month is published by itself, on the 5th of the next.")


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
