"""One transaction at the door: what is known, who is meant, what is retracted or erased, and what the journal takes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import CLIENT_SUBJECT
from contracts.facts import ClientErased
from services.ingest.domain.door import Accepted
from services.ingest.domain.issues import Stated, issued_for, moved, number_of, taken_back, undone
from services.ingest.domain.refusals import Reason, Refused
from services.ingest.domain.scopes import Scope
from services.ingest.store import journal
from services.ingest.store.journal import Key, Line
from services.ingest.store.vault import Asked, TwoReferencesError, Vault
from services.runtime.clock import Clock

ASKELMA: Final = "askelma"
"""The sender of what Askelma issues itself; no registered sender may have this name."""


class AloneError(Exception):
    """The batch holds an erasure or joins two references; it must be journaled while nobody else journals."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that the door accepted, its place in the request, what identifies it, and the hash of what it says."""

    index: int
    key: Key
    event: Accepted
    content: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """The journal has the event: `new` now, or since earlier."""

    new: bool


Outcome = Taken | Refused
Outcomes = dict[int, Outcome]


class Placed(NamedTuple):
    """An entry and whom it is about inside."""

    entry: Entry
    subject: str


_REUSED: Final = Refused(
    Reason.ID_REUSE,
    "was used for another event of this source, which stays; give a correction an id of its own",
    "id",
)
_OTHER_SUBJECT: Final = Refused(Reason.WRONG_RETRACTION, "must be the subject of the fact that is retracted", "subject")
_OTHER_TYPE: Final = Refused(Reason.WRONG_RETRACTION, "is not the type of the fact that is retracted", "data.type")
_OTHER_GENERATION: Final = Refused(
    Reason.WRONG_GENERATION, "is not the generation of the client known now", "data.generation"
)


class Journaling:
    """Journals the events of one sender within the caller's transaction."""

    def __init__(self, vault: Vault, clock: Clock, scope: Scope) -> None:
        self._vault = vault
        self._clock = clock
        self._scope = scope

    async def beside_others(self, session: AsyncSession, entries: Sequence[Entry]) -> Outcomes:
        """Journal events and return the outcome of each by its index. Raises AloneError, RacedError."""
        if any(entry.event.erases is not None for entry in entries):
            raise AloneError
        await journal.enter(session)
        try:
            return await self._run(session, entries)
        except TwoReferencesError:
            raise AloneError from None

    async def alone(self, session: AsyncSession, entries: Sequence[Entry]) -> Outcomes:
        """Do the same while nobody else journals; an erasure parts what comes before it from what comes after."""
        await journal.enter_alone(session)
        outcomes: Outcomes = {}
        for run in _parted(entries):
            outcomes |= await self._merging(session, run)
        return outcomes

    async def _merging(self, session: AsyncSession, entries: Sequence[Entry]) -> Outcomes:
        while True:
            try:
                return await self._run(session, entries)
            except TwoReferencesError as two:
                await self._merge(session, two.kept, two.given_up)

    async def _run(self, session: AsyncSession, entries: Sequence[Entry]) -> Outcomes:
        known = await journal.known(session, self._scope.authority, list({entry.key for entry in entries}))
        outcomes: Outcomes = {e.index: _compared(e, known[e.key]) for e in entries if e.key in known}
        fresh, refused = await self._placed(session, [entry for entry in entries if entry.key not in known])
        outcomes |= refused
        issues = await self._issues(session, fresh)
        outcomes |= _wrong_retractions(fresh, issues)
        outcomes |= await self._wrong_generations(session, fresh)
        fresh = [placed for placed in fresh if placed.entry.index not in outcomes]
        return outcomes | await self._journaled(session, fresh, issues)

    async def _placed(self, session: AsyncSession, entries: Sequence[Entry]) -> tuple[list[Placed], Outcomes]:
        clients = [entry for entry in entries if entry.event.subject.is_client]
        others = [entry for entry in entries if not entry.event.subject.is_client]
        asked = [_asked(entry.event) for entry in clients]
        found = await self._vault.references(session, self._scope.authority, asked) if asked else []
        both = list(zip(clients, found, strict=True))
        placed = [Placed(e, CLIENT_SUBJECT + reference) for e, reference in both if isinstance(reference, str)]
        refused: Outcomes = {entry.index: said for entry, said in both if isinstance(said, Refused)}
        placed += [Placed(entry, str(entry.event.subject)) for entry in others]
        return sorted(placed, key=lambda one: one.entry.index), refused

    async def _issues(self, session: AsyncSession, fresh: Sequence[Placed]) -> Sequence[Stated]:
        targets = [Key(p.entry.event.source, p.entry.event.retracts.id) for p in fresh if p.entry.event.retracts]
        return await journal.issues(session, self._scope.authority, targets) if targets else ()

    async def _wrong_generations(self, session: AsyncSession, fresh: Sequence[Placed]) -> Outcomes:
        wrong: Outcomes = {}
        for entry, subject in fresh:
            if entry.event.erases is None:
                continue
            if entry.event.erases != await self._vault.generation(session, _reference(subject)):
                wrong[entry.index] = _OTHER_GENERATION
        return wrong

    async def _journaled(self, session: AsyncSession, fresh: Sequence[Placed], issues: Sequence[Stated]) -> Outcomes:
        if not fresh:
            return {}
        now = self._clock.now()
        first = {placed.entry.key: placed for placed in reversed(fresh)}
        lines = [Line(_stated(placed), placed.entry.content) for placed in first.values()]
        added = await journal.append(session, self._scope.authority, self._scope.sender, now, lines)
        content = {key: placed.entry.content for key, placed in first.items()}
        content |= await self._of_others(session, first.keys() - added)
        await self._effects(session, [first[key] for key in added], issues, now)
        return {
            placed.entry.index: Taken(new=True)
            if placed.entry.key in added and first[placed.entry.key] is placed
            else _compared(placed.entry, content[placed.entry.key])
            for placed in fresh
        }

    async def _of_others(self, session: AsyncSession, lost: Iterable[Key]) -> Mapping[Key, bytes]:
        keys = list(lost)
        return await journal.known(session, self._scope.authority, keys) if keys else {}

    async def _effects(
        self, session: AsyncSession, new: Sequence[Placed], issues: Sequence[Stated], now: datetime
    ) -> None:
        names = {_reference(subject): e.event.display_name for e, subject in new if e.event.display_name is not None}
        if names:
            await self._vault.set_names(session, names)
        further = [undo for placed in new for undo in _further(placed, issues)]
        if further:
            await journal.append(session, self._scope.authority, ASKELMA, now, [Line(fact) for fact in further])
        for entry, subject in new:
            if entry.event.erases is not None:
                await self._erase(session, Placed(entry, subject), now)

    async def _erase(self, session: AsyncSession, erasure: Placed, now: datetime) -> None:
        reference = _reference(erasure.subject)
        given_up = [CLIENT_SUBJECT + one for one in await self._vault.given_up(session, reference)]
        if given_up:
            issues = [Line(fact) for fact in issued_for(_stated(erasure), given_up)]
            await journal.append(session, self._scope.authority, ASKELMA, now, issues)
        await self._vault.erase(session, reference, erasure.entry.event.day)
        for subject in (erasure.subject, *given_up):
            await journal.erase(session, subject, ClientErased.type)

    async def _merge(self, session: AsyncSession, kept: str, given_up: str) -> None:
        authority, now = self._scope.authority, self._clock.now()
        theirs = await journal.of_client(session, authority, CLIENT_SUBJECT + given_up)
        of_kept = await journal.of_client(session, authority, CLIENT_SUBJECT + kept)
        keys = list({Key(fact.source, fact.base) for fact in theirs})
        issued: dict[tuple[str, str], int] = {}
        for fact in await journal.issues(session, authority, keys) if keys else ():
            issued[fact.source, fact.base] = max(issued.get((fact.source, fact.base), 0), number_of(fact))
        gone = taken_back([*theirs, *of_kept])
        moves = moved(theirs, gone, issued, CLIENT_SUBJECT + kept, now)
        if moves:
            await journal.append(session, authority, ASKELMA, now, [Line(fact) for fact in moves])
        await self._vault.merge(session, kept, given_up)


def _parted(entries: Sequence[Entry]) -> list[list[Entry]]:
    runs: list[list[Entry]] = [[]]
    for entry in entries:
        if entry.event.erases is None:
            runs[-1].append(entry)
        else:
            runs += [[entry], []]
    return [run for run in runs if run]


def _compared(entry: Entry, content: bytes) -> Outcome:
    return Taken(new=False) if entry.content == content else _REUSED


def _asked(event: Accepted) -> Asked:
    return Asked(event.source, event.subject, event.identity_code, event.day, issue=event.erases is None)


def _reference(subject: str) -> str:
    return subject.removeprefix(CLIENT_SUBJECT)


def _stated(placed: Placed) -> Stated:
    event = placed.entry.event
    return Stated(event.source, event.id, event.id, event.type, placed.subject, event.time, event.body)


def _wrong_retractions(fresh: Sequence[Placed], issues: Sequence[Stated]) -> Outcomes:
    retractions = [placed for placed in fresh if placed.entry.event.retracts is not None]
    if not retractions:
        return {}
    known: dict[Key, list[Stated]] = defaultdict(list)
    for fact in (*issues, *[_stated(placed) for placed in fresh if placed.entry.event.retracts is None]):
        known[Key(fact.source, fact.base)].append(fact)
    wrong = {placed.entry.index: _wrong(placed, known) for placed in retractions}
    return {index: refused for index, refused in wrong.items() if refused is not None}


def _wrong(retraction: Placed, known: Mapping[Key, Sequence[Stated]]) -> Refused | None:
    event = retraction.entry.event
    targets = known.get(Key(event.source, event.retracts.id), ()) if event.retracts else ()
    if not targets or event.retracts is None:
        return None  # it has not come yet; it may still
    if retraction.subject not in {fact.subject for fact in targets}:
        return _OTHER_SUBJECT
    types = {fact.type for fact in targets if fact.id == fact.base}
    return None if event.retracts.type in types else _OTHER_TYPE


def _further(placed: Placed, issues: Sequence[Stated]) -> list[Stated]:
    event = placed.entry.event
    if event.retracts is None:
        return []
    mine = [fact for fact in issues if (fact.source, fact.base) == (event.source, event.retracts.id)]
    return undone(_stated(placed), mine)
