"""Figures for a reader: exact ones for supervisors, published ones for all others."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from contracts.snapshots import PATHWAY, PathwaySnapshot
from services.indicators import published, store
from services.indicators.domain.figures import (
    FLOWS,
    Flow,
    Matrix,
    Of,
    flow_between,
    matrix_of,
    month_end,
    months_from,
    stock_on,
    summed,
    transitions_between,
)
from services.indicators.domain.ladder import Ladder
from services.runtime.access import Principal, Role
from services.runtime.authorities import Authority
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.disclosure import TOTAL
from services.runtime.publications import Publication, made

Source = Literal["exact", "publications"]

_SERVICE: Final = "indicators"


@dataclass(frozen=True, slots=True)
class Stock:
    """Clients by step as of a day; `as_of` None: nothing is published yet. None among the counts: hidden."""

    source: Source
    as_of: date | None
    by_step: Mapping[int, int | None]
    total: int | None


@dataclass(frozen=True, slots=True)
class Flows:
    """What happened at each step; of publications the `months` that were summed."""

    source: Source
    months: Sequence[date]
    by_step: Mapping[int, Mapping[Flow, int | None]]


@dataclass(frozen=True, slots=True)
class Transitions:
    """Monthly-sampled transitions; `months` are those at whose end a transition arrived."""

    source: Source
    months: Sequence[date]
    matrix: Matrix


@dataclass(frozen=True)
class FigureBook:
    """Reads figures for a principal. `municipality` None is all of the principal's authority."""

    database: Database
    clock: Clock
    ladder: Ladder
    authorities: Mapping[str, Authority]

    def is_exact(self, who: Principal) -> bool:
        """Tell whether `who` sees figures of any day, unhidden."""
        return who.role is Role.SUPERVISOR

    async def publications(self, who: Principal) -> list[Publication]:
        """Return what has been published for the authority of `who`, oldest first."""
        async with self.database.transaction() as session:
            return await made(session, _SERVICE, who.authority)

    async def stock(self, who: Principal, on: date, municipality: str | None) -> Stock:
        """Return the stock on a day, or the newest one published for a day not after it."""
        if self.is_exact(who):
            counts = Counter[int]()
            async for told in self._pathways(who.authority):
                counts.update(step for home, step in stock_on(told, on) if municipality in {None, home})
            return Stock("exact", on, {step: counts[step] for step in self.ladder.named}, counts.total())
        known = [one for one in await self.publications(who) if one.as_of <= on]
        if not known:
            return Stock("publications", None, {}, None)
        async with self.database.transaction() as session:
            shown = await published.stock(session, who.authority, known[-1].month, municipality or TOTAL)
        by_step = {step: shown.get(str(step), 0) for step in self.ladder.named}
        return Stock("publications", known[-1].as_of, by_step, shown.get(TOTAL, 0))

    async def flow(self, who: Principal, first: date, last: date, municipality: str | None) -> Flows:
        """Return the flow between two days, both included; of publications that of the months within."""
        if self.is_exact(who):
            counts = Counter[tuple[int, Flow]]()
            async for told in self._pathways(who.authority):
                changes = flow_between(told, first, last)
                counts.update((step, flow) for home, step, flow in changes if municipality in {None, home})
            return Flows("exact", [], self._by_step({key: counts[key] for key in counts}))
        months = await self._published_months(who, first, last)
        async with self.database.transaction() as session:
            tables = await published.flow(session, who.authority, months, municipality or TOTAL)
        sums = summed(tables)
        shown = {(step, flow): sums.get((str(step), flow), 0) for step in self.ladder.named for flow in FLOWS}
        return Flows("publications", months, self._by_step(shown) if months else {})

    def _by_step(self, counts: Mapping[tuple[int, Flow], int | None]) -> dict[int, dict[Flow, int | None]]:
        return {step: {flow: counts.get((step, flow), 0) for flow in FLOWS} for step in self.ladder.named}

    async def transitions(
        self, who: Principal, first: date, last: date, of: Of, municipality: str | None
    ) -> Transitions:
        """Return the transitions between the ends of neighbouring months from that of `first` to that of `last`."""
        months = list(months_from(first, last))
        if self.is_exact(who):
            counts = Counter[tuple[str, str]]()
            days = [month_end(month) for month in months]
            async for told in self._pathways(who.authority):
                counts.update(_pairs(transitions_between(told, days, of), municipality))
            return Transitions("exact", months[1:], matrix_of(counts))
        shown = [month for month in await self._published_months(who, first, month_end(last)) if month in months[1:]]
        async with self.database.transaction() as session:
            tables = await published.transitions(session, who.authority, shown, of, municipality or TOTAL)
        return Transitions("publications", shown, matrix_of({(i, j): n for (i, j), n in summed(tables).items()}))

    async def _published_months(self, who: Principal, first: date, last: date) -> list[date]:
        return [one.month for one in await self.publications(who) if first <= one.month and one.as_of <= last]

    async def _pathways(self, authority: str) -> AsyncIterator[PathwaySnapshot]:
        last = ""
        while page := await self._page(authority, last):
            for told in page:
                yield told
            last = page[-1].client

    async def _page(self, authority: str, last: str) -> list[PathwaySnapshot]:
        async with self.database.transaction() as session:
            return await store.snapshots_after(session, authority, last)

    async def pathway(self, who: Principal, client: str) -> bytes | None:
        """Return the snapshot of a client whom `who` may see, and note that it was opened; None: no such client."""
        about = {"authority": who.authority, "role": who.role.value, "name": who.name}
        async with self.database.transaction() as session:
            told = await store.snapshot_of(session, who.authority, client)
            if told is None or not self._may_see(who, told):
                return None
            await store.note_opening(session, self.clock.now(), about, client)
        return told

    def _may_see(self, who: Principal, told: bytes) -> bool:
        if who.role is Role.SUPERVISOR:
            return True
        return PATHWAY.validate_json(told).coordinator_on(self.clock.today()) == who.name

    def newest_day(self, who: Principal, publications: Sequence[Publication]) -> date:
        """Return the day as of which a page tells by itself: today, or that of the newest publication."""
        return self.clock.today() if self.is_exact(who) or not publications else publications[-1].as_of


def _pairs(moves: Iterable[tuple[str, str, str]], municipality: str | None) -> list[tuple[str, str]]:
    return [(origin, destination) for home, origin, destination in moves if municipality in {None, home}]
