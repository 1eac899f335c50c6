"""Tables of this room and their queries. Column-wise statements, one for each kind of work; nothing here commits.

A client has one row in `pathway`, also after erasure, when nothing is left of it but the reference. Its lock is the
lock of everything about the client.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import msgspec
from sqlalchemy import BigInteger, text
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.snapshots import PathwaySnapshot, pathway_body, pathway_from
from services.indicators.domain.pathway import UNKNOWN, Pathway
from services.runtime.facts import FactRow, FactStore, RetractionRow

SCHEMA: Final = "indicators"

# One read of a stream over all clients holds this many. Larger: fewer round trips and more memory at once.
_PAGE: Final = 500


class FactRecord(FactRow, table=True):
    """The facts that this room has taken in."""

    __tablename__ = "fact"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012 - SQLAlchemy's own form


class RetractionRecord(RetractionRow, table=True):
    """What was taken back."""

    __tablename__ = "retraction"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012 - SQLAlchemy's own form


class PathwayRecord(SQLModel, table=True):
    """A client's checkpoint and the snapshot last told; `rules` is the hash of the ladder that both follow.

    Revision 0: nothing was ever told. After erasure only reference, authority, revision and date are left.
    """

    __tablename__ = "pathway"
    __table_args__ = {"schema": SCHEMA}

    client: str = Field(primary_key=True)
    authority: str
    revision: int = Field(default=0, sa_type=BigInteger)
    rules: str = ""
    state: bytes | None = None
    snapshot: bytes | None = None
    erased_on: date | None = None


FACTS: Final = FactStore(FactRecord, RetractionRecord)
"""The facts about clients, each once."""

_STATE_WRITER: Final = msgspec.json.Encoder()
_STATE_READER: Final = msgspec.json.Decoder(Pathway)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is kept of one client."""

    client: str
    authority: str
    revision: int
    pathway: Pathway | None


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said of one client; `snapshot` None: a tombstone."""

    client: str
    authority: str
    revision: int
    snapshot: bytes | None


async def lock(session: AsyncSession, owners: Mapping[str, str]) -> frozenset[str]:
    """Lock the clients of `owners` (client to authority) in one order, making rows for new ones; return the erased."""
    clients = sorted(owners)
    columns = {"clients": clients, "authorities": [owners[client] for client in clients]}
    await session.execute(_ENSURE, columns)
    rows = await session.execute(_LOCK, {"clients": clients})
    return frozenset(row.client for row in rows if row.erased_on is not None)


async def checkpoints(session: AsyncSession, clients: Collection[str], rules: str) -> list[Checkpoint]:
    """Return what is kept of `clients`, whose locks the caller holds.

    `pathway` is None where it follows other rules than those of hash `rules`: its form may be another one too.
    """
    rows = await session.execute(_CHECKPOINTS, {"clients": list(clients)})
    return [
        Checkpoint(row.client, row.authority, row.revision, _pathway(row.state) if row.rules in {"", rules} else None)
        for row in rows
    ]


def _pathway(state: bytes | None) -> Pathway:
    return UNKNOWN if state is None else _STATE_READER.decode(state)


async def keep(session: AsyncSession, kept: Sequence[tuple[Pathway, PathwaySnapshot]]) -> list[Told]:
    """Write states and the snapshots made of them; return what is to be said once this is committed."""
    snapshots = [snapshot for _, snapshot in kept]
    bodies = [pathway_body(snapshot) for snapshot in snapshots]
    columns = {
        "clients": [snapshot.client for snapshot in snapshots],
        "revisions": [snapshot.revision for snapshot in snapshots],
        "rules": [snapshot.rules for snapshot in snapshots],
        "states": [_STATE_WRITER.encode(pathway) for pathway, _ in kept],
        "snapshots": bodies,
    }
    await session.execute(_KEEP, columns)
    return [
        Told(snapshot.client, snapshot.authority, snapshot.revision, body)
        for snapshot, body in zip(snapshots, bodies, strict=True)
    ]


async def erase(session: AsyncSession, erased: Mapping[str, date]) -> None:
    """Delete everything about the clients of `erased` but the reference, and raise their revision."""
    await FACTS.forget(session, erased)
    await session.execute(_FORGET_DEAD_LETTERS, {"clients": list(erased)})
    await session.execute(_ERASE, {"clients": list(erased), "days": list(erased.values())})


async def revisions(session: AsyncSession, clients: Collection[str]) -> dict[str, int]:
    """Return the present revision of each of `clients` of whom something was told."""
    rows = await session.execute(_REVISIONS, {"clients": list(clients)})
    return {row.client: row.revision for row in rows}


async def told(session: AsyncSession, clients: Collection[str]) -> list[Told]:
    """Return the newest that is to be said of each of `clients`."""
    rows = await session.execute(_TOLD, {"clients": list(clients)})
    return [Told(row.client, row.authority, row.revision, row.snapshot) for row in rows]


async def told_after(session: AsyncSession, client: str) -> list[Told]:
    """Return the next page of what is to be said of all clients, in order of reference after `client`."""
    rows = await session.execute(_TOLD_AFTER, {"client": client, "page": _PAGE})
    return [Told(row.client, row.authority, row.revision, row.snapshot) for row in rows]


async def folded_otherwise(session: AsyncSession, rules: str) -> dict[str, str]:
    """Return a page of clients (with authority) whose pathway follows another ladder than that of hash `rules`."""
    rows = await session.execute(_FOLDED_OTHERWISE, {"rules": rules, "page": _PAGE})
    return {row.client: row.authority for row in rows}


async def expect_announcement(session: AsyncSession) -> None:
    """Make the next start of this service announce all it holds, as on a log that is new to it."""
    await session.execute(_FORGET_LOG)


async def snapshots_after(session: AsyncSession, authority: str, client: str) -> list[PathwaySnapshot]:
    """Return the next page of snapshots of clients of `authority`, in order of reference after `client`."""
    rows = await session.execute(_SNAPSHOTS_AFTER, {"authority": authority, "client": client, "page": _PAGE})
    return [pathway_from(row.snapshot) for row in rows]


async def snapshot_of(session: AsyncSession, authority: str, client: str) -> bytes | None:
    """Return the snapshot of one client of `authority`; None where there is no such client."""
    found: bytes | None = (await session.execute(_SNAPSHOT_OF, {"authority": authority, "client": client})).scalar()
    return found


async def note_opening(session: AsyncSession, opened_at: datetime, who: Mapping[str, str], client: str) -> None:
    """Write to the audit log that somebody (authority, role, name) looked at a client."""
    await session.execute(_OPENED, {**who, "opened_at": opened_at, "client": client})


_ENSURE: Final = text("""
    INSERT INTO indicators.pathway (client, authority, revision, rules)
    SELECT client, authority, 0, '' FROM unnest(CAST(:clients AS text[]), CAST(:authorities AS text[]))
           WITH ORDINALITY AS n(client, authority, place) ORDER BY place
    ON CONFLICT DO NOTHING
""")
_LOCK: Final = text("""
    SELECT client, erased_on FROM indicators.pathway WHERE client = ANY(:clients) ORDER BY client FOR NO KEY UPDATE
""")
_CHECKPOINTS: Final = text("""
    SELECT client, authority, revision, rules, state FROM indicators.pathway WHERE client = ANY(:clients)
""")
_KEEP: Final = text("""
    UPDATE indicators.pathway p SET revision = n.revision, rules = n.rules, state = n.state, snapshot = n.snapshot
    FROM unnest(CAST(:clients AS text[]), CAST(:revisions AS bigint[]), CAST(:rules AS text[]),
                CAST(:states AS bytea[]), CAST(:snapshots AS bytea[])) AS n(client, revision, rules, state, snapshot)
    WHERE p.client = n.client
""")
_ERASE: Final = text("""
    UPDATE indicators.pathway p
    SET revision = p.revision + 1, rules = '', state = NULL, snapshot = NULL, erased_on = n.day
    FROM unnest(CAST(:clients AS text[]), CAST(:days AS date[])) AS n(client, day)
    WHERE p.client = n.client AND p.erased_on IS NULL
""")
_REVISIONS: Final = text("""
    SELECT client, revision FROM indicators.pathway WHERE client = ANY(:clients) AND revision > 0
""")
_TOLD: Final = text("""
    SELECT client, authority, revision, snapshot FROM indicators.pathway WHERE client = ANY(:clients) AND revision > 0
""")
_TOLD_AFTER: Final = text("""
    SELECT client, authority, revision, snapshot FROM indicators.pathway
    WHERE client > :client AND revision > 0 ORDER BY client LIMIT :page
""")
_FOLDED_OTHERWISE: Final = text("""
    SELECT client, authority FROM indicators.pathway
    WHERE rules <> :rules AND revision > 0 AND erased_on IS NULL ORDER BY client LIMIT :page
""")
_FORGET_DEAD_LETTERS: Final = text("DELETE FROM indicators.dead_letter WHERE client = ANY(:clients)")
_FORGET_LOG: Final = text("DELETE FROM indicators.log_state")
_SNAPSHOTS_AFTER: Final = text("""
    SELECT snapshot FROM indicators.pathway
    WHERE authority = :authority AND client > :client AND snapshot IS NOT NULL ORDER BY client LIMIT :page
""")
_SNAPSHOT_OF: Final = text("""
    SELECT snapshot FROM indicators.pathway WHERE authority = :authority AND client = :client
""")
_OPENED: Final = text("""
    INSERT INTO indicators.opened_client (opened_at, authority, role, name, client)
    VALUES (:opened_at, :authority, :role, :name, :client)
""")
