"""This room on a real PostgreSQL, with a publisher that keeps what it is given."""

from collections.abc import AsyncIterator, Sequence

import pytest
from prometheus_client import CollectorRegistry

from contracts.snapshots import PATHWAY, PathwaySnapshot
from services.indicators.handlers import Pathways
from services.indicators.metrics import IndicatorMetrics
from services.runtime.database import Database
from services.runtime.metrics import Meter
from services.runtime.publisher import Outgoing, Publisher, PublishError
from tests.indicators.lives import LADDER
from tests.rigs.store import Databases


class Kept(Publisher):
    """Keeps the records instead of sending them; refuses the first `failures` times."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.failures = 0

    async def send(self, records: Sequence[Outgoing]) -> None:
        if self.failures:
            self.failures -= 1
            raise PublishError("away")
        self.records += records

    def newest(self) -> dict[str, PathwaySnapshot | None]:
        """Return the last record of each key, as a compacted topic keeps it."""
        return {one.key: PATHWAY.validate_json(one.body) if one.body else None for one in self.records}


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    async with databases.migrated("indicators") as url:
        database = Database(url, service="indicators")
        yield database
        await database.close()


@pytest.fixture
def topic() -> Kept:
    return Kept()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> IndicatorMetrics:
    return IndicatorMetrics(Meter(registry, "indicators"), ["area", "other"], ["167", "398"], len(LADDER.steps))


@pytest.fixture
def pathways(database: Database, topic: Kept, metrics: IndicatorMetrics) -> Pathways:
    return Pathways(database, topic, LADDER, metrics)
