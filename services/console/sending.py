"""`askelma send`: sends a file of CloudEvents over HTTP, or to a sender's intake topic over Kafka."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from aiokafka.errors import KafkaError

from contracts.topics import intake_topic
from services.console.connection import Connection, DataFolder, Key, Url, as_sender
from services.console.delivering import Delivery, delivery, tell
from services.console.failures import MISUSED, NOT_SENT, Failure
from services.ingest.sending import (
    EventSender,
    LineProblem,
    Numbered,
    SendError,
    SendReport,
    read_jsonl,
    send_file,
    usable,
)
from services.runtime.broker import LogAdmin
from services.runtime.embedded.pacing import Pacer
from services.runtime.publisher import Outgoing, Pace, Publisher, PublishError, Unpaced, publishing

_STRUCTURED: Final = {"content-type": "application/cloudevents+json; charset=utf-8"}
_RECORDS: Final = 1_000
"""Confirmed together. More: progress shows in larger steps. Fewer: more of the time is spent waiting."""

_MOCK_CLUSTER: Final = "mockCluster"
"""How librdkafka names the clusters of embedded mode, which drop what is written faster than it is read."""

EventFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.jsonl", help="One event in JSON on each line.", exists=True, dir_okay=False, show_default=False
    ),
]
Kafka = Annotated[
    str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Write to Kafka instead; with --sender.")
]
SenderName = Annotated[
    str | None, typer.Option("--sender", metavar="NAME", help="Whose intake topic; `local` in an embedded system.")
]


def command(  # noqa: PLR0913, PLR0917 - one argument for each option
    file: EventFile,
    data: DataFolder = None,
    url: Url = None,
    key: Key = None,
    kafka: Kafka = None,
    sender: SenderName = None,
) -> None:
    """Send a file of events, one CloudEvent in JSON on each line.

    Over HTTP each event has its answer: what could not be used is reported with its line and the reason, and the rest
    goes on. Over Kafka the events are only written; what cannot be used of them waits in quarantine. Sending the same
    file again changes nothing.

    Ends with 0 where all could be used, 1 where some were refused, 2 where the file could not be sent.
    """
    if (kafka is None) != (sender is None):
        raise Failure("Writing to Kafka needs both --kafka HOST:PORT and --sender NAME.", MISUSED)
    try:
        if kafka and sender:
            _over_kafka(file, kafka, sender)
        else:
            _over_http(file, as_sender(data, url, key))
    except SendError as error:
        raise Failure(str(error), NOT_SENT) from None


def _over_http(file: Path, connection: Connection) -> None:
    report = asyncio.run(_sent(file, connection))
    tell(report.accepted, report.known, report.problems)


async def _sent(file: Path, connection: Connection) -> SendReport:
    with delivery(file) as progress:
        async with httpx.AsyncClient() as client:
            return await send_file(file, EventSender(client, connection.url, connection.key, progress=progress))


def _over_kafka(file: Path, kafka: str, sender: str) -> None:
    unusable: list[LineProblem] = []
    try:
        written = asyncio.run(_written(file, kafka, intake_topic(sender), unusable))
    except (KafkaError, PublishError, OSError) as error:
        raise Failure(
            f"Kafka at {kafka} did not take the events ({type(error).__name__}). Sending again is safe.", NOT_SENT
        ) from None
    typer.echo(f"{written} events written to {intake_topic(sender)}")
    if unusable:
        tell(written, 0, unusable)


async def _written(file: Path, kafka: str, topic: str, unusable: list[LineProblem]) -> int:
    with delivery(file) as progress:
        async with _publisher(kafka) as publisher:
            return await _publish(publisher, topic, usable(read_jsonl(file), unusable), progress)


async def _publish(publisher: Publisher, topic: str, events: Iterator[Numbered], progress: Delivery) -> int:
    report = SendReport()
    while some := list(islice(events, _RECORDS)):
        await publisher.send([Outgoing(topic, str(one.line), one.event, _STRUCTURED) for one in some])
        report.accepted += len(some)
        progress(report)
    return report.accepted


@asynccontextmanager
async def _publisher(kafka: str) -> AsyncIterator[Publisher]:
    async with _pace(kafka) as pace, publishing(kafka, "send", pace) as publisher:
        yield publisher


@asynccontextmanager
async def _pace(kafka: str) -> AsyncIterator[Pace]:
    """Give the pace of the cluster: that of its readers where it is an embedded one."""
    admin = LogAdmin(kafka)
    try:
        await admin.start()
        name = await admin.cluster()
    finally:
        await admin.close()
    if not name.startswith(_MOCK_CLUSTER):
        yield Unpaced()
        return
    pacer = Pacer(kafka)
    try:
        yield pacer
    finally:
        await pacer.close()
