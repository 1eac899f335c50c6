"""The facts a service has taken in: stored once each, retracted for good, read back by client.

A room declares its two tables from the mix-ins, with its own schema, and hands them to `FactStore`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, DateTime, Row, text
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import CLIENT_SUBJECT, Fact, body_of
from contracts.facts import PAYLOADS, EventRetracted


class FactRow(SQLModel):
    """Columns of a stored fact; `body` is its payload's JSON as it stood on the topic."""

    authority: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    client: str = Field(index=True)
    type: str
    time: datetime = Field(sa_type=DateTime(timezone=True))
    recorded: datetime = Field(sa_type=DateTime(timezone=True))
    seq: int = Field(sa_type=BigInteger)
    body: bytes


class RetractionRow(SQLModel):
    """What was taken back: `(authority, source, id)` never counts, whether or not it has come."""

    authority: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    client: str = Field(index=True)


@dataclass(frozen=True, slots=True)
class Added:
    """What a batch did to the set of facts: `new` ones that count, by client, and clients who lost some."""

    new: dict[str, list[Fact]] = field(default_factory=dict)
    disturbed: frozenset[str] = frozenset()


class FactStore:
    """Queries on a room's tables of facts. Callers hold the locks of the clients they name."""

    def __init__(self, facts: type[FactRow], retractions: type[RetractionRow]) -> None:
        names = {"facts": _qualified(facts), "retractions": _qualified(retractions)}
        self._add_retractions = text(_ADD_RETRACTIONS.format(**names))
        self._remove_retracted = text(_REMOVE_RETRACTED.format(**names))
        self._add_facts = text(_ADD_FACTS.format(**names))
        self._of = text(_OF.format(**names))
        self._forget = [text(f"DELETE FROM {name} WHERE client = ANY(:clients)") for name in names.values()]  # noqa: S608 - our names

    async def add(self, session: AsyncSession, facts: Sequence[Fact]) -> Added:
        """Put facts about clients into the set; those known already or retracted change nothing."""
        retractions = [fact for fact in facts if fact.type == EventRetracted.type]
        disturbed = await self._retract(session, retractions) if retractions else frozenset()
        statements = [fact for fact in facts if fact.type != EventRetracted.type]
        return Added(await self._insert(session, statements) if statements else {}, disturbed)

    async def _retract(self, session: AsyncSession, retractions: Sequence[Fact]) -> frozenset[str]:
        targets = {
            "authorities": [fact.authority for fact in retractions],
            "sources": [fact.source for fact in retractions],
            "ids": [fact.data.id for fact in retractions if isinstance(fact.data, EventRetracted)],
            "clients": [fact.client or "" for fact in retractions],
        }
        await session.execute(self._add_retractions, targets)
        removed = await session.execute(self._remove_retracted, {k: v for k, v in targets.items() if k != "clients"})
        return frozenset(removed.scalars())

    async def _insert(self, session: AsyncSession, facts: Sequence[Fact]) -> dict[str, list[Fact]]:
        clients = [fact.client or "" for fact in facts]
        columns = {
            "authorities": [fact.authority for fact in facts],
            "sources": [fact.source for fact in facts],
            "ids": [fact.id for fact in facts],
            "clients": clients,
            "types": [fact.type for fact in facts],
            "times": [fact.time for fact in facts],
            "recordeds": [fact.recorded for fact in facts],
            "seqs": [fact.seq for fact in facts],
            "bodies": [fact.body or body_of(fact.data) for fact in facts],
        }
        inserted = set((await session.execute(self._add_facts, columns)).scalar() or ())
        new: dict[str, list[Fact]] = defaultdict(list)
        for fact, client in zip(facts, clients, strict=True):
            if fact.seq in inserted:
                inserted.discard(fact.seq)  # the same fact may stand twice in one batch
                new[client].append(fact)
        return dict(new)

    async def of(self, session: AsyncSession, clients: Collection[str]) -> dict[str, list[Fact]]:
        """Return the facts that count about each of `clients`, in no order."""
        rows = await session.execute(self._of, {"clients": list(clients)})
        found: dict[str, list[Fact]] = {client: [] for client in clients}
        for row in rows:
            found[row.client].append(_fact(row))
        return found

    async def forget(self, session: AsyncSession, clients: Iterable[str]) -> None:
        """Delete everything stored about `clients`."""
        for statement in self._forget:
            await session.execute(statement, {"clients": list(clients)})


def _qualified(model: type[SQLModel]) -> str:
    return str(getattr(model, "__table__"))  # noqa: B009 - SQLModel does not declare it


def _fact(row: Row[tuple[object, ...]]) -> Fact:
    return Fact(
        source=row.source,
        id=row.id,
        type=row.type,
        subject=f"{CLIENT_SUBJECT}{row.client}",
        time=row.time,
        authority=row.authority,
        recorded=row.recorded,
        seq=row.seq,
        data=PAYLOADS[row.type].model_validate_json(row.body),
    )


_ADD_RETRACTIONS: Final = """
    INSERT INTO {retractions} (authority, source, id, client)
    SELECT * FROM unnest(CAST(:authorities AS text[]), CAST(:sources AS text[]), CAST(:ids AS text[]),
                         CAST(:clients AS text[]))
    ON CONFLICT DO NOTHING
"""

_REMOVE_RETRACTED: Final = """
    DELETE FROM {facts} f
    USING unnest(CAST(:authorities AS text[]), CAST(:sources AS text[]), CAST(:ids AS text[]))
          AS r(authority, source, id)
    WHERE (f.authority, f.source, f.id) = (r.authority, r.source, r.id)
    RETURNING f.client
"""

# One row with all numbers: a row for each fact would take longer to read than the facts to write.
_ADD_FACTS: Final = """
    WITH added AS (
    INSERT INTO {facts} (authority, source, id, client, type, time, recorded, seq, body)
    SELECT n.* FROM unnest(CAST(:authorities AS text[]), CAST(:sources AS text[]), CAST(:ids AS text[]),
                           CAST(:clients AS text[]), CAST(:types AS text[]), CAST(:times AS timestamptz[]),
                           CAST(:recordeds AS timestamptz[]), CAST(:seqs AS bigint[]), CAST(:bodies AS bytea[]))
                AS n(authority, source, id, client, type, time, recorded, seq, body)
    WHERE NOT EXISTS (SELECT FROM {retractions} r
                      WHERE (r.authority, r.source, r.id) = (n.authority, n.source, n.id))
    ON CONFLICT DO NOTHING
    RETURNING seq
    )
    SELECT array_agg(seq) FROM added
"""

_OF: Final = "SELECT * FROM {facts} WHERE client = ANY(:clients)"
