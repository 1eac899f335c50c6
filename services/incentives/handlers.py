"""Benefit facts and pathways in, costs and exposures out.

A client's costs are reckoned anew from all its payments whenever one of them, a counter or its pathway changed: they
are a function of that set, and the engine does thousands of clients in one go. Only months that may differ are written.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Final, Protocol

import msgspec
import numpy as np
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import Fact, UnreadableFactError
from contracts.facts import BenefitCounterSet, BenefitPaid, ClientErased, EventRetracted
from contracts.snapshots import EXPOSURE, ExposureSnapshot, snapshot_id
from contracts.topics import EXPOSURES
from services.incentives import store
from services.incentives.domain.costs import months_of
from services.incentives.domain.exposures import Exposure
from services.incentives.domain.money import Ints
from services.incentives.domain.pathways import PathwayPart, first_difference, handovers, home_changes, step_changes
from services.incentives.domain.payments import column
from services.incentives.domain.reckoning import Ledger, reckon
from services.incentives.metrics import IncentiveMetrics
from services.incentives.rule_files import RuleBook
from services.incentives.store import EVER, Course, Known, Statement, Touched
from services.runtime.database import Database
from services.runtime.publisher import Outgoing
from services.runtime.records import Record, Tombstone, decode_fact, tombstone_of

# Clients reckoned or told of in one go. Larger: fewer statements, but the event loop, and with it heartbeats and pages,
# waits longer for the engine (some tens of milliseconds for this many).
_PAGE: Final = 1_000

_OF_BENEFITS: Final = frozenset({BenefitPaid.type, BenefitCounterSet.type, EventRetracted.type, ClientErased.type})
_PART: Final = msgspec.json.Decoder(PathwayPart)
_HEAD: Final = {"authority", "client", "revision", "pathway_revision"}
"""What of a snapshot's JSON stands before what is kept: who, and which revision."""
_NEVER: Final = date.max.toordinal()


def decode_benefit_fact(record: Record) -> Fact | None:
    """Read a record of the facts topic; None for what does not concern this room, unread."""
    kind = record.headers.get("ce_type", "")
    return decode_fact(record) if kind in _OF_BENEFITS or not kind else None


def decode_pathway_part(record: Record) -> PathwayPart | Tombstone:
    """Read what costs depend on from a record of the pathways topic; raises UnreadableFactError."""
    if record.body is None:
        return tombstone_of(record)
    try:
        return _PART.decode(record.body)
    except msgspec.MsgspecError as error:
        raise UnreadableFactError(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Since:
    """From which day on a client's costs may differ: of posting, and of paid days whose step changed. Ordinals."""

    posted: int = _NEVER
    step: int = _NEVER

    def earlier(self, other: "_Since") -> "_Since":
        return _Since(min(self.posted, other.posted), min(self.step, other.step))


_ALL: Final = _Since(EVER, EVER)


class Sends(Protocol):
    """What tells others, such as runtime's Publisher."""

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Return when the broker has confirmed all; raise PublishError otherwise."""
        ...


@dataclass(frozen=True)
class Costs:
    """Keeps costs and exposures of all clients, and tells the exposures."""

    database: Database
    publisher: Sends
    rules: RuleBook
    metrics: IncentiveMetrics

    async def take_in_facts(self, facts: Sequence[Fact | None]) -> None:
        """Commit what benefit facts change, in any order and however often they come, and tell whom they concern."""
        about = [fact for fact in facts if fact is not None and fact.client is not None]
        if not about:
            return
        with self.metrics.seconds.labels().time():
            clients = await self._commit_facts(about)
        await self.tell(clients, anyhow=clients)

    async def _commit_facts(self, facts: Sequence[Fact]) -> frozenset[str]:
        owners = {fact.client: fact.authority for fact in facts if fact.client}
        async with self.database.transaction() as session:
            known = await store.lock(session, owners)
            erased = {client for client, one in known.items() if one.is_erased} | await _erase(session, facts)
            living = [fact for fact in facts if fact.client not in erased]
            since = _since(await self._put(session, living))
            # A retraction's subject is that of its target; should one differ, the target's client is the one concerned.
            strangers = dict.fromkeys(since.keys() - known.keys(), "")
            known |= await store.lock(session, strangers) if strangers else {}
            await self._reckon(session, known, since)
        dropped = sum(fact.client in erased and not isinstance(fact.data, ClientErased) for fact in facts)
        self.metrics.dropped.labels().inc(dropped)
        return frozenset(known)

    async def _put(self, session: AsyncSession, facts: Sequence[Fact]) -> Touched:
        removed = await store.retract(session, [fact for fact in facts if isinstance(fact.data, EventRetracted)])
        added = await store.add_payments(session, facts) + await store.add_counter_sets(session, facts)
        stated = sum(isinstance(fact.data, BenefitPaid | BenefitCounterSet) for fact in facts)
        self.metrics.taken_in.labels().inc(len(added))
        self.metrics.known.labels().inc(stated - len(added))
        return removed + added

    async def take_in_pathways(self, pathways: Sequence[PathwayPart | Tombstone]) -> None:
        """Keep the newest pathway of each client, reckon anew where steps or homes changed, tell what is untold."""
        newest = _newest(pathways)
        with self.metrics.seconds.labels().time():
            clients, again = await self._commit_pathways(newest)
        await self.tell(clients, anyhow=again)

    async def _commit_pathways(
        self, newest: Mapping[str, PathwayPart | Tombstone]
    ) -> tuple[frozenset[str], frozenset[str]]:
        owners = {client: one.authority for client, one in newest.items() if isinstance(one, PathwayPart)}
        async with self.database.transaction() as session:
            known = await store.lock(session, dict.fromkeys(newest, "") | owners)
            current = {client: one for client, one in known.items() if not one.is_erased}
            courses = [course for client, one in current.items() if (course := _course(one, newest[client]))]
            if courses:
                await store.keep_courses(session, courses)
            await self._reckon(session, _followed(current, courses), _changed(current, courses))
        again = {client for client, one in current.items() if _is_repeated(one, newest[client])}
        return frozenset(client for client, one in known.items() if one.is_told), frozenset(again)

    async def _reckon(self, session: AsyncSession, known: Mapping[str, Known], since: Mapping[str, _Since]) -> None:
        for page in _pages(sorted(since)):
            clients = [known[client] for client in page]
            await self._reckon_page(session, clients, [since[client] for client in page])
            self.metrics.reckoned.labels().inc(len(clients))

    async def _reckon_page(self, session: AsyncSession, clients: Sequence[Known], since: Sequence[_Since]) -> None:
        ledger = await store.ledger(session, clients)
        found = reckon(ledger, self.rules.schemes, self.rules.parameters)
        await store.keep_costs(session, clients, found.lines, self.rules.schemes, _first_months(ledger, since))
        contents = [self._content(one, exposure) for one, exposure in zip(clients, found.exposures, strict=True)]
        await store.keep_exposures(session, clients, contents, self.rules.hash)

    def _content(self, known: Known, exposure: Exposure) -> bytes:
        snapshot = ExposureSnapshot(
            known.authority, known.client, 0, 0, self.rules.hash, exposure.old_law_days, exposure.law_2025_days,
            exposure.last_counter_set_on, exposure.last_posted_on, exposure.schemes,
        )  # fmt: skip
        return EXPOSURE.dump_json(snapshot, exclude=_HEAD)

    async def reckon_all(self) -> None:
        """Reckon anew every client whose exposure follows other rule files than these."""
        while await self._reckon_some():
            pass

    async def _reckon_some(self) -> int:
        async with self.database.transaction() as session:
            owners = await store.under_other_rules(session, self.rules.hash, _PAGE)
            if owners:
                known = await store.lock(session, owners)
                await self._reckon(session, known, dict.fromkeys(known, _ALL))
        return len(owners)

    async def tell(self, clients: Collection[str], anyhow: Collection[str] = ()) -> None:
        """Send what is untold of `clients` and the newest of all `anyhow`, and again what grew meanwhile."""
        for page in _pages(sorted(clients)):
            async with self.database.transaction() as session:
                said = await store.to_tell(session, page, [client for client in page if client in anyhow])
            while said:
                said = await self._say(said)

    async def _say(self, statements: Sequence[Statement]) -> list[Statement]:
        await self.publisher.send([outgoing(one) for one in statements])
        self.metrics.announced.labels().inc(len(statements))
        async with self.database.transaction() as session:
            await store.confirm(session, statements)
            return await store.grown(session, statements)

    async def announce(self) -> None:
        """Send what is to be said of every client, tombstones too, at unchanged revisions."""
        await self._say_pages(untold=False)

    async def tell_untold(self) -> None:
        """Send what an earlier process committed and did not live to send."""
        await self._say_pages(untold=True)

    async def _say_pages(self, *, untold: bool) -> None:
        last = ""
        while page := await self._page_after(last, untold=untold):
            last, said = page[-1].client, page
            while said:
                said = await self._say(said)

    async def _page_after(self, last: str, *, untold: bool) -> list[Statement]:
        async with self.database.transaction() as session:
            return await store.page_after(session, last, _PAGE, untold=untold)


async def _erase(session: AsyncSession, facts: Sequence[Fact]) -> frozenset[str]:
    days = {
        fact.client: fact.data.effective_on for fact in facts if fact.client and isinstance(fact.data, ClientErased)
    }
    if days:
        await store.erase(session, days)
    return frozenset(days)


def _since(touched: Touched) -> dict[str, _Since]:
    since: dict[str, _Since] = {}
    for client, day in touched:
        since[client] = _Since(posted=day.toordinal()).earlier(since.get(client, _Since()))
    return since


def _newest(pathways: Sequence[PathwayPart | Tombstone]) -> dict[str, PathwayPart | Tombstone]:
    newest: dict[str, PathwayPart | Tombstone] = {}
    for one in pathways:
        kept = newest.get(one.client)
        if isinstance(one, Tombstone) or not isinstance(kept, PathwayPart) or kept.revision < one.revision:
            newest[one.client] = one
    return newest


def _course(known: Known, pathway: PathwayPart | Tombstone) -> Course | None:
    """Return what is to be kept of a pathway; None: what is kept says the same, or is newer.

    A newer revision that says the same is not kept: whatever comes again from between says the same too.
    """
    if isinstance(pathway, Tombstone):
        return Course(known.client, None) if known.pathway_revision is not None else None
    if known.pathway_revision is not None and pathway.revision <= known.pathway_revision:
        return None
    course = Course(known.client, pathway.revision, step_changes(pathway), home_changes(pathway), handovers(pathway))
    is_same = (course.steps, course.homes, course.coordinators) == (known.steps, known.homes, known.coordinators)
    return None if is_same else course


def _is_repeated(known: Known, pathway: PathwayPart | Tombstone) -> bool:
    """Tell whether a record came again whose consequences may have been committed and never sent."""
    return known.is_told and isinstance(pathway, PathwayPart) and pathway.revision == known.pathway_revision


def _followed(known: Mapping[str, Known], courses: Sequence[Course]) -> dict[str, Known]:
    return {
        course.client: replace(
            known[course.client],
            pathway_revision=course.revision,
            steps=course.steps,
            homes=course.homes,
            coordinators=course.coordinators,
        )
        for course in courses
    }


def _changed(known: Mapping[str, Known], courses: Sequence[Course]) -> dict[str, _Since]:
    """Return those clients with payments or counters whose costs a new pathway may change."""
    changed = {}
    for course in courses:
        before = known[course.client]
        step, home = first_difference(before.steps, course.steps), first_difference(before.homes, course.homes)
        if before.is_told and (step is not None or home is not None):
            changed[course.client] = _Since(home or _NEVER, step or _NEVER)
    return changed


def _first_months(ledger: Ledger, since: Sequence[_Since]) -> Ints:
    """Return the first month of posting whose costs may differ, by client."""
    posted = column(one.posted for one in since)
    step = column(one.step for one in since)
    late = ledger.payments.period_end >= step[ledger.payments.client]
    np.minimum.at(posted, ledger.payments.client[late], ledger.payments.posted_on[late])
    return months_of(posted)


def _pages(clients: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(clients)
    while page := list(islice(rest, _PAGE)):
        yield page


def outgoing(one: Statement) -> Outgoing:
    """Return the record of the exposures topic that says `one`."""
    headers = {
        "content-type": "application/json",
        "ce_id": str(snapshot_id(ExposureSnapshot, one.client, one.revision)),
        "ce_authority": one.authority,
    }
    if one.content is None:
        return Outgoing(EXPOSURES.name, one.client, None, headers)
    named = ExposureSnapshot(one.authority, one.client, one.revision, one.pathway_revision, "", 0, 0, None, None, ())
    head = EXPOSURE.dump_json(named, include=_HEAD)
    return Outgoing(EXPOSURES.name, one.client, head[:-1] + b"," + one.content[1:], headers)
