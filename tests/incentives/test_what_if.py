"""`reporting.cost_what_if`: what it answers, what it refuses, and what somebody who may only ask it can find out."""

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from contracts.envelope import Fact
from deploy.database.roles import REPORTING, apply_roles
from services.incentives.publishing import CostFigures
from services.runtime.authorities import Authority
from services.runtime.database import Database, plain_dsn
from services.runtime.publications import Publication
from tests.incentives.streams import AUTHORITY, MUNICIPALITIES, RULES, Room, counter, paid, pathway
from tests.rigs.store import Databases

pytestmark = pytest.mark.store

PASSWORD: Final = "only-for-asking"
AREA: Final = Authority(AUTHORITY, "Alue", "Området", "The area", frozenset(MUNICIPALITIES))
MONTHS: Final = (date(2025, 10, 1), date(2025, 11, 1))
CALL: Final = "SELECT * FROM reporting.cost_what_if($1, $2, $3, $4, $5, $6)"
LAW: Final = ("101,201,301,401,701", "10,20,30,40,50")
SMALLEST: Final = 5


@pytest.fixture(params=["postgres_url", "system_postgres"], ids=["session's", "PostgreSQL 15"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Give a maker of databases on the wheel's PostgreSQL, then on the operating system's."""
    server = request.getfixturevalue(request.param)
    return Databases(server if isinstance(server, str) else server.url)


@dataclass(frozen=True)
class Published:
    """A database with a publication of two months, and the exact figures behind it."""

    url: str
    truth: dict[tuple[date, str], list[tuple[str, int, int]]]

    def clients(self, month: date, place: str, first: int, until: int | None) -> int:
        """Count clients with days from `first` to before `until`."""
        return len({who for who, start, end in self.truth[month, place] if end >= first and start < (until or end + 1)})


def people() -> list[tuple[str, str, int, int]]:
    """Return (client, home, counter before October, paid days of a month).

    398 is large. 167 has three clients between days 101 and 200, whom nothing may tell. 240 has two clients in all.
    """
    large = [("398", 9 * number % 780, 20) for number in range(300)]
    small = [("167", counter, 20) for counter in [*range(0, 60, 2), 110, 130, 150, *range(205, 260, 2), *range(410, 640, 5)]]
    return [(f"c1-{number:04}", *one) for number, one in enumerate([*large, *small, ("240", 30, 20), ("240", 310, 20)])]


def facts_of(client: str, start: int, days: int) -> list[Fact]:
    """Return the counter and one payment of full benefit a month; every third is one of another amount."""
    facts = [counter(f"c-{client}", MONTHS[0], start, client=client)]
    for month in MONTHS:
        facts.append(paid(f"p-{client}-{month.month}", month, month.replace(day=28), days, client=client))
    return facts


@pytest.fixture
async def published(databases: Databases) -> AsyncIterator[Published]:
    async with databases.migrated("incentives") as url:
        database = Database(url, service="incentives")
        room = Room(database)
        truth = defaultdict(list)
        for client, home, start, days in people():
            for number, month in enumerate(MONTHS):
                truth[month, home].append((client, start + number * days + 1, start + (number + 1) * days))
        await room.pathways(*(pathway(1, [(date(2024, 1, 1), home)], client=client) for client, home, _, _ in people()))
        await room.facts(*(fact for client, _, start, days in people() for fact in facts_of(client, start, days)))
        figures = CostFigures(database, {AUTHORITY: AREA}, RULES.schemes, room.metrics)
        async with database.transaction() as session:
            await figures.make(session, [Publication(AUTHORITY, m, m, 7, datetime(2025, 12, 5, tzinfo=UTC)) for m in MONTHS])
        await database.close()
        await apply_roles(url, {REPORTING: SecretStr(PASSWORD)})
        yield Published(url, truth)


@pytest.fixture
async def reporting(published: Published) -> AsyncIterator[asyncpg.Connection]:
    address = make_url(plain_dsn(published.url)).set(username=REPORTING, password=PASSWORD)
    connection = await asyncpg.connect(address.render_as_string(hide_password=False))
    yield connection
    await connection.close()


async def test_x(published: Published, reporting: asyncpg.Connection) -> None:
    for place in ("398", "167", "240", "*"):
        for row in await reporting.fetch(CALL, AUTHORITY, place, "2025-10", "2025-11", *LAW):
            print(place, *row.values())
    for row in await reporting.fetch("SELECT municipality, month, edges from incentives.published_day_months"):
        print(*row.values())
    for row in await reporting.fetch("SELECT municipality, month,  cost_class, clients, days, base_cents, cents from incentives.published_costs where scheme='fi-2025' order by 2, 1, 3"):
        print(*row.values())
