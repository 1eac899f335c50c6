"""Facts in, pathways out: one transaction for a batch, then what every client concerned is to be told."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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

# Clients whose states are in memory together. Larger: fewer statements, but the event loop, and with it heartbeats and
# pages, waits longer for one page to be folded (some tens of milliseconds for this many).
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction did."""

    clients: Collection[str]
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
        about = [fact for fact in facts if fact.client is not None]
        if not about:
            return
        with self.metrics.fold_seconds.labels().time():
            batch = await self._commit(about)
        self._count(batch)
        await self.tell(batch.clients)

    async def _commit(self, facts: Sequence[Fact]) -> _Batch:
        owners = {fact.client: fact.authority for fact in facts if fact.client}
        async with self.database.transaction() as session:
            erased = await store.lock(session, owners) | await _erase(session, facts)
            living = [fact for fact in facts if fact.client not in erased] if erased else facts
            added = await FACTS.add(session, living)
            refolded = await self._refresh(session, added.new, added.disturbed)
        stated = sum(not isinstance(fact.data, EventRetracted) for fact in living)
        new = sum(map(len, added.new.values()))
        return _Batch(owners.keys() | added.disturbed, new, stated - new, len(facts) - len(living), refolded)

    def _count(self, batch: _Batch) -> None:
        self.metrics.folded.labels().inc(batch.new)
        self.metrics.known.labels().inc(batch.known)
        self.metrics.dropped.labels().inc(batch.dropped)
        self.metrics.refolded.labels().inc(batch.refolded)

    async def _refresh(
        self, session: AsyncSession, new: Mapping[str, Sequence[Fact]], disturbed: Collection[str]
    ) -> int:
        """Bring the pathways of all clients with new facts, or with fewer, up to date; return how many it refolded."""
        refolded = 0
        for page in _pages(sorted(new.keys() | set(disturbed))):
            kept = await store.checkpoints(session, page, self.ladder.rules)
            pathways = {
                one.client: self._continued(one, new[one.client]) for one in kept if one.client not in disturbed
            }
            due = [one.client for one in kept if pathways.get(one.client) is None]
            pathways |= await self._folded(session, due)
            await self._keep(session, kept, pathways)
            refolded += len(due)
        return refolded

    def _continued(self, kept: Checkpoint, new: Sequence[Fact]) -> Pathway | None:
        return kept.pathway and continued(kept.pathway, new, self.ladder)

    async def _folded(self, session: AsyncSession, clients: Collection[str]) -> dict[str, Pathway | None]:
        stored = await FACTS.of(session, clients) if clients else {}
        return {client: fold(facts, self.ladder) for client, facts in stored.items()}

    async def _keep(
        self, session: AsyncSession, kept: Sequence[Checkpoint], pathways: Mapping[str, Pathway | None]
    ) -> None:
        changed = [
            (pathway, self._snapshot(one, pathway))
            for one in kept
            if (pathway := pathways[one.client]) is not None and pathway != one.pathway
        ]
        if changed:
            await store.keep(session, changed)

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
                self.metrics.refolded.labels().inc(await self._refresh(session, {}, owners.keys()))
                await store.expect_announcement(session)
        return len(owners)

    async def tell(self, clients: Collection[str]) -> None:
        """Send the newest of each of `clients`, and again what grew while it was being sent."""
        said: dict[str, int] = {}
        while grown := await self._grown(clients, said):
            await self._send(grown)
            said |= {told.client: told.revision for told in grown}

    async def _grown(self, clients: Collection[str], said: Mapping[str, int]) -> list[Told]:
        async with self.database.transaction() as session:
            if said:
                now = await store.revisions(session, clients)
                clients = [client for client, revision in now.items() if revision > said.get(client, 0)]
            return await store.told(session, clients) if clients else []

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


async def _erase(session: AsyncSession, facts: Sequence[Fact]) -> frozenset[str]:
    days = {
        fact.client: fact.data.effective_on for fact in facts if fact.client and isinstance(fact.data, ClientErased)
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
    named = PathwaySnapshot(told.authority, told.client, told.revision, date.min, 0, "")
    headers = {
        "content-type": "application/json",
        "ce_id": str(snapshot_id(named)),
        "ce_authority": told.authority,
    }
    return Outgoing(PATHWAYS.name, told.client, told.snapshot, headers)
