"""A running ingest over PostgreSQL, and what the tests of the room share about it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg
import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import JsonValue

from services.ingest.domain.door import Accepted, Door
from services.ingest.domain.pseudonyms import keyring
from services.ingest.domain.refusals import Refused
from services.ingest.domain.scopes import Scope
from services.ingest.metrics import ingest_metrics
from services.ingest.office import issue_key, office_routes
from services.ingest.reception import Reception, Tools
from services.ingest.routes import event_routes
from services.ingest.rules import load_rules
from services.ingest.seals import Seals
from services.ingest.store.vault import Vault
from services.runtime.access import Access, Principal, Role, install_problems
from services.runtime.authorities import Authority
from services.runtime.clock import ManualClock
from services.runtime.database import Database, plain_dsn
from services.runtime.metrics import Meter

TODAY: Final = date(2026, 7, 5)
NOW: Final = datetime(2026, 7, 5, 9, 0, tzinfo=UTC)

NORTH: Final = Authority("north", "Pohjoinen", "Norr", "North", frozenset({"167", "398", "743"}))
SOUTH: Final = Authority("south", "Etelä", "Söder", "South", frozenset({"285"}))

Event = dict[str, JsonValue]
Example = Callable[[str], Event]
Examine = Callable[[Event], Accepted | Refused]


@dataclass(frozen=True)
class Ingest:
    """A running ingest: its HTTP client, its parts, and what its tables hold."""

    client: httpx.AsyncClient
    database: Database
    clock: ManualClock
    reception: Reception
    tools: Tools
    registry: CollectorRegistry
    key: str

    @property
    def vault(self) -> Vault:
        """Return the vault, opened with the same secrets."""
        return Vault(self.tools.keys, Seals(self.tools.keys))

    async def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Run a statement of the test's own."""
        return await run(self.database.url, statement, *values)

    async def journal(self) -> list[asyncpg.Record]:
        """Return the journal in its order."""
        return await self.rows("SELECT * FROM ingest.journal ORDER BY seq")

    async def send(self, event: object, key: str | None = None) -> httpx.Response:
        """Send one event in structured mode."""
        return await self._post(event, "application/cloudevents+json", key)

    async def send_batch(self, events: object, key: str | None = None) -> httpx.Response:
        """Send a batch."""
        return await self._post(events, "application/cloudevents-batch+json", key)

    async def _post(self, content: object, kind: str, key: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", "Content-Type": kind}
        return await self.client.post("/v1/events", json=content, headers=headers)

    async def key_for(self, scope: Scope) -> str:
        """Register a sender and return its key."""
        return await issue_key(self.database, self.clock, scope)


def new_tools(database: Database, clock: ManualClock, registry: CollectorRegistry) -> Tools:
    """Return the tools of a reception in tests: two authorities, one secret, made-up identity codes pass."""
    return Tools(
        database,
        clock,
        Door(load_rules(), temporary=True),
        keyring({1: b"a secret of the tests, long enough"}),
        {NORTH.id: NORTH, SOUTH.id: SOUTH},
        ingest_metrics(Meter(registry, "ingest")),
        timedelta(days=30),
    )


@asynccontextmanager
async def running_ingest(database_url: str) -> AsyncIterator[Ingest]:
    """Give ingest's HTTP API over a migrated database, with a sender `registry` of the authority `north`."""
    database = Database(database_url, service="ingest")
    clock, registry = ManualClock(NOW), CollectorRegistry()
    tools = new_tools(database, clock, registry)
    reception = Reception(tools)
    app = FastAPI()
    install_problems(app)
    app.state.access = access()
    app.include_router(event_routes(reception, database, 1024 * 1024))
    app.include_router(office_routes(database, clock))
    key = await issue_key(database, clock, Scope("registry", NORTH.id))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest") as client:
        yield Ingest(client, database, clock, reception, tools, registry, key)
    await database.close()


def access() -> Access:
    """Return who may come in, each with a token of their role's and authority's name."""
    known = Access()
    for authority in ("north", "south"):
        for role in Role:
            known.add(f"{role}-{authority}", Principal(role, authority, "somebody"))
    known.add("service", Principal(Role.SERVICE, "*", "indicators"))
    return known


async def run(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(plain_dsn(url))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement, *values)
        return rows
    finally:
        await connection.close()
