"""What all services of one process share, and what a service hands to the process that hosts it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from fastapi import APIRouter
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry

from services.runtime.authorities import Authority
from services.runtime.broker import LogAdmin
from services.runtime.clock import Clock
from services.runtime.consumer import Reader
from services.runtime.database import Database
from services.runtime.metrics import Meter
from services.runtime.publications import Make
from services.runtime.publisher import Pace, Publisher
from services.runtime.settings import Settings
from services.runtime.web.navigation import NavItem


@dataclass(frozen=True)
class Platform:
    """The parts that `build_app` wires a service to. `cluster` is the id of the log's cluster."""

    settings: Settings
    clock: Clock
    registry: CollectorRegistry
    database: Database
    broker: KafkaBroker
    producer: AIOKafkaProducer
    pace: Pace
    log_admin: LogAdmin
    cluster: str
    authorities: Mapping[str, Authority]

    def meter(self, service: str) -> Meter:
        """Return what declares the metrics of `service`."""
        return Meter(self.registry, service)

    def publisher(self, service: str) -> Publisher:
        """Return what sends records for `service`."""
        return Publisher(self.producer, self.pace, self.meter(service))


async def _nothing() -> None:
    """Do nothing."""


async def _always() -> bool:
    return True


Background = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Figures:
    """How a service publishes: `make` writes the tables, `show` sets gauges, `after` names rooms that go first."""

    make: Make
    show: Background
    after: Sequence[str] = ()


@dataclass(frozen=True)
class Service:
    """One service, wired and not started.

    `before` runs after the migrations and before anything is read (a refold under new rules, say). `announce` sends
    anew what the service last said, for a log that is new or may have forgotten. `background` runs as long as the
    process. `idle` tells whether the service has nothing left to send.
    """

    name: str
    routers: Sequence[APIRouter] = ()
    readers: Sequence[Reader[object]] = ()
    background: Sequence[Background] = ()
    pages: Sequence[NavItem] = ()
    before: Background = _nothing
    announce: Background = _nothing
    idle: Callable[[], Awaitable[bool]] = _always
    figures: Figures | None = None
