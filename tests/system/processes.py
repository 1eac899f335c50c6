"""The whole system as in production: each service a process of its own, on a real Kafka 4 and PostgreSQL 15."""

import asyncio
import base64
import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx

from contracts.topics import EXPOSURES, FACTS, PATHWAYS
from deploy.topics.creation import apply
from services.demo.domain.events import DoorEvent
from services.ingest.sending import EventSender, Numbered, SendReport
from services.runtime.broker import LogAdmin
from services.runtime.migrations import SERVICES
from tests.rigs.kafka import RealKafka
from tests.rigs.parts import Guard, free_port
from tests.rigs.store import ask
from tests.rigs.waiting import until
from tests.system.clocked import FileClock

ROOT: Final = Path(__file__).parents[2]
VAULT_SECRETS: Final = f"1:{base64.b64encode(bytes(range(32))).decode()}"
SUPERVISOR, FINANCE, ADMIN, SERVICE = "supervisor-token", "finance-token", "admin-token", "service-token"
AUTHORITY: Final = "finland"
START_SECONDS: Final = 120
SENDER_PAUSE_S: Final = 0.25
CLOCK: Final = "clock"

READ: Final = (FACTS, PATHWAYS, EXPOSURES)


@dataclass
class Process:
    """One service, to be started and killed as often as a test likes."""

    service: str
    port: int
    environment: Mapping[str, str]
    folder: Path
    kills: int = 0
    _running: subprocess.Popen[bytes] | None = None
    _guard: Guard = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.service}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "tests.system.clocked", self.service, str(self.port), self.folder / CLOCK],
                env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._guard = Guard(self._running.pid)

    def kill(self) -> None:
        """Kill -9, and wait until the operating system says it is gone."""
        process, self._running = self._running, None
        assert process is not None
        assert process.poll() is None, f"{self.service} ended by itself: {self.last_words()}"
        self._guard.leave()
        process.kill()
        process.wait()
        self.kills += 1

    def stop(self) -> None:
        """Stop in good order."""
        process, self._running = self._running, None
        if process is not None:
            self._guard.leave()
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    async def ready(self, http: httpx.AsyncClient) -> bool:
        process = self._running
        assert process is None or process.poll() is None, f"{self.service} ended by itself: {self.last_words()}"
        try:
            return (await http.get(f"{self.url}/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


class Requests(httpx.AsyncHTTPTransport):
    """The sender's way to ingest: `open` requests wait for their answer now, `cut` ones had none."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0
        self.cut = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.open += 1
        try:
            return await super().handle_async_request(request)
        except httpx.ConnectError:
            raise  # nobody was there to read it
        except httpx.TransportError:
            self.cut += 1
            raise
        finally:
            self.open -= 1


@dataclass
class Deployment:
    """Four services and what they stand on."""

    kafka: RealKafka
    database_url: str
    clock: FileClock
    processes: dict[str, Process]
    http: httpx.AsyncClient
    requests: Requests = field(default_factory=Requests)
    reports: list[SendReport] = field(default_factory=list)
    _key: str = field(init=False)
    _sender: EventSender = field(init=False)

    async def ready(self) -> None:
        """Return once every service says that it can do its work."""
        for process in self.processes.values():
            await self.has(process)

    async def has(self, process: Process) -> None:
        """Return once the service of `process` says that it can do its work."""
        await until(lambda: process.ready(self.http), f"{process.service} is ready", START_SECONDS)

    @asynccontextmanager
    async def registered(self) -> AsyncIterator[None]:
        """Register the sender, as an administrator does, and let it send: each batch until it is answered."""
        url, headers = self.urls["ingest"], {"Authorization": f"Bearer {ADMIN}"}
        answer = await self.http.post(f"{url}/v1/senders", json={"name": "municipality"}, headers=headers)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        self._key = answer.json()["key"]
        async with httpx.AsyncClient(transport=self.requests) as http:
            self._sender = EventSender(http, url, self._key, patience=math.inf, sleep=soon)
            yield

    async def send(self, events: Sequence[DoorEvent]) -> None:
        """Send one batch until it is answered, as any careful sender does."""
        numbered = [Numbered(number, json.dumps(event).encode()) for number, event in enumerate(events)]
        self.reports.append(await self._sender.send(numbered))

    async def send_all(self, parts: Sequence[Sequence[DoorEvent]]) -> None:
        """Send batch after batch."""
        for part in parts:
            await self.send(part)

    async def try_once(self, events: Sequence[DoorEvent]) -> httpx.Response:
        """Send one batch and return the answer, whatever it is."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/cloudevents-batch+json"}
        return await self.http.post(f"{self.urls['ingest']}/v1/events", json=list(events), headers=headers)

    async def says_it_is_not_ready(self) -> bool:
        """Tell whether every service says so."""
        return not any([await process.ready(self.http) for process in self.processes.values()])

    async def settled(self) -> None:
        """Return once everything accepted has passed all services: nothing to send, nothing to read, twice over."""
        admin = LogAdmin(self.kafka.address)
        await admin.start()
        try:
            for _ in range(2):
                await until(lambda: self._is_calm(admin), "all services have read everything", 300)
        finally:
            await admin.close()

    async def _is_calm(self, admin: LogAdmin) -> bool:
        waiting = f"""SELECT (SELECT count(*) FROM ingest.unpublished) + (SELECT count(*) FROM notifier.outbox)
            + (SELECT count(*) FROM notifier.client WHERE next_on <= '{self.clock.today()}')"""  # noqa: S608 - a date
        if await ask(self.database_url, waiting):
            return False
        passed = [await admin.passed(await admin.ends(topic.name), topic.groups) for topic in READ]
        return all(passed)

    @property
    def urls(self) -> dict[str, str]:
        """Where each service answers."""
        return {service: process.url for service, process in self.processes.items()}


async def soon(_seconds: float) -> None:
    """Pause for less than the sender would, so that a service that comes back has its hands full at once."""
    await asyncio.sleep(SENDER_PAUSE_S)


@asynccontextmanager
async def deployed(kafka: RealKafka, database_url: str, folder: Path, at: datetime) -> AsyncIterator[Deployment]:
    """Deploy the system: topics, four processes whose clock stands at `at`, a registered sender."""
    await apply(kafka.address)
    clock = FileClock(folder / CLOCK)
    clock.set(at)
    processes = processes_of(kafka.address, database_url, folder)
    async with httpx.AsyncClient(timeout=60) as http:
        deployment = Deployment(kafka, database_url, clock, processes, http)
        try:
            for process in processes.values():
                process.start()
            await deployment.ready()
            async with deployment.registered():
                yield deployment
        finally:
            for process in processes.values():
                process.stop()


def processes_of(kafka: str, database_url: str, folder: Path) -> dict[str, Process]:
    ports = {service: free_port() for service in SERVICES}
    shared = {name: value for name, value in os.environ.items() if not name.startswith("ASKELMA_")} | {
        "ASKELMA_KAFKA": kafka,
        "ASKELMA_DATABASE_URL": database_url,
        "ASKELMA_SERVICE_TOKEN": SERVICE,
        "ASKELMA_ACCESS_FILE": str(access_file(folder)),
        "ASKELMA_VAULT_SECRETS": VAULT_SECRETS,
        "ASKELMA_ALLOW_TEMPORARY_CODES": "true",
        "ASKELMA_DEBUG": "1",
        **{f"ASKELMA_{service.upper()}_URL": f"http://127.0.0.1:{port}" for service, port in ports.items()},
    }
    return {
        service: Process(service, port, shared | {"ASKELMA_INSTANCE": f"{service}-0"}, folder)
        for service, port in ports.items()
    }


def access_file(folder: Path) -> Path:
    path = folder / "access.json"
    people = ((SUPERVISOR, "supervisor"), (FINANCE, "finance"), (ADMIN, "admin"))
    path.write_text(json.dumps([credential(token, role) for token, role in people]))
    return path


def credential(token: str, role: str) -> dict[str, str]:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {"token_sha256": digest, "role": role, "authority": AUTHORITY, "name": role}
