"""The notifier on a real database, driven by hand: its clock is set, its handlers are called."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from contracts.dates import HELSINKI
from contracts.snapshots import ALERT, EXPOSURE, PATHWAY, AlertEvent, ExposureSnapshot, PathwaySnapshot
from services.notifier import store
from services.notifier.channels.configuration import Webhook
from services.notifier.domain.evaluation import Evaluator
from services.notifier.domain.rulebook import Rulebook
from services.notifier.handlers import Handlers, Told
from services.notifier.lookout import Lookout
from services.notifier.metrics import Metrics
from services.notifier.rulebook_file import finnish_working_days, read_rulebook
from services.notifier.timers import Timers
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.database import Database
from services.runtime.metrics import Meter
from services.runtime.records import Tombstone
from tests.rigs.store import Databases

AUTHORITIES = {"demo": Authority("demo", "Demo", "Demo", "Demo", frozenset({"167", "398"}))}
CALENDAR = finnish_working_days()


def at(day: date) -> datetime:
    return datetime.combine(day, time(9), HELSINKI).astimezone(UTC)


@dataclass
class Room:
    """The parts of a notifier on one database; several may share it, as replicas do."""

    database: Database
    clock: ManualClock
    registry: CollectorRegistry
    metrics: Metrics
    lookout: Lookout
    handlers: Handlers
    timers: Timers

    @classmethod
    def on(
        cls, url: str, today: date, webhooks: Sequence[Webhook] = (), rulebook: Rulebook | None = None, batch: int = 100
    ) -> "Room":
        database = Database(url, service="notifier")
        clock, registry = ManualClock(at(today)), CollectorRegistry()
        metrics = Metrics(Meter(registry, "notifier"), [one.name for one in webhooks], AUTHORITIES)
        evaluator = Evaluator(rulebook or read_rulebook(), CALENDAR)
        lookout = Lookout(evaluator, clock, webhooks, "https://askelma.example", metrics)
        return cls(
            database, clock, registry, metrics, lookout, Handlers(database, lookout, metrics),
            Timers(database, clock, lookout, metrics, batch),
        )  # fmt: skip

    async def pathways(self, *snapshots: PathwaySnapshot | Tombstone) -> None:
        await self.handlers.pathways(
            [one if isinstance(one, Tombstone) else Told(one, PATHWAY.dump_json(one)) for one in snapshots]
        )

    async def exposures(self, *snapshots: ExposureSnapshot | Tombstone) -> None:
        await self.handlers.exposures(
            [one if isinstance(one, Tombstone) else Told(one, EXPOSURE.dump_json(one)) for one in snapshots]
        )

    async def day(self, day: date) -> None:
        """Turn to a day and let the timers catch up."""
        self.clock.set(at(day))
        await self.timers.catch_up()

    async def rows(self, statement: str, **values: object) -> list[Any]:
        async with self.database.transaction() as session:
            return list(await session.execute(text(statement), values))

    async def open_alerts(self) -> set[tuple[str, str, str]]:
        return {tuple(row) for row in await self.rows("SELECT client, rule, key FROM notifier.alert WHERE open")}

    async def history(self) -> list[str]:
        """Every change in the order in which it was made."""
        rows = await self.rows("SELECT * FROM notifier.alert_change ORDER BY at, client, rule, key, change")
        return [f"{row.state} {row.client} {row.rule} {row.key}" for row in rows]

    async def sent(self) -> list[AlertEvent]:
        """Take everything out of the outbox, as the relay does."""
        async with self.database.transaction() as session:
            return [ALERT.validate_json(one.body or b"") for one in await store.take_outbox(session, 10_000)]


@pytest.fixture
async def room_url(databases: Databases) -> AsyncIterator[str]:
    async with databases.migrated("notifier") as url:
        yield url


@pytest.fixture
async def rooms(room_url: str) -> AsyncIterator[Any]:
    """Give a maker of rooms on one fresh database: `rooms(today, webhooks=…)`."""
    made: list[Room] = []

    def make(today: date, **options: Any) -> Room:
        made.append(Room.on(room_url, today, **options))
        return made[-1]

    yield make
    for room in made:
        await room.database.close()


def client(name: str, revision: int = 1, **parts: Any) -> PathwaySnapshot:
    """Give a client of Joensuu with coordinator coach-1, and what else is told, written as in the scenarios."""
    blank = {
        "authority": "demo", "client": name, "revision": revision, "as_of": "2026-01-01", "as_of_seq": 1, "rules": "r",
        "municipalities": [{"start": "2024-01-01", "end": None, "municipality": "167"}],
        "coordinators": [{"start": "2024-01-01", "end": None, "coordinator": "coach-1"}],
    }  # fmt: skip
    return PATHWAY.validate_python(blank | parts)


def exposure(name: str, left: int, posted: date, revision: int = 1, *, cost_class: str = "101-200") -> ExposureSnapshot:
    law = {
        "scheme": "law", "days": 0, "cost_class": cost_class, "percent_bp": 1000, "days_to_next": left,
        "next_class": "201-300", "month_cents": 0, "next_month_cents": None, "total_cents": 0,
    }  # fmt: skip
    return EXPOSURE.validate_python(
        {
            "authority": "demo", "client": name, "revision": revision, "pathway_revision": 1, "rules": "r",
            "old_law_days": 0, "law_2025_days": 0, "last_counter_set_on": None, "last_posted_on": posted,
            "schemes": [law],
        }
    )  # fmt: skip


def with_rules(**changed: Any) -> Rulebook:
    """Give the shipped rules with some of them replaced, under another digest."""
    return replace(read_rulebook(), digest="other", **changed)
