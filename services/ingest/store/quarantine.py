"""Refused items, sealed, until they expire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

LONGEST_BYTES: Final = 64 * 1024
"""What is kept of one item. An event of this size is no event; the beginning shows what it was meant to be."""

MOST_ITEMS: Final = 10_000
"""Items kept of one sender. Beyond them it is one mistake made again and again, and counting it is enough."""


@dataclass(frozen=True, slots=True)
class Item:
    """A refused item to keep: reason, field and its sealed bytes."""

    reason: str
    field: str | None
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """What an admin may see of a kept item: never its content."""

    number: int
    sender: str
    reason: str
    field: str | None
    received_at: datetime
    expires_at: datetime


_KEEP = text("""
    INSERT INTO ingest.quarantine (authority, sender, reason, field, received_at, expires_at, sealed)
    SELECT :authority, :sender, u.reason, u.field, :received_at, :expires_at, u.sealed
    FROM unnest(CAST(:reasons AS text[]), CAST(:fields AS text[]), CAST(:sealed AS bytea[]))
        AS u(reason, field, sealed)
    LIMIT GREATEST(0, :most - (SELECT count(*) FROM ingest.quarantine WHERE sender = :sender))
""")
_EXPIRE = text("DELETE FROM ingest.quarantine WHERE expires_at <= :now RETURNING 1")
_LIST = text("""
    SELECT number, sender, reason, field, received_at, expires_at FROM ingest.quarantine
    WHERE authority = :authority AND number < :before ORDER BY number DESC LIMIT :most
""")
_COUNT = text("SELECT count(*) FROM ingest.quarantine")


async def keep(  # noqa: PLR0913, PLR0917 - one argument for each column that all items share
    session: AsyncSession,
    authority: str,
    sender: str,
    received_at: datetime,
    expires_at: datetime,
    items: Sequence[Item],
) -> None:
    """Keep refused items of one sender, up to its bound."""
    await session.execute(
        _KEEP,
        {
            "authority": authority,
            "sender": sender,
            "received_at": received_at,
            "expires_at": expires_at,
            "reasons": [item.reason for item in items],
            "fields": [item.field for item in items],
            "sealed": [item.sealed for item in items],
            "most": MOST_ITEMS,
        },
    )


async def expire(session: AsyncSession, now: datetime) -> int:
    """Delete what has expired and return how much that was."""
    return len((await session.execute(_EXPIRE, {"now": now})).all())


async def listed(session: AsyncSession, authority: str, before: int, most: int) -> Sequence[Kept]:
    """Return kept items of an authority, newest first, numbered below `before`."""
    rows = await session.execute(_LIST, {"authority": authority, "before": before, "most": most})
    return [Kept(r.number, r.sender, r.reason, r.field, r.received_at, r.expires_at) for r in rows]


async def kept(session: AsyncSession) -> int:
    """Return how many items are kept."""
    return int((await session.execute(_COUNT)).scalar_one())
