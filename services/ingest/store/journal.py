"""The journal, and what of it still waits for the broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from contracts.envelope import headers_of
from contracts.topics import FACTS
from services.ingest.domain.issues import Stated
from services.runtime.publisher import Outgoing

CHANNEL: Final = "ingest_unpublished"
"""PostgreSQL's channel on which the relay is woken."""

_GATE: Final = 4_617_310
"""Advisory lock: shared by whoever journals, held alone by whoever must know that nobody does."""

_GATE_PATIENCE: Final = "5s"


class Key(NamedTuple):
    """What identifies a fact within an authority."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Line:
    """A fact to journal, with the keyed hash of what was said at the door (empty where Askelma itself issues it)."""

    fact: Stated
    content: bytes = b""

    @property
    def key(self) -> Key:
        """What identifies it."""
        return Key(self.fact.source, self.fact.id)


@dataclass(frozen=True, slots=True)
class Watermark:
    """The last journal number before an instant, and whether everything up to it is on the topic."""

    seq: int
    published: bool


_SHARE_GATE = text("SELECT pg_advisory_xact_lock_shared(:gate)")
_HOLD_GATE = text("SELECT pg_advisory_xact_lock(:gate)")
_BE_PATIENT = text("SELECT set_config('lock_timeout', :patience, true)")
_KNOWN = text("""
    SELECT j.source, j.id, j.content FROM ingest.journal AS j
    JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS u(source, id) USING (source, id)
    WHERE j.authority = :authority
""")
_APPEND = text("""
    WITH added AS (
        INSERT INTO ingest.journal
            (authority, source, id, type, subject, time, recorded, data, content, sender, issue_of)
        SELECT :authority, u.source, u.id, u.type, u.subject, u.time, :recorded, u.data, u.content, :sender, u.issue_of
        FROM unnest(
            CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:types AS text[]), CAST(:subjects AS text[]),
            CAST(:times AS timestamptz[]), CAST(:datas AS bytea[]), CAST(:contents AS bytea[]),
            CAST(:issues AS text[])
        ) AS u(source, id, type, subject, time, data, content, issue_of)
        ON CONFLICT (authority, source, id) DO NOTHING
        RETURNING seq, source, id
    ), queued AS (INSERT INTO ingest.unpublished (seq) SELECT seq FROM added)
    SELECT source, id FROM added
""")
_WAKE = text("SELECT pg_notify(:channel, '')")
_ISSUES = text("""
    SELECT source, id, COALESCE(issue_of, id) AS base, type, subject, time, data FROM ingest.journal
    JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS u(source, id) USING (source, id)
    WHERE authority = :authority
    UNION ALL
    SELECT j.source, j.id, j.issue_of, j.type, j.subject, j.time, j.data FROM ingest.journal AS j
    JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS u(source, id)
    ON j.source = u.source AND j.issue_of = u.id
    WHERE j.authority = :authority
""")
_OF_CLIENT = text("""
    SELECT source, id, COALESCE(issue_of, id) AS base, type, subject, time, data FROM ingest.journal
    WHERE authority = :authority AND subject = :subject ORDER BY seq
""")
_ERASE = text("""
    WITH gone AS (DELETE FROM ingest.journal WHERE subject = :subject AND type <> :but RETURNING seq)
    DELETE FROM ingest.unpublished WHERE seq IN (SELECT seq FROM gone)
""")
_TAKE = text("""
    WITH taken AS (
        DELETE FROM ingest.unpublished WHERE seq IN (
            SELECT seq FROM ingest.unpublished ORDER BY seq LIMIT :most FOR UPDATE SKIP LOCKED
        ) RETURNING seq
    )
    SELECT j.seq, j.authority, j.source, j.id, j.type, j.subject, j.time, j.recorded, j.data
    FROM ingest.journal AS j JOIN taken USING (seq) ORDER BY j.seq
""")
_WAITING = text("SELECT count(*) FROM ingest.unpublished")
_REPUBLISH = text("""
    WITH start AS (
        SELECT horizon FROM ingest.journal WHERE seq <= :first ORDER BY seq DESC LIMIT 1
    ), again AS (
        SELECT seq FROM ingest.journal
        WHERE seq BETWEEN :first AND :last AND (:authority = '*' OR authority = :authority)
        UNION
        SELECT seq FROM ingest.journal
        WHERE seq < :first AND xid >= (SELECT horizon FROM start) AND (:authority = '*' OR authority = :authority)
    ), queued AS (
        INSERT INTO ingest.unpublished (seq) SELECT seq FROM again ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM again
""")
_LAST_BEFORE = text("SELECT seq FROM ingest.journal WHERE recorded < :until ORDER BY seq DESC LIMIT 1")
_LAST = text("SELECT COALESCE(max(seq), 0) FROM ingest.journal")
_FIRST_WAITING = text("SELECT min(seq) FROM ingest.unpublished")
_CHECKPOINT = text("""
    INSERT INTO ingest.checkpoint (single, cluster, seq) VALUES (true, :cluster, :seq)
    ON CONFLICT (single) DO UPDATE SET cluster = :cluster, seq = :seq
""")
_LAST_CHECKPOINT = text("SELECT seq FROM ingest.checkpoint")

LAST_SEQ: Final = 2**63 - 1
"""The largest journal number there can be."""


async def enter(session: AsyncSession) -> None:
    """Begin to journal, beside others. Held to the end of the transaction."""
    await session.execute(_SHARE_GATE, {"gate": _GATE})


async def enter_alone(session: AsyncSession) -> None:
    """Wait until nobody journals and keep others out until the transaction ends; they wait, none fails."""
    await session.execute(_BE_PATIENT, {"patience": _GATE_PATIENCE})
    await session.execute(_HOLD_GATE, {"gate": _GATE})


async def known(session: AsyncSession, authority: str, keys: Sequence[Key]) -> Mapping[Key, bytes]:
    """Return the content hash of each fact that the journal has."""
    columns = {"sources": [key.source for key in keys], "ids": [key.id for key in keys]}
    rows = await session.execute(_KNOWN, {"authority": authority, **columns})
    return {Key(row.source, row.id): row.content for row in rows}


async def append(
    session: AsyncSession, authority: str, sender: str, recorded: datetime, lines: Sequence[Line]
) -> frozenset[Key]:
    """Journal facts and queue them for the broker; return those that were not there. Keys must not repeat."""
    # In the order of keys: two requests with the same facts wait for each other instead of blocking each other.
    ordered = sorted(lines, key=lambda line: line.key)
    facts = [line.fact for line in ordered]
    added = await session.execute(
        _APPEND,
        {
            "authority": authority,
            "sender": sender,
            "recorded": recorded,
            "sources": [fact.source for fact in facts],
            "ids": [fact.id for fact in facts],
            "types": [fact.type for fact in facts],
            "subjects": [fact.subject for fact in facts],
            "times": [fact.time for fact in facts],
            "datas": [fact.data for fact in facts],
            "contents": [line.content for line in ordered],
            "issues": [fact.base if fact.base != fact.id else None for fact in facts],
        },
    )
    await session.execute(_WAKE, {"channel": CHANNEL})
    return frozenset(Key(row.source, row.id) for row in added)


async def issues(session: AsyncSession, authority: str, keys: Sequence[Key]) -> Sequence[Stated]:
    """Return the journaled facts of these ids, and what Askelma issued in their stead."""
    columns = {"sources": [key.source for key in keys], "ids": [key.id for key in keys]}
    return [_stated(row) for row in await session.execute(_ISSUES, {"authority": authority, **columns})]


async def of_client(session: AsyncSession, authority: str, subject: str) -> Sequence[Stated]:
    """Return the facts of one client in the order of the journal."""
    return [_stated(row) for row in await session.execute(_OF_CLIENT, {"authority": authority, "subject": subject})]


def _stated(row: Row[tuple[str, str, str, str, str, datetime, bytes]]) -> Stated:
    return Stated(row.source, row.id, row.base, row.type, row.subject, row.time, row.data)


async def erase(session: AsyncSession, subject: str, erasure: str) -> None:
    """Delete the facts of an erased client, but for the facts of type `erasure`, which tell the others."""
    await session.execute(_ERASE, {"subject": subject, "but": erasure})


async def take(session: AsyncSession, most: int) -> Sequence[Outgoing]:
    """Take up to `most` facts off the outbox as records for the broker; rows that another relay holds are left."""
    return [
        Outgoing(FACTS.name, row.subject, row.data, headers_of(row))
        for row in await session.execute(_TAKE, {"most": most})
    ]


async def waiting(session: AsyncSession) -> int:
    """Return how many facts the broker has not confirmed."""
    return int((await session.execute(_WAITING)).scalar_one())


async def republish_from(session: AsyncSession, first: int, last: int = LAST_SEQ, authority: str = "*") -> int:
    """Queue again the facts numbered `first` to `last` and return how many.

    What got a lower number but was committed while `first` was being written is taken in too: somebody who had seen
    `first` may not have seen it.
    """
    found = await session.execute(_REPUBLISH, {"first": first, "last": last, "authority": authority})
    await session.execute(_WAKE, {"channel": CHANNEL})
    return int(found.scalar_one())


async def watermark(session: AsyncSession, until: datetime) -> Watermark:
    """Return the last journal number before `until`, which must have passed; it is final.

    Waits until no transaction that might still journal something earlier is open.
    """
    await enter_alone(session)
    last = (await session.execute(_LAST_BEFORE, {"until": until})).scalar() or 0
    return Watermark(last, published=await _first_waiting(session) > last)


async def published_up_to(session: AsyncSession) -> int:
    """Return the journal number up to which everything is on the topic, later commits of lower numbers aside."""
    last = int((await session.execute(_LAST)).scalar_one())
    return min(last, await _first_waiting(session) - 1)


async def _first_waiting(session: AsyncSession) -> int:
    found = (await session.execute(_FIRST_WAITING)).scalar()
    return LAST_SEQ if found is None else int(found)


async def checkpoint(session: AsyncSession, cluster: str, seq: int) -> None:
    """Note that on `cluster` every reading group has confirmed all facts up to `seq`."""
    await session.execute(_CHECKPOINT, {"cluster": cluster, "seq": seq})


async def last_checkpoint(session: AsyncSession) -> int:
    """Return the journal number of the last checkpoint; 0 where there is none."""
    return int((await session.execute(_LAST_CHECKPOINT)).scalar() or 0)
