"""The whole system as in production: each service a process of its own, on a real Kafka 4 and PostgreSQL 15."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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

COMMAND: Final = Path(sys.executable).with_name("askelma")
VAULT_SECRETS: Final = f"1:{base64.b64encode(bytes(range(32))).decode()}"
SUPERVISOR, ADMIN, SERVICE = "supervisor-token", "admin-token", "service-token"
AUTHORITY: Final = "finland"
BATCH: Final = 100
START_SECONDS: Final = 120

READ: Final = (FACTS, PATHWAYS, EXPOSURES)


@dataclass
class Process:
    """One service, to be started and killed as often as a test likes."""

    service: str
    port: int
    environment: Mapping[str, str]
    log: Path
    kills: int = 0
    _running: subprocess.Popen[bytes] | None = None
    _guard: Guard = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(  # noqa: S603 - our own command
                [COMMAND, "run", self.service, "--port", str(self.port)], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
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


@dataclass
class Deployment:
    """Four services and what they stand on."""

    kafka: RealKafka
    database_url: str
    processes: dict[str, Process]
    http: httpx.AsyncClient
    key: str = ""
    reports: list[SendReport] = field(default_factory=list)

    async def ready(self) -> None:
        """Return once every service says that it can do its work."""
        for process in self.processes.values():
            await until(lambda process=process: process.ready(self.http), f"{process.service} is ready", START_SECONDS)  # type: ignore[misc]

    async def register(self) -> None:
        """Register the sender, as an administrator does."""
        url, headers = f"{self.processes['ingest'].url}/v1/senders", {"Authorization": f"Bearer {ADMIN}"}
        answer = await self.http.post(url, json={"name": "municipality"}, headers=headers)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        self.key = answer.json()["key"]

    async def send(self, events: Sequence[DoorEvent]) -> SendReport:
        """Send one batch until it is answered, as any careful sender does."""
        sender = EventSender(self.http, self.processes["ingest"].url, self.key)
        numbered = [Numbered(number, json.dumps(event).encode()) for number, event in enumerate(events)]
        report = await sender.send(numbered)
        self.reports.append(report)
        return report

    async def try_once(self, events: Sequence[DoorEvent]) -> httpx.Response:
        """Send one batch and return the answer, whatever it is."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/cloudevents-batch+json"}
        return await self.http.post(f"{self.processes['ingest'].url}/v1/events", json=list(events), headers=headers)

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
        waiting = "SELECT (SELECT count(*) FROM ingest.unpublished) + (SELECT count(*) FROM notifier.outbox)"
        if await ask(self.database_url, waiting):
            return False
        passed = [await admin.passed(await admin.ends(topic.name), topic.groups) for topic in READ]
        return all(passed)

    @property
    def urls(self) -> dict[str, str]:
        """Where each service answers."""
        return {service: process.url for service, process in self.processes.items()}


@asynccontextmanager
async def deployed(kafka: RealKafka, database_url: str, folder: Path) -> AsyncIterator[Deployment]:
    """Deploy the system: topics, four processes, a registered sender."""
    await apply(kafka.address)
    processes = processes_of(kafka.address, database_url, folder)
    async with httpx.AsyncClient(timeout=60) as http:
        deployment = Deployment(kafka, database_url, processes, http)
        try:
            for process in processes.values():
                process.start()
            await deployment.ready()
            await deployment.register()
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
        service: Process(service, port, shared | {"ASKELMA_INSTANCE": f"{service}-0"}, folder / f"{service}.log")
        for service, port in ports.items()
    }


def access_file(folder: Path) -> Path:
    path = folder / "access.json"
    people = ((SUPERVISOR, "supervisor"), (ADMIN, "admin"))
    path.write_text(json.dumps([credential(token, role) for token, role in people]))
    return path


def credential(token: str, role: str) -> dict[str, str]:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {"token_sha256": digest, "role": role, "authority": AUTHORITY, "name": role}
