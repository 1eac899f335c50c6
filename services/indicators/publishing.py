"""Publications of this room: what of a month's figures may leave, and the gauge that carries the newest stock.

Stock and flow of one cell are linked: the stock on the eve, plus entered, minus left, is the stock at the end. So
they stand in one table for disclosure control, and a cell's flow is shown only where everything of the cell is. The
matrices of transitions count the same clients three times over and the stock gives their margins, so they are hidden
as if all their totals were known.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import repeat

from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import Fact
from contracts.snapshots import PathwaySnapshot
from services.indicators import published, store
from services.indicators.domain.figures import (
    ELSEWHERE,
    FLOWS,
    OFS,
    flow_between,
    stock_on,
    transitions_between,
)
from services.indicators.domain.fold import folded_by
from services.indicators.domain.ladder import Ladder
from services.indicators.domain.pathway import UNKNOWN, Pathway
from services.indicators.domain.snapshot import Owner, snapshot_of
from services.indicators.metrics import IndicatorMetrics
from services.indicators.published import Figures, Shown
from services.indicators.store import FACTS
from services.runtime.authorities import Authority
from services.runtime.database import Database
from services.runtime.disclosure import TOTAL, Key, Table, disclose, disclose_matrices, smallest_shown_on
from services.runtime.publications import Publication

_BEFORE, _NOW = "before", "now"


class PathwayFigures:
    """What the runtime calls when a month is due: `make` writes the tables, `show` sets the gauge."""

    def __init__(
        self, database: Database, authorities: Mapping[str, Authority], ladder: Ladder, metrics: IndicatorMetrics
    ) -> None:
        self._database = database
        self._authorities = authorities
        self._ladder = ladder
        self._metrics = metrics

    async def make(self, session: AsyncSession, publications: Sequence[Publication]) -> None:
        """Write the figures of one authority's publications, each from the facts that it counts."""
        authority = publications[0].authority
        months = [MonthCounts(publication, self._authorities[authority].municipalities) for publication in publications]
        last = ""
        while page := await store.snapshots_after(session, authority, last):
            moved = [told.client for told in page if self._has_moved(told, publications)]
            stored = await FACTS.of(session, moved) if moved else {}
            for told in page:
                for month, then in zip(months, self._as_known(told, stored, publications), strict=True):
                    month.add(then)
            last = page[-1].client
        for publication, month in zip(publications, months, strict=True):
            await published.write(session, publication, month.disclosed(len(self._ladder.steps)))

    def _has_moved(self, told: PathwaySnapshot, publications: Sequence[Publication]) -> bool:
        return told.as_of_seq > publications[0].seq or told.rules != self._ladder.rules

    def _as_known(
        self, told: PathwaySnapshot, stored: Mapping[str, Sequence[Fact]], publications: Sequence[Publication]
    ) -> Iterable[PathwaySnapshot]:
        """Give what was known of a client by each of `publications`: who has moved on is folded again, step by step."""
        if told.client not in stored:
            return repeat(told, len(publications))
        owner = Owner(told.authority, told.client)
        pathways = folded_by(stored[told.client], [publication.seq for publication in publications], self._ladder)
        return self._told_of(pathways, owner)

    def _told_of(self, pathways: Iterable[Pathway], owner: Owner) -> Iterator[PathwaySnapshot]:
        before = UNKNOWN
        told = snapshot_of(before, owner, 0, self._ladder)
        for pathway in pathways:
            if pathway is not before:  # else nothing came between two publications
                before, told = pathway, snapshot_of(pathway, owner, 0, self._ladder)
            yield told

    async def show(self) -> None:
        """Set the gauge from the newest publication of each authority; a hidden figure has no series."""
        self._metrics.clients.clear()
        async with self._database.transaction() as session:
            for authority in self._authorities:
                self._show(authority, await published.newest_stock(session, authority))

    def _show(self, authority: str, stock: Shown) -> None:
        for (municipality, step), clients in stock.items():
            if step != TOTAL and clients is not None:
                self._metrics.clients.labels(authority=authority, municipality=municipality, step=step).set(clients)


class MonthCounts:
    """Counts the clients of one authority for one month, and tells what of it may be shown."""

    def __init__(self, publication: Publication, municipalities: Collection[str]) -> None:
        self._members = municipalities
        self._first, self._last = publication.month, publication.as_of
        self._eve = publication.month - timedelta(days=1)
        self._cells: Counter[Key] = Counter()
        self._pairs: Counter[Key] = Counter()

    def add(self, told: PathwaySnapshot) -> None:
        """Count one client."""
        if not any(spell.start <= self._last and (spell.end is None or spell.end > self._eve) for spell in told.spells):
            return  # observed on no day of it
        for moment, day in ((_BEFORE, self._eve), (_NOW, self._last)):
            for home, step in stock_on(told, day):
                self._cells[self._place(home), str(step), moment] += 1
        for home, step, flow in flow_between(told, self._first, self._last):
            self._cells[self._place(home), str(step), flow] += 1
        for of in OFS:
            for home, origin, destination in transitions_between(told, (self._eve, self._last), of):
                self._pairs[of, self._place(home), origin, destination] += 1

    def _place(self, home: str) -> str:
        return home if home in self._members else ELSEWHERE

    def disclosed(self, steps: int) -> Figures:
        """Return what may be shown, with every municipality where anybody was observed and all `steps`."""
        smallest = smallest_shown_on(self._last)
        shown = disclose(Table(("municipality", "step", "figure"), self._with_all(steps)), smallest)
        cells = {key[:2] for key in shown}
        return Figures(
            stock={cell: shown[(*cell, _NOW)] for cell in cells},
            flow={
                (*cell, flow): None if shown[(*cell, TOTAL)] is None else shown[(*cell, flow)]
                for cell in cells
                for flow in FLOWS
            },
            transitions=self._transitions(smallest),
        )

    def _with_all(self, steps: int) -> Mapping[Key, int]:
        places = {place for place, _, _ in self._cells}
        figures = (_BEFORE, _NOW, *FLOWS)
        return {(p, str(s), f): self._cells[p, str(s), f] for p in places for s in range(steps) for f in figures}

    def _transitions(self, smallest: int) -> Shown:
        tables: dict[Key, int | None] = {}
        for of in OFS:
            cells = {key[1:]: count for key, count in self._pairs.items() if key[0] == of}
            shown = disclose_matrices(Table(("municipality", "origin", "destination"), cells), smallest)
            tables |= {(of, *key): count for key, count in shown.items()}
        return tables
