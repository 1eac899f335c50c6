"""What of the costs may leave: one month's figures, disclosed, and the gauges that carry the newest of them.

Totals come first, because budgets are made of them: a municipality's total is decided by the count of clients behind
it, and its classes are shown all together or not at all, so that no hidden class follows from the total. A client who
passes from one class to the next stands in both: how many do is a count like any other, for it follows from the rest.
A sum of money hides with the count of the clients whose money it is: those who cost something, since free days add
nothing. The number of payments of a class hides with its clients, and where few of them had more than one (0019).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from sqlmodel.ext.asyncio.session import AsyncSession

from services.incentives import reporting, store
from services.incentives.domain.schemes import Scheme
from services.incentives.histograms import DayHistograms
from services.incentives.metrics import ELSEWHERE, IncentiveMetrics
from services.incentives.reporting import CostFigure, Range
from services.runtime.authorities import Authority
from services.runtime.database import Database
from services.runtime.disclosure import TOTAL, Key, Table, disclose, smallest_shown_on
from services.runtime.publications import Publication

_CENTS_IN_EURO = 100
_PASSING = "passing"
"""Stands among the classes for clients who are in more than one of them."""


class CostFigures:
    """What the runtime calls when a month is due: `make` writes the table, `show` sets the gauge."""

    def __init__(
        self,
        database: Database,
        authorities: Mapping[str, Authority],
        schemes: Mapping[str, Scheme],
        metrics: IncentiveMetrics,
    ) -> None:
        self._database = database
        self._authorities = authorities
        self._schemes = schemes
        self._metrics = metrics
        self._histograms = DayHistograms(schemes)

    async def make(self, session: AsyncSession, publications: Sequence[Publication]) -> None:
        """Write the costs and day histograms of one authority's publications, all of the same facts."""
        await store.hold(session)  # a client who came between two questions would be told by their difference
        costs = {publication: await self._make_costs(session, publication) for publication in publications}
        members = self._authorities[publications[0].authority].municipalities
        await self._histograms.publish(session, members, costs)

    async def _make_costs(self, session: AsyncSession, publication: Publication) -> list[CostFigure]:
        members = self._authorities[publication.authority].municipalities
        asked = Range(publication.month, publication.month)
        exact = await reporting.exact_figures(session, publication.authority, asked)
        paying = await reporting.paying_clients(session, publication.authority, publication.month)
        smallest = smallest_shown_on(publication.as_of)
        counts = _placed_counts(paying, members)
        names = [name for name, scheme in self._schemes.items() if scheme.is_published]
        shown = disclosed(placed(exact, members), counts, names, publication.month, smallest)
        await reporting.publish(session, publication.authority, publication.as_of, shown)
        return shown

    async def show(self) -> None:
        """Set the gauge from the newest publication of each authority; a hidden figure has no series."""
        self._metrics.cost.clear()
        async with self._database.transaction() as session:
            for authority in self._authorities:
                for total in await reporting.newest_totals(session, authority):
                    self._show(authority, total)

    def _show(self, authority: str, total: CostFigure) -> None:
        if total.cents is not None and total.scheme in self._schemes:
            series = self._metrics.cost.labels(
                authority=authority, municipality=total.municipality, scheme=total.scheme
            )
            series.set(total.cents / _CENTS_IN_EURO)


def placed(figures: Iterable[CostFigure], members: Collection[str]) -> list[CostFigure]:
    """Return figures by municipality of the authority, those of all other payers together as elsewhere."""
    sums: dict[tuple[str, str, str], CostFigure] = {}
    for figure in figures:
        if figure.municipality == TOTAL:
            continue
        mine = replace(figure, municipality=_place(figure.municipality, members))
        key = (mine.municipality, mine.scheme, mine.cost_class)
        sums[key] = _sum(sums[key], mine) if key in sums else mine
    return list(sums.values())


def _placed_counts(counts: Mapping[tuple[str, str], int], members: Collection[str]) -> dict[tuple[str, str], int]:
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (municipality, scheme), clients in counts.items():
        sums[_place(municipality, members), scheme] += clients
    return dict(sums)


def _place(municipality: str, members: Collection[str]) -> str:
    return municipality if municipality in members else ELSEWHERE


def _sum(one: CostFigure, other: CostFigure) -> CostFigure:
    return replace(
        one,
        clients=(one.clients or 0) + (other.clients or 0),
        days=(one.days or 0) + (other.days or 0),
        base_cents=(one.base_cents or 0) + (other.base_cents or 0),
        cents=(one.cents or 0) + (other.cents or 0),
        payments=None if one.payments is None or other.payments is None else one.payments + other.payments,
        repeated=one.repeated + other.repeated,
    )


def disclosed(
    exact: Sequence[CostFigure],
    paying: Mapping[tuple[str, str], int],
    schemes: Iterable[str],
    month: date,
    smallest: int,
) -> list[CostFigure]:
    """Return what of one month's `exact` figures by municipality may leave, totals (`*`) over municipalities included.

    `paying` counts the clients who cost something by (municipality, scheme); `smallest` is the least count shown.
    """
    shown = []
    for scheme in schemes:
        mine = [figure for figure in exact if figure.scheme == scheme]
        costing = {place: clients for (place, name), clients in paying.items() if name == scheme}
        totals = [figure for figure in mine if figure.is_total]
        shown += _totals(scheme, month, totals, costing, smallest)
        shown += _classes([figure for figure in mine if not figure.is_total], totals, smallest)
    return shown


def _totals(
    scheme: str, month: date, totals: Sequence[CostFigure], costing: Mapping[str, int], smallest: int
) -> list[CostFigure]:
    whole = CostFigure(month, TOTAL, scheme, TOTAL, 0, 0, 0, 0)
    for total in totals:
        whole = _sum(whole, total)
    counts = _disclosed({(total.municipality,): total.clients or 0 for total in totals}, smallest)
    money = _disclosed({(total.municipality,): costing.get(total.municipality, 0) for total in totals}, smallest)
    return [
        _without_money(total) if money.get((total.municipality,), 0) is None else total
        for figure in [whole, *totals]
        for total in [_hidden(figure) if counts.get((figure.municipality,), 0) is None else figure]
    ]


def _classes(classes: Sequence[CostFigure], totals: Sequence[CostFigure], smallest: int) -> list[CostFigure]:
    """Show the classes of a municipality all or not at all; those of the whole only where all municipalities' are."""
    cells: dict[Key, int] = {(figure.municipality, figure.cost_class): figure.clients or 0 for figure in classes}
    for total in totals:
        stays = sum(figure.clients or 0 for figure in classes if figure.municipality == total.municipality)
        cells[total.municipality, _PASSING] = stays - (total.clients or 0)
    counts = _disclosed(cells, smallest)
    closed = {place for (place, _), count in counts.items() if count is None and place != TOTAL}
    whole: dict[str, CostFigure] = {}
    for figure in classes:
        of_all = replace(figure, municipality=TOTAL)
        whole[figure.cost_class] = _sum(whole[figure.cost_class], of_all) if figure.cost_class in whole else of_all
    repeats = _disclosed({(figure.municipality, figure.cost_class): figure.repeated for figure in classes}, smallest)
    return [
        *(_hidden(figure) if closed else _counted(figure, repeats) for figure in whole.values()),
        *(_hidden(figure) if figure.municipality in closed else _counted(figure, repeats) for figure in classes),
    ]


def _counted(figure: CostFigure, repeats: Mapping[Key, int | None]) -> CostFigure:
    """Leave the number of payments out where it would tell that few clients had several of them."""
    hides = repeats[figure.municipality, figure.cost_class] is None
    return replace(figure, payments=None) if hides else figure


def _disclosed(cells: dict[Key, int], smallest: int) -> Mapping[Key, int | None]:
    dimensions = ("municipality", "class")[: len(next(iter(cells), ("",)))]
    return disclose(Table(dimensions, cells), smallest)


def _hidden(figure: CostFigure) -> CostFigure:
    return replace(figure, clients=None, days=None, base_cents=None, cents=None, payments=None)


def _without_money(figure: CostFigure) -> CostFigure:
    return replace(figure, base_cents=None, cents=None)
