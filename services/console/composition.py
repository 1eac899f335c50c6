"""Puts services together: all four in one process with an embedded log and store, or one of them on real parts."""

import base64
import gc
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import uuid4

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from services.console.connection import KEYS_FILE
from services.incentives.app import build_app as build_incentives
from services.incentives.settings import IncentivesSettings
from services.indicators.app import build_app as build_indicators
from services.indicators.settings import IndicatorsSettings
from services.ingest.app import build_app as build_ingest
from services.ingest.settings import IngestSettings
from services.notifier.app import build_app as build_notifier
from services.notifier.settings import NotifierSettings
from services.runtime.access import ANY_AUTHORITY, Access, Principal, Role, new_token
from services.runtime.authorities import Authority, load_authorities
from services.runtime.broker import LogAdmin, build_broker, build_producer
from services.runtime.clock import Clock
from services.runtime.database import Database
from services.runtime.embedded.log import embedded_log
from services.runtime.embedded.pacing import Pacer
from services.runtime.embedded.postgres import embedded_postgres
from services.runtime.hosting import Host, running
from services.runtime.publisher import Pace, Unpaced
from services.runtime.service import Platform, Service
from services.runtime.settings import Settings
from services.runtime.web.shell import DemoUser

# Writers may wait for slow readers for as long as they like where the log is in the same process.
_EMBEDDED_POLL_SECONDS: Final = 3600.0
_EMBEDDED_POOL: Final = 30
_OBJECTS_BETWEEN_LOOKS: Final = 500_000


Store = Callable[[Path], AbstractAsyncContextManager[str]]


@dataclass(frozen=True, slots=True)
class Keys:
    """What lets scripts and people into an embedded system; kept in its folder, readable by its owner only."""

    ingest_key: str
    supervisor_token: str
    finance_token: str
    coordinator_token: str
    admin_token: str
    service_token: str
    vault_secrets: str

    @classmethod
    def of(cls, folder: Path) -> "Keys":
        """Return the keys of `folder`, made at its first start. Raises OSError where the folder cannot be used."""
        path = folder / KEYS_FILE
        if path.exists():
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        tokens = {name: new_token() for name in cls.__slots__}
        keys = cls(**tokens | {"vault_secrets": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}"})
        unfinished = path.with_suffix(".unfinished")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(keys), file, indent=2)
        unfinished.replace(path)
        return keys


@dataclass(frozen=True, slots=True)
class Running:
    """A system that runs: its host, and the keys where it is embedded."""

    host: Host
    keys: Keys


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that holds `port` (0: any free one), so that the address is known before anything starts."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


@asynccontextmanager
async def embedded(  # noqa: PLR0913, PLR0917 - one argument for each part that differs
    folder: Path,
    port: int,
    clock: Clock,
    authority: Authority | None = None,
    coordinator: str = "coordinator-1",
    differing: Mapping[str, object] = MappingProxyType({}),
    store: Store = embedded_postgres,
) -> AsyncIterator[Running]:
    """Run all four services in this process on what `folder` holds, on loopback only.

    `store` runs PostgreSQL on a folder and gives its URL.
    `differing` are settings that are not to be the usual ones.
    `authority` defaults to the whole country; `coordinator` is whom the coordinator's demo sign-in stands for.
    """
    keys = Keys.of(folder)
    served = {authority.id: authority} if authority else dict(load_authorities(None))
    listener = bound("127.0.0.1", port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        database_url = await stack.enter_async_context(store(folder / "postgres"))
        bootstrap = await stack.enter_async_context(embedded_log())
        shared = {
            "database_url": database_url,
            "kafka": bootstrap,
            "embedded": True,
            "ingest_url": url,
            "indicators_url": url,
            "incentives_url": url,
            "service_token": SecretStr(keys.service_token),
            "poll_interval_seconds": _EMBEDDED_POLL_SECONDS,
            "database_pool": _EMBEDDED_POOL,
        } | dict(differing)
        pacer = Pacer(bootstrap)
        stack.push_async_callback(pacer.close)
        # Every start of the embedded log is a new cluster, whatever id it gives itself.
        platform = await _platform(stack, Settings.model_validate(shared), uuid4().hex, clock, served, pacer)
        secret = {"vault_secrets": keys.vault_secrets, "local_key": keys.ingest_key, "allow_temporary_codes": True}
        services = [
            build_ingest(IngestSettings.model_validate(shared | secret), platform),
            build_indicators(IndicatorsSettings.model_validate(shared), platform),
            build_incentives(IncentivesSettings.model_validate(shared), platform),
            build_notifier(NotifierSettings.model_validate(shared | {"public_url": url}), platform),
        ]
        access, users = _embedded_access(keys, next(iter(served)), coordinator)
        host = await stack.enter_async_context(running(services, platform, access, listener, users))
        stack.push_async_callback(pacer.close)  # before the readers end: a writer would wait for them all its grace
        _spare_collector()
        yield Running(host, keys)


@asynccontextmanager
async def alone(service: str, address: str, port: int, clock: Clock) -> AsyncIterator[Host]:
    """Run one service on the broker and database that the environment names, by `clock`.

    Raises SettingsError, AuthoritiesError or ValueError for what cannot be used, KafkaError for a broker out of reach.
    """
    settings, build = _ALONE[service]()
    authorities = load_authorities(settings.authorities_file)
    service_token = settings.service_token.get_secret_value()
    # All processes know this token, so a sign-in at one holds at all that are served under one name.
    secret = service_token.encode() or None
    access = Access.load(settings.access_file, secret) if settings.access_file else Access(secret=secret)
    access.add(service_token, Principal(Role.SERVICE, ANY_AUTHORITY, "services"))
    listener = bound(address, port)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        platform = await _platform(stack, settings, None, clock, authorities, Unpaced())
        host = await stack.enter_async_context(running([build(platform)], platform, access, listener))
        _spare_collector()
        yield host


def _spare_collector() -> None:
    """Take what is loaded by now out of the garbage collector's sight, and let it look more seldom.

    A batch makes tens of thousands of objects without a cycle among them, and each look at them all is for nothing:
    a tenth of the processor. Larger: cycles, which only errors make here, stay longer. Smaller: the tenth comes back.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS)


Build = Callable[[Platform], Service]


def _ingest_alone() -> tuple[Settings, Build]:
    settings = IngestSettings.load()
    return settings, lambda platform: build_ingest(settings, platform)


def _indicators_alone() -> tuple[Settings, Build]:
    settings = IndicatorsSettings.load()
    return settings, lambda platform: build_indicators(settings, platform)


def _incentives_alone() -> tuple[Settings, Build]:
    settings = IncentivesSettings.load()
    return settings, lambda platform: build_incentives(settings, platform)


def _notifier_alone() -> tuple[Settings, Build]:
    settings = NotifierSettings.load()
    return settings, lambda platform: build_notifier(settings, platform)


_ALONE: Final[Mapping[str, Callable[[], tuple[Settings, Build]]]] = {
    "ingest": _ingest_alone,
    "indicators": _indicators_alone,
    "incentives": _incentives_alone,
    "notifier": _notifier_alone,
}


async def _platform(  # noqa: PLR0913, PLR0917 - one argument for each part that differs
    stack: AsyncExitStack,
    settings: Settings,
    cluster: str | None,
    clock: Clock,
    authorities: Mapping[str, Authority],
    pace: Pace,
) -> Platform:
    """Connect what services share; `cluster` None: ask the broker which cluster it is."""
    admin = LogAdmin(settings.kafka)
    stack.push_async_callback(admin.close)
    await admin.start()
    return Platform(
        settings,
        clock,
        CollectorRegistry(),
        Database(settings.database_url, service="askelma", pool=settings.database_pool),
        build_broker(settings.kafka, "askelma"),
        build_producer(settings.kafka, "askelma"),
        pace,
        admin,
        cluster or await admin.cluster(),
        authorities,
    )


def _embedded_access(keys: Keys, authority: str, coordinator: str) -> tuple[Access, list[DemoUser]]:
    access = Access()
    users = []
    for token, role, name in (
        (keys.supervisor_token, Role.SUPERVISOR, "supervisor"),
        (keys.finance_token, Role.FINANCE, "finance"),
        (keys.coordinator_token, Role.COORDINATOR, coordinator),
        (keys.admin_token, Role.ADMIN, "admin"),
    ):
        principal = Principal(role, authority, name)
        access.add(token, principal)
        users.append(DemoUser(principal, token))
    access.add(keys.service_token, Principal(Role.SERVICE, ANY_AUTHORITY, "services"))
    return access, users
