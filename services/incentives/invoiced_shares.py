"""What payments cost by payer, month, benefit and class, payment by payment, to lay an invoice beside it."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.dates import months_before
from services.incentives import store
from services.incentives.domain.costs import first_day_of, month_number, months_of, payers
from services.incentives.domain.engine import assess
from services.incentives.domain.invoices import Item, Share
from services.incentives.domain.money import Ints
from services.incentives.domain.payments import UNKNOWN, StepsOfClients
from services.incentives.domain.reckoning import Ledger
from services.incentives.domain.schemes import BENEFITS, Scheme
from services.incentives.store import NO_MUNICIPALITY, Known
from services.runtime.database import Database

_PAGE: Final = 1_000
"""Clients reckoned at once: more takes memory and holds up who else is waiting, fewer asks the database more often."""

_PAID_BETWEEN: Final = text("""
    SELECT c.client, c.authority, c.pathway_revision, c.step_days, c.steps, c.home_days, c.homes
    FROM incentives.client c
    WHERE c.authority = :authority AND c.erased_on IS NULL AND c.client > :last
      AND EXISTS (SELECT FROM incentives.payment p
                  WHERE p.client = c.client AND p.posted_on >= :start AND p.posted_on < :end)
    ORDER BY c.client LIMIT :limit
""")


async def shares_of(database: Database, authority: str, months: Collection[date], scheme: Scheme) -> list[Share]:
    """Return the shares under `scheme` of all payments of `authority` posted in `months`, given by their first days."""
    if not months:
        return []
    between = {"authority": authority, "start": min(months), "end": months_before(max(months), -1), "limit": _PAGE}
    shares: list[Share] = []
    last, clients, payments = "", 0, 0
    while True:
        async with database.transaction() as session:
            known = await _paid_between(session, between | {"last": last})
            if not known:
                return shares
            ledger = await store.ledger(session, known)
        shares += _shares(ledger, known, scheme, months, clients, payments)
        last, clients, payments = known[-1].client, clients + len(known), payments + len(ledger.payments)


async def _paid_between(session: AsyncSession, between: dict[str, object]) -> list[Known]:
    rows = await session.execute(_PAID_BETWEEN, between)
    return [
        Known(
            row.client,
            row.authority,
            row.pathway_revision,
            steps=tuple(zip(row.step_days, row.steps, strict=True)),
            homes=tuple(zip(row.home_days, row.homes, strict=True)),
            is_erased=False,
            is_told=True,
        )
        for row in rows
    ]


def _shares(  # noqa: PLR0913, PLR0917 - what is reckoned, and from which numbers on clients and payments are counted
    ledger: Ledger, known: Sequence[Known], scheme: Scheme, months: Collection[date], clients: int, payments: int
) -> list[Share]:
    paid = ledger.payments
    pieces = assess(scheme, paid, ledger.sets, StepsOfClients(ledger.steps), ledger.clients).pieces
    month = months_of(paid.posted_on)
    asked = np.isin(month[pieces.payment], [month_number(one) for one in months])
    is_counted = pieces.cost_class < len(scheme.classes) - 1  # the last class is that of days no law counts
    payer = payers(paid, ledger.named, ledger.homes)
    homes = [frozenset(_code(home) for _, home in one.homes if home != UNKNOWN) for one in known]
    rows = np.flatnonzero(asked & is_counted)
    columns: tuple[Ints, ...] = (pieces.payment, pieces.cost_class, pieces.base_cents, pieces.cents)
    return [
        Share(
            Item(
                _code(int(payer[number])),
                first_day_of(int(month[number])),
                BENEFITS[paid.benefit[number]],
                scheme.classes[position].name,
            ),
            clients + int(paid.client[number]),
            payments + number,
            date.fromordinal(int(paid.posted_on[number])),
            date.fromordinal(int(paid.period_end[number])),
            base,
            cents,
            homes[paid.client[number]],
        )
        for number, position, base, cents in zip(*(values[rows].tolist() for values in columns), strict=True)
    ]


def _code(municipality: int) -> str:
    return NO_MUNICIPALITY if municipality == UNKNOWN else f"{municipality:03}"
