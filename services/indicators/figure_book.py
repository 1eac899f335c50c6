"""Figures for a reader: exact ones for supervisors, published ones for all others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, Protocol

from contracts.dates import month_end, months_before, months_from
from contracts.snapshots import PathwaySnapshot, pathway_from
from services.indicators import published, store
from services.indicators.domain.figures import (
    FLOWS,
    Flow,
    Matrix,
    Of,
    flow_between,
    matrix_of,
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


class Tally(Protocol):
    """Counts something over all clients, of whom it is shown one at a time."""

    def add(self, told: PathwaySnapshot) -> None:
        """Count one client."""
        ...


class StockTally:
    """Counts clients by step on a day."""

    def __init__(self, on: date, municipality: str | None) -> None:
        self._on, self._municipality = on, municipality
        self._counts = Counter[int]()

    def add(self, told: PathwaySnapshot) -> None:
        """Count one client."""
        found = stock_on(told, self._on)
        self._counts.update(step for home, step in found if self._municipality in {None, home})

    def stock(self, ladder: Ladder) -> Stock:
        """Return what was counted."""
        by_step = {step: self._counts[step] for step in ladder.named}
        return Stock("exact", self._on, by_step, self._counts.total())


class FlowTally:
    """Counts what happened at each step between two days, both included."""

    def __init__(self, first: date, last: date, municipality: str | None) -> None:
        self._first, self._last, self._municipality = first, last, municipality
        self._counts = Counter[tuple[int, Flow]]()

    def add(self, told: PathwaySnapshot) -> None:
        """Count one client."""
        changes = flow_between(told, self._first, self._last)
        self._counts.update((step, flow) for home, step, flow in changes if self._municipality in {None, home})

    def flows(self, ladder: Ladder) -> Flows:
        """Return what was counted."""
        return Flows("exact", [], _by_step(self._counts, ladder))


class TransitionTally:
    """Counts transitions between the ends of neighbouring months, from that of `first` to that of `last`."""

    def __init__(self, first: date, last: date, of: Of, municipality: str | None) -> None:
        self._months = list(months_from(first, last))
        self._ends = [month_end(month) for month in self._months]
        self._of, self._municipality = of, municipality
        self._counts = Counter[tuple[str, str]]()

    def add(self, told: PathwaySnapshot) -> None:
        """Count one client."""
        moves = transitions_between(told, self._ends, self._of)
        self._counts.update((origin, end) for home, origin, end in moves if self._municipality in {None, home})

    def transitions(self) -> Transitions:
        """Return what was counted."""
        return Transitions("exact", self._months[1:], matrix_of(self._counts))


def _by_step(counts: Mapping[tuple[int, Flow], int | None], ladder: Ladder) -> dict[int, dict[Flow, int | None]]:
    return {step: {flow: counts.get((step, flow), 0) for flow in FLOWS} for step in ladder.named}


@dataclass(frozen=True, slots=True)
class Overview:
    """A month at a glance: its stock, its flow up to that day, the transitions of the months up to it."""

    stock: Stock
    flow: Flows
    transitions: Transitions


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
            tally = StockTally(on, municipality)
            await self._count(who.authority, tally)
            return tally.stock(self.ladder)
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
            tally = FlowTally(first, last, municipality)
            await self._count(who.authority, tally)
            return tally.flows(self.ladder)
        months = await self._published_months(who, first, last)
        async with self.database.transaction() as session:
            tables = await published.flow(session, who.authority, months, municipality or TOTAL)
        sums = summed(tables)
        shown = {(step, flow): sums.get((str(step), flow), 0) for step in self.ladder.named for flow in FLOWS}
        return Flows("publications", months, _by_step(shown, self.ladder) if months else {})

    async def transitions(
        self, who: Principal, first: date, last: date, of: Of, municipality: str | None
    ) -> Transitions:
        """Return the transitions between the ends of neighbouring months from that of `first` to that of `last`."""
        if self.is_exact(who):
            tally = TransitionTally(first, last, of, municipality)
            await self._count(who.authority, tally)
            return tally.transitions()
        arrivals = list(months_from(first, last))[1:]
        shown = [month for month in await self._published_months(who, first, month_end(last)) if month in arrivals]
        async with self.database.transaction() as session:
            tables = await published.transitions(session, who.authority, shown, of, municipality or TOTAL)
        return Transitions("publications", shown, matrix_of({(i, j): n for (i, j), n in summed(tables).items()}))

    async def overview(self, who: Principal, on: date, months: int, municipality: str | None) -> Overview:
        """Return the stock on a day, the flow of its month so far, and the transitions between steps of `months`."""
        if self.is_exact(who):
            stock, flow = StockTally(on, municipality), FlowTally(on.replace(day=1), on, municipality)
            moves = TransitionTally(months_before(on, months), on, "step", municipality)
            await self._count(who.authority, stock, flow, moves)
            return Overview(stock.stock(self.ladder), flow.flows(self.ladder), moves.transitions())
        found = await self.stock(who, on, municipality)
        last = found.as_of or on
        return Overview(
            found,
            await self.flow(who, last.replace(day=1), last, municipality),
            await self.transitions(who, months_before(last, months), last, "step", municipality),
        )

    async def _published_months(self, who: Principal, first: date, last: date) -> list[date]:
        return [one.month for one in await self.publications(who) if first <= one.month and one.as_of <= last]

    async def _count(self, authority: str, *tallies: Tally) -> None:
        """Show every pathway of `authority` to `tallies`, all in one reading."""
        last = ""
        while page := await self._page(authority, last):
            for told in page:
                for tally in tallies:
                    tally.add(told)
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
        return pathway_from(told).coordinator_on(self.clock.today()) == who.name

    def newest_day(self, who: Principal, publications: Sequence[Publication]) -> date:
        """Return the day as of which a page tells by itself: today, or that of the newest publication."""
        return self.clock.today() if self.is_exact(who) or not publications else publications[-1].as_of
