"""`reporting.cost_what_if`: what it answers, what it refuses, and what somebody who may only ask it can find out."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate, pairwise, product
from typing import Final

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import make_url

from contracts.envelope import Fact
from deploy.database.roles import REPORTING, apply_roles
from services.incentives.domain.schemes import DayLadder
from services.incentives.publishing import CostFigures
from services.runtime.authorities import Authority
from services.runtime.database import Database, plain_dsn
from services.runtime.publications import Publication
from tests.incentives.streams import AUTHORITY, MUNICIPALITIES, RULES, Room, counter, paid, pathway
from tests.rigs.postgres import SystemPostgres
from tests.rigs.store import Databases

pytestmark = pytest.mark.store

PASSWORD: Final = "only-for-asking"
AREA: Final = Authority(AUTHORITY, "Alue", "Området", "The area", frozenset(MUNICIPALITIES))
MONTHS: Final = (date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1))
DAYS: Final = 20
"""Paid days of everybody in each month."""
SMALLEST: Final = 5
END: Final = 9999
"""After the last day of an open bin or class: nobody here has that many."""

CALL: Final = "SELECT * FROM reporting.cost_what_if($1, $2, $3, $4, $5, $6)"
LAW: Final = ("101,201,301,401,701", "10,20,30,40,50")


@dataclass(frozen=True)
class Person:
    """Somebody who lives in `home`, with a counter before October; 240 is paid for in two months only."""

    client: str
    home: str
    counter: int

    @property
    def months(self) -> tuple[date, ...]:
        return MONTHS[:2] if self.home == "240" else MONTHS

    @property
    def daily_cents(self) -> int:
        """Return the basic part of a day; every seventh is paid less."""
        return 3721 if self.counter % 7 else 1234

    def span(self, month: date) -> tuple[int, int]:
        """Return the first and the last counted day of a month."""
        before = self.counter + DAYS * MONTHS.index(month)
        return before + 1, before + DAYS

    def facts(self) -> Iterator[Fact]:
        yield counter(f"c-{self.client}", MONTHS[0], self.counter, client=self.client)
        for month in self.months:
            # A few cents that do not divide by the days.
            cents = str(DAYS * self.daily_cents + self.counter % 11)
            payment = f"p-{self.client}-{month}"
            yield paid(
                payment, month, month.replace(day=28), DAYS,
                client=self.client, paid_cents=cents, basic_part_cents=cents,
            )  # fmt: skip


def everybody() -> list[Person]:
    """Return a large municipality, one with three clients between days 101 and 200, and one with two clients."""
    of_398 = [("398", 9 * number % 780) for number in range(300)]
    of_167 = [("167", days) for days in (*range(0, 60, 2), 110, 120, 130, *range(205, 260, 2), *range(410, 600, 5))]
    homes = [*of_398, *of_167, ("240", 30), ("240", 310)]
    return [Person(f"c1-{number:04}", home, days) for number, (home, days) in enumerate(homes)]


EVERYBODY: Final = everybody()


def clients(month: date, home: str, first: int, after: int) -> set[str]:
    """Return who has days from `first` to before `after`."""
    return {
        person.client
        for person in EVERYBODY
        if person.home == home and month in person.months
        for start, end in [person.span(month)]
        if end >= first and start < after
    }


async def published(server: str) -> AsyncIterator[str]:
    """Give a database on `server` with three published months and the roles applied."""
    async with Databases(server).migrated("incentives") as url:
        database = Database(url, service="incentives")
        room = Room(database)
        await room.pathways(*(pathway(1, [(date(2024, 1, 1), one.home)], client=one.client) for one in EVERYBODY))
        await room.facts(*(fact for one in EVERYBODY for fact in one.facts()))
        figures = CostFigures(database, {AUTHORITY: AREA}, RULES.schemes, room.metrics)
        made_at = datetime(2026, 1, 5, tzinfo=UTC)
        async with database.transaction() as session:
            await figures.make(session, [Publication(AUTHORITY, month, month, 7, made_at) for month in MONTHS])
        await database.close()
        await apply_roles(url, {REPORTING: SecretStr(PASSWORD)})
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_the_wheels(postgres_url: str) -> AsyncIterator[str]:
    async for url in published(postgres_url):
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_15(system_postgres: SystemPostgres) -> AsyncIterator[str]:
    async for url in published(system_postgres.url):
        yield url


@pytest.fixture(params=["on_the_wheels", "on_15"])
def url(request: pytest.FixtureRequest) -> str:
    """Give the published database on the session's PostgreSQL (the wheel's 18), then on the operating system's 15."""
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def reporting(url: str) -> AsyncIterator[asyncpg.Connection]:
    address = make_url(plain_dsn(url)).set(username=REPORTING, password=PASSWORD)
    connection = await asyncpg.connect(address.render_as_string(hide_password=False))
    yield connection
    await connection.close()


Rows = list[asyncpg.Record]


async def ask(connection: asyncpg.Connection, place: str, *ladder: str, month: date | None = None) -> Rows:
    first, last = (month, month) if month else (MONTHS[0], MONTHS[-1])
    rows: list[asyncpg.Record] = await connection.fetch(
        CALL, AUTHORITY, place, f"{first:%Y-%m}", f"{last:%Y-%m}", *ladder
    )
    return rows


# --- what it answers -------------------------------------------------------------------------------------------------


async def test_on_edges_the_answer_is_the_exact_cost_within_half_a_cent_for_each_piece(
    url: str, reporting: asyncpg.Connection
) -> None:
    rows = await ask(reporting, "398", *LAW)
    owner = await asyncpg.connect(plain_dsn(url))
    exact = {
        (row["month"], int(row["cost_class"].partition("-")[0])): row
        for row in await owner.fetch(
            "SELECT month, cost_class, count(*) AS pieces, sum(days)::bigint AS days, sum(base_cents) AS base,"
            " sum(cents) AS cents FROM incentives.cost"
            " WHERE scheme = 'fi-2025' AND municipality = '398' GROUP BY month, cost_class"
        )
    }
    await owner.close()
    assert len(rows) == len(exact) == 18
    for row in rows:
        piece = exact[row["month"], row["asked_from_day"]]
        assert row["used_from_day"] == row["asked_from_day"]
        assert row["days"] == piece["days"]
        assert abs(100 * row["euros"] - piece["cents"]) <= Decimal("0.5") * piece["pieces"]
        assert abs(100 * row["basic_part_euros"] - piece["base"]) <= piece["pieces"]
        assert piece["pieces"] <= row["pieces_at_most"]


async def test_a_threshold_moves_to_the_nearest_edge_and_both_are_told(reporting: asyncpg.Connection) -> None:
    rows = await ask(reporting, "398", "5, 106; 107,2999", "1,12.5,100, 0.25", month=MONTHS[0])
    assert [(row["class"], row["asked_from_day"], row["used_from_day"], row["used_to_day"]) for row in rows] == [
        (0, 1, 1, 0), (1, 5, 1, 100), (2, 106, 101, 110), (3, 107, 111, 1490), (4, 2999, 1491, None),
    ]  # fmt: skip
    assert [row["percent"] for row in rows] == [0, 1, Decimal("12.5"), 100, Decimal("0.25")]
    assert rows[0]["days"] == 0
    assert sum(row["days"] for row in rows) == DAYS * 300


async def test_a_month_that_is_left_out_is_named(reporting: asyncpg.Connection) -> None:
    rows = await ask(reporting, "240", *LAW)
    assert [(row["month"], row["days"]) for row in rows if row["is_left_out"]] == [
        (month, None) for month in MONTHS[:2]
    ]
    assert {row["days"] for row in rows if not row["is_left_out"]} == {0}
    named = await ask(reporting, "*", *LAW)
    assert [row["month"] for row in named if row["is_left_out"]] == list(MONTHS[:2])


async def test_the_whole_authority_is_the_sum_of_its_municipalities_between_edges_that_all_have(
    reporting: asyncpg.Connection,
) -> None:
    of_all = await ask(reporting, "*", *LAW, month=MONTHS[2])
    ladder = ",".join(str(row["used_from_day"]) for row in of_all[1:])
    of_each = [await ask(reporting, place, ladder, LAW[1], month=MONTHS[2]) for place in MUNICIPALITIES]
    for total, *parts in zip(of_all, *of_each, strict=True):
        assert {part["used_from_day"] for part in parts} == {total["used_from_day"]}
        assert sum(part["euros"] for part in parts) == total["euros"]
        assert sum(part["days"] for part in parts) == total["days"]


# --- what it refuses -------------------------------------------------------------------------------------------------

RIGHT: Final[dict[str, str | None]] = {
    "authority": AUTHORITY,
    "municipality": "398",
    "from_month": "2025-10",
    "to_month": "2025-12",
    "thresholds": "101,201",
    "percents": "10,20",
}
TYPED_DAYS: Final = "thresholds: must be 1 to 20 whole days such as 101, with commas between them"
TYPED_PERCENTS: Final = "percents: must be 1 to 20 percents such as 10 or 12.5, with commas between them"
NO_AUTHORITY: Final = "authority: must be the id of one whose figures are published"
NO_MUNICIPALITY: Final = "municipality: must be one of the authority's, such as 398, or * for all of them"
A_MONTH: Final = "must be a month such as 2025-10"
INJECTIONS: Final = (
    "1'); DROP TABLE incentives.published_day_bins; --",
    "1) UNION SELECT client FROM incentives.payment --",
    "$$; SELECT 1; $$",
    "%s%I%L",
    "101\n'",
)
REFUSED: Final[list[tuple[dict[str, str | None], str]]] = [
    ({"thresholds": "a hundred"}, TYPED_DAYS),
    ({"thresholds": ""}, TYPED_DAYS),
    ({"thresholds": None}, TYPED_DAYS),
    ({"thresholds": "101,,201"}, TYPED_DAYS),
    ({"thresholds": "-101,201"}, TYPED_DAYS),
    ({"thresholds": "1" * 100_000}, TYPED_DAYS),
    ({"thresholds": ",".join(map(str, range(1, 22)))}, TYPED_DAYS),
    ({"thresholds": "0,201"}, "thresholds: the first day is 1"),
    ({"thresholds": "201,101"}, "thresholds: each must be higher than the one before it"),
    ({"thresholds": "101,101"}, "thresholds: each must be higher than the one before it"),
    ({"percents": "10"}, "percents: must be as many as thresholds, 2"),
    ({"percents": "10,100.01"}, "percents: must be from 0 to 100"),
    ({"percents": "10,-20"}, TYPED_PERCENTS),
    ({"percents": "10,1e9"}, TYPED_PERCENTS),
    ({"percents": "10,NaN"}, TYPED_PERCENTS),
    ({"from_month": "2025-13"}, "from_month: must be a month such as 2025-10"),
    ({"from_month": "October"}, "from_month: must be a month such as 2025-10"),
    ({"to_month": None}, "to_month: must be a month such as 2025-10"),
    ({"to_month": "2025-10-01'; --"}, "to_month: must be a month such as 2025-10"),
    ({"to_month": "2025-09"}, "to_month: must not lie before from_month"),
    ({"authority": None}, NO_AUTHORITY),
    ({"authority": "elsewhere"}, NO_AUTHORITY),
    ({"municipality": None}, NO_MUNICIPALITY),
    ({"municipality": "091"}, NO_MUNICIPALITY),
    ({"municipality": "%"}, NO_MUNICIPALITY),
]


def injected() -> Iterator[tuple[dict[str, str | None], str]]:
    """Give every attempt in place of every parameter, with the refusal."""
    months = [f"{name}: {A_MONTH}" for name in ("from_month", "to_month")]
    refusals = (NO_AUTHORITY, NO_MUNICIPALITY, *months, TYPED_DAYS, TYPED_PERCENTS)
    for parameter, message in zip(RIGHT, refusals, strict=True):
        for attempt in INJECTIONS:
            yield {parameter: attempt}, message


async def test_a_bad_parameter_is_named_in_one_line_that_says_what_is_right(reporting: asyncpg.Connection) -> None:
    before = await reporting.fetchval("SELECT count(*) FROM incentives.published_day_bins")
    for wrong, message in [*REFUSED, *injected()]:
        with pytest.raises(asyncpg.InvalidParameterValueError) as refusal:
            await reporting.fetch(CALL, *(RIGHT | wrong).values())
        assert str(refusal.value) == message
    assert await reporting.fetchval("SELECT count(*) FROM incentives.published_day_bins") == before


# --- what cannot be found out ----------------------------------------------------------------------------------------


Found = dict[int, tuple[int, Decimal]]
"""Days and basic part from an edge on, in one month."""


async def edges_found(connection: asyncpg.Connection, place: str) -> dict[date, Found]:
    """Return what an attacker gets who asks for every fifth day as a threshold, twenty in a question."""
    found: defaultdict[date, Found] = defaultdict(dict)
    for first in range(1, 1600, 100):
        ladder = ",".join(map(str, range(first, first + 100, 5)))
        rows = await ask(connection, place, ladder, ",".join(["100"] * 20))
        for month in MONTHS:
            of_month = [row for row in reversed(rows) if row["month"] == month and row["class"]]
            days = accumulate(row["days"] for row in of_month)
            euros = accumulate(row["euros"] for row in of_month)
            for row, *sums in zip(of_month, days, euros, strict=True):
                found[month][row["used_from_day"]] = (sums[0], sums[1])
    return found


def between(edges: Found) -> list[tuple[int, int]]:
    """Return the bins, from the first day to before the second."""
    return list(pairwise([*sorted(edges), END]))


async def test_no_difference_between_ladders_is_of_few_clients(reporting: asyncpg.Connection) -> None:
    for home in MUNICIPALITIES:
        for month, edges in (await edges_found(reporting, home)).items():
            for first, after in between(edges):
                there = clients(month, home, first, after)
                assert not 0 < len(there) < SMALLEST, (home, month, first, after)
                assert bool(there) == (edges[first] != edges.get(after, (0, 0)))


async def test_months_and_totals_tell_no_more_than_their_parts(reporting: asyncpg.Connection) -> None:
    of_all = await edges_found(reporting, "*")
    assert set(of_all) == {MONTHS[2]}  # in the others two clients of one municipality would be what is left over
    of_each = [(await edges_found(reporting, place))[MONTHS[2]] for place in MUNICIPALITIES]
    for day, (days, euros) in of_all[MONTHS[2]].items():
        assert days == sum(edges[day][0] for edges in of_each)
        assert euros == sum(edges[day][1] for edges in of_each)
    together = await ask(reporting, "167", *LAW)
    assert together == [row for month in MONTHS for row in await ask(reporting, "167", *LAW, month=month)]


async def test_the_published_total_cost_less_the_bins_is_not_the_money_of_few(reporting: asyncpg.Connection) -> None:
    """167 has three clients in the class 101–200, which is why its classes are not published."""
    (rule,) = RULES.schemes["fi-2025"].rules()
    assert isinstance(rule.ladder, DayLadder)
    classes = list(pairwise([*rule.ladder.first_days, END]))
    hidden = await reporting.fetch(
        "SELECT DISTINCT month FROM incentives.published_costs"
        " WHERE municipality = '167' AND scheme = 'fi-2025' AND cost_class <> '*' AND clients IS NULL"
    )
    assert MONTHS[0] in [row["month"] for row in hidden]
    found = await edges_found(reporting, "167")
    for month in [row["month"] for row in hidden]:
        edges = found[month]
        parts = [[(max(low, first), min(high, after)) for low, high in classes if low < after and first < high]
                 for first, after in between(edges)]  # fmt: skip
        # Whoever assumes one percent for each bin is left with the money of those at another.
        for assumed in product(*parts):
            others = [part for inside, one in zip(parts, assumed, strict=True) for part in inside if part != one]
            assert not 0 < len(set().union(*(clients(month, "167", *part) for part in others))) < SMALLEST


async def test_who_may_only_ask_reads_no_raw_table_and_makes_nothing(url: str, reporting: asyncpg.Connection) -> None:
    owner = await asyncpg.connect(plain_dsn(url))
    tables = await owner.fetch("SELECT relname AS name FROM pg_class WHERE relnamespace = 'incentives'::regnamespace"
                               " AND relkind IN ('r', 'p', 'v', 'm')")  # fmt: skip
    await owner.close()
    raw = {row["name"] for row in tables if not row["name"].startswith("published_")}
    assert {"payment", "cost", "client", "counter_set"} <= raw
    forbidden = [
        *(f"SELECT 1 FROM incentives.{table}" for table in sorted(raw)),  # noqa: S608 - names out of the catalogue
        "CREATE FUNCTION reporting.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION reporting.month_named(text, text) RETURNS date LANGUAGE sql AS 'SELECT now()'",
        "CREATE TABLE reporting.mine (day integer)",
        "SET ROLE askelma_incentives",
    ]
    await reporting.execute("SET default_transaction_read_only = off")
    for statement in forbidden:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reporting.execute(statement)
