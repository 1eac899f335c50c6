"""Runs services in one process: migrations, consumers, background work, one HTTP port, and an orderly end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from contracts.topics import FACTS
from services.runtime.access import Access
from services.runtime.broker import start_together
from services.runtime.consumer import Consumer, may_succeed_later
from services.runtime.database import Database
from services.runtime.deadletters import DeadLetters, Limit
from services.runtime.gaps import GapWatch
from services.runtime.migrations import is_current, migrate
from services.runtime.operation import operation_routes
from services.runtime.progress import HttpProgress
from services.runtime.publications import Publications
from services.runtime.service import Platform, Service
from services.runtime.web.shell import DemoUser
from services.runtime.web.site import install_site

_SWEEP_SECONDS = 24 * 3600.0
# How long background work pauses when the database or the broker is away.
_AGAIN_SECONDS = 1.0
_NO_DATABASE = "the database does not answer"

_log = structlog.get_logger("hosting")


class PartFailedError(Exception):
    """A part of the process that must live has died; the text names it."""


@dataclass
class Hosted:
    """One service while it runs."""

    service: Service
    consumer: Consumer | None
    publications: Publications | None
    announced: bool = False

    async def ready(self, database: Database) -> str | None:
        """Return why this service is not ready, or None."""
        if not self.announced:
            return f"{self.service.name} is still announcing what it holds"
        if not await is_current(database, self.service.name):
            return f"the tables of {self.service.name} are not those of this version; run `askelma migrate`"
        return await self.consumer.ready() if self.consumer else None

    async def idle(self) -> bool:
        """Tell whether this service has read everything and sent everything."""
        return self.announced and (self.consumer is None or await self.consumer.idle()) and await self.service.idle()


class Host:
    """All services of this process. `failure` is set when a part that must live has died."""

    def __init__(self, platform: Platform, hosted: Sequence[Hosted], url: str) -> None:
        self.platform = platform
        self.hosted = hosted
        self.url = url
        self.failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ready = {
            name: platform.meter(name).gauge("askelma_ready", "1 while the service can do its work, else 0.")
            for name in (one.service.name for one in hosted)
        }

    async def ready(self) -> list[str]:
        """Return every reason for not being ready, empty: ready; `askelma_ready` then says the same."""
        alive = await self.platform.database.alive()
        found: dict[str, str | None] = {}
        for one in self.hosted:
            found[one.service.name] = await one.ready(self.platform.database) if alive else _NO_DATABASE
            self._ready[one.service.name].labels().set(0 if found[one.service.name] else 1)
        return list(dict.fromkeys(reason for reason in found.values() if reason))

    async def settled(self) -> None:
        """Return when everything accepted so far has had all its effects, from ingest to the last alert."""
        calm = 0
        while calm < 2:  # what one service sends while another is asked shows in the second round
            if self.failure.done():
                raise PartFailedError(self.failure.result())
            answers = [await one.idle() for one in self.hosted]
            calm = calm + 1 if all(answers) else 0
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(
    services: Sequence[Service],
    platform: Platform,
    access: Access,
    listener: socket.socket,
    demo_users: Sequence[DemoUser] = (),
) -> AsyncIterator[Host]:
    """Start `services` behind one site on `listener`, a bound socket, and stop them in order when the block ends.

    `demo_users` may sign in by a click; give them only where `listener` is bound to loopback.
    """
    for service in services:
        await migrate(platform.settings.database_url, service.name)
        await service.before()
    progress = HttpProgress(platform.settings)
    hosted = [_hosted(service, platform, progress) for service in services]
    host = Host(platform, hosted, f"http://127.0.0.1:{listener.getsockname()[1]}")
    web = _site(host, access, demo_users)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(platform.database.close)
        stack.push_async_callback(progress.close)
        stack.push_async_callback(platform.producer.stop)
        await platform.producer.start()
        stack.push_async_callback(platform.broker.stop)
        await start_together(platform.broker)
        tasks = [asyncio.create_task(supervised(host.failure, name, work)) for name, work in _work(host)]
        stack.push_async_callback(_cancelled, tasks)
        server = uvicorn.Server(uvicorn.Config(web, log_config=None, access_log=False, lifespan="off"))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stack.push_async_callback(_stopped, server, serving)
        yield host


def _hosted(service: Service, platform: Platform, progress: HttpProgress) -> Hosted:
    consumer = _consumer(service, platform, progress) if service.readers else None
    if service.figures is None:
        return Hosted(service, consumer, None)

    async def caught_up() -> bool:
        return consumer is None or await consumer.idle()

    publications = Publications(
        service.name,
        platform.database,
        platform.clock,
        list(platform.authorities),
        progress,
        caught_up,
        service.figures.make,
        service.figures.show,
        service.figures.after,
    )
    return Hosted(service, consumer, publications)


def _consumer(service: Service, platform: Platform, progress: HttpProgress) -> Consumer:
    meter = platform.meter(service.name)
    publisher = platform.publisher(service.name)
    dead = DeadLetters(service.name, platform.database, publisher, platform.clock, meter, Limit())
    gaps = GapWatch(FACTS.name, progress.replay) if platform.settings.embedded else GapWatch()
    return Consumer(service.name, platform.broker, service.readers, dead, platform.settings, meter, gaps)


def _work(host: Host) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    work: list[tuple[str, Callable[[], Awaitable[None]]]] = []
    for one in host.hosted:
        work.append((f"{one.service.name}.announce", lambda one=one: _announcing(one, host.platform)))  # type: ignore[misc]
        work += [(f"{one.service.name}.background", task) for task in one.service.background]
        if one.consumer:
            work.append((f"{one.service.name}.lag", one.consumer.watch))
        if one.publications:
            work.append((f"{one.service.name}.publications", one.publications.run))
    return work


async def supervised(failure: "asyncio.Future[str]", name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Keep a part of the process at `work`: what is away delays it, a fault of ours is told in `failure`."""
    while True:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - whatever kills a part must be told to who hosts it
            if not may_succeed_later(error):
                _log.exception("background_failed", task=name, error=type(error).__name__)
                if not failure.done():
                    failure.set_result(f"{name} stopped: {type(error).__name__}")
                return None
            _log.warning("background_waits", task=name, reason=type(error).__name__)
        await asyncio.sleep(_AGAIN_SECONDS)


async def _announcing(one: Hosted, platform: Platform) -> None:
    """Say again what the service holds where the log is new to it, then once a day of the machine's clock."""
    name = one.service.name
    if await _last_cluster(platform, name) != platform.cluster:
        await one.service.announce()
        await _remember_cluster(platform, name)
    one.announced = True
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        await one.service.announce()


async def _last_cluster(platform: Platform, service: str) -> str | None:
    async with platform.database.transaction() as session:
        found: str | None = (await session.execute(text(f"SELECT cluster FROM {service}.log_state"))).scalar()  # noqa: S608 - names from code
    return found


async def _remember_cluster(platform: Platform, service: str) -> None:
    statement = f"INSERT INTO {service}.log_state (cluster) VALUES (:cluster) ON CONFLICT (single) DO UPDATE SET cluster = :cluster"  # noqa: S608, E501 - names from code
    async with platform.database.transaction() as session:
        await session.execute(text(statement), {"cluster": platform.cluster})


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stopped(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    with suppress(asyncio.CancelledError):
        await serving


def _site(host: Host, access: Access, demo_users: Sequence[DemoUser]) -> FastAPI:
    # FastAPI's own documentation pages load their scripts from other hosts, so only the description is served.
    web = FastAPI(title="Askelma", docs_url=None, redoc_url=None)
    web.state.access = access
    web.state.host = host
    pages = [page for one in host.hosted for page in one.service.pages]
    install_site(web, pages, host.platform.authorities, demo_users)
    web.include_router(operation_routes())
    for one in host.hosted:
        for router in one.service.routers:
            web.include_router(router)
    return web
