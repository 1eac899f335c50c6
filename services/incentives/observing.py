"""Reads how an authority's clients moved: exact movements, for who may see clients."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.dates import months_before
from services.incentives.domain.money import Ints
from services.incentives.domain.movements import NOTHING_SEEN, Movements, PaidPeriods, last_weekdays, movements_seen
from services.incentives.domain.payments import Track, column, key_of
from services.incentives.domain.schemes import BASES
from services.runtime.database import Database

_WINDOW: Final = 24
"""Months of movements. More: steadier figures, but of services and people that are no longer there."""
_LAG: Final = 2
"""The newest month is this many before today's: of a later one, payments are still to come, and who has not been paid
yet would seem to have left."""
_PAGE: Final = 1_000
"""Clients read in one go. More: fewer statements, but the event loop waits longer for their rows to be taken in."""

_CLIENTS: Final = text("""
    SELECT c.client, c.step_days, c.steps FROM incentives.client c
    WHERE c.authority = :authority AND c.client > :last AND c.erased_on IS NULL
      AND EXISTS (SELECT FROM incentives.payment p WHERE p.client = c.client)
    ORDER BY c.client LIMIT :limit
""")
# Columns come as arrays: as many rows would take numpy a second. The range lets the database go by the index, where for
# a thousand names it would read the whole table.
_PERIODS: Final = text("""
    SELECT array_agg(a.number - 1), array_agg(p.period_start - DATE '0001-01-01' + 1),
           array_agg(p.period_end - DATE '0001-01-01' + 1), array_agg(p.days),
           array_agg(array_position(CAST(:bases AS text[]), p.basis) - 1)
    FROM unnest(CAST(:clients AS text[])) WITH ORDINALITY AS a(client, number)
    JOIN incentives.payment p ON p.client = a.client AND p.client BETWEEN :first AND :last
""")


def months_seen(today: date) -> list[date]:
    """Return the first days of the months between whose ends clients are seen to move, as known on `today`."""
    return [months_before(today, _LAG + _WINDOW - number) for number in range(_WINDOW + 1)]


async def movements_of(database: Database, authority: str, months: Sequence[date]) -> Movements:
    """Return how the clients of `authority` moved between the ends of `months`; a page of clients at a time."""
    seen, days, last = NOTHING_SEEN, last_weekdays(months), ""
    while True:
        async with database.transaction() as session:
            clients = await _clients_after(session, authority, last)
            if not clients:
                return seen
            paid = await _paid(session, [row.client for row in clients])
        seen += movements_seen(len(clients), _steps(clients), paid, days)
        last = clients[-1].client


async def _clients_after(session: AsyncSession, authority: str, last: str) -> Sequence[Row[tuple[object, ...]]]:
    asked = {"authority": authority, "last": last, "limit": _PAGE}
    return (await session.execute(_CLIENTS, asked)).all()


async def _paid(session: AsyncSession, clients: Sequence[str]) -> PaidPeriods:
    asked = {"clients": list(clients), "first": clients[0], "last": clients[-1], "bases": list(BASES)}
    columns = (await session.execute(_PERIODS, asked)).one()
    return PaidPeriods(*(np.array(values or (), dtype=np.int64) for values in columns))


def _steps(clients: Sequence[Row[tuple[object, ...]]]) -> Track:
    def joined(courses: Sequence[Sequence[int]]) -> Ints:
        return column(value for course in courses for value in course)

    days = [row.step_days for row in clients]
    client = np.repeat(np.arange(len(clients)), column(len(course) for course in days))
    return Track(key_of(client, joined(days)), joined([row.steps for row in clients]))
