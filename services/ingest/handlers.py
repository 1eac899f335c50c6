"""Subscribers of ingest: one intake topic for each registered sender, as the Kafka binding of CloudEvents writes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.topics import intake_topic
from services.ingest.domain.bindings import (
    STRUCTURED,
    Sent,
    UnreadableError,
    binary_kafka,
    media_type,
    parsed,
    structured,
)
from services.ingest.domain.refusals import Reason, Refused
from services.ingest.domain.scopes import Scope
from services.ingest.reception import Reception
from services.ingest.store.senders import scope_of_sender
from services.runtime.consumer import Reader
from services.runtime.database import Database, is_transient
from services.runtime.logs import log_of
from services.runtime.records import Record

_NOBODY: Final = "nobody"
"""Authority under which items of a topic are kept whose sender is not registered."""

_log = log_of("ingest")


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event and its place on the topic."""

    partition: int
    offset: int
    sent: Sent


def intake_reader(
    sender: str, reception: Reception, database: Database, gaps: Callable[[], None] | None = None
) -> Reader[object]:
    """Return how the topic of `sender` is read; the topic's own access list says that it is the sender who writes.

    `gaps` is told of each gap in the topic's offsets, where the log is one that keeps none (embedded mode).
    """
    intake = Intake(sender, reception, database, gaps)
    return Reader(intake_topic(sender), arrived, intake.handle)


class Intake:
    """Takes what one sender wrote to its topic. Nothing of it goes to dead letters: it may hold identity codes."""

    def __init__(
        self, sender: str, reception: Reception, database: Database, gaps: Callable[[], None] | None = None
    ) -> None:
        self._sender = sender
        self._reception = reception
        self._database = database
        self._gaps = gaps
        self._next: dict[int, int] = {}

    async def handle(self, items: Sequence[object]) -> None:
        """Journal what can be used of a batch; the rest is in quarantine when this returns."""
        here = [item for item in items if isinstance(item, Arrived)]
        self._look_for_gaps(here)
        events = [item.sent for item in here]
        async with self._database.transaction() as session:
            scope = await scope_of_sender(session, self._sender)
        await self._take(scope or Scope(self._sender, _NOBODY), events)

    def _look_for_gaps(self, items: Sequence[Arrived]) -> None:
        for item in items:
            if self._gaps is not None and item.offset > self._next.get(item.partition, 0):
                self._gaps()
                _log.warning("gap in an intake topic", sender=self._sender, partition=item.partition)
            self._next[item.partition] = item.offset + 1

    async def _take(self, scope: Scope, events: Sequence[Sent]) -> None:
        try:
            await self._reception.receive(scope, events, "topic")
        except Exception as error:  # a fault of ours must hold up one record, and must not show it to others
            if is_transient(error):
                raise
            _log.exception("intake failed", sender=self._sender, records=len(events))
            await self._halves(scope, events)

    async def _halves(self, scope: Scope, events: Sequence[Sent]) -> None:
        if len(events) == 1:
            unusable = Refused(Reason.UNREADABLE, "Askelma failed on this item; its log says where")
            await self._reception.receive(scope, [Sent({}, events[0].data, unusable)], "topic")
            return
        half = len(events) // 2
        await self._take(scope, events[:half])
        await self._take(scope, events[half:])


def arrived(record: Record) -> Arrived:
    """Read a record in structured or binary mode; what is neither becomes an event that says so."""
    return Arrived(record.partition, record.offset, _sent(record))


def _sent(record: Record) -> Sent:
    body = record.body or b""
    try:
        value = parsed(body)
    except UnreadableError as error:
        return Sent({}, body, Refused(Reason.UNREADABLE, str(error)))
    kind = media_type(record.headers.get("content-type", ""))
    return structured(value) if kind == STRUCTURED else binary_kafka(record.headers, body, value)
