"""The ledger of deliveries: what is to go through which channel, what went, what never will. Callers commit.

Its times are the database's own clock. A message is leased while it is sent: a sender that dies holds it no longer
than the lease, and then it goes out again under the same id (at least once).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

DELIVERIES_CHANNEL: Final = "askelma_notifier_deliveries"
"""Notified when messages wait to be delivered."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is to be told of one alert event; `body` never changes once written."""

    channel: str
    event: UUID
    client: str
    authority: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Leased:
    """A message to send now; `attempts` were made before."""

    channel: str
    event: UUID
    body: bytes
    attempts: int


async def enqueue(session: AsyncSession, messages: Sequence[Message]) -> None:
    """Put messages into the ledger; one that is there already stays as it is."""
    await session.execute(
        _ENQUEUE,
        {
            "channels": [message.channel for message in messages],
            "events": [str(message.event) for message in messages],
            "clients": [message.client for message in messages],
            "authorities": [message.authority for message in messages],
            "bodies": [message.body for message in messages],
        },
    )
    await session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": DELIVERIES_CHANNEL})


async def open_counts(session: AsyncSession, authorities: Collection[str]) -> dict[tuple[str, str], int]:
    """Return how many alerts are open, by authority and rule."""
    rows = await session.execute(_OPEN_COUNTS, {"authorities": list(authorities)})
    return {(row.authority, row.rule): row.number for row in rows}


async def lease(session: AsyncSession, channels: Collection[str], seconds: float, most: int) -> list[Leased]:
    """Take up to `most` messages that are due, for `seconds`; nobody else is given them meanwhile."""
    rows = await session.execute(_LEASE, {"channels": list(channels), "seconds": seconds, "most": most})
    return [Leased(row.channel, row.event, row.body, row.attempts) for row in rows]


async def finish(session: AsyncSession, leased: Leased, state: Literal["delivered", "dead"], reason: str) -> None:
    """Close an entry; `reason` says what the receiver answered."""
    await session.execute(
        _FINISH, {"channel": leased.channel, "event": str(leased.event), "state": state, "reason": reason}
    )


async def postpone(session: AsyncSession, leased: Leased, seconds: float, reason: str) -> None:
    """Note a failed attempt and when to try again."""
    await session.execute(
        _POSTPONE, {"channel": leased.channel, "event": str(leased.event), "seconds": seconds, "reason": reason}
    )


async def disable(session: AsyncSession, channel: str, address_sha256: str) -> None:
    """Stop using an address for good, and give up what waits for its channel."""
    await session.execute(_DISABLE, {"channel": channel, "address": address_sha256})
    await session.execute(_GIVE_UP, {"channel": channel})


async def disabled(session: AsyncSession) -> set[tuple[str, str]]:
    """Return the channels that were disabled, each with the digest of the address that it had."""
    rows = await session.execute(text("SELECT channel, address_sha256 FROM notifier.disabled_channel"))
    return {(row.channel, row.address_sha256) for row in rows}


async def waiting(session: AsyncSession) -> dict[str, int]:
    """Return how many messages wait, by channel."""
    rows = await session.execute(_WAITING)
    return {row.channel: row.number for row in rows}


_ENQUEUE: Final = text("""
    INSERT INTO notifier.delivery (channel, event, client, authority, body)
    SELECT channel, CAST(event AS uuid), client, authority, body
    FROM unnest(CAST(:channels AS text[]), CAST(:events AS text[]), CAST(:clients AS text[]),
                CAST(:authorities AS text[]), CAST(:bodies AS bytea[])) AS m(channel, event, client, authority, body)
    ON CONFLICT DO NOTHING
""")

_OPEN_COUNTS: Final = text("""
    SELECT authority, rule, count(*) AS number FROM notifier.alert
    WHERE open AND authority = ANY(:authorities) GROUP BY authority, rule
""")

_LEASE: Final = text("""
    UPDATE notifier.delivery SET next_at = now() + make_interval(secs => :seconds)
    WHERE (channel, event) IN (
        SELECT channel, event FROM notifier.delivery
        WHERE state = 'pending' AND next_at <= now() AND channel = ANY(:channels)
        ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    RETURNING channel, event, body, attempts
""")

_FINISH: Final = text("""
    UPDATE notifier.delivery
    SET state = :state, reason = :reason, attempts = attempts + 1, finished_at = now()
    WHERE channel = :channel AND event = CAST(:event AS uuid)
""")

_POSTPONE: Final = text("""
    UPDATE notifier.delivery
    SET attempts = attempts + 1, reason = :reason, next_at = now() + make_interval(secs => :seconds)
    WHERE channel = :channel AND event = CAST(:event AS uuid)
""")

_DISABLE: Final = text("""
    INSERT INTO notifier.disabled_channel (channel, address_sha256) VALUES (:channel, :address) ON CONFLICT DO NOTHING
""")

_GIVE_UP: Final = text("""
    UPDATE notifier.delivery SET state = 'dead', reason = 'the receiver is gone (410)', finished_at = now()
    WHERE channel = :channel AND state = 'pending'
""")

_WAITING: Final = text(
    "SELECT channel, count(*) AS number FROM notifier.delivery WHERE state = 'pending' GROUP BY channel"
)
