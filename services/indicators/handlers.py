"""Facts in, pathways out: a batch is committed, then every client concerned is told."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import Fact
from contracts.facts import ClientErased, EventRetracted
from contracts.snapshots import PathwaySnapshot, snapshot_id
from contracts.topics import PATHWAYS
from services.indicators import store
from services.indicators.domain.fold import continued, fold
from services.indicators.domain.ladder import Ladder
from services.indicators.domain.pathway import Pathway
from services.indicators.domain.snapshot import Owner, snapshot_of
from services.indicators.metrics import IndicatorMetrics
from services.indicators.store import FACTS, Checkpoint, Told
from services.runtime.database import Database
from services.runtime.publisher import Outgoing, Publisher

# Transactions of one batch at a time, each with its own clients: while PostgreSQL works for one, the other is folded.
# More would only wait for the one core that folds.
_LANES: Final = 2

# Clients whose states are in memory together. Larger: fewer statements, but the event loop, and with it heartbeats and
# pages, waits longer for one page to be folded (some tens of milliseconds for this many).
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction did: whom it concerns, and what is new to tell."""

    clients: Collection[str]
    told: Sequence[Told]
    new: int
    known: int
    dropped: int
    refolded: int


@dataclass(frozen=True)
class Pathways:
    """Keeps the pathways of all clients, and tells them."""

    database: Database
    publisher: Publisher
    ladder: Ladder
    metrics: IndicatorMetrics

    async def take_in(self, facts: Sequence[Fact]) -> None:
        """Commit what `facts` change, in any order and however often they come, and tell all whom they concern."""
        if not (lanes := _lanes(facts)):
            return
        with self.metrics.fold_seconds.labels().time():
            done = await asyncio.gather(*(self._commit(lane) for lane in lanes), return_exceptions=True)
        batches = [_done(one) for one in done]
        for batch in batches:
            self._count(batch)
        await self.tell([c for batch in batches for c in batch.clients], [t for batch in batches for t in batch.told])

    async def _commit(self, facts: Mapping[str, Sequence[Fact]]) -> _Batch:
        """Take in the facts about each of some clients."""
        owners = {client: own[0].authority for client, own in facts.items()}
        async with self.database.transaction() as session:
            erased = await store.lock(session, owners) | await _erase(session, facts)
            living = [fact for client, own in facts.items() if client not in erased for fact in own]
            added = await FACTS.add(session, living)
            told, refolded = await self._refresh(session, added.new, added.disturbed)
        stated = sum(fact.type != EventRetracted.type for fact in living)
        new = sum(map(len, added.new.values()))
        dropped = sum(map(len, facts.values())) - len(living)
        return _Batch(owners.keys() | added.disturbed, told, new, stated - new, dropped, refolded)

    def _count(self, batch: _Batch) -> None:
        self.metrics.folded.labels().inc(batch.new)
        self.metrics.known.labels().inc(batch.known)
        self.metrics.dropped.labels().inc(batch.dropped)
        self.metrics.refolded.labels().inc(batch.refolded)

    async def _refresh(
        self, session: AsyncSession, new: Mapping[str, Sequence[Fact]], disturbed: Collection[str]
    ) -> tuple[list[Told], int]:
        """Bring the pathways of all clients with new facts, or with fewer, up to date.

        Return what is new to tell, and how many were folded again.
        """
        told: list[Told] = []
        refolded = 0
        for page in _pages(sorted(new.keys() | set(disturbed))):
            kept = await store.checkpoints(session, page, self.ladder.rules)
            pathways = {
                one.client: self._continued(one, new[one.client]) for one in kept if one.client not in disturbed
            }
            due = [one.client for one in kept if pathways.get(one.client) is None]
            pathways |= await self._folded(session, due)
            told += await self._keep(session, kept, pathways)
            refolded += len(due)
        return told, refolded

    def _continued(self, kept: Checkpoint, new: Sequence[Fact]) -> Pathway | None:
        return kept.pathway and continued(kept.pathway, new, self.ladder)

    async def _folded(self, session: AsyncSession, clients: Collection[str]) -> dict[str, Pathway | None]:
        stored = await FACTS.of(session, clients) if clients else {}
        return {client: fold(facts, self.ladder) for client, facts in stored.items()}

    async def _keep(
        self, session: AsyncSession, kept: Sequence[Checkpoint], pathways: Mapping[str, Pathway | None]
    ) -> list[Told]:
        changed = [
            (pathway, self._snapshot(one, pathway))
            for one in kept
            if (pathway := pathways[one.client]) is not None and pathway != one.pathway
        ]
        return await store.keep(session, changed) if changed else []

    def _snapshot(self, kept: Checkpoint, pathway: Pathway) -> PathwaySnapshot:
        return snapshot_of(pathway, Owner(kept.authority, kept.client), kept.revision + 1, self.ladder)

    async def refold_all(self) -> None:
        """Fold again every pathway that follows another ladder than this one; all are then announced anew."""
        while await self._refold_page():
            pass

    async def _refold_page(self) -> int:
        async with self.database.transaction() as session:
            owners = await store.folded_otherwise(session, self.ladder.rules)
            if owners:
                await store.lock(session, owners)
                _, refolded = await self._refresh(session, {}, owners.keys())
                self.metrics.refolded.labels().inc(refolded)
                await store.expect_announcement(session)
        return len(owners)

    async def tell(self, clients: Collection[str], new: Sequence[Told]) -> None:
        """Send `new` and the newest of all others of `clients`, and again what grew while it was being sent."""
        said: dict[str, int] = {}
        telling = new
        others = set(clients) - {told.client for told in new}
        if others:
            telling = [*new, *await self._newest(others)]
        while telling:
            await self._send(telling)
            said |= {told.client: told.revision for told in telling}
            telling = await self._grown(said)

    async def _newest(self, clients: Collection[str]) -> list[Told]:
        async with self.database.transaction() as session:
            return await store.told(session, clients)

    async def _grown(self, said: Mapping[str, int]) -> list[Told]:
        async with self.database.transaction() as session:
            now = await store.revisions(session, said)
            grown = [client for client, revision in now.items() if revision > said[client]]
            return await store.told(session, grown) if grown else []

    async def announce(self) -> None:
        """Send what is to be said of every client, tombstones too, at unchanged revisions."""
        last = ""
        while page := await self._page_after(last):
            await self._send(page)
            last = page[-1].client

    async def _page_after(self, client: str) -> list[Told]:
        async with self.database.transaction() as session:
            return await store.told_after(session, client)

    async def _send(self, told: Sequence[Told]) -> None:
        await self.publisher.send([outgoing(one) for one in told])
        self.metrics.announced.labels().inc(len(told))


def _lanes(facts: Sequence[Fact]) -> list[dict[str, list[Fact]]]:
    """Deal facts about clients out to lanes, all of one client to one."""
    lanes: list[dict[str, list[Fact]]] = [{} for _ in range(_LANES)]
    for fact in facts:
        client = fact.client
        if client is not None:
            lanes[hash(client) % _LANES].setdefault(client, []).append(fact)
    return [lane for lane in lanes if lane]


def _done(batch: _Batch | BaseException) -> _Batch:
    if isinstance(batch, BaseException):
        raise batch
    return batch


async def _erase(session: AsyncSession, facts: Mapping[str, Sequence[Fact]]) -> frozenset[str]:
    days = {
        client: fact.data.effective_on
        for client, own in facts.items()
        for fact in own
        if fact.type == ClientErased.type and isinstance(fact.data, ClientErased)
    }
    if days:
        await store.erase(session, days)
    return frozenset(days)


def _pages(clients: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(clients)
    while page := list(islice(rest, _PAGE)):
        yield page


def outgoing(told: Told) -> Outgoing:
    """Return the record of the pathways topic that says `told`."""
    headers = {
        "content-type": "application/json",
        "ce_id": str(snapshot_id(PathwaySnapshot, told.client, told.revision)),
        "ce_authority": told.authority,
    }
    return Outgoing(PATHWAYS.name, told.client, told.snapshot, headers)
