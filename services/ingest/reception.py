"""Receives events from wherever they come: examines each, journals what can be used, keeps the rest in quarantine."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.ingest.domain.bindings import Sent
from services.ingest.domain.door import Accepted, Door
from services.ingest.domain.pseudonyms import Keyring, content_hash
from services.ingest.domain.refusals import Reason, Refused
from services.ingest.domain.scopes import Scope, outside
from services.ingest.journaling import AloneError, Entry, Journaling, Outcome, Outcomes
from services.ingest.metrics import IngestMetrics, Way
from services.ingest.seals import Seals
from services.ingest.store import quarantine
from services.ingest.store.journal import Key
from services.ingest.store.quarantine import LONGEST_BYTES, Item
from services.ingest.store.vault import RacedError, Vault
from services.runtime.authorities import Authority
from services.runtime.clock import Clock
from services.runtime.database import BusyError, Database

_ATTEMPTS: Final = 5
"""Two requests about the same new people find each other at the second attempt; more meet only under malice."""

_VICTIM: Final = frozenset({"40001", "40P01"})
"""SQLSTATE of a serialization failure and of a deadlock: PostgreSQL chose this transaction to be done again."""


_NOT_SERVED: Final = Refused(
    Reason.OUT_OF_SCOPE, "the sender is not registered here for an authority that this installation serves"
)


@dataclass(frozen=True)
class Tools:
    """What a reception works with."""

    database: Database
    clock: Clock
    door: Door
    keys: Keyring
    authorities: Mapping[str, Authority]
    metrics: IngestMetrics
    quarantine_time: timedelta


class Reception:
    """The one way into the journal, for HTTP and topics alike."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._seals = Seals(tools.keys)
        self._vault = Vault(tools.keys, self._seals)

    async def receive(self, scope: Scope, events: Sequence[Sent], way: Way) -> list[Outcome]:
        """Journal what can be used and return the outcome of each event, in order.

        When this returns, what was accepted is committed. When it raises, nothing of `events` is, or their sender
        cannot know; sending them again is safe.
        """
        examined = self._examined(scope, events)
        with self._tools.metrics.journal_seconds.labels().time():
            outcomes = await self._taken(scope, events, examined)
        self._count(outcomes, way)
        return outcomes

    def _examined(self, scope: Scope, events: Sequence[Sent]) -> list[Accepted | Refused]:
        authority = self._tools.authorities.get(scope.authority)
        if authority is None:
            return [_NOT_SERVED] * len(events)
        today = self._tools.clock.today()
        members = authority.municipalities
        examined = [sent.unusable or self._tools.door.examine(sent.attributes, sent.data, today) for sent in events]
        return [event if isinstance(event, Refused) else outside(scope, members, event) or event for event in examined]

    async def _taken(
        self, scope: Scope, events: Sequence[Sent], examined: Sequence[Accepted | Refused]
    ) -> list[Outcome]:
        entries = [
            Entry(index, Key(event.source, event.id), event, content_hash(self._tools.keys, event.canonical))
            for index, event in enumerate(examined)
            if isinstance(event, Accepted)
        ]
        refused: Outcomes = {index: event for index, event in enumerate(examined) if isinstance(event, Refused)}
        journaling = Journaling(self._vault, self._tools.clock, scope)
        work: Work = journaling.beside_others
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._committed(scope, events, entries, refused, work)
            except AloneError:
                work = journaling.alone
            except RacedError:
                continue
            except DBAPIError as error:
                if attempt == _ATTEMPTS or not _is_victim(error):
                    raise
        raise BusyError

    async def _committed(
        self, scope: Scope, events: Sequence[Sent], entries: Sequence[Entry], refused: Outcomes, work: "Work"
    ) -> list[Outcome]:
        async with self._tools.database.transaction() as session:
            found = refused | (await work(session, entries) if entries else {})
            outcomes = [found[index] for index in range(len(events))]
            await self._keep_refused(session, scope, events, outcomes)
        return outcomes

    async def _keep_refused(
        self, session: AsyncSession, scope: Scope, events: Sequence[Sent], outcomes: Sequence[Outcome]
    ) -> None:
        items = [
            self._item(scope, sent, outcome)
            for sent, outcome in zip(events, outcomes, strict=True)
            if isinstance(outcome, Refused)
        ]
        if items:
            now = self._tools.clock.now()
            expires = now + self._tools.quarantine_time
            await quarantine.keep(session, scope.authority, scope.sender, now, expires, items)

    def _item(self, scope: Scope, sent: Sent, refused: Refused) -> Item:
        content = to_json([sent.attributes, sent.data.decode(errors="replace")])[:LONGEST_BYTES]
        return Item(refused.reason, refused.field, self._seals.sealed(content, f"quarantine {scope.sender}"))

    def _count(self, outcomes: Sequence[Outcome], way: Way) -> None:
        metrics = self._tools.metrics
        for outcome, number in Counter(outcomes).items():
            if isinstance(outcome, Refused):
                metrics.refused.labels(reason=outcome.reason, way=way).inc(number)
            else:
                (metrics.accepted if outcome.new else metrics.known).labels(way=way).inc(number)


Work = Callable[[AsyncSession, Sequence[Entry]], Awaitable[Outcomes]]


def _is_victim(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _VICTIM
