"""Figures of costs by month, municipality, scheme and class: exact ones for supervisors, published ones for others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.runtime.disclosure import TOTAL


@dataclass(frozen=True, slots=True)
class CostFigure:
    """One figure. `*` stands for all municipalities or classes; amounts are cents, None where hidden.

    `clients` of a total counts those with payments, of a class those with days in it. `payments` counts those with
    days in the class, None in totals: one that is split counts in each of its classes. `repeated` are the clients with
    several of them.
    """

    month: date
    municipality: str
    scheme: str
    cost_class: str
    clients: int | None
    days: int | None
    base_cents: int | None
    cents: int | None
    payments: int | None = None
    repeated: int = 0

    @property
    def is_total(self) -> bool:
        """Tell whether this figure is of all classes."""
        return self.cost_class == TOTAL


@dataclass(frozen=True, slots=True)
class Range:
    """Months from the first day of `start` to that of `end`, both included.

    None stands for all municipalities, schemes or classes. A class is chosen among the figures that were read: its
    totals are figures of their own.
    """

    start: date
    end: date
    municipality: str | None = None
    scheme: str | None = None
    cost_class: str | None = None

    @property
    def of(self) -> str:
        """The class that totals and sums are of; `*` is all classes."""
        return self.cost_class or TOTAL


_EXACT: Final = """
    SELECT month, coalesce(municipality, '*') AS municipality, scheme, coalesce(cost_class, '*') AS cost_class,
           count(DISTINCT client) AS clients, CAST(sum(days) AS bigint) AS days,
           CAST(sum(base_cents) AS bigint) AS base_cents, CAST(sum(cents) AS bigint) AS cents,
           CASE WHEN cost_class IS NOT NULL THEN CAST(sum(payments) AS bigint) END AS payments,
           count(DISTINCT client) FILTER (WHERE payments > 1) AS repeated
    FROM incentives.cost
    WHERE authority = :authority AND month BETWEEN :start AND :end
      AND (CAST(:municipality AS text) IS NULL OR municipality = :municipality)
      AND (CAST(:scheme AS text) IS NULL OR scheme = :scheme)
    GROUP BY {sets}
    ORDER BY month, municipality, scheme, cost_class
"""
_ALL_FIGURES: Final = text(
    _EXACT.format(
        sets="GROUPING SETS ((month, scheme, municipality, cost_class), (month, scheme, municipality), (month, scheme),"
        " (month, scheme, cost_class))"
    )
)
_PUBLISHED: Final = text("""
    SELECT month, municipality, scheme, cost_class, clients, days, base_cents, cents, payments
    FROM incentives.published_costs
    WHERE authority = :authority AND month BETWEEN :start AND :end
      AND (CAST(:municipality AS text) IS NULL OR municipality = :municipality)
      AND (CAST(:scheme AS text) IS NULL OR scheme = :scheme)
    ORDER BY month, municipality, scheme, cost_class
""")


async def exact_figures(session: AsyncSession, authority: str, asked: Range) -> list[CostFigure]:
    """Return exact figures of an authority, totals over municipalities and classes included."""
    figures = await _figures(session, _ALL_FIGURES, authority, asked)
    return [figure for figure in figures if asked.municipality in {None, figure.municipality}]


async def published_figures(session: AsyncSession, authority: str, asked: Range) -> list[CostFigure]:
    """Return published figures of an authority, with the totals that were published."""
    return await _figures(session, _PUBLISHED, authority, asked)


async def _figures(session: AsyncSession, statement: TextClause, authority: str, asked: Range) -> list[CostFigure]:
    wanted = {
        "authority": authority,
        "start": asked.start,
        "end": asked.end,
        "municipality": asked.municipality,
        "scheme": asked.scheme,
    }
    return [CostFigure(*row) for row in await session.execute(statement, wanted)]


_PAYING: Final = text("""
    SELECT municipality, scheme, count(*) AS clients
    FROM (SELECT DISTINCT municipality, scheme, client FROM incentives.cost
          WHERE authority = :authority AND month = :month AND cents > 0) AS paying
    GROUP BY municipality, scheme
""")


async def paying_clients(session: AsyncSession, authority: str, month: date) -> dict[tuple[str, str], int]:
    """Return how many clients cost anything in `month`, by (municipality, scheme)."""
    rows = await session.execute(_PAYING, {"authority": authority, "month": month})
    return {(row.municipality, row.scheme): row.clients for row in rows}


_PUBLISH: Final = text("""
    INSERT INTO incentives.published_costs
           (authority, month, as_of, municipality, scheme, cost_class, clients, payments, days, base_cents, cents)
    SELECT :authority, :month, :as_of, n.* FROM unnest(
        CAST(:municipalities AS text[]), CAST(:schemes AS text[]), CAST(:classes AS text[]), CAST(:clients AS bigint[]),
        CAST(:payments AS bigint[]), CAST(:days AS bigint[]), CAST(:base AS bigint[]), CAST(:cents AS bigint[])) AS n
""")


async def publish(session: AsyncSession, authority: str, as_of: date, figures: Sequence[CostFigure]) -> None:
    """Write the figures of one publication; all are of one month."""
    if not figures:
        return
    columns = {
        "municipalities": [figure.municipality for figure in figures],
        "schemes": [figure.scheme for figure in figures],
        "classes": [figure.cost_class for figure in figures],
        "clients": [figure.clients for figure in figures],
        "payments": [figure.payments for figure in figures],
        "days": [figure.days for figure in figures],
        "base": [figure.base_cents for figure in figures],
        "cents": [figure.cents for figure in figures],
    }
    about = {"authority": authority, "month": figures[0].month, "as_of": as_of}
    await session.execute(_PUBLISH, columns | about)


_NEWEST: Final = text("""
    SELECT month, municipality, scheme, cost_class, clients, days, base_cents, cents
    FROM incentives.published_costs
    WHERE authority = :authority AND cost_class = '*'
      AND month = (SELECT max(month) FROM incentives.published_costs WHERE authority = :authority)
""")


async def newest_totals(session: AsyncSession, authority: str) -> list[CostFigure]:
    """Return the totals of the newest published month of an authority."""
    return [CostFigure(*row) for row in await session.execute(_NEWEST, {"authority": authority})]
