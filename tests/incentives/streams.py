"""Facts and pathways for tests, and a room that keeps what it tells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from contracts.dates import HELSINKI
from contracts.envelope import CLIENT_SUBJECT, Fact
from contracts.facts import BenefitCounterSet, BenefitPaid, ClientErased, EventRetracted, Payload
from contracts.snapshots import (
    EXPOSURE,
    CoordinatorInterval,
    ExposureSnapshot,
    MunicipalityInterval,
    PathwaySnapshot,
    StepInterval,
)
from services.incentives.domain.pathways import PathwayPart
from services.incentives.handlers import Costs
from services.incentives.metrics import IncentiveMetrics
from services.incentives.rule_files import RuleBook, rule_book
from services.runtime.database import Database
from services.runtime.metrics import Meter
from services.runtime.publisher import Outgoing, PublishError

AUTHORITY = "area"
ANN = "c1-ann"
BEN = "c1-ben"
MUNICIPALITIES = ("167", "240", "398")
RULES = rule_book()


def fact(data: Payload, identity: str, client: str = ANN, day: date = date(2025, 1, 1), source: str = "kela") -> Fact:
    at = datetime.combine(day, time(12), HELSINKI).astimezone(UTC)
    return Fact(source, identity, data.type, f"{CLIENT_SUBJECT}{client}", at, AUTHORITY, at, 1, data)


def paid(  # noqa: PLR0913 - what a payment has
    identity: str,
    start: date,
    end: date,
    days: int,
    *,
    client: str = ANN,
    posted_on: date | None = None,
    source: str = "kela",
    **stated: str,
) -> Fact:
    """Return a payment of the full basic part."""
    data = BenefitPaid.model_validate(
        {
            "benefit": "labour_market_subsidy", "basis": "unemployment", "batch": f"b-{identity}",
            "period_start": start, "period_end": end, "days": days, "paid_cents": days * 3721,
            "basic_part_cents": days * 3721, "posted_on": posted_on or end, **stated,
        }
    )  # fmt: skip
    return fact(data, identity, client, data.posted_on, source)


def counter(identity: str, on: date, days: int, *, client: str = ANN, name: str = "law_2025") -> Fact:
    stated = {"counter": name, "days": days, "on": on, "reason": "carried_over"}
    return fact(BenefitCounterSet.model_validate(stated), identity, client, on)


def retracted(identity: str, *, client: str = ANN, kind: str = BenefitPaid.type, source: str = "kela") -> Fact:
    stated = {"source": source, "id": identity, "type": kind, "reason": "error"}
    return fact(EventRetracted.model_validate(stated), f"not-{identity}", client, source=source)


def erased(client: str = ANN, on: date = date(2026, 1, 1)) -> Fact:
    return fact(ClientErased(generation=1, effective_on=on), f"erased-{client}", client, on, "askelma")


def pathway(  # noqa: PLR0913 - what a pathway has
    revision: int,
    homes: Sequence[tuple[date, str]],
    steps: Sequence[tuple[date, int]] = (),
    *,
    client: str = ANN,
    last_day: date | None = None,
    coordinators: Sequence[tuple[date, str | None]] = (),
) -> PathwayPart:
    """Return a pathway whose homes, steps and coordinators each hold until the next; the last step until `last_day`."""
    return PathwayPart.of(
        PathwaySnapshot(
            AUTHORITY, client, revision, date(2026, 6, 30), revision, "rules",
            municipalities=tuple(
                MunicipalityInterval(start, end, home)
                for (start, home), end in zip(homes, [*(s for s, _ in homes[1:]), None], strict=True)
            ),
            steps=tuple(
                StepInterval(start, end, step)
                for (start, step), end in zip(steps, [*(s for s, _ in steps[1:]), last_day], strict=True)
            ) if steps else (),
            coordinators=tuple(
                CoordinatorInterval(start, end, name)
                for (start, name), end in zip(coordinators, [*(s for s, _ in coordinators[1:]), None], strict=True)
            ) if coordinators else (),
        )
    )  # fmt: skip


@dataclass
class Told:
    """Keeps what was sent; `failures` times it is away first."""

    records: list[Outgoing] = field(default_factory=list)
    failures: int = 0

    async def send(self, records: Sequence[Outgoing]) -> None:
        if self.failures:
            self.failures -= 1
            raise PublishError("away")
        self.records += records

    def newest(self) -> dict[str, ExposureSnapshot | None]:
        return {one.key: EXPOSURE.validate_json(one.body) if one.body else None for one in self.records}

    def revisions(self, client: str = ANN) -> list[int]:
        return [EXPOSURE.validate_json(one.body).revision for one in self.records if one.key == client and one.body]


CostRow = tuple[str, str, date, str, str, int, int]


@dataclass
class Room:
    """The stream side of this room on a real database."""

    database: Database
    told: Told = field(default_factory=Told)
    rules: RuleBook = RULES

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        meter = Meter(self.registry, "incentives")
        self.metrics = IncentiveMetrics(meter, [AUTHORITY], MUNICIPALITIES, self.rules.schemes)
        self.costs = Costs(self.database, self.told, self.rules, self.metrics)

    async def facts(self, *facts: Fact) -> None:
        await self.costs.take_in_facts(facts)

    async def pathways(self, *pathways: PathwayPart) -> None:
        await self.costs.take_in_pathways(pathways)

    async def rows(self, scheme: str | None = None, client: str | None = None) -> list[CostRow]:
        """Return cost rows as (client, scheme, month, municipality, class, days, cents), sorted."""
        statement = "SELECT * FROM incentives.cost ORDER BY client, scheme, month, municipality, cost_class"
        async with self.database.transaction() as session:
            rows: list[CostRow] = [
                (r.client, r.scheme, r.month, r.municipality, r.cost_class, r.days, r.cents)
                for r in await session.execute(text(statement))
            ]
        return [row for row in rows if scheme in {None, row[1]} and client in {None, row[0]}]

    async def contents(self) -> dict[str, bytes | None]:
        """Return what is to be told of each client, without revisions."""
        async with self.database.transaction() as session:
            rows = await session.execute(text("SELECT client, content FROM incentives.exposure"))
            return {row.client: row.content for row in rows}

    async def count(self, table: str) -> int:
        async with self.database.transaction() as session:
            found: int = (await session.execute(text(f"SELECT count(*) FROM incentives.{table}"))).scalar_one()  # noqa: S608 - names from tests
        return found

    async def forget_everything(self) -> None:
        tables = ("client", "exposure", "announcement", "payment", "counter_set", "retraction", "cost")
        async with self.database.transaction() as session:
            await session.execute(text(f"TRUNCATE {', '.join(f'incentives.{table}' for table in tables)}"))

    def counted(self, name: str) -> float:
        return self.registry.get_sample_value(name, {"service": "incentives"}) or 0
