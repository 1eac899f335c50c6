"""Accepted events a second over HTTP: batches of 1,000, ingest in a process of its own, PostgreSQL beside.

What is counted is committed: the journal is asked in the end. The relay and the other services do not run.
"""

import asyncio
import json
import multiprocessing
import socket
import sys
import time
from datetime import timedelta
from typing import Final

import asyncpg
import httpx
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.ingest.domain.door import Door
from services.ingest.domain.pseudonyms import keyring
from services.ingest.domain.scopes import Scope
from services.ingest.metrics import ingest_metrics
from services.ingest.office import issue_key
from services.ingest.reception import Reception, Tools
from services.ingest.routes import event_routes
from services.ingest.rules import load_rules
from services.ingest.sending import EventSender, Numbered
from services.runtime.access import Access
from services.runtime.authorities import WHOLE_COUNTRY
from services.runtime.clock import SystemClock
from services.runtime.database import Database, plain_dsn
from services.runtime.embedded.postgres import embedded_postgres, throwaway_folder
from services.runtime.metrics import Meter
from services.runtime.migrations import migrate

EVENTS: Final = 100_000
CLIENTS: Final = 3_000
SENDERS: Final = 2
"""Requests under way at the same time: one is validated while PostgreSQL writes the other."""


def events(first: int, last: int) -> list[Numbered]:
    """Return events numbered `first` to before `last`: status changes of some thousand clients, by case number."""
    return [
        Numbered(
            number,
            json.dumps(
                {
                    "specversion": "1.0",
                    "id": f"status-{number}",
                    "source": "benchmark",
                    "type": "fi.askelma.status.changed.v1",
                    "subject": f"case:{number % CLIENTS}",
                    "time": f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}T08:00:00Z",
                    "data": {"code": f"0{number % 9}"},
                }
            ).encode(),
        )
        for number in range(first, last)
    ]


def serve(database_url: str, listener: socket.socket) -> None:
    """Serve the door until the process is ended."""
    database = Database(database_url, service="ingest")
    metrics = ingest_metrics(Meter(CollectorRegistry(), "ingest"))
    door = Door(load_rules(), temporary=False)
    authorities = {WHOLE_COUNTRY.id: WHOLE_COUNTRY}
    keys = keyring({1: b"benchmark" * 4})
    reception = Reception(Tools(database, SystemClock(), door, keys, authorities, metrics, timedelta(days=30)))
    app = FastAPI()
    app.state.access = Access()
    app.include_router(event_routes(reception, database, 1024 * 1024))
    uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listener])


async def accepted_per_second(count: int = EVENTS) -> float:
    """Return events accepted a second, of `count` by all senders together, from first request to last answer."""
    async with embedded_postgres(throwaway_folder() / "postgres") as url:
        await migrate(url, "ingest")
        database = Database(url, service="ingest")
        key = await issue_key(database, SystemClock(), Scope("benchmark", WHOLE_COUNTRY.id))
        await database.close()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = multiprocessing.get_context("spawn").Process(target=serve, args=(url, listener))
            server.start()
            try:
                seconds = await _sent(f"http://127.0.0.1:{listener.getsockname()[1]}", key, count)
            finally:
                server.terminate()
                server.join()
        assert await _journaled(url) == count + SENDERS
    return count / seconds


async def _sent(url: str, key: str, count: int) -> float:
    share = count // SENDERS
    parts = [events(number * share, (number + 1) * share) for number in range(SENDERS)]
    async with httpx.AsyncClient() as client:
        senders = [EventSender(client, url, key) for _ in parts]
        for number, sender in enumerate(senders):
            await sender.send(events(count + number, count + number + 1))
        start = time.perf_counter()
        reports = await asyncio.gather(*[one.send(part) for one, part in zip(senders, parts, strict=True)])
        seconds = time.perf_counter() - start
    assert sum(report.accepted for report in reports) == count
    return seconds


async def _journaled(url: str) -> int:
    connection = await asyncpg.connect(plain_dsn(url))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM ingest.journal"))
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(accepted_per_second()):,.0f} events accepted a second over HTTP\n")
